"""Less discriminatory alternatives: what else could be done, which gaps it would lessen, and what each would cost.

Every option is judged on the rows of the audit, against the file that the board is asked about, in the same draws of
people. Nothing here was used to choose the file, and no answer of the audit hangs on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from desist.fairness.policy import ANSWER, PRIMARY, FindingRule, Policy
from desist.fairness.scrutiny.following import Followed, Follower, Judged, Option
from desist.fairness.statistics.bootstrap import spread
from desist.fairness.statistics.intervals import Floats, Z

ASKED, FEATURES, SHORTER, KIND, CUT_OFF, TAUGHT, BY_GROUP = (
    "the file asked about", "other features", "fewer lines", "another kind of model", "another cut-off for everybody",
    "taught to err alike", "a cut-off for each group",
)  # fmt: skip
KINDS = (ASKED, FEATURES, SHORTER, KIND, CUT_OFF, TAUGHT, BY_GROUP)
NEEDS_IT_TO_DECIDE = "never released: it needs everybody's characteristic when a list is made"
TAUGHT_WITH_IT = (
    "shown only: a characteristic was used in training, so it would need a decision in law before anybody makes it"
)
ONLY_A_START = "shown only: it is what the models taught to err alike start from"
#: An alternative keeps near enough the gain of the file asked about with so much of it.
NEAR_EQUAL = 0.9
DIGITS = 6


@dataclass(frozen=True)
class Change:
    """The option's value, and how much more that is than for the file asked about, with a 95 % interval."""

    value: float
    more: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class GapChange:
    """One finding's largest gap under the option, in the direction that burdens a group (below 0: it burdens nobody).

    ``low`` and ``high`` bound that group's gap; ``more``: how much larger it is than the largest under the file asked
    about, with its own 95 % interval.
    """

    finding: str
    metric: str
    role: str
    margin: float
    group: str
    gap: float
    low: float | None
    high: float | None
    more: float
    more_low: float | None
    more_high: float | None

    @property
    def shown(self) -> int:
        """-1 where the largest gap is shown to fall, 1 to grow; 0 where the interval holds no change."""
        if self.more_low is None or self.more_high is None:
            return 0
        return int(self.more_low > 0) - int(self.more_high < 0)


@dataclass(frozen=True)
class Alternative:
    """One option with what it gives and costs. ``listed`` and misses are per 100, gain kept is a share.

    ``missed``: of 100 rows with a proven reoffence, how many are not listed; ``missed_alike``: if it listed as many as
    the file asked about does, whoever has the highest estimates. ``frontier``: no option that may be
    released has both a better Brier score and smaller gaps. ``never``: why it is not released; empty where it may be.
    """

    name: str
    kind: str
    never: str
    auc: Change
    brier: Change
    gain_kept: float | None
    near_equal: bool
    listed: Change
    missed: Change
    missed_alike: Change
    gaps: tuple[GapChange, ...]
    worst: float | None
    frontier: bool

    def words(self) -> str:
        """What it would do, in one sentence for the board."""
        kept = "" if self.gain_kept is None else f" It keeps {100 * self.gain_kept:.0f} % of what the estimate gains."
        standing = f" {self.never[0].upper()}{self.never[1:]}." if self.never else ""
        listed = f"{self.listed.value:.0f} of 100 would be listed"
        if self.kind in (CUT_OFF, BY_GROUP):
            return f"{self.name}: {self._gaps()} {listed}, and {_per_100(self.missed)}.{standing}"
        return f"{self.name}: {self._gaps()} If it listed as many, {_per_100(self.missed_alike)}.{kept}{standing}"

    @property
    def primary(self) -> tuple[GapChange, ...]:
        return tuple(gap for gap in self.gaps if gap.role == PRIMARY)

    def _gaps(self) -> str:
        told = [
            f"the largest gap of {gap.finding} would {'fall' if gap.shown < 0 else 'grow'} by {abs(gap.more):.3f} "
            f"to {gap.gap:.3f} ({gap.group})"
            for gap in self.gaps
            if gap.shown
        ]
        return "; ".join(told) + "." if told else "no finding's largest gap is shown to move."


