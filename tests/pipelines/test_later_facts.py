"""Copies in which what was recorded later is appended, moved or hidden, on spells small enough to check by eye."""

import datetime as dt
from dataclasses import replace

import pandas as pd
import pytest

from desist.intake.terms.contracts import CONTRACTS
from desist.pipelines import later_facts
from desist.pipelines.later_facts import Counts, Held, Part


def day(text):
    return pd.to_datetime(text).astype("datetime64[us]") if isinstance(text, list) else pd.Timestamp(text)


@pytest.fixture
def spells():
    """Spells in prison: recorded before the date and still open; released, recorded on the date; released without a
    recorded date; released and recorded the day before; and a spell recorded on the date itself."""
    return pd.DataFrame(
        {
            "agency_person": ["A", "B", "C", "D", "E"],
            "subject_category": "convicted",
            "record_kind": "fact",
            "occurred_on": day(["2025-01-01"] * 4 + ["2025-03-31"]),
            "recorded_on": day(["2025-01-02"] * 3 + ["2025-03-31", "2025-04-01"]),
            "release": day([None, "2025-03-20", "2025-03-21", "2025-03-22", None]),
            "release_type": [None, "conditional", "automatic", "conditional", None],
            "release_recorded_on": day([None, "2025-04-01", None, "2025-03-31", None]),
            "sentence_band": "under_12_months",
            "source": "prison",
            "extract_date": day("2025-09-30"),
            "agreement_id": "PRI",
        }
    ).astype({name: "str" for name in ("agency_person", "release_type", "sentence_band", "source", "agreement_id")})


@pytest.fixture
def held(spells):
    links = pd.DataFrame(
        {
            "source": "prison",
            "agency_person": list("ABCDE"),
            "person_id": ["pa", "pb", "pc", "pd", "pe"],
            "method": "own record",
            "weight": 1.0,
            "confirmed": True,
        }
    )
    return Held({"pris_spell": spells}, links, {"prison": dt.date(2025, 9, 30)})


APRIL = dt.date(2025, 4, 1)


def test_later_is_what_was_recorded_on_the_date_or_after_it_and_what_has_no_date_of_its_own(spells):
    part = Part("pris_spell", spells, APRIL, dt.date(2025, 9, 30), seed=1)
    assert part.later.tolist() == [False, False, False, False, True]
    assert part.learnt_later("release_recorded_on").tolist() == [False, True, True, False, False]
    assert part.never_learnt("release_recorded_on").tolist() == [True, False, False, False, False]
    assert part.later_facts == 2
    early = Part("pris_spell", spells, APRIL, dt.date(2025, 3, 31), seed=1)
    assert early.learnt_later("release_recorded_on").tolist() == [False, True, False, False, False]


def test_hiding_leaves_what_an_extract_cut_the_day_before_would_have_shown(held):
    hidden = later_facts.hidden(held, APRIL, [], seed=1)
    left = hidden.tables["pris_spell"]
    assert left["agency_person"].tolist() == ["A", "B", "C", "D"]
    assert left["release"].isna().tolist() == [True, True, True, False]
    assert left["release_type"].isna().tolist() == [True, True, True, False]
    assert left["release_recorded_on"].isna().tolist() == [True, True, True, False]
    assert hidden.counts["pris_spell"] == Counts(1, 2)
    assert hidden.links["agency_person"].tolist() == ["A", "B", "C", "D"], "prison never heard of E"
    assert hidden.snapshot == dt.date(2025, 3, 31)


def test_hiding_keeps_a_link_that_is_in_doubt(held):
    doubted = replace(held, links=held.links.assign(confirmed=[True] * 4 + [False]))
    assert later_facts.hidden(doubted, APRIL, [], seed=1).links["agency_person"].tolist() == list("ABCDE")


def test_moving_changes_later_rows_and_facts_and_keeps_them_later(held, spells):
    moved = later_facts.moved(held, APRIL, [], seed=1)
    rows = moved.tables["pris_spell"].set_index("agency_person")
    before = spells.set_index("agency_person")
    pd.testing.assert_frame_equal(rows.loc[["A", "D"]], before.loc[["A", "D"]])
    assert (rows.loc[["B", "C"], "release_recorded_on"] >= day("2025-04-01")).all()
    assert rows.loc[["B", "C"], "release"].notna().all()
    assert (rows.loc[["B", "C"], "release"] != before.loc[["B", "C"], "release"]).all()
    kept = ["occurred_on", "recorded_on", "sentence_band"]
    pd.testing.assert_frame_equal(rows.loc[["B", "C"], kept], before.loc[["B", "C"], kept])
    assert rows.loc["E", "recorded_on"] >= day("2025-04-01")
    assert rows.loc["E", "occurred_on"] != before.loc["E", "occurred_on"]
    assert moved.counts["pris_spell"] == Counts(1, 2)


def test_appended_rows_are_recorded_on_and_after_the_date_and_happened_before_on_and_after_it(held, spells):
    appended = later_facts.appended(held, APRIL, ["pa", "pb"], seed=1)
    rows = appended.tables["pris_spell"]
    more = rows.iloc[len(spells) :]
    assert len(more) == appended.counts["pris_spell"].rows == later_facts.ROWS_AT_LEAST
    assert (more["recorded_on"] >= day("2025-04-01")).all() and (more["recorded_on"] == day("2025-04-01")).any()
    assert (more["occurred_on"] <= more["recorded_on"]).all()
    happened = {(when > day("2025-04-01")) - (when < day("2025-04-01")) for when in more["occurred_on"]}
    assert happened == {-1, 0, 1}
    allowed = dict.fromkeys([*CONTRACTS["pris_spell"].column("release_type").codes])
    assert set(more["release_type"].dropna()) <= set(allowed) and more["release_type"].nunique() > 2
    new = more.iloc[: later_facts.ROWS_AT_LEAST // 2].dropna(subset=["release"])
    assert (new["release"] <= new["release_recorded_on"]).all() and (new["release"] >= new["occurred_on"]).all()


def test_appended_rows_make_people_known_who_were_not(held):
    appended = later_facts.appended(held, APRIL, ["pa", "pb"], seed=1)
    links = appended.links.set_index("agency_person")["person_id"]
    about = appended.tables["pris_spell"]["agency_person"].map(links)
    assert about.notna().all()
    assert {"pa", "pb"} <= set(about) and set(about) & appended.new_people
    assert not appended.links.duplicated(["source", "agency_person"]).any()
    assert (about.isin(["pa", "pb"])).sum() > 100


def test_the_same_seed_makes_the_same_copy_and_another_seed_another(held):
    def rows(perturb, seed):
        return perturb(held, APRIL, ["pa"], seed=seed).tables["pris_spell"]

    for perturb in (later_facts.appended, later_facts.moved):
        pd.testing.assert_frame_equal(rows(perturb, 1), rows(perturb, 1))
        assert not rows(perturb, 1).equals(rows(perturb, 2))
