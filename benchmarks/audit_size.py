"""Does the audit say what it may? Size, power and coverage of its verdicts, into docs/benchmarks/audit.md.

    OPENBLAS_NUM_THREADS=1 python benchmarks/audit_size.py --worlds 5000 [SECTION ...]

Sections: exact, rates, calibration, ranking, power, coverage. Each replaces its own part of the page. ``exact`` adds up
every possible result; the others count score worlds, whose truth is computed. Exits 1 where a demand is not met.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from audit_cells import SIZE, Cell, run, surely_above
from audit_exact import chance, newcombe_coverage, oracle_power, sizes, wilson_coverage, within

from desist.fairness.statistics.intervals import Z
from desist.fairness.statistics.power import planned_denominator, planned_power, planning_rate
from desist.simulation.score_worlds import draws

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "audit.md"
NS = [4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 64, 80, 100, 150, 200, 300, 400, 600, 800, 1000]
OTHERS = [0.25, 1, 3, 10, 1000]
TRUE_RATES = [0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9, 0.97]
MARGINS = [0.03, 0.05, 0.1, 0.15, 0.2]
#: Margins that the worlds are set at, by metric; a group of such bases; how many others.
MARGIN = {
    "fpr": 0.1, "fnr": 0.1, "ppv": 0.1, "selection": 0.05, "sensitivity_in_need": 0.1,
    "calibration_in_the_large": 0.05, "calibration_near_cut_off": 0.1, "excess_fpr": 0.05,
    "auc": 0.1, "brier": 0.03, "calibration_slope": 0.3,
}  # fmt: skip
RATES = ("fpr", "fnr", "ppv", "selection", "sensitivity_in_need")
CALIBRATIONS = ("calibration_in_the_large", "calibration_near_cut_off", "excess_fpr")
RANKINGS = ("auc", "brier", "calibration_slope")
BASE, OTHERS_BASE, OTHER_PEOPLE = 0.3, 0.25, 1000
POWER_RATIO = 0.9
#: From this power of the oracle on a ratio is asked for: below it hardly anybody could be told anything.
TELLING = 0.5
COVERED = 0.93

Table = list[str]


def table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> Table:
    """A markdown table."""
    names = list(header)
    return [
        "| " + " | ".join(names) + " |",
        "|" + "---|" * len(names),
        *("| " + " | ".join(map(str, row)) + " |" for row in rows),
    ]


def exact(_: int) -> tuple[Table, bool]:
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
    power, enough = _exact_power()
    control = _percentile_control()
    return [*lines, "", *power, "", control], met and enough


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


def _size_cells(metrics: Iterable[str], people: Iterable[int], ways: Iterable[str]) -> list[Cell]:
    return [
        Cell(metric, number, OTHER_PEOPLE, BASE, OTHERS_BASE, sign * MARGIN[metric], way)
        for metric, number, way, sign in itertools.product(metrics, people, ways, (1, -1))
    ]


def _size_table(cells: list[Cell], worlds: int) -> tuple[Table, bool]:
    rows, met = [], True
    for number, cell in enumerate(cells):
        found, margin = run(cell, worlds, seed=100 + number), MARGIN[cell.metric]
        both = int(found.within(margin).sum())
        side = int(found.within(margin, "higher" if cell.gap > 0 else "lower").sum())
        fails = surely_above(both, worlds) > SIZE or surely_above(side, worlds) > SIZE
        met &= not fails
        rows.append((cell.metric, cell.people, cell.rows, f"{cell.gap:+.2f}", f"{np.median(found.worth):.0f}",
                     f"{both / worlds:.4f}", f"{side / worlds:.4f}", f"{found.covered:.3f}",
                     "FAILS" if fails else "kept"))  # fmt: skip
        print(rows[-1], flush=True)
    header = ("metric", "people", "rows a person", "gap", "worth", "within", "within, one side", "gap covered", "size")
    return table(header, rows), met


def rates(worlds: int) -> tuple[Table, bool]:
    """Rates where people have several rows: what the enumeration can't show."""
    return _size_table(_size_cells(RATES, (60, 250, 800), ["one to four rows"]), worlds)


def calibration(worlds: int) -> tuple[Table, bool]:
    """Calibration in the large and near the cut-off, and the excess of the false positive rate."""
    return _size_table(_size_cells(CALIBRATIONS, (100, 400, 1200), ["one row", "one to four rows"]), worlds)


def ranking(worlds: int) -> tuple[Table, bool]:
    """AUC, Brier score and slope: the bootstrap of people."""
    return _size_table(_size_cells(RANKINGS, (100, 400, 1200), ["one row"]), worlds)


