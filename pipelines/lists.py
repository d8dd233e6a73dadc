"""Lists of cases to review on disk: written once under a release, read only while that release holds.

Erasing or restricting somebody takes them, or their estimate, off every list the same day (``take_off``). Nothing else
may change in a list, and the release never does: see ``commitments`` and ``amendments``.
"""

from __future__ import annotations

import datetime as dt
import io
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from desist.fairness.approval.candidate import is_id
from desist.features.tables import CaseList, Estimate, Profiles, Reason
from desist.pipelines import amendments
from desist.pipelines.commitments import Commitments, Content, commit, faults, frame_hash, on_hold_estimate
from desist.pipelines.session import Session
from desist.records.errors import Withheld
from desist.records.files import json_bytes, new_folder, read_json, write_bytes, write_json
from desist.records.hashing import hash_file, hash_json

LIST, SCORES, MANIFEST, PROFILES = "list.json", "scores.parquet", "manifest.json", "profiles.parquet"
#: What was promised of each person: lies beside the files that the manifest names.
PEOPLE = "people.json"
_DATES = ("supervision_end", "last_contact", "next_contact", "review_due")


def save_list(session: Session, case_list: CaseList, scores: pd.DataFrame, profiles: Profiles | None = None) -> str:
    """The id of the list, written with its scores, hashed under the release and noted in the log.

    ``profiles``: what the scores were made from; a list that keeps them can later be compared with a newer one in all
    parts (``desist why``).
    """
    told = _told(case_list)
    list_id = f"{case_list.as_of.isoformat()}-{hash_json(told)[:12]}"
    with new_folder(session.workspace.lists / list_id) as folder:
        write_json(folder / LIST, told)
        scores.to_parquet(folder / SCORES, index=False)
        if profiles is not None:
            profiles.table.to_parquet(folder / PROFILES, index=False)
        content = _content(folder)
        kept = commit(content)
        write_json(folder / PEOPLE, kept.as_json())
        bound = {
            "list": list_id,
            "release": case_list.release_id,
            "register": "" if profiles is None else profiles.schema_hash,
            "files": {name: hash_file(folder / name) for name in (LIST, SCORES, PROFILES) if (folder / name).exists()},
            "people": {"frame": frame_hash(content.told), "commitments": kept.bound},
        }
        write_json(folder / MANIFEST, bound)
    write_json(session.workspace.lists / "newest.json", {"list": list_id})
    session.log.append(
        "list.made", actor=session.actor, role="analyst", release=case_list.release_id, dataset=list_id,
        reason=hash_json(bound), counts={"people": len(case_list.rows)},
    )  # fmt: skip
    return list_id


def newest_list(session: Session) -> str | None:
    """The id of the newest list; None where no list was ever made. Raises Withheld where its note is damaged."""
    pointer = session.workspace.lists / "newest.json"
    if not pointer.exists():
        return None
    try:
        found = read_json(pointer)["list"]
    except (OSError, ValueError, KeyError, TypeError):
        found = None
    if not isinstance(found, str) or not is_id(found):
        cause = "lists/newest.json is damaged: make a new list with `desist score`"
        raise Withheld("Estimates are withheld. Which list is the newest cannot be told.", [cause], state="altered")
    return found


def list_ids(session: Session) -> list[str]:
    """The ids of all lists in the workspace, by as-of date."""
    return sorted(path.parent.name for path in session.workspace.lists.glob(f"*/{MANIFEST}"))


@dataclass(frozen=True)
class Entry:
    """One person on one list as it was written then; ``score`` and ``profile`` (by feature) are None where not kept."""

    step: int | None
    why_none: str
    score: float | None
    profile: Mapping[str, float] | None
    restricted: bool


@dataclass(frozen=True)
class KeptList:
    """A list as its files tell it, checked against manifest and log. ``register``: the profiles' schema hash."""

    list_id: str
    as_of: dt.date
    release_id: str
    register: str
    rows: Mapping[str, Mapping[str, Any]]
    estimates: Mapping[str, Mapping[str, Any]]
    scores: pd.DataFrame
    profiles: pd.DataFrame | None

    def entry(self, person_id: str) -> Entry | None:
        """What the list holds of a person; None where they were not on it."""
        if person_id not in self.rows:
            return None
        told = self.estimates.get(person_id, {})
        score = self.scores.loc[self.scores["person_id"].astype(str) == person_id, "score"].dropna()
        profile = None
        if self.profiles is not None:
            own = self.profiles[self.profiles["person_id"].astype(str) == person_id]
            values = own.drop(columns=["person_id", "as_of"])
            profile = {str(name): float(values[name].iloc[0]) for name in values} if len(own) else None
        return Entry(
            step=told.get("step"),
            why_none=str(told.get("why_none", "")),
            score=float(score.iloc[0]) if len(score) else None,
            profile=profile,
            restricted=bool(self.rows[person_id].get("lao")),
        )


