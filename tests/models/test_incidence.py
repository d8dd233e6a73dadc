"""Cumulative incidence of competing events: a table worked out by hand, a plain reference, and what must hold."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desist.models.over_time.incidence import cumulative_incidence, incidence_with_intervals, month_ends

CAUSES = ("reoffence", "custody")


def test_a_table_worked_out_by_hand():
    """Ten people. Month 1 ends on day 30, month 2 on day 60, month 3 on day 91.

    Day 10: 1 of 10 reoffends: reoffence 1/10, free 9/10.
    Day 20: one of 9 goes into custody: custody 9/10 x 1/9 = 1/10, free 8/10. Two are censored on day 30.
    Day 40: of the 6 left one reoffends and one goes into custody: each 8/10 x 1/6 = 2/15, free 8/15.
    Day 60: one of 4 reoffends: 8/15 x 1/4 = 2/15 more, free 6/15. The other three are censored on day 70.
    """
    days = [10, 20, 30, 30, 40, 40, 60, 70, 70, 70]
    causes = ["reoffence", "custody", "censored", "censored", "custody", "reoffence", "reoffence", *["censored"] * 3]
    table = cumulative_incidence(np.array(days), causes, months=3, of=CAUSES)
    assert table["day"].tolist() == [0, 30, 60, 91] and table["at_risk"].tolist() == [10, 6, 3, 0]
    np.testing.assert_allclose(table["reoffence"], [0, 1 / 10, 1 / 10 + 2 / 15 + 2 / 15, np.nan])
    np.testing.assert_allclose(table["custody"], [0, 1 / 10, 1 / 10 + 2 / 15, np.nan])
    np.testing.assert_allclose(table["event_free"], [1, 8 / 10, 6 / 15, np.nan])


def test_somebody_censored_on_the_day_of_an_event_was_at_risk_on_it():
    table = cumulative_incidence(np.array([5, 5, 50]), ["reoffence", "censored", "censored"], months=1, of=CAUSES)
    assert table["reoffence"].iloc[1] == pytest.approx(1 / 3)


def test_somebody_of_whom_no_day_was_seen_tells_nothing():
    with_them = cumulative_incidence(np.array([0, 5, 50]), ["censored", "reoffence", "censored"], months=1, of=CAUSES)
    without = cumulative_incidence(np.array([5, 50]), ["reoffence", "censored"], months=1, of=CAUSES)
    np.testing.assert_allclose(with_them["reoffence"], without["reoffence"])


def test_twelve_and_twenty_four_months_end_on_days_365_and_730():
    assert month_ends(24)[11] == 365 and month_ends(24)[23] == 730 and month_ends(1) == [30]


def test_where_something_happened_to_everybody_later_months_are_known():
    table = cumulative_incidence(np.array([3, 4]), ["reoffence", "custody"], months=2, of=CAUSES)
    assert table["event_free"].tolist() == [1, 0, 0] and table["reoffence"].tolist() == [0, 0.5, 0.5]


@pytest.mark.parametrize(
    ("days", "causes", "said"),
    [([np.nan], ["reoffence"], "missing"), ([-1], ["reoffence"], "negative"), ([1], ["prison"], "prison"),
     ([1, 2], ["reoffence"], "2 days for 1"), ([], [], "nobody")],
)  # fmt: skip
def test_what_cannot_be_counted_is_refused(days, causes, said):
    with pytest.raises(ValueError, match=said):
        cumulative_incidence(np.array(days, dtype=float), causes, months=1, of=CAUSES)


def plainly(people, end):
    """Day by day in fractions: the slow and obvious way."""
    free, shares = Fraction(1), dict.fromkeys(CAUSES, Fraction(0))
    for day in range(1, end + 1):
        at_risk = [cause for when, cause in people if when >= day]
        today = [cause for when, cause in people if when == day]
        if at_risk:
            before = free
            for cause in CAUSES:
                shares[cause] += before * today.count(cause) / len(at_risk)
                free -= before * today.count(cause) / len(at_risk)
    return [float(shares[cause]) for cause in CAUSES], float(free)


person = st.tuples(
    st.one_of(st.integers(0, 70), st.sampled_from([30, 31, 60, 61])), st.sampled_from([*CAUSES, "censored"])
)


@settings(max_examples=100, deadline=None)
@given(people=st.lists(person, min_size=1, max_size=25))
def test_it_agrees_with_the_plain_way_and_the_shares_sum_to_one(people):
    people = [(when or 0, cause if when else "censored") for when, cause in people]
    when, what = [day for day, _ in people], [cause for _, cause in people]
    table = cumulative_incidence(np.array(when), what, months=2, of=CAUSES)
    assert table["event_free"].iloc[0] == 1
    for row in table.itertuples():
        if max(when) < row.day and not np.isnan(row.event_free):
            assert row.event_free == 0
        if not np.isnan(row.event_free):
            shares, free = plainly(people, row.day)
            np.testing.assert_allclose([row.reoffence, row.custody, row.event_free], [*shares, free], atol=1e-12)
            assert row.reoffence + row.custody + row.event_free == pytest.approx(1)
    known = table.dropna()
    assert (np.diff(known[list(CAUSES)], axis=0) >= 0).all()


def test_without_censoring_it_is_the_plain_share():
    draw = np.random.default_rng(3)
    days, causes = draw.integers(1, 365, 400), draw.choice(CAUSES, 400)
    table = cumulative_incidence(days, causes, months=12, of=CAUSES)
    for row in table.itertuples():
        assert row.reoffence == pytest.approx(((days <= row.day) & (causes == "reoffence")).mean())
    pd.testing.assert_frame_equal(table, cumulative_incidence(days[::-1], causes[::-1], months=12, of=CAUSES))


# ---- intervals


def between(days, causes, people, **asked):
    given_ = {"months": 2, "of": CAUSES, "replicates": 300, "seed": 0, **asked}
    return incidence_with_intervals(np.array(days, dtype=float), causes, people, **given_)


def test_intervals_stand_around_the_same_shares_and_month_0_is_certain():
    draw = np.random.default_rng(5)
    days, causes = draw.integers(1, 80, 200), draw.choice([*CAUSES, "censored"], 200)
    table = between(days, causes, np.arange(200))
    plain = cumulative_incidence(days, causes, months=2, of=CAUSES)
    pd.testing.assert_frame_equal(table[plain.columns], plain)
    for name in (*CAUSES, "event_free"):
        assert table[f"{name}_low"].iloc[0] == table[f"{name}_high"].iloc[0] == table[name].iloc[0]
        after = table.iloc[1:]
        assert (after[f"{name}_low"] < after[name]).all() and (after[name] < after[f"{name}_high"]).all()
        assert table[[f"{name}_low", f"{name}_high"]].stack().between(0, 1).all()
    pd.testing.assert_frame_equal(table, between(days, causes, np.arange(200)))


def test_without_censoring_the_interval_is_about_that_of_a_plain_share():
    """40 of 100 by the end of month 2: Wilson's interval from .309 to .498; the draws make it no wider than noise."""
    days, causes = np.r_[np.full(40, 45), np.full(60, 61)], ["reoffence"] * 40 + ["censored"] * 60
    last = between(days, causes, np.arange(100), replicates=4000).iloc[-1]
    assert (last["reoffence_low"], last["reoffence_high"]) == pytest.approx((0.309, 0.498), abs=0.006)


