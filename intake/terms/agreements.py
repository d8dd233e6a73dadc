"""Sharing agreements: the only door through which an extract comes in (REQUIREMENTS INT-1 to INT-4)."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desist.intake.terms.contracts import CONTRACTS, Contract, refused_class
from desist.records import codes
from desist.records.errors import Problem, Refused
from desist.records.hashing import hash_json
from desist.records.wording import counted

REGIMES = ("part3", "uk_gdpr")
CONSENT_RULES = ("none", "per_person")
#: Sources whose rows need consent and a recorded basis for each person (REQUIREMENTS INT-9).
CONSENT_SOURCES = ("treatment",)
#: The gateway that excludes patient information: Police, Crime, Sentencing and Courts Act 2022 s.16 (L12), by name,
#: abbreviation or the duty it lays down.
GATEWAY_WITHOUT_PATIENTS = re.compile(
    r"serious\s+violence|\bpcsca?\b|police,?\s+crime,?\s+sentencing,?\s+(and|&)\s+courts", re.IGNORECASE
)

_TEXTS = ("id", "source", "gateway", "regime", "consent", "dpia", "apd")
_LISTS = ("parties", "purposes", "subject_categories")
_DATES = ("start", "expires")
#: Everything an agreement's file may say. Another key is refused: a term misspelt would be a term forgotten.
_KEYS = frozenset((*_TEXTS, *_LISTS, *_DATES, "retention_days", "tables", "note"))
#: A gateway for depersonalised data alone: Crime and Disorder Act 1998 s.17A (L12), where no other stands beside it.
_DEPERSONALISED = re.compile(r"[^,;]*\bs(ection)?\.? ?17A\b[^,;]*", re.IGNORECASE)


#: What a gateway is told by: a law or a part of one, a power or duty, or the consent of each person.
_LAW = re.compile(
    r"\b(acts?|orders?|regulations?|rules?|directive|codes?|articles?|art|section|schedule|sch|ss?\.? ?\d\w*|"
    r"common.law|power|duty|gdpr|dpa|prerogative|consent(ed|s)?)\b|\b(pcsca|cda|omca|cja)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Terms:
    """An agreement's terms as its file states them, before anybody asked whether they hold together."""

    id: str
    source: str
    parties: tuple[str, ...]
    purposes: tuple[str, ...]
    gateway: str
    regime: str
    start: dt.date
    expires: dt.date
    retention_days: int
    subject_categories: tuple[str, ...]
    consent: str
    dpia: str
    apd: str
    tables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Agreement(_Terms):
    """What one source may send, to what purpose and until when. Valid from start to expires, both days included."""

    def __post_init__(self) -> None:
        problems = _faults(self)
        if problems:
            raise Refused(f"The sharing agreement {self.id} cannot be used.", problems)

    @property
    def hash(self) -> str:
        """Changes with every term, so that an extract is read anew under new terms."""
        terms = {name: str(value) for name, value in vars(self).items() if name != "tables"}
        return hash_json(terms | {"tables": {name: list(columns) for name, columns in self.tables.items()}})


def _one_of(agreement: str, key: str, found: tuple[str, ...], allowed: tuple[str, ...]) -> list[Problem]:
    wrong = sorted(set(found) - set(allowed))
    if found and not wrong:
        return []
    return [
        Problem(
            f"{key} = {', '.join(wrong) or 'nothing'}",
            f"agreement {agreement}",
            f"{key} from {', '.join(allowed)}",
            f"Correct `{key}` in the agreement's file.",
        )
    ]


