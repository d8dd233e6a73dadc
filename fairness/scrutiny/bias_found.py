"""What detection can do to the audit's findings: the numbers, and the sentences a board reads."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from desist.fairness.policy import Detection
from desist.fairness.statistics.group_measures import DIGITS

WITHIN, BEYOND, DEPENDS, IMPOSSIBLE = "within_whatever", "beyond_whatever", "depends", "ranges_do_not_fit"
NOT_MOVED, NOT_WORKED_OUT, NO_RANGES = "not_moved", "not_worked_out", "no_ranges"
STANDINGS = (WITHIN, BEYOND, DEPENDS, IMPOSSIBLE, NOT_MOVED, NOT_WORKED_OUT, NO_RANGES)

#: Metrics that no outcome enters.
WITHOUT_OUTCOME = ("selection", "burden", "benefit")


@dataclass(frozen=True)
class Tipping:
    """The ratio nearest 1 that takes a gap across the limit, all else alike; None where none from 0.1 to 10 does.

    ``overall``: the chance for unlisted people of everybody else at which it does.
    """

    ratio: float | None
    overall: float | None


@dataclass(frozen=True)
class GroupBias:
    """One group of one finding. ``low`` and ``high`` hold the true gap if detection lies within the board's ranges;
    ``sharp_low`` and ``sharp_high`` are the same without sampling error. Tipping: what takes the recorded gap into
    the limit where it is beyond, and out of it where it is within.
    """

    group: str
    recorded: float | None
    sharp_low: float | None
    sharp_high: float | None
    low: float | None
    high: float | None
    standing: str
    trimmed: bool
    recorded_within: bool
    assessed: bool
    between_groups: Tipping | None
    selected: Tipping | None

    def __post_init__(self) -> None:
        if self.standing not in STANDINGS:
            raise ValueError(f"{self.standing!r} is none of {STANDINGS}")


@dataclass(frozen=True)
class FindingBias:
    """One finding of the audit, with every group's bounds."""

    id: str
    metric: str
    characteristic: str
    margin: float
    harm: str
    groups: tuple[GroupBias, ...]


@dataclass(frozen=True)
class LabelBias:
    """What detection can do to the findings. ``ranges`` None: the board has stated none, and there are no bounds."""

    ranges: Detection | None
    level: float
    findings: tuple[FindingBias, ...]

    def as_json(self) -> dict[str, Any]:
        """As it is written down; numbers rounded so that two machines' files do not differ."""
        found: dict[str, Any] = _rounded(asdict(self))
        return found

    def words(self) -> tuple[str, ...]:
        """Sentences for the board. Groups that the audit cannot assess are counted, never told of one by one."""
        return sentences(self)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(entry) for entry in value]
    if isinstance(value, float):
        return round(value, DIGITS)
    return value


#: What each metric is about, for a sentence.
METRIC_WORDS = {
    "fpr": "people with no proven reoffence who are listed",
    "fnr": "people who reoffend and are not listed",
    "ppv": "listed people who reoffend",
    "fdr": "listed people with no proven reoffence",
    "for": "people not listed who reoffend",
    "base_rate": "people who reoffend",
    "sensitivity_in_need": "people with a need who reoffend and are listed",
    "calibration_in_the_large": "how far estimates are too high",
    "calibration_near_cut_off": "how far estimates near the cut-off are too high",
    "excess_fpr": "people with no proven reoffence who are listed beyond what their estimates explain",
}

LIMITS = (
    "This corrects the outcome only. The features count earlier sanctions, which come from the same detection: what "
    "that adds to the estimates of people whose offences are found out more often is not corrected here.",
    "The range of true gaps is wide enough to hold the true gap in at least {often} such audits, one group and finding "
    "at a time, wherever in the board's ranges detection lies; in the rest it lies outside, and nobody can tell which.",
    "If detection lies outside these ranges, these limits say nothing.",
    "Everybody else is treated as one group. The chance is that at least one of a person's offences is detected and "
    "proven, so somebody who offends often has a higher one: listed people's ratio must allow for that too.",
)


def sentences(found: LabelBias) -> tuple[str, ...]:
    """What the board is told, most general first."""
    said = [
        "An offence counts here only once it was detected and proven. If that happens more often to some people than "
        "to others who do the same, the recorded gaps are not the true ones.",
        _ranges(found.ranges),
    ]
    for finding in found.findings:
        said += _of_finding(finding, found.level)
    return (*said, *(limit.format(often=_often(found.level)) for limit in LIMITS))


