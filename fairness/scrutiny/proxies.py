"""Proxies: how well a person's group can be told from each feature, and from all of them together.

No model is given a characteristic, but a feature may stand for one. Each group is told from everybody else whose
group is stated, on people held out, and held against the board's limits. One row a person counts, the last: a
person's rows on other dates would tell the group over again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from desist.fairness.approval.questions import PROXY, Question
from desist.fairness.groups import NOT_STATED
from desist.fairness.policy import ProxyLimits
from desist.fairness.scrutiny.telling import auc_interval, bins_of, held_out_auc, score_auc
from desist.fairness.statistics.intervals import Codes, Floats
from desist.records.errors import Refused

FOLDS = 5
#: A group of fewer people, or one with fewer people outside it, is not told apart: the answer would be luck.
FEWEST = 20
#: Features beside the flagged ones that are kept for the annex, per group.
MOST_SHOWN = 5
CHANCE = 0.5
BEYOND, NOT_RULED_OUT, WITHIN = "beyond", "not_ruled_out", "within"
ALONE, LINES, TREES = "one feature", "lines through all features", "trees over all features"
MODEL, ALL = "the estimate's own features", "all features"


@dataclass(frozen=True)
class Told:
    """How well one group can be told: from one feature, or (``feature`` empty) from a ``set`` of them.

    ``answer``: beyond the limit (and more than chance, for as many features as were tried), not ruled out (the
    interval reaches beyond), or within. ``used``: whether the feature moves the model's estimates.
    """

    characteristic: str
    group: str
    people: int
    feature: str
    set: str
    how: str
    used: bool
    auc: float
    low: float
    high: float
    limit: float
    answer: str

    def words(self) -> str:
        """A sentence for the board."""
        said = f"from '{self.feature.replace('_', ' ')}' alone" if self.feature else f"from {self.set} together"
        return (
            f"{self.group} can be told from everybody else {said} in {100 * self.auc:.0f} of 100 pairs "
            f"({100 * self.low:.0f} to {100 * self.high:.0f}; chance is 50, the board's limit {100 * self.limit:.0f})"
        )


@dataclass(frozen=True)
class Proxies:
    """What was told from what. ``too_few``: characteristic and group of those with too few people to tell.

    ``flagged``: features of the estimate that tell a group beyond the limit for one, in the order of the features.
    """

    people: int
    limits: ProxyLimits
    single: tuple[Told, ...]
    together: tuple[Told, ...]
    too_few: tuple[tuple[str, str], ...]
    flagged: tuple[str, ...]

    def questions(self) -> tuple[Question, ...]:
        """One question for each characteristic that can be told beyond a limit: why do these features stay?"""
        names = dict.fromkeys(told.characteristic for told in (*self.single, *self.together))
        return tuple(question for name in names if (question := self._question(name)) is not None)

    def _question(self, characteristic: str) -> Question | None:
        mine = [told for told in (*self.single, *self.together) if told.characteristic == characteristic]
        beyond = [told for told in mine if told.answer == BEYOND and (told.used or not told.feature)]
        if not beyond:
            return None
        best: dict[str, Told] = {}
        for told in sorted(beyond, key=lambda told: -told.auc):
            best.setdefault(told.feature or told.set, told)
        sentences = "; ".join(told.words() for told in best.values())
        name = characteristic.replace("_", " ")
        words = f"The features stand in for {name}: {sentences}. Why do these features stay, or which go?"
        return Question(f"proxy-{characteristic.replace('_', '-')}", PROXY, words)

    def words(self) -> tuple[str, ...]:
        """What a board is told of proxies."""
        said = [
            f"How well a person's group can be told from the features was measured on {self.people:,} people held out. "
            "A feature that tells a group well can carry the group into the estimate although nobody entered it. "
            "Each single feature was read in two ways and the better is told: its figure and its range read somewhat "
            "high, most of all for small groups, so that one is asked about rather than missed."
        ]
        asked = self.questions()
        said += [question.words for question in asked]
        if not asked:
            said.append("No feature of the estimate, and not all of them together, tells a group beyond the limits.")
        unsure = sorted({f"{told.group} ({told.characteristic.replace('_', ' ')})" for told in self._not_ruled_out()})
        if unsure:
            said.append("Too few people to rule out that a limit is passed for: " + "; ".join(unsure) + ".")
        if self.too_few:
            groups = "; ".join(f"{group} ({name.replace('_', ' ')})" for name, group in self.too_few)
            said.append(f"Fewer than {FEWEST} people, so nothing can be said of: {groups}.")
        return tuple(said)

    def _not_ruled_out(self) -> list[Told]:
        """Of the features together: with dozens of features some single one is never ruled out."""
        return [told for told in self.together if told.answer == NOT_RULED_OUT]

    def as_json(self) -> dict[str, Any]:
        """For scrutiny.json: what is together, and of single features the used, the flagged and the best five."""
        return {
            "people": self.people,
            "limits": asdict(self.limits),
            "together": [asdict(told) for told in self.together],
            "single": [asdict(told) for told in _worth_showing(self.single)],
            "too_few": [list(pair) for pair in self.too_few],
            "flagged": list(self.flagged),
            "words": list(self.words()),
        }


def proxies(
    table: pd.DataFrame,
    features: Sequence[str],
    groups: pd.DataFrame,
    people: pd.Series,
    limits: ProxyLimits,
    *,
    seed: int,
    used: Collection[str] | None = None,
) -> Proxies:
    """How well each group in ``groups`` (a column a characteristic) can be told from ``features`` of ``table``.

    Rows of the three stand side by side, oldest first; each person's last row counts. ``used``: the features that
    move the model's estimates (all, if not given); only they are flagged, and they are tried as a set of their own.
    Raises Refused where a feature is a characteristic itself.
    """
    same = sorted(set(features) & set(map(str, groups.columns)))
    if same:
        raise Refused(f"{', '.join(same)}: a protected characteristic is among the features.")
    used = tuple(name for name in features if used is None or name in used)
    last, folds = _one_row_a_person(people, seed)
    values = table.iloc[last][list(features)].astype(float).reset_index(drop=True)
    labels = groups.iloc[last].reset_index(drop=True).astype(str)
    binned = {name: bins_of(values[name].to_numpy()) for name in features}
    sets = {ALL: tuple(features)} | ({MODEL: used} if 0 < len(used) < len(features) else {})
    single: list[Told] = []
    together: list[Told] = []
    too_few: list[tuple[str, str]] = []
    for characteristic in map(str, labels.columns):
        asked = _Asked.of(characteristic, labels[characteristic], folds)
        too_few += [(characteristic, group) for group in asked.too_few]
        single += _each(asked, binned, limits.single, used)
        for name, chosen in sets.items():
            together += _together(asked, name, values[list(chosen)], limits.together, seed)
    beyond = {told.feature for told in single if told.answer == BEYOND and told.used}
    flagged = tuple(name for name in features if name in beyond)
    return Proxies(len(last), limits, tuple(single), tuple(together), tuple(too_few), flagged)


def _one_row_a_person(people: pd.Series, seed: int) -> tuple[Codes, Codes]:
    """The place of each person's last row, in the order of the persons' names, and each person's fold."""
    names = people.astype(str).reset_index(drop=True)
    last = names.drop_duplicates(keep="last").sort_values()
    order = np.random.default_rng(seed).permutation(len(last))
    return last.index.to_numpy(dtype=np.int64), (order % FOLDS).astype(np.int64)


