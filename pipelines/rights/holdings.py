"""Every place of a workspace that holds something of a person, each able to forget them.

``holdings`` is the one list of them; ``PLACES`` tells of every kind of file that desist writes which place answers for
it, or that it is about nobody. A test walks a workspace: a new kind of file without an entry fails it.
"""

from __future__ import annotations

import fnmatch
import html
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from desist.intake.holding.equality_writer import EqualityWriter
from desist.intake.holding.store import Store
from desist.intake.holding.vault import Vault
from desist.intake.rights.person import blank_quarantine, erase_equality, identity_of, names_held, rows_held
from desist.intake.rights.register import Rights, compact
from desist.pipelines.lists import list_ids, people_named, take_off
from desist.pipelines.rights.register import rights_of
from desist.pipelines.rights.subject import Subject
from desist.pipelines.run_tables import rows_of, runs_with, take_out
from desist.pipelines.session import Session
from desist.records.errors import Refused
from desist.records.holding import Holding

NOBODY = "about nobody"
#: Kinds of files by pattern, the first that fits: which place answers for them. Patterns are of paths below the
#: workspace.
PLACES: tuple[tuple[str, str], ...] = (
    ("*.writing-*", "left-overs"), ("*.removing-*", "left-overs"),
    ("store/*", "store"), ("quarantine/*", "store"),
    ("vault.db*", "vault"), ("equality.db*", "equality store"), ("rights.db*", "register of rights"),
    ("desist.db*", "event log"), ("desist.head", NOBODY),
    ("lists/newest.json", NOBODY), ("lists/*", "lists"),
    ("runs/newest.json", NOBODY), ("runs/*/candidate/*", NOBODY), ("runs/*/sign_offs/*", NOBODY),
    ("runs/*.parquet", "training runs"), ("runs/*/reports/shap-*.svg", "training runs"), ("runs/*", NOBODY),
    ("profiles/*", "kept profiles"), ("reports/*", "pages"),
    ("mlflow.db*", "MLflow"), ("mlflow/*", "MLflow"), ("mlruns/*", "MLflow"),
    ("exports.db*", NOBODY), ("releases/*", NOBODY), ("shadows/*", NOBODY), ("receipts/*", NOBODY), ("keys/*", NOBODY),
    ("agreements/*", NOBODY), ("mappings/*", NOBODY), ("governance/*", NOBODY), ("definitions/*", NOBODY),
    ("partnership.toml", NOBODY), ("policy*.toml", NOBODY), ("features.toml", NOBODY), ("offences.csv", NOBODY),
    ("adults.csv", NOBODY), ("workspace.json", NOBODY), (".lock", NOBODY),
)  # fmt: skip


def place_of(path: str) -> str:
    """Which place answers for a file, by its path below the workspace; empty for a kind that nobody thought of."""
    return next((place for pattern, place in PLACES if fnmatch.fnmatch(path, pattern)), "")


def holdings(session: Session, subject: Subject, receipt: str) -> list[Holding]:
    """Every place, in the order in which they are asked to forget: what shows a person first, the vault near the end.

    The vault and the equality store know whose numbers are whose, so they are asked after the others; the log last.
    """
    workspace = session.workspace
    return [
        LeftOvers(workspace.root),
        Pages(workspace.root, workspace.reports, subject),
        Copies(workspace.root),
        Lists(session, subject, receipt),
        Runs(session, subject, receipt),
        KeptProfiles(workspace.profiles),
        StoredRows(Store(workspace.store, workspace.quarantine), subject),
        Tracking(workspace.root, subject),
        Characteristics(EqualityWriter(workspace.equality), subject),
        Asked(rights_of(session), subject),
        Identities(Vault(workspace.vault), subject),
        session.log,
    ]


def needles_of(person_id: str, subject: Subject) -> tuple[str, ...]:
    """Texts that stand for this person and nobody else: person id, valid identifiers, agency numbers with letters."""
    numbers = [number for number in subject.all_numbers if len(number) >= 6 and not number.isdigit()]
    texts = (person_id, *subject.ids, *subject.identifiers, *numbers)
    return tuple(dict.fromkeys(text for text in texts if len(text) >= 6))


def names_of_nobody_else(session: Session, subject: Subject) -> tuple[str, ...]:
    """The person's full names that no other record here carries: those of a namesake would be found for ever.

    A birth date alone is nobody's: many share it.
    """
    own = {(source, number) for source, some in subject.numbers.items() for number in some}
    others = names_held(Vault(session.workspace.vault), own)
    return tuple(name for name in subject.names if name not in others)


