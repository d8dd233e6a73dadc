"""Does the audit say what it may? Size, power and coverage of its verdicts, into docs/benchmarks/audit.md.

    OPENBLAS_NUM_THREADS=1 python benchmarks/audit_size.py --worlds 5000 [exact] [size] [power] [coverage] [rarer]
    OPENBLAS_NUM_THREADS=1 python benchmarks/audit_size.py size power --worlds 5000 --metrics auc brier

``exact`` adds up every possible result; the others count score worlds, whose truth is computed. The rows of a metric in
the page's tables are replaced as soon as it is done. Exits 1 where a demand is not met.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from audit_cells import AUC, SIZE, Cell, run, surely_above
from audit_proportions import POWER_RATIO, Table, exact, needed_people, table, wilson_table

from desist.simulation.score_worlds import draws

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "audit.md"
#: Margins that the worlds are set at, by metric.
MARGIN = {
    "fpr": 0.1, "fnr": 0.1, "ppv": 0.1, "selection": 0.05, "sensitivity_in_need": 0.1,
    "calibration_in_the_large": 0.05, "calibration_near_cut_off": 0.1, "excess_fpr": 0.05,
    "auc": 0.1, "brier": 0.03, "calibration_slope": 0.3,
}  # fmt: skip
RATES = ("fpr", "fnr", "ppv", "selection", "sensitivity_in_need")
RANKINGS = ("auc", "brier", "calibration_slope")
BASE, OTHERS_BASE, OTHER_PEOPLE = 0.3, 0.25, 1000
ONE, SEVERAL = "one row", "one to four rows"
#: From this power of the oracle on a ratio is asked for: below it hardly anybody could be told anything.
TELLING = 0.5
COVERED = 0.93
COVERAGE_PEOPLE = (25, 50, 100, 200, 400, 800)

Rows = list[tuple[object, ...]]


def size(metric: str, worlds: int) -> tuple[Rows, bool]:
    """Where the gap is the margin exactly. One row a person is left to the enumeration for rates."""
    ways = {True: (SEVERAL,), False: (ONE,) if metric in RANKINGS else (ONE, SEVERAL)}[metric in RATES]
    rows, met, margin = Rows(), True, MARGIN[metric]
    for seed, (people, way, sign) in enumerate(itertools.product((100, 400, 1200), ways, (1, -1)), start=100):
        cell = Cell(metric, people, OTHER_PEOPLE, BASE, OTHERS_BASE, sign * margin, way)
        found = run(cell, worlds, seed=seed)
        both = int(found.within(margin).sum())
        side = int(found.within(margin, "higher" if sign > 0 else "lower").sum())
        fails = surely_above(both, worlds) > SIZE or surely_above(side, worlds) > SIZE
        met &= not fails
        rows.append((metric, people, way, f"{cell.gap:+.2f}", f"{np.median(found.worth):.0f}", f"{both / worlds:.4f}",
                     f"{side / worlds:.4f}", f"{found.covered:.3f}", "FAILS" if fails else "kept", worlds))  # fmt: skip
        print(*rows[-1], flush=True)
    return rows, met


def power(metric: str, worlds: int) -> tuple[Rows, bool]:
    """At no gap, beside a test that knows the standard error."""
    rows, met, margin = Rows(), True, MARGIN[metric]
    ways = (ONE,) if metric in RANKINGS else (ONE, SEVERAL)
    for seed, (people, way) in enumerate(itertools.product((250, 700, 1500), ways), start=500):
        found = run(Cell(metric, people, 4000, OTHERS_BASE, OTHERS_BASE, 0.0, way), worlds, seed=seed)
        cell: list[object] = [metric, people, way, f"{np.median(found.worth):.0f}"]
        for harm in ("both", "higher"):
            own, oracle = float(found.within(margin, harm).mean()), found.oracle(margin, harm)
            told = oracle >= TELLING
            met &= not told or own >= POWER_RATIO * oracle
            cell += [f"{own:.3f}", f"{oracle:.3f}", f"{own / oracle:.2f}" if told else "-"]
        rows.append((*cell, worlds))
        print(*rows[-1], flush=True)
    return rows, met


def coverage(metric: str, worlds: int) -> tuple[Rows, bool]:
    """How often the interval of a group's own value holds it."""
    shares = []
    for people in COVERAGE_PEOPLE:
        cell = Cell(metric, people, 400, OTHERS_BASE, OTHERS_BASE, 0.0)
        shares.append(run(cell, worlds, seed=900 + people).value_covered)
    fit = [n for place, n in enumerate(COVERAGE_PEOPLE) if min(shares[place:]) >= COVERED]
    row = (metric, *(f"{share:.3f}" for share in shares), fit[0] if fit else "none of these", worlds)
    print(*row, flush=True)
    return [row], True


