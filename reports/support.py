"""Support waiting: needs identified without an offer. It uses no estimate, so it works before approval too (UX 1b)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from desist.measures.disclosure import HIDDEN, NOT_APPLICABLE, Audience, protect_list, rounding_notes, used_notes
from desist.records.codes import NEED_LABELS
from desist.reports import states, wording
from desist.reports.content import ListHeader, NeedCount, PeopleOnList, SupportRow
from desist.reports.pages import render, sheet
from desist.reports.states import Notice
from desist.reports.wording import counted, day

TITLE = "Support waiting"
NO_SERVICE = "No service asked yet"
RESTRICTED = "Restricted"
COLUMNS = ("Person", "Waiting since", "Days", "Worker", "Next step")
NOBODY = Notice("No one is waiting", "Every need that was identified has an offer, or none was identified.")


@dataclass(frozen=True)
class ShownWait:
    """One need of one person, in words."""

    name: str
    crn: str
    since: str
    days: str
    worker: str
    next_step: str


@dataclass(frozen=True)
class Waits:
    """Everybody who waits for one service for one need, longest first."""

    service: str
    rows: tuple[ShownWait, ...]


@dataclass(frozen=True)
class NeedWaits:
    """All waits for one need."""

    need: str
    services: tuple[Waits, ...]


@dataclass(frozen=True)
class ShownCount:
    """How many wait for one need over an area: cells that may be shown."""

    need: str
    people: str
    longest: str
    middle: str


def support_page(
    rows: Sequence[SupportRow],
    header: ListHeader,
    on_list: PeopleOnList,
    *,
    as_of: dt.date,
    area_counts: Sequence[NeedCount] = (),
    audience: Audience,
) -> str:
    """The page: needs by name and service, longest wait first; then counts over a whole area, small ones hidden.

    ``area_counts`` are of more people than the rows show, so the rule of ``audience`` holds for them.
    """
    needs, restricted = _by_need(rows, on_list), _restricted(rows, on_list)
    shown, total = count_cells(area_counts, audience)
    cells = [cell for row in shown for cell in (row.people, row.longest, row.middle)]
    notes = [*used_notes([*cells, NOT_APPLICABLE]), *rounding_notes(audience)]
    return render(
        "support.html", title=TITLE, made_up=header.made_up, header=header, as_of=as_of, needs=needs,
        nobody=None if needs or restricted else NOBODY, restricted=restricted, columns=COLUMNS, counts=shown,
        total=total, notes=notes,
    )


def support_csv(
    rows: Sequence[SupportRow], header: ListHeader, on_list: PeopleOnList, *, as_of: dt.date
) -> str:
    """The rows as a sheet, with the date and what it is on each row."""
    note = f"{wording.MADE_UP}. {wording.DECISION_SUPPORT}" if header.made_up else wording.DECISION_SUPPORT
    cells = []
    for need in _by_need(rows, on_list):
        for service in need.services:
            cells += [
                [need.need, service.service, f"{row.name}, {row.crn}", row.since, row.days, row.worker, row.next_step,
                 day(as_of), note]
                for row in service.rows
            ]
    for notice in _restricted(rows, on_list):
        cells.append([*[RESTRICTED] * 2, f"{notice.heading}. {notice.body}", *[RESTRICTED] * 4, day(as_of), note])
    return sheet(["Need", "Service", *COLUMNS, "Made on", "Note"], cells)


def count_cells(counts: Sequence[NeedCount], audience: Audience) -> tuple[tuple[ShownCount, ...], str]:
    """The counts by need that may be shown, and their total: needs, as one person can wait for several.

    A wait is hidden with its count: the longest of three people is one person's wait.
    """
    if not counts:
        return (), ""
    cells, total = protect_list({count.need: count.people for count in counts}, audience)
    shown = []
    for count in sorted(counts, key=lambda c: (-c.longest, c.need)):
        hide = cells[count.need] == HIDDEN or 0 < count.people < audience.least_people
        longest, middle = (HIDDEN, HIDDEN) if hide else (_days(count.longest), _days(count.middle))
        if count.people == 0:
            longest, middle = NOT_APPLICABLE, NOT_APPLICABLE
        shown.append(ShownCount(need_label(count.need), cells[count.need], longest, middle))
    return tuple(shown), total


def need_label(need: str) -> str:
    """The need as a heading: "Education, training and employment"."""
    return wording.sentence(NEED_LABELS.get(need, need.replace("_", " "))).rstrip(".")


def _days(days: int) -> str:
    return counted(days, "day", "days")


def _by_need(rows: Sequence[SupportRow], on_list: PeopleOnList) -> tuple[NeedWaits, ...]:
    """Needs by name, their services by name, in each the longest wait first; ties by person, so always the same.

    Limited records are left out: which need somebody has is part of what is limited.
    """
    known = on_list.names.set_index("person_id")[["name", "crn"]].astype(str).to_dict("index")
    open_rows = [row for row in rows if row.person_id in on_list.adults and row.person_id not in on_list.restricted]
    ordered = sorted(open_rows, key=lambda r: (need_label(r.need), r.service or NO_SERVICE, -r.days, r.person_id))
    needs = []
    for need, of_need in groupby(ordered, key=lambda r: need_label(r.need)):
        services = [
            Waits(service, tuple(_shown(row, known.get(row.person_id, {})) for row in of_service))
            for service, of_service in groupby(of_need, key=lambda r: r.service or NO_SERVICE)
        ]
        needs.append(NeedWaits(need, tuple(services)))
    return tuple(needs)


def _restricted(rows: Sequence[SupportRow], on_list: PeopleOnList) -> tuple[Notice, ...]:
    """A notice for each limited record with a need that waits, so that nobody is forgotten."""
    people = {row.person_id for row in rows} & on_list.adults & set(on_list.restricted)
    return tuple(states.restricted(ask) for ask in sorted(on_list.restricted[person] for person in people))


def _shown(row: SupportRow, identity: Mapping[Any, Any]) -> ShownWait:
    return ShownWait(
        name=str(identity.get("name") or "Name not held"), crn=str(identity.get("crn") or "no CRN"),
        since=day(row.waiting_since), days=f"{row.days:,}", worker=row.worker or "No worker recorded",
        next_step=row.next_step or "No next step recorded",
    )
