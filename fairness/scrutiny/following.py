"""What one set of decisions would do: each finding's largest gap, gain and misses, in every draw of people alike.

Two options are compared within the same draws, so that what they share drops out of the difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from desist.fairness.policy import FindingRule
from desist.fairness.statistics.intervals import Codes, Floats

Mask = NDArray[np.bool_]
#: Rows this near to the cut-off (on either side) tell whether estimates are right where they decide.
NEAR = 0.1
#: Cells of replicates times rows held at once.
CELLS = 4_000_000
#: A ratio of two sums over rows: how it counts (+1 or -1), what is summed above and below.
Ratio = tuple[float, Floats, Floats]


@dataclass(frozen=True)
class Judged:
    """Rows that taught none of the options: outcome, person, groups, and who had a need (None: not known)."""

    y: Floats
    people: Codes
    groups: pd.DataFrame
    need: Mask | None = None

    def __post_init__(self) -> None:
        if not len(self.y) == len(self.people) == len(self.groups):
            raise ValueError("outcomes, people and groups have different lengths")


@dataclass(frozen=True)
class Option:
    """One way of deciding: an estimate for each judged row and whom it brings to review.

    ``never``: why it is never released; empty where the board could ask for it.
    """

    name: str
    kind: str
    score: Floats
    cut_off: Floats
    never: str = ""

    @property
    def selected(self) -> Mask:
        return np.asarray(self.score >= self.cut_off, dtype=bool)


def ratios(metric: str, judged: Judged, option: Option) -> tuple[Ratio, ...]:
    """The sums that make up a metric; none for one that no change of estimates moves, or that is no ratio."""
    y, one = judged.y, np.ones(judged.y.size)
    chosen, score = option.selected.astype(float), option.score
    near = (np.abs(score - option.cut_off) <= NEAR).astype(float)
    found: dict[str, tuple[Ratio, ...]] = {
        "selection": ((1, chosen, one),),
        "fpr": ((1, chosen * (1 - y), 1 - y),),
        "fnr": ((1, (1 - chosen) * y, y),),
        "ppv": ((1, chosen * y, chosen),),
        "fdr": ((1, chosen * (1 - y), chosen),),
        "for": ((1, (1 - chosen) * y, 1 - chosen),),
        "calibration_in_the_large": ((1, score - y, one),),
        "brier": ((1, (score - y) ** 2, one),),
        "calibration_near_cut_off": ((1, (score - y) * near, near),),
        "excess_fpr": ((1, chosen * (1 - y), 1 - y), (-1, chosen * (1 - score), 1 - score)),
    }
    if judged.need is not None:
        reached = y * judged.need
        found["sensitivity_in_need"] = ((1, chosen * reached, reached),)
    return found.get(metric, ())


@dataclass(frozen=True)
class Followed:
    """One option in every draw. The first row of each is the rows as they are; the others are draws of people.

    ``missed``: share of the rows with the outcome that are not listed; ``missed_alike``: the same if the highest
    estimates were listed, as many as the file asked about lists. ``gaps``: finding id -> draws x groups, positive
    where the gap burdens the group. ``groups``: whose columns.
    """

    auc: Floats
    brier: Floats
    base_brier: Floats
    listed: Floats
    missed: Floats
    missed_alike: Floats
    gaps: Mapping[str, Floats]
    groups: Mapping[str, tuple[str, ...]]

    def largest(self, finding: str) -> Floats:
        """The largest gap of the finding in every draw; NaN where no group has one."""
        gaps = self.gaps[finding]
        found = np.where(np.isnan(gaps), -np.inf, gaps).max(axis=1)
        return np.where(np.isfinite(found), found, np.nan)


def draw_people(people: Codes, replicates: int, seed: int) -> Floats:
    """How often each person is drawn: everybody once, then ``replicates`` draws with replacement."""
    persons = int(people.max(initial=-1)) + 1
    random = np.random.default_rng(seed)
    drawn = [np.bincount(random.integers(persons, size=persons), minlength=persons) for _ in range(replicates)]
    return np.vstack([np.ones(persons), *drawn]).astype(float)


class Follower:
    """Follows options over one set of judged rows and one set of draws.

    ``asked`` says which groups are followed for each rule: those of enough people, with the rule's least denominator,
    that are not everybody. They stay the same for every option, so that the largest gaps are of the same groups.
    """

    def __init__(
        self,
        judged: Judged,
        rules: Sequence[FindingRule],
        asked: Option,
        least_people: int,
        *,
        replicates: int,
        seed: int,
    ) -> None:
        self.judged, self._length = judged, int(asked.selected.sum())
        self._drawn = draw_people(judged.people, replicates, seed)
        found = {rule.id: self._groups(rule, asked, least_people) for rule in rules}
        self._members = {name: members for name, members in found.items() if members[0]}
        self._rules = tuple(rule for rule in rules if rule.id in self._members)

    def _groups(self, rule: FindingRule, asked: Option, least: int) -> tuple[tuple[str, ...], Floats]:
        """The groups that are followed for a rule, and the rows of each."""
        parts = ratios(rule.metric, self.judged, asked)
        if not parts or rule.characteristic not in self.judged.groups:
            return (), np.zeros((self.judged.y.size, 0))
        labels = self.judged.groups[rule.characteristic].astype(str).to_numpy()
        names, columns = [], []
        for group in sorted(set(labels)):
            inside = labels == group
            people = np.unique(self.judged.people[inside]).size
            rows = min(int((below[inside] > 0).sum()) for _, _, below in parts)
            if people >= least and rows >= rule.minimum and not inside.all():
                names.append(group)
                columns.append(inside.astype(float))
        return tuple(names), np.stack(columns, axis=1) if columns else np.zeros((labels.size, 0))

    def follow(self, option: Option) -> Followed:
        """The option in every draw."""
        judged = self.judged
        order = np.argsort(option.score, kind="stable")
        starts = np.flatnonzero(np.r_[True, np.diff(option.score[order]) != 0])
        parts: list[dict[str, Floats]] = []
        gaps: dict[str, list[Floats]] = {rule.id: [] for rule in self._rules}
        step = max(1, CELLS // max(1, judged.y.size))
        for start in range(0, len(self._drawn), step):
            weights = self._drawn[start : start + step][:, judged.people]
            found = _overall(weights, judged.y, option)
            found["auc"] = _auc(weights[:, order], judged.y[order], starts)
            found["missed_alike"] = _missed(weights, judged.y, highest(option.score, self._length))
            parts.append(found)
            for rule in self._rules:
                gaps[rule.id].append(self._gaps(rule, option, weights))
        joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return Followed(
            **joined,
            gaps={name: np.vstack(found) for name, found in gaps.items()},
            groups={name: members[0] for name, members in self._members.items()},
        )

    def _gaps(self, rule: FindingRule, option: Option, weights: Floats) -> Floats:
        """Each group against everybody else, turned so that a positive gap burdens the group."""
        members = self._members[rule.id][1]
        gap = np.zeros((len(weights), members.shape[1]))
        for sign, above, below in ratios(rule.metric, self.judged, option):
            tops, bottoms = weights @ (above[:, None] * members), weights @ (below[:, None] * members)
            with np.errstate(divide="ignore", invalid="ignore"):
                rest = ((weights @ above)[:, None] - tops) / ((weights @ below)[:, None] - bottoms)
                gap += sign * (tops / bottoms - rest)
        return {"higher": gap, "lower": -gap}.get(rule.harm, np.abs(gap))


def highest(score: Floats, number: int) -> Floats:
    """1 for each of the ``number`` highest estimates; rows that tie for the last places share them."""
    if number <= 0:
        return np.zeros(score.size)
    last = np.sort(score)[::-1][min(number, score.size) - 1]
    above, tied = score > last, score == last
    return np.asarray(above + tied * ((number - above.sum()) / tied.sum()), dtype=float)


def _overall(weights: Floats, y: Floats, option: Option) -> dict[str, Floats]:
    """Brier score, length of the list and misses of each draw."""
    rows = weights.sum(axis=1)
    rate, chosen = weights @ y / rows, option.selected.astype(float)
    return {
        "brier": np.asarray(weights @ (option.score - y) ** 2 / rows),
        "base_brier": rate * (1 - rate),
        "listed": np.asarray(weights @ chosen / rows),
        "missed": _missed(weights, y, chosen),
    }


def _missed(weights: Floats, y: Floats, chosen: Floats) -> Floats:
    """The share of the rows with the outcome that are not chosen."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(weights @ ((1 - chosen) * y) / (weights @ y))


def _auc(weights: Floats, y: Floats, starts: NDArray[np.intp]) -> Floats:
    """Pairs in which the row with the outcome has the higher estimate, ties half; rows lie in the order of it."""
    events = np.add.reduceat(weights * y, starts, axis=1)
    others = np.add.reduceat(weights * (1 - y), starts, axis=1)
    right = (events * (others.cumsum(axis=1) - 0.5 * others)).sum(axis=1)
    pairs = events.sum(axis=1) * others.sum(axis=1)
    return np.asarray(np.divide(right, pairs, out=np.full(len(weights), np.nan), where=pairs > 0), dtype=float)