def kept_list(session: Session, list_id: str) -> KeptList:
    """The list with its scores and profiles, whatever release it was made under. Raises Withheld where it was altered.

    It gives what was estimated then; nothing is estimated here, and who may see it is for the caller to ask.
    """
    _check_sound(session, list_id)
    folder = session.workspace.lists / list_id
    told, bound = read_json(folder / LIST), read_json(folder / MANIFEST)
    if told["release_id"] != bound["release"]:
        cause = f"lists/{list_id} names another release than its manifest"
        raise Withheld("Estimates are withheld. The list is not what was made.", [cause], state="altered")
    return KeptList(
        list_id=list_id,
        as_of=dt.date.fromisoformat(told["as_of"]),
        release_id=told["release_id"],
        register=str(bound.get("register", "")),
        rows={str(row["person_id"]): row for row in told["rows"]},
        estimates=told["estimates"],
        scores=pd.read_parquet(folder / SCORES),
        profiles=pd.read_parquet(folder / PROFILES) if PROFILES in bound["files"] else None,
    )


def _check_sound(session: Session, list_id: str) -> None:
    """Raise Withheld unless the list is there, and is what was made and may have become of it."""
    faults = list_faults(session, list_id)
    if not faults and not (session.workspace.lists / list_id).exists():
        faults = [f"lists/{list_id} was erased when its time was over"]
    if faults:
        raise Withheld("Estimates are withheld. The list is not what was made.", faults, state="altered")


def list_faults(session: Session, list_id: str) -> list[str]:
    """What is wrong with a list: its files against its manifest and amendments, these against the log.

    Nothing is wrong with one that was removed when its time was over, and that the log tells so of. No list says less
    of more people than requests were carried out on it.
    """
    folder = session.workspace.lists / list_id
    gone = amendments.is_gone(session, folder)
    if gone or not folder.exists():
        return [] if gone and not folder.exists() else [f"lists/{list_id} is {'there again' if gone else 'damaged'}"]
    try:
        bound = read_json(folder / MANIFEST)
        files, release = dict(bound["files"]), str(bound["release"])
        files, found = amendments.expected(session, folder, files)
        found += amendments.changed(folder, files)
        if not found and amendments.entries(folder):
            found += [f"lists/{list_id} {fault}" for fault in _amended_faults(folder, bound)]
    except (OSError, ValueError, KeyError, TypeError):
        return [f"lists/{list_id} is damaged"]
    made = [row for row in session.log.rows() if row["operation"] == "list.made" and row["dataset"] == list_id]
    if not any(row["reason"] == hash_json(bound) and row["release"] == release for row in made):
        found.append(f"the log knows nothing of lists/{list_id} as it stands")
    return found


def _content(folder: Path) -> Content:
    """What the files of a list hold."""
    profiles = folder / PROFILES
    return Content(
        read_json(folder / LIST),
        pd.read_parquet(folder / SCORES),
        pd.read_parquet(profiles) if profiles.exists() else None,
    )


def _amended_faults(folder: Path, bound: Mapping[str, Any]) -> list[str]:
    """Where an amended list holds anything besides less of what it was made with."""
    promised = bound.get("people")
    if not promised:
        return ["was made by an earlier desist, so nobody can tell what was taken off it: make a new one"]
    content, kept = _content(folder), Commitments.from_json(read_json(folder / PEOPLE))
    if kept.bound != promised["commitments"] or frame_hash(content.told) != promised["frame"]:
        return ["is not what its manifest promised"]
    less = amendments.people_by_kind(folder)
    return list(faults(content, kept, erased=less[amendments.ERASED], on_hold=less[amendments.ON_HOLD]))


