"""The pages of a list: cases to review and support waiting. Without a release that holds they carry no estimate."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from desist.fairness.approval.release import Release
from desist.features.population import NOT_SELECTED, caseload_facts, support_waiting
from desist.features.tables import CaseList, Estimate
from desist.intake.rights.register import CONTESTED
from desist.measures.disclosure import PRACTITIONER
from desist.pipelines.estimates import limiting_sources
from desist.pipelines.gate import open_release, source_dates
from desist.pipelines.ground import Ground, load_ground_to_show
from desist.pipelines.lists import load_list, newest_list
from desist.pipelines.model_card import ModelCard
from desist.pipelines.score import in_order
from desist.pipelines.session import Session
from desist.pipelines.terms import limits_not_met, reasons_despite, terms_of
from desist.records.codes import NEED_LABELS, SOURCES
from desist.records.errors import Refused, UserError, Withheld
from desist.records.files import write_text
from desist.reports import states
from desist.reports.cases import cases_csv, cases_page
from desist.reports.content import Change, Exceptions, ListHeader, NeedCount, NeedWaiting, PeopleOnList, SupportRow
from desist.reports.states import Notice
from desist.reports.support import support_csv, support_page
from desist.reports.wording import day, listed

PAGES = ("cases-to-review.html", "cases-to-review.csv", "support-waiting.html", "support-waiting.csv")
CHALLENGE = (
    "If you think something here is wrong, ask your worker or write to {contact}. "
    "The estimate is put on hold while it is checked."
)


@dataclass(frozen=True)
class Pages:
    """What was written, and why estimates are not on it, if they are not."""

    files: tuple[Path, ...]
    people: int
    with_estimate: int
    withheld: Withheld | None

    def as_json(self) -> dict[str, Any]:
        return {
            "pages": [str(path) for path in self.files],
            "people": self.people,
            "with_estimate": self.with_estimate,
            "withheld": list(self.withheld.causes) if self.withheld else [],
        }

    def as_text(self) -> str:
        told = f"{self.people:,} people in scope, {self.with_estimate:,} with an estimate."
        return "\n".join([told, *(f"  {path}" for path in self.files)])


def write_pages(session: Session) -> Pages:
    """Write the pages into the workspace's reports folder, replacing older ones.

    Where the gate withholds, the pages show today's caseload without estimates and ``withheld`` says why.
    """
    with session.workspace.lock():
        remove_pages(session)  # whatever happens next, no older page stays
        release, case_list, withheld = what_may_be_shown(session)
        ground = load_ground_to_show(session)
        if case_list is None:
            case_list = _without_estimates(session, ground)
        header = _header(session, ground, release)
        people = case_list.rows["person_id"].astype(str).tolist()
        shown = _people_on_list(session, ground, case_list, people)
        notice = _notice(session, withheld)
        late = _late(session, ground)
        worded = _in_words(case_list, withheld, ground)
        waits = _support_rows(ground, case_list)
        counts = _need_counts(row for row in waits if row.person_id not in shown.restricted)
        folder = session.workspace.reports
        written = {
            "cases-to-review.html": cases_page(worded, header, shown, today=session.today, notice=notice, late=late),
            "cases-to-review.csv": cases_csv(worded, header, shown, today=session.today, notice=notice, late=late),
            "support-waiting.html": support_page(
                waits, header, shown, as_of=case_list.as_of, area_counts=counts, audience=PRACTITIONER
            ),
            "support-waiting.csv": support_csv(waits, header, shown, as_of=case_list.as_of),
        }
        for name, text in written.items():
            write_text(folder / name, text)
        estimates = 0 if withheld else sum(one.step is not None for one in case_list.estimates.values())
        session.log.append(
            "list.viewed", actor=session.actor, role="practitioner", release=case_list.release_id,
            outcome="withheld" if withheld else "done", counts={"people": len(people), "estimates": estimates},
        )  # fmt: skip
    return Pages(tuple(folder / name for name in written), len(people), estimates, withheld)


def remove_pages(session: Session) -> None:
    """Remove the pages, whatever they show."""
    for name in PAGES:
        (session.workspace.reports / name).unlink(missing_ok=True)


def pages_anew(session: Session) -> None:
    """Bring the pages that are there up to what may be shown now. Where that cannot be done, no page is left.

    For whatever changes or asks the gate: a page must not outlive the estimates on it.
    """
    if not any((session.workspace.reports / name).exists() for name in PAGES):
        return
    remove_pages(session)  # first: whatever stops the rest, nothing is left to read
    try:
        write_pages(session)
    except Exception as error:  # whatever it was: what took the estimates away holds, and must still be told
        remove_pages(session)
        told = str(error).splitlines()[0] if isinstance(error, UserError) else type(error).__name__
        session.say(f"The pages could not be written anew and were removed ({told}). When that is mended: desist list.")


@contextmanager
def no_page_outlives(session: Session) -> Iterator[None]:
    """For commands that ask the gate: where it gives no release, the pages are written anew before they end."""
    try:
        yield
    except UserError:
        pages_anew(session)
        raise


_COLUMNS = [
    "person_id", "supervision", "supervision_end", "iom_group", "needs_waiting", "changed", "last_contact",
    "next_contact", "review_due",
]  # fmt: skip


def what_may_be_shown(session: Session) -> tuple[Release | None, CaseList | None, Withheld | None]:
    """The release in force and the newest list made under it, or why estimates are withheld today."""
    try:
        release = open_release(session)
        list_id = newest_list(session)
        if list_id is None:
            raise Withheld("Estimates are not available.", ["no list was made yet: desist score --as-of DATE"])
        case_list = load_list(session, list_id, release.id)
        if session.today > case_list.valid_until:
            cause = f"the list {list_id} was valid until {case_list.valid_until}: make a new one with `desist score`"
            raise Withheld("Estimates are not available.", [cause])
    except Withheld as error:
        return None, None, error
    except Refused as error:  # as for a damaged register of keys: nobody can tell whether the release holds
        return None, None, Withheld("Estimates are withheld.", [str(error)], state="altered")
    return release, case_list, None


def sheet_to_hand_on(session: Session, release: Release, case_list: CaseList) -> str:
    """The cases to review as CSV, as the page of today shows them under the release."""
    ground = load_ground_to_show(session)
    shown = _people_on_list(session, ground, case_list, case_list.rows["person_id"].astype(str).tolist())
    header, late = _header(session, ground, release), _late(session, ground)
    return cases_csv(_in_words(case_list, None, ground), header, shown, today=session.today, late=late)


def _in_words(case_list: CaseList, withheld: Withheld | None, ground: Ground) -> CaseList:
    """The list as the pages take it; without estimates where they are withheld, and of people on hold in any case."""
    held = {
        person: Estimate(step=None, why_none=ground.on_hold[person].kind)
        for person in case_list.estimates
        if person in ground.on_hold
    }
    rows = [_worded(row) for row in case_list.rows.to_dict("records")]
    return CaseList(
        case_list.as_of, case_list.valid_until, case_list.release_id, pd.DataFrame(rows, columns=_COLUMNS),
        {} if withheld else {**case_list.estimates, **held},
    )  # fmt: skip


def _without_estimates(session: Session, ground: Ground) -> CaseList:
    """Today's caseload as it stands: everybody keeps their place, their needs and their help."""
    members = ground.cohort(session.today).members
    rows = in_order(caseload_facts(ground.events, members, session.today))
    valid = session.today + dt.timedelta(days=session.settings.list_valid_days)
    return CaseList(session.today, valid, "", rows)


