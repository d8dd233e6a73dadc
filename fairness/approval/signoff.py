"""What a role holder signs: a decision on one candidate and its audit, with reasons, answers and conditions.

A sign-off binds hashes, so it says nothing about any other candidate, audit or policy. Its signature is over the
canonical bytes of everything in it.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from desist.records.codes import SIGNING_ROLES
from desist.records.errors import Problem, Refused
from desist.records.files import read_json, write_json
from desist.records.hashing import canonical_json, hash_json

DECISIONS = ("approve", "refuse")
SHORTEST_TEXT = 20
FOLDER = "sign_offs"


class PublicKey(Protocol):
    """What the gate asks of a key: whose it is, in which role, since when, and whether it is a demo's."""

    @property
    def key_id(self) -> str: ...
    @property
    def holder(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def made_up(self) -> bool: ...
    @property
    def created_on(self) -> str: ...
    @property
    def revoked_on(self) -> str: ...


class Keys(Protocol):
    """The reading half of ``records.keys.KeyRegister``."""

    def get(self, key_id: str) -> PublicKey: ...

    def verify(self, key_id: str, content: bytes, signature: str, *, on: dt.date) -> PublicKey: ...


class SigningKeys(Keys, Protocol):
    """A key register that can also sign with a holder's password."""

    def sign(self, key_id: str, password: bytes, content: bytes) -> str: ...


@dataclass(frozen=True)
class Condition:
    """Something the board wants done: by whom, and by when. Overdue, it lapses the release."""

    text: str
    owner: str
    due: dt.date

    @property
    def id(self) -> str:
        return hash_json([self.text, self.owner, self.due.isoformat()])[:16]


@dataclass(frozen=True)
class SignOff:
    """One role holder's decision. ``answers``: finding id to why it is accepted although not shown to be met.

    Approves or refuses the candidate and audit of those hashes, and nothing else. ``expires_on`` is the last
    day it holds. Raises Refused, with everything that is wrong, when it is made.
    """

    candidate_hash: str
    audit_hash: str
    key_id: str
    holder: str
    role: str
    decision: str
    reasons: str
    interests: str
    signed_on: dt.date
    expires_on: dt.date
    answers: Mapping[str, str] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
    dissent: str = ""
    signature: str = ""

    def __post_init__(self) -> None:
        problems = [*self._text_problems(), *self._other_problems()]
        if problems:
            raise Refused("The sign-off cannot be made as it stands:", problems)

    def _text_problems(self) -> list[Problem]:
        texts = {"reasons": self.reasons, **{f"the answer to {name}": text for name, text in self.answers.items()}}
        return [
            Problem(f"{len(text.strip())} characters", name, f"at least {SHORTEST_TEXT}", "Write the reasons down.")
            for name, text in texts.items()
            if len(text.strip()) < SHORTEST_TEXT
        ]

    def _other_problems(self) -> list[Problem]:
        found = []
        if self.decision not in DECISIONS:
            found.append(Problem(repr(self.decision), "decision", f"one of {list(DECISIONS)}", "State the decision."))
        if self.role not in SIGNING_ROLES:
            remedy = "Another role cannot decide on a release."
            found.append(Problem(repr(self.role), "role", f"one of {list(SIGNING_ROLES)}", remedy))
        if not self.interests.strip():
            found.append(Problem("nothing", "interests", "a declaration of interests, if only 'none'", "Add it."))
        if self.expires_on <= self.signed_on:
            where = f"expiry {self.expires_on.isoformat()}"
            found.append(Problem("a day that is not later", where, "a day after signing", "Set a later day."))
        for condition in self.conditions:
            if not condition.text.strip() or not condition.owner.strip():
                found.append(Problem("a gap", "conditions", "a text and an owner", "Say what, and who sees to it."))
        return found

    def content(self) -> bytes:
        """The canonical bytes that the signature is over: everything but the signature."""
        told = self.as_json()
        del told["signature"]
        return b"desist sign-off 1\n" + canonical_json(told)

    def as_json(self) -> dict[str, Any]:
        told = asdict(self)
        told["answers"] = dict(self.answers)
        told["conditions"] = [{**asdict(condition), "due": condition.due.isoformat()} for condition in self.conditions]
        return {**told, "signed_on": self.signed_on.isoformat(), "expires_on": self.expires_on.isoformat()}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> SignOff:
        """The sign-off in a JSON object. Raises Refused where it is not one."""
        try:
            conditions = tuple(
                Condition(str(entry["text"]), str(entry["owner"]), dt.date.fromisoformat(entry["due"]))
                for entry in told["conditions"]
            )
            dates = {name: dt.date.fromisoformat(told[name]) for name in ("signed_on", "expires_on")}
            return cls(**{**told, **dates, "answers": dict(told["answers"]), "conditions": conditions})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Refused("A sign-off file is damaged or was edited. Ask its holder to sign again.") from error


def sign(draft: SignOff, keys: SigningKeys, password: bytes) -> SignOff:
    """The sign-off with its signature. Raises Refused unless holder and role are those of the key."""
    key = keys.get(draft.key_id)
    if (key.holder, key.role) != (draft.holder, draft.role):
        raise Refused(f"The key {draft.key_id} belongs to {key.holder} ({key.role}), not to {draft.holder}.")
    return replace(draft, signature=keys.sign(draft.key_id, password, draft.content()))


def save_sign_off(run_folder: Path, sign_off: SignOff) -> Path:
    """Keep a sign-off beside its run; one holder's later decision on the same candidate replaces the earlier."""
    path = run_folder / FOLDER / f"{sign_off.key_id}.json"
    write_json(path, sign_off.as_json())
    return path


def load_sign_offs(run_folder: Path) -> tuple[SignOff, ...]:
    """The sign-offs kept beside a run, by key id. Raises Refused for a damaged one."""
    found = []
    for path in sorted((run_folder / FOLDER).glob("*.json")):
        try:
            found.append(SignOff.from_json(read_json(path)))
        except ValueError as error:
            raise Refused(f"The sign-off {path.name} is damaged. Ask its holder to sign again.") from error
    return tuple(found)


def add_months(day: dt.date, months: int) -> dt.date:
    """The same day of a later month, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    first_of_next = dt.date(year + (month == 11), (month + 1) % 12 + 1, 1)
    last = (first_of_next - dt.timedelta(days=1)).day
    return dt.date(year, month + 1, min(day.day, last))


def same_person(one: str, other: str) -> bool:
    """Whether two holders' names are one name, whatever their spacing, case or accents."""
    return _bare(one) == _bare(other)


def _bare(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name)
    return "".join(letter for letter in letters.casefold() if letter.isalnum())


def conditions_of(sign_offs: Sequence[SignOff]) -> tuple[Condition, ...]:
    """The conditions of all approving sign-offs, earliest due first, each once."""
    found = {condition for sign_off in sign_offs if sign_off.decision == "approve" for condition in sign_off.conditions}
    return tuple(sorted(found, key=lambda condition: (condition.due, condition.text, condition.owner)))
