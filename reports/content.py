"""What the pages about people are given: plain frozen tables, checked when they are made."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from desist.reports.wording import STEP_IN_TEN

#: Kinds of change. Those that speak of the estimate are left out wherever it may not be shown.
CHANGE_KINDS = ("fact", "treatment", "released", "late_record", "estimate", "model")
ABOUT_THE_ESTIMATE = ("estimate", "model")

#: Tags of an estimate, as shown.
TAGS: Mapping[str, str] = {
    "borderline": "Borderline",
    "limited_data": "Limited data",
    "link_less_sure": "Identity less sure",
    "model_changed": "Model changed",
    "second_review": "Second reviewer",
}


@dataclass(frozen=True)
class NeedWaiting:
    """A need (one of ``codes.NEED_SECTIONS``) without an offer, and the whole days it has waited."""

    need: str
    days: int
    since: str = "identified"  # or "referred"

    def __post_init__(self) -> None:
        if self.since not in ("identified", "referred") or self.days < 0:
            raise ValueError("a need waits a number of days since it was identified or referred")


@dataclass(frozen=True)
class Change:
    """One thing that is new since the last list, in words. ``kind`` is one of CHANGE_KINDS."""

    kind: str
    text: str

    def __post_init__(self) -> None:
        if self.kind not in CHANGE_KINDS:
            raise ValueError(f"a change is one of {CHANGE_KINDS}")


@dataclass(frozen=True)
class StepRecord:
    """What happened to the people who were shown at one step in the test: all four numbers stand in the approval.

    ``in_100``: of 100 of them, how many had the outcome; ``low`` and ``high``: its range. ``people``: all of them.
    """

    step: int
    people: int
    in_100: int
    low: int
    high: int

    def __post_init__(self) -> None:
        if self.step not in STEP_IN_TEN:
            raise ValueError(f"there is no step {self.step}")
        if not 0 <= self.low <= self.in_100 <= self.high <= 100:
            raise ValueError("the range of a step does not hold its number")


@dataclass(frozen=True)
class Exceptions:
    """The limits that were not met when the board released all the same, and why in words.

    ``reasons`` may tell several of the ``limits`` at once, where the board gave one reason for them.
    """

    released_on: dt.date
    reasons: tuple[str, ...]
    limits: int = 0

    def __post_init__(self) -> None:
        if not self.reasons or not all(reason.strip() for reason in self.reasons):
            raise ValueError("each limit that was not met needs the board's reason")
        if not self.limits:
            object.__setattr__(self, "limits", len(self.reasons))


@dataclass(frozen=True)
class ListHeader:
    """What stands above and below a list.

    ``approval`` (reference) and ``approved_until`` (last day) are empty while the board has not approved; without
    both, no estimate is shown. ``steps`` has the four steps as tested on ``tested_on``. ``challenge`` says in a
    sentence how a person can question what is held. ``filters``: the filters in use, in words. ``terms``: on what
    terms the board released, in sentences.
    """

    partnership: str
    data_to: dt.date
    challenge: str
    made_up: bool
    approval: str = ""
    approved_until: dt.date | None = None
    model_version: str = ""
    cut_off_version: str = ""
    tested_on: dt.date | None = None
    steps: tuple[StepRecord, ...] = ()
    exceptions: Exceptions | None = None
    filters: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()

    @property
    def approved(self) -> bool:
        """Whether everything that an approved list must say is there."""
        named = self.approval and self.model_version and self.cut_off_version
        tested = self.tested_on is not None and [record.step for record in self.steps] == list(STEP_IN_TEN)
        return bool(named and tested and self.approved_until is not None)


@dataclass(frozen=True)
class PeopleOnList:
    """What is known of the people apart from the list itself, by person_id.

    ``names``: person_id, name, crn (from the vault). ``adults``: everybody who is an adult on the day the page is
    made; nobody else is on it. ``restricted``: who can give access to a limited record. ``contested``: when a
    decision on a challenge is due. ``sources_missing``: how many of how many sources say nothing.
    ``review_states``: state of the decision, in words.
    """

    names: pd.DataFrame
    adults: frozenset[str]
    restricted: Mapping[str, str] = field(default_factory=dict)
    contested: Mapping[str, dt.date] = field(default_factory=dict)
    sources_missing: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    review_states: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        missing = {"person_id", "name", "crn"} - set(self.names.columns)
        if missing:
            raise ValueError(f"the names lack the columns {sorted(missing)}")
        if self.names["person_id"].duplicated().any():
            raise ValueError("the names have several rows for one person")


@dataclass(frozen=True)
class SupportRow:
    """A need of one person without an offer. ``service`` and ``referred`` are empty where nobody was asked yet.

    ``waiting_since``: when the need was identified, or referred where it was; ``days``: whole days since then.
    """

    person_id: str
    need: str
    waiting_since: dt.date
    days: int
    service: str = ""
    worker: str = ""
    next_step: str = ""


@dataclass(frozen=True)
class NeedCount:
    """How many people wait for one need over a whole area, and the longest and middle wait in days."""

    need: str
    people: int
    longest: int
    middle: int