def _notice(session: Session, withheld: Withheld | None) -> Notice | None:
    return None if withheld is None else states.notice_for(withheld, withheld.since or session.today)


def _header(session: Session, ground: Ground, release: Release | None) -> ListHeader:
    settings = session.settings
    plain = ListHeader(
        partnership=settings.name,
        data_to=ground.linked.snapshot,
        challenge=CHALLENGE.format(contact=settings.contact),
        made_up=settings.made_up or ground.linked.made_up,
    )
    if release is None:
        return plain
    card = ModelCard.from_release(release)
    accepted = reasons_despite(release)
    return ListHeader(
        partnership=plain.partnership,
        data_to=plain.data_to,
        challenge=plain.challenge,
        made_up=plain.made_up,
        approval=release.id,
        approved_until=release.expires_on,
        model_version=card.version,
        cut_off_version=release.policy.version,
        tested_on=card.tested_on,
        steps=card.steps,
        exceptions=Exceptions(release.released_on, accepted, limits_not_met(release)) if accepted else None,
        terms=terms_of(release),
    )


def _people_on_list(session: Session, ground: Ground, case_list: CaseList, people: list[str]) -> PeopleOnList:
    adults = ground.is_adult(people, session.today)
    limiting = limiting_sources(ground)
    missing = {}
    for person in people:
        lacking = sum(not ground.events.knows(source, person, case_list.as_of) for source in limiting)
        if lacking:
            missing[person] = (lacking, len(limiting))
    return PeopleOnList(
        names=ground.vault.names(people),
        adults=frozenset(str(person) for person in adults.index[adults]),
        restricted={
            str(row["person_id"]): session.settings.contact
            for row in case_list.rows.to_dict("records")
            if bool(row.get("lao"))
        },
        contested={
            person: ground.on_hold[person].due or session.today
            for person in people
            if person in ground.on_hold and ground.on_hold[person].kind == CONTESTED
        },
        sources_missing=missing,
    )