def test_where_nobody_has_the_event_the_interval_comes_from_who_was_followed():
    """None of 20 people: Wilson's interval reaches to 1.96 squared over (20 + 1.96 squared), .161."""
    table = between([70] * 20, ["censored"] * 20, np.arange(20))
    last = table.iloc[-1]
    assert last["reoffence"] == last["reoffence_low"] == 0 and last["reoffence_high"] == pytest.approx(0.161, abs=5e-4)
    assert last["event_free"] == last["event_free_high"] == 1 and last["event_free_low"] == pytest.approx(
        0.839, abs=5e-4
    )
    # half of them lost on day 40: month 2 rests on ten people, .278
    half = between([70] * 10 + [40] * 10, ["censored"] * 20, np.arange(20))
    assert half["reoffence_high"].tolist()[1:] == pytest.approx([0.161, 0.278], abs=5e-4)


def test_where_everybody_was_censored_on_day_1_nothing_after_it_is_told():
    table = between([1] * 5, ["censored"] * 5, np.arange(5))
    assert table.iloc[0]["event_free"] == table.iloc[0]["event_free_low"] == 1
    assert table.iloc[1:][["reoffence", "reoffence_low", "reoffence_high", "event_free_low"]].isna().all(axis=None)


def test_where_it_happened_to_everybody_the_interval_is_not_a_point():
    last = between([3] * 8 + [9] * 2, ["reoffence"] * 10, np.arange(10)).iloc[-1]
    assert last["reoffence"] == last["reoffence_high"] == 1 and last["reoffence_low"] == pytest.approx(0.722, abs=1e-3)


