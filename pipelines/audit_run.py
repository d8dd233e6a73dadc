"""The audit of a candidate run: characteristics are joined here by handing rows to ``fairness``, never to a model."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from desist.fairness.approval.attempts import Attempt, attempt_of
from desist.fairness.audit import Audit, audit
from desist.fairness.equality_store import EqualityStore
from desist.fairness.policy import Policy
from desist.features.cohort import open_spells
from desist.features.help import need_and_help
from desist.features.tables import ROW, Scores
from desist.pipelines.adults import read_adults
from desist.pipelines.audited import Audited
from desist.pipelines.estimates import why_none
from desist.pipelines.ground import POPULATION, Built, Ground
from desist.pipelines.groups import groups_of
from desist.pipelines.rare_outcome import ONLY_BELOW_THE_TOP, already_at_the_top
from desist.pipelines.session import Session
from desist.pipelines.training import Training


def selection_today(ground: Ground, built: Built, model: Any, policy: Policy, outcome: str) -> dict[str, int]:
    """How many people on today's caseload the cut-off would bring to review: counts alone leave this function."""
    table = built.profiles.table
    people = table["person_id"].astype(str).tolist()
    top = already_at_the_top(ground, people, built.as_of) if outcome in ONLY_BELOW_THE_TOP else frozenset[str]()
    without = {*why_none(ground, people, built.as_of), *top}
    chances = pd.Series(model.predict_proba(table)[:, 1].round(6), index=table["person_id"].astype(str))
    estimated = chances[~chances.index.isin(without)]
    selected = estimated.index[estimated >= policy.cut_offs.selection]
    adopted = frozenset(open_spells(ground.events, "iom", built.as_of)["person_id"])
    at_the_top = {"already_at_the_top": len(top)} if outcome in ONLY_BELOW_THE_TOP else {}
    return at_the_top | {
        "caseload": len(chances),
        "without_estimate": len(without),
        "selected": len(selected),
        "adopted_by_iom": len(adopted & set(chances.index)),
        "new_to_review": sum(person not in adopted for person in selected),
    }


@dataclass(frozen=True)
class Judged:
    """What an audit judges: scores, who belongs to which group, and who needed and got help. For ``fairness`` alone."""

    scores: Scores
    groups: pd.DataFrame
    help_given: pd.DataFrame | None
    coverage: Mapping[str, float]


def judged_rows(session: Session, ground: Ground, audited: Audited) -> Judged:
    """The audited file's own scores with the groups of their rows."""
    scores = audited.scores()
    rows = scores.table[ROW]
    people = sorted(set(rows["person_id"].astype(str)))
    store = EqualityStore(session.workspace.equality)
    return Judged(
        scores,
        groups_of(session, ground, rows),
        need_and_help(ground.events, rows),
        store.coverage(people, before=session.today),
    )


def attempt_now(session: Session, run: str, policy: Policy, outcome: str, audited: Audited) -> Attempt:
    """Which audit of its purpose this one is, from the log."""
    return attempt_of(session.log.rows(), policy.purpose, outcome, audited.tested_on, run)


def audit_file(
    session: Session,
    training: Training,
    judged: Judged,
    policy: Policy,
    today: dict[str, int],
    attempt: Attempt,
    *,
    learnt: Sequence[dt.date],
) -> Audit:
    """The audit of the audited file's own scores under the workspace's policy. ``learnt``: the dates it learnt from."""
    dates = sorted({f"{day:%Y-%m-%d}" for day in judged.scores.table["as_of"]})
    return audit(
        judged.scores,
        training.outcomes,
        training.outcome,
        judged.groups,
        policy,
        seed=session.settings.seed,
        replicates=session.settings.replicates,
        selection_today=today,
        context={
            "population": POPULATION.in_words(),
            "dates": ", ".join(dates),
            "learnt": ", ".join(day.isoformat() for day in learnt),
            "made_up": "yes" if session.settings.made_up else "no",
        },
        coverage=judged.coverage,
        help_given=judged.help_given,
        adults=read_adults(session.workspace.root),
        attempt=attempt.on_same_outcomes,
    )