@dataclass(frozen=True)
class Alternatives:
    """The file asked about and its alternatives, in the order in which they were tried.

    ``not_followed``: findings whose metric no estimate moves, or for which no group has the people. ``not_tried``:
    what was not tried, and why.
    """

    rows: int
    people: int
    replicates: int
    asked: Alternative
    others: tuple[Alternative, ...]
    not_followed: tuple[str, ...]
    not_tried: tuple[str, ...]

    def may_lessen(self) -> tuple[Alternative, ...]:
        """Options that may be released, keep near the gain, and have a smaller worst primary gap on these rows."""
        mine = self.asked.worst
        return tuple(
            other
            for other in self.others
            if not other.never and other.near_equal and mine is not None and other.worst is not None
            and other.worst < mine
        )  # fmt: skip

    def shown_to_lessen(self) -> tuple[Alternative, ...]:
        """Those of them for which some primary finding's largest gap is shown to fall, and none to grow."""
        return tuple(
            other
            for other in self.may_lessen()
            if any(gap.shown < 0 for gap in other.primary) and not any(gap.shown > 0 for gap in other.primary)
        )

    def words(self) -> tuple[str, ...]:
        """What a board is told of alternatives."""
        ways = "way was" if len(self.others) == 1 else "ways were"
        said = [
            f"{len(self.others)} other {ways} tried on the {self.rows:,} rows of {self.people:,} people of the "
            "audit. The differences have intervals; none of them is an answer of the audit. Now "
            f"{self.asked.listed.value:.0f} of 100 are listed, and {self.asked.missed.value:.0f} of 100 people with a "
            "proven reoffence are not."
        ]
        shown = [other.name for other in self.shown_to_lessen()]
        unsure = [other.name for other in self.may_lessen() if other.name not in shown]
        if shown:
            said.append(f"Shown to lessen a gap at near the same gain: {'; '.join(shown)}. The board says why not.")
        else:
            said.append("No other way that may be released is shown to lessen a gap at near the same gain.")
        if unsure:
            said.append(f"Smaller gaps on these rows, which chance may have made: {'; '.join(unsure)}.")
        said += [other.words() for other in self.others]
        if self.not_followed:
            names = ", ".join(self.not_followed)
            said.append(f"Not followed here, for want of people or because no estimate moves them: {names}.")
        return (*said, *self.not_tried)

    def as_json(self) -> dict[str, Any]:
        """For scrutiny.json."""
        return {
            "rows": self.rows,
            "people": self.people,
            "replicates": self.replicates,
            "asked": asdict(self.asked),
            "others": [asdict(other) for other in self.others],
            "may_lessen": [other.name for other in self.may_lessen()],
            "shown_to_lessen": [other.name for other in self.shown_to_lessen()],
            "not_followed": list(self.not_followed),
            "not_tried": list(self.not_tried),
            "words": list(self.words()),
        }


def alternatives(
    asked: Option,
    options: Sequence[Option],
    judged: Judged,
    policy: Policy,
    *,
    replicates: int,
    seed: int,
    not_tried: Sequence[str] = (),
) -> Alternatives:
    """What the ``options`` would do beside the one ``asked`` about, for the policy's primary findings and answers."""
    for option in (asked, *options):
        if option.kind not in KINDS or option.score.size != judged.y.size:
            raise ValueError(f"{option.name}: no such kind of option, or not an estimate for each judged row")
    rules = [rule for rule in policy.findings if rule.role in (PRIMARY, ANSWER)]
    follower = Follower(judged, rules, asked, policy.minimum_people, replicates=replicates, seed=seed)
    base = follower.follow(asked)
    found = [_alternative(option, follower.follow(option), base, rules) for option in options]
    first = _alternative(asked, base, base, rules)
    marked = _frontier([first, *found])
    return Alternatives(
        rows=judged.y.size,
        people=int(np.unique(judged.people).size),
        replicates=replicates,
        asked=marked[0],
        others=tuple(marked[1:]),
        not_followed=tuple(rule.id for rule in rules if rule.id not in base.gaps),
        not_tried=tuple(not_tried),
    )


