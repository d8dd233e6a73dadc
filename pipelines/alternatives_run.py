"""A run's alternatives: what else could be made of the same rows, judged beside the file that the board is asked about.

Every option is fitted on the rows that taught the audited file and scored on the rows that judge it. Groups are handed
to ``fairness``, which steers or cuts by them; no model of ours sees one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pandas as pd

from desist.fairness.policy import Policy
from desist.fairness.scrutiny import alternatives as scrutiny
from desist.fairness.scrutiny import mitigation
from desist.fairness.scrutiny.alternatives import Alternatives, alternatives
from desist.fairness.scrutiny.following import Judged, Mask, Option
from desist.features.tables import ROW, FeatureSet
from desist.models.estimators.base import CannotFit, ChanceModel, Floats
from desist.models.estimators.card import PointsCard
from desist.models.judging.backtest import fit_then_calibrate
from desist.pipelines.audited import DIGITS, SCORE, Audited, recipe_of
from desist.pipelines.ground import Ground
from desist.pipelines.groups import groups_of
from desist.pipelines.proxies_run import features_that_move
from desist.pipelines.session import Session
from desist.pipelines.studies import SUPERVISED
from desist.pipelines.training import Training
from desist.records.errors import Refused

#: Draws behind the intervals of the differences: they compare many things, and none of them is an answer.
REPLICATES = 400
#: How far the common cut-off is moved.
STEPS = (-0.1, -0.05, 0.05, 0.1)
#: Lines of the shorter cards.
LINES = (7, 5)
#: The gap in FPR that training lets stand, and at most so many characteristics are tried.
SLACK, MOST_TAUGHT = 0.02, 2
WRONGLY_LISTED = ("fpr", "excess_fpr")

Make = Callable[[int], ChanceModel]


@dataclass
class _Work:
    """What every option is made from, and what could not be tried."""

    session: Session
    ground: Ground
    training: Training
    audited: Audited
    policy: Policy
    learnt_groups: pd.DataFrame
    judged_groups: pd.DataFrame
    not_tried: list[str] = field(default_factory=list)

    @property
    def cut_off(self) -> float:
        return self.policy.cut_offs.selection

    @property
    def features(self) -> FeatureSet:
        return self.ground.register.feature_set()

    def asked(self) -> Option:
        score = self.audited.rows[SCORE].to_numpy(dtype=float)
        return self.option("The file asked about", scrutiny.ASKED, score)

    def option(self, name: str, kind: str, score: Floats, *, never: str = "", cut_off: float | None = None) -> Option:
        cut = np.full(score.size, self.cut_off if cut_off is None else cut_off)
        return Option(name, kind, score, cut, never)

    def without(self, features: tuple[str, ...]) -> FeatureSet:
        return FeatureSet(tuple(info for info in self.features.features if info.name not in features))

    def refitted(self, name: str, kind: str, features: FeatureSet, make: Make) -> Iterator[Option]:
        """One option fitted anew; noted where these rows cannot teach it."""
        learnt = self.training.learnt
        try:
            if not features.names:
                raise CannotFit("no feature would be left")
            model = fit_then_calibrate(
                make(self.session.settings.seed), learnt[list(features.names)], learnt[self.training.outcome],
                learnt["as_of"], learnt["person_id"],
            )  # fmt: skip
        except CannotFit as problem:
            self.not_tried.append(f"Not tried: {name[0].lower()}{name[1:]}: {problem}")
            return
        score = model.predict_proba(self.training.judging)[:, 1].round(DIGITS)
        yield self.option(name, kind, np.asarray(score, dtype=float))


def find_alternatives(
    session: Session,
    ground: Ground,
    training: Training,
    audited: Audited,
    policy: Policy,
    *,
    flagged: tuple[str, ...] = (),
    need: Mask | None = None,
    fits: bool = True,
) -> Alternatives:
    """The audited file beside its alternatives.

    ``flagged``: features that stand in for a group (``Proxies.flagged``). ``need``: of each judged row, whether the
    person had a need. ``fits``: False for a shared model, which nobody here fits anew: cut-offs alone are tried.
    """
    learnt_groups, judged_groups = (groups_of(session, ground, rows) for rows in (training.learnt, training.judging))
    work = _Work(session, ground, training, audited, policy, learnt_groups, judged_groups)
    options = list(_cut_offs(work))
    if fits:
        options = [*_fewer_features(work, flagged), *_fewer_lines(work), *options, *_taught(work)]
    else:
        work.not_tried.append("Nothing was fitted anew: the model came from elsewhere and was taken as it is.")
    options += _by_group(work)
    rows = audited.rows
    judged = Judged(
        y=rows[training.outcome].to_numpy(dtype=float),
        people=np.unique(rows["person_id"].to_numpy(dtype=object), return_inverse=True)[1].astype(np.int64),
        groups=judged_groups.drop(columns=ROW),
        need=need,
    )
    draws = min(session.settings.replicates, REPLICATES)
    return alternatives(
        work.asked(), options, judged, policy,
        replicates=draws, seed=session.settings.seed, not_tried=tuple(work.not_tried),
    )  # fmt: skip


def _fewer_features(work: _Work, flagged: tuple[str, ...]) -> Iterator[Option]:
    """The same recipe without the features that stand in for a group, and without what follows supervision."""
    followed = tuple(
        feature.name for feature in work.ground.register.used if feature.enforcement or feature.family in SUPERVISED
    )
    moving = set(features_that_move(work.audited.model, work.training.learnt))
    sets = {
        "Without the features that stand in for a group": flagged,
        "Without what tells how closely somebody is supervised": followed,
    }
    if flagged and set(followed) - set(flagged):
        sets["Without either of these"] = tuple(dict.fromkeys((*flagged, *followed)))
    for name, features in sets.items():
        if not moving & set(features):
            work.not_tried.append(f"Not tried: {name[0].lower()}{name[1:]}: the estimate uses none of them.")
            continue
        left = work.without(features)
        yield from work.refitted(
            name, scrutiny.FEATURES, left, recipe_of(work.training, left, work.audited.name) if left.names else _nothing
        )


def _fewer_lines(work: _Work) -> Iterator[Option]:
    """Shorter cards; for any other kind of model the card is itself the simpler one."""
    inner = work.audited.model.model
    most = len(inner.items_) if isinstance(inner, PointsCard) else max(LINES) + 1
    for lines in LINES:
        if lines >= most:
            work.not_tried.append(f"Not tried: a points card of {lines} lines: the file has no more than {most}.")
            continue
        make = partial(_card, work.features, lines)
        yield from work.refitted(f"A points card of {lines} lines", scrutiny.SHORTER, work.features, make)


def _card(features: FeatureSet, lines: int, seed: int) -> ChanceModel:
    return PointsCard(features, max_items=lines, seed=seed)


def _cut_offs(work: _Work) -> Iterator[Option]:
    score = work.asked().score
    for step in STEPS:
        cut = round(work.cut_off + step, 4)
        if 0 < cut < 1:
            yield work.option(
                f"Everybody's cut-off at {cut:g} instead of {work.cut_off:g}", scrutiny.CUT_OFF, score, cut_off=cut
            )


def _characteristics(work: _Work) -> list[str]:
    """Those by which the policy asks who is wrongly listed."""
    asked = [rule.characteristic for rule in work.policy.findings if rule.metric in WRONGLY_LISTED]
    return [name for name in dict.fromkeys(asked) if name in work.judged_groups][:MOST_TAUGHT]


def _taught(work: _Work) -> Iterator[Option]:
    """fairlearn's reductions: a characteristic steers training and nothing else."""
    learnt, names = work.training.learnt, list(work.features.names)
    judging = work.training.judging[names]
    last = (learnt["as_of"] == learnt["as_of"].max()).to_numpy()
    y = learnt[work.training.outcome].to_numpy(dtype=float)
    for place, name in enumerate(_characteristics(work)):
        words = name.replace("_", " ")
        taught = mitigation.Taught(learnt[names], y, work.learnt_groups[name], last)
        if not place:
            plain = mitigation.plain_logistic(taught, judging)
            yield work.option("A logistic model of all features", scrutiny.KIND, plain, never=scrutiny.ONLY_A_START)
        try:
            score = mitigation.taught_equal_fpr(taught, judging, cut_off=work.cut_off, slack=SLACK)
        except Refused as problem:
            work.not_tried.append(f"Not tried: a model taught to err alike by {words}: {problem}")
            continue
        yield work.option(
            f"A logistic model taught to wrongly list all groups of {words} alike", scrutiny.TAUGHT, score,
            never=scrutiny.TAUGHT_WITH_IT,
        )  # fmt: skip