def tipping_sentences(found: LabelBias, finding: str) -> tuple[str, ...]:
    """What detection would have to be like to change one finding, group by group; nothing for groups too small."""
    mine = [group for one in found.findings if one.id == finding for group in one.groups]
    told = [group for group in mine if group.assessed and group.standing not in (NOT_MOVED, NOT_WORKED_OUT)]
    return tuple(f"{group.group}: {_tipping_words(group)}" for group in told)


def _ranges(ranges: Detection | None) -> str:
    if ranges is None:
        return (
            "The board has stated no ranges for this, so how far the true gaps may lie from the recorded ones is not "
            "known; what would have to hold to change a finding is said below."
        )
    (o_low, o_high), (b_low, b_high), (k_low, k_high) = ranges.overall, ranges.between_groups, ranges.selected
    return (
        f"The board's ranges: of people outside a community who reoffend and are not listed, {_in_100(o_low)} to "
        f"{_in_100(o_high)} in 100 are found out and proven; for that community that chance is {b_low:g} to {b_high:g} "
        f"times everybody else's; and for listed people {k_low:g} to {k_high:g} times that of people not listed."
    )


def _of_finding(finding: FindingBias, level: float) -> list[str]:
    title = f"{finding.id} ({METRIC_WORDS.get(finding.metric, finding.metric.replace('_', ' '))})"
    standings = {group.standing for group in finding.groups}
    if standings <= {NOT_MOVED} and standings:
        return [f"{title}: no outcome enters it, so detection does not change it."]
    if standings <= {NOT_WORKED_OUT}:
        return [f"{title}: what detection does to it is not worked out here. It may be more or less than recorded."]
    told = [group for group in finding.groups if group.assessed and group.standing != NOT_WORKED_OUT]
    said = [f"{title}, {group.group}: {_of_group(group, level)}" for group in told]
    if rest := len(finding.groups) - len(told):
        people = "1 group is" if rest == 1 else f"{rest} groups are"
        said.append(f"{title}: {people} too small to assess, whatever is assumed about detection.")
    return said


def _of_group(group: GroupBias, level: float) -> str:
    recorded = f"the recorded gap is {_signed(group.recorded)} in 100"
    parts = [recorded, _tipping_words(group)]
    if group.standing == IMPOSSIBLE:
        parts.insert(1, "no chances in the board's ranges fit the records: more were proven than could be, so the "
                        "ranges need another look")  # fmt: skip
    elif group.standing != NO_RANGES:
        verdict = {
            WITHIN: "which is within the limit whatever holds in the board's ranges",
            BEYOND: "which is beyond the limit whatever holds in the board's ranges",
            DEPENDS: "so whether it is within the limit depends on detection",
        }[group.standing]
        interval = (
            f"in at least {_often(level)} such audits the true gap lies within a range like this one, "
            f"{_signed(group.low)} to {_signed(group.high)} in 100, {verdict}"
        )
        parts.insert(1, interval)
        if group.trimmed:
            parts.insert(2, "part of the ranges does not fit the records and was left out")
    return "; ".join(parts) + "."


def _tipping_words(group: GroupBias) -> str:
    """What detection alone would have to be like to change what was found."""
    change = "take it beyond the limit" if group.recorded_within else "bring it within the limit"
    between, listed = group.between_groups, group.selected
    if between is None or listed is None:
        return "nothing is known of what would change it"
    if between.ratio == 1 and between.overall is not None:
        return (
            f"to {change} no difference in detection is needed, only that {_in_100(between.overall)} in 100 of all "
            "who reoffend are found out and proven, alike for everybody"
        )
    first = _ratio_words(between, "this group's offences would have to be proven", "everybody else's")
    second = _ratio_words(listed, "listed people's offences would have to be proven", "unlisted people's")
    if first is None and second is None:
        return f"no ratio from 0.1 to 10, between groups or by listing, would {change}"
    return f"to {change}, " + ", or ".join(said for said in (first, second) if said)


def _ratio_words(tip: Tipping, whose: str, others: str) -> str | None:
    if tip.ratio is None or tip.overall is None:
        return None
    return f"{whose} {tip.ratio:.2f} times as often as {others} (where {_in_100(tip.overall)} in 100 are)"


def _often(level: float) -> str:
    """19 of 20 for a level of 95 %; more where an audit is a retry."""
    number = round(1 / (1 - level))
    return f"{number - 1} of {number}"


def _in_100(chance: float) -> str:
    return f"{100 * chance:.0f}"


def _signed(gap: float | None) -> str:
    if gap is None:
        return "not known"
    text = f"{100 * gap:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text
