"""What to do with the released model this quarter, in words, from measured evidence. It never promotes anything.

The rules, in their order; every number below is fixed here and is no setting of a run:

1. Without a released model there is nothing to keep: the board decides on the candidate as on a first one.
2. With fewer than 100 people with the outcome, or without it, among the rows that matured since: *cannot tell*. The
   released model stays until its release ends, because nothing is shown against it.
3. The released model is *shown off* where mean chance less rate is 0.02 or more and its 95 % interval leaves out 0;
   or, with 200 people with the outcome, where the interval of its calibration slope leaves out 1.
4. *Recalibrate* where it is shown off and a recalibrated one loses less on people it was not recalibrated on.
5. *Refit* (the same recipe on all that is known), or *replace* it by another family, only where the one-sided 95 %
   lower bound of its gain in log-loss, over the best of what came before in this order, exceeds the margin: a tenth of
   the released model's own gain over the base rate. Families are tried from the most readable one on.
6. Otherwise *keep*.

A changed spread of scores (population stability index of 0.25 or more) and the share of today's caseload that would
change step are told beside the answer. Neither changes it: a shift of the people is a reason to look, not to move.
Sources: the margin is that of the choice between models (``models.judging.choice``); calibration before refitting is
Steyerberg (2019), "Clinical Prediction Models", 2nd ed., chapter 20; 0.25 is the custom of credit scoring (Siddiqi
2006, "Credit Risk Scorecards").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from desist.models.estimators.base import Floats, chance
from desist.models.estimators.calibration import shift_to
from desist.models.estimators.logistic import fit_line
from desist.models.judging.backtest import fold_of
from desist.models.judging.evaluate import (
    NEAREST_LOGIT,
    Difference,
    Measured,
    metrics_to_json,
    paired_difference,
    score_metrics,
)

LEAST_PEOPLE, PEOPLE_FOR_SLOPE = 100, 200
OFF = 0.02
MARGIN_SHARE = 0.1
CHANGED = 0.25
BINS, FOLDS = 10, 3

RELEASED, RECALIBRATED, REFIT = "released", "recalibrated", "refit"
FIRST = "decide on a first model"
CANNOT_TELL, KEEP, RECALIBRATE, REFIT_IT, REPLACE = "cannot tell", "keep", "recalibrate", "refit", "replace"
PROMOTES_NOTHING = (
    "This is advice from figures. Nothing was promoted: a model takes the released one's place only by the board's "
    "sign-offs and a new release."
)


@dataclass(frozen=True)
class Figures:
    """What was measured on rows that matured since the released model learned, by people it did not learn from.

    ``with_outcome`` and ``without``: people, not rows. ``gains``: per option and each before it, the mean log-loss
    saved (above 0: the option is better), as ``paired_difference(y, before, option)`` tells it. ``families`` are the
    other recipes, most readable first. ``moved``: share of today's caseload that would change step, by option.
    """

    released: str
    rows: int
    with_outcome: int
    without: int
    level: Measured
    slope: Measured
    gain_over_base: float
    gains: Mapping[str, Mapping[str, Difference]]
    families: tuple[str, ...] = ()
    stability: float | None = None
    moved: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ladder = [RELEASED, *(name for name in self.order if name in self.gains)]
        lacking = [f"{up} over {down}" for down, up in combinations(ladder, 2) if down not in self.gains[up]]
        if lacking or set(self.gains) - set(self.order):
            raise ValueError(f"gains are needed of each option over each before it; lacking: {lacking}")

    @property
    def order(self) -> tuple[str, ...]:
        """The options besides keeping, the least change first."""
        return (RECALIBRATED, REFIT, *self.families)

    @property
    def margin(self) -> float:
        """The gain in log-loss that a refit or another family must be shown to exceed."""
        return MARGIN_SHARE * max(self.gain_over_base, 0.0)

    def as_json(self) -> dict[str, Any]:
        told = {name: value for name, value in vars(self).items() if name not in ("level", "slope", "gains")}
        return {
            **told,
            "families": list(self.families),
            "moved": dict(self.moved),
            **metrics_to_json({"level": self.level, "slope": self.slope}),
            "gains": {option: metrics_to_json(over) for option, over in self.gains.items()},
            "margin": self.margin,
        }


@dataclass(frozen=True)
class Advice:
    """One answer with its sentences; ``option`` names what would take the released model's place, or is "released"."""

    answer: str
    option: str
    because: tuple[str, ...]
    figures: Figures | None

    def as_text(self) -> str:
        heads = {
            FIRST: "No model is in force.",
            CANNOT_TELL: "Cannot tell yet: keep the released model until its release ends.",
            KEEP: "Keep the released model.",
            RECALIBRATE: "Recalibrate the released model.",
            REFIT_IT: "Refit the released model's recipe.",
            REPLACE: f"Replace the released model: {self.option}.",
        }
        return " ".join([heads[self.answer], *self.because, PROMOTES_NOTHING])

    def as_json(self) -> dict[str, Any]:
        return {
            "answer": self.answer,
            "option": self.option,
            "words": self.as_text(),
            "figures": self.figures.as_json() if self.figures else None,
        }