def _late(session: Session, ground: Ground) -> tuple[Notice, ...]:
    """A notice for each source that is late, which withholds by itself after its day, or not shared at all."""
    found = []
    silent = [source for source in SOURCES if source not in ground.events.shared]
    if silent:
        found.append(
            Notice(
                "Some information is not shared",
                f"No {listed(silent)} data is shared with this partnership. The list does without it.",
            )
        )
    for source, last, hide_after in source_dates(session):
        expected = session.settings.expected_every_days[source]
        if (session.today - last).days > expected:
            found.append(states.stale(source, last, expected, hide_after))
    return tuple(found)


def _worded(row: dict[Any, Any]) -> dict[str, Any]:
    """The row with needs and changes as the pages take them."""
    needs = [NeedWaiting(label, int(days)) for label, days in row["needs_waiting"]]
    group = "" if row["iom_group"] == NOT_SELECTED else row["iom_group"]
    return {
        **row,
        "iom_group": group,
        "needs_waiting": needs,
        "changed": [Change("fact", text[:1].upper() + text[1:]) for text in row["changed"]],
    }


def _support_rows(ground: Ground, case_list: CaseList) -> list[SupportRow]:
    waiting = support_waiting(ground.events, case_list.rows[["person_id"]], case_list.as_of)
    return [
        SupportRow(
            person_id=str(row["person_id"]),
            need=str(row["need"]),
            waiting_since=case_list.as_of - dt.timedelta(days=int(row["days_waiting"])),
            days=int(row["days_waiting"]),
            service=_text(row["service"]),
            worker=_text(row["worker_id"]),
            next_step="" if pd.isna(row["next_appointment"]) else f"Appointment {day(row['next_appointment'].date())}",
        )
        for row in waiting.to_dict("records")
    ]


def _need_counts(rows: Iterable[SupportRow]) -> list[NeedCount]:
    by_need: dict[str, list[int]] = {}
    for row in rows:
        by_need.setdefault(row.need, []).append(row.days)
    order = {label: place for place, label in enumerate(NEED_LABELS.values())}
    return [
        NeedCount(need, len(days), max(days), sorted(days)[len(days) // 2])
        for need, days in sorted(by_need.items(), key=lambda item: order.get(item[0], len(order)))
    ]


def _text(value: object) -> str:
    return "" if value is None or pd.isna(value) else str(value)  # type: ignore[call-overload]
