"""How far the audit's findings hold if offences of some people are found out and proven more often than others'.

Made from the audit's own counts and the ranges that the board's policy states. Says for each primary and answer
finding between which limits the true gap lies, and how unlike detection would have to be to change what was found.
It corrects the outcome only: features that count earlier sanctions carry the same bias, and stay as they are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from desist.fairness.audit import Audit
from desist.fairness.policy import SHOWN, Detection, FindingRule, Policy
from desist.fairness.scrutiny.bias_found import (
    BEYOND,
    DEPENDS,
    IMPOSSIBLE,
    NO_RANGES,
    NOT_MOVED,
    NOT_WORKED_OUT,
    WITHIN,
    WITHOUT_OUTCOME,
    FindingBias,
    GroupBias,
    LabelBias,
    Tipping,
)
from desist.fairness.scrutiny.detection_bounds import SLACK, Bounds, Contrast, Share, Side, bounds, reach
from desist.fairness.statistics.group_measures import GroupRow, Measure
from desist.fairness.statistics.intervals import Floats
from desist.fairness.statistics.verdicts import Finding

#: How detection moves each metric. The last three contain the scores too, which detection does not move.
MOVED = {
    "fpr": "fpr", "fnr": "fnr", "ppv": "ppv", "fdr": "fdr", "for": "for", "base_rate": "base_rate",
    "sensitivity_in_need": "sensitivity",
    "calibration_in_the_large": "over_prediction", "calibration_near_cut_off": "over_prediction", "excess_fpr": "fpr",
}  # fmt: skip
WITH_SCORES = ("calibration_in_the_large", "calibration_near_cut_off", "excess_fpr")
#: Metrics over part of the rows only, whose counts the audit's table does not hold: they must be handed over.
OVER_SOME_ROWS = ("sensitivity_in_need", "calibration_near_cut_off")
#: Ratios tried for the tipping point, in hundredths from 1 to 10 and the same below 1.
RATIOS = np.arange(100, 1001) / 100
#: Overall chances tried where the board has stated no range.
ANY_CHANCE = (0.05, 1.0)
CHANCES = 41


@dataclass(frozen=True)
class Counts:
    """Rows of a group that a metric is taken over: listed or not, and how many of each with the proven outcome.

    ``worth``: how many independent rows one row is worth, 1 where everybody has one.
    """

    listed: int
    listed_events: int
    unlisted: int
    unlisted_events: int
    worth: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.listed_events <= self.listed or not 0 <= self.unlisted_events <= self.unlisted:
            raise ValueError("there are more events than rows")
        if not 0 < self.worth <= 1:
            raise ValueError("a row is worth more than nothing, and one independent row at most")


#: Metric, characteristic and group -> counts, for the metrics over part of the rows.
Further = Mapping[str, Mapping[str, Mapping[str, Counts]]]


def label_bias(audit: Audit, policy: Policy, *, further: Further | None = None) -> LabelBias:
    """The bounds and tipping points of every primary and answer finding of an audit.

    ``further``: counts for metrics over part of the rows (``counts_among``); without them those metrics are
    ``not_worked_out``. AUC, Brier score and slope are never: they need each row's score.
    """
    rules = {rule.id: rule for rule in policy.findings if rule.role != SHOWN}
    found = tuple(
        _finding(finding, rules[finding.id], audit, policy.detection, further or {})
        for finding in audit.findings
        if finding.id in rules
    )
    return LabelBias(ranges=policy.detection, level=audit.level, findings=found)


def counts_among(rows: Floats, listed: Floats, y: Floats, groups: Floats, worth: float = 1.0) -> dict[str, Counts]:
    """Counts by group over the rows that are asked about (``rows`` and ``listed`` true or false, ``y`` 0 or 1)."""
    chosen, event = np.asarray(rows, dtype=bool), np.asarray(y) == 1
    selected, found = np.asarray(listed, dtype=bool), {}
    for group in sorted({str(name) for name in groups}):
        mine = chosen & (np.asarray(groups).astype(str) == group)
        cells = [mine & selected, mine & selected & event, mine & ~selected, mine & ~selected & event]
        listed_rows, proven, unlisted, proven_unlisted = (int(cell.sum()) for cell in cells)
        found[group] = Counts(listed_rows, proven, unlisted, proven_unlisted, worth)
    return found


def _finding(
    finding: Finding, rule: FindingRule, audit: Audit, ranges: Detection | None, further: Further
) -> FindingBias:
    rows = {row.group: row for row in audit.tables.get(finding.characteristic, ())}
    counts = further.get(finding.metric, {}).get(finding.characteristic, {})
    groups = []
    for part in finding.parts:
        row = rows[part.group]
        contrast = contrast_of(finding.metric, row, audit.everybody, counts, audit.level)
        assessed = not part.short_of
        groups.append(_group(finding.metric, row, contrast, rule, ranges, audit.level, assessed))
    return FindingBias(finding.id, finding.metric, finding.characteristic, finding.margin, rule.harm, tuple(groups))


def _group(
    metric: str,
    row: GroupRow,
    contrast: Contrast | None,
    rule: FindingRule,
    ranges: Detection | None,
    level: float,
    assessed: bool,
) -> GroupBias:
    measure = row.measures.get(metric)
    gap = measure.gap if measure else None
    inside = gap is not None and bool(within(np.array([gap]), rule.margin, rule.harm)[0])
    found, standing = None, NOT_MOVED if metric in WITHOUT_OUTCOME else NOT_WORKED_OUT
    tips: list[Tipping | None] = [None, None]
    if contrast is not None and gap is not None:
        found = bounds(contrast, ranges, level) if ranges else None
        standing = _standing(found, rule.margin, rule.harm)
        chances = ranges.overall if ranges else ANY_CHANCE
        tips = [tipping(contrast, rule.margin, rule.harm, inside, chances, which) for which in (0, 1)]
    return GroupBias(
        group=row.group,
        recorded=gap,
        sharp_low=found.sharp_low if found else None,
        sharp_high=found.sharp_high if found else None,
        low=found.low if found else None,
        high=found.high if found else None,
        standing=standing,
        trimmed=bool(found and found.trimmed),
        recorded_within=inside,
        assessed=assessed,
        between_groups=tips[0],
        selected=tips[1],
    )


def within(gap: Floats, margin: float, harm: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether a gap is inside the limit in the direction that burdens the group."""
    low = np.ones(gap.shape, dtype=bool) if harm == "higher" else gap > -margin
    high = np.ones(gap.shape, dtype=bool) if harm == "lower" else gap < margin
    return np.asarray(low & high & ~np.isnan(gap))


