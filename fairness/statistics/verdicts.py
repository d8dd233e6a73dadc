"""Three answers by equivalence: within the limit, outside it, or not to be told from these people.

Each group is compared with everybody else, and with the unweighted mean of the other groups, so that one large group
does not decide what everybody is measured against. The interval of the gap to everybody else inside the margin, the
gap to the mean itself inside it too, and no contrast wholly outside: ``meets``. Where a gap burdens in one direction
only, only that side must hold. All primary findings must meet, so that answer needs no correction. ``does_not_meet``
does: many groups and findings are looked at, and Holm's procedure over all parts of all primary findings keeps the
chance of any false one at 1 - level. Findings that are answered in writing, or only shown, are not corrected. Anything
else, and any group too small for the question: ``cannot_be_assessed``. Too small is judged by the power that the margin
asks for, not by a count alone (DOMAIN section 8), and is never a pass.
Source: Berger 1982, Technometrics 24 (intersection-union); Holm 1979, Scandinavian Journal of Statistics 6.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from desist.fairness.policy import PRIMARY, FindingRule, Policy
from desist.fairness.statistics import contrasts, eligibility
from desist.fairness.statistics.group_measures import GroupRow
from desist.fairness.statistics.intervals import z_of
from desist.fairness.statistics.power import needed

MEETS, DOES_NOT_MEET, CANNOT_BE_ASSESSED = "meets", "does_not_meet", "cannot_be_assessed"
#: From best to worst: a finding's answer is the worst of its groups'.
ANSWERS = (MEETS, CANNOT_BE_ASSESSED, DOES_NOT_MEET)

#: What a group that cannot be assessed shows all the same, from least to most.
LEANS = ("", "no_evidence", "a_gap_is_shown", "leaning_beyond_the_limit")

#: Chances of a false alarm this near to what is allowed are equal to it, after rounding.
ROUNDING = 1e-6


def inside(low: float | None, high: float | None, margin: float, harm: str = "both") -> bool:
    """Whether an interval ends before the margin on each side where a gap burdens."""
    if low is None or high is None:
        return False
    return (harm == "lower" or high < margin) and (harm == "higher" or -margin < low)


def beyond(low: float | None, high: float | None, margin: float, harm: str = "both") -> bool:
    """Whether an interval lies wholly beyond the margin, on a side where a gap burdens."""
    if low is None or high is None:
        return False
    return (harm != "lower" and low > margin) or (harm != "higher" and high < -margin)


def judge(gap_low: float | None, gap_high: float | None, margin: float, *, enough: bool, harm: str = "both") -> str:
    """The answer that one interval gives by itself; never ``meets`` unless there is enough to tell."""
    if enough and inside(gap_low, gap_high, margin, harm):
        return MEETS
    return DOES_NOT_MEET if enough and beyond(gap_low, gap_high, margin, harm) else CANNOT_BE_ASSESSED


def lean(gap_low: float | None, gap_high: float | None, margin: float, harm: str = "both") -> str:
    """What an interval shows that settles nothing; too few people, or an interval across the limit."""
    if gap_low is None or gap_high is None:
        return "no_evidence"
    if beyond(gap_low, gap_high, margin, harm):
        return "leaning_beyond_the_limit"
    return "a_gap_is_shown" if beyond(gap_low, gap_high, 0.0, harm) else "no_evidence"


def worst(answers: Iterable[str]) -> str:
    """The worst of some groups' answers; ``cannot_be_assessed`` where there is no group at all."""
    return max(answers, key=ANSWERS.index, default=CANNOT_BE_ASSESSED)


def holm(chances: Sequence[float], allowed: float) -> tuple[bool, ...]:
    """Which hypotheses Holm's procedure rejects, so that a false one among them has at most the ``allowed`` chance."""
    order, rejected = sorted(range(len(chances)), key=chances.__getitem__), [False] * len(chances)
    for rank, place in enumerate(order):
        if chances[place] * (len(chances) - rank) > allowed + ROUNDING * allowed:
            break
        rejected[place] = True
    return tuple(rejected)


