"""Whole quarters in other made-up worlds: the same seed gives the same list, other enforcement other records."""

import json
import re

import pandas as pd
import pytest

from desist.pipelines.demo import HISTORY_START
from desist.simulation.world import World
from desist.simulation.write import simulate

pytestmark = pytest.mark.slow

#: Extra chance of an offence to be noticed, in the communities that are policed more.
MORE = 2

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


def test_two_demos_with_one_seed_give_the_same_scores_and_the_same_list_byte_for_byte(
    finished_demo, demo_options, quarter_of
):
    folder, told, _ = finished_demo
    one, other = (folder / "w", told), quarter_of(*demo_options)
    assert one[1]["list"]["list"] == other[1]["list"]["list"]
    for name in ("scores.parquet", "metrics.json", *(f"candidate/{name}.json" for name in SEALED)):
        assert run_file(*one, name).read_bytes() == run_file(*other, name).read_bytes(), name
    for name in ("list.json", "scores.parquet"):
        mine, theirs = (folder / "lists" / told["list"]["list"] / name for folder, told in (one, other))
        assert mine.read_bytes() == theirs.read_bytes(), name
    assert page(one[0]) == page(other[0])


def test_more_enforcement_in_a_community_shows_in_the_truth_and_the_audit_tells_recorded_rates(quarter_of, tmp_path):
    """Offending is the same in both worlds; what is recorded of it is not.

    The audit judges some hundred people, too few to show how much: it must tell the rates with their intervals.
    """
    folder, told = quarter_of("--people", 3137, "--seed", 2, "--enforcement-gap", MORE, evidence=True)
    rate = group(audit_of(folder, told), "ethnicity", "Black")["measures"]["base_rate"]
    assert rate["low"] < rate["value"] < rate["high"] and 0 < rate["others"] < 1
    simulate(tmp_path, people=3137, seed=2, world=World(enforcement_gap=0), history_start=HISTORY_START)
    assert detected(tmp_path) == pytest.approx(1, abs=0.1)
    assert detected(folder.with_name("w-extracts")) > 1.5


def detected(extracts):
    """How much surer an offence of a Black person is to come to the police's notice than one of a White person."""
    offences, people = (pd.read_parquet(extracts / "truth" / f"{name}.parquet") for name in ("offences", "people"))
    by_group = offences.merge(people[["person", "group"]], on="person").groupby("group")["chance"].mean()
    return by_group["Black"] / by_group["White"]
