"""Bounds of a contrast when detection is known within ranges only."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desist.fairness.policy import DEFAULT_POLICY_TOML, Detection, parse_policy
from desist.fairness.scrutiny.detection_bounds import RATES, Contrast, Share, Side, bounds, critical
from desist.simulation.detection_worlds import GROUP, OTHERS, draw_world

DRAFT = parse_policy(DEFAULT_POLICY_TOML).detection
MANY = 1e9


def side(listed, proven_listed, proven_unlisted, rows=MANY):
    return Side(Share(listed, rows), Share(proven_listed, rows * listed), Share(proven_unlisted, rows * (1 - listed)))


def contrast(rate, group=(0.4, 0.3, 0.1), others=(0.2, 0.2, 0.1), rows=MANY, **options):
    return Contrast(rate, side(*group, rows), side(*others, rows), **options)


def exactly(overall, between=1.0, selected=1.0):
    return Detection((overall, overall), (between, between), (selected, selected))


def sampled(found, ranges, number=40_000, seed=1):
    """Gaps at chances drawn within the ranges, of those that fit the records: inside any right bounds."""
    draw = np.random.default_rng(seed)
    (o, b, k) = ranges.overall, ranges.between_groups, ranges.selected
    o0, ratio, k_g, k_o = (_ends_too(draw, limits, number) for limits in (o, b, k, k))
    s = np.stack([o0 * ratio * k_g, o0 * ratio, o0 * k_o, o0])
    among_listed = s[0] / s[2]
    least = np.array([share.value for one in (found.group, found.others) for share in one.shares[1:]])
    fits = (s <= 1).all(axis=0) & (s >= least[:, None]).all(axis=0)
    fits &= (among_listed >= b[0]) & (among_listed <= b[1])
    return found.at(s[:, fits])


def _ends_too(draw, limits, number):
    """Half of the draws at the ends of the range, where the extremes lie."""
    anywhere = draw.uniform(*limits, number)
    end = draw.random(number)
    return np.where(end < 0.25, limits[0], np.where(end < 0.5, limits[1], anywhere))


@pytest.mark.parametrize(
    ("rate", "true"),
    [
        # Half of all offences are proven. Group: 40 of 100 listed, 12 proven, so 24 offended and 16 did not; 60 not
        # listed, 6 proven, so 12 offended and 48 did not. Others: 20 listed, 8 offended; 80 not, 16 offended.
        ("fpr", 16 / 64 - 12 / 76),
        ("fnr", 12 / 36 - 16 / 24),
        ("ppv", 24 / 40 - 8 / 20),
        ("fdr", 16 / 40 - 12 / 20),
        ("for", 12 / 60 - 16 / 80),
        ("base_rate", 36 / 100 - 24 / 100),
        ("sensitivity", 24 / 36 - 8 / 24),
    ],
)
def test_known_detection_gives_the_true_gap_worked_out_by_hand(rate, true):
    found = bounds(contrast(rate), exactly(0.5), 0.95)
    assert (found.sharp_low, found.sharp_high) == (pytest.approx(true, abs=1e-4), pytest.approx(true, abs=1e-4))
    assert found.fits and not found.trimmed


def test_detection_that_differs_between_groups_and_by_listing_enters_each_cell():
    """Group: listed .8, not .4; others .4 and .2... the ratio between groups is 2, of listed to unlisted 2."""
    s = exactly(0.2, 2.0, 2.0)
    assert bounds(contrast("ppv"), s, 0.95).sharp_low == pytest.approx(0.3 / 0.8 - 0.2 / 0.4, abs=1e-4)
    assert bounds(contrast("for"), s, 0.95).sharp_low == pytest.approx(0.1 / 0.4 - 0.1 / 0.2, abs=1e-4)


def test_over_prediction_moves_by_the_offences_not_found_out():
    """Recorded gap .02. Base rates .18 and .12 recorded, .36 and .24 true: it falls by .18 - .12."""
    found = bounds(contrast("over_prediction", recorded=(0.02, 0.01, 0.01)), exactly(0.5), 0.95)
    assert found.sharp_low == pytest.approx(0.02 - 0.06, abs=1e-4)
    # With endless rows only the recorded interval is left of the sampling error.
    assert (found.low, found.high) == (pytest.approx(-0.05, abs=1e-3), pytest.approx(-0.03, abs=1e-3))


def test_with_everything_proven_the_recorded_gap_is_the_true_one():
    for rate in RATES:
        found = contrast(rate)
        s = np.ones((4, 1))
        values = [
            RATES[rate](*(share.value for share in one.shares), s[0], s[0]) for one in (found.group, found.others)
        ]
        assert bounds(found, exactly(1.0), 0.95).sharp_low == pytest.approx(float((values[0] - values[1])[0]), abs=1e-4)


@settings(max_examples=60, deadline=None)
@given(
    rate=st.sampled_from(sorted(RATES)),
    shares=st.tuples(*[st.floats(0.05, 0.6)] * 6),
    overall=st.tuples(st.floats(0.2, 1.0), st.floats(0.2, 1.0)),
    between=st.tuples(st.floats(0.5, 1.0), st.floats(1.0, 2.0)),
    selected=st.tuples(st.floats(0.7, 1.2), st.floats(1.2, 2.0)),
)
def test_no_chances_in_the_ranges_give_a_gap_outside_the_bounds(rate, shares, overall, between, selected):
    found = contrast(rate, shares[:3], shares[3:])
    ranges = Detection((min(overall), max(overall)), between, selected)
    gaps, limits = sampled(found, ranges, 4000), bounds(found, ranges, 0.95)
    if not gaps.size or np.isnan(gaps).all():
        return
    assert limits.fits
    assert limits.sharp_low <= np.nanmin(gaps) + 2e-3 and limits.sharp_high >= np.nanmax(gaps) - 2e-3


@pytest.mark.parametrize("rate", sorted(RATES))
def test_the_bounds_are_no_wider_than_chances_in_the_ranges_can_make_the_gap(rate):
    found = contrast(rate, (0.25, 0.2, 0.1), (0.2, 0.18, 0.08))
    gaps, limits = sampled(found, DRAFT, 100_000), bounds(found, DRAFT, 0.95)
    assert limits.sharp_high - limits.sharp_low <= 1.02 * (gaps.max() - gaps.min())


def test_no_chances_fit_where_more_was_proven_than_could_be():
    """Half of the listed were proven: at a chance of .3 to .35 more than everybody would have offended."""
    ranges = Detection((0.3, 0.35), (1.0, 1.0), (1.0, 1.0))
    found = bounds(contrast("fpr", (0.4, 0.5, 0.1), (0.2, 0.2, 0.1)), ranges, 0.95)
    assert not found.fits and found.low is None and found.sharp_high is None
    few = bounds(contrast("fpr", (0.4, 0.5, 0.1), (0.2, 0.2, 0.1), rows=20), ranges, 0.95)
    assert few.fits  # 4 of 8 may be chance


def test_a_part_of_the_ranges_that_does_not_fit_is_left_out_and_said():
    found = contrast("ppv", (0.4, 0.5, 0.1), (0.2, 0.2, 0.1))
    limits = bounds(found, Detection((0.3, 0.8), (1.0, 1.0), (1.0, 1.0)), 0.95)
    assert limits.trimmed
    assert limits.sharp_high == pytest.approx(1 - 0.4, abs=0.01)  # at a chance of .5 all listed offended
    assert not bounds(contrast("ppv"), exactly(0.5), 0.95).trimmed


def test_a_wider_range_never_gives_narrower_bounds():
    inner, outer = Detection((0.5, 0.6), (0.95, 1.05), (1.0, 1.1)), Detection((0.4, 0.8), (0.8, 1.25), (1.0, 1.4))
    for rate in RATES:
        close, wide = (bounds(contrast(rate), ranges, 0.95) for ranges in (inner, outer))
        assert wide.sharp_low <= close.sharp_low + 1e-6 and wide.sharp_high >= close.sharp_high - 1e-6


def test_the_error_counts_once_where_the_bounds_are_far_apart_and_twice_at_a_point():
    assert critical(10.0, 0.1, 0.95) == pytest.approx(1.645, abs=0.001)
    assert critical(0.0, 0.1, 0.95) == pytest.approx(1.960, abs=0.001)
    assert 1.645 < critical(0.1, 0.1, 0.95) < 1.960


def test_without_a_listed_person_the_share_proven_among_them_may_be_anything():
    assert Share(0.0, 0.0).limits(1.96) == (0.0, 1.0)
    group = Side(Share(0.0, 100), Share(0.0, 0.0), Share(0.1, 100))
    found = bounds(Contrast("ppv", group, side(0.2, 0.2, 0.1, 1000)), DRAFT, 0.95)
    assert found.low <= -0.2 and found.high >= 0.5


def of_world(rate, counts, **options):
    sides = []
    for rows, events in ((counts[place, :, 0], counts[place, :, 1]) for place in (GROUP, OTHERS)):
        total = rows.sum()
        shares = [Share(rows[0] / total, total)]
        shares += [Share(events[at] / rows[at] if rows[at] else 0.0, float(rows[at])) for at in (0, 1)]
        sides.append(Side(*shares))
    return Contrast(rate, *sides, **options)


@pytest.mark.parametrize("rate", ["fpr", "fnr", "ppv", "base_rate"])
def test_bounds_hold_the_truth_in_at_least_95_of_100_worlds_within_the_ranges(rate):
    """200 worlds of 400 and 1,500 rows; the interval is the worst over the ranges, so most hold it with room."""
    draw, held = np.random.default_rng(7), 0
    for _ in range(200):
        world = draw_world(draw, DRAFT.overall, DRAFT.between_groups, DRAFT.selected)
        found = bounds(of_world(rate, world.draw_counts((400, 1500), draw)), DRAFT, 0.95)
        held += found.fits and found.low <= world.gap(rate) <= found.high
    assert held >= 190


@pytest.mark.slow
@pytest.mark.parametrize("rate", ["fpr", "fnr", "ppv", "base_rate"])
def test_bounds_hold_the_truth_also_at_the_edge_of_the_ranges(rate):
    """Detection exactly known: nothing but sampling error, so 95 in 100 and not many more; 200 worlds."""
    draw, held = np.random.default_rng(8), 0
    for _ in range(200):
        world = draw_world(draw, (0.5, 0.5), (1.25, 1.25), (1.2, 1.2))
        found = bounds(of_world(rate, world.draw_counts((200, 800), draw)), exactly(0.5, 1.25, 1.2), 0.95)
        held += found.fits and found.low <= world.gap(rate) <= found.high
    assert 200 * 0.91 <= held <= 200 * 0.995


def test_with_many_rows_the_whole_width_is_hardly_more_than_the_sharp_one():
    draw = np.random.default_rng(9)
    for _ in range(6):
        world = draw_world(draw, DRAFT.overall, DRAFT.between_groups, DRAFT.selected)
        counts = world.draw_counts((2_000_000, 8_000_000), draw)
        for rate in ("fpr", "fnr", "ppv", "base_rate"):
            found = bounds(of_world(rate, counts), DRAFT, 0.95)
            assert found.high - found.low <= 1.15 * (found.sharp_high - found.sharp_low)
