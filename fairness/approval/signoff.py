"""What a role holder signs: a decision on one candidate and its audit, with scope, reasons, answers and conditions.

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
RELEASE, CONDITIONS, PILOT = "release", "conditions", "pilot"
#: What an approval can be for, from the widest to the narrowest.
SCOPES = (RELEASE, CONDITIONS, PILOT)
SHORTEST_TEXT = 20
FOLDER = "sign_offs"
#: Every decision ever recorded, by its hash: a later one replaces none of them here.
HISTORY = "history"


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
class Pilot:
    """The bounds of a pilot: how many people it may bring to review, its last day, and when it is evaluated.

    The evaluation stands before the end, so that nobody is asked to go on without it.
    """

    most_people: int
    ends: dt.date
    evaluated_on: dt.date


@dataclass(frozen=True)
class SignOff:
    """One role holder's decision. ``answers``: question id to why a release is right although it stands open.

    Approves or refuses the candidate and audit of those hashes, and nothing else; an approval is for one of the
    SCOPES, a refusal for none. ``expires_on`` is the last day it holds. ``no_shadow_reason``: why a first release
    needs no shadow before it. Raises Refused, with everything that is wrong, when it is made.
    """

    candidate_hash: str
    audit_hash: str
    key_id: str
    holder: str
    role: str
    decision: str
    scope: str
    reasons: str
    interests: str
    signed_on: dt.date
    expires_on: dt.date
    answers: Mapping[str, str] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
    pilot: Pilot | None = None
    no_shadow_reason: str = ""
    dissent: str = ""
    signature: str = ""

    def __post_init__(self) -> None:
        problems = [*self._text_problems(), *self._other_problems(), *self._scope_problems()]
        if problems:
            raise Refused("The sign-off cannot be made as it stands:", problems)

    def _text_problems(self) -> list[Problem]:
        texts = {"reasons": self.reasons, **{f"the answer to {name}": text for name, text in self.answers.items()}}
        texts |= {"no_shadow_reason": self.no_shadow_reason} if self.no_shadow_reason else {}
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

    def _scope_problems(self) -> list[Problem]:
        """Whether scope, conditions and pilot say the same thing."""
        if self.decision == "refuse":
            return [Problem(repr(self.scope), "scope", "none for a refusal", "Leave it empty.")] if self.scope else []
        found, pilot = [], self.pilot
        if self.scope not in SCOPES:
            found.append(Problem(repr(self.scope), "scope", f"one of {list(SCOPES)}", "Say what is approved."))
        if self.scope == RELEASE and self.conditions:
            found.append(Problem("conditions", "scope release", "none", f"Approve the scope {CONDITIONS!r}."))
        if self.scope == CONDITIONS and not self.conditions:
            found.append(Problem("no condition", "scope conditions", "at least one", "Say what must happen, by when."))
        if (self.scope == PILOT) != (pilot is not None):
            found.append(Problem("one without the other", "pilot", "the scope pilot with its bounds", "Mend it."))
        if pilot and not (pilot.most_people >= 1 and self.signed_on < pilot.evaluated_on <= pilot.ends):
            expected = "at least one person, and an evaluation after signing and no later than its end"
            found.append(Problem("bounds that cannot be", "pilot", expected, "Mend it."))
        return found

    @property
    def last_day(self) -> dt.date:
        """The last day on which the approval can hold: its own, or the pilot's where that ends sooner."""
        return min(self.expires_on, self.pilot.ends) if self.pilot else self.expires_on

    @property
    def hash(self) -> str:
        """The hash of everything in it, its signature included: what the log notes of a decision."""
        return hash_json(self.as_json())

    def content(self) -> bytes:
        """The canonical bytes that the signature is over: everything but the signature."""
        told = self.as_json()
        del told["signature"]
        return b"desist sign-off 2\n" + canonical_json(told)

    def as_json(self) -> dict[str, Any]:
        told = asdict(self)
        told["answers"] = dict(self.answers)
        told["conditions"] = [{**asdict(condition), "due": condition.due.isoformat()} for condition in self.conditions]
        told["pilot"] = pilot_json(self.pilot)
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
            pilot = told["pilot"]
            if pilot is not None:
                days = {name: dt.date.fromisoformat(pilot[name]) for name in ("ends", "evaluated_on")}
                pilot = Pilot(**{**pilot, **days})
            whole = {**told, **dates, "answers": dict(told["answers"]), "conditions": conditions, "pilot": pilot}
            return cls(**whole)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Refused("A sign-off file is damaged or was edited. Ask its holder to sign again.") from error


def sign(draft: SignOff, keys: SigningKeys, password: bytes) -> SignOff:
    """The sign-off with its signature. Raises Refused unless holder and role are those of the key."""
    key = keys.get(draft.key_id)
    if (key.holder, key.role) != (draft.holder, draft.role):
        raise Refused(f"The key {draft.key_id} belongs to {key.holder} ({key.role}), not to {draft.holder}.")
    return replace(draft, signature=keys.sign(draft.key_id, password, draft.content()))


def save_sign_off(run_folder: Path, sign_off: SignOff) -> Path:
    """Keep a sign-off beside its run; one holder's later decision counts, the earlier stays in the history."""
    path = run_folder / FOLDER / f"{sign_off.key_id}.json"
    write_json(run_folder / FOLDER / HISTORY / f"{sign_off.hash}.json", sign_off.as_json())
    write_json(path, sign_off.as_json())
    return path


def load_sign_offs(run_folder: Path) -> tuple[SignOff, ...]:
    """Each holder's latest sign-off kept beside a run, by key id. Raises Refused for a damaged one."""
    return _load(run_folder / FOLDER)


def load_history(run_folder: Path) -> tuple[SignOff, ...]:
    """Every sign-off that was ever recorded beside a run, by hash. Raises Refused for a damaged one."""
    return _load(run_folder / FOLDER / HISTORY)


def _load(folder: Path) -> tuple[SignOff, ...]:
    found = []
    for path in sorted(folder.glob("*.json")):
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


def scope_of(sign_offs: Sequence[SignOff]) -> str:
    """The narrowest scope that anybody approved; nothing where nobody did."""
    scopes = [sign_off.scope for sign_off in sign_offs if sign_off.decision == "approve"]
    return max(scopes, key=SCOPES.index, default="")


def pilot_of(sign_offs: Sequence[SignOff]) -> Pilot | None:
    """The narrowest bounds that those who approved a pilot set; None where nobody approved one."""
    found = [sign_off.pilot for sign_off in sign_offs if sign_off.decision == "approve" and sign_off.pilot]
    if not found:
        return None
    return Pilot(
        most_people=min(pilot.most_people for pilot in found),
        ends=min(pilot.ends for pilot in found),
        evaluated_on=min(pilot.evaluated_on for pilot in found),
    )


def pilot_json(pilot: Pilot | None) -> dict[str, Any] | None:
    """A pilot's bounds as JSON holds them."""
    if pilot is None:
        return None
    return {**asdict(pilot), "ends": pilot.ends.isoformat(), "evaluated_on": pilot.evaluated_on.isoformat()}
