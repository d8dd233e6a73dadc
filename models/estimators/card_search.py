"""The search for a points card: which few lines, then which whole points.

A beam adds one line at a time where the card comes nearest to the curve it follows, exchanges of single lines follow,
and the weights become whole points by trying several multipliers, then moving points and exchanging lines while the
loss falls; the intercept and the value of a point are the best for each card that is tried. The plan is that of Liu,
Zhong, Li, Seltzer and Rudin (2022), "FasterRisk: Fast and Accurate Interpretable Risk Scores". Our own are the signs,
the limits per feature, counting lines, and that the loss is taken as a quadratic around the curve: a card's loss is
then a few products of sums made once, and tens of thousands of lines can be tried in one place in milliseconds. The
last choice is by the log-loss itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from desist.models.estimators.base import Floats, chance
from desist.models.estimators.candidates import Counts, Questions
from desist.models.estimators.closeness import RIDGE, Closeness, saved_by
from desist.models.estimators.logistic import Line, fit_line, solve_bounded

Points = NDArray[np.int64]
Chosen = tuple[int, ...]  # numbers of questions, rising
Worth = dict[int, int]  # points of each question

MORE_TRIED = 4  # beside each card kept, so many more questions than cards are fitted, at most two of one feature
SWAP_ROUNDS = 6
PAIRS_TRIED = 2
CLOSEST = 12  # so many questions are tried in the place of one that is taken out
MULTIPLIERS = 24
POINT_COST = 0.1  # log-loss a point must save: of two cards that are as good, the one with fewer points is taken
BETTER = 1e-6  # log-loss that counts as a gain
NOTHING = -np.inf


@dataclass(frozen=True)
class Limits:
    """What a card may be: its items, items of one feature, points of an item, and the loss an item must save.

    ``breadth``: how many cards the search keeps at each size.
    """

    items: int
    per_feature: int
    points: int
    least_gain: float
    breadth: int = 4


@dataclass(frozen=True)
class Draft:
    """Questions with real weights, and how much log-loss they save against giving everybody the mean."""

    chosen: Chosen
    weights: Floats
    saved: float


@dataclass(frozen=True)
class Card:
    """Questions with whole points; a row's logit is ``line.intercept + line.slope * points``."""

    chosen: Chosen
    points: Points
    line: Line

    @property
    def cost(self) -> float:
        """Log-loss, and a little for each point that somebody has to add up."""
        return self.line.loss + POINT_COST * float(np.abs(self.points).sum())


@lru_cache(maxsize=32)
def _moves(lines: int) -> Floats:
    """Every move of one or two points by one, a line each."""
    one = np.eye(lines)
    single = np.concatenate([one, -one])
    first, second = np.triu_indices(lines, 1)
    pairs = [up * one[first] + down * one[second] for up in (1.0, -1.0) for down in (1.0, -1.0)]
    return np.concatenate([single, *pairs])