def test_one_persons_rows_count_as_one_person():
    """Each of 25 people four times over: the interval is that of 25 people, not of 100 rows."""
    draw = np.random.default_rng(6)
    days, causes = draw.integers(1, 80, 25), draw.choice([*CAUSES, "censored"], 25)
    once = between(days, causes, np.arange(25))
    fourfold = between(np.repeat(days, 4), np.repeat(causes, 4), np.repeat(np.arange(25), 4))
    np.testing.assert_allclose(fourfold["reoffence_high"], once["reoffence_high"])
    as_others = between(np.repeat(days, 4), np.repeat(causes, 4), np.arange(100))
    width = [table["reoffence_high"].iloc[1] - table["reoffence_low"].iloc[1] for table in (once, as_others)]
    assert width[1] < 0.7 * width[0]


def test_an_event_before_the_first_day_counts_in_no_draw():
    """As in the curve itself: nobody is at risk on a day 0, so it is as if they had been lost from sight on it."""
    days, causes = [0] * 5 + [5, 50, 50, 70, 70], ["custody", "reoffence", "custody", "censored", "censored"]
    with_them = between(days, ["reoffence"] * 5 + causes, np.arange(10))
    pd.testing.assert_frame_equal(with_them, between(days, ["censored"] * 5 + causes, np.arange(10)))


def test_an_interval_never_rests_on_more_people_than_there_are():
    """Ten people with two rows each, one with the event and one without: every draw gives a half, yet ten are ten."""
    days, causes = np.tile([45, 70], 10), ["reoffence", "censored"] * 10
    last = between(days, causes, np.repeat(np.arange(10), 2)).iloc[-1]
    assert (last["reoffence_low"], last["reoffence_high"]) == pytest.approx((0.237, 0.763), abs=1e-3)


def test_people_that_do_not_fit_the_days_are_refused():
    with pytest.raises(ValueError, match="3 people for 2 days"):
        between([1, 2], ["censored"] * 2, np.arange(3))


@pytest.mark.slow
def test_intervals_cover_the_truth_as_often_as_they_say():
    """300 made-up cohorts of 120 people, a third lost from sight; the share known from its formula.

    Daily chances .002 and .001: by day d the first cause came first to 2/3 (1 - .997^d). Counted for the common cause
    and a rare one (a twentieth of it), at the end of each month.
    """
    rare, draw = 0.0001, np.random.default_rng(11)
    ends = np.array(month_ends(6))
    total = 0.002 + rare
    truth = {
        "reoffence": 0.002 / total * (1 - (1 - total) ** ends),
        "custody": rare / total * (1 - (1 - total) ** ends),
    }
    covered = {cause: [] for cause in CAUSES}
    for world in range(300):
        when = draw.geometric(total, 120)
        cause = np.where(draw.random(120) < rare / total, "custody", "reoffence")
        lost = np.where(draw.random(120) < 1 / 3, draw.integers(1, 200, 120), 200)
        days, seen = np.minimum(when, lost), np.where(when <= lost, cause, "censored")
        table = between(days, seen, np.arange(120), months=6, replicates=200, seed=world).iloc[1:]
        for name, share in truth.items():
            covered[name].append((table[f"{name}_low"] <= share) & (share <= table[f"{name}_high"]))
    rates = {name: np.mean(found) for name, found in covered.items()}
    print(rates)
    assert 0.93 <= rates["reoffence"] <= 0.975 and rates["custody"] >= 0.93
