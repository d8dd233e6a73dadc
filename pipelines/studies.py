"""What a run adds on its chosen kind of model: would more people help, what is each source worth, has it seen ahead?

One later test and, unless asked for more, one split of people serve every study, so that all of them cost some fifteen
fits. Columns that only a board's approval could let into a register (age, breaches, recalls) are used for research:
what leaves is the difference they make, never a model, a score or a column.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from desist.features.register import Feature, Register
from desist.features.standard_features import LOOKBACK, approval_features
from desist.features.tables import ROW
from desist.features.windows import days_in, length_in_words
from desist.models.judging.ablation import (
    Ablation,
    Whole,
    added_for_research,
    refit_without,
    stops_today,
    whole_model,
)
from desist.models.judging.alarm import Alarm, leak_alarm
from desist.models.judging.backtest import Plan
from desist.models.judging.learning import LearningCurve, learning_curve
from desist.models.judging.trial import MakeModel, Trial
from desist.pipelines.ground import Ground
from desist.records.errors import Refused

#: Look-backs asked about: what if older facts were not kept?
LOOKBACKS = ("1y", "2y", "5y")
#: What is true on the as-of date is no old fact, however long ago it began.
STATES = ("is_open",)
#: Families that follow how closely somebody is supervised, beside the features declared as enforcement (FEA-8).
SUPERVISED = ("appointments", "supervision")
ENFORCEMENT, AGE = "enforcement-driven features", "age at the as-of date"


@dataclass(frozen=True)
class Studies:
    """All studies of one run. ``model``: the kind of model studied; ``trial``: on how many rows, of whom and when."""

    model: str
    trial: str
    learning: LearningCurve
    ablations: tuple[Ablation, ...]
    alarm: Alarm

    def to_json(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "trial": self.trial,
            "learning": self.learning.to_json(),
            "ablations": [ablation.to_json() for ablation in self.ablations],
            "alarm": self.alarm.to_json(),
        }


def studies(
    table: pd.DataFrame,
    register: Register,
    make_model: MakeModel,
    plan: Plan,
    *,
    model: str,
    replicates: int,
    cut_off: float | None = None,
    research: pd.DataFrame | None = None,
    people_splits: int = 1,
) -> Studies:
    """The studies of one kind of model on the rows that back-tests may use, with the back-tests' plan (and its seed).

    ``table``: person_id, as_of, the register's columns and the outcome. ``model``: the kind's name. ``research``: from
    ``research_columns``; without it the costs of leaving age and enforcement out are not told. Raises CannotFit where
    no past date can be tested.
    """
    check_apart(table, register)
    trial = Trial.of(
        table, register.feature_set(), make_model, plan, people_splits=people_splits, replicates=replicates
    )
    whole = whole_model(trial)
    return Studies(
        model=model,
        trial=trial.words,
        learning=learning_curve(trial, cut_off=cut_off, full=whole.score),
        ablations=tuple(_ablations(trial, whole, register, research)),
        alarm=leak_alarm(trial, whole),
    )


def research_columns(ground: Ground, rows: pd.DataFrame) -> pd.DataFrame:
    """person_id, as_of and what the board has not approved: age, breaches, recalls and missed appointments.

    For ``studies`` alone. Ages come from the vault; nothing of it is kept.
    """
    from desist.features.engines.compiled import build_profiles

    asked = _not_in(ground.register)
    if not asked:
        return rows[ROW].copy()
    names = frozenset(feature.name for feature in asked)
    return build_profiles(ground.events, rows[ROW], Register(asked, LOOKBACK, names), ages=ground.vault.age_at).table


def check_apart(table: pd.DataFrame, register: Register) -> None:
    """Refuse rows to learn from that hold a column which only research may see."""
    found = sorted({feature.name for feature in _not_in(register)} & set(table.columns))
    if found:
        raise Refused(
            f"The rows to learn from hold {', '.join(found)}, which the board has not approved. Give such columns to "
            "the studies by themselves (research_columns); they never stand beside a candidate's."
        )


def feature_sets(register: Register) -> dict[str, tuple[str, ...]]:
    """The sets of features whose loss is told, by name: per source, enforcement, supervision, and per look-back."""
    used = register.used
    sources = dict.fromkeys(source for feature in used for source in sources_of(feature))
    found = {f"{source} data": tuple(f.name for f in used if source in sources_of(f)) for source in sources}
    found[ENFORCEMENT] = tuple(feature.name for feature in used if feature.enforcement)
    found["how closely somebody is supervised"] = tuple(
        feature.name for feature in used if feature.family in SUPERVISED
    )
    for days in map(days_in, LOOKBACKS):
        found[f"facts older than {length_in_words(days)}"] = tuple(
            feature.name
            for feature in used
            if feature.definition.looks_back() > days and feature.definition.function not in STATES
        )
    return {name: features for name, features in found.items() if features}


def sources_of(feature: Feature) -> tuple[str, ...]:
    """The agencies whose records the feature reads first."""
    return tuple(dict.fromkeys(rows.contract.source for rows in feature.definition.subjects()))


def _not_in(register: Register) -> tuple[Feature, ...]:
    """Age at the as-of date and the enforcement features that the register does not hold."""
    return tuple(
        feature
        for feature in approval_features()
        if (feature.enforcement or feature.name == "age_at_as_of") and feature.name not in register.names
    )


def _ablations(trial: Trial, whole: Whole, register: Register, research: pd.DataFrame | None) -> Iterator[Ablation]:
    for name, features in feature_sets(register).items():
        if name.endswith(" data"):
            yield stops_today(trial, whole, name, features)
        yield refit_without(trial, whole, name, features)
    if "age_at_as_of" in register.names:
        yield refit_without(trial, whole, AGE, ["age_at_as_of"])
    if research is None:
        return
    left_out = _not_in(register)
    for name, enforcement in ((ENFORCEMENT, True), (AGE, False)):
        infos = tuple(feature.info() for feature in left_out if feature.enforcement == enforcement)
        if infos:
            yield added_for_research(trial, whole, name, infos, research)