def _alternative(option: Option, mine: Followed, base: Followed, rules: Sequence[FindingRule]) -> Alternative:
    asked = [rule for rule in rules if rule.id in base.gaps]
    gaps = tuple(_gap(rule, mine, base) for rule in asked if not np.isnan(mine.largest(rule.id)[0]))
    primary = [gap.gap / gap.margin for gap in gaps if gap.role == PRIMARY]
    whole = len(primary) == sum(rule.role == PRIMARY for rule in asked)
    all_gain, my_gain = base.base_brier[0] - base.brier[0], base.base_brier[0] - mine.brier[0]
    kept = round(float(my_gain / all_gain), DIGITS) if all_gain > 0 else None
    return Alternative(
        name=option.name,
        kind=option.kind,
        never=option.never,
        auc=_change(mine.auc, base.auc, 1),
        brier=_change(mine.brier, base.brier, 1),
        gain_kept=kept,
        near_equal=kept is not None and kept >= NEAR_EQUAL,
        listed=_change(mine.listed, base.listed, 100),
        missed=_change(mine.missed, base.missed, 100),
        missed_alike=_change(mine.missed_alike, base.missed_alike, 100),
        gaps=gaps,
        worst=round(max(primary), DIGITS) if primary and whole else None,
        frontier=False,
    )


def _change(mine: Floats, base: Floats, scale: float) -> Change:
    more = scale * (mine - base)
    low, high = _around(more)
    return Change(_kept(scale * mine[0]), _kept(more[0]), low, high)


def _gap(rule: FindingRule, mine: Followed, base: Followed) -> GapChange:
    gaps = mine.gaps[rule.id]
    place = int(np.nanargmax(gaps[0]))
    low, high = _around(gaps[:, place])
    more = mine.largest(rule.id) - base.largest(rule.id)
    more_low, more_high = _around(more)
    return GapChange(
        finding=rule.id,
        metric=rule.metric,
        role=rule.role,
        margin=rule.margin,
        group=mine.groups[rule.id][place],
        gap=_kept(gaps[0, place]),
        low=low,
        high=high,
        more=_kept(more[0]),
        more_low=more_low,
        more_high=more_high,
    )


def _around(values: Floats) -> tuple[float | None, float | None]:
    """The value of the rows as they are, plus and minus 1.96 times the spread over the draws."""
    error = float(spread(values[1:, None])[0])
    if np.isnan(error) or np.isnan(values[0]):
        return None, None
    return _kept(values[0] - Z * error), _kept(values[0] + Z * error)


def _frontier(found: Sequence[Alternative]) -> list[Alternative]:
    """The same; marked is one that no releasable one beats in Brier score or worst gap without losing in the other."""
    rivals = [other for other in found if not other.never and other.worst is not None]

    def beaten(one: Alternative) -> bool:
        mine = (one.brier.value, one.worst)
        return any(
            (other.brier.value, other.worst) != mine
            and other.brier.value <= one.brier.value
            and other.worst is not None and one.worst is not None and other.worst <= one.worst
            for other in rivals
        )  # fmt: skip

    return [
        Alternative(**{**vars(one), "frontier": not one.never and one.worst is not None and not beaten(one)})
        for one in found
    ]


def _per_100(missed: Change) -> str:
    """How many more would be missed, of 100 who are proven to reoffend."""
    number, span = _whole(abs(missed.more)), ""
    if missed.low is not None and missed.high is not None:
        span = f" ({_signed(missed.low)} to {_signed(missed.high)})"
    if number == "0":
        return f"about as many of 100 people with a proven reoffence would not be listed{span}"
    way = "more" if missed.more > 0 else "fewer"
    return f"{number} {way} of 100 people with a proven reoffence would not be listed{span}"


def _whole(value: float) -> str:
    return f"{abs(value):.0f}"


def _signed(value: float) -> str:
    """A whole number with its sign, nought without."""
    whole = _whole(value)
    return whole if whole == "0" else f"{'+' if value > 0 else chr(0x2212)}{whole}"


def _kept(value: float) -> float:
    return round(float(value), DIGITS)
