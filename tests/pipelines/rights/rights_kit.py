"""What tests of requests share: the same session on another day."""

import datetime as dt
from dataclasses import replace

from desist.pipelines.session import now
from desist.records.log import EventLog


def on_day(session, day):
    settings = replace(session.settings, today=dt.date.fromisoformat(day))
    return replace(session, settings=settings, log=EventLog(session.workspace.log, lambda: now(settings)))
