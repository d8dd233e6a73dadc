"""Do the bounds on what detection does hold the truth, and how wide are they? Prints docs/benchmarks/label_bias.md.

    OPENBLAS_NUM_THREADS=1 python benchmarks/label_bias.py --worlds 400 --people 6000 > docs/benchmarks/label_bias.md

Worlds with set detection (desist.simulation.detection_worlds), and made-up partnerships with an enforcement gap and
feedback, whose truth files tell who offended whether or not it was found out.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from textwrap import fill

import numpy as np
import pandas as pd
from label_bias_found import LEVEL, METRICS, NARROW_ENOUGH, Cell, ends, in_short, says

from desist.fairness.audit import Audit, audit
from desist.fairness.policy import DEFAULT_POLICY_TOML, Detection, Policy, parse_policy
from desist.fairness.scrutiny.detection_bounds import Contrast, Share, Side, bounds
from desist.fairness.scrutiny.label_bias import label_bias
from desist.features.tables import Outcomes, Scores
from desist.simulation.detection_worlds import GROUP, OTHERS, DetectionWorld, draw_world
from desist.simulation.world import World
from desist.simulation.write import simulate

#: The ranges that the draft policy states; a board sets its own.
DRAFT = parse_policy(DEFAULT_POLICY_TOML).detection or Detection((1.0, 1.0), (1.0, 1.0), (1.0, 1.0))
#: Narrower ones, to see what a board loses that thinks it knows more than it does.
NARROW = Detection((0.3, 0.8), (0.8, 1.25), (1.0, 1.3))
SIZES = ((100, 400), (400, 1_500), (2_000, 8_000), (8_000, 32_000), (20_000, 80_000), (100_000, 400_000))
KNOWN_SIZES = SIZES[:3]
MANY = 1e12
def contrast(metric: str, counts: np.ndarray) -> Contrast:
    """What was recorded in a sample: counts by side, listed or not, rows and events."""
    sides = []
    for place in (GROUP, OTHERS):
        rows, events = counts[place, :, 0], counts[place, :, 1]
        shares = [Share(float(rows[0] / rows.sum()), float(rows.sum()))]
        shares += [Share(float(events[at] / rows[at]) if rows[at] else 0.0, float(rows[at])) for at in (0, 1)]
        sides.append(Side(*shares))
    return Contrast(metric, *sides)


def exact(metric: str, world: DetectionWorld) -> Contrast:
    """What endless rows of a world would show."""
    recorded = world.offend * world.detected
    shares = [[world.listed[place], *recorded[place]] for place in (GROUP, OTHERS)]
    return Contrast(metric, *(Side(*(Share(float(value), MANY) for value in side)) for side in shares))


def within_cells(worlds: int) -> list[Cell]:
    """Chances drawn anywhere in the draft's ranges, the same worlds at every size."""
    found = []
    for metric in METRICS:
        draw = np.random.default_rng([1, METRICS.index(metric)])
        drawn = [draw_world(draw, DRAFT.overall, DRAFT.between_groups, DRAFT.selected) for _ in range(worlds)]
        sharp = [bounds(exact(metric, world), DRAFT, LEVEL) for world in drawn]
        widths = [one.sharp_high - one.sharp_low for one in sharp]
        found += [_within(size, metric, drawn, widths) for size in SIZES]
    return sorted(found, key=lambda cell: SIZES.index(cell.size))


def _within(size: tuple[int, int], metric: str, worlds: Sequence[DetectionWorld], sharp: Sequence[float]) -> Cell:
    draw, held, narrow, ratios = np.random.default_rng([size[0], METRICS.index(metric)]), 0, 0, []
    for world, width in zip(worlds, sharp, strict=True):
        limits = bounds(contrast(metric, world.draw_counts(size, draw)), DRAFT, LEVEL)
        if not limits.fits:
            continue
        ratios.append((limits.high - limits.low) / width)
        holds = limits.low <= world.gap(metric) <= limits.high
        held += holds
        narrow += holds and ratios[-1] <= NARROW_ENOUGH
    return Cell(size, metric, len(worlds), int(held), int(narrow), tuple(ratios), tuple(sharp))


