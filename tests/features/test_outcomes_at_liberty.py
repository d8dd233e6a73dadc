"""Months of follow-up at liberty: where they end, what is known at their start, and that nobody is dropped."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from desist.features.engines.reference import build_profiles
from desist.features.language import count
from desist.features.outcomes import ESCALATION, OUTCOMES, PROVEN_REOFFENDING, person_months
from desist.features.register import Feature, Register
from desist.features.tables import Profiles
from desist.features.vocabulary import offences
from desist.records.errors import Refused

AS_OF = dt.date(2022, 4, 1)
LATE = dt.date(2026, 9, 1)
KNOWN = {"person_id": "A", "occurred_on": "2021-01-01"}


def on(day):
    """The date of a day of follow-up; day 1 is the as-of date. Month 1 ends on day 30, 2 on 60, 3 on 91, 12 on 365."""
    return (AS_OF + dt.timedelta(days=day - 1)).isoformat()


def offence(day, **changes):
    return {"person_id": "A", "occurred_on": on(day)} | changes


def spell(day, last=None, **changes):
    learnt = {"release": on(last), "release_recorded_on": on(last)} if last is not None else {}
    return {"person_id": "A", "occurred_on": on(day)} | learnt | changes


def discharged(day, why):
    return {"person_id": "A", "occurred_on": on(day - 50), "discharge_date": on(day), "discharge_reason": why,
            "discharge_recorded_on": on(day)}  # fmt: skip


def nothing_known(rows):
    return Profiles(rows.assign(nothing=np.nan), ("nothing",), "none")


def row(*days):
    return pd.DataFrame({"person_id": "A", "as_of": pd.to_datetime([on(day) for day in days or (1,)])})


def months(history, known_by=LATE, spells=(), offences=(), **tables):
    """How many months one person has, and whether at liberty and reoffended in the last of them."""
    events = history(pol_sanction=[KNOWN, *offences], pris_spell=list(spells), **tables)
    found = person_months(events, row(), known_by, nothing_known).table
    assert found["month"].tolist() == list(range(1, len(found) + 1))
    assert (found["at_liberty"].iloc[:-1] == 1).all() and (found["reoffended"].iloc[:-1] == 0).all()
    return (len(found), *found[["at_liberty", "reoffended"]].iloc[-1].tolist()) if len(found) else (0,)


def test_nothing_happened_for_twelve_months(history):
    assert months(history) == (12, 1, 0)


@pytest.mark.parametrize(("day", "found"), [(1, 1), (30, 1), (31, 2), (60, 2), (61, 3), (365, 12)])
def test_a_reoffence_ends_the_months_in_its_own(history, day, found):
    assert months(history, offences=[offence(day)]) == (found, 1, 1)


@pytest.mark.parametrize("day", [0, 366])
def test_an_offence_outside_the_follow_up_is_none(history, day):
    assert months(history, offences=[offence(day)]) == (12, 1, 0)


@pytest.mark.parametrize(("day", "found"), [(1, 1), (30, 1), (31, 2), (365, 12)])
def test_custody_ends_the_months_in_its_own_and_says_nothing_of_reoffending(history, day, found):
    length, free, reoffended = months(history, spells=[spell(day, day + 3)])
    assert (length, free) == (found, 0) and np.isnan(reoffended)


@pytest.mark.parametrize(("held_from", "found"), [(39, (2, 0)), (40, (2, 1)), (41, (2, 1))])
def test_on_one_day_and_in_one_month_the_reoffence_counts_unless_custody_came_before(history, held_from, found):
    assert months(history, offences=[offence(40)], spells=[spell(held_from)])[:2] == found


@pytest.mark.parametrize(
    ("held", "found"),
    [(spell(-9, 1), (1, 0)), (spell(-9, 0), (12, 1)), (spell(-9), (1, 0)), (spell(-9, 3, recorded_on=on(20)), (1, 0))],
)
def test_people_already_held_are_not_at_liberty_in_month_1_and_are_not_dropped(history, held, found):
    """As known by the day we stand on, since this is what happened; the day of release is still held."""
    assert months(history, spells=[held])[:2] == found


def test_an_earlier_long_spell_still_holds_after_a_later_short_one_has_ended(history):
    assert months(history, spells=[spell(-90, 5), spell(-50, -20)])[:2] == (1, 0)
    assert months(history, spells=[spell(-90, -80), spell(-50, -20)])[:2] == (12, 1)


def test_somebody_out_of_sight_has_only_the_months_that_were_seen(history):
    assert months(history, trt_episode=[discharged(61, "died")]) == (2, 1, 0)
    assert months(history, trt_episode=[discharged(60, "died")]) == (1, 1, 0)
    assert months(history, trt_episode=[discharged(62, "died")], offences=[offence(62)]) == (3, 1, 1)
    assert months(history, trt_episode=[discharged(62, "died")], offences=[offence(63)]) == (2, 1, 0)
    assert months(history, trt_episode=[discharged(-3, "died")]) == (0,)
    assert months(history, trt_episode=[discharged(-3, "moved_away")]) == (12, 1, 0)


def test_rows_that_have_not_matured_wholly_have_no_months(history):
    matures = PROVEN_REOFFENDING.matures_on(AS_OF)
    assert months(history, matures) == (12, 1, 0)
    events = history(pol_sanction=[KNOWN], pris_spell=[])
    found = person_months(events, row(1, 5), matures, nothing_known)
    assert found.table["as_of"].nunique() == 1
    assert found.not_known["why_missing"].tolist() == [f"not known before {matures + dt.timedelta(days=4)}"]
    no_prison = person_months(history(pol_sanction=[KNOWN]), row(), LATE, nothing_known)
    assert no_prison.table.empty and no_prison.not_known["why_missing"].tolist() == ["prison records are not shared"]


def test_features_are_what_was_known_before_each_months_start(history):
    """An offence recorded on day 31, the start of month 2, is not known on it: from month 3 on it is."""
    recent = Feature(
        "offences_2y",
        count(offences, within="2y"),
        "sanctions",
        "Linked with reoffending in studies.",
        "{value}",
        "{value}",
    )
    register = Register((recent,))
    late = {"person_id": "A", "occurred_on": on(-40), "sanction_date": on(-30)}
    for recorded, known in ((30, [1, 2, 2]), (31, [1, 1, 2]), (60, [1, 1, 2]), (61, [1, 1, 1])):
        events = history(pol_sanction=[KNOWN, late | {"recorded_on": on(recorded)}], pris_spell=[])
        found = person_months(events, row(), LATE, lambda rows, e=events: build_profiles(e, rows, register))
        assert found.table["offences_2y"].iloc[:3].tolist() == known and found.features == ("offences_2y",)
        assert found.table["month_start"].iloc[:4].dt.date.astype(str).tolist() == [on(1), on(31), on(61), on(92)]


def test_profiles_made_before_serve_as_well_and_a_missing_one_is_refused(history):
    events, asked = history(pol_sanction=[KNOWN], pris_spell=[]), []

    def make(rows):
        asked.append(rows)
        return Profiles(rows.assign(x=np.arange(len(rows), dtype=float)), ("x",), "none")

    one = person_months(events, row(1, 31), LATE, make)
    assert len(asked[0]) == 17  # seven of twelve months begin on one day for both rows: each day is asked once
    again = person_months(events, row(1, 31), LATE, make(asked[0]))
    pd.testing.assert_frame_equal(one.table, again.table)
    lacking = make(asked[0].iloc[:-1])
    with pytest.raises(Refused, match="1 of 17 starts of months have no profile"):
        person_months(events, row(1, 31), LATE, lacking)


def test_two_years_are_twenty_four_months_and_escalation_is_refused(history):
    events = history(pol_sanction=[KNOWN], pris_spell=[])
    two = person_months(events, row(), LATE, nothing_known, definition=OUTCOMES["proven_reoffending_24m"])
    assert two.months == len(two.table) == 24 and "24 months from the as-of date" in two.sentence
    with pytest.raises(Refused, match="everybody"):
        person_months(events, row(), LATE, nothing_known, definition=ESCALATION)
