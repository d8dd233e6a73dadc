"""Agency numbers that are out of the store and that the vault is still to forget, noted until it has.

Not in the manifest: old manifests stay as history, and these numbers are to be forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from desist.records.files import read_json, write_json


class Ended:
    """The note beside the pointer to the current snapshot, in the store's folder ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._note = root / "ended.json"

    def note(self, snapshot: str, numbers: Mapping[str, Sequence[str]]) -> None:
        """Write down numbers by source before ``snapshot``, from which they are gone, is made the current one."""
        if any(numbers.values()):
            write_json(self._note, {"snapshot": snapshot, "numbers": {key: list(numbers[key]) for key in numbers}})

    def numbers(self) -> dict[str, list[str]]:
        """Numbers by source to be forgotten; none where the writer was killed before its snapshot became current."""
        note = read_json(self._note) if self._note.exists() else None
        return dict(note["numbers"]) if note and self._has_been(note["snapshot"]) else {}

    def _has_been(self, snapshot: str) -> bool:
        pointer = self.root / "current.json"
        at = read_json(pointer)["snapshot"] if pointer.exists() else None
        while at and at != snapshot:
            at = read_json(self.root / "snapshots" / f"{at}.json")["previous"]
        return bool(at)

    def forget(self) -> None:
        """The vault has forgotten them."""
        self._note.unlink(missing_ok=True)
