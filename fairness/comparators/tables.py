"""Published tables as files in a caller's folder, read with every problem found before any is used."""

from __future__ import annotations

import csv
import gzip
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from desist.records.errors import Problem

COEFFICIENTS = "hmpps_predictor_coefficients.csv"
BANDS = "hmpps_predictor_bands.csv"
OGRS3 = "ogrs3_coefficients.csv"
OFFENCE_CODES = "ho_offence_codes_actuarial_categories.csv.gz"

Key = tuple[str, ...]


@dataclass
class Reader:
    """Reads tables of one folder and keeps every problem, so that all are told at once."""

    folder: Path
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, found: str, where: str, expected: str, remedy: str = "Take the published table again.") -> None:
        self.problems.append(Problem(found, where, expected, remedy))

    def rows(self, file: str, columns: Sequence[str]) -> list[dict[str, str]]:
        """The rows of a CSV file; none where it is not there, cannot be read, or lacks a column."""
        path = self.folder / file
        try:
            content = path.read_bytes()
            text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8-sig")
            lines = csv.DictReader(text.splitlines(), strict=True)
            missing = [name for name in columns if name not in (lines.fieldnames or ())]
            if missing:
                self.wrong(f"the columns {list(lines.fieldnames or ())}", file, f"also {', '.join(missing)}")
                return []
            return [{name: (row[name] or "").strip() for name in columns} for row in lines]
        except FileNotFoundError:
            self.wrong("no such file", file, "the published table in the folder named", "Put it there.")
        except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
            self.wrong(f"a file that cannot be read ({error})", file, "a CSV file in UTF-8")
        return []

    def number(self, text: str, where: str) -> float:
        """A finite number; NaN and a problem for anything else."""
        try:
            found = float(text)
        except ValueError:
            found = math.nan
        if not math.isfinite(found):
            self.wrong(repr(text[:40]) if text else "nothing", where, "a number")
            return math.nan
        return found

    def numbers(self, rows: Iterable[Mapping[str, str]], key: Sequence[str], file: str) -> dict[Key, float]:
        """``value`` by the key columns; a key that stands there twice is a problem."""
        found: dict[Key, float] = {}
        for row in rows:
            name = tuple(row[column] for column in key)
            where = f"{file} {' '.join(part for part in name if part)}"
            if name in found:
                self.wrong("two rows", where, "one row for one coefficient")
            found[name] = self.number(row["value"], where)
        return found

    def exactly(self, found: Iterable[str], expected: Iterable[str], where: str) -> None:
        """A problem for each name that is missing, and for each that the published formula does not have."""
        found, expected = set(found), set(expected)
        for name in sorted(expected - found):
            self.wrong("no row", f"{where} {name}", "a coefficient of that name")
        for name in sorted(found - expected):
            self.wrong("a row that the formula does not have", f"{where} {name}", "no such row, or its right name")


@dataclass(frozen=True)
class Bands:
    """Where the published bands of one predictor begin, per cent over two years, and its career constants in years."""

    medium: float
    high: float
    very_high: float
    sanctions_years: float
    violent_years: float


def read_bands(reader: Reader, names: Sequence[str], violent: Sequence[str]) -> dict[str, Bands]:
    """Bands by predictor; ``violent``: those whose formula needs the constant of violent careers too."""
    limits = ("medium_lower", "high_lower", "very_high_lower")
    careers = ("career_boost_sanctions_years", "career_boost_violent_years")
    rows = {row["predictor"]: row for row in reader.rows(BANDS, ("predictor", *limits, *careers))}
    found = {}
    for name in names if rows else ():
        if name not in rows:
            reader.wrong("no row", f"{BANDS} {name}", "the bands of that predictor")
            continue
        needed = (*limits, careers[0], *(careers[1:] if name in violent else ()))
        told = {column: reader.number(rows[name][column], f"{BANDS} {name} {column}") for column in needed}
        steps = [told[column] for column in limits]
        if all(map(math.isfinite, steps)) and not 0 < steps[0] < steps[1] < steps[2] < 100:
            reader.wrong(str(steps), f"{BANDS} {name}", "three rising limits between 0 and 100")
        if any(told[column] <= 0 for column in needed[3:]):
            reader.wrong("0 or less", f"{BANDS} {name}", "years above 0")
        found[name] = Bands(steps[0], steps[1], steps[2], told[careers[0]], told.get(careers[1], math.nan))
    return found