def _by_group(work: _Work) -> Iterator[Option]:
    """A cut-off for each group, set where the groups' shares of wrongly listed people were alike on the learnt rows."""
    learnt = work.training.learnt
    last = (learnt["as_of"] == learnt["as_of"].max()).to_numpy()
    rows = learnt[last]
    before = np.asarray(work.audited.model.predict_proba(rows)[:, 1].round(DIGITS), dtype=float)
    y = rows[work.training.outcome].to_numpy(dtype=float)
    others = before[y == 0]
    if not others.size:
        return
    for name in _characteristics(work):
        groups = mitigation.large_enough(work.learnt_groups.loc[last, name].reset_index(drop=True), y)
        own = mitigation.cut_offs_by_group(before, y, groups, float((others >= work.cut_off).mean()))
        rest = own.get(mitigation.TOGETHER, work.cut_off)
        cuts = work.judged_groups[name].map(lambda group, own=own, rest=rest: own.get(str(group), rest))
        yield Option(
            f"A cut-off for each group of {name.replace('_', ' ')}", scrutiny.BY_GROUP, work.asked().score,
            cuts.to_numpy(dtype=float), scrutiny.NEEDS_IT_TO_DECIDE,
        )  # fmt: skip


def _nothing(seed: int) -> ChanceModel:
    raise CannotFit("no feature would be left")