def within_the_ranges(cells: Sequence[Cell]) -> Iterator[str]:
    yield (
        "| rows (group, others) | metric | holds the truth | width over sharp: median | 95 % of worlds below | "
        "truth held within 1.15 times sharp | sharp width: median |"
    )
    yield "|---|---|---|---|---|---|---|"
    for cell in cells:
        yield (
            f"| {cell.rows} | {cell.metric} | {100 * cell.held / cell.worlds:.1f} % of {cell.worlds} | "
            f"{np.median(cell.ratios):.2f} | {np.quantile(cell.ratios, 0.95):.2f} | "
            f"{100 * cell.narrow / cell.worlds:.1f} % | {np.median(cell.sharp):.3f} |"
        )


def known_cells(worlds: int) -> list[Cell]:
    """Detection known exactly, so that only sampling error is left: the hardest case for coverage."""
    found, known = [], Detection((0.5, 0.5), (1.25, 1.25), (1.2, 1.2))
    for size in KNOWN_SIZES:
        for metric in METRICS:
            draw, held = np.random.default_rng([size[0], 7]), 0
            for _ in range(worlds):
                world = draw_world(draw, known.overall, known.between_groups, known.selected)
                limits = bounds(contrast(metric, world.draw_counts(size, draw)), known, LEVEL)
                held += limits.fits and limits.low <= world.gap(metric) <= limits.high
            found.append(Cell(size, metric, worlds, int(held)))
    return found


def at_the_edge(cells: Sequence[Cell]) -> Iterator[str]:
    yield "| rows (group, others) | metric | holds the truth | compatible with | 95 % or more? |"
    yield "|---|---|---|---|---|"
    for cell in cells:
        share = f"{100 * cell.held / cell.worlds:.1f} % of {cell.worlds}"
        yield f"| {cell.rows} | {cell.metric} | {share} | {says(cell.held, cell.worlds)} |"


def outside_the_ranges(worlds: int) -> Iterator[str]:
    low, high = DRAFT.between_groups
    yield f"| true ratio between groups (range {low:g} to {high:g}) | metric | holds the truth | said not to fit |"
    yield "|---|---|---|---|"
    for ratio in (1.5, 2.0, 3.0):
        for metric in ("fpr", "base_rate"):
            draw, held, told = np.random.default_rng([int(100 * ratio), 3]), 0, 0
            for _ in range(worlds):
                world = draw_world(draw, (0.25, 0.33), (ratio, ratio), (1.0, 1.0))
                found = bounds(contrast(metric, world.draw_counts((2_000, 8_000), draw)), DRAFT, LEVEL)
                told += found.trimmed
                held += found.fits and found.low <= world.gap(metric) <= found.high
            yield f"| {ratio} | {metric} | {100 * held / worlds:.1f} % | at least in part {100 * told / worlds:.0f} % |"


POLICY = """
version = "bench"
purpose = "iom_selection_support"
expiry_months = 6
[cut_offs]
steps = [0.2, 0.4, 0.6]
selection = 0.5
consequence = "both"
[groups]
minimum_people = 20
minimum_events = 20
minimum_non_events = 20
[sign_off]
roles = ["board_chair", "data_protection_officer"]
"""
AUDITED = ("fpr", "fnr", "ppv", "calibration_in_the_large", "excess_fpr")


def through_the_audit(worlds: int) -> Iterator[str]:
    """Rows of people with up to three dates, through the audit itself: effective numbers and all."""
    findings = "".join(
        f'[[finding]]\nid = "{metric}"\nmetric = "{metric}"\ncharacteristic = "side"\nmargin = 0.05\nminimum = 20\n'
        'role = "primary"\nharm = "both"\nreason = "Asked to measure whether the bounds hold."\n'
        for metric in AUDITED
    )
    policy = replace(parse_policy(POLICY + findings), detection=DRAFT)
    yield "| people (group, others) | metric | holds the truth | width over sharp: median |"
    yield "|---|---|---|---|"
    for people in ((300, 900), (4_000, 12_000)):
        draw, held, ratios = np.random.default_rng(people), dict.fromkeys(AUDITED, 0), {name: [] for name in AUDITED}
        for _ in range(worlds):
            world = draw_world(draw, DRAFT.overall, DRAFT.between_groups, DRAFT.selected)
            found = label_bias(judged(world.draw_rows(people, draw, most_dates=3), policy), policy)
            for finding in found.findings:
                one = next(group for group in finding.groups if group.group == "A")
                if one.low is None:
                    continue
                held[finding.metric] += one.low <= world.gap(finding.metric) <= one.high
                ratios[finding.metric].append((one.high - one.low) / (one.sharp_high - one.sharp_low))
        for metric in AUDITED:
            yield (
                f"| {people[0]:,}, {people[1]:,} | {metric} | {100 * held[metric] / worlds:.1f} % of {worlds} | "
                f"{np.median(ratios[metric]):.2f} |"
            )