@dataclass(frozen=True)
class _Asked:
    """One characteristic: who has a stated group (``rows``), which (``codes``), and who is in which fold."""

    characteristic: str
    rows: Codes
    codes: Codes
    folds: Codes
    groups: tuple[str, ...]
    told: tuple[int, ...]
    too_few: tuple[str, ...]

    @classmethod
    def of(cls, characteristic: str, labels: pd.Series, folds: Codes) -> _Asked:
        stated = np.flatnonzero((labels != NOT_STATED).to_numpy())
        groups, codes = np.unique(labels.to_numpy(dtype=str)[stated], return_inverse=True)
        sizes = np.bincount(codes, minlength=len(groups))
        enough = (sizes >= FEWEST) & (sizes.sum() - sizes >= FEWEST)
        return cls(
            characteristic=characteristic,
            rows=stated,
            codes=codes.astype(np.int64),
            folds=folds[stated],
            groups=tuple(map(str, groups)),
            told=tuple(int(code) for code in np.flatnonzero(enough)),
            too_few=tuple(str(group) for group in groups[~enough]),
        )

    def said(self, code: int, auc: float, limit: float, *, tried: int, **what: Any) -> Told:
        size = int((self.codes == code).sum())
        shown = auc_interval(auc, size, len(self.codes) - size, level=1 - 0.05 / tried)
        interval = auc_interval(auc, size, len(self.codes) - size)
        low, high = interval.low or 0.0, 1.0 if interval.high is None else interval.high
        answer = NOT_RULED_OUT if high > limit else WITHIN
        if auc > limit and shown.low is not None and shown.low > CHANCE:
            answer = BEYOND
        return Told(
            self.characteristic, self.groups[code], size, auc=round(auc, 6), low=round(low, 6), high=round(high, 6),
            limit=limit, answer=answer, **what,
        )  # fmt: skip


