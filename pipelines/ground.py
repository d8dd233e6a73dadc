"""What a run stands on: linked events, the register, who was in scope when, and their profiles."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd

from desist.features.cohort import CohortRule, select_cohort
from desist.features.engines.compiled import build_profiles
from desist.features.engines.kept import build_kept, forget_others
from desist.features.events import Events, events_from
from desist.features.register import Register
from desist.features.tables import Cohort, Profiles
from desist.intake.holding.linked import Linked, read_linked
from desist.intake.holding.vault import Vault
from desist.intake.rights.register import Hold
from desist.pipelines.own_features import register_of, register_to_read_with
from desist.pipelines.rights.register import check_register, rights_of
from desist.pipelines.session import Session
from desist.records.codes import offence_table_version
from desist.records.errors import Refused
from desist.records.hashing import hash_code, hash_json

#: Models, audit and list draw their rows by this one rule.
POPULATION = CohortRule(kind="caseload")


@dataclass(frozen=True)
class Ground:
    """Everything recorded, linked; and the definitions with which it is read.

    ``on_hold``: people of whom no estimate is made and from whom no model learns, because they asked for it.
    """

    linked: Linked
    events: Events
    register: Register
    vault: Vault
    on_hold: Mapping[str, Hold] = field(default_factory=dict)

    def is_adult(self, people: Sequence[str], on: dt.date) -> pd.Series:
        return self.vault.is_adult(people, on)

    def cohort(self, as_of: dt.date) -> Cohort:
        """Who is in scope on a date, as far as recorded before it."""
        return select_cohort(self.events, as_of, POPULATION, self.is_adult)


def load_ground(session: Session) -> Ground:
    """Linked events under the workspace's register. Raises Refused while nothing is linked, or nobody knows who is on
    hold."""
    check_register(session)
    return _ground(session, register_of(session.workspace))


def load_ground_of_copy(session: Session) -> Ground:
    """The same of a copy of the store for a check that keeps nothing: it has no vault and no register of rights."""
    return _ground(session, register_of(session.workspace))


def load_ground_to_show(session: Session) -> Ground:
    """The same for pages, which go on without estimates, under the standard register, where features.toml is broken."""
    return _ground(session, register_to_read_with(session.workspace)[0])


def _ground(session: Session, register: Register) -> Ground:
    linked = read_linked(session.workspace)
    events = events_from(linked.tables, linked.known, linked.snapshots)
    vault = Vault(session.workspace.vault)
    return Ground(linked, events, register, vault, rights_of(session).on_hold(vault.key_map()))


def check_made_up(session: Session, ground: Ground) -> None:
    """Refuse to learn from or score extracts that say of themselves what partnership.toml denies."""
    if ground.linked.made_up != session.settings.made_up:
        told, found = (str(flag).lower() for flag in (session.settings.made_up, ground.linked.made_up))
        raise Refused(
            f"The extracts say made_up = {found} in their delivery.toml, partnership.toml says made_up = {told}. Pages "
            "must say what is made up: mend the one that is wrong."
        )


@dataclass(frozen=True)
class Built:
    """Profiles of one caseload, and who was left out of it."""

    profiles: Profiles
    cohort: Cohort
    as_of: dt.date

    def as_json(self) -> dict[str, Any]:
        left = self.cohort.left_out["reason"].value_counts().sort_index()
        return {
            "as_of": self.as_of.isoformat(),
            "people": len(self.profiles.table),
            "features": len(self.profiles.features),
            "left_out": {str(reason): int(count) for reason, count in left.items()},
        }

    def as_text(self) -> str:
        found = self.as_json()
        lines = [f"Profiles of {found['people']:,} people on {self.as_of}, {found['features']} features each."]
        lines += [f"  left out: {count:,} {reason}" for reason, count in found["left_out"].items()]
        return "\n".join(lines)


@cache
def code_hash() -> str:
    """A hash of the toolkit's own code, so that what an older version worked out is never taken for today's."""
    rooms = ("records", "features", "models", "fairness")
    return hash_code(Path(str(resources.files(f"desist.{room}"))) for room in rooms)


def check_past(session: Session, as_of: dt.date) -> None:
    if as_of > session.today:
        raise Refused(f"{as_of} is in the future: nobody knows yet what will be recorded before it.")


def profiles_now(session: Session, ground: Ground, as_of: dt.date) -> Built:
    """Profiles of the caseload on ``as_of``, worked out from the events here and now: what a list rests on."""
    check_past(session, as_of)
    cohort = ground.cohort(as_of)
    return Built(build_profiles(ground.events, cohort.members, ground.register), cohort, as_of)


def build_profiles_on(session: Session, ground: Ground, as_of: dt.date) -> Built:
    """The same, from the workspace's columns kept of these extracts, this caseload and this code.

    Only features that were not worked out before are worked out; a kept file that was altered is not used.
    """
    check_past(session, as_of)
    cohort = ground.cohort(as_of)
    people = cohort.members["person_id"].tolist()
    rests_on = hash_json([
        ground.linked.hash, as_of.isoformat(), POPULATION.to_json(), code_hash(), people, offence_table_version(),
    ])  # fmt: skip
    folder = session.workspace.profiles / f"{as_of.isoformat()}-{rests_on[:16]}"
    forget_others(session.workspace.profiles, f"{as_of.isoformat()}-*", folder)
    return Built(build_kept(ground.events, cohort.members, ground.register, folder), cohort, as_of)
