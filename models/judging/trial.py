"""One later test that the studies share: fitted on what was known before it, scored on later rows of other people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from desist.features.tables import FeatureSet
from desist.models.estimators.base import BASE, CannotFit, ChanceModel, Floats
from desist.models.estimators.calibration import Calibrated
from desist.models.judging.backtest import Plan, Split, fit_then_calibrate, fold_of, splits
from desist.models.judging.choice import later_half
from desist.models.judging.evaluate import Difference, paired_difference

#: From the features it may use and a seed to an unfitted model of the family studied.
MakeModel = Callable[[FeatureSet, int], ChanceModel]
Positions = NDArray[np.intp]


def later_splits(table: pd.DataFrame, plan: Plan) -> tuple[Split, ...]:
    """One fit per fold of people: learnt from labels known before the later half of the tested dates, scored on those.

    Raises CannotFit where no past date can be tested.
    """
    tested = sorted({pd.Timestamp(split.as_of) for split in splits(table, plan)})
    if not tested:
        raise CannotFit("No past date can be tested, so nothing can be studied. Take in more history.")
    later = np.array(tested)[later_half(np.array(tested))]
    fold = fold_of(table["person_id"], plan.folds, plan.seed)
    known = (table["as_of"] + pd.Timedelta(days=plan.known_after_days) <= later[0]).to_numpy()
    inside = table["as_of"].isin(later).to_numpy()
    return tuple(
        Split(later[0].date(), number, np.flatnonzero(known & (fold != number)), score)
        for number in range(plan.folds)
        if len(score := np.flatnonzero(inside & (fold == number)))
    )


@dataclass(frozen=True)
class Trial:
    """What every study of one model family is judged on: the same later rows of people that no fit has seen.

    ``table``: person_id, as_of, the feature columns and the outcome, known in every row. ``splits``: the folds of
    people used; more of them make the studies surer and slower.
    """

    table: pd.DataFrame
    features: FeatureSet
    make_model: MakeModel
    plan: Plan
    splits: tuple[Split, ...]
    replicates: int

    @classmethod
    def of(
        cls,
        table: pd.DataFrame,
        features: FeatureSet,
        make_model: MakeModel,
        plan: Plan,
        *,
        people_splits: int,
        replicates: int,
    ) -> Trial:
        """The trial on the later half of the tested dates, with so many of the plan's folds of people."""
        return cls(table, features, make_model, plan, later_splits(table, plan)[:people_splits], replicates)

    @cached_property
    def tested(self) -> pd.DataFrame:
        """The rows scored, split by split: the order of every score of the trial."""
        return self.table.iloc[np.concatenate([split.score for split in self.splits])]

    @property
    def y(self) -> Floats:
        return self.tested[self.plan.outcome].to_numpy(dtype=float)

    @property
    def people(self) -> NDArray[Any]:
        return self.tested["person_id"].to_numpy()

    def fit(
        self,
        features: FeatureSet | None = None,
        *,
        table: pd.DataFrame | None = None,
        keep: Callable[[Positions], Positions] | None = None,
    ) -> tuple[Calibrated, ...]:
        """A fitted and recalibrated model per split; ``keep`` says which of the rows that may teach do.

        Raises CannotFit where they cannot teach it anything.
        """
        using, rows = features or self.features, self.table if table is None else table
        found = []
        for split in self.splits:
            learn = rows.iloc[split.learn if keep is None else keep(split.learn)]
            model = self.make_model(using, self.plan.seed)
            found.append(
                fit_then_calibrate(
                    model, learn[list(using.names)], learn[self.plan.outcome], learn["as_of"], learn["person_id"]
                )
            )
        return tuple(found)

    def score(
        self, models: tuple[Calibrated, ...], *, table: pd.DataFrame | None = None, blank: tuple[str, ...] = ()
    ) -> Floats:
        """Each test row's chance by the model of its split; ``blank`` features are taken as missing."""
        rows = self.table if table is None else table
        found = []
        for model, split in zip(models, self.splits, strict=True):
            shown = rows.iloc[split.score].assign(**dict.fromkeys(blank, np.nan))
            found.append(model.predict_proba(shown)[:, 1])
        return np.concatenate(found)

    def used(self, models: tuple[Calibrated, ...]) -> tuple[str, ...]:
        """The features that move any learner's or test row's estimate."""
        found: set[str] = set()
        for model, split in zip(models, self.splits, strict=True):
            rows = self.table.iloc[np.concatenate([split.learn, split.score])]
            parts = model.contributions(rows).drop(columns=BASE)
            found |= {str(name) for name in parts.columns[(parts.max() - parts.min() > 0).to_numpy()]}
        return tuple(name for name in self.features.names if name in found)

    def difference(self, a: Floats, b: Floats) -> dict[str, Difference]:
        """The first scores' AUC, Brier score and log-loss less the second's, people drawn again."""
        return paired_difference(self.y, a, b, self.people, replicates=self.replicates, seed=self.plan.seed)

    @property
    def dates(self) -> tuple[dt.date, ...]:
        return tuple(sorted({date.date() for date in self.tested["as_of"]}))

    @property
    def words(self) -> str:
        """What was fitted and tested, as counts."""
        learners = self.table.iloc[np.unique(np.concatenate([split.learn for split in self.splits]))]
        fits = "one fit" if len(self.splits) == 1 else f"{len(self.splits)} fits, each without a fold of people"
        return (
            f"Learnt from up to {learners['person_id'].nunique():,} people whose labels were known before "
            f"{self.dates[0]} ({fits}); tested on {len(self.tested):,} rows of {len(np.unique(self.people)):,} other "
            f"people on {', '.join(str(date) for date in self.dates)}."
        )
