"""Cases to review: the page and the sheet for the weekly meeting (UX section 4).

What a reader may not see never reaches a template: rows are first turned into words, step by step.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from desist.features.tables import CaseList, Estimate, Reason
from desist.records.codes import NEED_LABELS
from desist.records.errors import Refused
from desist.reports import states, wording
from desist.reports.content import ABOUT_THE_ESTIMATE, TAGS, Change, ListHeader, NeedWaiting, PeopleOnList
from desist.reports.pages import render, sheet
from desist.reports.states import Notice
from desist.reports.wording import day

TITLE = "Cases to review, for support and supervision"
COLUMNS = (
    "Person and supervision", "Needs waiting", "What changed", "Estimate", "Last and next contact", "Review",
)
MOST_NEEDS = 3
MOST_REASONS = 5
RESTRICTED_CELL = "Restricted"
LESS_CERTAIN = "less certain"

SUPERVISION: Mapping[str, str] = {
    "CUSTODY": "In custody",
    "REMAND": "On remand",
    "LICENCE": "Licence",
    "PSS": "Post-sentence supervision",
    "COMMUNITY_ORDER": "Community order",
    "SUSPENDED_SENTENCE": "Suspended sentence",
    "NONE": "Not supervised",
}
GROUPS: Mapping[str, str] = {"FIXED": "Fixed", "FLEX": "Flex", "FREE": "Free", "": "Not selected"}

#: Why there is no estimate, by the code that scoring gives; any other text is shown as it is.
WHY_NONE: Mapping[str, Notice] = {
    "": states.NO_REASON,
    "link": states.LINK_UNSURE,
    "too_little_data": states.TOO_LITTLE,
    "restricted": states.NOT_TO_BE_USED,
    "contested": states.WAS_CONTESTED,
}


@dataclass(frozen=True)
class ShownReason:
    """A reason in words: what, which way it moves the estimate and how surely, where and when it was recorded."""

    phrase: str
    direction: str
    source: str
    kind: str
    certainty: str = ""


@dataclass(frozen=True)
class ShownEstimate:
    """All that a page may know of an estimate: the step and what goes with the step."""

    step: int
    words: str
    tags: tuple[str, ...]
    sentence: str
    limited: str
    reasons: tuple[ShownReason, ...]

    @property
    def uncertain(self) -> bool:
        """Whether any reason is less certain, so that the page says what that means."""
        return any(reason.certainty for reason in self.reasons)


@dataclass(frozen=True)
class CaseRow:
    """One row in words. A restricted one has only ``restricted``; of ``estimate`` and ``none`` just one is set."""

    name: str
    crn: str = ""
    supervision: str = ""
    group: str = ""
    needs: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    estimate: ShownEstimate | None = None
    none: Notice | None = None
    last_contact: str = ""
    next_contact: str = ""
    review: str = ""
    overdue: bool = False
    review_state: str = ""
    restricted: Notice | None = None


def cases_page(
    case_list: CaseList,
    header: ListHeader,
    on_list: PeopleOnList,
    *,
    today: dt.date,
    notice: Notice | None = None,
    late: Sequence[Notice] = (),
) -> str:
    """The list as a page of HTML, in the order of the case list.

    ``notice`` is the gate's state, if it withholds; ``late`` are the sources that are out of date. Estimates are
    shown only if neither withholds, the release is named and the approval runs on ``today``.
    Raises Refused for a list whose last day is over.
    """
    closed = withheld(case_list, header, today=today, notice=notice, late=late)
    rows = case_rows(case_list, header, on_list, today=today, closed=closed)
    return render(
        "cases.html",
        title=TITLE, made_up=header.made_up, header=header, rows=rows, columns=COLUMNS, shown=closed is None,
        as_of=case_list.as_of, alert=closed or _together(late), nobody=_nobody(rows, header),
        foot=foot(case_list, header, closed), valid_until=case_list.valid_until,
    )


def cases_csv(
    case_list: CaseList,
    header: ListHeader,
    on_list: PeopleOnList,
    *,
    today: dt.date,
    notice: Notice | None = None,
    late: Sequence[Notice] = (),
) -> str:
    """The same list as a sheet: six columns, and on each row when it ends, under which approval, and what it is.

    Rows are cut out of sheets and sent on, so what must travel with a row stands on it.
    """
    closed = withheld(case_list, header, today=today, notice=notice, late=late)
    rows = case_rows(case_list, header, on_list, today=today, closed=closed)
    note = f"{wording.MADE_UP}. {wording.DECISION_SUPPORT}" if header.made_up else wording.DECISION_SUPPORT
    ends = [day(case_list.valid_until), _approval(header, closed), note]
    cells = [[*_cells(row, closed), *ends] for row in rows]
    nobody = _nobody(rows, header)
    if nobody:
        cells = [[f"{nobody.heading}. {nobody.body}", "", "", "", "", "", *ends]]
    return sheet([*COLUMNS, "Valid until", "Approval", "Note"], cells)


def withheld(
    case_list: CaseList,
    header: ListHeader,
    *,
    today: dt.date,
    notice: Notice | None,
    late: Sequence[Notice],
) -> Notice | None:
    """Why no estimate may be shown today, or None. Closed wherever something is missing."""
    if today > case_list.valid_until:
        raise Refused(
            f"The list of {day(case_list.as_of)} was valid until {day(case_list.valid_until)} and today is "
            f"{day(today)}. Old lists are not shown: make a new one with `desist score`."
        )
    for each in (notice, *late):
        if each is not None and each.withholds_on(today):
            return each
    if not case_list.release_id or not header.approved or header.approved_until is None:
        return states.NO_APPROVAL
    return states.expired(header.approved_until) if today > header.approved_until else None


def case_rows(
    case_list: CaseList, header: ListHeader, on_list: PeopleOnList, *, today: dt.date, closed: Notice | None
) -> tuple[CaseRow, ...]:
    """The rows in words, in the order of the list; people not known to be adults today are not among them."""
    known = on_list.names.set_index("person_id")[["name", "crn"]].astype(object).to_dict("index")
    rows = []
    for row in case_list.rows.to_dict("records"):
        person = str(row["person_id"])
        if person not in on_list.adults:
            continue
        if person in on_list.restricted:
            rows.append(_masked(on_list.restricted[person]))
            continue
        estimate, none = _estimate(person, case_list, header, on_list, closed)
        identity = known.get(person, {})
        rows.append(_row(row, identity, estimate, none, on_list.review_states.get(person, ""), today))
    return tuple(rows)


def foot(case_list: CaseList, header: ListHeader, closed: Notice | None) -> str:
    """The sentence at the foot of each page: who decides, until when it holds, under which approval."""
    return (
        f"{wording.DECISION_SUPPORT} Valid until {day(case_list.valid_until)}. "
        f"Approval {_approval(header, closed)}."
    )


def _approval(header: ListHeader, closed: Notice | None) -> str:
    return header.approval if closed is None else "none in force"


def _estimate(
    person: str, case_list: CaseList, header: ListHeader, on_list: PeopleOnList, closed: Notice | None
) -> tuple[ShownEstimate | None, Notice | None]:
    """What stands in the estimate's place: the step in words, or why there is none."""
    if person in on_list.contested:
        return None, states.contested(on_list.contested[person])
    if closed is not None:
        return None, closed
    estimate = case_list.estimates.get(person, Estimate(step=None))
    if estimate.step is None:
        return None, WHY_NONE.get(estimate.why_none) or Notice("Not estimated", wording.sentence(estimate.why_none))
    return _shown(estimate, header, on_list.sources_missing.get(person)), None


