"""What a run shows of time to the first reoffence: on the judges' rows, past ones, and nothing of small counts."""

import datetime as dt
import json
import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from desist.fairness.policy import CutOffs
from desist.features.outcomes import ESCALATION, PROVEN_REOFFENDING
from desist.features.outcomes.time_to import TimesToFirst
from desist.features.tables import FeatureInfo, FeatureSet
from desist.measures.disclosure import PARTNERSHIP
from desist.models.over_time.incidence import cumulative_incidence
from desist.pipelines import over_time as module
from desist.pipelines.over_time import OverTime, over_time

FEATURES = FeatureSet((FeatureInfo("sanctions", sign=1), FeatureInfo("kept", sign=-1)))
STEPS_PART_AT = CutOffs(steps=(0.25, 0.5, 0.75), selection=0.5, consequence="supportive")
FIRST_AUDITED, AS_OF = dt.date(2024, 4, 1), dt.date(2026, 10, 1)
DATES = [dt.date(2021, 4, 1), dt.date(2021, 10, 1), dt.date(2024, 4, 1), dt.date(2024, 10, 1)]


def rows_of(dates, people, prefix, seed):
    """Made-up rows; score, features and what came first hang together."""
    draw = np.random.default_rng(seed)
    made = []
    for date in dates:
        score = draw.random(people)
        when = np.ceil(draw.exponential(365 / (0.1 + 1.5 * score)))
        other = np.ceil(draw.exponential(365 / 0.15, people))
        days = np.minimum(np.minimum(when, other), 365)
        cause = np.select([days == 365, when <= other], ["censored", "reoffence"], "custody")
        made.append(
            pd.DataFrame(
                {
                    "person_id": [f"{prefix}{number}" for number in range(people)],
                    "as_of": pd.Timestamp(date),
                    "sanctions": np.round(8 * score),
                    "kept": draw.random(people),
                    "score": score,
                    "days": days,
                    "cause": cause,
                }
            )
        )
    return pd.concat(made, ignore_index=True)


@pytest.fixture
def run(monkeypatch):
    """A run's parts, made anew."""
    return made_up_run(monkeypatch)


@pytest.fixture(scope="module")
def usual():
    """A run as it usually is and what is shown of it, worked out once."""
    with pytest.MonkeyPatch.context() as patch:
        parts = made_up_run(patch)
        return parts, shown(parts)


def made_up_run(patch):
    """``asked`` notes with which rows and until when first events were looked up; ``changed`` alters what was found."""
    learnt, judging = rows_of(DATES[:2], 220, "L", 1), rows_of(DATES[2:], 150, "J", 2)
    truth = pd.concat([learnt, judging]).set_index(["person_id", "as_of"])
    asked, changed = [], {}

    def time_to_first(events, rows, known_by, definition):
        asked.append((set(rows["person_id"].str[0]), known_by, definition))
        told = truth.loc[pd.MultiIndex.from_frame(rows[["person_id", "as_of"]]), ["days", "cause"]].reset_index()
        extra = {"why_censored": "", "observed_days": 365, "in_custody": 0.0, "why_missing": ""}
        return TimesToFirst(told.assign(**{**extra, **changed}), "days to the first thing", 365)

    patch.setattr(module, "time_to_first", time_to_first)
    columns = ["person_id", "as_of", "sanctions", "kept"]
    training = SimpleNamespace(
        learnt=learnt[columns],
        judging=judging[columns],
        apart=SimpleNamespace(audited_from=FIRST_AUDITED),
        definition=PROVEN_REOFFENDING,
    )
    ground = SimpleNamespace(events=None, register=SimpleNamespace(feature_set=lambda: FEATURES))
    session = SimpleNamespace(settings=SimpleNamespace(seed=3, replicates=100, data_lag_days=0))
    audited = judging[["person_id", "as_of", "score"]]
    return SimpleNamespace(
        session=session,
        ground=ground,
        training=training,
        audited=audited,
        judging=judging,
        asked=asked,
        changed=changed,
    )


def shown(run, **changed):
    parts = {"session": run.session, "ground": run.ground, "training": run.training, "audited": run.audited, **changed}
    return over_time(*parts.values(), STEPS_PART_AT, as_of=AS_OF)


def test_the_hazard_learns_from_those_who_teach_and_is_held_against_those_who_judge(usual):
    run, found = usual
    assert run.asked == [({"L"}, FIRST_AUDITED, PROVEN_REOFFENDING), ({"J"}, AS_OF, PROVEN_REOFFENDING)]
    assert found.learnt_rows == 440 and found.judged_rows == 300 and found.judged_people == 150
    assert found.dates == ("2024-04-01", "2024-10-01") and found.why_none == ""
    assert "days to the first thing" in found.says and "no estimate about anybody on today's list" in found.says


def test_each_steps_observed_curve_is_that_of_its_rows_to_the_rounding_of_a_count(usual):
    run, found = usual
    rows = run.judging[(run.judging["score"] >= 0.5) & (run.judging["score"] < 0.75)]
    plain = cumulative_incidence(rows["days"], rows["cause"], months=12, of=("reoffence", "recall", "custody"))
    people = rows["person_id"].nunique()
    months = [point for point in found.points if point.step == 3 and point.cause == "reoffence"]
    assert [point.month for point in months] == list(range(13))
    for point, share in zip(months[3:], plain["reoffence"].to_numpy()[3:], strict=True):
        counted = 5 * round(share * people / 5)  # partnership counts are rounded to five
        assert point.observed == round(counted / people, 2)
        assert point.low <= point.observed <= point.high
    last = {point.step: point for point in found.rows if point.month == 12 and point.cause == "reoffence"}
    assert last[1].observed < last[2].observed < last[3].observed < last[4].observed
    assert all(abs(last[step].predicted - last[step].observed) < 0.15 for step in last)
    assert {point.month for point in found.rows} == {3, 6, 9, 12}


