"""Cumulative incidence of competing events: a table worked out by hand, a plain reference, and what must hold."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desist.models.over_time.incidence import cumulative_incidence, month_ends

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


@settings(max_examples=300, deadline=None)
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
