"""What tests of the quarantine and of corrected rows share: rows with faults, and sending them back corrected."""

import datetime as dt

from desist.intake.holding.store import pieces
from desist.intake.reading.corrected_rows import correct_rows
from desist.intake.reading.quarantine import waiting
from desist.intake.terms.contracts import CONTRACTS

SANCTION = {"subject_category": "convicted", "record_kind": "fact", "occurred_on": "2025-03-01",
            "recorded_on": "2025-03-02", "offence_code": "04600", "sanction_date": "2025-03-02",
            "sanction_type": "conviction", "count": "1"}  # fmt: skip
TODAY = dt.date(2026, 10, 1)


class Killed(BaseException):
    pass


def known_to_police(partnership):
    """N1 and N2 known to the police; lines 3 to 6 of pol_sanction each have a fault of their own."""
    partnership.identity("police", "N1")
    partnership.identity("police", "N2", dob="2000-06-15")
    partnership.row("police", "pol_sanction", agency_person="N1", **SANCTION)
    for cells in (
        {"sanction_date": "02/03/2025", "disposal": "Fine"},
        {"agency_person": "N9"},
        {"subject_category": "victim", "disposal": "Zzyzx"},
        {"offence_code": ""},
    ):
        partnership.row("police", "pol_sanction", **{"agency_person": "N1", **SANCTION, **cells})
    return partnership


def correct(partnership, rows, *, table="pol_sanction", source=None, columns=None, today=TODAY, head=""):
    """Write rows as the agency would send them back and read them in."""
    path = partnership.root / "corrected.csv"
    names = columns or ["line", *dict.fromkeys(name for row in rows for name in row if name != "line")]
    names += [name for name in needed(partnership, table) if name not in names and columns is None]
    text = [",".join(names), *(",".join(row.get(name, "") for name in names) for row in rows)]
    path.write_text(head + "\n".join(text) + "\n", encoding="utf-8")
    return correct_rows(path, partnership.workspace, table=table, source=source, encoding="utf-8", today=today,
                        purpose="iom_selection_support", log=partnership.log, actor="an.alyst", key=b"k")  # fmt: skip


def needed(partnership, table):
    return CONTRACTS[table].names


def sanction(line, **cells):
    return {"line": str(line), "agency_person": "N1", **SANCTION, "disposal": f"of {line}", **cells}


def lines_of(partnership, table="pol_sanction", source=None):
    [found] = waiting(partnership.store, table=table, source=source).tables
    return found.lines


def sums(partnership, table="pol_sanction", source="police"):
    """(read, accepted, quarantined, replaced) of the extract and then of each correction."""
    return [
        (one["rows_read"], one["accepted"], sum(one["quarantined"].values()), one.get("replaced", 0))
        for one in pieces(partnership.store.extract(source, table))
    ]
