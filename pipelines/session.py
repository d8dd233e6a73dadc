"""One command's surroundings: workspace, settings, clock, log, and who is acting."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass

from desist.pipelines.settings import Settings, load_settings
from desist.records.codes import offence_table, shipped_offences, use_offences
from desist.records.errors import Refused
from desist.records.files import read_json, write_bytes
from desist.records.log import EventLog
from desist.records.workspace import Workspace

PARTNERSHIP_KEY = "partnership.key"
#: How the log names the partnership's key.
OF_PARTNERSHIP = "partnership-key:"
#: How the log names a version of the offence table.
OFFENCES = "offences:"


def now(settings: Settings) -> dt.datetime:
    """The moment a command acts at (UTC): the system's, or nine o'clock on a made-up partnership's fixed day."""
    if settings.today is None:
        return dt.datetime.now(dt.UTC)
    return dt.datetime.combine(settings.today, dt.time(9), tzinfo=dt.UTC)


@dataclass(frozen=True)
class Session:
    """What every step of the quarter needs besides its data. ``say`` prints progress."""

    workspace: Workspace
    settings: Settings
    log: EventLog
    actor: str
    say: Callable[[str], None]

    @property
    def today(self) -> dt.date:
        return now(self.settings).date()

    def key(self) -> bytes:
        """The partnership's own key, under which persons get their pseudonyms."""
        path = self.workspace.keys / PARTNERSHIP_KEY
        if not path.exists():
            raise Refused(f"The workspace lacks {path}. Without the partnership's key nobody can be linked again.")
        key = path.read_bytes()
        noted = self.log.last_dataset("table.changed", OF_PARTNERSHIP)
        if noted and noted != f"{OF_PARTNERSHIP}{key_mark(key)}":
            raise Refused(
                f"{path} is another partnership key than the one that people were linked with: everybody would get "
                "another id, and nobody who was erased would be known again. Put it back as it was."
            )
        return key

    def note_key(self) -> None:
        """Note once in the log which key people are linked with: a mark of it, never the key."""
        mark = f"{OF_PARTNERSHIP}{key_mark(self.key())}"
        if not self.log.last_dataset("table.changed", OF_PARTNERSHIP):
            self.log.append("table.changed", actor=self.actor, role="installation", dataset=mark)


def key_mark(key: bytes) -> str:
    """What tells one partnership key from another without telling it."""
    return hmac.new(key, b"desist partnership key", hashlib.sha256).hexdigest()


def open_session(workspace: Workspace, *, actor: str, say: Callable[[str], None]) -> Session:
    """A session in an existing workspace. Raises Refused where workspace or settings cannot be used."""
    workspace.check()
    settings = load_settings(workspace.partnership)
    session = Session(workspace, settings, EventLog(workspace.log, lambda: now(settings)), actor, say)
    _use_offence_table(session)
    return session


def _use_offence_table(session: Session) -> None:
    """Put the workspace's own lines of the offence table in use, and note it in the log where they are not as before.

    Whoever opens the workspace first after the change stands in the log: who edited the file cannot be told.
    """
    version = use_offences(session.workspace.offences).version
    noted = session.log.last_dataset("table.changed", OFFENCES) or f"{OFFENCES}{shipped_offences().version}"
    if f"{OFFENCES}{version}" != noted:
        session.log.append(
            "table.changed", actor=session.actor, role="analyst", reason="noticed", dataset=f"{OFFENCES}{version}",
            counts={"own_lines": len(offence_table().own)},
        )  # fmt: skip
        session.say(f"The offence table in use is now {version}: what was taken in or worked out before is made anew.")


def write_key(workspace: Workspace, key: bytes) -> None:
    """Store the partnership's key once; an existing one stays, because person ids hang on it."""
    path = workspace.keys / PARTNERSHIP_KEY
    if not path.exists():
        write_bytes(path, key)
        path.chmod(0o600)


def newest(folder_of: Workspace) -> str:
    """The id of the newest candidate run. Raises Refused if there is none."""
    pointer = folder_of.runs / "newest.json"
    if not pointer.exists():
        raise Refused("There is no candidate run yet. Make one with `desist retrain`.")
    return str(read_json(pointer)["run"])


def released_run(session: Session) -> str | None:
    """The run of the last release the log tells of; None where there is none, or it was revoked.

    For advice and for MLflow's alias alone: what may be shown is decided by the gate, from files and signatures.
    """
    rows = session.log.rows()
    approved = [row for row in rows if row["operation"] == "release.approved"]
    revoked = {row["release"] for row in rows if row["operation"] == "release.revoked"}
    return str(approved[-1]["dataset"]) if approved and approved[-1]["release"] not in revoked else None
