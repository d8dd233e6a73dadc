"""What one agency says it sends: ``delivery.toml`` and the files beside it, opened without following any trick."""

from __future__ import annotations

import datetime as dt
import os
import stat
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from desist.intake.terms.contracts import CONTRACTS, refused_class
from desist.records import codes
from desist.records.errors import Problem, Refused
from desist.records.hashing import hash_bytes

#: Encodings that may be stated; the second is what Excel on Windows writes as plain "CSV".
ENCODINGS = ("utf-8", "windows-1252", "iso-8859-1")
NAME = "delivery.toml"


@dataclass(frozen=True)
class SentFile:
    """One file as announced, with its bytes as read once and their SHA-256; ``mapping`` names how it is laid out."""

    table: str
    path: str
    agreement: str
    content: bytes
    sha256: str
    mapping: str = ""


@dataclass(frozen=True)
class Delivery:
    """One source's extract, cut on ``extract_date``: the files that could be opened, and all announced tables."""

    folder: Path
    source: str
    extract_date: dt.date
    made_up: bool
    encoding: str
    files: tuple[SentFile, ...]
    announced: tuple[str, ...] = ()


def find_deliveries(folder: Path) -> list[Path]:
    """Folders with a delivery.toml: ``folder`` itself, or those in ``folder/extracts`` or ``folder``. May be empty."""
    if (folder / NAME).exists():
        return [folder]
    inside = folder / "extracts" if (folder / "extracts").is_dir() else folder
    return sorted(path.parent for path in inside.glob(f"*/{NAME}"))


#: Asks a database (URL, SELECT) and gives its answer as Parquet; raises Refused.
Ask = Callable[[str, str], bytes]


def read_delivery(
    folder: Path, *, today: dt.date, ask: Ask | None = None, urls: Mapping[str, str] | None = None
) -> tuple[Delivery | None, list[Problem]]:
    """The delivery with the bytes of those files that could be opened, and everything wrong with it.

    None where its head is so wrong that no file can be judged. ``urls``: mapping -> the database it is about: no
    other one is asked, whatever a delivery says.
    """
    if folder.is_symlink():
        link = Problem("a link to another place", folder.name, "a folder, not a link", "Name the folder itself.")
        return None, [link]
    content = _toml(folder)
    if isinstance(content, Problem):
        return None, [content]
    where = f"{folder.name}/{NAME}"
    head = _head_faults(content, where, today)
    problems = list(head)
    entries = content.get("file")
    if not isinstance(entries, list) or not entries:
        problems.append(Problem("no [[file]]", where, "an entry for each file sent", "Add the [[file]] entries."))
        entries = []
    files, faults = _files(folder, entries, content.get("source"), ask, urls or {}, where)
    problems += faults
    problems += _repeated([file.table for file in files], where)
    if head:
        return None, problems
    announced = tuple(str(entry.get("table")) for entry in entries if isinstance(entry, dict))
    encoding = content.get("encoding", "utf-8")
    delivery = Delivery(
        folder, content["source"], content["extract_date"], content["made_up"], encoding, tuple(files), announced
    )
    return delivery, problems


def _files(
    folder: Path, entries: list[Any], source: Any, ask: Ask | None, urls: Mapping[str, str], where: str
) -> tuple[list[SentFile], list[Problem]]:
    """The files that could be opened, and why others could not."""
    problems: list[Problem] = []
    files = []
    opened: dict[tuple[str, str], bytes | list[Problem]] = {}
    for entry in entries:
        faults = _entry_faults(entry, source, where) or _url_faults(entry, urls, where)
        if not faults:
            # One file may serve several tables; it is opened once, so that all are made of the same bytes.
            origin = (str(entry.get("url", "")), _name(entry))
            first = origin not in opened
            if first:
                opened[origin] = _content(folder, entry, ask)
            found = opened[origin]
            if isinstance(found, bytes):
                mapping = str(entry.get("mapping", ""))
                files.append(SentFile(entry["table"], origin[1], entry["agreement"], found, hash_bytes(found), mapping))
            elif first:
                faults = found
        problems += faults
    return files, problems


def _name(entry: Mapping[str, Any]) -> str:
    """The name of the file, or of the query whose answer stands for one."""
    return str(entry.get("query" if "url" in entry else "path", ""))


def _url_faults(entry: Mapping[str, Any], urls: Mapping[str, str], where: str) -> list[Problem]:
    """Whether an entry asks another database than its own mapping names, whatever the other entries say."""
    if "url" not in entry or entry["url"] == urls.get(entry["mapping"]):
        return []
    return [
        Problem("a database that its mapping does not name", where, "the `url` of its mapping's [format]",
                "Make the mapping with `desist map URL --query FILE`, and copy its url.")
    ]  # fmt: skip


