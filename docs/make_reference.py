"""Write docs/reference from the code, so that it cannot drift: python docs/make_reference.py (a test compares)."""

from __future__ import annotations

import datetime as dt
import inspect
from collections.abc import Callable
from pathlib import Path

from desist.features.contracts import FieldSpec
from desist.features.examples import Example, Person
from desist.features.examples_file import shipped_examples
from desist.features.language import WORDS
from desist.features.language.definitions import Definition
from desist.features.outcomes import OUTCOMES
from desist.features.rows import Field, Rows
from desist.features.standard_features import approval_features, standard_register
from desist.features.vocabulary import vocabulary
from desist.intake.terms.contracts import CONTRACTS, LONGEST_CELL, Column
from desist.intake.terms.uses import USES

FOLDER = Path(__file__).parent / "reference"

EXTRACTS_HEAD = """# Extracts as agencies send them

*Made by `python docs/make_reference.py` from the contracts in `intake/terms/contracts.py`.*

A delivery is a folder with a `delivery.toml` and one CSV file (UTF-8, a header, ISO dates, empty cell = missing,
booleans `true`/`false`) per table:

```toml
source = "police"
extract_date = 2026-09-30       # the day the extract was cut
made_up = false
encoding = "utf-8"              # may be left out; "windows-1252" works too

[[file]]
table = "pol_sanction"          # one of the tables below
path = "pol_sanction.csv"       # beside this file
agreement = "POL-2026"          # the sharing agreement it comes under
mapping = "disposals"           # only for a file in the agency's own layout: how it becomes this table
```

A file that is not laid out so, an Excel workbook for example, comes in through a `mapping` of the workspace, which
`desist map` proposes ([how](../guides/first-file.md)); one `path` may then serve several tables, each with its own
`[[file]]`. A database is asked with `url` and `query` in place of `path`: the URL that its mapping names, and a file
beside this one with one `SELECT`. A Parquet file with the columns below needs no mapping.

Each agreement is one TOML file in the workspace's `agreements/` folder: `id`, `source`, `parties`, `purposes`,
`gateway`, `regime` (`part3` or `uk_gdpr`), `start`, `expires`, `retention_days`, `subject_categories`, `consent`
(`none` or `per_person`), `dpia`, `apd`, and a section `[tables]` that names the columns it covers
([how](../guides/agreements.md)). `desist simulate try` writes working examples of both.

`occurred_on` is when it happened, `recorded_on` when the agency entered it; a column with *known from* stays unknown
until the date in that other column. A future date is refused except where the column says *may lie in the future*.
Every row of a person has `agency_person`, the agency's own number; tables kept in the *aggregate* place have none,
because they are about nobody. `source`, `extract_date` and `agreement_id` are not sent: intake stamps them.

## What is checked, and what becomes of a row that fails

{checks}

Not checked, because no list is published or agencies differ: the words of `disposal`, `outcome` of charges and
enforcement, contact `type`, `service`, `team`, names of national predictors and programmes, wards, and protected
characteristics other than sex and ethnicity. They are read as text of up to {longest} characters.
"""

