"""Time to a first proven reoffence with recall and custody: exact days, ties, what ends a row, and a plain judge."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desist.features.engines.facts import Facts, facts_of, histories
from desist.features.outcomes import ESCALATION, OUTCOMES, PROVEN_REOFFENDING, label_outcomes, time_to_first
from desist.records.errors import Refused

AS_OF = dt.date(2022, 4, 1)
LATE = dt.date(2026, 9, 1)
KNOWN = {"person_id": "A", "occurred_on": "2021-01-01"}
VIOLENT = OUTCOMES["violent_reoffending"]


def on(day):
    """The date of a day of follow-up; day 1 is the as-of date."""
    return (AS_OF + dt.timedelta(days=day - 1)).isoformat()


def offence(day, sanctioned=None, **changes):
    return {"person_id": "A", "occurred_on": on(day), "sanction_date": on(sanctioned or day)} | changes


def spell(day, last=None, kind=None, **changes):
    learnt = {"release": on(last), "release_recorded_on": on(last), "release_type": kind} if last is not None else {}
    return {"person_id": "A", "occurred_on": on(day)} | learnt | changes


def recall(day, **changes):
    return {"person_id": "A", "occurred_on": on(day), "type": "recall"} | changes


def discharged(day, why):
    return {"person_id": "A", "occurred_on": on(day - 50), "discharge_date": on(day), "discharge_reason": why,
            "discharge_recorded_on": on(day + 5)}  # fmt: skip


def first(history, known_by=LATE, definition=PROVEN_REOFFENDING, offences=(), spells=(), **tables):
    """(days, cause) of one person, or (days, why censored) where nothing happened."""
    events = history(pol_sanction=[KNOWN, *offences], pris_spell=list(spells), **tables)
    row = time_to_first(
        events, pd.DataFrame({"person_id": ["A"], "as_of": pd.to_datetime([AS_OF])}), known_by, definition
    )
    found = row.table.iloc[0]
    return found["days"], found["why_censored"] or found["cause"]


@pytest.mark.parametrize(
    ("day", "sanctioned", "found"),
    [(1, 1, (1, "reoffence")), (365, 547, (365, "reoffence")), (366, 366, (365, "end of follow-up")),
     (365, 548, (365, "end of follow-up")), (0, 5, (365, "end of follow-up"))],
)  # fmt: skip
def test_a_reoffence_is_one_that_the_label_counts(history, day, sanctioned, found):
    assert first(history, offences=[offence(day, sanctioned)]) == found


def test_the_first_of_several_counts(history):
    assert first(history, offences=[offence(90), offence(40), offence(200)]) == (40, "reoffence")
    assert first(history, offences=[offence(90)], spells=[spell(50, 80)]) == (50, "custody")
    assert first(history, spells=[spell(50)], prob_enforcement=[recall(49)]) == (49, "recall")


def test_on_one_day_the_reoffence_comes_first_then_recall_then_custody_then_death(history):
    same = {"spells": [spell(50)], "trt_episode": [discharged(50, "died")]}
    assert first(history, offences=[offence(50)], prob_enforcement=[recall(50)], **same) == (50, "reoffence")
    assert first(history, prob_enforcement=[recall(50)], **same) == (50, "recall")
    assert first(history, **same) == (50, "custody")
    assert first(history, trt_episode=[discharged(50, "died"), discharged(50, "moved_away")]) == (50, "death")


def test_a_breach_is_no_recall(history):
    assert first(history, prob_enforcement=[recall(50, type="breach")]) == (365, "end of follow-up")


def test_a_spell_that_ended_as_a_release_after_recall_began_with_one(history):
    assert first(history, spells=[spell(50, 90, "post_recall")]) == (50, "recall")
    assert first(history, spells=[spell(50, 90, "automatic")]) == (50, "custody")


@pytest.mark.parametrize("day", [0, 366])
def test_custody_before_day_1_or_after_the_last_day_is_no_event(history, day):
    assert first(history, spells=[spell(day, day + 3)]) == (365, "end of follow-up")


def test_custody_that_runs_on_does_not_begin_again(history):
    assert first(history, spells=[spell(-20, 30), spell(31, 60)]) == (365, "end of follow-up")
    assert first(history, spells=[spell(-20, 30), spell(32, 60)]) == (32, "custody")
    assert first(history, spells=[spell(-20), spell(31, 60)]) == (365, "end of follow-up")
    assert first(history, spells=[spell(-90, -80), spell(-50, -40), spell(50, 60)]) == (50, "custody")
    assert first(history, spells=[spell(-20, 100), spell(-10, 5), spell(50, 60)]) == (365, "end of follow-up")


def test_the_return_from_a_day_out_is_no_beginning(history):
    assert first(history, spells=[spell(-20, 30, "temporary"), spell(33, 60)]) == (365, "end of follow-up")


def test_somebody_in_custody_on_the_as_of_date_stays_in_the_table(history):
    events = history(pol_sanction=[KNOWN, offence(200)], pris_spell=[spell(-20, 30)])
    row = pd.DataFrame({"person_id": ["A"], "as_of": pd.to_datetime([AS_OF])})
    found = time_to_first(events, row, LATE).table.iloc[0]
    assert (found["days"], found["cause"], found["in_custody"]) == (200, "reoffence", 1)


@pytest.mark.parametrize(
    ("held", "then"),
    [(spell(0), 1), (spell(1), 0), (spell(-9, 0), 0), (spell(-9, 1), 1), (spell(0, recorded_on=on(1)), 0),
     (spell(-9, 0, release_recorded_on=on(1)), 1)],
)  # fmt: skip
def test_in_custody_is_asked_of_the_as_of_date_as_then_known(history, held, then):
    """The day of release still counts as held; what was recorded on the as-of date was not known on it."""
    known = held | ({"release_recorded_on": held.get("release_recorded_on", on(0))} if "release" in held else {})
    if held.get("release") == on(1):
        known["release_recorded_on"] = on(0)
    events = history(pol_sanction=[KNOWN], pris_spell=[known])
    row = pd.DataFrame({"person_id": ["A"], "as_of": pd.to_datetime([AS_OF])})
    assert time_to_first(events, row, LATE).table["in_custody"].tolist() == [then]


def test_death_and_moving_away_end_what_can_be_seen(history):
    assert first(history, offences=[offence(80)], trt_episode=[discharged(60, "died")]) == (60, "death")
    assert first(history, offences=[offence(40)], trt_episode=[discharged(60, "moved_away")]) == (40, "reoffence")
    assert first(history, trt_episode=[discharged(60, "dropped_out")]) == (365, "end of follow-up")
    assert first(history, trt_episode=[discharged(-5, "died")]) == (0, "death")
    assert first(history, trt_episode=[discharged(-5, "moved_away")]) == (365, "end of follow-up")


def test_a_day_is_seen_once_waiting_period_and_lag_are_over(history):
    """Day 100 is 9 July 2022; 182 + 30 days later, on 6 February 2023, it is not over yet; a day later it is."""
    then = AS_OF + dt.timedelta(days=100 + 182 + 30)
    assert first(history, then, offences=[offence(100)]) == (100, "reoffence")
    assert first(history, then - dt.timedelta(days=1), offences=[offence(100)]) == (99, "end of data")
    assert first(history, then, spells=[spell(101)]) == (100, "end of data")
    whole = PROVEN_REOFFENDING.matures_on(AS_OF)
    assert first(history, whole) == (365, "end of follow-up")
    assert first(history, whole - dt.timedelta(days=1)) == (364, "end of data")


def test_a_shortened_follow_up_waits_no_longer_than_its_own_waiting_period(history):
    """Of 100 days seen, an offence must be sanctioned by day 282, though it is recorded by then in any case."""
    then = AS_OF + dt.timedelta(days=100 + 182 + 30)
    assert first(history, then, offences=[offence(20, 282)]) == (20, "reoffence")
    assert first(history, then, offences=[offence(20, 283)]) == (100, "end of data")
    assert first(history, LATE, offences=[offence(20, 283)]) == (20, "reoffence")


def test_before_the_first_day_has_matured_the_row_is_missing(history):
    first_day = AS_OF + dt.timedelta(days=1 + 182 + 30)
    assert first(history, first_day) == (1, "end of data")
    events = history(pol_sanction=[KNOWN], pris_spell=[])
    row = pd.DataFrame({"person_id": ["A"], "as_of": pd.to_datetime([AS_OF])})
    found = time_to_first(events, row, first_day - dt.timedelta(days=1)).table.iloc[0]
    assert np.isnan(found["days"]) and found["cause"] == "" and found["why_censored"] == ""
    assert found["why_missing"] == f"not known before {first_day.isoformat()}"


def test_what_was_recorded_on_the_known_by_date_is_not_read(history):
    then = AS_OF + dt.timedelta(days=100 + 182 + 30)
    for recorded, found in ((0, (100, "end of data")), (-1, (50, "custody"))):
        stamp = (then + dt.timedelta(days=recorded)).isoformat()
        assert first(history, then, spells=[spell(50, recorded_on=stamp)]) == found


def test_an_old_prison_extract_ends_what_can_be_seen(history):
    cut = {"police": LATE, "prison": AS_OF + dt.timedelta(days=100 + 182 + 30 - 1)}
    assert first(history, offences=[offence(200)], snapshots=cut) == (100, "end of data")


def test_without_police_or_prison_records_nobody_can_tell_what_came_first(history, known_since):
    row = pd.DataFrame({"person_id": ["A", "B"], "as_of": pd.to_datetime([AS_OF] * 2)})
    unknown = time_to_first(history(pol_sanction=[KNOWN], pris_spell=[spell(9)]), row, LATE).table
    assert unknown["why_missing"].tolist() == ["", "police records are not shared"]
    no_prison = time_to_first(history(pol_sanction=[KNOWN, offence(9)]), row, LATE).table
    assert no_prison["why_missing"].iloc[0] == "prison records are not shared"
    assert no_prison["days"].isna().all() and np.isnan(no_prison["in_custody"].iloc[0])
    sentence = {"person_id": "A", "occurred_on": "2021-01-01", "conviction_date": "2021-02-01", "event_id": "1",
                "offence_code": "04600", "sentence_type": "COMMUNITY_ORDER", "recorded_on": "2021-02-02"}  # fmt: skip
    flagged = OUTCOMES["domestic_abuse_reoffending"]
    probation = time_to_first(history(prob_event=[sentence], pris_spell=[]), row, LATE, flagged).table
    assert probation["why_missing"].iloc[0] == "probation records do not tell these offences apart"


def test_the_sentence_says_what_competes_and_what_is_not_shared(history):
    row = pd.DataFrame({"person_id": ["A"], "as_of": pd.to_datetime([AS_OF])})
    without = time_to_first(history(pol_sanction=[KNOWN], pris_spell=[]), row, LATE)
    assert without.sentence.endswith("recalls are not shared and show as custody") and without.follow_up_days == 365
    assert "(version 1)" in without.sentence and "competing events" in without.sentence
    told = time_to_first(history(pol_sanction=[KNOWN], pris_spell=[], prob_enforcement=[]), row, LATE)
    assert "not shared" not in told.sentence


def test_an_outcome_of_some_people_only_is_refused(history):
    row = pd.DataFrame({"person_id": ["A"], "as_of": pd.to_datetime([AS_OF])})
    with pytest.raises(Refused, match="asked of some people only"):
        time_to_first(history(pol_sanction=[KNOWN]), row, LATE, ESCALATION)


# The plain judge


def plainly(events, person, as_of, known_by, definition):
    """One row worked out over plain records, day numbers and nothing else."""
    tables = ("offences", "custody", "enforcement", "treatment_episodes")
    history = next(histories(events, tables, [person]))[person]
    start, known = as_of.toordinal(), Facts(known_by.toordinal(), history, events.contracts, frozenset())
    observed = min(max(known_by.toordinal() - definition.data_lag_days - definition.waiting_days - start, 0),
                   definition.follow_up_days)  # fmt: skip
    then = facts_of(events, person, as_of, tables, history)
    if "offences" in then.unanswered or "custody" in then.unanswered or observed < 1:
        return None
    end = start + observed
    found = [(o["occurred_on"], 0, "reoffence") for o in known.seen("offences")
             if start <= o["occurred_on"] and o["sanction_date"] < end + definition.waiting_days
             and all(o[test.field] == 1 for test in definition.counts.conditions)]  # fmt: skip
    found += [(e["occurred_on"], 1, "recall") for e in known.seen("enforcement") if e["type"] == "recall"]
    held_until, day_out = None, False
    for spell_ in known.seen("custody"):
        begins = not day_out and (held_until is None or spell_["occurred_on"] > held_until + 1)
        if begins:
            found.append((spell_["occurred_on"], 2, "custody"))
        if begins and spell_["release_type"] == "post_recall":
            found.append((spell_["occurred_on"], 1, "recall"))
        last = 10**9 if spell_["release"] is None else spell_["release"]
        held_until = last if held_until is None else max(held_until, last)
        day_out = spell_["release_type"] == "temporary"
    for episode in known.seen("treatment_episodes"):
        if episode["discharge_reason"] == "died" and episode["discharge_date"] is not None:
            found.append((max(episode["discharge_date"], start - 1), 3, "death"))
        if episode["discharge_reason"] == "moved_away" and episode["discharge_date"] is not None:
            found.append((episode["discharge_date"], 4, "moved away"))
    happened = sorted(one for one in found if start <= one[0] < end or (one[2] == "death" and one[0] < end))
    ended = "end of data" if observed < definition.follow_up_days else "end of follow-up"
    return (happened[0][0] - start + 1, happened[0][2]) if happened else (observed, ended)


near = st.one_of(st.integers(-3, 4), st.sampled_from([98, 99, 100, 101, 364, 365, 366]), st.integers(-400, 420))
gap = st.one_of(st.integers(0, 3), st.integers(0, 250))
some = st.tuples(
    st.lists(st.tuples(st.sampled_from("AB"), near, gap, gap, st.sampled_from(["04600", "10501"])), max_size=5),
    st.lists(st.tuples(st.sampled_from("AB"), near, st.none() | gap, gap,
                       st.sampled_from(["automatic", "post_recall", "temporary"])), max_size=6),
    st.lists(st.tuples(st.sampled_from("AB"), near, gap, st.sampled_from(["recall", "breach"])), max_size=3),
    st.lists(st.tuples(st.sampled_from("AB"), near, gap, st.sampled_from(["died", "moved_away", "other"])), max_size=2),
    st.one_of(st.sampled_from([212, 213, 312, 577]), st.integers(0, 700)),
)  # fmt: skip


def drawn_events(history, offences, spells, enforced, episodes):
    return history(
        pol_sanction=[KNOWN, *({"person_id": who, "occurred_on": on(day), "sanction_date": on(day + sanction),
                                "recorded_on": on(day + sanction + late), "offence_code": code}
                               for who, day, sanction, late, code in offences)],
        pris_spell=[{"person_id": who, "occurred_on": on(day), "recorded_on": on(day + late)}
                    | ({} if held is None else {"release": on(day + held), "release_type": kind,
                                                "release_recorded_on": on(day + held + late)})
                    for who, day, held, late, kind in spells],
        prob_enforcement=[{"person_id": who, "occurred_on": on(day), "recorded_on": on(day + late), "type": kind}
                          for who, day, late, kind in enforced],
        trt_episode=[{"person_id": who, "occurred_on": on(day - 90), "discharge_date": on(day),
                      "discharge_reason": why, "discharge_recorded_on": on(day + late)}
                     for who, day, late, why in episodes],
    )  # fmt: skip


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=some)
def test_it_agrees_with_the_plain_way(history, drawn):
    agrees(history, drawn)


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=some)
def test_it_agrees_with_the_plain_way_on_many_histories(history, drawn):
    agrees(history, drawn)


def agrees(history, drawn):
    *facts, standing = drawn
    events, known_by = drawn_events(history, *facts), AS_OF + dt.timedelta(days=standing)
    days = [AS_OF, AS_OF + dt.timedelta(days=1), AS_OF - dt.timedelta(days=100)]
    rows = pd.DataFrame([(who, day) for who in "AB" for day in days], columns=["person_id", "as_of"])
    rows["as_of"] = pd.to_datetime(rows["as_of"])
    for definition in (PROVEN_REOFFENDING, VIOLENT):
        table = time_to_first(events, rows, known_by, definition).table
        labels = label_outcomes(events, rows, [definition], known_by).table[definition.name]
        for row, label in zip(table.itertuples(), labels, strict=True):
            asked = plainly(events, row.person_id, row.as_of.date(), known_by, definition)
            found = None if row.why_missing else (row.days, row.why_censored or row.cause)
            assert found == asked
            if not np.isnan(label) and not row.why_missing:
                assert row.cause != "reoffence" or label == 1
                assert row.why_censored != "end of follow-up" or label == 0
                assert row.observed_days == definition.follow_up_days
