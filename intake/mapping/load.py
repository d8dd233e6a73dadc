"""The mappings of a workspace, by name."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from desist.intake.mapping.model import FileMap
from desist.intake.mapping.reader import file_map
from desist.records.errors import Problem, Refused
from desist.records.hashing import hash_bytes


@dataclass(frozen=True)
class Broken:
    """A mapping that cannot be used, and why: told only where a delivery names it."""

    name: str
    problems: tuple[Problem, ...]
    hash: str


def load_mappings(folder: Path) -> dict[str, FileMap | Broken]:
    """Every ``*.toml`` in ``folder`` by its file's name; empty where there is no folder."""
    found: dict[str, FileMap | Broken] = {}
    for path in sorted(folder.glob("*.toml")) if folder.is_dir() else []:
        try:
            found[path.stem] = read_mapping(path)
        except Refused as refused:
            found[path.stem] = Broken(path.stem, refused.problems, hash_bytes(path.read_bytes()))
    return found


def read_mapping(path: Path) -> FileMap:
    """The mapping in one file. Raises Refused with everything that is wrong with it."""
    try:
        # Notepad and Excel put a byte order mark before what they save as UTF-8.
        content = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problem = Problem("a file that is not TOML", f"mapping {path.stem}", "TOML in UTF-8", f"{error}.")
        raise Refused(f"The mapping {path.stem} cannot be used.", [problem]) from None
    return file_map(content, name=path.stem)


def urls_of(mappings: Mapping[str, FileMap | Broken]) -> dict[str, str]:
    """The database that each mapping is about, of those that are about one."""
    return {name: one.format.url for name, one in mappings.items() if isinstance(one, FileMap) and one.format.url}