#: (What, how, what becomes of a row or file that fails), line by line through the tables and code lists of the field.
CHECKS = (
    ("file", "announced, covered by a valid agreement of its source for the run's purpose, no refused class",
     "nothing of any file is read; all problems at once"),
    ("columns", "those of the agreement that a contract knows; others are dropped unread and named",
     "a required column that is absent refuses the file"),
    ("subject", "`subject_category` is one that the agreement covers; victims and witnesses never are",
     "count, reason and line number stay, nothing else"),
    ("consent", "treatment: the person's `trt_client` row says consent, with a basis; one row that says no is enough",
     "count, reason and line number stay, nothing else"),
    ("childhood", "nobody under 18 on the extract date, no event before the eighteenth birthday",
     "count, reason and line number stay, nothing else"),
    ("repealed offences", "no code that the offence table says is repealed",
     "count, reason and line number stay, nothing else; breaches are kept, and are no offence"),
    ("offence codes", "five digits; on the offence table, shipped or the partnership's own lines",
     "five digits that are not on the table stop the file, with the list of codes"),
    ("codes", "on the column's list, spelt exactly",
     "quarantine; codes seen often are named, of identity tables never"),
    ("dates", "a day of the calendar written YYYY-MM-DD, from 1900; months YYYY-MM, quarters YYYY-Qn", "quarantine"),
    ("sense of dates", "no event after the extract date or after the day it was recorded; ends not before starts; what "
     "was learnt later has its own day", "quarantine"),
    ("numbers", "whole or decimal, within the column's bounds; a part no larger than its whole", "quarantine"),
    ("keys", "once in a file; tables without a key: no row repeated in full", "quarantine of the second and later"),
    ("references", "the person stands in the source's identity table; requirements in `prob_event`, interventions in "
     "`trt_episode`, of the same person", "quarantine; where the row referred to was refused, so is this one"),
    ("check letters", "PNC and CRO by their letter, NHS number by its check digit, CRN and prison number by their form",
     "the row is kept; the identifier links nobody, and waits in the unmatched queue"),
    ("a file of junk", "at most half of its rows in quarantine", "nothing of any file is read"),
)


def extracts() -> str:
    """The tables and columns that intake takes."""
    checks = ["| what | how | otherwise |", "|---|---|---|", *(f"| {a} | {b} | {c} |" for a, b, c in CHECKS)]
    parts = [EXTRACTS_HEAD.format(checks="\n".join(checks), longest=LONGEST_CELL)]
    for name, contract in CONTRACTS.items():
        parts.append(f"## `{name}` (from {', '.join(contract.sources)}; kept in the {contract.held_in})\n")
        keyed = f" Once a file: {', '.join(f'`{column}`' for column in contract.key)}." if contract.key else ""
        refers = "".join(f" `{column}` names a row of `{table}`." for column, table in contract.refers)
        parts.append(f"Holds {USES[name].what}; {USES[name].kind}.{keyed}{refers}\n")
        parts.append("| column | type | must be filled | notes |\n|---|---|---|---|")
        for column in contract.columns:
            notes = []
            if column.codes:
                notes.append("one of " + ", ".join(f"`{code}`" for code in column.codes))
            if column.plan:
                notes.append("may lie in the future")
            if column.known_from:
                notes.append(f"known from `{column.known_from}`")
            if column.not_before:
                notes.append(f"not before `{column.not_before}`")
            if column.at_most:
                notes.append(f"at most `{column.at_most}`")
            if column.lowest is not None or column.highest is not None:
                notes.append(_bounds(column))
            kind = {"code": "code", "offence": "offence code, five digits"}.get(column.kind, column.kind)
            parts.append(f"| `{column.name}` | {kind} | {'yes' if column.required else ''} | {'; '.join(notes)} |")
        parts.append("")
    return "\n".join(parts)


def _bounds(column: Column) -> str:
    if column.highest is None:
        return f"from {column.lowest:g}"
    return f"{column.lowest:g} to {column.highest:g}"


FEATURES_HEAD = """# The standard register of features

*Made by `python docs/make_reference.py` from `features/standard_features.py`; the words come from each definition.*

A feature knows only what was recorded before the as-of date; windows end before it. "May only raise" and "may only
lower" are held by every model. Protected characteristics and their proxies are refused by name and by what a
definition reads, whatever it is called.
"""


