"""The workspace's governance files: made from the register, made again on request, never over what a person edited."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

from desist.intake.terms.agreements import load_agreements
from desist.pipelines.data_map import DataMap, Surroundings, data_map
from desist.pipelines.dpia_draft import dpia_draft
from desist.pipelines.own_features import register_to_read_with
from desist.pipelines.settings import load_settings
from desist.records.errors import Refused
from desist.records.files import read_json, write_json, write_text
from desist.records.hashing import hash_bytes
from desist.records.workspace import Workspace
from desist.reports.documents import as_markdown, as_page

#: Notes the hashes of each file as the tool wrote it last, so that an edited one is told from its own; two while it is
#: being written, because whoever is killed then leaves the one or the other.
MADE = "made.json"


def write_governance(workspace: Workspace, *, name: str, area: str, today: dt.date) -> list[str]:
    """Write the data map and the draft assessment from the register; returns what became of each, line by line.

    ``name`` and ``area`` are used while partnership.toml cannot be read yet.
    """
    found = DataMap(
        load_agreements(workspace.agreements),
        register_to_read_with(workspace)[0],
        _surroundings(workspace, name, area, today),
    )
    mapped, draft = data_map(found), dpia_draft(found)
    texts = {
        "data-map.html": as_page(mapped),
        "data-map.md": as_markdown(mapped),
        "dpia-draft.md": as_markdown(draft),
    }
    lines = _write_unedited(workspace.governance, texts)
    return [*lines, *(f"  look at: {question}" for question in found.questions())]


def _surroundings(workspace: Workspace, name: str, area: str, today: dt.date) -> Surroundings:
    try:
        settings = load_settings(workspace.partnership)
    except Refused:  # a new workspace's settings are to be filled in
        return Surroundings(name, area, False, today, "", ())
    return Surroundings(
        settings.name, settings.area, settings.made_up, settings.today or today, settings.purpose,
        tuple(settings.expected_every_days),
    )  # fmt: skip


def _write_unedited(folder: Path, texts: Mapping[str, str]) -> list[str]:
    folder.mkdir(exist_ok=True)
    made: dict[str, list[str]] = read_json(folder / MADE) if (folder / MADE).exists() else {}
    lines = []
    for file, text in texts.items():
        path, beside = folder / file, folder / f"{file}.new"
        new = hash_bytes(text.encode())
        held = hash_bytes(path.read_bytes()) if path.exists() else None
        ours = made.get(file, [])
        if held in (None, new, *ours):
            write_json(folder / MADE, made | {file: [*ours, new]})
            if held != new:
                write_text(path, text)
            beside.unlink(missing_ok=True)
            lines.append(f"{path}: made from the register of agreements.")
            made[file] = [new]
        elif new in ours:
            lines.append(f"{path}: stays as it was edited; the register says nothing new.")
        else:
            write_text(beside, text)
            lines.append(f"{path}: stays as it was edited; what the register says now is in {beside.name} beside it.")
    write_json(folder / MADE, made)
    return lines