def _shown(estimate: Estimate, header: ListHeader, missing: tuple[int, int] | None) -> ShownEstimate:
    """The estimate in words. Nothing finer than the step goes in, and reasons are put in an order of their own:
    the order of their sizes would tell more than the step does."""
    assert estimate.step is not None and header.tested_on is not None
    if len(estimate.reasons) > MOST_REASONS:
        raise ValueError(f"a page shows at most {MOST_REASONS} reasons")
    record = header.steps[estimate.step - 1]
    reasons = {_reason(reason) for reason in estimate.reasons}
    return ShownEstimate(
        step=estimate.step,
        words=wording.sentence(wording.step_words(estimate.step)).rstrip("."),
        tags=tuple(TAGS[tag] for tag in sorted(set(estimate.tags))),
        sentence=wording.frequency_sentence(estimate.step, record.low, record.high, header.tested_on),
        limited=" ".join(_gaps(estimate, missing)),
        reasons=tuple(sorted(reasons, key=lambda r: (r.kind, r.direction, r.phrase, r.source))),
    )


def _gaps(estimate: Estimate, missing: tuple[int, int] | None) -> Iterator[str]:
    """What the estimate could not rest on: sources that say nothing, and records that may be somebody else's."""
    if missing and "limited_data" in estimate.tags:
        yield states.limited_data(*missing).body
    if "link_less_sure" in estimate.tags:
        yield states.LINK_LESS_SURE


def _reason(reason: Reason) -> ShownReason:
    if reason.direction not in ("raises", "lowers"):
        raise ValueError("a reason raises or lowers the estimate")
    fact = reason.value.strip()
    told = not fact or fact.lower() in reason.phrase.lower()
    phrase = reason.phrase if told else f"{reason.phrase} ({fact})"
    certainty = LESS_CERTAIN if reason.less_certain else ""
    return ShownReason(
        wording.sentence(phrase).rstrip("."), reason.direction, _where_from(reason), reason.kind, certainty
    )


def _where_from(reason: Reason) -> str:
    """The source of a reason, up to when its records are known and the day of the latest one it rests on."""
    told = reason.source
    if told and reason.known_to:
        told = f"{told} record to {day(dt.date.fromisoformat(reason.known_to))}"
    if reason.occurred_on:
        latest = f"latest of {day(dt.date.fromisoformat(reason.occurred_on))}"
        told = f"{told}, {latest}" if told else latest
    return told