def test_shares_of_so_few_people_are_not_shown_and_the_figure_draws_what_the_table_has(usual):
    run, found = usual
    for point in found.points:
        rows = run.judging[np.ceil((run.judging["score"] + 1e-12) * 4) == point.step]
        end = point.month * 365 // 12
        so_far = rows[(rows["cause"] == point.cause) & (rows["days"] <= end)]["person_id"].nunique()
        assert (point.observed is None) == (0 < so_far < PARTNERSHIP.hide_below)
        if point.observed is not None:
            assert point.observed == round(point.observed, 2)
    hidden = [point for point in found.points if point.observed is None]
    assert hidden and all(point.low is None and point.high is None for point in hidden)
    assert {step: int(count) % 5 for step, count in found.people.items()} == dict.fromkeys(found.people, 0)


def test_a_step_with_fewer_people_than_a_statistic_needs_has_no_curve(run):
    """Nine people at step 4: the count is hidden by rounding alone, and nothing is drawn of them."""
    audited = run.audited.assign(score=run.audited["score"].clip(upper=0.7))
    top = audited["person_id"].isin([f"J{number}" for number in range(9)])
    audited.loc[top, "score"] = 0.9
    found = shown(run, audited=audited)
    assert {point.step for point in found.points} == {1, 2, 3}
    audited.loc[audited["person_id"].eq("J9"), "score"] = 0.9
    assert {point.step for point in shown(run, audited=audited).points} == {1, 2, 3, 4}


def test_only_rows_whose_whole_follow_up_is_known_are_shown_and_the_others_are_counted(run):
    run.changed["observed_days"] = 364
    found = shown(run)
    assert found.points == () and found.left_out == {"follow-up not over": 300}
    assert found.why_none == "the follow-up of no audited row is known" and found.figure() is None
    run.changed.update(observed_days=365, why_missing="prison data is not shared")
    assert shown(run).left_out == {"prison data is not shared": 300}


def test_a_run_goes_on_where_the_hazard_has_nothing_to_learn_from(run):
    run.training.learnt = run.training.learnt.head(0)
    found = shown(run)
    assert found.why_none and found.points == () and found.measures == {}
    assert json.loads(json.dumps(found.to_json()))["why_none"] == found.why_none


def test_an_outcome_that_only_some_can_have_is_shown_by_proven_reoffending(run):
    run.training.definition = ESCALATION
    shown(run)
    assert {definition.name for _, _, definition in run.asked} == {PROVEN_REOFFENDING.name}


def test_measures_have_intervals_and_a_hazard_that_tells_people_apart_beats_one_curve(usual):
    measures = usual[1].measures
    for measured in measures.values():
        assert measured.low < measured.value < measured.high
    assert measures["concordance_hazard"].value > 0.6 and measures["concordance_released_score"].value > 0.6
    assert measures["integrated_brier_hazard"].value < measures["integrated_brier_one_curve"].value


def test_levels_are_those_of_the_last_date_learnt_from_as_the_files_are():
    """On the last of three dates half as much happened: the curves have its height, not that of all."""
    rows = rows_of([*DATES[:2], dt.date(2022, 4, 1)], 300, "L", 5)
    last = rows["as_of"] == rows["as_of"].max()
    spared = last & (np.random.default_rng(1).random(len(rows)) < 0.5)
    rows.loc[spared, ["days", "cause"]] = [365.0, "censored"]
    curve = module._fit(FEATURES, rows, 0).curves(rows[last]).mean()
    share = (rows.loc[last, "cause"] == "reoffence").mean()
    assert curve["reoffence"].iloc[-1] == pytest.approx(share, abs=0.02)
    assert (rows["cause"] == "reoffence").mean() > share + 0.1


def test_who_was_followed_to_the_end_counts_as_free_at_it(usual):
    """Nobody is lost before day 365 here: the Brier score of one curve is the plain mean square, month 12 included."""
    run, found = usual
    learnt = rows_of(DATES[:2], 220, "L", 1)
    of = ("reoffence", "recall", "custody")
    curve = cumulative_incidence(learnt["days"], learnt["cause"], months=12, of=of)
    days, shares = curve["day"].to_numpy()[1:], curve["reoffence"].to_numpy()[1:]
    rows = run.judging
    square = [
        np.mean((((rows["cause"] == "reoffence") & (rows["days"] <= day)) - share) ** 2)
        for day, share in zip(days, shares, strict=True)
    ]
    by_hand = np.trapezoid(square, days) / (days[-1] - days[0])
    assert found.measures["integrated_brier_one_curve"].value == pytest.approx(by_hand, abs=1e-6)


def test_the_same_run_gives_the_same_json_and_the_same_figure_byte_for_byte(run, usual):
    first, second = usual[1], shown(run)
    assert isinstance(first, OverTime)
    assert json.dumps(first.to_json()) == json.dumps(second.to_json())
    figure = first.figure()
    assert figure == second.figure()
    assert ElementTree.fromstring(figure).tag.endswith("svg") and b"<script" not in figure
    assert b"step 1 (" in figure and b"proven reoffence, predicted" in figure