def advise(figures: Figures | None) -> Advice:
    """Whether to keep, recalibrate, refit or replace the released model; None where none is released.

    The rules are those at the top of this file. Nothing is changed by asking.
    """
    if figures is None:
        return Advice(FIRST, "", ("The board decides on the candidate as on a first one.",), None)
    fewest = min(figures.with_outcome, figures.without)
    if fewest < LEAST_PEOPLE:
        told = (
            f"Since it was released {figures.with_outcome:,} people with the outcome and {figures.without:,} without "
            f"it have matured on {figures.rows:,} rows; {LEAST_PEOPLE} of each are needed."
        )
        return Advice(CANNOT_TELL, RELEASED, (told, *_beside(figures, RELEASED)), figures)
    off = _off(figures)
    option = _climb(figures, off)
    answers = {RELEASED: KEEP, RECALIBRATED: RECALIBRATE, REFIT: REFIT_IT}
    because = [*off] or [_in_line(figures)]
    because += _gained(figures, option, bool(off))
    return Advice(answers.get(option, REPLACE), option, (*because, *_beside(figures, option)), figures)


def not_measured(why: str) -> Advice:
    """The answer where the released model cannot be measured at all: cannot tell, and why."""
    return Advice(CANNOT_TELL, RELEASED, (why,), None)


def _off(figures: Figures) -> list[str]:
    """What is shown to be off in the released model's calibration, each in a sentence."""
    found = []
    level, slope = figures.level, figures.slope
    if _leaves_out(level, 0.0) and level.value is not None and abs(level.value) >= OFF:
        side = "higher" if level.value > 0 else "lower"
        found.append(f"Its chances are on average {abs(level.value):.3f} {side} than what happened ({_range(level)}).")
    enough = min(figures.with_outcome, figures.without) >= PEOPLE_FOR_SLOPE
    if enough and _leaves_out(slope, 1.0) and slope.value is not None:
        side = "too far apart" if slope.value < 1 else "too close together"
        found.append(f"Its chances lie {side}: calibration slope {slope.value:.2f} ({_range(slope, 2)}).")
    return found


def _climb(figures: Figures, off: Sequence[str]) -> str:
    """The option that holds, from the least change up: each must be shown better than the best before it."""
    now = RELEASED
    recalibrated = figures.gains.get(RECALIBRATED, {}).get(RELEASED)
    if off and recalibrated is not None and recalibrated.value is not None and recalibrated.value > 0:
        now = RECALIBRATED
    for option in (REFIT, *figures.families):
        gain = figures.gains.get(option, {}).get(now)
        if gain is not None and gain.at_least is not None and gain.at_least > figures.margin:
            now = option
    return now


def _gained(figures: Figures, option: str, off: bool) -> list[str]:
    """What the answer saves, or that no more was shown."""
    if option == RELEASED:
        none_helps = ["Recalibrating it did not help on other people: look at the data first."] if off else []
        if len(figures.gains) > 1:
            none_helps.append(f"Neither a refit nor another family is shown better by more than {figures.margin:.4f}.")
        return none_helps
    gain = figures.gains[option][RELEASED]
    assert gain.value is not None
    name = f"The {option} model" if option in (RECALIBRATED, REFIT) else f"The family {option}"
    words = f"{name} saves {gain.value:.4f} of log-loss against the released one"
    bound = f" (at least {gain.at_least:.4f}; the margin is {figures.margin:.4f})" if option != RECALIBRATED else ""
    return [f"{words}{bound}."]


