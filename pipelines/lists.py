"""Lists of cases to review on disk: written once under a release, read only while that release holds."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import Any

import pandas as pd

from desist.features.tables import CaseList, Estimate, Reason
from desist.pipelines.session import Session
from desist.records.errors import Withheld
from desist.records.files import new_folder, read_json, write_json
from desist.records.hashing import hash_file, hash_json

LIST, SCORES, MANIFEST = "list.json", "scores.parquet", "manifest.json"
_DATES = ("supervision_end", "last_contact", "next_contact", "review_due")


def save_list(session: Session, case_list: CaseList, scores: pd.DataFrame) -> str:
    """The id of the list, written with its scores, hashed under the release and noted in the log."""
    told = _told(case_list)
    list_id = f"{case_list.as_of.isoformat()}-{hash_json(told)[:12]}"
    with new_folder(session.workspace.lists / list_id) as folder:
        write_json(folder / LIST, told)
        scores.to_parquet(folder / SCORES, index=False)
        bound = {
            "list": list_id,
            "release": case_list.release_id,
            "files": {name: hash_file(folder / name) for name in (LIST, SCORES)},
        }
        write_json(folder / MANIFEST, bound)
    write_json(session.workspace.lists / "newest.json", {"list": list_id})
    session.log.append(
        "list.made", actor=session.actor, role="analyst", release=case_list.release_id, dataset=list_id,
        reason=hash_json(bound), counts={"people": len(case_list.rows)},
    )  # fmt: skip
    return list_id


def newest_list(session: Session) -> str | None:
    """The id of the newest list; None where no list was ever made."""
    pointer = session.workspace.lists / "newest.json"
    return str(read_json(pointer)["list"]) if pointer.exists() else None


def list_faults(session: Session, list_id: str) -> list[str]:
    """What is wrong with a list: its files against its manifest, its manifest against the log."""
    folder = session.workspace.lists / list_id
    try:
        bound = read_json(folder / MANIFEST)
        files, release = dict(bound["files"]), str(bound["release"])
        found = [f"lists/{list_id}/{name} was changed" for name in files if hash_file(folder / name) != files[name]]
    except (OSError, ValueError, KeyError, TypeError):
        return [f"lists/{list_id} is damaged"]
    made = [row for row in session.log.rows() if row["operation"] == "list.made" and row["dataset"] == list_id]
    if not any(row["reason"] == hash_json(bound) and row["release"] == release for row in made):
        found.append(f"the log knows nothing of lists/{list_id} as it stands")
    return found


def load_list(session: Session, list_id: str, release_id: str) -> CaseList:
    """The list, if it is the one that was made under this release. Raises Withheld otherwise."""
    faults = list_faults(session, list_id)
    if faults:
        raise Withheld("Estimates are withheld. The list is not what was made.", faults, state="altered")
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
