"""The parts of the audit's protocol that need no drawing: proportions, by adding up every possible result."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
from audit_exact import beside_the_end, chance, newcombe_coverage, oracle_power, sizes, wilson_coverage, within

from desist.fairness.statistics.intervals import Z
from desist.fairness.statistics.power import planned_denominator, planned_power, planning_rate

NS = [4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 64, 80, 100, 150, 200, 300, 400, 600, 800, 1000]
OTHERS = [0.25, 1, 3, 10, 1000]
TRUE_RATES = [0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9, 0.97]
MARGINS = [0.03, 0.05, 0.1, 0.15, 0.2]
BESIDE_NS, BESIDE_OTHERS = [20, 50, 120, 300, 1000], [20, 50, 200, 1000, 10_000, 50_000]
BESIDE_COUNTS = [0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1, 1.5, 2, 3, 5, 8]
SIZE, POWER_RATIO = 0.05, 0.9

Table = list[str]


def table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> Table:
    """A markdown table."""
    names = list(header)
    return [
        "| " + " | ".join(names) + " |",
        "|" + "---|" * len(names),
        *("| " + " | ".join(map(str, row)) + " |" for row in rows),
    ]


def exact() -> tuple[Table, bool]:
    """Proportions: every pair of counts."""
    lines, met = [], True
    for harm in ("both", "higher"):
        found = sizes(NS, OTHERS, TRUE_RATES, MARGINS, harm)
        rows = []
        for least in (4, 10, 20, 50, 200):
            some = [size for size in found if min(size.n, size.m) >= least]
            top = max(some, key=lambda size: size.chance)
            worst = f"{top.n} against {top.m}, others' rate {top.other_rate}, gap {top.gap:+.2f}"
            rows.append((least, f"{len(some):,}", f"{top.chance:.4f}", worst, sum(s.chance > SIZE for s in some)))
        eligible = [size for size in found if _eligible(size.n, size.m, size.other_rate, size.gap, harm)]
        top = max(eligible, key=lambda size: size.chance)
        rows.append(("planned power .8", f"{len(eligible):,}", f"{top.chance:.4f}", f"{top.n} against {top.m}",
                     sum(s.chance > SIZE for s in eligible)))  # fmt: skip
        met &= top.chance <= SIZE and (harm != "both" or max(size.chance for size in found) <= SIZE)
        side = "Two-sided" if harm == "both" else "One-sided (harm: higher)"
        lines += ["", f"**{side}.** Chance of *within* where the gap is exactly the margin.", ""]
        lines += table(("people on either side, at least", "cells", "largest", "where", "cells above .05"), rows)
    beside, kept = _beside()
    lines, met = [*lines, *beside], met and kept
    power, enough = _exact_power()
    control = _percentile_control()
    return [*lines, "", *power, "", control], met and enough


def _beside() -> tuple[Table, bool]:
    """Groups whose rate at the limit is beside 0 or 1: where an interval of the share itself errs most."""
    found = beside_the_end(BESIDE_NS, BESIDE_OTHERS, BESIDE_COUNTS, MARGINS)
    rows = []
    for harm in ("both", "higher", "lower"):
        some = [size for size in found if size.harm == harm]
        top = max(some, key=lambda size: size.chance)
        worst = f"{top.n} against {top.m:,}, others' rate {top.other_rate:.3f}, gap {top.gap:+.2f}"
        rows.append((harm, f"{len(some):,}", f"{top.chance:.4f}", worst, sum(s.chance > SIZE for s in some)))
    told = (
        f"**Beside 0 and 1.** The group expects {min(BESIDE_COUNTS):g} to {max(BESIDE_COUNTS):g} events, or non-events,"
        f" at the limit; {min(BESIDE_NS)} people and more, against up to {max(BESIDE_OTHERS):,} others."
    )
    header = ("harm", "cells", "largest", "where", "cells above .05")
    return ["", told, "", *table(header, rows)], max(size.chance for size in found) <= SIZE


def _eligible(n: int, m: int, rate: float, gap: float, harm: str) -> bool:
    everybody = (n * (rate + gap) + m * rate) / (n + m)
    return planned_power(planning_rate(everybody * (n + m), n + m), n, m, abs(gap), harm=harm) >= 0.8


def _exact_power() -> tuple[Table, bool]:
    """Power at no gap over the oracles', of all cells whose planned power is .8 or more."""
    rows, met = [], True
    for harm in ("both", "higher"):
        found = []
        for n, margin in itertools.product(NS[4:], MARGINS):
            for m in sorted({min(1000, round(n * times)) for times in OTHERS[1:]}):
                inside = within(n, m, margin, harm)
                for rate in (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5):
                    if planned_power(rate, n, m, margin, harm=harm) >= 0.8:
                        own = chance(n, m, rate, rate, inside)
                        known = own / oracle_power(n, m, rate, margin, harm)
                        found.append((own, known, own / _oracle_at_limit(n, m, rate, margin, harm)))
        own, known, valid = (np.array(column) for column in zip(*found, strict=True))
        met &= bool(valid.min() >= POWER_RATIO)
        rows.append((harm, len(found), f"{own.min():.3f}", f"{valid.min():.3f}", f"{known.min():.3f}",
                     int((known < POWER_RATIO).sum())))  # fmt: skip
    header = ("harm", "cells", "lowest power", "lowest ratio to the oracle that keeps its size",
              "lowest ratio to the oracle that knows the variance at no gap", "cells of those below .9")  # fmt: skip
    text = (
        "**Power** at no gap, of cells with planned power .8 or more. An oracle knows both true variances; taken at no "
        "gap they are too small at the limit (there the group's rate is another), so that this oracle does not keep "
        "its size at rare rates; the other one takes them at the limit."
    )
    return [text, "", *table(header, rows)], met