class CardSearch:
    """One search over the questions about some rows; ``logit`` is the curve to come near to."""

    def __init__(self, questions: Questions, logit: Floats, limits: Limits) -> None:
        self.questions = questions
        self.limits = limits
        self.target = chance(logit)
        self.near = Closeness(questions, logit)
        self._columns: dict[int, Counts] = {}
        self._drafts: dict[Chosen, Draft] = {}
        self._hopes: dict[Chosen, tuple[list[int], list[int]]] = {}

    def best(self) -> Card:
        """The card of least loss that was found."""
        drafts = self._swapped(self._grown())
        drafts = [self._exchanged_twice(drafts[0]), *drafts[1:]]
        found = {self._key(worth): worth for draft in drafts[: self.limits.breadth] for worth in self._rounded(draft)}
        kept = sorted(found.values(), key=lambda worth: (-self._value(worth), sorted(worth.items())))
        polished = {self._key(worth): worth for worth in map(self._polished, kept[: self.limits.breadth])}
        cards = [self._card(worth) for worth in polished.values()]
        return self._settled(min(cards, key=lambda card: (card.cost, card.chosen)))

    def _column(self, question: int) -> Counts:
        if question not in self._columns:
            self._columns[question] = self.questions.column(question)
        return self._columns[question]

    @staticmethod
    def _key(worth: Worth) -> tuple[tuple[int, int], ...]:
        return tuple(sorted(worth.items()))

    def _fit(self, questions: Iterable[int]) -> Draft:
        """The best weights of the questions, with the right signs."""
        chosen = tuple(sorted(questions))
        if chosen not in self._drafts:
            places = list(chosen)
            facing = np.where(self.questions.sign_of[places] < 0, -1.0, 1.0)
            gram = self.near.products(chosen) * np.outer(facing, facing) + RIDGE * np.eye(len(chosen))
            pull = self.near.pull[places] * facing
            weights = solve_bounded(gram, pull, self.questions.sign_of[places] != 0) if chosen else np.empty(0)
            saved = float(pull @ weights - 0.5 * weights @ gram @ weights)
            self._drafts[chosen] = Draft(chosen, facing * weights, saved)
        return self._drafts[chosen]

    def _hopeful(self, draft: Draft) -> tuple[list[int], list[int]]:
        """The questions that would save most beside a draft's own: at most two of one feature, and of all."""
        if draft.chosen not in self._hopes:
            near, places = self.near, list(draft.chosen)
            rest, left = near.pull.copy(), near.size + RIDGE
            if places:
                rows = np.stack([near.row(question) for question in places])
                rest -= draft.weights @ rows
                root = np.linalg.cholesky(rows[:, places] + RIDGE * np.eye(len(places)))
                left = left - (np.linalg.solve(root, rows) ** 2).sum(axis=0)
            gain = np.where(self.questions.sign_of * rest < 0, 0.0, rest**2 / np.maximum(left, RIDGE))
            gain[self._full(draft.chosen)] = 0.0
            best = [int(question) for question in np.argsort(-gain, kind="stable")[:CLOSEST] if gain[question] > 0]
            self._hopes[draft.chosen] = self._best_places(gain), best
        return self._hopes[draft.chosen]

    def _full(self, chosen: Iterable[int]) -> NDArray[np.bool_]:
        """The questions that may not come beside these: themselves, and those of features asked often enough."""
        places = list(chosen)
        used = np.bincount(self.questions.feature_of[places], minlength=len(self.questions.signs))
        full = used[self.questions.feature_of] >= self.limits.per_feature
        full[places] = True
        counted = [question for question in places if self.questions.counting[question]]
        if counted:  # one feature is counted once: two counts of one thing are added up wrongly
            full |= self.questions.counting & np.isin(self.questions.feature_of, self.questions.feature_of[counted])
        return np.asarray(full)

    def _best_places(self, gain: Floats) -> list[int]:
        found: list[int] = []
        taken: dict[int, int] = {}
        for question in np.argsort(-gain, kind="stable"):
            if gain[question] <= 0 or len(found) == self.limits.breadth + MORE_TRIED:
                break
            feature = int(self.questions.feature_of[question])
            taken[feature] = taken.get(feature, 0) + 1
            if taken[feature] <= 2:
                found.append(int(question))
        return found

    def _grown(self) -> list[Draft]:
        """The best drafts of the largest size at which another question still saved enough."""
        beam = [self._fit(())]
        for _ in range(self.limits.items):
            wider = {
                grown.chosen: grown
                for draft in beam
                for grown in (self._fit((*draft.chosen, question)) for question in self._hopeful(draft)[0])
            }
            ranked = sorted(wider.values(), key=lambda draft: (-draft.saved, draft.chosen))
            ranked = ranked[: self.limits.breadth]
            if not ranked or ranked[0].saved - beam[0].saved < self.limits.least_gain:
                break
            beam = ranked
        return beam

    def _swapped(self, beam: list[Draft]) -> list[Draft]:
        """The drafts after exchanging single questions while that saves more, best first, each once."""
        found: dict[Chosen, Draft] = {}
        for draft in beam:
            for _ in range(SWAP_ROUNDS):
                better = self._best_swap(draft)
                if better is draft:
                    break
                draft = better
            found[draft.chosen] = draft
        return sorted(found.values(), key=lambda draft: (-draft.saved, draft.chosen))

    def _best_swap(self, draft: Draft) -> Draft:
        best = draft
        for out in draft.chosen:
            if out not in best.chosen:
                continue
            rest = self._fit(question for question in best.chosen if question != out)
            for question in self._hopeful(rest)[1]:
                tried = self._fit((*rest.chosen, question))
                if tried.saved > best.saved + BETTER:
                    best = tried
        return best

    def _exchanged_twice(self, draft: Draft) -> Draft:
        """The draft after exchanging two questions at a time, then single ones, while that saves more."""
        for _ in range(SWAP_ROUNDS):
            best = draft
            for out in combinations(draft.chosen, 2):
                rest = self._fit(question for question in draft.chosen if question not in out)
                for first in self._hopeful(rest)[1][:PAIRS_TRIED]:
                    middle = self._fit((*rest.chosen, first))
                    for second in self._hopeful(middle)[1][:1]:
                        tried = self._fit((*middle.chosen, second))
                        best = tried if tried.saved > best.saved + BETTER else best
            if best is draft:
                break
            draft = self._swapped([best])[0]
        return draft

    def _allowed(self, worth: Worth) -> bool:
        """Whether points keep within the limit and the signs, and leave missing no worse than the worst value."""
        for question, points in worth.items():
            if abs(points) > self.limits.points or self.questions.sign_of[question] * points < 0:
                return False
            worst = self.questions.worst_points(question, worth)
            if worst is not None and points > worst:
                return False
        return True

    def _value(self, worth: Worth) -> float:
        """What whole points save, less their cost."""
        chosen = tuple(sorted(worth))
        points = np.array([worth[question] for question in chosen], dtype=float)
        pull = np.array(self.near.pull[list(chosen)] @ points)
        size = np.array(points @ self.near.products(chosen) @ points + RIDGE * points @ points)
        return float(saved_by(pull, size)) - POINT_COST * float(np.abs(points).sum())

    def _rounded(self, draft: Draft) -> list[Worth]:
        """The draft's weights as whole points by several multipliers, each moved point by point to its best."""
        largest = float(np.abs(draft.weights).max(initial=0.0))
        found: dict[tuple[tuple[int, int], ...], Worth] = {}
        for most in np.linspace(1.0, self.limits.points + 0.45, MULTIPLIERS) if largest > 0 else ():
            points = np.rint(draft.weights * most / largest).astype(int).tolist()
            worth = dict(zip(draft.chosen, points, strict=True))
            for question in draft.chosen:
                worst = self.questions.worst_points(question, worth)
                worth[question] = worth[question] if worst is None else min(worth[question], worst)
            found.setdefault(self._key(worth), worth)
        return [self._moved(worth) for worth in found.values()] or [{}]

    def _moved(self, worth: Worth) -> Worth:
        """Points after moving one or two of them by one while that saves more; empty lines fall away."""
        chosen = tuple(sorted(worth))
        if not chosen:
            return worth
        points = np.array([worth[question] for question in chosen], dtype=float)
        products = self.near.products(chosen) + RIDGE * np.eye(len(chosen))
        pull = self.near.pull[list(chosen)]
        moves = _moves(len(chosen))
        move_pull = moves @ pull
        move_size = ((moves @ products) * moves).sum(axis=1)
        value = self._value(worth)
        while True:
            size = points @ products @ points + 2.0 * (moves @ (products @ points)) + move_size
            cost = POINT_COST * np.abs(points + moves).sum(axis=1)
            values = saved_by(pull @ points + move_pull, size) - cost
            for place in np.argsort(-values, kind="stable"):
                if values[place] <= value + BETTER:
                    return {q: int(p) for q, p in zip(chosen, points, strict=True) if p != 0}
                tried = points + moves[place]
                if self._allowed(dict(zip(chosen, tried.astype(int).tolist(), strict=True))):
                    points, value = tried, float(values[place])
                    break
            else:
                return {q: int(p) for q, p in zip(chosen, points, strict=True) if p != 0}

    def _polished(self, worth: Worth) -> Worth:
        """Points after exchanging single lines, and adding one where there is room, while that saves more."""
        for _ in range(SWAP_ROUNDS):
            before = self._value(worth)
            for question in sorted(worth):
                if question in worth:
                    worth = self._exchanged(worth, {q: p for q, p in worth.items() if q != question})
            if len(worth) < self.limits.items:
                more = self._exchanged(worth, worth)
                worth = more if self._value(more) > self._value(worth) + self.limits.least_gain else worth
            worth = self._moved(worth)
            if self._value(worth) <= before + BETTER:
                break
        return worth

    def _exchanged(self, worth: Worth, others: Worth) -> Worth:
        """The best points that keep ``others`` and have one more line; ``worth`` where none saves more."""
        near, limit = self.near, self.limits.points
        places = np.array(list(others), dtype=np.intp)
        points = np.array(list(others.values()), dtype=float)
        along = np.zeros(len(near.pull))
        for question, amount in others.items():
            along += amount * near.row(question)
        pull = float(near.pull[places] @ points)
        size = float(along[places] @ points + RIDGE * points @ points)
        sizes = near.size + RIDGE
        with np.errstate(divide="ignore", invalid="ignore"):
            ideal = (near.pull * size - pull * along) / (pull * sizes - near.pull * along)
        ideal = np.nan_to_num(np.clip(ideal, -limit, limit))
        tried = np.stack([np.floor(ideal), np.ceil(ideal)])
        values = saved_by(pull + tried * near.pull, size + 2.0 * tried * along + tried**2 * sizes)
        values -= POINT_COST * (np.abs(points).sum() + np.abs(tried))
        values[(self.questions.sign_of * tried < 0) | (tried == 0)] = NOTHING
        values[:, self._full(others)] = NOTHING
        value = self._value(worth)
        while values.size:
            place = np.unravel_index(int(np.argmax(values)), values.shape)
            if values[place] <= value + BETTER:
                break
            found = {**others, int(place[1]): int(tried[place])}
            if self._allowed(found):
                return found
            values[place] = NOTHING
        return worth

    def _card(self, worth: Worth) -> Card:
        """The card with these points per question, and the line of least log-loss through its points."""
        chosen = tuple(sorted(worth))
        points = np.array([worth[question] for question in chosen], dtype=np.int64)
        totals = np.zeros(len(self.target), dtype=np.int64)
        for question, amount in zip(chosen, points, strict=True):
            totals += amount * self._column(question)
        least = int(totals.min())
        rows = np.bincount(totals - least).astype(float)
        events = np.asarray(np.bincount(totals - least, self.target), dtype=float)
        at = least + np.flatnonzero(rows)
        return Card(
            chosen,
            points,
            fit_line(at.astype(float), rows[rows > 0], events[rows > 0], ridge=RIDGE * float(points @ points)),
        )

    def _settled(self, card: Card) -> Card:
        """The card after moving single points by one while that lowers the log-loss itself."""
        better = True
        while better:
            better = False
            for question in card.chosen:
                for move in (1, -1):
                    worth = dict(zip(card.chosen, card.points.tolist(), strict=True))
                    worth[question] = worth.get(question, 0) + move
                    if not self._allowed(worth):
                        continue
                    tried = self._card({q: points for q, points in worth.items() if points})
                    if tried.cost < card.cost - BETTER:
                        card, better = tried, True
        return card
