"""Whole quarters in other made-up worlds: the same seed gives the same list, other worlds give other findings."""

import json
import re

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

#: What the board is asked about, and what it reads.
SEALED = ("audit", "scrutiny", "board", "model")


def run_file(folder, told, name):
    return folder / "runs" / told["run"]["run"] / name


def audit_of(folder, told):
    return json.loads(run_file(folder, told, "candidate/audit.json").read_text(encoding="utf-8"))


def group(audit, characteristic, name):
    return next(row for row in audit["tables"][characteristic] if row["group"] == name)


def page(folder):
    text = (folder / "reports" / "cases-to-review.html").read_text(encoding="utf-8")
    return re.sub(r"\s+", " ", text)


def test_two_demos_with_one_seed_give_the_same_scores_and_the_same_list_byte_for_byte(quarter_of):
    options = ("--people", 1200, "--seed", 3)
    one, other = quarter_of(*options), quarter_of(*options, again=1)
    assert one[1]["list"]["list"] == other[1]["list"]["list"]
    for name in ("scores.parquet", "metrics.json", *(f"candidate/{name}.json" for name in SEALED)):
        assert run_file(*one, name).read_bytes() == run_file(*other, name).read_bytes(), name
    for name in ("list.json", "scores.parquet"):
        mine, theirs = (folder / "lists" / told["list"]["list"] / name for folder, told in (one, other))
        assert mine.read_bytes() == theirs.read_bytes(), name
    assert page(one[0]) == page(other[0])


def test_another_seed_is_another_world(quarter_of):
    one, other = quarter_of("--people", 1200, "--seed", 3), quarter_of("--people", 1200, "--seed", 5)
    assert one[1]["list"]["list"] != other[1]["list"]["list"]
    assert one[1]["run"]["auc"] != other[1]["run"]["auc"]


def test_more_enforcement_in_a_community_shows_in_the_truth_and_the_audit_tells_the_recorded_rates(quarter_of):
    """Offending is the same in both worlds; what is recorded of it is not.

    The audit judges some hundred people, too few to show how much: it must tell the rates with their intervals.
    """
    worlds = {gap: quarter_of("--people", 3137, "--seed", 2, "--enforcement-gap", gap, evidence=True) for gap in (0, 2)}
    detected = {}
    for gap, (folder, told) in worlds.items():
        truth = folder.with_name("w-extracts") / "truth"
        offences, people = pd.read_parquet(truth / "offences.parquet"), pd.read_parquet(truth / "people.parquet")
        chance = offences.merge(people[["person", "group"]], on="person").groupby("group")
        share = chance["chance"].mean()
        detected[gap] = share["Black"] / share["White"]
        rate = group(audit_of(folder, told), "ethnicity", "Black")["measures"]["base_rate"]
        assert rate["low"] < rate["value"] < rate["high"] and 0 < rate["others"] < 1
    assert detected[0] == pytest.approx(1, abs=0.1)
    assert detected[2] > 1.5
