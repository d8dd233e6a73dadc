"""Estimates for today's caseload: only under a release that holds now, and never outside a list made under it."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from desist.features.population import caseload_facts
from desist.features.tables import CaseList
from desist.pipelines.bounds import check_pilot, second_reviews, with_second_reviews
from desist.pipelines.estimates import estimate
from desist.pipelines.gate import open_release
from desist.pipelines.ground import check_made_up, load_ground, profiles_now
from desist.pipelines.lists import save_list
from desist.pipelines.session import Session
from desist.pipelines.steps_of import STEPS
from desist.records.errors import Refused


@dataclass(frozen=True)
class Scored:
    """A list that was just made."""

    list_id: str
    release_id: str
    steps: Mapping[int, int]
    without: Mapping[str, int]
    as_of: dt.date
    valid_until: dt.date
    second_reviews: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "list": self.list_id,
            "release": self.release_id,
            "as_of": self.as_of.isoformat(),
            "valid_until": self.valid_until.isoformat(),
            "people": sum(self.steps.values()) + sum(self.without.values()),
            "steps": {str(step): count for step, count in self.steps.items()},
            "without_estimate": dict(self.without),
            "second_reviews": self.second_reviews,
        }

    def as_text(self) -> str:
        told = self.as_json()
        reviews = f" {self.second_reviews}" if self.second_reviews else ""
        return (
            f"List {self.list_id}: {told['people']:,} people in scope on {self.as_of}, "
            f"{sum(self.steps.values()):,} with an estimate, {sum(self.without.values()):,} without. "
            f"Valid until {self.valid_until}, under release {self.release_id}.{reviews} Next: desist list."
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
        check_pilot(session, release, scores)
        drawn = second_reviews(session, ground, release, scores, as_of)
        estimates = with_second_reviews(estimates, drawn)
        valid = min(as_of + dt.timedelta(days=session.settings.list_valid_days), release.expires_on)
        rows = caseload_facts(ground.events, built.cohort.members, as_of)
        case_list = CaseList(as_of, valid, release.id, in_order(rows), estimates)
        list_id = save_list(session, case_list, scores, built.profiles)
    steps = Counter(one.step for one in estimates.values() if one.step is not None)
    without = Counter(one.why_none for one in estimates.values() if one.step is None)
    return Scored(
        list_id, release.id, {step: steps.get(step, 0) for step in STEPS}, dict(sorted(without.items())),
        as_of, valid, drawn.words if drawn else "",
    )  # fmt: skip


def in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """The order to review: review due first, then most needs waiting, longest wait; the estimate ranks nobody."""
    needs = rows["needs_waiting"]
    keys = rows.assign(
        _needs=-needs.map(len), _longest=-needs.map(lambda waits: max((days for _, days in waits), default=0))
    )
    order = keys.sort_values(["review_due", "_needs", "_longest", "person_id"], kind="stable").index
    return rows.loc[order].reset_index(drop=True)
