"""Who sends what to whom, why, under which law, for how long and to which place: made from the register of agreements.

Made before any data comes in, so that the partnership reads it first. What each column is for is read off the
contracts, the register of features and the outcome, never stated by hand: a column with no use shows as one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from desist.features.register import Register
from desist.features.standard_features import approval_features
from desist.intake.rows.checks import CHILDHOOD, NO_CONSENT, NOT_COVERED, REPEALED_OFFENCE, VICTIM_OR_WITNESS
from desist.intake.terms.agreements import CONSENT_SOURCES, Agreement
from desist.intake.terms.contracts import CHARACTERISTICS, CONTRACTS, IDENTIFIERS, REFUSED_CLASSES, Column, Contract
from desist.intake.terms.uses import APPROVAL, ESTIMATE, USES
from desist.records import codes
from desist.reports.documents import Document, Part
from desist.reports.pages import Cell, TextTable
from desist.reports.wording import day, listed, sentence

#: An agreement that ends so soon is named, so that it is renewed in time.
ENDS_SOON_DAYS = 60
#: Extracts are kept so long unless an agreement says otherwise (DOMAIN section 10, to be confirmed).
USUAL_RETENTION_DAYS = 90
REGIMES = {"part3": "Data Protection Act 2018 Part 3", "uk_gdpr": "UK GDPR"}
PURPOSES = {
    "iom_selection_support": "supporting the panel that selects people for Integrated Offender Management",
    "needs_and_pathways": "seeing needs and offers of support",
    "aggregate_plan_monitoring": "following the partnership's plan in counts",
    "fairness_audit": "checking for differences between communities",
}
#: What the outcome that is estimated is read from.
OUTCOME_COLUMNS = frozenset({
    "pol_sanction.offence_code", "pol_sanction.occurred_on", "pol_sanction.sanction_date",
    "prob_event.offence_code", "prob_event.occurred_on", "prob_event.conviction_date",
})  # fmt: skip
#: Who is in scope, and since when, is read from these.
SCOPE_COLUMNS = frozenset({
    "prob_event.sentence_type", "prob_event.sentence_start", "prob_event.sentence_end", "prob_event.terminated",
    "pris_spell.release", "pris_spell.release_type", "pris_spell.sentence_band", "pol_sanction.sanction_type",
    "iom_cohort.end", "iom_cohort.group", "trt_client.consent", "trt_client.basis",
})  # fmt: skip
#: The lists show these: which needs wait, for which service, and whether they are linked with offending.
PAGE_COLUMNS = frozenset({
    "support_referral.service", "support_referral.offered", "support_referral.ended",
    "prob_assessment.linked_reoffending",
})  # fmt: skip
HELD = {
    "store": "store/ (under the agency's own numbers)",
    "vault": "vault.db (apart; opened by linkage alone)",
    "equality": "equality.db (apart; opened by the fairness audit alone)",
    "aggregate": "store/ (about no person)",
}
PLACES: tuple[tuple[str, str, str, str], ...] = (
    ("store/ and quarantine/", "rows as sent, with source, date and agreement; rows that did not pass, with the reason",
     "analyst, by pseudonym", "as long as the agreement says"),
    ("vault.db", "names, birth dates, identifiers and the key map", "data steward; names on lists to practitioners",
     "as long as the agreement says"),
    ("equality.db", "protected characteristics", "the fairness audit's code; nobody by row",
     "as long as the agreement says"),
    ("profiles/", "measurements by pseudonym", "analyst", "until the next two releases"),
    ("runs/ and mlflow.db", "models, audits and counts; scores by pseudonym", "analyst, board", "scores 24 months"),
    ("lists/, shadows/ and reports/", "lists of cases to review; pages", "practitioner, panel chair",
     "lists until they end; scores 24 months; decisions 6 years"),
    ("exports.db", "which list went to whom, when and until when", "panel chair, auditor", "exports 30 days"),
    ("desist.db", "who did what and when, in a chain; people under references that can be forgotten", "auditor",
     "6 years"),
    ("rights.db and receipts/", "holds, corrections, keyed tokens of people who were erased; receipts without names",
     "data steward", "6 years"),
)  # fmt: skip
ROW_CLASSES = (VICTIM_OR_WITNESS, NOT_COVERED, NO_CONSENT, CHILDHOOD, REPEALED_OFFENCE)


@dataclass(frozen=True)
class Surroundings:
    """The partnership as its documents name it. ``purpose``: the one its runs declare; empty where not settled."""

    name: str
    area: str
    made_up: bool
    today: dt.date
    purpose: str
    expected_sources: tuple[str, ...]


@dataclass(frozen=True)
class DataMap:
    """The register of agreements, read against contracts, features and the day."""

    agreements: Mapping[str, Agreement]
    register: Register
    about: Surroundings

    @cached_property
    def reads(self) -> Mapping[str, int]:
        """Extract column -> how many features of the register read it."""
        return _count_reads(feature.definition.lineage() for feature in self.register.used)

    @cached_property
    def _reads_if_approved(self) -> Mapping[str, int]:
        return _count_reads(feature.definition.lineage() for feature in approval_features())

    def use_of(self, contract: Contract, column: Column) -> str:
        """What one column is for, in words; it begins with "No use" where the tool has none for it."""
        named = f"{contract.table}.{column.name}"
        fixed = _fixed_use(contract, column)
        told = [fixed] if fixed else []
        if named in OUTCOME_COLUMNS:
            told.append("decides the outcome that is estimated")
        if named in SCOPE_COLUMNS and USES[contract.table].kind in (ESTIMATE, APPROVAL):
            told.append("says who is in scope")
        if named in PAGE_COLUMNS:
            told.append("shown beside needs, on the lists of cases and of support that waits")
        if count := self.reads.get(named):
            told.append(f"read by {count} feature{'s' if count > 1 else ''} of the register")
        elif named in self._reads_if_approved:
            told.append(APPROVAL)
        if told:
            return sentence("; ".join(told))
        if USES[contract.table].kind in (ESTIMATE, APPROVAL):
            return "No use in an estimate: ask whether it is needed."
        return sentence(USES[contract.table].kind)

    def questions(self) -> tuple[str, ...]:
        """What a data protection officer should look at before any data comes in."""
        return tuple(_questions(self))

    def unread(self) -> dict[str, list[str]]:
        """Agreement -> columns of tables that count in an estimate which nothing reads."""
        found: dict[str, list[str]] = {}
        for agreement in self.agreements.values():
            for contract, column in _columns(agreement):
                if self.use_of(contract, column).startswith("No use"):
                    found.setdefault(agreement.id, []).append(f"{contract.table}.{column.name}")
        return found


def _count_reads(lineages: Iterator[frozenset[str]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for lineage in lineages:
        for column in {name.partition("=")[0] for name in lineage}:
            found[column] = found.get(column, 0) + 1
    return found


def _columns(agreement: Agreement) -> Iterator[tuple[Contract, Column]]:
    for table, names in agreement.tables.items():
        contract = CONTRACTS[table]
        yield from ((contract, column) for column in contract.columns if column.name in names)


def _fixed_use(contract: Contract, column: Column) -> str:
    """What a column is for that has the same use in every table."""
    keys = {name for name in contract.key if name != "agency_person"} | {name for name, _ in contract.refers}
    if column.name == "agency_person":
        return "key of the person; linkage puts a pseudonym in its place"
    if column.name == "subject_category":
        return "keeps out rows about victims and witnesses"
    if column.name == "record_kind":
        return "tells facts from assessments and opinions"
    if column.name.endswith("recorded_on"):
        return "when it became known, so that nothing is used before its time"
    if column.name == "occurred_on":
        return "when it happened"
    if contract.of_people and contract.held_in == "store" and column.name in keys:
        return "joins rows of one agency"
    if contract.held_in == "vault":
        if column.name == "dob":
            return "links records; keeps children out; gives age bands to the audit"
        return "links records" if column.name in IDENTIFIERS else "links records; names a person to those who may know"
    return "read by the fairness audit alone" if contract.held_in == "equality" else ""


def _questions(found: DataMap) -> Iterator[str]:
    about = found.about
    if not found.agreements:
        yield "There is no agreement in the register: no file can come in."
    for agreement in found.agreements.values():
        yield from _about_one(agreement, about)
    for source in about.expected_sources:
        if found.agreements and source not in {agreement.source for agreement in found.agreements.values()}:
            yield f"No agreement with {source}: what it knows of a person stays unknown, and is shown as not shared."
    for name, columns in found.unread().items():
        yield f"{name} covers columns that no estimate reads: {', '.join(columns)}. Is each of them needed?"


def _about_one(agreement: Agreement, about: Surroundings) -> Iterator[str]:
    name, today = agreement.id, about.today
    if agreement.expires < today:
        yield f"{name} ended on {day(agreement.expires)}: its files are refused until it is renewed."
    elif agreement.start > today:
        yield f"{name} starts on {day(agreement.start)}: its files are refused until then."
    elif (agreement.expires - today).days <= ENDS_SOON_DAYS:
        yield f"{name} ends on {day(agreement.expires)}: renew it in time."
    if about.purpose and about.purpose not in agreement.purposes:
        yield f"{name} does not cover {about.purpose}, the purpose in partnership.toml: its files are refused."
    if agreement.retention_days > USUAL_RETENTION_DAYS:
        yield (
            f"{name} lets extracts stay {agreement.retention_days} days, longer than the usual "
            f"{USUAL_RETENTION_DAYS}: is that needed?"
        )
    if agreement.source in CONSENT_SOURCES and agreement.regime == "part3":
        yield f"{name} names Part 3 for health data: a treatment provider is usually no competent authority."
    if len(agreement.parties) < 2:
        yield f"{name} names one party: say who sends and who receives."


def data_map(found: DataMap) -> Document:
    """The map as a document: flows, columns, protected data, what is never taken, places, questions."""
    about, agreements, questions = found.about, list(found.agreements.values()), found.questions()
    parts = [
        Part("Look at this first", () if questions else ("Nothing stands out.",), questions),
        Part("Who sends what to whom", tables=(_flows(agreements),) if agreements else (),
             text=() if agreements else ("Nobody sends anything: the register is empty.",)),
        *(part for agreement in agreements for part in _agreement_parts(found, agreement)),
        Part("Protected characteristics", _protected_words(found)),
        Part("What is never accepted", _NEVER, tuple(_never())),
        Part("Where it lies, who reads it, how long",
             tables=(TextTable("Places of the workspace", ("Place", "Holds", "Read by", "Kept"), PLACES,
                               ("Times are defaults to be confirmed; an agreement's own time comes first.",),
                               frozenset(range(4))),)),
    ]  # fmt: skip
    return Document(
        title="Data map",
        lead=("What comes in, from whom, for what, under which law, where it lies and for how long. Made from the "
              "register of sharing agreements, before any data comes in.",),
        facts=(("Partnership", about.name), ("Area", about.area), ("Agreements", str(len(agreements))),
               ("Purpose of runs", about.purpose or "not settled yet in partnership.toml")),
        parts=tuple(parts),
        foot=("A column outside its agreement is dropped as the file is read, and named in the intake report.",
              "Made again by `desist init`; a copy that somebody edited is kept, and the new one put beside it."),
        made_up=about.made_up,
    )  # fmt: skip


_NEVER = (
    "Files and tables of these classes are refused by name, whatever an agreement says. Of a row of a refused kind "
    "only its count, reason and line number are kept.",
)


def _never() -> Iterator[str]:
    yield from (sentence(name) for name in REFUSED_CLASSES)
    yield from (f"A row that {reason}." for reason in ROW_CLASSES)


def _flows(agreements: list[Agreement]) -> TextTable:
    rows: list[tuple[Cell, ...]] = [
        (agreement.id, (agreement.source, listed(agreement.parties)),
         (agreement.gateway, f"{REGIMES[agreement.regime]}; DPIA {agreement.dpia}; policy {agreement.apd}"),
         (listed(agreement.subject_categories), _consent_words(agreement)),
         (f"{day(agreement.start)} to {day(agreement.expires)}", f"extracts {agreement.retention_days} days"),
         ", ".join(agreement.tables))
        for agreement in agreements
    ]  # fmt: skip
    header = ("Agreement", "Source and parties", "Gateway and regime", "People and consent", "Valid, kept", "Tables")
    return TextTable("Flows", header, tuple(rows), in_words=frozenset(range(len(header))))


def _consent_words(agreement: Agreement) -> str:
    if agreement.consent == "per_person":
        return "only with each person's consent or legal basis"
    return "consent is not what sharing rests on"


def _agreement_parts(found: DataMap, agreement: Agreement) -> Iterator[Part]:
    purposes = tuple(f"{name}: {PURPOSES[name]}" for name in agreement.purposes)
    yield Part(f"Agreement {agreement.id}", (f"Data of {agreement.source} may be used for:",), purposes)
    for table, names in agreement.tables.items():
        contract, use = CONTRACTS[table], USES[table]
        rows = tuple(
            (column.name, _kind(column), found.use_of(contract, column))
            for column in contract.columns
            if column.name in names
        )
        left_out = [column.name for column in contract.columns if column.name not in names]
        notes = (f"Not shared under this agreement: {', '.join(left_out)}.",) if left_out else ()
        text = (f"Holds {use.what}; {use.kind}. Why: {use.why}. Kept in {HELD[contract.held_in]}.",)
        header = ("Column", "Form", "What it is for")
        yield Part(f"{agreement.id}: {table}", text, level=3,
                   tables=(TextTable(f"Columns of {table}", header, rows, notes, frozenset(range(3))),))  # fmt: skip


def _kind(column: Column) -> str:
    words = {"code": "one of a list of codes", "offence": "offence code", "boolean": "yes or no"}
    return words.get(column.kind, column.kind)


def _protected_words(found: DataMap) -> tuple[str, ...]:
    shared = [
        (agreement.id, [name for name in agreement.tables["equality"] if name in CHARACTERISTICS])
        for agreement in found.agreements.values()
        if "equality" in agreement.tables
    ]
    told = [f"{name} shares {listed(columns)}." for name, columns in shared if columns]
    if not told:
        told = ["No agreement shares them: differences between communities cannot be assessed."]
    return (
        *told,
        "They are written unread into equality.db, which the fairness audit alone opens. No feature, model, list or "
        "page of a person reads them, and no feature may be named for one or made from one.",
        f"Sex and birth date in identity rows lie in vault.db. Of {len(codes.SOURCES)} sources probation alone sends "
        "the others.",
    )