@dataclass(frozen=True)
class Part:
    """One group's share in a finding. Rates and base rates stand side by side (REQUIREMENTS LAB-5).

    ``effective`` is what the denominator is worth in independent rows, ``needed`` what the margin asks for
    (None: no number would do, because everybody else is too few). ``short_of`` names each minimum not reached.
    ``mean_gap``: against the unweighted mean of the other groups. ``p_outside``: the chance of gaps at least as far
    beyond the limit if they were at it, both contrasts allowed for, none of the other parts; None without a gap.
    """

    group: str
    people: int
    denominator: int
    effective: float
    needed: int | None
    value: float | None
    low: float | None
    high: float | None
    others: float | None
    gap: float | None
    gap_low: float | None
    gap_high: float | None
    base_rate: float | None
    others_base_rate: float | None
    short_of: tuple[str, ...]
    answer: str
    lean: str
    mean_gap: float | None = None
    mean_low: float | None = None
    mean_high: float | None = None
    p_outside: float | None = None

    def intervals(self) -> tuple[tuple[float, float], ...]:
        """The contrasts whose interval is known."""
        ends = ((self.gap_low, self.gap_high), (self.mean_low, self.mean_high))
        return tuple((low, high) for low, high in ends if low is not None and high is not None)

    def beyond(self, margin: float, harm: str) -> bool:
        """Whether either contrast is wholly beyond the limit."""
        return any(beyond(low, high, margin, harm) for low, high in self.intervals())

    def follows(self, margin: float, harm: str, *, rejected: bool) -> tuple[str, str]:
        """Answer and lean; ``rejected``: whether a gap beyond the limit still stands among all that was looked at."""
        outside, enough = self.beyond(margin, harm), not self.short_of and self.gap_low is not None
        if enough and outside and rejected:
            return DOES_NOT_MEET, ""
        mean_held = self.mean_gap is None or inside(self.mean_gap, self.mean_gap, margin, harm)
        if enough and not outside and mean_held and inside(self.gap_low, self.gap_high, margin, harm):
            return MEETS, ""
        leans = [lean(low, high, margin, harm) for low, high in self.intervals()]
        return CANNOT_BE_ASSESSED, max(leans, key=LEANS.index, default="no_evidence")


@dataclass(frozen=True)
class Finding:
    """One question the policy set beforehand, with its answer and every group's part in it."""

    id: str
    metric: str
    characteristic: str
    margin: float
    reason: str
    answer: str
    parts: tuple[Part, ...]
    role: str = PRIMARY
    harm: str = "both"

    def __post_init__(self) -> None:
        """An answer that does not follow from its own numbers cannot be made, nor read from a file.

        Whether a primary's gap beyond the limit stands depends on the other findings: ``check_decided``.
        """
        for part in self.parts:
            ways = (True, False) if self.role == PRIMARY else (True,)
            if (part.answer, part.lean) not in [part.follows(self.margin, self.harm, rejected=way) for way in ways]:
                raise ValueError(f"finding {self.id}: the answer for {part.group} does not follow from its interval")
        if self.answer != worst(part.answer for part in self.parts):
            raise ValueError(f"finding {self.id}: its answer is not the worst of its groups' answers")

    @property
    def open_groups(self) -> tuple[str, ...]:
        """The groups for which the limit is not shown to be met."""
        return tuple(part.group for part in self.parts if part.answer != MEETS)


def decide(
    rules: Sequence[FindingRule],
    tables: Mapping[str, Sequence[GroupRow]],
    everybody: GroupRow,
    policy: Policy,
    level: float,
) -> tuple[Finding, ...]:
    """The answer to each question, in the policy's order. ``tables``: a characteristic's rows, made at ``level``.

    A characteristic without rows cannot be assessed.
    """
    drafts = [(rule, _parts(rule, tables.get(rule.characteristic, ()), everybody, policy, level)) for rule in rules]
    stand = _standing([(rule.role, parts) for rule, parts in drafts], level)
    found = []
    for (rule, parts), kept in zip(drafts, stand, strict=True):
        decided = []
        for part, rejected in zip(parts, kept, strict=True):
            answer, leaning = part.follows(rule.margin, rule.harm, rejected=rejected)
            decided.append(replace(part, answer=answer, lean=leaning))
        found.append(
            Finding(
                id=rule.id,
                metric=rule.metric,
                characteristic=rule.characteristic,
                margin=rule.margin,
                reason=rule.reason,
                answer=worst(part.answer for part in decided),
                parts=tuple(decided),
                role=rule.role,
                harm=rule.harm,
            )
        )
    return tuple(found)


