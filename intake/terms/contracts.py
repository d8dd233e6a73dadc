"""What every table must look like (DOMAIN section 3): columns, types, codes, keys, references, sense of dates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from desist.records import codes

#: Part of every extract's fingerprint: after a change here the same files are read anew.
VERSION = "2026-11-23"
#: Above this share of faulty rows a file is refused as a whole, because the fault is in the file and not in its rows.
JUNK_SHARE = 0.5
#: A file with fewer rows than this is never refused for its share of faulty rows.
JUNK_ROWS_AT_LEAST = 20
#: Longest cell in characters, unless a column says otherwise.
LONGEST_CELL = 200
#: Childhood records are those of events before this birthday (DOMAIN section 7).
ADULT_AGE = 18

#: Dataset classes that are never accepted, by words in a table's, file's, sheet's or column's name (REQUIREMENTS
#: INT-6, INT-10, FEA-4). Each word stands for its plural too, and however they are joined: StopAndSearch,
#: stop-and-search, STOP_SEARCHES. Digits are words of their own: 5x5x5 is "5 x 5 x 5".
REFUSED_CLASSES: Mapping[str, tuple[str, ...]] = {
    "intelligence reports": (
        "intelligence", "intel", "5 x 5 x 5", "3 x 5 x 2", "nir", "pnd", "police national database", "chis",
    ),
    "association or gang lists": (
        "association", "associate", "gang", "ocg", "organised crime group", "co offender", "co accused",
        "co defendant",
    ),
    "stop and search": ("stop and search", "stop search", "s and s", "section 60", "sec 60", "s 60"),
    "facial recognition": ("facial", "face recognition", "face match", "face matching", "face id", "frt", "lfr"),
    "social media": (
        "social media", "facebook", "twitter", "instagram", "snap chat", "tik tok", "whats app", "osint",
    ),
    "arrests without further action": ("no further action", "nfa", "arrest", "custody record"),
    "victim or witness records": ("victim", "witness", "complainant", "aggrieved", "injured party", "injured parties"),
    "number plate readings": ("anpr", "number plate"),
}  # fmt: skip
#: Names of the field that hold such a word and no data of its class: a section of a needs assessment, a disposal, a
#: programme, the number of a prosecution, and what brings somebody to treatment.
_NOT_OF_A_CLASS = re.compile(
    r" (lifestyle (and )?associates|victim (surcharges?|awareness)|arrest (summons|referrals?))(?= )"
)
#: Words of names: of capitals (NFA) and their plural (NFAs), with one capital (Gang), of small letters, or digits.
_WORDS = re.compile(r"[A-Z]{2,}s(?![a-z])|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

KINDS = ("text", "date", "month", "quarter", "integer", "decimal", "boolean", "code", "offence")
#: Where a table's rows are held. Aggregates are counts that no person can be told from: they have no agency_person.
HELD_IN = ("store", "vault", "equality", "aggregate")


@dataclass(frozen=True)
class Column:
    """One column as sent. All dates are calendar days written YYYY-MM-DD.

    A date is of something that happened, so not after the extract date nor after the date on which it
    became known. ``plan``: a date in the future is right. ``known_from``: the column with the date on which this one
    became known; without it the row's ``recorded_on`` is that date. ``not_before``: a date column that
    this one cannot precede. ``at_most``: a number column that this one cannot exceed. A month is written 2026-09 and
    a quarter of the calendar year 2026-Q3.
    """

    name: str
    kind: str = "text"
    required: bool = False
    codes: tuple[str, ...] = ()
    plan: bool = False
    known_from: str = ""
    not_before: str = ""
    lowest: float | None = None
    highest: float | None = None
    at_most: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.name} has the kind {self.kind}, not one of {KINDS}")
        if (self.kind == "code") != bool(self.codes):
            raise ValueError(f"{self.name}: a code column, and no other, needs a list of codes")


@dataclass(frozen=True)
class Contract:
    """One table. ``held_in``: one of HELD_IN; the key of an aggregate holds within the source that sent it.

    ``sources``: who may send it. ``event``: rows are events with ``occurred_on``; else rows are states.
    ``key``: columns that occur once; empty where only a row repeated in full is a duplicate. ``refers``:
    (column, table).
    """

    table: str
    sources: tuple[str, ...]
    columns: tuple[Column, ...]
    event: bool = True
    key: tuple[str, ...] = ()
    refers: tuple[tuple[str, str], ...] = ()
    held_in: str = "store"

    def __post_init__(self) -> None:
        if self.held_in not in HELD_IN:
            raise ValueError(f"{self.table} is held in {self.held_in}, not one of {HELD_IN}")
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names):
            raise ValueError(f"{self.table} names a column twice")
        for column in self.columns:
            for other in filter(None, (column.known_from, column.not_before, column.at_most)):
                if other not in names:
                    raise ValueError(f"{self.table}.{column.name} points to {other}, which is not there")

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @cached_property
    def required(self) -> tuple[str, ...]:
        """Columns that a file must have; the cells of other columns may be empty and the column absent."""
        return tuple(column.name for column in self.columns if column.required)

    @property
    def of_people(self) -> bool:
        """Whether rows are about one person each; aggregate tables are not."""
        return any(column.name == "agency_person" for column in self.columns)

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


def _text(name: str, *, required: bool = False, known_from: str = "") -> Column:
    return Column(name, "text", required=required, known_from=known_from)


def _code(name: str, values: tuple[str, ...], *, required: bool = False, known_from: str = "") -> Column:
    return Column(name, "code", required=required, codes=values, known_from=known_from)


def _date(name: str, *, required: bool = False, known_from: str = "", not_before: str = "") -> Column:
    return Column(name, "date", required=required, known_from=known_from, not_before=not_before)


def _plan(name: str, not_before: str = "") -> Column:
    return Column(name, "date", plan=True, not_before=not_before)


def _flag(name: str, *, required: bool = False) -> Column:
    return Column(name, "boolean", required=required)


PERSON = _text("agency_person", required=True)
STAMPS = (
    _code("subject_category", codes.SUBJECT_CATEGORIES, required=True),
    _code("record_kind", codes.RECORD_KINDS, required=True),
)
OFFENCE = Column("offence_code", "offence", required=True)


def _event(
    table: str,
    source: str,
    *columns: Column,
    planned: bool = False,
    key: tuple[str, ...] = (),
    refers: tuple[tuple[str, str], ...] = (),
) -> Contract:
    occurred = Column("occurred_on", "date", required=True, plan=planned)
    recorded = _date("recorded_on", required=True)
    return Contract(table, (source,), (PERSON, *STAMPS, occurred, recorded, *columns), key=key, refers=refers)


def _state(table: str, sources: tuple[str, ...], *columns: Column, held_in: str = "store") -> Contract:
    recorded = _date("recorded_on", required=True)
    return Contract(
        table, sources, (PERSON, *STAMPS, recorded, *columns), event=False, key=("agency_person",), held_in=held_in
    )


IDENTIFIERS = ("pnc", "cro", "crn", "prison_number", "nhs_number")
IDENTITY = _state(
    "identity", codes.SOURCES,
    *(_text(name) for name in (*IDENTIFIERS, "forename", "other_names", "surname", "aliases")),
    _date("dob"), _text("postcode"), _code("sex", codes.SEXES),
    held_in="vault",
)  # fmt: skip
CHARACTERISTICS = (
    "sex", "ethnicity_self", "ethnicity_officer", "disability", "religion", "sexual_orientation",
    "gender_reassignment", "marriage_civil", "pregnancy_maternity", "home_ward", "value_source",
)  # fmt: skip
_CHARACTERISTIC_CODES = {
    "sex": codes.SEXES,
    "ethnicity_self": tuple(codes.ETHNICITY_5),
    "ethnicity_officer": codes.ETHNICITY_OFFICER,
}
EQUALITY = _state(
    "equality", ("probation",),
    *(_code(name, _CHARACTERISTIC_CODES[name]) if name in _CHARACTERISTIC_CODES else _text(name)
      for name in CHARACTERISTICS),
    held_in="equality",
)  # fmt: skip

_NEEDS = tuple(codes.NEED_SECTIONS)
_END = (_date("end", known_from="end_recorded_on", not_before="occurred_on"), _date("end_recorded_on"))
_EPISODE = _text("episode_id", required=True)

_PROBATION = (
    _state("prob_person", ("probation",), _code("supervision_status", codes.SUPERVISION, required=True),
           _flag("lao", required=True)),
    _event("prob_event", "probation", _text("event_id", required=True), OFFENCE,
           _date("conviction_date", not_before="occurred_on"), _code("sentence_type", codes.SENTENCES),
           _date("sentence_start", not_before="occurred_on"), _plan("sentence_end", "sentence_start"),
           _date("terminated", known_from="terminated_recorded_on", not_before="occurred_on"),
           _date("terminated_recorded_on"), key=("event_id",)),
    _event("prob_requirement", "probation", _text("event_id", required=True),
           _code("req_type", codes.REQUIREMENTS, required=True), _plan("end", "occurred_on"),
           _code("outcome", codes.REQUIREMENT_OUTCOMES, known_from="outcome_recorded_on"),
           _date("outcome_recorded_on"), refers=(("event_id", "prob_event"),)),
    _event("prob_registration", "probation", _code("reg_type", codes.REGISTRATIONS, required=True), *_END),
    _event("prob_assessment", "probation", _code("version", ("OASYS", "SAN"), required=True),
           _code("section", _NEEDS, required=True), Column("score", "integer", lowest=0, highest=100),
           _flag("linked_reoffending"), _flag("linked_harm")),
    _event("prob_predictor", "probation", _text("name", required=True), Column("score", "decimal", lowest=0),
           _text("band"), _text("static_dynamic"), _text("model_version")),
    _event("prob_contact", "probation", _text("type", required=True),
           _code("attended", codes.ATTENDANCE, known_from="attended_recorded_on"),
           # With these two dates an appointment that was kept cannot lie ahead.
           _date("attended_recorded_on", not_before="occurred_on"), planned=True),
    _event("prob_enforcement", "probation", _code("type", codes.ENFORCEMENT, required=True), _text("outcome")),
    _event("prob_allocation", "probation", _text("worker_id", required=True), _text("team"), *_END),
    _event("support_referral", "probation", _code("need", _NEEDS, required=True), _text("service"),
           *(column for name in ("offered", "started", "ended") for column in (
               _date(name, known_from=f"{name}_recorded_on", not_before="occurred_on"),
               _date(f"{name}_recorded_on")))),
    _event("iom_cohort", "probation", _code("group", codes.IOM_GROUPS, required=True), _text("decision_id"),
           _text("reason"), *_END),
)  # fmt: skip

_PRISON = (
    _event("pris_spell", "prison", _date("release", known_from="release_recorded_on", not_before="occurred_on"),
           _code("release_type", codes.RELEASES, known_from="release_recorded_on"), _date("release_recorded_on"),
           _code("sentence_band", codes.SENTENCE_BANDS)),
)  # fmt: skip

_POLICE = (
    _event("pol_sanction", "police", OFFENCE, _date("sanction_date", required=True, not_before="occurred_on"),
           _code("sanction_type", codes.SANCTIONS, required=True), _text("disposal"), _flag("da_flag"),
           _flag("weapon_flag"), Column("count", "integer", lowest=1, highest=1000)),
    _event("pol_charge", "police", OFFENCE, _date("charge_date", required=True, not_before="occurred_on"),
           _text("outcome", known_from="outcome_recorded_on"), _date("outcome_recorded_on")),
)  # fmt: skip

_TREATMENT = (
    _state("trt_client", ("treatment",), _flag("consent", required=True), _code("basis", codes.BASES),
           _code("substance_group", codes.SUBSTANCE_GROUPS)),
    _event("trt_episode", "treatment", _EPISODE, _date("triage_date", not_before="occurred_on"),
           _code("referral_source", codes.REFERRAL_SOURCES),
           _date("discharge_date", known_from="discharge_recorded_on", not_before="occurred_on"),
           _code("discharge_reason", codes.DISCHARGES, known_from="discharge_recorded_on"),
           _date("discharge_recorded_on"), key=("episode_id",)),
    _event("trt_intervention", "treatment", _EPISODE, _code("modality", codes.MODALITIES, required=True),
           _END[0], _code("exit_status", codes.INTERVENTION_EXITS, known_from="end_recorded_on"), _END[1],
           refers=(("episode_id", "trt_episode"),)),
    # What a person discloses in treatment: shown to them on request, never read by a feature (DOMAIN section 3).
    _event("trt_outcome_profile", "treatment", _code("stage", codes.OUTCOME_STAGES, required=True),
           *(Column(f"{name}_days", "integer", lowest=0, highest=28) for name in codes.SUBSTANCES),
           _flag("housing_problem"), Column("paid_work_days", "integer", lowest=0, highest=28)),
)  # fmt: skip

_COUNCIL = (
    _event("asb_outcome", "council", _code("type", codes.ASB_OUTCOMES, required=True)),
    _event("housing_duty", "council", _code("duty", codes.HOUSING_DUTIES, required=True)),
    _event("programme", "council", _text("programme", required=True),
           _date("start", known_from="start_recorded_on", not_before="occurred_on"), _date("start_recorded_on"),
           _date("end", known_from="end_recorded_on", not_before="start"),
           _code("outcome", codes.PROGRAMME_OUTCOMES, known_from="end_recorded_on"), _date("end_recorded_on")),
)  # fmt: skip


def _aggregate(table: str, sources: tuple[str, ...], key: tuple[str, ...], *columns: Column) -> Contract:
    return Contract(table, sources, columns, event=False, key=key, held_in="aggregate")


def _count(name: str, *, at_most: str = "") -> Column:
    return Column(name, "integer", required=True, lowest=0, at_most=at_most)


_MONTH, _QUARTER = Column("month", "month", required=True), Column("quarter", "quarter", required=True)
_WARD = _text("ward", required=True)
_ANY = ("ALL",)
_AGGREGATES = (
    _aggregate("crime_month", ("police", "council"), ("ward", "month", "sub_category"), _WARD, _MONTH,
               _text("sub_category", required=True), _count("n"),
               Column("da_n", "integer", lowest=0, at_most="n")),
    _aggregate("asb_month", ("council", "police"), ("ward", "month", "type"), _WARD, _MONTH,
               _text("type", required=True), _count("n")),
    _aggregate("youth_quarter", ("council",), ("measure", "quarter"), _QUARTER,
               _code("measure", codes.YOUTH_MEASURES, required=True), _count("n")),
    _aggregate("marac_quarter", ("council", "police"), ("quarter",), _QUARTER, _count("discussed"),
               _count("repeat", at_most="discussed")),
    _aggregate("population", ("council",), ("area", "age_band", "sex", "ethnicity"), _text("area", required=True),
               _text("age_band", required=True), _code("sex", (*codes.SEXES, *_ANY), required=True),
               _code("ethnicity", (*codes.ETHNICITY_5, *dict.fromkeys(codes.ETHNICITY_5.values()), *_ANY),
                     required=True), _count("n")),
    # ``origin`` is DOMAIN's ``source``: that name is the stamp of the agency that sent the row.
    _aggregate("indicators", codes.SOURCES, ("measure", "period", "origin"), _text("measure", required=True),
               _text("period", required=True), Column("value", "decimal", required=True),
               _text("origin", required=True), _code("direction", codes.DIRECTIONS, required=True)),
)  # fmt: skip

CONTRACTS: Mapping[str, Contract] = {
    contract.table: contract
    for contract in (IDENTITY, EQUALITY, *_PROBATION, *_PRISON, *_POLICE, *_TREATMENT, *_COUNCIL, *_AGGREGATES)
}


def refused_class(name: str) -> str:
    """The never-accepted dataset class that a table's, file's or column's name belongs to; empty for any other."""
    plain = re.sub(r"['\u2019]", "", name).replace("&", " and ")
    spelt = _NOT_OF_A_CLASS.sub(" ", f" {' '.join(_WORDS.findall(plain)).lower()} ")
    return next((title for title, spelling in _SPELLINGS.items() if spelling.search(spelt)), "")


def _spelling(texts: tuple[str, ...]) -> re.Pattern[str]:
    """Any of the texts as whole words, also written as one, also in the plural."""
    return re.compile(rf" ({'|'.join(text.replace(' ', ' ?') for text in texts)})(e?s)? ")


_SPELLINGS = {title: _spelling(texts) for title, texts in REFUSED_CLASSES.items()}
