"""The search for a points card: which few questions, then which whole points.

A beam adds one question at a time where the log-loss falls fastest, swaps follow, and the weights become whole points
by trying several multipliers and then moving single points while the loss falls, the intercept and the value of a
point being fitted anew each time. The plan is that of Liu, Zhong, Li, Seltzer and Rudin (2022), "FasterRisk: Fast and
Accurate Interpretable Risk Scores"; the code, the signs and the limits per feature are our own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desist.models.estimators.base import Floats, chance
from desist.models.estimators.candidates import Questions
from desist.models.estimators.logistic import Line, fit_bounded_logistic, fit_line, penalised_loss

Points = NDArray[np.int64]
Chosen = tuple[int, ...]  # numbers of questions, rising

MORE_TRIED = 4  # beside each card kept, so many more questions than cards are fitted, at most two of one feature
RIDGE = 1.0  # holds back a question that parts the outcomes cleanly in few rows
SWAP_ROUNDS = 4
MULTIPLIERS = 12
POINT_COST = 0.1  # log-loss a point must save: of two cards that are as good, the one with fewer points is taken
BETTER = 1e-6  # log-loss that counts as a gain
CELLS_BY_TABLE = 16  # up to so many questions, all combinations of answers are counted in a table


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
class Cells:
    """Rows counted by their answers to some questions: a line per combination that occurs."""

    answers: Floats
    rows: Floats
    events: Floats


@dataclass(frozen=True)
class Draft:
    """Questions with real weights (intercept last) and their penalised loss."""

    chosen: Chosen
    weights: Floats
    loss: float


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


class CardSearch:
    """One search over the questions about some rows; ``target`` is each row's outcome, or a chance to come close to."""

    def __init__(self, questions: Questions, target: Floats, limits: Limits) -> None:
        self.questions = questions
        self.target = target
        self.limits = limits
        self._columns: dict[int, NDArray[np.bool_]] = {}
        self._cells: dict[Chosen, Cells] = {}
        self._drafts: dict[Chosen, Draft] = {}
        self._hopes: dict[Chosen, list[int]] = {}

    def best(self) -> Card:
        """The card of least loss that was found."""
        drafts = self._swapped(self._grown())
        cards = [self._rounded(draft) for draft in drafts[: self.limits.breadth]]
        return self._polished(min(cards, key=lambda card: (card.cost, card.chosen)))

    def _column(self, question: int) -> NDArray[np.bool_]:
        if question not in self._columns:
            self._columns[question] = self.questions.column(question)
        return self._columns[question]

    def _counted(self, chosen: Chosen) -> Cells:
        if chosen not in self._cells:
            code = np.zeros(len(self.target), dtype=np.int64)
            for place, question in enumerate(chosen):
                code |= self._column(question).astype(np.int64) << place
            if len(chosen) > CELLS_BY_TABLE:
                kinds, code = np.unique(code, return_inverse=True)
            else:
                kinds = np.arange(1 << len(chosen))
            rows = np.bincount(code, minlength=len(kinds)).astype(float)
            events = np.asarray(np.bincount(code, self.target, minlength=len(kinds)), dtype=float)
            used = rows > 0
            answers = (kinds[used, None] >> np.arange(len(chosen))) & 1
            self._cells[chosen] = Cells(answers.astype(float), rows[used], events[used])
        return self._cells[chosen]

    def _fit(self, questions: Iterable[int], near: Draft | None) -> Draft:
        """Weights of the questions, starting from a draft that shares most of them."""
        chosen = tuple(sorted(questions))
        if chosen not in self._drafts:
            cells = self._counted(chosen)
            rate = self.target.mean()
            facing = np.where(self.questions.sign_of[list(chosen)] < 0, -1.0, 1.0)
            known = dict(zip(near.chosen, near.weights[:-1], strict=True)) if near else {}
            last = near.weights[-1] if near else np.log(rate / (1.0 - rate))
            design = np.column_stack([cells.answers * facing, np.ones(len(cells.rows))])
            bounded = np.array([*(self.questions.sign_of[list(chosen)] != 0), False])
            penalty = np.array([RIDGE] * len(chosen) + [0.0])
            weights = fit_bounded_logistic(
                design, cells.rows, cells.events, bounded=bounded, penalty=penalty,
                start=np.array([*(facing * [known.get(question, 0.0) for question in chosen]), last]), within=1e-7,
            )  # fmt: skip
            loss = penalised_loss(design, cells.rows, cells.events, weights, penalty)
            self._drafts[chosen] = Draft(chosen, np.array([*(facing * weights[:-1]), weights[-1]]), loss)
        return self._drafts[chosen]

    def _hopeful(self, draft: Draft) -> list[int]:
        """The questions to try beside a draft's own."""
        if draft.chosen not in self._hopes:
            logit = np.full(len(self.target), draft.weights[-1])
            for question, weight in zip(draft.chosen, draft.weights[:-1], strict=True):
                logit += weight * self._column(question)
            self._hopes[draft.chosen] = self._promising(logit, draft.chosen)
        return self._hopes[draft.chosen]

    def _promising(self, logit: Floats, chosen: Chosen) -> list[int]:
        """The questions whose first step from these logits would save most loss, at most two of one feature."""
        expected = chance(logit)
        information = expected * (1.0 - expected)
        slope = self.questions.sums(self.target - expected)
        curve = self.questions.sums(information)
        curve = curve - curve**2 / information.sum() + RIDGE  # the intercept moves along
        gain = np.where(self.questions.sign_of * slope < 0, 0.0, slope**2 / curve)
        gain[list(chosen)] = 0.0
        features = self.questions.feature_of
        used = np.bincount(features[list(chosen)], minlength=len(self.questions.signs))
        gain[used[features] >= self.limits.per_feature] = 0.0
        found: list[int] = []
        taken = np.zeros(len(used), dtype=int)
        for question in np.argsort(-gain, kind="stable"):
            if gain[question] <= 0 or len(found) == self.limits.breadth + MORE_TRIED:
                break
            taken[features[question]] += 1
            if taken[features[question]] <= 2:
                found.append(int(question))
        return found

    def _grown(self) -> list[Draft]:
        """The best drafts of the largest size at which another question still saved enough."""
        beam = [self._fit((), None)]
        for _ in range(self.limits.items):
            wider = {
                grown.chosen: grown
                for draft in beam
                for grown in (self._fit((*draft.chosen, question), draft) for question in self._hopeful(draft))
            }
            ranked = sorted(wider.values(), key=lambda draft: (draft.loss, draft.chosen))
            ranked = ranked[: self.limits.breadth]
            if not ranked or beam[0].loss - ranked[0].loss < self.limits.least_gain:
                break
            beam = ranked
        return beam

    def _swapped(self, beam: list[Draft]) -> list[Draft]:
        """The drafts after exchanging single questions while that lowers the loss, best first, each once."""
        found: dict[Chosen, Draft] = {}
        for draft in beam:
            for _ in range(SWAP_ROUNDS):
                better = self._best_swap(draft)
                if better is draft:
                    break
                draft = better
            found[draft.chosen] = draft
        return sorted(found.values(), key=lambda draft: (draft.loss, draft.chosen))

    def _best_swap(self, draft: Draft) -> Draft:
        best = draft
        for out in draft.chosen:
            if out not in best.chosen:
                continue
            rest = self._fit((question for question in best.chosen if question != out), best)
            for question in self._hopeful(rest)[: self.limits.breadth]:
                tried = self._fit((*rest.chosen, question), rest)
                if tried.loss < best.loss - BETTER:
                    best = tried
        return best

    def _card(self, worth: dict[int, int]) -> Card:
        """The card with these points per question, and the line of least loss through its points."""
        chosen = tuple(sorted(worth))
        points = np.array([worth[question] for question in chosen], dtype=np.int64)
        cells = self._counted(chosen)
        return Card(chosen, points, fit_line(cells.answers @ points, cells.rows, cells.events, ridge=RIDGE))

    def _allowed(self, worth: dict[int, int]) -> bool:
        """Whether points keep within the limit and the signs, and leave missing no worse than the worst value."""
        for question, points in worth.items():
            if abs(points) > self.limits.points or self.questions.sign_of[question] * points < 0:
                return False
            worst = self.questions.worst_points(question, worth)
            if worst is not None and points > worst:
                return False
        return True

    def _rounded(self, draft: Draft) -> Card:
        """The draft's weights as whole points, by the multiplier and the single moves that lose least."""
        weights = draft.weights[:-1]
        largest = float(np.abs(weights).max(initial=0.0))
        found = []
        for most in np.linspace(1.0, self.limits.points + 0.45, MULTIPLIERS) if largest > 0 else ():
            points = np.rint(weights * most / largest).astype(int)
            worth = dict(zip(draft.chosen, points.tolist(), strict=True))
            for question in draft.chosen:
                worst = self.questions.worst_points(question, worth)
                worth[question] = worth[question] if worst is None else min(worth[question], worst)
            found.append(self._moved(self._card(worth)))
        return min(found, key=lambda card: card.cost) if found else self._card({})

    def _moved(self, card: Card) -> Card:
        """The card after moving single points by one while that lowers the loss."""
        better = True
        while better:
            better = False
            for question in card.chosen:
                for move in (1, -1):
                    worth = dict(zip(card.chosen, card.points.tolist(), strict=True))
                    worth[question] += move
                    if not self._allowed(worth):
                        continue
                    tried = self._card(worth)
                    if tried.cost < card.cost - BETTER:
                        card, better = tried, True
        return card

    def _polished(self, card: Card) -> Card:
        """The card after exchanging single items at whole points while that lowers the loss; empty items fall away."""
        for _ in range(SWAP_ROUNDS):
            tried = card
            for question in card.chosen:
                tried = self._exchanged(tried, question) if question in tried.chosen else tried
            if tried.cost >= card.cost - BETTER:
                break
            card = self._moved(tried)
        return self._card({q: int(worth) for q, worth in zip(card.chosen, card.points, strict=True) if worth})

    def _exchanged(self, card: Card, out: int) -> Card:
        """The best card with another question in one place."""
        best = card
        others = dict(zip(card.chosen, card.points.tolist(), strict=True))
        before = others.pop(out)
        line = self._card(others).line
        total = np.zeros(len(self.target))
        for question, points in others.items():
            total += points * self._column(question)
        logit = line.intercept + line.slope * total
        for question in self._promising(logit, tuple(others)):
            for points in {before, *self._whole(question, logit, line.slope)}:
                worth = {**others, question: points}
                if points != 0 and self._allowed(worth):
                    tried = self._card(worth)
                    best = tried if tried.cost < best.cost - BETTER else best
        return best

    def _whole(self, question: int, logit: Floats, slope: float) -> list[int]:
        """The whole points on either side of the best weight of one more question."""
        expected = chance(logit)
        column = self._column(question)
        weight = (self.target - expected)[column].sum() / ((expected * (1.0 - expected))[column].sum() + RIDGE)
        worth = np.clip(weight / max(slope, 0.05), -self.limits.points, self.limits.points)
        return [int(np.floor(worth)), int(np.ceil(worth))]
