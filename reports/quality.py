"""The data-quality report: what to ask each agency, and the figures behind it, safe for the whole partnership to read.

Every count follows the rule for partnership aggregates (DOMAIN section 9): 1 to 4 are hidden, the rest is rounded
to 5. The exact numbers, with lines and reasons, are what `desist quarantine` shows the analyst.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from desist.intake.reading.quality import (
    CODE,
    DATE,
    DUPLICATES,
    LATE_AFTER,
    MISSING,
    NEVER,
    PERSON,
    REFERENCE,
    UNREADABLE,
    VALUE,
    Figures,
    Look,
    TableQuality,
    changed_since,
)
from desist.measures.disclosure import (
    HIDDEN,
    NOT_APPLICABLE,
    NOT_AVAILABLE,
    PARTNERSHIP,
    may_show_rate,
    percentage,
    protect_list,
    rounding_notes,
    show_count,
    used_notes,
)
from desist.reports.pages import TextTable, render
from desist.reports.wording import counted, day, listed

TITLE = "The quality of the data that agencies sent"
LEAD = (
    "What each agency's newest extract holds, what is missing or wrong in it, how late it was recorded, and how it "
    "compares with the extracts before. It shows what was sent. It cannot show what was never recorded."
)
#: Months of the newest extract that the page shows; the JSON has the same.
MONTHS_SHOWN = 6
WRONG = (MISSING, CODE, VALUE, DATE, UNREADABLE)
UNLINKED = (PERSON, REFERENCE)
#: A sign such as [c] in the place of a count.
SIGN = re.compile(r"\[[a-z]+\]")

STATES = {True: "Late", False: "Up to date"}


@dataclass(frozen=True)
class SourceState:
    """When a source last sent; ``expected_days``: how often it should, None where nobody has said."""

    source: str
    extract_date: dt.date
    days_old: int
    expected_days: int | None

    @property
    def late(self) -> bool:
        return self.expected_days is not None and self.days_old > self.expected_days


@dataclass(frozen=True)
class Coverage:
    """How many of the people on probation each agency has a record of; ``notes`` by source: what not knowing means."""

    people: int
    known: Mapping[str, int]
    notes: Mapping[str, str]


@dataclass(frozen=True)
class QualityFacts:
    """What the report is made from. ``coverage`` is None while the people of the extracts are not linked."""

    partnership: str
    made_up: bool
    made_on: dt.date
    sources: tuple[SourceState, ...]
    tables: tuple[TableQuality, ...]
    looks: tuple[Look, ...]
    coverage: Coverage | None


@dataclass(frozen=True)
class Section:
    """One agency's part of the page."""

    source: str
    tables: tuple[TextTable, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class QualityPage:
    """The report as it is shown: every text safe to show. Its JSON is this, cell by cell.

    ``notes``: what the signs in ``ask`` mean, and how counts are rounded; each table explains its own signs.
    """

    partnership: str
    made_up: bool
    made_on: dt.date
    ask: tuple[str, ...]
    sources: TextTable
    coverage: TextTable | None
    sections: tuple[Section, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        told = asdict(self)
        for table in _tables_in(told):
            table["in_words"] = sorted(table["in_words"])
        return told | {"made_on": self.made_on.isoformat(), "title": TITLE}


def _tables_in(told: dict[str, Any]) -> list[dict[str, Any]]:
    tables = [told["sources"], *([told["coverage"]] if told["coverage"] else [])]
    return tables + [table for section in told["sections"] for table in section["tables"]]


def quality_page(page: QualityPage) -> str:
    """The report as a page of HTML."""
    return render("quality.html", title=TITLE, lead=LEAD, page=page, made_up=page.made_up)


def shown(facts: QualityFacts) -> QualityPage:
    """The facts in words and safe counts."""
    sources = _explained(_sources(facts))
    coverage = _explained(_coverage(facts.coverage)) if facts.coverage else None
    sections = tuple(
        _section(state.source, [one for one in facts.tables if one.source == state.source]) for state in facts.sources
    )
    late = [_late_sentence(state) for state in facts.sources if state.late]
    ask = (*late, *(look_sentence(look) for look in facts.looks))
    return QualityPage(
        facts.partnership, facts.made_up, facts.made_on, ask, sources, coverage, sections,
        (*_signs(ask), *rounding_notes(PARTNERSHIP)),
    )  # fmt: skip


def _signs(texts: Sequence[str]) -> list[str]:
    """What each sign in these texts means, to be said where they stand."""
    return used_notes([sign for text in texts for sign in SIGN.findall(text)])


def _explained(table: TextTable) -> TextTable:
    return replace(table, notes=(*_signs(table.texts()), *table.notes))


# --- in words


def look_sentence(look: Look) -> str:
    """What stands out, and what to ask, in one or two sentences without a hidden count."""
    where = f"{look.source}, {look.table}"
    share = [_share(round(part), round(rows)) for part, rows in zip(look.parts[::2], look.parts[1::2], strict=False)]
    count = [show_count(round(part), PARTNERSHIP) for part in look.parts]
    said = {
        "waiting": lambda: f"{count[0]} of {count[1]} rows wait in quarantine. See desist quarantine, and ask for "
                           "corrected rows.",
        "always_empty": lambda: f"{listed(look.columns)} {_are(look.columns)} empty in every row. "
                                "What is not recorded can be taken out of the agreement.",
        "missing_rose": lambda: f"{look.columns[0]} is empty in {share[0]} of rows, {share[1]} in the extract before. "
                                "Ask what changed.",
        "fewer_rows": lambda: f"{count[0]} rows were accepted, {count[1]} of the extract before. Ask whether the "
                              "extract was cut short or records were removed.",
        "gone": lambda: f"{count[0]} of {count[1]} events of months already sent are gone. Ask whether records were "
                        "removed or merged.",
        "volume_low": lambda: f"{count[0]} rows recorded in the last 13 weeks, {count[1]} in a usual quarter. Ask "
                              "whether everything was sent.",
        "volume_high": lambda: f"{count[0]} rows recorded in the last 13 weeks, {count[1]} in a usual quarter. Ask "
                               "whether rows were sent twice, or recording changed.",
        "silent": lambda: f"the newest row was recorded {round(look.parts[0])} days before the extract. Ask whether "
                          "the newest were left out.",
        "late_rose": lambda: f"{share[0]} of rows were recorded more than {LATE_AFTER} days after the event, "
                             f"{share[1]} in the extract before. Ask why.",
    }  # fmt: skip
    return f"{where}: {said[look.about]()}"


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _late_sentence(state: SourceState) -> str:
    age = counted(state.days_old, "day", "days")
    expected = counted(state.expected_days or 0, "day", "days")
    return (
        f"{state.source}: the newest extract is of {day(state.extract_date)}, {age} ago; expected every {expected}. "
        "Ask for the next one."
    )


# --- tables


def _sources(facts: QualityFacts) -> TextTable:
    rows = []
    for state in facts.sources:
        own = [one for one in facts.tables if one.source == state.source]
        never = sum(one.waits.get(NEVER, 0) for one in own)
        waits = sum(sum(one.waits.values()) for one in own) - never
        counts = (sum(one.accepted for one in own), waits, never)
        expected = f"every {counted(state.expected_days, 'day', 'days')}" if state.expected_days else "not stated"
        rows.append(
            (state.source, STATES[state.late], day(state.extract_date), expected, f"{len(own)}",
             *(show_count(count, PARTNERSHIP) for count in counts))
        )  # fmt: skip
    header = ("Agency", "State", "Newest extract", "Expected", "Tables", "Accepted", "Waiting", "Refused")
    notes = (
        "Refused: rows of a class that is never accepted (about victims, childhood, repealed offences, or without "
        "consent). Nothing but their number is kept.",
    )
    return TextTable("What each agency sent", header, tuple(rows), notes, frozenset({0, 1, 2, 3}))


def _coverage(found: Coverage) -> TextTable:
    rows = []
    for source, known in found.known.items():
        parts, _ = protect_list({"known": known, "not": found.people - known}, PARTNERSHIP)
        share = NOT_APPLICABLE
        if found.people:
            everybody = show_count(found.people, PARTNERSHIP)
            fits = may_show_rate(found.people, known, PARTNERSHIP)
            share = percentage(parts["known"], everybody) if fits else HIDDEN
        rows.append((source, parts["known"], parts["not"], share, found.notes.get(source, "not known to them")))
    total = show_count(found.people, PARTNERSHIP)
    return TextTable(
        f"Of {total} people under supervision, how many each agency has a record of",
        ("Agency", "Has a record", "Has none", "Share", "What none means"), tuple(rows), (), frozenset({0, 4}),
    )  # fmt: skip


def _section(source: str, tables: Sequence[TableQuality]) -> Section:
    made = [_rows(source, tables), _times(source, tables), _months(source, tables), _missing(source, tables)]
    remarks = [
        f"{one.table}: columns outside the agreement, not read: {listed(one.dropped_columns)}."
        for one in tables if one.dropped_columns
    ]  # fmt: skip
    for one in tables:
        for column, codes in one.wrong_codes.items():
            told = listed(f"{code} ({show_count(count, PARTNERSHIP)})" for code, count in codes.items())
            remarks.append(f"{one.table}: codes of {column} that are not on its list: {told}.")
    if old := [one.table for one in tables if not one.figures]:
        remarks.append(f"Read before figures were kept, so only rows are counted: {listed(old)}.")
    return Section(
        source, tuple(_explained(table) for table in made if table is not None), (*remarks, *_signs(remarks))
    )


def _rows(source: str, tables: Sequence[TableQuality]) -> TextTable:
    rows = []
    for one in tables:
        kinds = [sum(one.waits.get(kind, 0) for kind in group) for group in ((DUPLICATES,), WRONG, UNLINKED, (NEVER,))]
        earlier = one.before[0]["accepted"] if one.before else None
        counts = (one.accepted, earlier, one.corrected, *kinds)
        rows.append((one.table, *(show_count(count, PARTNERSHIP) for count in counts)))
    # No total of the rows read stands beside them: a hidden number could be worked out from it.
    header = ("Table", "Accepted", "Last time", "Corrected", "Duplicates", "Wrong", "Unlinked", "Refused")
    notes = (
        "Corrected: of the accepted, rows that waited first. Waiting are duplicates, wrong rows (empty, not on the "
        "code list, out of range, dates that cannot be) and unlinked ones (of a person or a row that is not there).",
    )
    return TextTable(f"Rows of {source}", header, tuple(rows), notes)


def _times(source: str, tables: Sequence[TableQuality]) -> TextTable | None:
    rows = []
    for one in tables:
        if not one.event:
            continue
        figures = one.figures
        total = figures["rows"]
        late = HIDDEN
        if may_show_rate(total, one.late, PARTNERSHIP):
            late = percentage(show_count(one.late, PARTNERSHIP), show_count(total, PARTNERSHIP))
        few = total < PARTNERSHIP.least_people
        last, entered = (HIDDEN if few else day(_date(figures[name])) for name in ("last_event", "last_recorded"))
        usual = show_count(round(one.usual_quarter), PARTNERSHIP)
        then = NOT_AVAILABLE
        if one.before and "quarters" in one.before[0]["figures"]:
            then = show_count(one.before[0]["figures"]["quarters"][0], PARTNERSHIP)
        rows.append((one.table, last, entered, late, show_count(figures["quarters"][0], PARTNERSHIP), usual, then))
    if not rows:
        return None
    header = (
        "Table", "Newest event", "Newest recorded", f"Over {LATE_AFTER} days late", "Recorded in 13 weeks",
        "Usual quarter", "In the extract before",
    )  # fmt: skip
    notes = (
        f"Over {LATE_AFTER} days late: the share of rows recorded so long after the event. Recorded in 13 weeks: rows "
        "by the day of recording, up to the extract date. Usual quarter: the mean of the four before. In the extract "
        "before: its own last 13 weeks.",
    )
    caption = f"When events of {source} happened and were recorded"
    return TextTable(caption, header, tuple(rows), notes, frozenset({0, 1, 2}))


def _months(source: str, tables: Sequence[TableQuality]) -> TextTable | None:
    events = [one for one in tables if one.event]
    if not events:
        return None
    cut = max(one.extract_date for one in events)
    months = [_back(cut, place) for place in range(MONTHS_SHOWN - 1, -1, -1)]
    year = [_back(cut, place) for place in range(MONTHS_SHOWN, MONTHS_SHOWN + 12)]
    rows = []
    for one in events:
        told = one.figures["months"]
        usual = sum(told.get(month, 0) for month in year) / len(year)
        cells = [show_count(told.get(month, 0), PARTNERSHIP) for month in months]
        changed = changed_since(one)
        since = (changed.added, changed.gone) if changed else (None, None)
        rows.append((one.table, show_count(round(usual), PARTNERSHIP), *cells,
                     *(show_count(count, PARTNERSHIP) for count in since)))  # fmt: skip
    header = ("Table", "Usual month", *months, "Since added", "Since gone")
    notes = (
        f"By the month of the event. The newest months fill up as events are recorded; {months[-1]} ends with the "
        "extract. Usual month: the mean of the twelve months before these.",
        "Since added and gone: against what the extract before told of months that were over then.",
    )
    return TextTable(f"Events of {source} by month", header, tuple(rows), notes)


def _back(cut: dt.date, months: int) -> str:
    place = cut.year * 12 + cut.month - 1 - months
    return f"{place // 12:04d}-{place % 12 + 1:02d}"


def _missing(source: str, tables: Sequence[TableQuality]) -> TextTable | None:
    rows = []
    for one in tables:
        total = one.figures.get("rows", 0)
        earlier: Figures = one.before[0]["figures"] if one.before else {"rows": 0, "missing": {}}
        for column, missing in one.figures.get("missing", {}).items():
            before = earlier["missing"].get(column)
            if not missing and not before:
                continue
            then = NOT_AVAILABLE if before is None else _share(before, earlier["rows"])
            rows.append((f"{one.table}, {column}", _share(missing, total), then))
    if not rows:
        return None
    notes = ("Columns without empty cells are left out. An empty end date can mean that something has not ended.",)
    return TextTable(f"Empty cells of {source}", ("Column", "Empty", "Extract before"), tuple(rows), notes)


def _share(part: int, rows: int) -> str:
    if not rows:
        return NOT_APPLICABLE
    if not may_show_rate(rows, part, PARTNERSHIP):
        return HIDDEN
    return percentage(show_count(part, PARTNERSHIP), show_count(rows, PARTNERSHIP))


def _date(text: str) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


def told_on_console(page: QualityPage) -> str:
    """What to ask, for the console."""
    if not page.ask:
        return "Nothing stands out in the newest extracts."
    head = counted(len(page.ask), "thing to ask an agency about:", "things to ask agencies about:")
    return "\n".join([head, *(f"  {text}" for text in (*page.ask, *_signs(page.ask)))])