def check_decided(findings: Sequence[Finding], level: float) -> None:
    """Raises ValueError unless every answer follows from the findings' own numbers, all of them taken together."""
    stand = _standing([(finding.role, finding.parts) for finding in findings], level)
    for finding, kept in zip(findings, stand, strict=True):
        for part, rejected in zip(finding.parts, kept, strict=True):
            told = part.follows(finding.margin, finding.harm, rejected=rejected)
            if (part.answer, part.lean) != told or not _p_agrees(finding, part, level):
                raise ValueError(f"finding {finding.id}: the answer for {part.group} does not follow from all findings")


def _standing(drafts: Sequence[tuple[str, Sequence[Part]]], level: float) -> list[list[bool]]:
    """For each part whether a gap beyond the limit stands: by Holm over primaries' parts with enough to tell."""
    chances = [_chance(part) for role, parts in drafts if role == PRIMARY for part in parts if not part.short_of]
    rejected = iter(holm(chances, 1 - level))
    return [[role != PRIMARY or (not part.short_of and next(rejected)) for part in parts] for role, parts in drafts]


def _chance(part: Part) -> float:
    return 1.0 if part.p_outside is None else part.p_outside


def _p_agrees(finding: Finding, part: Part, level: float) -> bool:
    """Whether the chance kept with a part agrees with its intervals: one is wholly beyond where it is small enough."""
    number = len(part.intervals())
    if part.p_outside is None or not number:
        return part.p_outside is None and not number
    excess = part.p_outside / number - (1 - level)
    return abs(excess) <= ROUNDING or (excess < 0) == part.beyond(finding.margin, finding.harm)


def _parts(
    rule: FindingRule, rows: Sequence[GroupRow], everybody: GroupRow, policy: Policy, level: float
) -> tuple[Part, ...]:
    """Every group's numbers; the answers are still to be given."""
    reached = [row for row in rows if row.people >= policy.minimum_people]
    return tuple(
        _part(rule, row, [other for other in reached if other is not row], everybody, policy, level) for row in rows
    )


def _part(
    rule: FindingRule, row: GroupRow, others: Sequence[GroupRow], everybody: GroupRow, policy: Policy, level: float
) -> Part:
    measure, base = row.measures[rule.metric], row.measures["base_rate"]
    wanted = needed(rule.metric, everybody, rule.margin, measure.others_effective, z_of(level), harm=rule.harm)
    return Part(
        group=row.group,
        people=row.people,
        denominator=measure.denominator,
        effective=measure.effective,
        needed=eligibility.whole(wanted),
        value=measure.value,
        low=measure.low,
        high=measure.high,
        others=measure.others,
        gap=measure.gap,
        gap_low=measure.gap_low,
        gap_high=measure.gap_high,
        base_rate=base.value,
        others_base_rate=base.others,
        short_of=_short_of(rule, row, everybody, wanted, policy),
        answer=CANNOT_BE_ASSESSED,
        lean="",
        mean_gap=measure.mean_gap,
        mean_low=measure.mean_low,
        mean_high=measure.mean_high,
        p_outside=_p_outside(rule, row, others, z_of(level)),
    )


def _p_outside(rule: FindingRule, row: GroupRow, others: Sequence[GroupRow], z: float) -> float | None:
    """The smaller of both contrasts' chances, times how many have an interval at the audit's own ``z``."""
    metric, measure = rule.metric, row.measures[rule.metric]
    mean_of = [other.measures[metric].own for other in others]
    found = [
        contrasts.chance_beyond(contrast, rule.margin, rule.harm, z)
        for contrast in (
            lambda level_z: contrasts.gap(metric, measure.own, measure.rest, level_z),
            lambda level_z: contrasts.gap_to_mean(metric, measure.own, mean_of, level_z, known_at=z),
        )
    ]
    known = [chance for chance in found if chance is not None]
    return round(min(1.0, len(known) * min(known)), 12) if known else None


def _short_of(rule: FindingRule, row: GroupRow, everybody: GroupRow, needed: float, policy: Policy) -> tuple[str, ...]:
    """Each minimum that the group, or everybody else, does not reach; empty where there is enough to tell."""
    if not row.n:
        return (eligibility.NO_OUTCOME,)
    measure, short = row.measures[rule.metric], []
    if everybody.n <= row.n:
        short.append("there is nobody to compare with")
    short += eligibility.worth_short(
        rule, policy, people=row.people, worth=measure.effective, others_worth=measure.others_effective, needed=needed
    )
    own, all_of_them = ((one.events, one.n - one.events) for one in (row, everybody))
    short += eligibility.outcomes_short(rule.metric, policy, row.group, own, all_of_them)
    return (*short, *eligibility.nothing_tested(rule.metric, everybody))