def _each(asked: _Asked, binned: dict[str, Codes], limit: float, used: Collection[str]) -> Iterator[Told]:
    """Every feature by itself."""
    for feature, bins in binned.items():
        aucs = held_out_auc(bins[asked.rows], asked.codes, asked.folds, len(asked.groups))
        for code in asked.told:
            if not np.isnan(aucs[code]):
                what = {"feature": feature, "set": "", "how": ALONE, "used": feature in used}
                # Two ways of reading each feature are tried, and the better one is told.
                yield asked.said(code, float(aucs[code]), limit, tried=2 * len(binned), **what)


def _together(asked: _Asked, name: str, values: pd.DataFrame, limit: float, seed: int) -> Iterator[Told]:
    """A set of features, by two ways of telling that miss different things."""
    if not asked.told:
        return
    matrix = values.iloc[asked.rows].to_numpy()
    for how, make in ((LINES, _lines), (TREES, _trees)):
        scores = _held_out(make, matrix, asked, seed)
        for code in asked.told:
            auc = score_auc(scores[:, code], asked.codes == code, asked.folds)
            if not np.isnan(auc):
                what = {"feature": "", "set": name, "how": how, "used": name == MODEL}
                yield asked.said(code, auc, limit, tried=2, **what)


def _held_out(make: Callable[[int], Any], matrix: Floats, asked: _Asked, seed: int) -> Floats:
    """The chance of each group for each row, from people of the other folds; NaN for a group they do not hold."""
    found = np.full((len(matrix), len(asked.groups)), np.nan)
    with threadpool_limits(limits=1):
        for fold in np.unique(asked.folds):
            held = asked.folds == fold
            taught = asked.codes[~held]
            if np.unique(taught).size > 1:
                model = make(seed).fit(matrix[~held], taught)
                found[np.ix_(held, model.classes_)] = model.predict_proba(matrix[held])
    return found


def _lines(seed: int) -> Any:
    """A logistic model of known values and of which are missing."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    fill = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    return make_pipeline(fill, StandardScaler(), LogisticRegression(C=0.1, max_iter=300))


def _trees(seed: int) -> Any:
    """A few small boosted trees: they see steps, and what two features say together."""
    from lightgbm import LGBMClassifier

    return LGBMClassifier(
        n_estimators=40, num_leaves=8, learning_rate=0.1, min_child_samples=20, reg_lambda=5.0, random_state=seed,
        n_jobs=1, deterministic=True, force_row_wise=True, verbose=-1,
    )  # fmt: skip


def _worth_showing(single: Sequence[Told]) -> list[Told]:
    """The features that the estimate uses or that pass the limit, and for each group those that tell it best."""
    by_group: dict[tuple[str, str], list[Told]] = {}
    for told in single:
        by_group.setdefault((told.characteristic, told.group), []).append(told)
    found = []
    for one in by_group.values():
        ranked = sorted(one, key=lambda told: (-told.auc, told.feature))
        found += [told for place, told in enumerate(ranked) if told.used or told.answer == BEYOND or place < MOST_SHOWN]
    return found