def _faults(agreement: _Terms) -> list[Problem]:
    where = f"agreement {agreement.id}"
    problems = [
        *_one_of(agreement.id, "source", (agreement.source,), codes.SOURCES),
        *_one_of(agreement.id, "purposes", agreement.purposes, codes.PURPOSES),
        *_one_of(agreement.id, "regime", (agreement.regime,), REGIMES),
        *_one_of(agreement.id, "consent", (agreement.consent,), CONSENT_RULES),
        *_one_of(agreement.id, "subject_categories", agreement.subject_categories, ("convicted", "suspect")),
    ]
    if not re.fullmatch(r"[A-Za-z0-9_.:+-]{1,60}", agreement.id):
        problems.append(
            Problem("an id with other characters", where, "letters, digits and . _ : + -",
                    "Give the agreement a short id: the event log names it.")
        )  # fmt: skip
    for key in ("gateway", "dpia", "apd"):
        if not getattr(agreement, key).strip():
            problems.append(Problem(f"{key} empty", where, "a reference", f"Fill in `{key}`."))
    if agreement.gateway.strip() and not _LAW.search(agreement.gateway):
        problems.append(
            Problem("a gateway that names no law", where, "the power or duty to share, or each person's consent",
                    'Name it in `gateway`, such as "Crime and Disorder Act 1998 s.115".')
        )  # fmt: skip
    if not agreement.parties:
        problems.append(Problem("no parties", where, "who shares with whom", "Fill in `parties`."))
    if agreement.expires < agreement.start:
        problems.append(Problem("expires before start", where, "expires on or after start", "Correct the dates."))
    if agreement.retention_days <= 0:
        problems.append(Problem("retention_days of 0 or less", where, "days above 0", "Correct `retention_days`."))
    return problems + _consent_faults(agreement) + _gateway_faults(agreement) + _table_faults(agreement)


def _consent_faults(agreement: _Terms) -> list[Problem]:
    where = f"agreement {agreement.id}"
    if agreement.source not in CONSENT_SOURCES:
        if agreement.consent == "none":
            return []
        return [
            Problem(f'consent = "{agreement.consent}" for {agreement.source}', where,
                    f"it for {', '.join(CONSENT_SOURCES)} alone, whose rows say who consents",
                    'Write consent = "none": the gateway is what lets this source share.')
        ]  # fmt: skip
    problems = []
    if agreement.consent != "per_person":
        problems.append(
            Problem(f'consent = "{agreement.consent}"', where, 'consent = "per_person" for treatment data',
                    "Agree how each person's consent or legal basis is recorded.")
        )  # fmt: skip
    if GATEWAY_WITHOUT_PATIENTS.search(agreement.gateway):
        problems.append(
            Problem("the Serious Violence Duty as gateway", where, "a gateway that includes patient information",
                    "That duty excludes it (PCSC Act 2022 s.16): use each person's consent or another basis.")
        )  # fmt: skip
    return problems


def _gateway_faults(agreement: _Terms) -> list[Problem]:
    of_people = [table for table in agreement.tables if table in CONTRACTS and CONTRACTS[table].of_people]
    if not of_people or not _DEPERSONALISED.fullmatch(agreement.gateway.strip()):
        return []
    return [
        Problem(f"{agreement.gateway.strip()[:60]!r} as gateway of {', '.join(sorted(of_people))}",
                f"agreement {agreement.id}", "a gateway for data about persons",
                "That duty is to share depersonalised data: share counts under it, or name another gateway.")
    ]  # fmt: skip


def _table_faults(agreement: _Terms) -> list[Problem]:
    where = f"agreement {agreement.id}"
    problems = []
    for table, columns in agreement.tables.items():
        if kind := refused_class(table):
            problems.append(
                Problem(f"the table {table} ({kind})", where, "no table of this class, ever",
                        "Take the table out of the agreement.")
            )  # fmt: skip
        elif table not in CONTRACTS or agreement.source not in CONTRACTS[table].sources:
            problems.append(
                Problem(f"the table {table}", where, f"a table that {agreement.source} sends",
                        "Correct the table's name or the agreement's source.")
            )  # fmt: skip
        elif missing := sorted(set(CONTRACTS[table].required) - set(columns)):
            problems.append(
                Problem(f"the table {table} without {', '.join(missing)}", where,
                        "every column that the table cannot be read without", "Add the columns to the agreement.")
            )  # fmt: skip
        elif strange := _strange_columns(CONTRACTS[table], columns, where):
            problems += strange
        elif undated := _without_their_date(CONTRACTS[table], columns):
            problems.append(
                Problem(f"the table {table} with {', '.join(undated)}", where,
                        "beside each of them the column that says when it became known",
                        "Add the *_recorded_on columns to the agreement, or leave these out.")
            )  # fmt: skip
    return problems