def _standing(found: Bounds | None, margin: float, harm: str) -> str:
    if found is None:
        return NO_RANGES
    if found.low is None or found.high is None:
        return IMPOSSIBLE
    ends = within(np.array([found.low, found.high]), margin, harm)
    if ends.all():
        return WITHIN
    above = harm != "lower" and found.low > margin
    below = harm != "higher" and found.high < -margin
    return BEYOND if above or below else DEPENDS


def tipping(
    contrast: Contrast, margin: float, harm: str, inside: bool, chances: tuple[float, float], which: int
) -> Tipping:
    """The ratio nearest 1 that takes the gap out of the limit (where it is ``inside``) or into it.

    ``which`` 0: the group's chance of detection over everybody else's, listed or not. 1: a listed person's over an
    unlisted one's, in the group and outside. The other ratio stays 1; the overall chance may be any in ``chances``.
    Compares the gap itself, not its interval.
    """
    ratios = np.concatenate([RATIOS, 1 / RATIOS[1:]])
    overall = np.linspace(*chances, CHANCES)
    ratio, chance = (axis.ravel() for axis in np.meshgrid(ratios, overall, indexing="ij"))
    one = np.ones_like(ratio)
    between, listed = (ratio, one) if which == 0 else (one, ratio)
    s = np.stack([chance * between * listed, chance * between, chance * listed, chance])
    least = [share.value for side in (contrast.group, contrast.others) for share in side.shares[1:]]
    fits = (s <= 1 + SLACK).all(axis=0) & (s >= np.array(least)[:, None] - SLACK).all(axis=0)
    gap = contrast.at(s[:, fits])
    crossed = within(gap, margin, harm) != inside
    crossed &= ~np.isnan(gap)
    if not crossed.any():
        return Tipping(None, None)
    ratio, chance = ratio[fits][crossed], chance[fits][crossed]
    distance = np.abs(np.log(ratio))
    nearest = np.flatnonzero(distance <= distance.min() + SLACK)
    place = nearest[np.argmax(chance[nearest])]
    return Tipping(round(float(ratio[place]), 4), round(float(chance[place]), 4))


