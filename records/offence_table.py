"""The offence table: five-digit codes with group, category and severity band; shipped, and a partnership's own lines.

A partnership adds codes, or puts another group or band to a shipped one, in the ``offences.csv`` of its workspace.
What the shipped table says never counts, because the offence was repealed, no line of its own brings back.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from desist.records.errors import Problem, Refused
from desist.records.hashing import hash_json

SHIPPED_VERSION = "2026-10"
#: Columns of the shipped table and of a partnership's own lines.
COLUMNS = ("code", "description", "broad_group", "category", "band", "violent", "neighbourhood", "counts")
#: The twelve published broad groups (DOMAIN section 5).
BROAD_GROUPS = (
    "burglary",
    "criminal damage",
    "drugs",
    "fraud and forgery",
    "indictable motoring",
    "other indictable",
    "other summary",
    "robbery",
    "sexual",
    "summary motoring",
    "theft and handling",
    "violence against the person",
)
#: The twenty-four actuarial categories (DOMAIN section 5).
CATEGORIES = (
    "absconding or bail",
    "acquisitive violence",
    "burglary domestic",
    "burglary other",
    "criminal damage",
    "drink driving",
    "drug import export or production",
    "drug possession or supply",
    "drunkenness",
    "firearms most serious",
    "firearms other",
    "fraud and forgery",
    "handling",
    "motoring",
    "other",
    "public order and harassment",
    "sexual against child",
    "sexual not against child",
    "theft not motor",
    "vehicle-related theft",
    "violence at or above ABH",
    "violence below ABH",
    "weapons not firearm",
    "welfare fraud",
)
#: What ``counts`` says: a proven offence; a breach, kept as history and no new offence; repealed, so refused at intake.
COUNTS, BREACH, REPEALED = "1", "breach", "0"
_CODE = re.compile(r"[0-9]{5}", re.ASCII)
_LONGEST = 80


@dataclass(frozen=True)
class Offence:
    """One five-digit offence code with its groupings. ``counts`` is false for breaches and repealed offences.

    ``repealed``: convictions of it are disregarded, and not even kept (REQUIREMENTS INT-11).
    """

    code: str
    description: str
    broad_group: str
    category: str
    band: int
    violent: bool
    neighbourhood: bool
    counts: bool
    repealed: bool = False

    @property
    def reported_by_victims(self) -> bool:
        """Whether police mostly learn of it from the person it was done to, rather than by patrol, search or stop.

        Violence against the person without possession of a weapon, robbery, burglary, theft from the person. This
        toolkit's own choice: what is found by looking depends on where and at whom police look.
        """
        if self.broad_group in ("robbery", "burglary"):
            return True
        if self.broad_group == "violence against the person":
            return not self.category.startswith(("weapons", "firearms"))
        return self.category == "theft not motor" and self.neighbourhood


@dataclass(frozen=True)
class OffenceTable:
    """Every code that is mapped. ``version`` changes with any line, also with one of the partnership's own."""

    by_code: Mapping[str, Offence]
    version: str
    own: frozenset[str] = frozenset()


def shipped_table() -> OffenceTable:
    """The table that comes with the toolkit; its bands 1 to 5 are the toolkit's own (DOMAIN section 5)."""
    text = (resources.files("desist.records") / "data" / "offences.csv").read_text(encoding="utf-8")
    found = _read(text, "the shipped offence table")
    return OffenceTable({offence.code: offence for offence in found}, f"{SHIPPED_VERSION}-{_hash_of(found)}")


def _hash_of(offences: Iterable[Offence]) -> str:
    """Changes with any cell of any line, and not with the lines' order or with comments."""
    return hash_json({one.code: [str(getattr(one, name)) for name in vars(one)] for one in offences})[:12]


