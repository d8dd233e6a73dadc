"""The published tables of a folder as instruments, checked against the reference cases that lie beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from desist.fairness.comparators.offences import OffenceCodes, read_offence_codes
from desist.fairness.comparators.ogrs3 import BAND_STARTS, OFFENCE_GROUPS, Ogrs3
from desist.fairness.comparators.predictors import Arp, Predictor, Svrp, Vrp
from desist.fairness.comparators.tables import COEFFICIENTS, OGRS3, Bands, Key, Reader, read_bands
from desist.fairness.comparators.terms import OFFENCE_CATEGORIES, PREDICTORS, VERSIONS, shape_of
from desist.records.errors import Refused

_CLASSES: Mapping[str, type[Predictor]] = {one.name: one for one in (Arp, Vrp, Svrp)}
_STATUS = ("firstTimeNoCaution", "repeatOffender")


@dataclass(frozen=True)
class Instruments:
    """Every instrument of a folder; ``predictors`` by name and version, such as ("ARP", "static")."""

    ogrs3: Ogrs3
    predictors: Mapping[tuple[str, str], Predictor]
    offence_codes: OffenceCodes


def load_instruments(folder: Path, offence_codes: Path | None = None) -> Instruments:
    """The instruments of ``folder``; the table of offence codes may lie in another folder.

    Raises Refused with every problem of every table: a file, column or coefficient that is missing, stands there
    twice, has another name, or is no number.
    """
    reader = Reader(folder)
    bands = read_bands(reader, (*PREDICTORS, "OGRS3"), ("VRP", "SVRP"))
    predictors = _predictors(reader, bands)
    ogrs3 = _ogrs3(reader, bands)
    beside = Reader(offence_codes or folder, reader.problems)
    codes = read_offence_codes(beside, ogrs3.offences if ogrs3 else {})
    if reader.problems or ogrs3 is None or codes is None:
        raise Refused(f"The instruments' tables in {folder} cannot be used as they stand:", reader.problems)
    return Instruments(ogrs3, predictors, codes)


def _predictors(reader: Reader, bands: Mapping[str, Bands]) -> dict[tuple[str, str], Predictor]:
    """Each predictor whose table is whole; what is wrong with the others is told to the reader."""
    key = ("predictor", "version", "kind", "name")
    rows = [row for row in reader.rows(COEFFICIENTS, (*key, "value")) if row["predictor"] in PREDICTORS]
    values = reader.numbers(rows, key, COEFFICIENTS)
    if not values:
        if not reader.problems:
            reader.wrong("no row", COEFFICIENTS, f"coefficients of {', '.join(PREDICTORS)}")
        return {}
    made = {}
    for name in PREDICTORS:
        for version in VERSIONS:
            terms, offences = (_of(values, name, version, kind) for kind in ("term", "offence_category"))
            where = f"{COEFFICIENTS} {name} {version}"
            reader.exactly(terms, shape_of(name, version).terms(), where)
            reader.exactly(offences, OFFENCE_CATEGORIES, where)
            if name in bands:
                made[name, version] = _CLASSES[name](version, terms, offences, bands[name])
    for row in values:
        if row[1] not in VERSIONS or row[2] not in ("term", "offence_category"):
            reader.wrong(" ".join(row[1:3]), f"{COEFFICIENTS} {row[0]} {row[3]}", "a known version and kind")
    return made


def _of(values: Mapping[Key, float], name: str, version: str, kind: str) -> dict[str, float]:
    return {key[3]: value for key, value in values.items() if key[:3] == (name, version, kind)}


def _ogrs3(reader: Reader, bands: Mapping[str, Bands]) -> Ogrs3 | None:
    """The scale, or None where its table is not whole. Bands of children are not asked for."""
    before = len(reader.problems)
    values = reader.numbers(reader.rows(OGRS3, ("term", "level", "value")), ("term", "level"), OGRS3)
    found: dict[str, dict[str, float]] = {}
    for (term, level), value in values.items():
        found.setdefault(term, {})[level] = value
    if not found:
        return None
    ages = {sex: found.get(f"{sex}_age_at_risk", {}) for sex in ("male", "female")}
    for sex, told in ages.items():
        adults = {level: value for level, value in told.items() if level[:2] >= "18"}
        reader.exactly(adults, BAND_STARTS.values(), f"{OGRS3} {sex}_age_at_risk")
    needed = {"intercept": ("one_year", "two_year"), "copas_rate": ("",), "offence_group": OFFENCE_GROUPS}
    for term, levels in needed.items():
        reader.exactly(found.get(term, {}), levels, f"{OGRS3} {term}")
    status = {level: value for level, value in found.get("conviction_status", {}).items() if level in _STATUS}
    reader.exactly(status, _STATUS, f"{OGRS3} conviction_status")
    if len(reader.problems) > before or "OGRS3" not in bands:
        return None
    return Ogrs3(
        one_year=found["intercept"]["one_year"],
        two_years=found["intercept"]["two_year"],
        ages={sex: {start: told[level] for start, level in BAND_STARTS.items()} for sex, told in ages.items()},
        first_time=status[_STATUS[0]],
        repeat=status[_STATUS[1]],
        copas=found["copas_rate"][""],
        career_years=bands["OGRS3"].sanctions_years,
        offences=found["offence_group"],
    )