def contrast_of(
    metric: str, row: GroupRow, everybody: GroupRow, counts: Mapping[str, Counts], level: float
) -> Contrast | None:
    """What was recorded of a group and of everybody else, for a metric that detection moves; None for others."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    if metric not in MOVED:
        return None
    measure = row.measures.get(metric)
    if metric in OVER_SOME_ROWS:
        if row.group not in counts or len(counts) < 2:
            return None
        group = _side_of_counts([counts[row.group]])
        others = _side_of_counts([found for name, found in counts.items() if name != row.group])
    else:
        if everybody.n <= row.n:
            return None
        group, others = _side(row), _side_outside(row, everybody)
    if measure is None or metric not in WITH_SCORES:
        wider = (1.0, 1.0) if metric in OVER_SOME_ROWS or measure is None else _wider(metric, measure, group, others, z)
        return Contrast(MOVED[metric], group, others, wider=wider)
    if measure.gap is None or measure.gap_low is None or measure.gap_high is None:
        return None
    recorded = (measure.gap, measure.gap - measure.gap_low, measure.gap_high - measure.gap)
    return Contrast(MOVED[metric], group, others, recorded, z)


def _side(row: GroupRow) -> Side:
    worth = {name: row.measures[name].effective for name in ("selection", "ppv", "for")}
    return Side(
        Share(_ratio(row.selected, row.n), worth["selection"]),
        Share(_ratio(row.tp, row.selected), worth["ppv"]),
        Share(_ratio(row.fn, row.n - row.selected), worth["for"]),
    )


def _side_outside(row: GroupRow, everybody: GroupRow) -> Side:
    worth = {name: row.measures[name].others_effective for name in ("selection", "ppv", "for")}
    n, selected = everybody.n - row.n, everybody.selected - row.selected
    return Side(
        Share(_ratio(selected, n), worth["selection"]),
        Share(_ratio(everybody.tp - row.tp, selected), worth["ppv"]),
        Share(_ratio(everybody.fn - row.fn, n - selected), worth["for"]),
    )


def _side_of_counts(parts: list[Counts]) -> Side:
    listed, unlisted = sum(part.listed for part in parts), sum(part.unlisted for part in parts)
    worth = min(part.worth for part in parts)
    return Side(
        Share(_ratio(listed, listed + unlisted), worth * (listed + unlisted)),
        Share(_ratio(sum(part.listed_events for part in parts), listed), worth * listed),
        Share(_ratio(sum(part.unlisted_events for part in parts), unlisted), worth * unlisted),
    )


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _wider(metric: str, measure: Measure, group: Side, others: Side, z: float) -> tuple[float, float]:
    """How much wider the audit's own interval of each side is than these shares imply, never narrower: rows of a
    person hang together across listed and unlisted rows too."""
    outside = Share(measure.others or 0.0, measure.others_effective)
    inside = (measure.value, measure.low, measure.high)
    found, one = [], np.ones(1)
    for side, (value, low, high) in ((group, inside), (others, (outside.value, *outside.limits(z)))):
        below, above = reach(MOVED[metric], side, one, one, z)
        implied = float(np.hypot(below, above)[0])
        given = 0.0 if value is None or low is None or high is None else math.hypot(value - low, high - value)
        found.append(max(1.0, given / implied) if implied > 0 else 1.0)
    return found[0], found[1]
