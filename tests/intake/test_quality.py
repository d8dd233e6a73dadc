"""Figures of each extract: what is empty, late, wrong and how much there is; kept from quarter to quarter."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desist.intake.reading import quality
from desist.intake.reading.quality import (
    CODE,
    DATE,
    DUPLICATES,
    MISSING,
    NEVER,
    PERSON,
    REFERENCE,
    UNREADABLE,
    VALUE,
    Changed,
    Look,
    TableQuality,
    add_figures,
    changed_since,
    figures_of,
    kind_of,
    table_qualities,
    what_to_look_at,
)
from desist.intake.rows.checks import REFUSED_ROWS
from desist.intake.terms.contracts import CONTRACTS

CUT = dt.date(2026, 9, 30)
CONTACT = CONTRACTS["prob_contact"]
SENT = ("agency_person", "occurred_on", "recorded_on", "attended")


def contacts(rows):
    """occurred_on, recorded_on and attended of so many rows."""
    table = pd.DataFrame(rows, columns=["occurred_on", "recorded_on", "attended"])
    dates = {
        name: pa.array(pd.to_datetime(table[name]).to_numpy().astype("datetime64[us]"))
        for name in ("occurred_on", "recorded_on")
    }
    people = pa.array(["P1"] * len(table), pa.string())
    attended = pa.array([row[2] for row in rows], pa.string()).dictionary_encode()
    return pa.table({"agency_person": people, **dates, "attended": attended})


def counted(rows, cut=CUT):
    return figures_of(contacts(rows), CONTACT, SENT, cut)


# --- counted while reading


def test_empty_cells_are_counted_by_column_and_unsent_columns_are_not():
    found = counted([("2026-09-01", "2026-09-01", None), ("2026-09-02", "2026-09-02", "attended")])
    assert found["missing"] == {"agency_person": 0, "occurred_on": 0, "recorded_on": 0, "attended": 1}


@pytest.mark.parametrize(
    ("days", "bucket"),
    [(-3, 0), (0, 0), (1, 1), (7, 1), (8, 2), (30, 2), (31, 3), (90, 3), (91, 4), (365, 4), (366, 5)],
)
def test_lateness_is_the_days_from_event_to_recording(days, bucket):
    recorded = dt.date(2026, 9, 1) + dt.timedelta(days=days)
    late = counted([("2026-09-01", recorded.isoformat(), None)], cut=dt.date(2027, 12, 31))["lateness"]
    assert late.index(1) == bucket and sum(late) == 1


def test_a_quarter_is_thirteen_weeks_back_from_the_extract_by_the_day_of_recording():
    first_of_newest = CUT - dt.timedelta(days=90)
    rows = [(day, day, None) for day in (CUT, first_of_newest, first_of_newest - dt.timedelta(days=1))]
    rows += [(CUT - dt.timedelta(days=91 * 5), CUT - dt.timedelta(days=91 * 5), None)]
    rows += [("2020-01-01", CUT, None)]
    assert counted(rows)["quarters"] == [3, 1, 0, 0, 0]


def test_months_hold_events_up_to_the_extract_and_no_plan():
    found = counted([("2026-09-30", "2026-09-30", None), ("2026-10-01", "2026-09-30", None),
                     ("2026-08-31", "2026-09-30", None), ("2024-06-30", "2026-09-30", None),
                     ("2024-07-01", "2026-09-30", None)])  # fmt: skip
    assert found["months"] == {"2024-07": 1, "2026-08": 1, "2026-09": 1}
    assert (found["last_event"], found["last_recorded"]) == ("2026-09-30", "2026-09-30")


def test_a_table_without_events_or_rows_has_rows_and_gaps_alone():
    assert counted([]) == {"form": 1, "rows": 0, "missing": dict.fromkeys(SENT, 0)}
    person = pa.table({"agency_person": ["P1"], "lao": [True]})
    found = figures_of(person, CONTRACTS["prob_person"], ("agency_person", "lao"), CUT)
    assert found == {"form": 1, "rows": 1, "missing": {"agency_person": 0, "lao": 0}}


days = st.dates(dt.date(2024, 1, 1), CUT)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(days, days, st.sampled_from([None, "attended"])), min_size=1, max_size=8),
       st.integers(0, 8))  # fmt: skip
def test_figures_of_two_parts_are_those_of_the_whole(rows, split):
    assert add_figures(counted(rows[:split]), counted(rows[split:])) == counted(rows)


def test_reading_in_small_pieces_counts_the_same(monkeypatch):
    rows = [(f"2026-0{1 + n % 9}-15", f"2026-0{1 + n % 9}-20", None) for n in range(17)]
    whole = counted(rows)
    monkeypatch.setattr("desist.intake.rows.stream.ROWS_AT_A_TIME", 4)
    assert counted(rows) == whole


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        *((reason, NEVER) for reason in REFUSED_ROWS),
        ("repeats the key of an earlier row", DUPLICATES),
        ("repeats an earlier row in full", DUPLICATES),
        ("agency_person is not in the agency's identity table", PERSON),
        ("belongs to another person's prob_event", REFERENCE),
        ("refers to a row of prob_event that is in quarantine", REFERENCE),
        ("refers to no row of prob_event", REFERENCE),
        ("offence_code is not a code of five digits", CODE),
        ("sanction_type holds a code that is not on its list", CODE),
        ("offence_code is empty", MISSING),
        ("has another number of cells than the header", UNREADABLE),
        ("has a quotation mark that does not close", UNREADABLE),
        ("has a cell longer than 200 characters", UNREADABLE),
        ("sanction_date is written day first, not YYYY-MM-DD", DATE),
        ("sanction_date is not a date YYYY-MM-DD", DATE),
        ("sanction_date is not a day of the calendar", DATE),
        ("occurred_on is before 1900", DATE),
        ("occurred_on lies after its recorded_on", DATE),
        ("terminated has no terminated_recorded_on", DATE),
        ("count is outside the range that the contract allows", VALUE),
        ("count is not a whole number", VALUE),
        ("da_flag is not true or false", VALUE),
        ("disposal holds a control character", VALUE),
        ("refers to no row of prob_event that is held", REFERENCE),
        # as mappings say them of rows that they can make nothing of
        ("dob is one of Excel's own dates, not YYYY-MM-DD", DATE),
        ("dob has a year of two digits", DATE),
        ("says something else than an earlier row about the same person", REFERENCE),
        ("says something else than another row about the same person", REFERENCE),
        ("ends what no row before it began", REFERENCE),
        ("is of a kind that the mapping names for no table", CODE),
        ("is neither a beginning nor an end", CODE),
        ("score holds a formula", VALUE),
    ],
)
def test_every_reason_belongs_to_a_kind(reason, kind):
    assert kind_of(reason) == kind


# --- kept from extract to extract


def read(partnership, cut, rows, people=30):
    """One police extract with so many sanctions, one a person and day."""
    partnership.cut = cut
    partnership.tables = {}
    for number in range(people):
        partnership.identity("police", f"N{number}")
    for number in range(rows):
        day = (cut - dt.timedelta(days=number % 400)).isoformat()
        partnership.row("police", "pol_sanction", agency_person=f"N{number % people}", offence_code="04600",
                        occurred_on=day, recorded_on=day, sanction_date=day, sanction_type="conviction",
                        disposal=f"d{number}" if number % 2 else "")  # fmt: skip
    return partnership.read(today=dt.date(2026, 10, 1))


def sanctions_of(partnership):
    return next(one for one in table_qualities(partnership.store) if one.table == "pol_sanction")


def test_figures_of_earlier_extracts_stay_when_the_extract_itself_is_removed(partnership):
    read(partnership, dt.date(2026, 6, 30), 40)
    read(partnership, CUT, 44)
    store = partnership.store
    manifest = store.manifest()
    manifest["extracts"] = {key: history[:1] for key, history in manifest["extracts"].items()}
    store.commit(manifest, because="retention")
    found = sanctions_of(partnership)
    assert (found.accepted, found.figures["rows"], found.missing("disposal")) == (44, 44, 22)
    [before] = found.before
    assert (before["extract_date"], before["accepted"], before["figures"]["rows"]) == ("2026-06-30", 40, 40)


def test_an_extract_of_the_same_day_takes_the_place_of_the_firsts_figures(partnership):
    read(partnership, CUT, 40)
    read(partnership, CUT, 44)
    found = sanctions_of(partnership)
    assert found.accepted == 44 and found.before == ()


def test_figures_are_kept_of_so_many_extracts_and_no_more(partnership, monkeypatch):
    monkeypatch.setattr(quality, "EXTRACTS_KEPT", 2)
    for day in (28, 29, 30):
        read(partnership, dt.date(2026, 9, day), 5)
    assert [one["extract_date"] for one in partnership.store.manifest()["figures"]["police/pol_sanction"]] == [
        "2026-09-30", "2026-09-29",
    ]  # fmt: skip


def test_figures_hold_no_value_of_any_person(probation):
    probation.row("probation", "equality", agency_person="P1", sex="F", ethnicity_self="W1", home_ward="Loxford")
    probation.read()
    words = str(probation.store.manifest()["figures"])
    assert not any(word in words for word in ("Madeup", "1990-05-17", "Loxford", "W1", "P1"))
    [found] = [one for one in table_qualities(probation.store) if one.table == "equality"]
    assert (found.missing("religion"), found.missing("ethnicity_self")) == (1, 0)


def test_corrected_rows_count_with_their_extract(partnership):
    from tests.intake.quarantine_kit import correct, sanction

    partnership.identity("police", "N1")
    for fault in ("", "x"):
        partnership.row("police", "pol_sanction", agency_person="N1", offence_code="04600", count=fault,
                        sanction_date="2025-03-02", sanction_type="conviction")  # fmt: skip
    partnership.read()
    assert sanctions_of(partnership).waits == {VALUE: 1}
    correct(partnership, [sanction(3)])
    found = sanctions_of(partnership)
    assert (found.read, found.accepted, found.corrected, dict(found.waits)) == (2, 2, 1, {})
    assert found.figures["rows"] == 2 and sum(found.figures["lateness"]) == 2


def test_an_extract_read_before_figures_were_kept_still_has_its_counts(partnership):
    read(partnership, CUT, 40)
    store = partnership.store
    manifest = store.manifest()
    del manifest["figures"]
    store.commit(manifest, because="an older desist")
    found = sanctions_of(partnership)
    assert found.accepted == 40 and found.figures == {} and what_to_look_at([found]) == ()


def test_figures_that_another_desist_wrote_otherwise_are_not_compared(partnership, monkeypatch):
    read(partnership, dt.date(2026, 6, 30), 40)
    monkeypatch.setattr(quality, "FORM", 2)
    read(partnership, CUT, 44)
    found = sanctions_of(partnership)
    assert found.before == () and found.figures["rows"] == 44


def test_a_report_that_does_not_add_up_cannot_be_made():
    with pytest.raises(ValueError, match="rows read are not those"):
        table(read=3, accepted=1, waits={MISSING: 1})


# --- what to ask about


def table(read=None, accepted=100, waits=None, figures=None, before=()):
    waits = waits or {}
    read = accepted + sum(waits.values()) if read is None else read
    return TableQuality("police", "pol_sanction", CUT, read, accepted, 0, waits, {}, (), figures or {}, before)


def figures(rows=100, missing=0, quarters=(100, 100, 100, 100, 100), late=0, last="2026-09-29"):
    return {"rows": rows, "missing": {"disposal": missing}, "lateness": [rows - late, 0, 0, late, 0, 0],
            "quarters": list(quarters), "months": {}, "last_event": last, "last_recorded": last}  # fmt: skip


def earlier(accepted=100, months=None, **told):
    kept = figures(**told) | {"months": months or {}}
    return ({"extract_date": "2026-06-30", "accepted": accepted, "figures": kept},)


def of_months(now, then):
    return table(figures=figures() | {"months": now}, before=earlier(months=then))


def test_months_that_were_over_at_the_extract_before_are_compared_one_by_one():
    one = of_months({"2026-03": 30, "2026-05": 8, "2026-06": 9, "2026-07": 5, "2024-06": 4},
                    {"2026-03": 20, "2026-04": 7, "2026-05": 10, "2026-06": 50, "2024-06": 9})  # fmt: skip
    assert changed_since(one) == Changed(then=37, added=10, gone=9)
    assert changed_since(table(figures=figures())) is None and changed_since(table()) is None


@pytest.mark.parametrize(
    ("one", "about"),
    [
        (table(figures=figures()), []),
        (table(accepted=96, waits={CODE: 4}), []),
        (table(accepted=95, waits={CODE: 5}), ["waiting"]),
        (table(accepted=50, waits={NEVER: 50}), []),
        (table(accepted=10, waits={CODE: 9}), []),
        (table(accepted=91, before=earlier()), []),
        (table(accepted=90, before=earlier()), ["fewer_rows"]),
        (table(figures=figures(missing=100)), ["always_empty"]),
        (table(figures=figures(missing=29), before=earlier(missing=20)), []),
        (table(figures=figures(missing=30), before=earlier(missing=20)), ["missing_rose"]),
        (of_months({"2026-03": 96}, {"2026-03": 100}), []),
        (of_months({"2026-03": 95}, {"2026-03": 100}), ["gone"]),
        (table(figures=figures(quarters=(50, 100, 100, 100, 100))), []),
        (table(figures=figures(quarters=(49, 100, 100, 100, 100))), ["volume_low"]),
        (table(figures=figures(quarters=(200, 100, 100, 100, 100))), []),
        (table(figures=figures(quarters=(201, 100, 100, 100, 100))), ["volume_high"]),
        (table(figures=figures(quarters=(0, 19, 19, 19, 19))), []),
        (table(figures=figures(last="2026-08-16")), []),
        (table(figures=figures(last="2026-08-15")), ["silent"]),
        (table(figures=figures(rows=20, quarters=(0, 0, 5, 5, 5), last="2026-04-02")), ["silent"]),
        (table(figures=figures(rows=19, quarters=(0, 0, 5, 5, 5), last="2026-04-02")), []),
        (table(figures=figures(late=19), before=earlier(late=10)), []),
        (table(figures=figures(late=20), before=earlier(late=10)), ["late_rose"]),
    ],
)
def test_what_stands_out_is_asked_about_from_its_limit_on(one, about):
    assert [look.about for look in what_to_look_at([one])] == about


def test_a_column_that_became_empty_is_asked_about_first_and_always_empty_ones_last():
    found = what_to_look_at([table(figures=figures(missing=100), before=earlier(missing=0)),
                             table(accepted=80, waits={CODE: 20})])  # fmt: skip
    assert [look.about for look in found] == ["missing_rose", "waiting", "always_empty"]


def test_nothing_can_be_asked_about_that_has_no_sentence():
    with pytest.raises(ValueError, match="nothing to ask"):
        Look("police", "pol_sanction", "mood")


def test_whole_numbers_come_out_for_json():
    import json

    found = counted([("2026-09-01", "2026-09-01", None)])
    assert json.loads(json.dumps(found)) == found and not any(isinstance(n, np.integer) for n in found["quarters"])