def _content(folder: Path, entry: Mapping[str, Any], ask: Ask | None) -> bytes | list[Problem]:
    found = _open_inside(folder, _name(entry))
    if isinstance(found, Problem):
        return [found]
    if "url" not in entry:
        return found
    if ask is None:
        return [Problem("a database", _name(entry), "a file", "Name a file: here no database is asked.")]
    try:
        return ask(entry["url"], found.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return [Problem("a query that is not UTF-8", _name(entry), "text in UTF-8", "Save the query as UTF-8.")]
    except Refused as refused:
        return list(refused.problems)


def _toml(folder: Path) -> Mapping[str, Any] | Problem:
    found = _open_inside(folder, NAME)
    if isinstance(found, Problem):
        return found
    try:
        return tomllib.loads(found.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return Problem("a file that is not TOML", f"{folder.name}/{NAME}", "TOML in UTF-8", f"{error}.")


def _head_faults(content: Mapping[str, Any], where: str, today: dt.date) -> list[Problem]:
    problems = []
    if content.get("source") not in codes.SOURCES:
        problems.append(
            Problem(_shown(content, "source"), where, f"source from {', '.join(codes.SOURCES)}", "Write `source`.")
        )
    cut = content.get("extract_date")
    if not isinstance(cut, dt.date) or isinstance(cut, dt.datetime):
        problems.append(
            Problem(_shown(content, "extract_date"), where, "a date such as extract_date = 2026-09-30",
                    "Write the day on which the extract was cut, without quotation marks.")
        )  # fmt: skip
    elif cut > today:
        problems.append(
            Problem(f"extract_date {cut}", where, f"a day not after {today}", "Correct the date of the extract.")
        )
    if not isinstance(content.get("made_up"), bool):
        problems.append(
            Problem(_shown(content, "made_up"), where, "made_up = true or made_up = false",
                    "Say whether the people in the extract are made up.")
        )  # fmt: skip
    if content.get("encoding", "utf-8") not in ENCODINGS:
        problems.append(
            Problem(_shown(content, "encoding"), where, f"encoding from {', '.join(ENCODINGS)}",
                    "State one of these, or send UTF-8 and leave the line out.")
        )  # fmt: skip
    return problems


def _shown(content: Mapping[str, Any], key: str) -> str:
    return f"`{key}` = {str(content[key])[:40]!r}" if key in content else f"no `{key}`"


def _entry_faults(entry: Any, source: Any, where: str) -> list[Problem]:
    from_database = isinstance(entry, dict) and "url" in entry
    keys = ("table", "agreement", *(("url", "query", "mapping") if from_database else ("path",)))
    missing = [key for key in keys if not isinstance(entry, dict) or not isinstance(entry.get(key), str)]
    if missing:
        return [
            Problem(f"a [[file]] without {', '.join(missing)}", where, f"{', '.join(keys)} as texts",
                    "Complete the entry.")
        ]  # fmt: skip
    for name in (entry["table"], _name(entry)):
        if kind := refused_class(name):
            return [
                Problem(f"{name[:60]!r} ({kind})", where, "no data of this class, ever (REQUIREMENTS INT-10)",
                        "Take the entry out, and delete the file.")
            ]  # fmt: skip
    contract = CONTRACTS.get(entry["table"])
    if contract is None or (source in codes.SOURCES and source not in contract.sources):
        return [
            Problem(f"the table {entry['table'][:60]!r}", where, f"a table that {source} sends",
                    "Correct `table`; the tables are listed in the guide.")
        ]  # fmt: skip
    return []


def _repeated(names: list[str], where: str) -> list[Problem]:
    return [
        Problem(f"two files for the table {name}", where, "one file for each table", "Join them, or remove one.")
        for name in sorted({name for name in names if names.count(name) > 1})
    ]


def _open_inside(folder: Path, path: str) -> bytes | Problem:
    """Bytes of a plain file below ``folder``, or why it is not opened: a path that leads out, a link, nothing there."""
    where = f"{folder.name}/{path[:80]}"
    parts = PurePosixPath(path).parts
    leads_out = (
        PurePosixPath(path).is_absolute()
        or PureWindowsPath(path).drive
        or PureWindowsPath(path).root
        or "\\" in path
        or "\0" in path
        or ".." in parts
        or not parts
    )
    if leads_out:
        return Problem("a path that leads out of the delivery", where, "a plain path below the delivery's folder",
                       "Put the file beside delivery.toml and name it so.")  # fmt: skip
    step = folder
    for part in parts:
        step = step / part
        if step.is_symlink():
            return Problem("a link to another place", where, "a file, not a link", "Put the file itself there.")
    if not step.exists():
        return Problem("no such file", where, "the announced file", "Add the file, or take its entry out.")
    if not stat.S_ISREG(step.stat().st_mode):
        return Problem("something that is not a file", where, "a file", "Put the file itself there.")
    # O_NOFOLLOW: the file cannot be exchanged for a link between the look and the opening.
    handle = os.open(step, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as file:
        return file.read()
