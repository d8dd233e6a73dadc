"""What a set of features is worth: the loss when it stops or a model never had it, the gain when it is added.

Three questions, on the same later rows: *stops today* (the model as fitted, these features missing from now on),
*refit without* (another model that never had them) and *added for research* (one that is also given what the register
refuses, such as age). What is added never reaches a candidate: only differences leave this module.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from desist.features.tables import ROW, FeatureInfo, FeatureSet
from desist.models.estimators.base import CannotFit, Floats
from desist.models.estimators.calibration import Calibrated
from desist.models.judging.evaluate import Difference, metrics_to_json
from desist.models.judging.trial import Trial

STOPS, REFIT, ADDED = "stops today", "refit without", "added for research"


@dataclass(frozen=True)
class Whole:
    """The model with all its features, a fit per split, its scores of the test rows and the features that move them."""

    models: tuple[Calibrated, ...]
    score: Floats
    used: tuple[str, ...]


@dataclass(frozen=True)
class Ablation:
    """One set of features taken away or added. ``name`` says which, ``how`` in which of the three ways.

    ``features``: the set; ``used``: those of it that move the whole model's estimates. ``difference``: the measures
    without the set less those with it, so a Brier score above 0 is what is lost without; empty where ``why_not``.
    """

    name: str
    how: str
    features: tuple[str, ...]
    used: tuple[str, ...]
    difference: Mapping[str, Difference]
    words: str
    why_not: str = ""

    def to_json(self) -> dict[str, Any]:
        plain = {"features": list(self.features), "used": list(self.used)}
        return {**vars(self), **plain, "difference": metrics_to_json(self.difference)}


def whole_model(trial: Trial) -> Whole:
    """The model with all its features, fitted once for every study."""
    models = trial.fit()
    return Whole(models, trial.score(models), trial.used(models))


def stops_today(trial: Trial, whole: Whole, name: str, features: Collection[str]) -> Ablation:
    """What is lost if the set is missing from now on and the model stays as it is."""
    gone = _ordered(trial, features)
    used = tuple(feature for feature in gone if feature in whole.used)
    blank = trial.score(whole.models, blank=gone)
    return _ablation(trial, name, STOPS, gone, used, blank, whole.score)


def refit_without(trial: Trial, whole: Whole, name: str, features: Collection[str]) -> Ablation:
    """What is lost if the model is fitted anew without the set.

    Where none of the set moves an estimate, the model is already one without it: it is not fitted again.
    """
    gone = _ordered(trial, features)
    used = tuple(feature for feature in gone if feature in whole.used)
    left = FeatureSet(tuple(info for info in trial.features.features if info.name not in gone))
    if not used:
        return _ablation(trial, name, REFIT, gone, used, whole.score, whole.score)
    if not left.names:
        return _without_answer(name, REFIT, gone, used, "no feature would be left")
    try:
        score = trial.score(trial.fit(left))
    except CannotFit as problem:
        return _without_answer(name, REFIT, gone, used, str(problem))
    return _ablation(trial, name, REFIT, gone, used, score, whole.score)


def added_for_research(
    trial: Trial, whole: Whole, name: str, infos: tuple[FeatureInfo, ...], columns: pd.DataFrame
) -> Ablation:
    """What leaving these features out costs: the same model fitted with them too, for comparison and nothing else.

    ``columns``: person_id, as_of and a column per feature, a row for each of the trial's. Raises ValueError where one
    of them is among the model's own features: then it isn't left out.
    """
    names = tuple(info.name for info in infos)
    inside = sorted(set(names) & set(trial.features.names))
    if inside:
        raise ValueError(f"{', '.join(inside)}: already among the model's features, so leaving it out costs nothing")
    table = trial.table.drop(columns=list(names), errors="ignore").merge(
        columns[[*ROW, *names]], on=ROW, how="left", validate="one_to_one"
    )
    wider = FeatureSet(trial.features.features + infos)
    try:
        models = trial.fit(wider, table=table)
    except CannotFit as problem:
        return _without_answer(name, ADDED, names, (), str(problem))
    score = trial.score(models, table=table)
    return _ablation(trial, name, ADDED, names, names, whole.score, score)


def _ordered(trial: Trial, features: Collection[str]) -> tuple[str, ...]:
    unknown = sorted(set(features) - set(trial.features.names))
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: not among the model's features")
    return tuple(name for name in trial.features.names if name in features)


def _ablation(
    trial: Trial, name: str, how: str, features: tuple[str, ...], used: tuple[str, ...], without: Floats, having: Floats
) -> Ablation:
    difference = trial.difference(without, having)
    return Ablation(name, how, features, used, difference, _words(how, features, used, difference))


def _without_answer(name: str, how: str, features: tuple[str, ...], used: tuple[str, ...], why: str) -> Ablation:
    return Ablation(name, how, features, used, {}, f"Cannot be told: {why}", why)


def _words(how: str, features: tuple[str, ...], used: tuple[str, ...], difference: Mapping[str, Difference]) -> str:
    """The loss in a sentence: shown, or not shown and at most how much."""
    if not features:
        return "The model has no such feature."
    if not used:
        return f"None of the {len(features)} features moves this model's estimates: nothing is lost."
    brier, auc = difference["brier"], difference["auc"]
    if brier.value is None or auc.value is None or brier.at_most is None or brier.at_least is None:
        return "The test rows cannot tell."
    without = {
        STOPS: "If it stopped today, the unchanged model",
        REFIT: "A model that never had it",
        ADDED: "Leaving it out, the model",
    }[how]
    if brier.at_least > 0:
        moved = f"{auc.value:+.3f}".replace("-", "\u2212")
        return (
            f"{without} would lose {brier.value:.4f} of Brier score (at least {brier.at_least:.4f} with 95 % "
            f"confidence); its AUC would move by {moved}."
        )
    if brier.at_most <= 0:
        return f"{without} would lose nothing: its Brier score is shown to be no worse."
    return f"{without} is not shown to lose: at most {brier.at_most:.4f} of Brier score with 95 % confidence."