def rarer(metric: str, worlds: int) -> tuple[Rows, bool]:
    """The AUC from about 20 people of the rarer class on."""
    rows, met = Rows(), True
    if metric != "auc":
        return rows, met
    for base, people in ((0.5, 40), (0.5, 80), (0.5, 200), (0.25, 80), (0.25, 160), (0.1, 200)):
        found = run(Cell("auc", people, 400, base, OTHERS_BASE, 0.0), worlds, seed=950 + people)
        met &= found.value_covered >= COVERED
        rows.append(("auc", base, people, round(base * people), f"{found.value_covered:.3f}", f"{found.covered:.3f}",
                     worlds))  # fmt: skip
        print(*rows[-1], flush=True)
    return rows, met


Section = Callable[[str, int], tuple[Rows, bool]]
SECTIONS: dict[str, tuple[str, tuple[str, ...], Section]] = {
    "size": (
        "Size: how often *within* where the gap is the margin",
        ("metric", "people", "rows a person", "gap", "worth", "within", "within, harmful side alone", "gap covered",
         "size", "worlds"),
        size,
    ),
    "power": (
        "Power at no gap, beside a test that knows the standard error",
        ("metric", "people", "rows a person", "worth", "power", "oracle's", "ratio", "one side", "oracle's", "ratio",
         "worlds"),
        power,
    ),
    "coverage": (
        "Coverage of a group's own value, by people of one row each",
        ("metric", *map(str, COVERAGE_PEOPLE), "smallest from which .93 is held", "worlds"),
        coverage,
    ),
    "rarer": (
        f"Coverage of the AUC ({AUC}) by people of the rarer class",
        ("metric", "base rate", "people", "events", "AUC covered", "gap covered", "worlds"),
        rarer,
    ),
}  # fmt: skip


def drawn() -> str:
    """How long 5,000 worlds take to draw."""
    world = Cell("fpr", 300, 2700, BASE, OTHERS_BASE, 0.1, SEVERAL).world()
    began, rows = time.process_time(), 0
    for sample in draws(world, 5000, seed=1):
        rows += sample.y.size
    spent = time.process_time() - began
    return f"5,000 score worlds of 3,000 people, {rows:,} rows in all, are drawn in {spent:.1f} CPU seconds."


def ends_of(section: str) -> tuple[str, str]:
    return f"<!-- {section} -->", f"<!-- end of {section} -->"


def write(section: str, lines: Table, page: Path) -> None:
    """Put a section's text into the page, in the place of its last one."""
    start, end = ends_of(section)
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(start, 1) if start in text else (text.rstrip() + "\n\n", f"\n{end}\n")
    after = rest.split(end, 1)[1]
    page.write_text(before + "\n".join([start, *lines, end]) + after, encoding="utf-8")


def kept_rows(section: str, but: str, page: Path) -> Rows:
    """The rows of a section's table that are of other metrics."""
    start, end = ends_of(section)
    text = page.read_text(encoding="utf-8")
    if start not in text:
        return []
    lines = text.split(start, 1)[1].split(end, 1)[0].splitlines()
    cells = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines if line.startswith("| ")]
    return [row for row in cells[1:] if row[0] != but]


def put(section: str, metric: str, rows: Rows, page: Path) -> None:
    """Replace a metric's rows in a section's table."""
    title, header, _ = SECTIONS[section]
    order = list(MARGIN)
    every = sorted([*kept_rows(section, metric, page), *rows], key=lambda row: order.index(str(row[0])))
    command = f"`python benchmarks/audit_size.py --worlds N {section}`, N being the last column."
    write(section, [f"## {title}", "", command, "", *table(header, every), ""], page)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", default=["exact", *SECTIONS], help=", ".join(["exact", *SECTIONS]))
    parser.add_argument("--metrics", nargs="+", default=list(MARGIN), choices=list(MARGIN))
    parser.add_argument("--worlds", type=int, default=5000)
    parser.add_argument("--page", type=Path, default=PAGE)
    asked, all_met = parser.parse_args(), True
    for name in asked.sections:
        if name == "exact":
            lines, met = exact()
            wilson, covered = wilson_table()
            met &= covered
            told = f"`python benchmarks/audit_size.py exact`; demands {'met' if met else 'NOT MET'}."
            lines += ["", "**Coverage** over true rates from .005 to .995.", "", *wilson]
            lines += ["", "**What a margin asks for**, of very many others.", "", *needed_people(), "", drawn(), ""]
            write(name, ["## Proportions, by adding up every result", "", told, *lines], asked.page)
            all_met &= met
            continue
        for metric in asked.metrics:
            rows, met = SECTIONS[name][2](metric, asked.worlds)
            all_met &= met
            put(name, metric, rows, asked.page)
            print(name, metric, "met" if met else "NOT MET", flush=True)
    return 0 if all_met else 1


if __name__ == "__main__":
    sys.exit(main())
