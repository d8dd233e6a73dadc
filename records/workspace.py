"""Where everything a run makes lies: one folder outside the repository (DESIGN section 6)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from desist.records.errors import Refused
from desist.records.files import read_json, write_json

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Workspace:
    """Paths of one partnership's workspace. Making the object touches no file."""

    root: Path

    @property
    def partnership(self) -> Path:
        return self.root / "partnership.toml"

    @property
    def policy(self) -> Path:
        return self.root / "policy.toml"

    @property
    def features(self) -> Path:
        """The partnership's own features; there need not be any."""
        return self.root / "features.toml"

    @property
    def definitions(self) -> Path:
        """The partnership's own worked examples of definitions."""
        return self.root / "definitions"

    @property
    def agreements(self) -> Path:
        return self.root / "agreements"

    @property
    def mappings(self) -> Path:
        """How each agency's own layout becomes the canonical tables, one TOML file a mapping."""
        return self.root / "mappings"

    @property
    def offences(self) -> Path:
        """The partnership's own lines of the offence table; there need not be any."""
        return self.root / "offences.csv"

    @property
    def governance(self) -> Path:
        """The data map and the draft impact assessment, made from the register of agreements."""
        return self.root / "governance"

    @property
    def store(self) -> Path:
        return self.root / "store"

    @property
    def rights(self) -> Path:
        """Restrictions, corrections, suppression tokens and retention decisions: opened by ``intake`` alone."""
        return self.root / "rights.db"

    @property
    def receipts(self) -> Path:
        """What was done for people who asked, without saying who they are."""
        return self.root / "receipts"

    @property
    def quarantine(self) -> Path:
        return self.root / "quarantine"

    @property
    def vault(self) -> Path:
        """Names, birth dates and the key map: opened by ``intake`` alone."""
        return self.root / "vault.db"

    @property
    def equality(self) -> Path:
        """Protected characteristics: written blind by ``intake``, read by ``fairness`` alone."""
        return self.root / "equality.db"

    @property
    def log(self) -> Path:
        return self.root / "desist.db"

    @property
    def exports(self) -> Path:
        """The inventory of lists that were handed on."""
        return self.root / "exports.db"

    @property
    def shadows(self) -> Path:
        """Counts of candidates that ran beside the panel before their first release."""
        return self.root / "shadows"

    @property
    def tracking(self) -> Path:
        return self.root / "mlflow.db"

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def profiles(self) -> Path:
        return self.root / "profiles"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def releases(self) -> Path:
        return self.root / "releases"

    @property
    def lists(self) -> Path:
        return self.root / "lists"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def _schema(self) -> Path:
        return self.root / "workspace.json"

    def create(self) -> None:
        """Make the folder and note its schema version. An existing workspace stays as it is."""
        self.root.mkdir(parents=True, exist_ok=True)
        if not self._schema.exists():
            write_json(self._schema, {"schema_version": SCHEMA_VERSION})

    def exists(self) -> bool:
        """Whether a workspace has been made here."""
        return self._schema.exists()

    def check(self) -> None:
        """Raise Refused unless this is a workspace of the version this code reads."""
        if not self._schema.exists():
            raise Refused(f"{self.root} is not a desist workspace. Make one with `desist init {self.root}`.")
        found = read_json(self._schema).get("schema_version")
        if found != SCHEMA_VERSION:
            raise Refused(
                f"The workspace {self.root} has schema version {found}; this desist reads version {SCHEMA_VERSION}. "
                "Use the desist that made it."
            )

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep a second analyst out while a step writes. The lock of a process that died is free again."""
        path = self.root / ".lock"
        with path.open("a+") as file:
            if not _try_lock(file.fileno()):
                raise Refused(
                    f"Another desist command is writing to {self.root}. Wait until it has ended, then try again."
                )
            yield


def _try_lock(handle: int) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
