"""Write docs/reference from the code, so that it cannot drift: python docs/make_reference.py (a test compares)."""

from __future__ import annotations

from pathlib import Path

from desist.features.standard_features import approval_features, standard_register
from desist.intake.contracts import CONTRACTS

FOLDER = Path(__file__).parent / "reference"

EXTRACTS_HEAD = """# Extracts as agencies send them

*Made by `python docs/make_reference.py` from the contracts in `intake/contracts.py`.*

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
```

Each agreement is one TOML file in the workspace's `agreements/` folder: `id`, `source`, `parties`, `purposes`,
`gateway`, `regime` (`part3` or `uk_gdpr`), `start`, `expires`, `retention_days`, `subject_categories`, `consent`
(`none` or `per_person`), `dpia`, `apd`, and a section `[tables]` that names the columns it covers.
`desist simulate try` writes working examples of both.

`occurred_on` is when it happened, `recorded_on` when the agency entered it; a column with *known from* stays unknown
until the date in that other column. A future date is refused except where the column says *may lie in the future*.
"""


def extracts() -> str:
    """The tables and columns that intake takes."""
    parts = [EXTRACTS_HEAD]
    for name, contract in CONTRACTS.items():
        parts.append(f"## `{name}` (from {', '.join(contract.sources)}; kept in the {contract.held_in})\n")
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
            kind = {"code": "code", "offence": "offence code, five digits"}.get(column.kind, column.kind)
            parts.append(f"| `{column.name}` | {kind} | {'yes' if column.required else ''} | {'; '.join(notes)} |")
        parts.append("")
    return "\n".join(parts)


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


PAGES = {"extracts.md": extracts, "features.md": features}


def main() -> None:
    """Write every page of the reference."""
    FOLDER.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