def with_own_lines(shipped: OffenceTable, path: Path) -> OffenceTable:
    """The shipped table with the partnership's own lines added, and in place of shipped lines of the same code.

    Raises Refused naming every line that is none, or that would make a repealed offence count again.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        problem = Problem("text that is not UTF-8", path.name, "UTF-8", "Save it as CSV UTF-8 and try again.")
        raise Refused(f"The partnership's own offences in {path} cannot be read.", [problem]) from None
    own = {offence.code: offence for offence in _read(text, path.name, shipped)}
    if not own:
        return shipped
    version = f"{shipped.version}+{_hash_of(own.values())}"
    return OffenceTable({**shipped.by_code, **own}, version, frozenset(own))


def _read(text: str, where: str, shipped: OffenceTable | None = None) -> list[Offence]:
    reader = csv.DictReader(line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    if reader.fieldnames is not None and set(reader.fieldnames) != set(COLUMNS):
        problem = Problem("another header", where, ",".join(COLUMNS), "Write the header so, in the first line.")
        raise Refused(f"The offences in {where} cannot be read.", [problem])
    problems: list[Problem] = []
    found: dict[str, Offence] = {}
    for number, row in enumerate(reader, start=1):
        place = f"{where}, entry {number}"
        faults = [*_faults(row, place), *_brought_back(row, place, shipped)]
        if not faults and row["code"] in found:
            faults = [Problem(f"the code {row['code']} twice", place, "each code once", "Take one of them out.")]
        problems += faults
        if not faults:
            found[row["code"]] = _offence(row)
    if problems:
        raise Refused(f"The offences in {where} have {len(problems)} problems.", problems)
    return list(found.values())


def _offence(row: Mapping[str, str]) -> Offence:
    return Offence(
        code=row["code"],
        description=row["description"].strip(),
        broad_group=row["broad_group"],
        category=row["category"],
        band=int(row["band"]),
        violent=row["violent"] == "1",
        neighbourhood=row["neighbourhood"] == "1",
        counts=row["counts"] == COUNTS,
        repealed=row["counts"] == REPEALED,
    )


def _faults(row: Mapping[str | None, str | None], place: str) -> list[Problem]:
    """Cells of one line that are not what their column holds; more or fewer cells than columns."""
    if None in row or None in row.values():
        cells = Problem("another number of cells than the header", place, f"{len(COLUMNS)} cells",
                        "Mend the line: a description with a comma stands in quotation marks.")  # fmt: skip
        return [cells]
    allowed: dict[str, tuple[str, ...]] = {
        "broad_group": BROAD_GROUPS,
        "category": CATEGORIES,
        "band": ("1", "2", "3", "4", "5"),
        "violent": ("0", "1"),
        "neighbourhood": ("0", "1"),
        "counts": (COUNTS, BREACH, REPEALED),
    }
    problems = [
        Problem(f"{name} = {str(row[name])[:40]!r}", place, f"one of {', '.join(values)}", f"Correct `{name}`.")
        for name, values in allowed.items()
        if row[name] not in values
    ]
    if not _CODE.fullmatch(str(row["code"])):
        problems.append(
            Problem(f"code = {str(row['code'])[:40]!r}", place, "five digits",
                    "Write leading zeros: Excel takes them away, so mark the column as text.")
        )  # fmt: skip
    if not 0 < len(str(row["description"]).strip()) <= _LONGEST:
        problems.append(
            Problem("a description that is empty or long", place, f"up to {_LONGEST} characters", "Say the offence.")
        )
    return problems


def _brought_back(row: Mapping[str, str], place: str, shipped: OffenceTable | None) -> list[Problem]:
    """A line that would keep, or count, an offence that the shipped table says is repealed."""
    before = shipped.by_code.get(row["code"]) if shipped and row.get("code") else None
    if before is None or not before.repealed or row.get("counts") == REPEALED:
        return []
    return [
        Problem(f"code {before.code}, which was repealed, with counts = {row.get('counts')!r}", place, "counts = 0",
                "Convictions of a repealed offence are disregarded: take the line out.")
    ]  # fmt: skip