def judged(rows: pd.DataFrame, policy: Policy) -> Audit:
    keys = rows[["person_id", "as_of"]]
    labels = keys.assign(proven=rows["recorded"].astype(float), why_missing="")
    outcomes = Outcomes(labels, ("proven",), {"proven": "a made-up outcome"})
    scores = Scores(keys.assign(score=rows["score"]), "made-up model")
    return audit(scores, outcomes, "proven", rows[["person_id", "as_of", "side"]], policy, seed=1, replicates=2)


def histories(people: int) -> Iterator[str]:
    yield (
        "| enforcement gap, listing raises detection by | listed by | group | detected: group listed, not; others "
        "listed, not | ratios: between groups (listed, not); listed (group, others) | metric | recorded gap | true gap "
        "| draft ranges | holds | narrower ranges | holds |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|---|---|"
    for gap, feedback in ((0.0, 0.2), (0.3, 0.2), (0.6, 0.5)):
        with tempfile.TemporaryDirectory() as folder:
            world = replace(World(), enforcement_gap=gap, listing_detection=feedback)
            simulate(Path(folder), people=people, seed=31, world=world)
            rows = judged_rows(Path(folder) / "truth")
        for listing in ("estimate", "list"):
            for name, group in (("Black and Mixed", ("Black", "Mixed")), ("Asian", ("Asian",))):
                yield from of_history(rows, listing, name, group, f"{gap:g}, {feedback:g}")


def judged_rows(truth: Path) -> pd.DataFrame:
    """One row a person, on one of four dates: offended (any offence), recorded (proven in time), and two listings.

    ``estimate``: a score that is right about the *recorded* outcome (the true chance of a proven reoffence) is at or
    above .4. ``list``: the person was on the made-up list that day, which raises detection.
    """
    chances = pd.read_parquet(truth / "chances.parquet").assign(as_of=lambda table: pd.to_datetime(table["as_of"]))
    dates = [pd.Timestamp(year, 4, 1) for year in (2021, 2022, 2023, 2024)]
    stock = chances[chances["as_of"].isin(dates) & (chances["supervised"] | chances["listed"])]
    stock = stock.sample(frac=1, random_state=1).drop_duplicates("person").reset_index(drop=True)
    offences = pd.read_parquet(truth / "offences.parquet")
    seen = stock[["person", "as_of"]].merge(offences[~offences["first"]], on="person")
    days = (pd.to_datetime(seen["occurred_on"]) - seen["as_of"]).dt.days
    until = (pd.to_datetime(seen["sanction_date"]) - seen["as_of"]).dt.days
    followed = (days >= 0) & (days < 365)
    groups = pd.read_parquet(truth / "people.parquet").set_index("person")["group"]
    return stock.assign(
        offended=stock["person"].isin(seen.loc[followed, "person"]),
        recorded=stock["person"].isin(seen.loc[followed & seen["detected"] & (until < 547), "person"]),
        estimate=stock["p_proven"] >= 0.4,
        list=stock["listed"],
        group=stock["person"].map(groups).astype(str),
    )


def of_history(rows: pd.DataFrame, listing: str, name: str, group: tuple[str, ...], knobs: str) -> Iterator[str]:
    counts, truth = np.zeros((2, 2, 2), dtype=int), np.zeros((2, 2), dtype=int)
    inside = rows["group"].isin(group)
    for place, side in ((GROUP, inside), (OTHERS, ~inside)):
        for at, chosen in ((0, rows[listing]), (1, ~rows[listing])):
            mine = rows[side & chosen]
            counts[place, at] = len(mine), int(mine["recorded"].sum())
            truth[place, at] = int(mine["offended"].sum())
    s = counts[:, :, 1] / truth
    true = np.stack([counts[:, :, 0], truth], axis=2)
    chances = ", ".join(f"{value:.2f}" for value in s.ravel())
    ratios = ", ".join(f"{value:.2f}" for value in (*(s[GROUP] / s[OTHERS]), *(s[:, 0] / s[:, 1])))
    for metric in METRICS:
        one = np.ones((4, 1))
        found, whole = contrast(metric, counts), float(contrast(metric, true).at(one)[0])
        cells = []
        for ranges in (DRAFT, NARROW):
            limits = bounds(found, ranges, LEVEL)
            cells += ["none fit", "no"] if not limits.fits else [
                f"{100 * limits.low:+.1f} to {100 * limits.high:+.1f}", "yes" if limits.low <= whole <= limits.high
                else "**no**"]  # fmt: skip
        yield (
            f"| {knobs} | {listing} | {name} ({int(counts[GROUP, :, 0].sum()):,}) | {chances} | {ratios} | {metric} | "
            f"{100 * float(found.at(one)[0]):+.1f} | {100 * whole:+.1f} | {' | '.join(cells)} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=400)
    parser.add_argument("--people", type=int, default=6_000)
    asked = parser.parse_args()
    begun = time.process_time()
    command = f"python benchmarks/label_bias.py --worlds {asked.worlds} --people {asked.people}"
    few = max(asked.worlds // 16, 1)
    within, known = within_cells(asked.worlds), known_cells(2 * asked.worlds)
    print(HEAD.format(command=command, ranges=_ranges(DRAFT)))
    for title, lines in (
        (SHORT, in_short(within, known)), (WITHIN, within_the_ranges(within)), (EDGE, at_the_edge(known)),
        (AUDIT.format(worlds=few, shown=f"{100 * ends(few, few)[0]:.0f}"), through_the_audit(few)),
        (OUTSIDE, outside_the_ranges(asked.worlds)),
        (HISTORIES.format(narrow=_ranges(NARROW)), histories(asked.people)),
    ):  # fmt: skip
        print(title)
        for line in lines:
            print(fill(line, 118, subsequent_indent="  ") if line.startswith("- ") else line, flush=True)
        print(f"{time.process_time() - begun:.0f} s CPU so far", file=sys.stderr, flush=True)


def _ranges(ranges: Detection) -> str:
    told = {"overall": ranges.overall, "between groups": ranges.between_groups, "listed over unlisted": ranges.selected}
    return ", ".join(f"{name} {low:g} to {high:g}" for name, (low, high) in told.items())


HEAD = """# What detection does to the findings: do the bounds hold?

Made by

    OPENBLAS_NUM_THREADS=1 {command} > docs/benchmarks/label_bias.md

Recorded = offended and detected; P(detected) depends on the group and on being listed or not. The ranges are those of
the draft policy: {ranges}.
Every ratio may be its own: that of listed to unlisted need not be the same in the group and outside it.
"""
SHORT = """## In short
"""
WITHIN = """
## Detection within the ranges

Chances drawn anywhere in the ranges. *Sharp*: the width that endless rows would leave, because the ranges are all that
is known; no method can be narrower. Asked: the truth held in at least 95 %, and with many rows a width of at most 1.15
times the sharp one.
"""
EDGE = """
## Detection known exactly

Only sampling error is left, so that 95 % is the aim itself. *Compatible with*: the shares of worlds that the count
leaves open (Clopper and Pearson, 95 %).
"""
AUDIT = """
## Through the audit, with repeated rows

People with one to three rows that are partly alike; over-prediction and excess contain the scores too. Their error is
the sum of two widths that hang together in an unknown way, so it errs to the wide side. {worlds} worlds a cell, all of
which hold the truth, show no more than {shown} %.
"""
OUTSIDE = """
## Detection outside the ranges

Nothing is promised, and the words for the board say so. Records can contradict the ranges only where more was proven
than could be; then it is said.
"""
HISTORIES = """
## Made-up partnerships with an enforcement gap and feedback

One row a person (supervised or listed), four dates; the truth is read from the truth files. Detection here is the
chance that *at least one* of a person's offences in the year is proven: people listed for a high estimate offend more
often, so their ratio is far above what feedback alone would make it. A board's range for listed people must allow for
that, and the draft's does. Narrower ranges tried beside it: {narrow}. Gaps in 100. These are few worlds, and narrower
ranges that do not hold the chances may hold the gap all the same.
"""

if __name__ == "__main__":
    main()