def _strange_columns(contract: Contract, columns: tuple[str, ...], where: str) -> list[Problem]:
    """Columns that no contract knows: never read, so misspelt or more than is needed; refused classes by name."""
    strange = [name for name in columns if name not in contract.names]
    classes = {name: kind for name in strange if (kind := refused_class(name))}
    problems = [
        Problem(f"the column {contract.table}.{name[:60]} ({kind})", where, "no data of this class, ever",
                "Take the column out of the agreement.")
        for name, kind in classes.items()
    ]  # fmt: skip
    if others := [name[:60] for name in strange if name not in classes]:
        problems.append(
            Problem(f"the columns {', '.join(others)} of {contract.table}", where,
                    f"columns among {', '.join(contract.names)}",
                    "Correct the spelling, or take them out: what has no use is not shared.")
        )  # fmt: skip
    if repeated := sorted({name for name in columns if columns.count(name) > 1}):
        problems.append(
            Problem(f"{', '.join(repeated)} of {contract.table} twice", where, "each column once", "Name it once.")
        )
    return problems


def _without_their_date(contract: Contract, columns: tuple[str, ...]) -> list[str]:
    """Columns learnt later than their row, whose own recorded date is not covered: they would seem known too early."""
    return [
        column.name
        for column in contract.columns
        if column.name in columns and column.known_from and column.known_from not in columns
    ]


def load_agreements(folder: Path) -> dict[str, Agreement]:
    """The register: every ``*.toml`` in ``folder`` by agreement id; empty where the folder is absent.

    Raises Refused naming every problem of every file.
    """
    register: dict[str, Agreement] = {}
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.toml")) if folder.is_dir() else []:
        try:
            agreement = read_agreement(path)
        except Refused as refused:
            problems += refused.problems
            continue
        if agreement.id in register:
            problems.append(
                Problem(f"a second agreement {agreement.id}", path.name, "one file for each id", "Remove one of them.")
            )
        register[agreement.id] = agreement
    if problems:
        found = counted(len(problems), "problem", "problems")
        raise Refused(f"The register of sharing agreements in {folder} has {found}.", problems)
    return register


