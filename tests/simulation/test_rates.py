"""The partnership as a whole: who is supervised, how many reoffend, and what a gap in enforcement does."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from desist.records import codes
from desist.simulation.careers import run_careers
from desist.simulation.people import is_over_policed, make_people
from desist.simulation.truth_files import Watch
from desist.simulation.truth_read import read_truth
from desist.simulation.world import Calendar, World

DAY = pd.Timedelta(days=1)


def caseload(folder):
    """A row for each person supervised or on the IOM list on each mature as-of date, with what came of it."""
    truth = read_truth(folder)
    rows = truth.chances[truth.chances["supervised"] | truth.chances["listed"]].merge(truth.persons, on="person")
    rows["as_of"] = pd.to_datetime(rows["as_of"])
    rows = rows[rows["as_of"] + 547 * DAY <= pd.Timestamp("2026-10-01")]
    rows["age"] = (rows["as_of"] - pd.to_datetime(rows["born"])).dt.days / 365.25
    found = truth.offences[truth.offences["detected"]].copy()
    for name in ("occurred_on", "sanction_date"):
        found[name] = pd.to_datetime(found[name])
    found["serious"] = found["offence_code"].map(lambda code: codes.offences()[code].band >= 4)
    pairs = rows.reset_index(names="row").merge(found, on="person")
    inside = (pairs["occurred_on"] >= pairs["as_of"]) & (pairs["occurred_on"] < pairs["as_of"] + 365 * DAY)
    inside &= pairs["sanction_date"] < pairs["as_of"] + 547 * DAY
    rows["proven"] = rows.index.isin(pairs["row"][inside])
    rows["serious"] = rows.index.isin(pairs["row"][inside & pairs["serious"]])
    return rows


@pytest.fixture(scope="module")
def rows(middling):
    return caseload(middling)


def test_a_quarter_to_a_third_of_the_people_are_supervised_or_listed_on_a_given_date(middling):
    chances = pd.read_parquet(middling / "truth" / "chances.parquet")
    size = chances[chances["supervised"] | chances["listed"]].groupby("as_of").size()
    assert size.between(0.22 * 5000, 0.38 * 5000).all()
    assert 0.25 * 5000 < size.iloc[-1] < 0.35 * 5000  # the list date


def test_near_a_quarter_reoffend_and_some_one_in_twenty_seriously(rows):
    assert 0.22 < rows["proven"].mean() < 0.30
    assert 0.04 < rows["serious"].mean() < 0.08


def test_reoffending_falls_with_age_and_rises_with_earlier_sanctions(rows):
    by_age = rows.groupby(pd.cut(rows["age"], [18, 25, 35, 50, 99]), observed=True)["proven"].mean()
    assert by_age.is_monotonic_decreasing and by_age.iloc[0] > 1.5 * by_age.iloc[-1]
    by_record = rows.groupby(pd.cut(rows["sanctions"], [0, 1, 3, 6, 99]), observed=True)["proven"].mean()
    assert by_record.is_monotonic_increasing and by_record.iloc[-1] > 1.5 * by_record.iloc[0]


def true_chances_by_group(world, people=6000):
    """Mean true chances of the caseload of all as-of dates: over-policed groups as a ratio to the others."""
    calendar = Calendar()
    made = make_people(people, world, calendar, np.random.default_rng(1))
    watch = Watch(made, world, calendar)
    run_careers(made, world, calendar, np.random.default_rng(2), watch)
    rows = watch.table([str(person) for person in range(people)]).to_pandas()
    rows = rows[rows["supervised"] | rows["listed"]]
    member = is_over_policed(made, world)[rows["person"].astype(int)]
    return {name: rows[name][member].mean() / rows[name][~member].mean() for name in ("p_proven", "p_any")}


def test_without_a_gap_groups_do_not_differ_and_a_gap_raises_what_is_proven_not_what_is_done():
    none, large = (true_chances_by_group(replace(World.null(), enforcement_gap=gap)) for gap in (0.0, 1.0))
    assert none["p_proven"] == pytest.approx(1, abs=0.1) and none["p_any"] == pytest.approx(1, abs=0.06)
    assert large["p_proven"] > 1.2 and large["p_any"] < 1.05


def test_true_chances_tell_who_reoffends_far_better_than_chance(rows):
    order = rows["p_proven"].rank()
    events = int(rows["proven"].sum())
    auc = (order[rows["proven"]].sum() - events * (events + 1) / 2) / (events * (len(rows) - events))
    assert 0.75 < auc < 0.92  # what no model can beat; models that see only the files stay well below


@pytest.mark.slow
def test_truth_holds_in_the_partnership_of_the_demo(middling):
    from desist.simulation.check import check_truth

    assert check_truth(middling, seed=2, people=1500, futures=400, dates=16) == []