@dataclass(frozen=True)
class LeftOvers:
    """Half-written files and folders of commands that were killed. The caller holds the lock: nobody is writing."""

    root: Path
    name: str = "left-overs"

    def _found(self) -> list[Path]:
        return sorted([*self.root.rglob(".writing-*"), *self.root.rglob(".removing-*"), *self.root.rglob("*.writing")])

    def holds(self, person_id: str) -> int:
        return len(self._found())

    def erase(self, person_id: str) -> int:
        """Remove them, whomever they are about; a folder whose new one never came is put back first."""
        found = self._found()
        for path in found:
            for old in path.iterdir() if path.name.startswith(".removing-") and path.is_dir() else ():
                if not (path.parent / old.name).exists():
                    old.replace(path.parent / old.name)
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        return len(found)


@dataclass(frozen=True)
class Pages:
    """Pages for staff and stewards in ``reports/``: one that names the person goes; its command makes it anew."""

    root: Path
    reports: Path
    subject: Subject
    name: str = "pages"

    def _naming(self, person_id: str) -> list[Path]:
        texts = [*needles_of(person_id, self.subject), *self.subject.names]
        wanted = [form.encode() for text in texts for form in {text, html.escape(text)}]
        files = sorted(self.reports.rglob("*")) if self.reports.is_dir() else []
        return [path for path in files if path.is_file() and any(one in path.read_bytes() for one in wanted)]

    def holds(self, person_id: str) -> int:
        return len(self._naming(person_id))

    def erase(self, person_id: str) -> int:
        found = self._naming(person_id)
        for path in found:
            path.unlink()
        return len(found)


@dataclass(frozen=True)
class Copies:
    """Copies of lists that were written into the workspace itself. Which of the rows is whose they do not say."""

    root: Path
    name: str = "copies of lists in the workspace"

    def _found(self) -> list[Path]:
        from desist.pipelines.exports import CHECKSUM

        outside = (self.root / "reports", self.root / "mlflow", self.root / "store")
        files = (path for path in sorted(self.root.rglob("*.csv")) if not any(one in path.parents for one in outside))
        return [path for path in files if path.is_file() and CHECKSUM.encode() in path.read_bytes()]

    def holds(self, person_id: str) -> int:
        return len(self._found())

    def erase(self, person_id: str) -> int:
        """Remove them all: the chair can hand on the list as it is now."""
        found = self._found()
        for path in found:
            path.unlink()
        return len(found)


def _numbered(receipt: str, subject: Subject, person_id: str) -> str:
    """The receipt as amendments name it: one for each id that the person had."""
    place = subject.ids.index(person_id)
    return f"{receipt}.{place}" if place else receipt


@dataclass(frozen=True)
class Lists:
    """Lists of cases to review, with their scores and profiles, old ones too."""

    session: Session
    subject: Subject
    receipt: str
    name: str = "lists"

    def holds(self, person_id: str) -> int:
        return sum(people_named(self.session, list_id).count(person_id) for list_id in list_ids(self.session))

    def erase(self, person_id: str) -> int:
        receipt = _numbered(self.receipt, self.subject, person_id)
        return sum(take_off(self.session, one, person_id, receipt=receipt) for one in list_ids(self.session))


@dataclass(frozen=True)
class Runs:
    """The tables of training runs that name people. Models hold no record of a person and stay."""

    session: Session
    subject: Subject
    receipt: str
    name: str = "training runs"

    def holds(self, person_id: str) -> int:
        folders = sorted(path for path in self.session.workspace.runs.glob("*") if path.is_dir())
        return sum(rows_of(folder, person_id) for folder in folders)

    def erase(self, person_id: str) -> int:
        runs = sorted(path.name for path in self.session.workspace.runs.glob("*") if path.is_dir())
        receipt = _numbered(self.receipt, self.subject, person_id)
        return sum(take_out(self.session, run, person_id, receipt=receipt) for run in runs)


@dataclass(frozen=True)
class KeptProfiles:
    """Columns worked out before, a row a person, without saying whose: all of them go, and are worked out again."""

    folder: Path
    name: str = "kept profiles"

    def holds(self, person_id: str) -> int:
        return sum(1 for path in self.folder.glob("*")) if self.folder.is_dir() else 0

    def erase(self, person_id: str) -> int:
        held = self.holds(person_id)
        shutil.rmtree(self.folder, ignore_errors=True)
        return held


