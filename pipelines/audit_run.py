"""The audit of a candidate run: characteristics are joined here by handing rows to ``fairness``, never to a model."""

from __future__ import annotations

from typing import Any

import pandas as pd

from desist.fairness.audit import Audit, audit
from desist.fairness.equality_store import EqualityStore
from desist.fairness.groups import group_rows
from desist.fairness.policy import Policy
from desist.features.cohort import open_spells
from desist.features.tables import ROW
from desist.pipelines.audited import Audited
from desist.pipelines.estimates import why_none
from desist.pipelines.ground import POPULATION, Built, Ground
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


def audit_file(
    session: Session, ground: Ground, training: Training, audited: Audited, policy: Policy, today: dict[str, int]
) -> Audit:
    """The audit of the audited file's own scores under the workspace's policy."""
    scores = audited.scores()
    rows = scores.table[ROW]
    people = sorted(set(rows["person_id"].astype(str)))
    store = EqualityStore(session.workspace.equality)
    ages = pd.concat([_ages(ground, block) for _, block in rows.groupby("as_of")])
    return audit(
        scores,
        training.outcomes,
        training.outcome,
        group_rows(rows, store.characteristics(people, before=session.today), ages),
        policy,
        seed=session.settings.seed,
        replicates=session.settings.replicates,
        selection_today=today,
        context={
            "population": POPULATION.in_words(),
            "dates": ", ".join(sorted({f"{day:%Y-%m-%d}" for day in rows["as_of"]})),
            "made_up": "yes" if session.settings.made_up else "no",
        },
        coverage=store.coverage(people, before=session.today),
    )


def _ages(ground: Ground, rows: pd.DataFrame) -> pd.DataFrame:
    """Age in whole years of people on their one as-of date: for groups, never for a model."""
    people, day = rows["person_id"].astype(str).tolist(), rows["as_of"].iloc[0]
    return rows.assign(age=ground.vault.age_at(people, day.date()).to_numpy())
