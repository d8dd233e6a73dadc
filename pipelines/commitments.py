"""What a list promises of each person on it, so that taking somebody off later can be told from any other change.

For every person two salted hashes are made with the list: one of their row and its place, one of their estimate, score
and profile. All hashes together are bound by the list's manifest; the salts lie beside them. Whoever takes a person
off drops their salt, after which their hashes tell nothing any more. What is left must still fit: so a list can lose
a person, or lose a person's estimate, and change in no other way without showing it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from desist.features.tables import Estimate
from desist.records.hashing import canonical_json, hash_bytes, hash_json

FORMAT = 1
#: Why somebody has no estimate although one could be made, as pages know it.
RESTRICTED, CONTESTED = "restricted", "contested"
ON_HOLD = (RESTRICTED, CONTESTED)


@dataclass(frozen=True)
class Content:
    """A list's content: ``told`` as list.json says it, and the tables of scores and profiles (None: not kept)."""

    told: Mapping[str, Any]
    scores: pd.DataFrame
    profiles: pd.DataFrame | None

    @property
    def people(self) -> list[str]:
        """Everybody on the list, in its order."""
        return [str(row["person_id"]) for row in self.told["rows"]]


@dataclass(frozen=True)
class Commitments:
    """``salts``: place and salt by person still on the list. ``hashes``: of everybody who ever was, sorted."""

    salts: Mapping[str, tuple[int, str]]
    hashes: tuple[str, ...]

    @property
    def bound(self) -> str:
        """What the manifest binds; does not change when somebody is taken off."""
        return hash_json(list(self.hashes))

    def without(self, person: str) -> Commitments:
        return Commitments({name: salt for name, salt in self.salts.items() if name != person}, self.hashes)

    def as_json(self) -> dict[str, Any]:
        salts = {person: [place, salt] for person, (place, salt) in self.salts.items()}
        return {"format": FORMAT, "salts": salts, "hashes": list(self.hashes)}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Commitments:
        """The commitments in a JSON object. Raises ValueError, KeyError or TypeError where it is none."""
        if told["format"] != FORMAT:
            raise ValueError("commitments of another format")
        salts = {str(person): (int(place), str(salt)) for person, (place, salt) in told["salts"].items()}
        return cls(salts, tuple(str(one) for one in told["hashes"]))


def frame_hash(told: Mapping[str, Any]) -> str:
    """A hash of what a list says besides its people: date, end, release."""
    return hash_json({name: value for name, value in told.items() if name not in ("rows", "estimates")})


def commit(content: Content) -> Commitments:
    """Fresh salts and hashes for everybody on a list."""
    salts = {person: (place, secrets.token_hex(16)) for place, person in enumerate(content.people)}
    parts = _parts(content)
    hashes = [one for person, (place, salt) in salts.items() for one in _hashes(parts[person], place, salt)]
    return Commitments(salts, tuple(sorted(hashes)))


def faults(content: Content, kept: Commitments, *, erased: int, on_hold: int) -> Iterator[str]:
    """Where a list holds anything that it did not hold when it was made, or lacks more than was asked for.

    ``erased``, ``on_hold``: how many people were taken off it, and had their estimate taken off, on request.
    """
    known, parts, last = set(kept.hashes), _parts(content), -1
    if len(kept.hashes) // 2 - len(kept.salts) > erased:
        yield "lacks more people than were erased"
    if sorted(kept.salts) != sorted(content.people):
        yield "holds other people than its commitments tell of"
        return
    for person in content.people:
        place, salt = kept.salts[person]
        row, estimate = _hashes(parts[person], place, salt)
        if row not in known or place <= last:
            yield "holds a row that was changed, or moved, since it was made"
            return
        last = place
        if estimate not in known and not _is_on_hold(parts[person][1]):
            yield "holds an estimate that was changed since it was made"
            return
        on_hold -= int(estimate not in known)
    if on_hold < 0:
        yield "holds more people without an estimate than asked for it"
    strangers = _tables_people(content) - set(content.people)
    if strangers or set(content.told["estimates"]) - set(content.people):
        yield "holds scores of people who are not on it"


def on_hold_estimate(reason: str) -> dict[str, Any]:
    """The estimate of somebody on hold, as list.json says it: none, and why."""
    return {"step": None, "tags": [], "reasons": [], "why_none": reason}


def _is_on_hold(part: Mapping[str, Any]) -> bool:
    told = part["estimate"]
    blank = {name: list(value) if isinstance(value, tuple) else value for name, value in vars(Estimate(None)).items()}
    return (
        told is not None
        and told["why_none"] in ON_HOLD
        and {**told, "why_none": ""} == {**blank, "why_none": ""}
        and part["score"] in ([], [None])
        and not part["profile"]
    )


def _parts(content: Content) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Each person's row, and what belongs to their estimate."""
    scores, profiles = _by_person(content.scores), _by_person(content.profiles)
    return {
        str(row["person_id"]): (
            row,
            {
                "estimate": content.told["estimates"].get(str(row["person_id"])),
                "score": [one.get("score") for one in scores.get(str(row["person_id"]), [])],
                "profile": profiles.get(str(row["person_id"]), []),
            },
        )
        for row in content.told["rows"]
    }


def _by_person(table: pd.DataFrame | None) -> dict[str, list[dict[str, Any]]]:
    """A table's rows by person, in values that JSON can hold; missing ones are None."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in () if table is None else table.to_dict("records"):
        values = {str(name): _plain(value) for name, value in row.items()}
        found.setdefault(str(row["person_id"]), []).append(values)
    return found


def _plain(value: Any) -> Any:
    if pd.isna(value):
        return None
    return repr(float(value)) if isinstance(value, float) else str(value)


def _hashes(part: tuple[Any, dict[str, Any]], place: int, salt: str) -> tuple[str, str]:
    row, estimate = part
    return (
        hash_bytes(canonical_json([salt, "row", place, row])),
        hash_bytes(canonical_json([salt, "estimate", place, estimate])),
    )


def _tables_people(content: Content) -> set[str]:
    tables = [content.scores, *([] if content.profiles is None else [content.profiles])]
    return {str(person) for table in tables for person in table["person_id"]}
