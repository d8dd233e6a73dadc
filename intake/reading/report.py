"""What a reading did, file by file: read = accepted + quarantined + replaced, always."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any

from desist.intake.rows.crosschecks import DUPLICATE
from desist.intake.terms.contracts import CONTRACTS, refused_class
from desist.records.wording import counted


@dataclass(frozen=True)
class FileReport:
    """One file's counts. ``quarantined`` gives rows by reason; no cell of an identity table is ever named.

    ``wrong_codes``: column -> wrong code -> rows, only for codes that occur often. ``unchanged``: the
    same file was read before, under the same terms, and nothing was written. ``replaced``: rows that waited in
    quarantine until a correction of the agency took their place. ``reopened``: rows corrected before that wait
    again, because the file was read anew. ``before``: accepted rows of the extract that this one replaces.
    """

    source: str
    table: str
    path: str
    rows_read: int
    accepted: int
    quarantined: Mapping[str, int] = field(default_factory=dict)
    dropped_columns: tuple[str, ...] = ()
    unchanged: bool = False
    wrong_codes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    replaced: int = 0
    reopened: int = 0
    before: int = 0

    def __post_init__(self) -> None:
        if self.accepted + sum(self.quarantined.values()) + self.replaced != self.rows_read:
            raise ValueError(
                f"{self.source}/{self.table}: {self.rows_read} rows read, but {self.accepted} accepted and "
                f"{sum(self.quarantined.values())} quarantined, {self.replaced} replaced"
            )

    def reopening(self, extract: Mapping[str, Any], rows: int) -> FileReport:
        """The report with its reopened rows, where ``extract`` is of the same table."""
        same = (self.source, self.table) == (extract["source"], extract["table"])
        return replace(self, reopened=rows) if same else self

    def as_dict(self) -> dict[str, Any]:
        return {
            **vars(self),
            "quarantined": dict(self.quarantined),
            "dropped_columns": list(self.dropped_columns),
            "wrong_codes": {column: dict(found) for column, found in self.wrong_codes.items()},
        }


@dataclass(frozen=True)
class IntakeReport:
    """All files of one reading, and the hash of the store's snapshot after it."""

    files: tuple[FileReport, ...]
    snapshot: str

    @property
    def unchanged(self) -> bool:
        return all(file.unchanged for file in self.files)

    def as_dict(self) -> dict[str, Any]:
        return {"snapshot": self.snapshot, "files": [file.as_dict() for file in self.files]}

    def as_text(self) -> str:
        """One line a file, then the reasons for quarantine and the columns that were not read."""
        if self.unchanged:
            return (
                f"{counted(len(self.files), 'file was', 'files were')} read before and unchanged; nothing was written."
            )
        lines = [f"{'file':<36}{'read':>10}{'accepted':>10}{'quarantine':>12}"]
        for file in self.files:
            name = f"{file.source}/{file.path}"
            # One file may serve several tables.
            note = "" if PurePath(file.path).stem == file.table else f"  {file.table}"
            note += "  unchanged" if file.unchanged else ""
            lines.append(
                f"{name:<36}{file.rows_read:>10,}{file.accepted:>10,}{sum(file.quarantined.values()):>12,}{note}"
            )
            lines += [f"    {counted(count, 'row', 'rows')}: {reason}{_key(file.table, reason)}"
                      for reason, count in file.quarantined.items()]  # fmt: skip
            if 2 * file.accepted < file.before:
                lines.append(
                    f"    fewer than half as many as it replaces: {file.before:,} before, {file.accepted:,} now"
                )
            if file.replaced:
                lines.append(
                    f"    {counted(file.replaced, 'row', 'rows')} of the quarantine replaced by corrected ones"
                )
            if file.reopened:
                again = counted(file.reopened, "corrected row waits", "corrected rows wait")
                lines.append(f"    {again} again, because the file was read anew:")
                lines[-1] += " give `desist correct-rows` their file once more"
            for column, found in file.wrong_codes.items():
                named = ", ".join(f"{code} ({count:,})" for code, count in found.items())
                lines.append(f"    codes of {column} that are not on its list: {named}")
            lines += [f"    {text}" for text in not_read(file.dropped_columns)]
        total = sum(file.rows_read for file in self.files)
        accepted = sum(file.accepted for file in self.files)
        waits = sum(sum(file.quarantined.values()) for file in self.files)
        lines.append(f"{'all files':<36}{total:>10,}{accepted:>10,}{waits:>12,}")
        if waits:
            lines.append("Why, and on which lines: desist quarantine")
        return "\n".join(lines)


def _key(table: str, reason: str) -> str:
    """The columns of the table's key, where a row waits because it repeats one."""
    return f" ({', '.join(CONTRACTS[table].key)})" if reason == DUPLICATE else ""


def not_read(columns: Sequence[str]) -> list[str]:
    """In words, the columns of a file that were not read: those never accepted by their class, apart from others."""
    never = [f"{name} ({kind})" for name in columns if (kind := refused_class(name))]
    others = [name for name in columns if not refused_class(name)]
    return [
        *([f"not in the agreement, not read: {', '.join(others)}"] if others else []),
        *([f"never accepted, not read: {', '.join(never)}. Ask the agency to leave it out."] if never else []),
    ]