def take_off(session: Session, list_id: str, person_id: str, *, receipt: str, on_hold: str = "") -> int:
    """Take a person off a list, or with ``on_hold`` only their estimate; returns how many entries of theirs went.

    A list that was not as it was made stays so: nobody can tell what it held, and the person leaves it all the same.
    The same call again, after a kill, ends as one that was not disturbed: ``receipt`` says that it is the same.
    """
    folder = session.workspace.lists / list_id
    if not (folder / MANIFEST).exists():
        return 0
    kind = amendments.ON_HOLD if on_hold else amendments.ERASED
    try:
        content, made = _content(folder), {str(k): str(v) for k, v in read_json(folder / MANIFEST)["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        shutil.rmtree(folder)  # nobody can tell whom it holds; the log tells that it was there
        return 1
    again = amendments.begun(session, folder, made, kind=kind, receipt=receipt)
    if person_id not in _anywhere(content, folder) and not again:
        return 0
    files, taken = _without(content, person_id, on_hold)
    if again or not list_faults(session, list_id):
        amendments.amend(session, folder, files, kind=kind, people=1, receipt=receipt)
    else:
        for name, written in files.items():
            write_bytes(folder / name, written)
    if not on_hold and (folder / PEOPLE).exists():
        kept = Commitments.from_json(read_json(folder / PEOPLE))
        write_json(folder / PEOPLE, kept.without(person_id).as_json())
    return taken


def people_named(session: Session, list_id: str) -> list[str]:
    """Everybody whom the files of a list name, once for each row and estimate."""
    try:
        content = _content(session.workspace.lists / list_id)
    except (OSError, ValueError, KeyError, TypeError):
        return []
    tables = [content.scores, *([] if content.profiles is None else [content.profiles])]
    named = [str(person) for table in tables for person in table["person_id"]]
    return [*content.people, *content.told["estimates"], *named]


def is_estimated(session: Session, list_id: str, person: str) -> bool:
    """Whether a list says anything of somebody's estimate, if only why there is none."""
    try:
        return person in _content(session.workspace.lists / list_id).told["estimates"]
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _anywhere(content: Content, folder: Path) -> set[str]:
    """Everybody whom any file of a list names."""
    tables = [content.scores, *([] if content.profiles is None else [content.profiles])]
    named = {str(person) for table in tables for person in table["person_id"]}
    salts = read_json(folder / PEOPLE)["salts"] if (folder / PEOPLE).exists() else {}
    return named | set(content.people) | set(content.told["estimates"]) | set(salts)


def _without(content: Content, person: str, on_hold: str) -> tuple[dict[str, bytes], int]:
    """The files of a list without a person, or without their estimate; and how many entries of theirs go."""
    told, taken = dict(content.told), 0
    estimates = dict(told["estimates"])
    if on_hold:
        if person in estimates and estimates[person]["why_none"] != on_hold:
            estimates[person], taken = on_hold_estimate(on_hold), 1
    else:
        taken += int(person in content.people) + int(estimates.pop(person, None) is not None)
        told["rows"] = [row for row in told["rows"] if str(row["person_id"]) != person]
    files = {LIST: json_bytes(told | {"estimates": estimates})}
    for name, table in ((SCORES, content.scores), (PROFILES, content.profiles)):
        if table is not None:
            left = table[table["person_id"].astype(str) != person]
            taken += len(table) - len(left)
            files[name] = parquet_of(left)
    return files, taken


def parquet_of(table: pd.DataFrame) -> bytes:
    """A table as the bytes of a Parquet file."""
    sink = io.BytesIO()
    table.to_parquet(sink, index=False)
    return sink.getvalue()


def load_list(session: Session, list_id: str, release_id: str) -> CaseList:
    """The list, if it is the one that was made under this release. Raises Withheld otherwise."""
    _check_sound(session, list_id)
    told = read_json(session.workspace.lists / list_id / LIST)
    if told["release_id"] != release_id:
        cause = f"the list {list_id} was made under another release: make a new one with `desist score`"
        raise Withheld("Estimates are not available.", [cause])
    return _read(told)


def _told(case_list: CaseList) -> dict[str, Any]:
    rows = case_list.rows.copy()
    for name in _DATES:
        rows[name] = [None if pd.isna(value) else pd.Timestamp(value).date().isoformat() for value in rows[name]]
    return {
        "as_of": case_list.as_of.isoformat(),
        "valid_until": case_list.valid_until.isoformat(),
        "release_id": case_list.release_id,
        "rows": [
            {name: (None if _is_missing(value) else value) for name, value in row.items()}
            for row in rows.astype(object).to_dict("records")
        ],
        "estimates": {person: asdict(one) for person, one in sorted(case_list.estimates.items())},
    }


def _is_missing(value: Any) -> bool:
    return value is None or (not isinstance(value, list | tuple) and bool(pd.isna(value)))


def _read(told: dict[str, Any]) -> CaseList:
    rows = pd.DataFrame(told["rows"])
    for name in _DATES:
        rows[name] = pd.to_datetime(rows[name])
    estimates = {
        person: Estimate(
            step=one["step"],
            tags=tuple(one["tags"]),
            reasons=tuple(Reason(**reason) for reason in one["reasons"]),
            why_none=one["why_none"],
        )
        for person, one in told["estimates"].items()
    }
    return CaseList(
        dt.date.fromisoformat(told["as_of"]), dt.date.fromisoformat(told["valid_until"]), told["release_id"], rows,
        estimates,
    )  # fmt: skip