@dataclass(frozen=True)
class StoredRows:
    """Rows of every extract, older ones too, of the quarantine, and the links."""

    store: Store
    subject: Subject
    name: str = "store"

    def holds(self, person_id: str) -> int:
        return rows_held(self.store, self.subject.numbers) + self._links(person_id)

    def _links(self, person_id: str) -> int:
        try:
            links, _ = self.store.links()
        except Refused:  # of an erasure that was interrupted: they are made anew
            return sum(1 for _ in self.store.root.glob("links/*"))
        return int((links["person_id"] == person_id).sum()) if person_id else 0

    def erase(self, person_id: str) -> int:
        erased = self.store.erase_numbers(self.subject.numbers, because="erasure")
        erased += blank_quarantine(
            self.store, [*self.subject.identifiers, *self.subject.all_numbers, *self.subject.names]
        )
        try:
            return erased + (self.store.erase(person_id) if person_id else 0)
        except Refused:
            for path in (self.store.root / "links.json", *self.store.root.glob("links/*")):
                path.unlink(missing_ok=True)
            return erased


@dataclass(frozen=True)
class Tracking:
    """What MLflow keeps in the workspace: figures, models and hashes. A file of it that names a person goes."""

    root: Path
    subject: Subject
    name: str = "MLflow"

    def _naming(self, person_id: str) -> list[Path]:
        wanted = [text.encode() for text in needles_of(person_id, self.subject)]
        files = [*self.root.glob("mlflow/**/*"), *self.root.glob("mlruns/**/*"), *self.root.glob("mlflow.db*")]
        return [path for path in files if path.is_file() and any(one in path.read_bytes() for one in wanted)]

    def holds(self, person_id: str) -> int:
        return len(self._naming(person_id))

    def erase(self, person_id: str) -> int:
        found = [path for path in self._naming(person_id) if path.suffix != ".db"]
        for path in found:
            path.unlink()
        compact(self.root / "mlflow.db")
        return len(found)


@dataclass(frozen=True)
class Characteristics:
    """Protected characteristics, in older extracts too. Counted and removed blind."""

    writer: EqualityWriter
    subject: Subject
    name: str = "equality store"

    def holds(self, person_id: str) -> int:
        return self.writer.holds(person_id)

    def erase(self, person_id: str) -> int:
        erased = self.writer.erase(person_id) + erase_equality(self.writer, self.subject.numbers)
        compact(self.writer.path)
        return erased


@dataclass(frozen=True)
class Asked:
    """What the person asked for before: restrictions and corrections."""

    rights: Rights
    subject: Subject
    name: str = "register of rights"

    def holds(self, person_id: str) -> int:
        return self.rights.holds_numbers(self.subject.numbers)

    def erase(self, person_id: str) -> int:
        return self.rights.erase_numbers(self.subject.numbers)


@dataclass(frozen=True)
class Identities:
    """Names, birth dates, identifiers and the key map, in older extracts too."""

    vault: Vault
    subject: Subject
    name: str = "vault"

    def holds(self, person_id: str) -> int:
        return self.vault.holds(person_id) + len(identity_of(self.vault, self._unlinked(person_id)))

    def _unlinked(self, person_id: str) -> dict[str, list[str]]:
        from desist.intake.rights.person import numbers_of

        linked = numbers_of(self.vault, person_id)
        return {
            source: [number for number in own if number not in linked.get(source, ())]
            for source, own in self.subject.numbers.items()
        }

    def erase(self, person_id: str) -> int:
        held = self.holds(person_id)
        self.vault.erase(person_id)
        for source, own in self.subject.numbers.items():
            self.vault.erase_numbers(source, own)
        compact(self.vault.path)
        return held - self.holds(person_id)


def affected_runs(session: Session, person_id: str) -> dict[str, str]:
    """The training runs that a person is in under one of their ids."""
    return runs_with(session, person_id) if person_id else {}


def check_links(session: Session) -> None:
    """Raise Refused unless the current extracts are linked: before that nobody knows all numbers of a person."""
    try:
        Store(session.workspace.store, session.workspace.quarantine).links()
    except Refused as error:
        raise Refused(f"{error.message} Until then nobody knows under which numbers a person is held.") from error


def strangers(root: Path, files: Iterable[Path]) -> list[str]:
    """Files that no place answers for: put there by hand, or by another program."""
    return [name for path in files if not place_of(name := path.relative_to(root).as_posix())]