def power(worlds: int) -> tuple[Table, bool]:
    """Power at no gap over that of a test that knows the standard error."""
    rows, met = [], True
    ways = {"one row": 1, "one to four rows": 0}
    for number, (metric, people, way) in enumerate(
        itertools.product((*RATES, *CALIBRATIONS, *RANKINGS), (250, 700, 1500), ways)
    ):
        if metric in RANKINGS and way != "one row":
            continue
        found = run(Cell(metric, people, 4000, OTHERS_BASE, OTHERS_BASE, 0.0, way), worlds, seed=500 + number)
        margin = MARGIN[metric]
        cell: list[object] = [metric, people, way, f"{np.median(found.worth):.0f}"]
        for harm in ("both", "higher"):
            own, oracle = float(found.within(margin, harm).mean()), found.oracle(margin, harm)
            told = oracle >= TELLING
            met &= not told or own >= POWER_RATIO * oracle
            cell += [f"{own:.3f}", f"{oracle:.3f}", f"{own / oracle:.2f}" if told else "-"]
        rows.append(tuple(cell))
        print(rows[-1], flush=True)
    header = (
        "metric",
        "people",
        "rows a person",
        "worth",
        "power",
        "oracle's",
        "ratio",
        "one side",
        "oracle's",
        "ratio",
    )
    return table(header, rows), met


def coverage(worlds: int) -> tuple[Table, bool]:
    """How often an interval holds the truth, by denominator."""
    lines, met = _wilson_table()
    ns, rows = (25, 50, 100, 200, 400, 800), []
    for number, metric in enumerate((*CALIBRATIONS, *RANKINGS)):
        shares = []
        for people in ns:
            found = run(Cell(metric, people, 400, OTHERS_BASE, OTHERS_BASE, 0.0), worlds, seed=900 + number)
            shares.append(found.value_covered)
        fit = [n for place, n in enumerate(ns) if min(shares[place:]) >= COVERED]
        rows.append((metric, *(f"{share:.3f}" for share in shares), fit[0] if fit else "none of these"))
        print(rows[-1], flush=True)
    lines += ["", "A group's own value in score worlds, one row a person, base rate .25, by people.", ""]
    lines += table(("metric", *map(str, ns), "smallest from which .93 is held"), rows)
    ranks = []
    for number, (base, people) in enumerate(((0.5, 40), (0.5, 80), (0.5, 200), (0.25, 80), (0.25, 160), (0.1, 200))):
        found = run(Cell("auc", people, 400, base, OTHERS_BASE, 0.0), worlds, seed=950 + number)
        met &= found.value_covered >= COVERED
        ranks.append((base, people, round(base * people), f"{found.value_covered:.3f}", f"{found.covered:.3f}"))
        print(ranks[-1], flush=True)
    lines += ["", "AUC on the logit scale, from about 20 of the rarer class on.", ""]
    return lines + table(("base rate", "people", "events", "AUC covered", "gap covered"), ranks), met


def _wilson_table() -> tuple[Table, bool]:
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


def drawn() -> str:
    """How long 5,000 worlds take to draw."""
    world = Cell("fpr", 300, 2700, BASE, OTHERS_BASE, 0.1, "one to four rows").world()
    began, rows = time.process_time(), 0
    for sample in draws(world, 5000, seed=1):
        rows += sample.y.size
    spent = time.process_time() - began
    return f"5,000 score worlds of 3,000 people, {rows:,} rows in all, are drawn in {spent:.1f} CPU seconds."


SECTIONS: dict[str, tuple[str, Callable[[int], tuple[Table, bool]]]] = {
    "exact": ("Proportions, by adding up every result", exact),
    "rates": ("Rates of people with several rows", rates),
    "calibration": ("Calibration and the excess of the false positive rate", calibration),
    "ranking": ("AUC, Brier score and slope", ranking),
    "power": ("Power at no gap", power),
    "coverage": ("Coverage by denominator", coverage),
}


def write(section: str, lines: Table, page: Path) -> None:
    """Put a section's text into the page, in the place of its last one."""
    start, end = f"<!-- {section} -->", f"<!-- end of {section} -->"
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(start, 1) if start in text else (text.rstrip() + "\n\n", f"\n{end}\n")
    after = rest.split(end, 1)[1]
    page.write_text(before + "\n".join([start, *lines, end]) + after, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", default=list(SECTIONS), help=", ".join(SECTIONS))
    parser.add_argument("--worlds", type=int, default=5000)
    parser.add_argument("--page", type=Path, default=PAGE)
    asked = parser.parse_args()
    all_met = True
    for name in asked.sections:
        title, section = SECTIONS[name]
        began = time.process_time()
        lines, met = section(asked.worlds)
        all_met &= met
        command = f"python benchmarks/audit_size.py --worlds {asked.worlds} {name}"
        told = f"`{command}`; {time.process_time() - began:.0f} CPU seconds; demands {'met' if met else 'NOT MET'}."
        extra = (
            ["", "What a margin asks for, of many others:", "", *needed_people(), "", drawn()]
            if name == "exact"
            else []
        )
        write(name, [f"## {title}", "", told, "", *lines, *extra, ""], asked.page)
        print(name, "met" if met else "NOT MET", flush=True)
    return 0 if all_met else 1


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.exit(main())
