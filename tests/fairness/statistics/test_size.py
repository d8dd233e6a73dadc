"""The size of verdicts by adding up every result, for proportions; test_size_in_worlds.py has the other metrics.

``benchmarks/audit_size.py`` does the same at length.
"""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from desist.fairness.statistics.intervals import guarded_difference, wilson
from desist.fairness.statistics.power import planned_power, planning_rate
from desist.fairness.statistics.verdicts import MEETS, judge

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"
NS, OTHERS = [4, 6, 10, 16, 25, 50, 100, 300], [1, 3, 1000]
RATES, MARGINS = [0.02, 0.05, 0.1, 0.2, 0.5, 0.7, 0.9], [0.05, 0.1, 0.2]


@pytest.fixture(scope="module")
def benchmarks():
    """The benchmark modules, which are scripts: they lie on the path only while these tests run."""
    sys.path.insert(0, str(BENCHMARKS))
    yield lambda name: importlib.import_module(name)
    sys.path.remove(str(BENCHMARKS))


@pytest.mark.parametrize(
    ("n", "m", "margin", "harm"), [(4, 9, 0.2, "both"), (30, 12, 0.2, "higher"), (25, 90, 0.15, "lower")]
)
def test_what_is_added_up_is_the_verdict_itself(benchmarks, n, m, margin, harm):
    table = benchmarks("audit_exact").within(n, m, margin, harm)
    for x in range(n + 1):
        for y in range(m + 1):
            gap = guarded_difference(x, n, y, m)
            answer = judge(gap.low, gap.high, margin, enough=True, harm=harm)
            assert table[x, y] == (answer == MEETS)


def test_at_the_margin_at_most_one_sample_in_twenty_is_called_within(benchmarks):
    found = benchmarks("audit_exact").sizes(NS, OTHERS, RATES, MARGINS, "both")
    assert len(found) > 600
    assert max(cell.chance for cell in found) <= 0.05


def test_with_one_harmful_side_neither_where_twenty_people_or_planned_power_are_asked_for(benchmarks):
    found = benchmarks("audit_exact").sizes([10, 13, 16, 20, 25, 50, 100, 300], OTHERS, RATES, MARGINS, "higher")
    assert max(cell.chance for cell in found if min(cell.n, cell.m) >= 20) <= 0.05

    def planned(cell):
        everybody = (cell.n * (cell.other_rate + cell.gap) + cell.m * cell.other_rate) / (cell.n + cell.m)
        rate = planning_rate(everybody * (cell.n + cell.m), cell.n + cell.m)
        return planned_power(rate, cell.n, cell.m, cell.gap, harm="higher")

    eligible = [cell for cell in found if planned(cell) >= 0.8]
    assert len(eligible) > 50
    assert max(cell.chance for cell in eligible) <= 0.05


@pytest.mark.parametrize(
    ("n", "m", "rate", "other_rate", "harm"),
    [
        (20, 1_000, 0.9875, 0.7875, "higher"),
        (20, 10_000, 0.0075, 0.1075, "lower"),
        (50, 10_000, 0.004, 0.104, "lower"),
        (50, 10_000, 0.004, 0.204, "both"),
    ],
)
def test_nobody_is_within_by_luck_whose_rate_at_the_limit_is_beside_nought_or_one(
    benchmarks, monkeypatch, n, m, rate, other_rate, harm
):
    """One of 20 where .15 are expected: Wilson's interval leaves out that rate, in one sample in seven."""
    exact = benchmarks("audit_exact")
    assert exact.size_at(n, m, rate, other_rate, harm) <= 0.05
    monkeypatch.setattr(exact, "guarded", wilson)
    exact.ends.cache_clear()
    assert exact.size_at(n, m, rate, other_rate, harm) > 0.05
    exact.ends.cache_clear()


def test_the_size_is_kept_beside_nought_and_one_against_any_number_of_others(benchmarks):
    found = benchmarks("audit_exact").beside_the_end(
        [20, 50, 120, 600], [50, 1_000, 50_000], [0.1, 0.15, 0.2, 0.25, 0.3, 1, 3], [0.05, 0.1, 0.2]
    )
    assert len(found) > 900
    assert max(cell.chance for cell in found) <= 0.05


def test_an_interval_that_takes_no_count_for_nought_would_be_seen(benchmarks):
    """Shares plus or minus 1.96 standard errors: nobody of four makes an interval of no width."""
    exact = benchmarks("audit_exact")
    n, m, rate, margin = 4, 1000, 0.03, 0.05
    own, other = np.arange(n + 1)[:, None] / n, np.arange(m + 1)[None, :] / m
    half = 1.96 * np.sqrt(own * (1 - own) / n + other * (1 - other) / m)
    inside = (own - other - half > -margin) & (own - other + half < margin)
    # By hand: nobody of four, whose chance is .08 each, in .92^4 = .72 of samples; and in .94 of those no more than 37
    # of 1,000 others, whose upper end is then below .05.
    assert exact.chance(n, m, rate + margin, rate, inside) == pytest.approx(0.72 * 0.94, abs=0.01)
    assert exact.chance(n, m, rate + margin, rate, exact.within(n, m, margin)) == 0


def test_power_at_no_gap_is_near_that_of_a_test_that_knows_the_variances(benchmarks):
    exact = benchmarks("audit_exact")
    for n, m, rate, margin in ((500, 1000, 0.12, 0.05), (200, 1000, 0.25, 0.1), (150, 450, 0.1, 0.1)):
        inside = exact.within(n, m, margin)
        assert exact.chance(n, m, rate, rate, inside) >= 0.9 * exact.oracle_power(n, m, rate, margin)


@pytest.mark.parametrize("n", [4, 10, 30, 100, 1000])
def test_wilsons_interval_holds_the_truth_as_often_as_it_says(benchmarks, n):
    rates = np.linspace(0.005, 0.995, 397)
    found = benchmarks("audit_exact").wilson_coverage(n, rates)
    assert 0.94 <= found.mean() <= 0.96
    assert min(found[(rates >= start) & (rates < start + 0.1)].mean() for start in np.arange(0, 1, 0.1)) >= 0.91


def test_rows_taken_for_people_would_be_seen(benchmarks, monkeypatch):
    """Four rows of each person that are nearly one: an interval that counts rows is far too narrow."""
    cells = benchmarks("audit_cells")
    monkeypatch.setitem(cells.ROWS, "four alike", ((0.0, 0.0, 0.0, 1.0), 0.95))
    cell = cells.Cell("fpr", 60, 300, 0.3, 0.25, 0.1, "four alike")
    kept = cells.run(cell, 150, seed=3)
    assert kept.covered >= 0.88

    pair = cells._pair
    monkeypatch.setattr(
        cells,
        "_pair",
        lambda drawn, metric, replicates: pair(
            cells.Drawn(drawn.y, drawn.score, np.arange(drawn.y.size), drawn.group, drawn.need), metric, replicates
        ),
    )
    assert cells.run(cell, 150, seed=3).covered < 0.8
