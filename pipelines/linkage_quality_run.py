"""Linkage quality of today's caseload by group, without a truth: doubt, pairs that wait, and what stewards found.

Each is a subject of the tables by group, so that all counts are protected together; what goes beyond the policy's
limit is a question to the board (REQUIREMENTS LNK-4).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from desist.fairness.approval.questions import Question
from desist.fairness.linkage_quality import questions_beyond
from desist.fairness.policy import LinkageLimit
from desist.fairness.scrutiny.by_group import GroupShare, Subject, sentences
from desist.intake.holding.vault import PAIR, Vault
from desist.intake.linking.decisions import SAME

DOUBT, WAITING, FOUND_APART, UNKNOWN = "linkage-doubt", "links-waiting", "found-apart", "unknown-to-"
#: Pairs whose names or numbers are looked at; initials that fit somebody say nothing of how well people are linked.
ASKED_ABOUT = ("conflict", "review")
NO_TRUTH = (
    "Nobody knows how many links are truly missing or wrong: these are signs. Somebody not known to an agency may "
    "have no record there, or one that was not found.",
)
NO_LIMIT = "The policy sets no limit for linkage: what differs is shown and nothing is asked."


class One(Protocol):
    """A subject with its shares."""

    @property
    def subject(self) -> Subject: ...

    @property
    def shares(self) -> tuple[GroupShare, ...]: ...


@dataclass(frozen=True)
class LinkageByGroup:
    """How well people on the caseload are linked, by group, with exact counts in memory alone."""

    found: tuple[tuple[Subject, tuple[GroupShare, ...]], ...]
    limit: LinkageLimit | None

    @property
    def ids(self) -> frozenset[str]:
        """The subjects whose protected tables belong here."""
        return frozenset(subject.id for subject, _ in self.found)

    def questions(self) -> tuple[Question, ...]:
        """What the board must answer: of doubtful links alone, for to have no record with an agency is no fault."""
        links = [(subject, shares) for subject, shares in self.found if not subject.id.startswith(UNKNOWN)]
        return questions_beyond(links, self.limit.gap if self.limit else None)

    def words(self) -> tuple[str, ...]:
        """What a board reads, without numbers: those stand in the tables, as far as they may be shown."""
        told = [line for subject, shares in self.found for line in sentences(subject, shares)]
        asked = tuple(question.words for question in self.questions())
        return (*told, *asked, *(() if self.limit else (NO_LIMIT,)), *NO_TRUTH)

    def as_json(self) -> dict[str, Any]:
        return {
            "subjects": sorted(self.ids),
            "gap": self.limit.gap if self.limit else None,
            "raised": [vars(one) for one in self.questions()],
            "words": list(self.words()),
        }


def find_linkage(found: Sequence[One], limit: LinkageLimit | None) -> LinkageByGroup:
    """What of the tables by group tells of linkage."""
    told = [one for one in found if is_of_linkage(one.subject.id)]
    return LinkageByGroup(tuple((one.subject, one.shares) for one in told), limit)


def is_of_linkage(subject: str) -> bool:
    """Whether a subject of the tables by group belongs to linkage quality."""
    return subject in (DOUBT, WAITING, FOUND_APART) or subject.startswith(UNKNOWN)


def link_subjects(vault: Vault, people: Sequence[str], among: str, missing: list[str]) -> Iterator[Subject]:
    """Pairs that wait, of the people of a caseload; and what stewards found, of those whom they were asked about."""
    person_of = _person_of(vault)
    queue = vault.link_queue()
    waiting = _people_of(queue[queue["kind"].isin(ASKED_ABOUT)], person_of)
    flags = pd.Series(np.isin(np.asarray(people, dtype=object), list(waiting)), index=list(people))
    yield Subject(WAITING, "A record may be theirs or somebody else's: waiting for a data steward", among, flags)
    decisions = vault.link_decisions()
    decided = _people_of(decisions, person_of) & set(people)
    if not decided:
        missing.append("What data stewards found about links: nothing is decided about anybody on today's caseload.")
        return
    apart = _people_of(decisions[decisions["decision"] == SAME], person_of)
    told = pd.Series([person in apart for person in sorted(decided)], index=sorted(decided))
    words = "A data steward found records of theirs that linking had left apart"
    yield Subject(FOUND_APART, words, "people on today's caseload about whom a data steward was asked", told)


def _person_of(vault: Vault) -> Mapping[tuple[str, str], str]:
    rows = vault.key_map().itertuples(index=False, name=None)
    return {(source, number): person for source, number, person in rows}


def _people_of(pairs: pd.DataFrame, person_of: Mapping[tuple[str, str], str]) -> set[str]:
    """Everybody who is on either side of a pair."""
    sides = [zip(pairs[PAIR[place]], pairs[PAIR[place + 1]], strict=True) for place in (0, 2)]
    return {person_of[record] for side in sides for record in side if record in person_of}