def _beside(figures: Figures, option: str) -> list[str]:
    """What is told beside the answer: a changed spread of scores, and who would change step."""
    found = []
    if figures.stability is not None and figures.stability >= CHANGED:
        found.append(
            f"The scores of today's caseload are spread differently than before (stability index "
            f"{figures.stability:.2f}): look first whether a source or the caseload changed."
        )
    if option in figures.moved:
        found.append(f"{figures.moved[option]:.0%} of today's caseload would change step.")
    return found


def _in_line(figures: Figures) -> str:
    return f"Its chances are not shown to be off: {_range(figures.level)} of mean chance less rate."


def _leaves_out(measured: Measured, value: float) -> bool:
    return measured.low is not None and measured.high is not None and not measured.low <= value <= measured.high


def _range(measured: Measured, digits: int = 3) -> str:
    if measured.low is None or measured.high is None:
        return "cannot be told"
    return f"{measured.low:.{digits}f} to {measured.high:.{digits}f}"


# --- the figures from scored rows


def measure(
    y: ArrayLike,
    people: ArrayLike,
    scores: Mapping[str, ArrayLike],
    *,
    released: str,
    families: Sequence[str] = (),
    replicates: int,
    seed: int,
    stability: float | None = None,
    moved: Mapping[str, float] | None = None,
) -> Figures:
    """The figures of rows that matured since: outcomes, people, and each option's scores of the same rows.

    ``scores`` has the released model's own as "released", and as many of "recalibrated", "refit" and the families as
    there are; none may have learnt from these people. Intervals are from drawing people again.
    """
    outcome, names = np.asarray(y, dtype=float), np.asarray(people)
    if not len(outcome):
        none = Measured(None, None, None)
        return Figures(released, 0, 0, 0, none, none, 0.0, {}, tuple(families), stability, dict(moved or {}))
    draws = {"replicates": replicates, "seed": seed}
    own = score_metrics(outcome, scores[RELEASED], names, **draws)
    ladder = [RELEASED, *(name for name in (RECALIBRATED, REFIT, *families) if name in scores)]
    gains: dict[str, dict[str, Difference]] = {name: {} for name in ladder[1:]}
    for before, option in combinations(ladder, 2):
        gains[option][before] = paired_difference(outcome, scores[before], scores[option], names, **draws)["log_loss"]
    return Figures(
        released=released,
        rows=len(outcome),
        with_outcome=len(np.unique(names[outcome == 1])),
        without=len(np.unique(names[outcome == 0])),
        level=own["mean_score_less_rate"],
        slope=own["calibration_slope"],
        gain_over_base=own["log_loss_gain"].value or 0.0,
        gains=gains,
        families=tuple(families),
        stability=stability,
        moved=dict(moved or {}),
    )


def recalibrated_elsewhere(y: ArrayLike, score: ArrayLike, people: ArrayLike, *, seed: int) -> Floats:
    """Each row's score, recalibrated on the other folds of people: level alone, or the line with outcomes enough."""
    outcome, names = np.asarray(y, dtype=float), pd.Series(np.asarray(people))
    given = np.clip(np.asarray(score, dtype=float), NEAREST_LOGIT, 1 - NEAREST_LOGIT)
    logit, fold = np.log(given / (1.0 - given)), fold_of(names, FOLDS, seed)
    found = np.array(given)
    for number in range(FOLDS):
        learn, here = fold != number, fold == number
        events = int(outcome[learn].sum())
        fewer = min(events, int(learn.sum()) - events)
        if not fewer:
            continue
        intercept, slope = shift_to(logit[learn], outcome[learn]), 1.0
        if fewer >= PEOPLE_FOR_SLOPE:
            line = fit_line(logit[learn], np.ones(int(learn.sum())), outcome[learn])
            intercept, slope = line.intercept, line.slope
        found[here] = chance(intercept + slope * logit[here])
    return found


def stability_index(before: ArrayLike, now: ArrayLike) -> float:
    """How far today's scores are spread differently from earlier ones (population stability index), 0 for alike.

    Over tenths of the earlier scores; an empty tenth counts as half a row, so that it is large and not infinite.
    """
    earlier, today = np.asarray(before, dtype=float), np.asarray(now, dtype=float)
    if not len(earlier) or not len(today):
        raise ValueError("both caseloads need scores")
    edges = np.unique(np.quantile(earlier, np.linspace(0, 1, BINS + 1)[1:-1]))
    parts = [np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
             for values in (earlier, today)]  # fmt: skip
    first, second = (np.maximum(part, 0.5) / max(part.sum(), 1) for part in parts)
    return float(((second - first) * np.log(second / first)).sum())