def features() -> str:
    """The register in words, and the features that only a board's approval lets in."""
    table = standard_register().as_table()
    parts = [
        FEATURES_HEAD,
        "| feature | says | unit | missing | sign | source | kind |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in table.to_dict("records"):
        cells = [f"`{row['name']}`", *(row[key] for key in ("words", "unit", "missing", "sign", "source", "kind"))]
        parts.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    parts.append("\n## Only with a board's signed approval\n")
    parts += [
        f"- `{feature.name}`: {feature.definition.in_words()}. {feature.justification}"
        for feature in approval_features()
    ]
    return "\n".join(parts) + "\n"


OUTCOMES_HEAD = """# Outcomes

*Made by `python docs/make_reference.py` from the catalogue in `features/outcomes/catalogue.py`.*

Follow-up day 1 is the as-of date itself. An offence counts by the day it was committed, if it was sanctioned within the
follow-up or the waiting period after it; the label is known only once that time and the lag for late records have
passed, and missing before, never "no". Nobody is dropped for being in custody afterwards.

`label_outcomes` gives the labels, `count_reoffences` how many offences, `time_to_first` the days to the first with
recall and custody as competing events, `person_months` and `risk_if_at_liberty` the hypothetical risk at liberty
([what comes first](../decisions/007-what-comes-first-after-a-row-begins.md)); all are in `desist.features.outcomes`
but the last, which is in `desist.models.over_time.at_liberty`; cumulative incidence by month is in
`desist.models.over_time.incidence`.
"""


def outcomes() -> str:
    """Every outcome in its sentence, with the days it takes."""
    lines = ["| outcome | says | version | follow-up | waiting | known after |", "|---|---|---|---|---|---|"]
    for name, definition in OUTCOMES.items():
        days = f"{definition.follow_up_days} days | {definition.waiting_days} days | {definition.days_to_mature} days"
        lines.append(f"| `{name}` | {definition.sentence} | {definition.version} | {days} |")
    return OUTCOMES_HEAD + "\n" + "\n".join(lines) + "\n"


LANGUAGE_HEAD = """# The feature language

*Made by `python docs/make_reference.py` from the functions themselves and from the examples in
`features/data/definitions.toml`; `desist check definitions` works every value below out with every engine.*

A definition measures one person on one as-of date, from what was recorded before that date. How to add one:
[a new feature in five minutes](../features.md). Three things hold for every function:

- The window of `within="2y"` holds the days from two years before the as-of date up to the day before it; `"6w"`,
  `"6m"` and `"90d"` are written the same way. A year is 365 days, a month a twelfth of that. Without `within` a
  definition looks back as far as the register lets its family.
- A value is *missing* where a source that is asked has no record of the person or shares nothing; missing is not 0. Of
  prison, no record means never held.
- Rows are narrowed by `.where(...)`: several conditions must all be met, and a condition on an unknown field is not.
"""
CONDITIONS = (
    ("offences.violent", "a yes/no field that says yes; `.is_yes()` is the same"),
    ("offences.da_flag.is_no()", "a yes/no field that says no; unknown is neither"),
    ("offences.severity.at_least(4)", "a number that large or larger; `.at_most(2)` that large or smaller"),
    ('custody.release_type.one_of("automatic", "conditional")', "a category that is one of these"),
    ("referrals.started.known()", "a field that was known by the as-of date"),
    ("needs.drugs", "of a table by topic, the value of one topic"),
)
#: What arithmetic and tests are called where the functions have their names.
OPERATIONS = {
    "+ - * /": ("a + b, a - b, a * b, a / b", "Definitions added, subtracted, multiplied or divided, with another or "
                "with a number; missing where either is, or where the divisor is 0."),
    "at_least": ("definition.at_least(number)", str(Definition.at_least.__doc__)),
    "at_most": ("definition.at_most(number)", str(Definition.at_most.__doc__)),
}  # fmt: skip


def language() -> str:
    """Every function with its sentence, its signature and its examples; then conditions and the vocabulary."""
    examples = shipped_examples()
    parts = [LANGUAGE_HEAD]
    for name in (*WORDS, *OPERATIONS):
        spelt, told = OPERATIONS[name] if name in OPERATIONS else (_spelt(name, WORDS[name]), str(WORDS[name].__doc__))
        parts.append(f"## `{name}`\n\n`{spelt}`\n\n{told.strip().replace('``', '`')}\n")
        parts += [_example(example) for example in examples if example.function == name]
    parts.append("## Conditions and fields\n\n| written | means |\n|---|---|")
    parts += [f"| `{written}` | {means} |" for written, means in CONDITIONS]
    parts.append("\n## The vocabulary\n")
    parts.append("Tables for context only (charges, registrations and others) can be written, and are refused.\n")
    parts.append("| name | what | fields |\n|---|---|---|")
    parts += [_named(name, value) for name, value in vocabulary().items() if not _context(value)]
    return "\n".join(parts) + "\n"


def _spelt(name: str, function: Callable[..., object]) -> str:
    said = []
    for one in inspect.signature(function).parameters.values():
        default = "" if one.default is one.empty else "=..." if one.default is None else f'="{one.default}"'
        said.append(f"{one.name}=..." if one.kind is one.KEYWORD_ONLY and not default else f"{one.name}{default}")
    return f"{name}({', '.join(said)})"


def _example(example: Example) -> str:
    lines = [f"```\n{example.text}\n```\n"]
    definition = example.register.used[0].definition
    lines.append(f"*{definition.in_words()}*; {definition.missing_in_words()}.")
    if example.note:
        lines.append(example.note)
    if example.not_shared:
        lines.append(f"Here {', '.join(sorted(example.not_shared))} shares nothing.")
    lines.append(f"\n| person | events | on {_day(example.as_of)} | why |\n|---|---|---|---|")
    for person in example.people:
        value = "missing" if person.expected is None else _value(example, person.expected)
        lines.append(f"| {person.label} | {_events(example, person)} | **{value}** | {person.note} |")
    return "\n".join(lines) + "\n"


def _value(example: Example, value: float) -> str:
    if example.definition.yields == "yes_no":
        return "yes" if value else "no"
    return f"{value:g}"


def _events(example: Example, person: Person) -> str:
    tables = {name for one in example.people for name, _ in one.events}
    said = []
    for name, row in person.events:
        known = "" if row["recorded_on"] == row["occurred_on"] else f", recorded {_day(row['recorded_on'])}"
        more = "".join(
            f", {key} {_said(value)}" for key, value in row.items() if key not in ("occurred_on", "recorded_on")
        )
        said.append(f"{name + ' ' if len(tables) > 1 else ''}{_day(row['occurred_on'])}{known}{more}")
    if person.born is not None:
        said.insert(0, f"born {_day(person.born)}")
    if person.unknown_to:
        said.append(f"not known to {', '.join(sorted(person.unknown_to))}")
    return "<br>".join(said) or "none"


def _said(value: object) -> str:
    if isinstance(value, dt.date):
        return _day(value)
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)


def _day(day: dt.date) -> str:
    return f"{day.day} {day:%B %Y}"


def _context(value: Rows | Field) -> bool:
    return value.contract.context_only


def _named(name: str, value: Rows | Field) -> str:
    if isinstance(value, Field):
        return f"| `{name}` | the field `{value.contract.name}.{value.name}` | |"
    if value.conditions:
        return f"| `{name}` | {value.in_words()} | those of `{value.contract.name}` |"
    topics = value.contract.fields[value.contract.topic[0]].values if value.contract.topic else ()
    fields = [f"`{field}` ({_kind(spec)})" for field, spec in value.contract.fields.items()]
    by_topic = f"; by topic {', '.join(f'`{topic}`' for topic in topics)}" if topics else ""
    return f"| `{name}` | {value.contract.name_many()} | {', '.join(fields)}{by_topic} |"


def _kind(spec: FieldSpec) -> str:
    codes = f": {', '.join(spec.values)}" if spec.values else ""
    return f"{spec.kind.replace('_', '/')}{codes}"


PAGES = {"extracts.md": extracts, "features.md": features, "language.md": language, "outcomes.md": outcomes}


def main() -> None:
    """Write every page of the reference."""
    FOLDER.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
