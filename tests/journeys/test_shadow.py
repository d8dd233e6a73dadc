"""A candidate beside the panel: no estimate is kept, dates are counted at their time, the board gets a paper."""

import json

import pandas as pd
import pytest

DATES = ("2026-10-05", "2026-10-12")


@pytest.fixture
def before(quarter):
    """The workspace as it was before anybody signed."""
    quarter.without_sign_offs()
    return quarter


def start(quarter, *, rule="sanctions_2y >= 3", until="2026-11-02"):
    return quarter.do("shadow", "start", quarter.run, "--until", until, "--rule", rule)


def step(quarter, day):
    quarter.set_today(day)
    return quarter.do("shadow", "step", quarter.run, "--as-of", day)


def texts(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def people_of(quarter):
    scores = pd.read_parquet(quarter.workspace / "runs" / quarter.run / "scores.parquet")
    return set(scores["person_id"].astype(str))


def test_a_shadow_keeps_counts_and_no_estimate_and_ends_in_a_paper(before):
    old = texts(before.workspace)
    assert start(before).returncode == 0
    for day in DATES:
        ran = step(before, day)
        assert ran.returncode == 0, ran.stderr
    early = before.do("shadow", "close", before.run)
    assert early.returncode == 2 and "cannot be ended before" in early.stderr
    before.set_today("2026-11-02")
    ran = before.do("shadow", "close", before.run)
    assert ran.returncode == 0, ran.stderr
    new = {name: text for name, text in texts(before.workspace).items() if old.get(name) != text}
    log = {"desist.db", "desist.head", "partnership.toml", ".lock"}
    run = f"runs/{before.run}"
    kept = {f"shadows/{before.run}/{name}" for name in ("plan.json", *(f"steps/{day}.json" for day in DATES))}
    assert set(new) - log == {*kept, f"{run}/shadow.json", f"{run}/reports/go-live.html"}
    whole = b"".join(text for name, text in new.items() if name not in log)
    assert not any(person.encode() in whole for person in people_of(before))
    told = json.loads(new[f"{run}/shadow.json"])
    assert told["dates"] == list(DATES) and len(told["over_time"]) == 2
    page = new[f"{run}/reports/go-live.html"].decode()
    assert "sanctions_2y &gt;= 3" in page and "By ethnicity, on 12 October 2026" in page
    again = before.do("shadow", "close", before.run)
    assert again.returncode == 2 and "has ended" in again.stderr
    path = before.workspace / run / "shadow.json"
    assert "shadow.json" not in before.do("verify").stdout
    path.write_text(path.read_text(encoding="utf-8").replace("2026-10-12", "2026-10-19"), encoding="utf-8")
    assert "the log knows nothing of shadow.json" in before.do("verify").stdout
    assert "the log knows nothing of shadow.json" in before.do("release").stderr
    path.unlink()
    assert "shadow.json is gone" in before.do("verify").stdout
    assert "shadow.json is gone" in before.do("release").stderr


def test_a_shadow_is_begun_once_with_a_rule_the_register_knows(before):
    assert "no feature arrests" in start(before, rule="arrests >= 3").stderr
    assert "ends after today" in start(before, until="2026-10-01").stderr
    assert start(before, rule="").returncode == 0
    assert "begun already" in start(before).stderr


def test_a_count_that_was_changed_or_lost_stops_the_shadow(before):
    start(before)
    step(before, DATES[0])
    path = before.workspace / "shadows" / before.run / "steps" / f"{DATES[0]}.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"[c]"', '"50"'), encoding="utf-8")
    assert "changed or lost" in step(before, DATES[1]).stderr
    path.unlink()
    again = before.do("shadow", "step", before.run, "--as-of", DATES[1])
    assert "changed or lost" in again.stderr


def test_a_plan_that_was_changed_stops_the_shadow(before):
    start(before)
    path = before.workspace / "shadows" / before.run / "plan.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"bound": 3.0', '"bound": 9.0'), encoding="utf-8")
    assert "changed or lost" in step(before, DATES[0]).stderr


def test_another_candidate_cannot_take_the_sealed_ones_place(before):
    start(before)
    path = before.workspace / "runs" / before.run / "candidate" / "model.json"
    path.write_text(path.read_text(encoding="utf-8").replace("1", "2", 1), encoding="utf-8")
    ran = step(before, DATES[0])
    assert ran.returncode == 3 and "was changed after the trainer sealed it" in ran.stderr
