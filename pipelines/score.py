"""Estimates for today's caseload: only under a release that holds now, and never outside a list made under it."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from desist.fairness.policy import CutOffs
from desist.fairness.release import Release
from desist.features.engines.behind import FactsBehind, facts_behind
from desist.features.population import caseload_facts
from desist.features.tables import CaseList, Estimate, FeatureSet, Reason
from desist.models.files import load_model
from desist.models.reasons import against_typical, reasons_for
from desist.pipelines.gate import open_release
from desist.pipelines.ground import Built, Ground, check_made_up, load_ground, profiles_now
from desist.pipelines.lists import save_list
from desist.pipelines.session import Session
from desist.pipelines.steps_of import STEPS, step_of
from desist.records.errors import Refused

#: An estimate this close to a cut-off is tagged borderline: a small change in the record could move the step.
BORDERLINE = 0.03
#: Why somebody has no estimate, as the pages know it.
LINK, TOO_LITTLE = "link", "too_little_data"


@dataclass(frozen=True)
class Scored:
    """A list that was just made."""

    list_id: str
    release_id: str
    steps: Mapping[int, int]
    without: Mapping[str, int]
    as_of: dt.date
    valid_until: dt.date

    def as_json(self) -> dict[str, Any]:
        return {
            "list": self.list_id,
            "release": self.release_id,
            "as_of": self.as_of.isoformat(),
            "valid_until": self.valid_until.isoformat(),
            "people": sum(self.steps.values()) + sum(self.without.values()),
            "steps": {str(step): count for step, count in self.steps.items()},
            "without_estimate": dict(self.without),
        }

    def as_text(self) -> str:
        told = self.as_json()
        return (
            f"List {self.list_id}: {told['people']:,} people in scope on {self.as_of}, "
            f"{sum(self.steps.values()):,} with an estimate, {sum(self.without.values()):,} without. "
            f"Valid until {self.valid_until}, under release {self.release_id}. Next: desist list."
        )


def score_caseload(session: Session, as_of: dt.date) -> Scored:
    """Make the list of cases to review on a date. Raises Withheld before anything is estimated."""
    with session.workspace.lock():
        release = open_release(session)
        if as_of > session.today:
            raise Refused(f"{as_of} is in the future; a list is made on its date or later.")
        if as_of + dt.timedelta(days=session.settings.list_valid_days) < session.today:
            raise Refused(
                f"A list of {as_of} would have ended before today, {session.today}. Make one of a later date."
            )
        ground = load_ground(session)
        check_made_up(session, ground)
        built = profiles_now(session, ground, as_of)
        session.say(f"Estimating for {len(built.profiles.table):,} people under release {release.id} ...")
        scores, estimates = estimate(release, ground, built, as_of)
        valid = min(as_of + dt.timedelta(days=session.settings.list_valid_days), release.expires_on)
        rows = caseload_facts(ground.events, built.cohort.members, as_of)
        case_list = CaseList(as_of, valid, release.id, in_order(rows), estimates)
        list_id = save_list(session, case_list, scores)
    steps = Counter(one.step for one in estimates.values() if one.step is not None)
    without = Counter(one.why_none for one in estimates.values() if one.step is None)
    return Scored(
        list_id, release.id, {step: steps.get(step, 0) for step in STEPS}, dict(sorted(without.items())),
        as_of, valid,
    )  # fmt: skip


def in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """The order to review: review due first, then most needs waiting, longest wait; the estimate ranks nobody."""
    needs = rows["needs_waiting"]
    keys = rows.assign(
        _needs=-needs.map(len), _longest=-needs.map(lambda waits: max((days for _, days in waits), default=0))
    )
    order = keys.sort_values(["review_due", "_needs", "_longest", "person_id"], kind="stable").index
    return rows.loc[order].reset_index(drop=True)


def estimate(
    release: Release, ground: Ground, built: Built, as_of: dt.date
) -> tuple[pd.DataFrame, dict[str, Estimate]]:
    """Scores (person_id, as_of, score to 1e-6, NaN for none) and the step with its reasons for everybody in scope."""
    table = built.profiles.table
    people = table["person_id"].astype(str).tolist()
    why = why_none(ground, people, as_of)
    with release.unpacked() as folder:
        model = load_model(folder)
    chances = np.round(model.predict_proba(table)[:, 1], 6)
    scores = pd.DataFrame({"person_id": people, "as_of": table["as_of"], "score": chances})
    scores.loc[scores["person_id"].isin(why), "score"] = np.nan
    features = ground.register.feature_set()
    contributions = against_typical(model, table, features)
    estimates = {}
    for place, person in enumerate(people):
        if person in why:
            estimates[person] = Estimate(step=None, why_none=why[person])
            continue
        estimates[person] = Estimate(
            step=step_of(chances[place], release.policy.cut_offs),
            tags=_tags(ground, person, chances[place], release.policy.cut_offs, as_of),
            reasons=tuple(_reasons(ground, person, features, contributions.iloc[place], as_of)),
        )
    return scores, estimates


def why_none(ground: Ground, people: Sequence[str], as_of: dt.date) -> dict[str, str]:
    """People for whom no estimate is made, and why: an unsure link, or no record of sanctions shared."""
    sanctions = ground.events.contracts["offences"]
    found = {}
    for person in people:
        if person in ground.linked.unconfirmed:
            found[person] = LINK
        elif not ground.events.answers(sanctions, person, as_of):
            found[person] = TOO_LITTLE
    return found


def _tags(ground: Ground, person: str, score: float, cut_offs: CutOffs, as_of: dt.date) -> tuple[str, ...]:
    near = any(abs(score - cut) <= BORDERLINE for cut in cut_offs.steps)
    limited = any(not ground.events.knows(source, person, as_of) for source in limiting_sources(ground))
    return tuple(tag for tag, given in (("borderline", near), ("limited_data", limited)) if given)


def limiting_sources(ground: Ground) -> list[str]:
    """Shared sources whose silence about a person leaves a feature unknown that could move the estimate either way.

    Help-seeking features are not among them: unknown is scored as not in treatment. Having no prison record is no gap.
    """
    unknown = {
        source
        for feature in ground.register.used
        if not feature.help_seeking
        for rows in feature.definition.subjects()
        if rows.contract.absence == "unknown"
        for source in ground.events.contracts[rows.contract.name].sources
    }
    return sorted(unknown & ground.events.shared)


def _reasons(
    ground: Ground, person: str, features: FeatureSet, contributions: pd.Series, as_of: dt.date
) -> list[Reason]:
    def fact(name: str) -> FactsBehind:
        return facts_behind(ground.events, person, as_of, ground.register.get(name))

    return reasons_for(contributions, features, fact)