def read_agreement(path: Path) -> Agreement:
    """The agreement in one file. Raises Refused, with its problems, where it cannot be used."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused("", [Problem("a file that is not TOML", path.name, "TOML in UTF-8", f"{error}.")]) from None
    problems, faulty = _shape_faults(content, path.name)
    if problems:
        # What can be read is judged all the same: nobody should have to correct a file three times over.
        raise Refused("", problems + _faults(_Terms(**_values(_completed(content, faulty)))))
    return Agreement(**_values(content))


def _values(content: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {key: content[key] for key in (*_TEXTS, *_DATES, "retention_days")}
    values |= {key: tuple(content[key]) for key in _LISTS}
    return values | {"tables": {name: tuple(columns) for name, columns in content["tables"].items()}}


def _completed(content: Mapping[str, Any], faulty: frozenset[str]) -> dict[str, Any]:
    """The content with something that no rule finds fault with in place of each faulty key: it was named already."""
    kept = {key: value for key, value in content.items() if key not in faulty}
    source = kept.get("source", codes.SOURCES[0])
    day = kept.get("start", kept.get("expires", dt.date.min))
    usual = {
        "id": "without-id", "source": source, "gateway": "consent", "regime": REGIMES[0],
        "consent": CONSENT_RULES[source in CONSENT_SOURCES], "dpia": "-", "apd": "-", "parties": ["-"],
        "purposes": [*codes.PURPOSES], "subject_categories": ["convicted"], "start": day, "expires": day,
        "retention_days": 1, "tables": {},
    }  # fmt: skip
    tables = kept.get("tables", {}) if "source" in kept else {}
    return usual | kept | {"tables": tables}


def _shape_faults(content: Mapping[str, Any], where: str) -> tuple[list[Problem], frozenset[str]]:
    """Keys that are unknown, absent, or hold another type than the form asks for; the names of the last two."""

    def is_texts(value: Any) -> bool:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)

    def is_day(value: Any) -> bool:
        return isinstance(value, dt.date) and not isinstance(value, dt.datetime)

    forms: dict[str, tuple[str, Callable[[Any], bool]]] = {
        key: ("text", lambda value: isinstance(value, str)) for key in _TEXTS
    }
    forms |= {key: ("a list of texts", is_texts) for key in _LISTS}
    forms |= {key: ("a date such as 2026-10-01", is_day) for key in _DATES}
    forms["retention_days"] = ("a whole number of days", lambda value: type(value) is int)
    forms["tables"] = (
        "a table of column lists",
        lambda value: isinstance(value, dict) and all(is_texts(columns) for columns in value.values()),
    )
    unknown = [
        Problem(f"`{key[:40]}`", where, f"a key among {', '.join(sorted(_KEYS))}", "Correct it, or take it out.")
        for key in sorted(set(content) - _KEYS)
    ]
    faulty = {key: form for key, (form, fits) in forms.items() if key not in content or not fits(content[key])}
    return unknown + [
        Problem(f"`{key}` {'missing' if key not in content else 'of another form'}", where, form, f"Write `{key}`.")
        for key, form in faulty.items()
    ], frozenset(faulty)


def check_purpose(purpose: str) -> list[Problem]:
    """Problems with a run's declared purpose: it must be one from the closed list (REQUIREMENTS INT-4)."""
    if purpose in codes.PURPOSES:
        return []
    return [
        Problem(f"the purpose {purpose!r}" if purpose else "no purpose", "this run",
                f"one of {', '.join(codes.PURPOSES)}", "Say what the data is taken in for.")
    ]  # fmt: skip


def check_agreement(
    register: Mapping[str, Agreement], agreement_id: str, *, source: str, table: str, purpose: str, today: dt.date
) -> list[Problem]:
    """Problems that keep ``table`` of ``source`` out today; none where the agreement covers it."""
    where = f"{source}/{table}"
    agreement = register.get(agreement_id)
    if agreement is None:
        return [
            Problem(f"the agreement {agreement_id}", where, "an agreement in the register",
                    "Put the signed agreement's file into the workspace's agreements folder.")
        ]  # fmt: skip
    problems = []
    if not agreement.start <= today <= agreement.expires:
        problems.append(
            Problem(f"agreement {agreement_id}, valid {agreement.start} to {agreement.expires}", where,
                    f"an agreement that is valid on {today}",
                    f"It begins on {agreement.start}: read the file from that day on, or amend the agreement."
                    if today < agreement.start else "Renew the agreement before reading the file.")
        )  # fmt: skip
    if agreement.source != source:
        problems.append(
            Problem(f"agreement {agreement_id} of {agreement.source}", where, f"an agreement of {source}",
                    "Name this source's own agreement.")
        )  # fmt: skip
    if table not in agreement.tables:
        problems.append(
            Problem(f"agreement {agreement_id} without this table", where, "a table that the agreement names",
                    "Leave the file out, or amend the agreement.")
        )  # fmt: skip
    if purpose in codes.PURPOSES and purpose not in agreement.purposes:
        problems.append(
            Problem(f"agreement {agreement_id} for {', '.join(agreement.purposes)}", where,
                    f"an agreement that covers {purpose}", "Declare a covered purpose, or amend the agreement.")
        )  # fmt: skip
    return problems
