"""Steps from agency files to linked people, each under the workspace's lock."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from desist.intake.linking.report import LinkReport
from desist.intake.linking.run import link
from desist.intake.reading.read import read_extracts
from desist.intake.reading.report import IntakeReport
from desist.pipelines.database import fetch
from desist.pipelines.link_queue import forget_profiles, write_link_report
from desist.pipelines.session import Session, open_session
from desist.records.errors import Refused
from desist.records.workspace import Workspace


def open_for(root: Path, actor: str, say: Callable[[str], None]) -> Session:
    """A session in the workspace at ``root`` for ``actor``, whose name must be a code the log can hold."""
    if not re.fullmatch(r"[A-Za-z0-9_.@-]{1,64}", actor):
        raise Refused(
            "An actor is named by a code of letters, digits, dots and dashes (at most 64), such as analyst.one."
        )
    return open_session(Workspace(root), actor=actor, say=say)


def take_in(session: Session, folder: Path) -> IntakeReport:
    """Read every delivery below ``folder`` through its agreement into the store, the vault and the equality store."""
    with session.workspace.lock():
        return read_extracts(
            folder,
            session.workspace,
            today=session.today,
            purpose=session.settings.purpose,
            log=session.log,
            actor=session.actor,
            ask=fetch,
            key=session.key(),
        )


def link_people(session: Session) -> LinkReport:
    """Give every person one pseudonym across agencies; forget the kept profiles of people merged or split.

    What was found stands in the workspace's reports, linkage.html and linkage.json.
    """
    with session.workspace.lock():
        session.note_key()
        report = link(
            session.workspace,
            today=session.today,
            key=session.key(),
            log=session.log,
            actor=session.actor,
            settings=session.settings.linkage,
        )
        if report.reissued:
            forget_profiles(session.workspace)
        write_link_report(session, report)
    return report
