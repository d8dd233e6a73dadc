"""The size of verdicts on calibration and excess in score worlds, and what would be seen if intervals were too narrow.

``benchmarks/audit_size.py`` does the same with 5,000 worlds and many more cells.
"""

import importlib
import sys
from pathlib import Path

import pytest

from desist.fairness.statistics import contrasts
from desist.fairness.statistics.intervals import Z

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"
#: Of 1,000 worlds 74 have to be called within for the lower end to be above .05: a size of .1 is seen in 99.8 % of such
#: tests. A metric that another file adds up exactly, or that others stand for, has fewer; wrong intervals need few.
WORLDS, FEWER, FEW = 1_000, 300, 150
CALIBRATION, EXCESS = ("calibration_in_the_large", 0.05, 700), ("excess_fpr", 0.05, 400)
FPR, NEAR = ("fpr", 0.1, 250), ("calibration_near_cut_off", 0.1, 900)
ONE, SEVERAL = "one row", "one to four rows"


@pytest.fixture(scope="module")
def cells():
    """The benchmark module, which is a script's: it lies on the path only while these tests run."""
    sys.path.insert(0, str(BENCHMARKS))
    yield importlib.import_module("audit_cells")
    sys.path.remove(str(BENCHMARKS))


def above(cells, what, rows, worlds):
    """By harm the lower end of how often a gap exactly at the margin is called within; and the share covered."""
    metric, gap, people = what
    found = cells.run(cells.Cell(metric, people, 600, 0.3, 0.25, gap, rows), worlds, seed=7)
    counts = {harm: int(found.within(gap, harm).sum()) for harm in ("both", "higher")}
    return {harm: cells.surely_above(count, worlds) for harm, count in counts.items()}, found.covered


@pytest.mark.parametrize(
    ("what", "rows", "worlds"),
    [
        (CALIBRATION, ONE, WORLDS), (CALIBRATION, SEVERAL, WORLDS), (EXCESS, ONE, WORLDS), (EXCESS, SEVERAL, WORLDS),
        (FPR, SEVERAL, FEWER), (NEAR, SEVERAL, FEWER),
    ],
)  # fmt: skip
def test_a_gap_at_the_margin_is_called_within_in_at_most_one_world_in_twenty(cells, what, rows, worlds):
    sizes, covered = above(cells, what, rows, worlds)
    assert max(sizes.values()) <= cells.SIZE
    assert covered >= (0.93 if worlds == WORLDS else 0.9)


@pytest.mark.parametrize("what", [CALIBRATION, EXCESS])
def test_intervals_of_half_the_width_would_be_seen(cells, what, monkeypatch):
    gap = contrasts.gap
    monkeypatch.setattr(cells.contrasts, "gap", lambda metric, own, rest: gap(metric, own, rest, Z / 2))
    sizes, covered = above(cells, what, SEVERAL, FEW)
    assert min(sizes.values()) > cells.SIZE, "of these the tests above would fail"
    assert covered < 0.85


def test_a_size_of_a_tenth_would_be_seen_and_one_in_twenty_never_blamed(cells):
    """By the lower end itself: 100 of 1,000 are surely too many, 50 are not, nor the 72 that chance can make of 50."""
    assert cells.surely_above(100, WORLDS) > cells.SIZE > cells.surely_above(72, WORLDS)
    assert cells.surely_above(74, WORLDS) > cells.SIZE
    assert cells.surely_above(11, 80) < cells.SIZE, "80 worlds would let .1375 pass"


@pytest.mark.parametrize("what", [FPR, CALIBRATION, NEAR, EXCESS])
def test_without_a_gap_there_is_nearly_the_power_of_a_test_that_knows_the_variances(cells, what):
    metric, gap, people = what
    level = cells.run(cells.Cell(metric, people, 600, 0.25, 0.25, 0.0, SEVERAL), 100, seed=8)
    assert level.within(gap, "higher").mean() >= 0.9 * level.oracle(gap, "higher") - 0.1