def _oracle_at_limit(n: int, m: int, rate: float, margin: float, harm: str) -> float:
    """Power at no gap of a test that knows the variances where the gap is the margin."""
    reach = []
    for side in (1, -1):
        there = min(1.0, max(0.0, rate + side * margin))
        reach.append(margin - Z * np.sqrt(there * (1 - there) / n + rate * (1 - rate) / m))
    gap = np.arange(n + 1)[:, None] / n - np.arange(m + 1)[None, :] / m
    inside = (gap < reach[0]) & ((gap > -reach[1]) | (harm == "higher"))
    return chance(n, m, rate, rate, inside)


def _percentile_control() -> str:
    """The same chance for a percentile bootstrap of four people: the protocol can fail."""
    from scipy.stats import binom

    n, rate, margin, times = 4, 0.03, 0.05, 4000
    random, held = np.random.default_rng(1), []
    for x in range(n + 1):
        own = random.binomial(n, x / n, times) / n - random.binomial(1000, rate, times) / 1000
        low, high = np.quantile(own, [0.025, 0.975])
        held.append(-margin < low and high < margin)
    size = float(binom.pmf(np.arange(n + 1), n, rate + margin) @ np.array(held))
    return (
        f"**What is refused.** A percentile bootstrap of four people against 1,000 (others' rate {rate}, margin "
        f"{margin}) says *within* in {size:.2f} of samples whose gap is exactly the margin. It never gives a verdict "
        "on a proportion."
    )


def wilson_table() -> tuple[Table, bool]:
    """A rate's interval over true rates of .005 to .995, and the difference's."""
    rates_, rows, met = np.linspace(0.005, 0.995, 1981), [], True
    for n in (4, 5, 6, 8, 10, 12, 15, 20, 30, 50, 100, 200, 500, 1000):
        found = wilson_coverage(n, rates_)
        tenths = [found[(rates_ >= start) & (rates_ < start + 0.1)].mean() for start in np.arange(0, 1, 0.1)]
        inner = found[(rates_ >= 0.05) & (rates_ <= 0.95)].min()
        gaps = [newcombe_coverage(n, 4 * n, p, q) for p in (0.05, 0.15, 0.3, 0.5) for q in (0.05, 0.15, 0.3, 0.5)]
        met &= bool(0.94 <= found.mean() <= 0.96 and min(tenths) >= 0.91)
        rows.append((n, *(f"{value:.3f}" for value in (found.mean(), min(tenths), inner, found.min(), np.mean(gaps),
                                                       min(gaps)))))  # fmt: skip
    header = ("people", "Wilson, mean", "lowest tenth of the rates", "lowest rate in .05 to .95", "lowest rate",
              "Newcombe, mean", "lowest")  # fmt: skip
    return table(header, rows), met


def needed_people() -> Table:
    """What margins ask for, by rate and harm, against many others."""
    rows = [
        (rate, margin, *(f"{planned_denominator(rate, margin, 1e6, harm=harm):,.0f}" for harm in ("both", "higher")))
        for rate, margin in itertools.product((0.05, 0.12, 0.25, 0.5), (0.05, 0.1))
    ]
    return table(("rate", "margin", "both sides", "higher only"), rows)
