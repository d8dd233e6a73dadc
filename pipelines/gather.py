"""Everything a run finds before a file of it is written: models fitted here, or a card shared by others, audited."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from desist.fairness.policy import Policy
from desist.models.estimators.calibration import Calibrated
from desist.models.judging.refits import Refits, refit
from desist.models.judging.uncertainty import check_enough, learn_ranges
from desist.pipelines.annex import annex_of
from desist.pipelines.audit_run import attempt_now, audit_file, judged_rows, selection_today
from desist.pipelines.audited import SCORE, Final, fit_audited, fit_recipe, fit_refit, recipe_of
from desist.pipelines.compare import Compared, compare, compare_shared
from desist.pipelines.evidence import Evidence
from desist.pipelines.ground import Ground, build_profiles_on
from desist.pipelines.recipes import CARD, TREES
from desist.pipelines.scrutiny_run import scrutinise
from desist.pipelines.session import Session
from desist.pipelines.shared_candidate import FromShared, candidate_as_it_is, candidate_from_shared
from desist.pipelines.shared_card import SharedCard
from desist.pipelines.training import Training


@dataclass(frozen=True)
class Asked:
    """What a retrain was asked for.

    ``shared``: a card of another partnership to take instead of fitting one; ``as_it_is``: without moving it to this
    borough. ``region``: the bytes of a region's pack about that card. ``take``: a model's name, to be taken whatever
    the comparison says.
    """

    run: str
    trainer: str
    as_of: dt.date
    outcome: str
    policy: Policy
    policy_file: Path
    shared: SharedCard | None = None
    as_it_is: bool = False
    region: bytes | None = None
    take: str = ""


@dataclass(frozen=True)
class _Models:
    """The file for the board, how it compares, and what was fitted beside it."""

    compared: Compared
    final: Final
    beside: Mapping[str, Calibrated]
    refits: Refits
    shared: FromShared | None = None


def gather(session: Session, ground: Ground, training: Training, asked: Asked) -> Evidence:
    """The run's evidence. Nothing is written; of today's caseload only counts leave."""
    judging = training.judging
    check_enough(judging[training.outcome], judging["person_id"])  # said now and not after the work
    session.say(f"Back-tests on {len(training.learners):,} rows of past caseloads ...")
    made = _from_shared(session, ground, training, asked, asked.shared) if asked.shared else None
    made = made or _fitted_here(session, ground, training, asked)
    audited, cut_offs = made.final.audited, asked.policy.cut_offs
    ranges = learn_ranges(
        audited.rows[SCORE], audited.rows[training.outcome], audited.rows["person_id"],
        replicates=session.settings.replicates, seed=session.settings.seed,
    )  # fmt: skip
    session.say("Studies: more people, fewer sources, time to reoffence, comparators ...")
    annex = annex_of(session, ground, training, audited, cut_offs, as_of=asked.as_of, shared=made.shared is not None)
    session.say("Audit across communities ...")
    built = build_profiles_on(session, ground, asked.as_of)
    today = selection_today(ground, built, made.final.model, asked.policy, training.outcome)
    judged = judged_rows(session, ground, audited)
    attempt = attempt_now(session, asked.run, asked.policy, training.outcome, audited)
    audit = audit_file(
        session, training, judged, asked.policy, today, attempt, learnt=audited.learnt_dates
    )
    fits = made.shared is None
    scrutiny = scrutinise(
        session, ground, training, made.final, judged, audit, asked.policy, attempt, built, run=asked.run, fits=fits
    )
    return Evidence(
        asked.run, asked.trainer, session, ground, training, made.compared, made.final, made.beside, made.refits,
        ranges, annex, made.shared, asked.policy, audit, scrutiny, asked.region,
    )  # fmt: skip


def _fitted_here(session: Session, ground: Ground, training: Training, asked: Asked) -> _Models:
    features, cut_offs = ground.register.feature_set(), asked.policy.cut_offs
    compared = compare(session, ground, training, cut_off=cut_offs.selection, take=asked.take)
    session.say("The file to be released ...")
    audited = fit_audited(session, training, features, compared.chosen, cut_off=cut_offs.selection)
    final = Final(audited, fit_refit(session, training, features, audited, cut_offs, asked.policy.refit))
    beside = {
        name: fit_recipe(session, training, features, name, training.learnt)
        for name in (CARD, TREES)
        if name != compared.chosen
    }
    session.say(f"{session.settings.refits} refits on people drawn again ...")
    refits = refit(
        recipe_of(training, features, compared.chosen), training.learnt, features, training.outcome,
        replicates=session.settings.refits, seed=session.settings.seed,
    )  # fmt: skip
    return _Models(compared, final, beside, refits)


def _from_shared(session: Session, ground: Ground, training: Training, asked: Asked, shared: SharedCard) -> _Models:
    """The card as it was moved to this borough. Its points are fixed, so each reason has the sign it has."""
    cut_off = asked.policy.cut_offs.selection
    make = candidate_as_it_is if asked.as_it_is else candidate_from_shared
    made = make(session, ground, training, shared, cut_off=cut_off)
    audited = made.audited
    compared = compare_shared(session, training, audited.name, shared.model, made.in_words(), cut_off=cut_off)
    people = audited.learnt_people
    refits = Refits((audited.model,), 1, session.settings.seed, people, people)
    return _Models(compared, Final(audited, None), {}, refits, made)