def _row(
    row: Mapping[Any, Any],
    identity: Mapping[Any, Any],
    estimate: ShownEstimate | None,
    none: Notice | None,
    review_state: str,
    today: dt.date,
) -> CaseRow:
    end, due = _date(row["supervision_end"]), _date(row["review_due"])
    code = _text(row["supervision"])
    supervision = SUPERVISION.get(code, code) or "Not recorded"
    group = _text(row["iom_group"])
    return CaseRow(
        name=_text(identity.get("name")) or "Name not held",
        crn=_text(identity.get("crn")) or "no CRN",
        supervision=f"{supervision} until {day(end)}" if end else supervision,
        group=GROUPS.get(group, group),
        needs=need_words(row["needs_waiting"]),
        changed=tuple(c.text for c in _changes(row["changed"]) if estimate or c.kind not in ABOUT_THE_ESTIMATE),
        estimate=estimate,
        none=none,
        last_contact=day(_date(row["last_contact"]), none="none recorded"),
        next_contact=day(_date(row["next_contact"]), none="none booked"),
        review=day(due, none="no date set"),
        overdue=due is not None and due < today,
        review_state=review_state,
    )


def _masked(ask: str) -> CaseRow:
    """The row of a limited record: its place in the list, and whom to ask. Nothing else."""
    return CaseRow(name=states.restricted(ask).heading, restricted=states.restricted(ask))


def need_words(needs: object) -> tuple[str, ...]:
    """Up to three needs with how long they have waited, and how many more there are.

    Takes NeedWaiting items, or the same as mappings (need, days, since), as a stored list holds them.
    """
    items = [_need(item) for item in _items(needs)]
    words = [
        wording.sentence(
            f"{NEED_LABELS.get(item.need, item.need)}: {wording.counted(item.days, 'day', 'days')} "
            f"since {item.since}, no offer"
        ).rstrip(".")
        for item in items[:MOST_NEEDS]
    ]
    more = len(items) - MOST_NEEDS
    return (*words, f"and {wording.counted(more, 'more need', 'more needs')}") if more > 0 else tuple(words)


def _need(item: object) -> NeedWaiting:
    if isinstance(item, NeedWaiting):
        return item
    if isinstance(item, Mapping):
        return NeedWaiting(str(item["need"]), int(item["days"]), str(item.get("since", "identified")))
    raise TypeError("a need waiting is a NeedWaiting, or a mapping with need, days and since")


def _changes(changes: object) -> list[Change]:
    """The changes; as Change items, or mappings with kind and text."""
    found = []
    for item in _items(changes):
        if isinstance(item, Change):
            found.append(item)
        elif isinstance(item, Mapping):
            found.append(Change(str(item["kind"]), str(item["text"])))
        else:
            raise TypeError("a change is a Change, or a mapping with kind and text: kind decides who may see it")
    return found


def _items(value: object) -> Sequence[object]:
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return ()
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError("needs and changes are lists, not text")
    return tuple(value)


def _cells(row: CaseRow, closed: Notice | None) -> list[str]:
    """The six cells of the sheet."""
    if row.restricted:
        return [f"{row.restricted.heading}. {row.restricted.body}", *[RESTRICTED_CELL] * 5]
    if row.estimate:
        estimate = "; ".join([row.estimate.words, *row.estimate.tags])
    else:
        assert row.none is not None
        estimate = f"{row.none.heading}. {row.none.body}"
        if closed is None:
            estimate = f"{wording.NO_ESTIMATE}. {estimate}"
    review = "; ".join(part for part in (row.review, "Overdue" if row.overdue else "", row.review_state) if part)
    return [
        f"{row.name}, {row.crn}; {row.supervision}; {row.group}",
        "; ".join(row.needs) or "None waiting",
        "; ".join(row.changed) or "Nothing new",
        estimate,
        f"Last {row.last_contact}; next {row.next_contact}",
        review,
    ]


def _nobody(rows: Sequence[CaseRow], header: ListHeader) -> Notice | None:
    if rows:
        return None
    return states.NO_MATCHES if header.filters else states.EMPTY_LIST


def _together(late: Sequence[Notice]) -> Notice | None:
    """One alert for all late sources: more than one alert on a screen is not read."""
    if not late:
        return None
    return Notice(late[0].heading, " ".join(notice.body for notice in late))


def _text(value: object) -> str:
    missing = value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and pd.isna(value))
    return "" if missing else str(value).strip()


def _date(value: object) -> dt.date | None:
    """The day of whatever a table holds as a date; None where it holds none."""
    if isinstance(value, dt.datetime):  # pandas' timestamps, and its NaT
        return None if pd.isna(value) else value.date()
    if isinstance(value, dt.date):
        return value
    text = _text(value)
    return pd.Timestamp(text).date() if text else None
