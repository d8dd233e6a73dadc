"""A person's record in plain words: as text, and as a page that can be printed and handed over."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from desist.reports.pages import render
from desist.reports.wording import day, step_words

AGENCIES = {
    "probation": "Probation", "prison": "Prison", "police": "Police", "treatment": "Treatment service",
    "council": "Council",
}  # fmt: skip
TABLES = {
    "prob_person": "supervision", "prob_event": "court events", "prob_requirement": "requirements",
    "prob_registration": "registrations", "prob_assessment": "assessments of needs",
    "prob_predictor": "national scores, for context", "prob_contact": "appointments",
    "prob_enforcement": "breach and recall", "prob_allocation": "who works with you",
    "support_referral": "referrals for support", "iom_cohort": "integrated offender management",
    "pris_spell": "time in custody", "pol_sanction": "convictions and cautions", "pol_charge": "charges, for context",
    "trt_client": "consent to treatment records", "trt_episode": "treatment", "trt_intervention": "treatment steps",
    "trt_outcome_profile": "treatment outcomes, for context", "asb_outcome": "antisocial behaviour outcomes",
    "housing_duty": "housing duties", "programme": "programmes",
}  # fmt: skip
NONE_WORDS = {
    "link": "no estimate: it was not sure that the records belong together",
    "too_little_data": "no estimate: too little was recorded",
    "restricted": "no estimate: the person asked that their information is not used",
    "contested": "no estimate: information was challenged",
}
PARTS = {"learnt": "the model learnt from the records", "judged": "the model was tested on the records"}
ON_HOLD = {
    "restricted": "You asked that this information is not used. It is kept, and no estimate is made from it.",
    "contested": "You challenged something here. No estimate is made until that is decided",
}
WITHHELD = (
    "Some things are left out because they tell of other people: who works with you, entries about the safety of "
    "others, and marks that a victim's report may have left. Records of victims and witnesses are never held here. "
    "What agencies know and did not send is not here: ask them."
)
RIGHTS = (
    "You can have a wrong fact corrected: say which one, by its table and number.",
    "You can challenge a fact: no estimate is made until it is decided, within a month.",
    "You can ask that your information is kept and not used, or that it is erased.",
    "You can ask for a person to look again at any decision. An estimate decides nothing: people decide.",
    "You can complain to the partnership's data protection officer, and to the Information Commissioner's Office: "
    "ico.org.uk, telephone 0303 123 1113.",
)


@dataclass(frozen=True)
class TableTold:
    """One kind of fact: from whom, under which agreement, until when, and the facts with their numbers."""

    table: str
    source: str
    agreement: str
    gateway: str
    purposes: tuple[str, ...]
    extract_date: dt.date
    review_by: dt.date
    rows: int
    kinds: tuple[str, ...]
    facts: tuple[tuple[int, str], ...]
    withheld_columns: tuple[str, ...]
    withheld_rows: int

    @property
    def words(self) -> str:
        return TABLES.get(self.table, self.table.replace("_", " "))


@dataclass(frozen=True)
class Listed:
    """One list of cases to review that the person was on. ``step`` None: not told, or none; ``why`` says which."""

    list_id: str
    as_of: dt.date | None
    step: int | None
    why: str
    reasons: tuple[str, ...]

    @property
    def words(self) -> str:
        if self.step is not None:
            return f"estimate: {step_words(self.step)} people with a similar recorded history were proven to reoffend"
        return NONE_WORDS.get(self.why, self.why or "no estimate")


@dataclass(frozen=True)
class PersonRecord:
    """Everything that a record tells. ``whole``: facts themselves, not only how many."""

    partnership: str
    contact: str
    made_up: bool
    today: dt.date
    numbers: Mapping[str, int]
    identity: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]
    tables: tuple[TableTold, ...]
    older: int
    lists: tuple[Listed, ...]
    runs: Mapping[str, str]
    events: tuple[tuple[str, str], ...]
    handed_on: tuple[str, ...]
    on_hold: str
    decide_by: dt.date | None
    whole: bool

    @property
    def hold_words(self) -> str:
        """What is said of a restriction or a challenge; empty without one."""
        if not self.on_hold:
            return ""
        return ON_HOLD[self.on_hold] + (f", by {day(self.decide_by)}." if self.decide_by else "")


def sections(told: PersonRecord) -> Iterator[tuple[str, list[str]]]:
    """Headings and lines of the record, in the order in which a person would ask."""
    if told.hold_words:
        yield "On hold", [told.hold_words]
    yield "Who sent something about you", [
        f"{AGENCIES.get(source, source)}: {count} of its numbers" for source, count in told.numbers.items()
    ]
    if told.identity:
        yield "Who they say you are", [f"{AGENCIES.get(source, source)}: {text}" for source, text in told.identity]
    yield "How these records were joined", [
        f"{AGENCIES.get(source, source)}: {text}" for source, text in told.links
    ] or ["They are joined to nobody."]
    for table in told.tables:
        yield f"{AGENCIES.get(table.source, table.source)}: {table.words} ({table.table})", list(_table_lines(table))
    if told.older:
        yield "Older deliveries", [
            f"{told.older} older deliveries of these agencies are still held until their review date."
        ]
    yield "Lists you were on", [
        f"{day(one.as_of) if one.as_of else one.list_id}: {one.words}"
        + (f". What it rested on: {'; '.join(one.reasons)}" if one.reasons else "")
        for one in told.lists
    ] or ["None."]
    yield "Models", [f"Training run {run}: {PARTS.get(part, part)}" for run, part in told.runs.items()] or ["None."]
    yield "Decisions and other events in the log", [
        f"{day(dt.date.fromisoformat(when))}: {what}" for when, what in told.events
    ] or ["None is recorded about you by itself."]
    yield "Who was handed a list with you on it", list(told.handed_on) or ["Nobody."]
    yield "What is not here", [WITHHELD]
    yield "What you can do", [*RIGHTS, f"Write to: {told.contact}."]


def _table_lines(table: TableTold) -> Iterator[str]:
    count = "1 entry" if table.rows == 1 else f"{table.rows} entries"
    yield (
        f"{count} ({', '.join(table.kinds)}), sent under agreement {table.agreement}"
        + (f" ({table.gateway})" if table.gateway else "")
        + f", known to {day(table.extract_date)}, to be reviewed by {day(table.review_by)}."
    )
    if table.purposes:
        yield f"What for: {', '.join(purpose.replace('_', ' ') for purpose in table.purposes)}."
    for number, text in table.facts:
        yield f"{number}. {text}"
    if table.withheld_rows:
        yield f"{table.withheld_rows} left out: about the safety of others. Ask the data protection officer."
    if table.withheld_columns:
        yield "Left out of each: columns about other people."


def as_text(told: PersonRecord) -> str:
    """The record for the screen."""
    lines = [f"What {told.partnership} holds about you, on {day(told.today)}"]
    for heading, content in sections(told):
        lines += ["", heading, *(f"  {line}" for line in content)]
    return "\n".join(lines)


def person_page(told: PersonRecord) -> str:
    """The record as a page of HTML."""
    return render(
        "person.html", title="What is held about you", record=told, sections=list(sections(told)), made_up=told.made_up
    )
