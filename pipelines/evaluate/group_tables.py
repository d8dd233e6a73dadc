"""The tables by group of an evaluation's page: all its counts protected in one call, and rates of shown counts.

Unless the data are published: rates are whole per cents, and a ratio is that of the two per cents beside each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from desist.fairness.statistics.group_measures import GroupRow, Measure
from desist.measures.disclosure import HIDDEN, PARTNERSHIP, PUBLIC, Audience, may_show_rate, rounding_notes, used_notes
from desist.measures.linked import MARK, Table, protect_tables
from desist.measures.rates import LIST_RATES
from desist.pipelines.evaluate.audit import NEEDS_A_CHANCE, AuditOf
from desist.reports.pages import Cell, TextTable

# Published records about no caseload: nothing to hide, and rounding would hide what others printed.
PUBLIC_DATA = Audience("public_data", hide_below=1, round_to=1, least_people=1)
AUDIENCES: Mapping[str, Audience] = {"public_data": PUBLIC_DATA, "partnership": PARTNERSHIP, "public": PUBLIC}

CELLS = {"tn": "TN", "fp": "FP", "fn": "FN", "tp": "TP"}
RATES = {"base_rate": "Base rate", "selection": "High", "fpr": "FPR", "fnr": "FNR", "fdr": "FDR", "for": "FOR"}
QUALITY = {
    "auc": ("AUC", 3),
    "mean_estimate": ("Mean estimate", 3),
    "calibration_in_the_large": ("Too high by", 3),
    "brier": ("Brier", 4),
}
#: Each cell by the outcome and by what the score says.
_PLACES = {"tp": ("yes", "high"), "fp": ("no", "high"), "fn": ("yes", "low"), "tn": ("no", "low")}
#: The group's outcomes, of which the base rate is made, as cells of their own.
_OUTCOMES = ("yes", "no")
_MADE_OF: Mapping[str, tuple[str, ...]] = {rate.name: rate.whole for rate in LIST_RATES} | {"base_rate": _OUTCOMES}


@dataclass(frozen=True)
class ShownGroups:
    """The shown text of each count of a page: by audit, characteristic, group and cell ("n" for the group's rows)."""

    cells: Mapping[tuple[int, str, str, str], str]
    audience: Audience

    @property
    def exact(self) -> bool:
        """Whether the data are published, so that numbers stand as they were computed."""
        return self.audience == PUBLIC_DATA

    def tables_of(self, number: int, told: AuditOf) -> list[TextTable]:
        """The tables of one audit: counts, rates, ratios to the reference group, order and calibration."""
        return [
            table
            for name, rows in told.audit.tables.items()
            for table in (
                self._counts(number, name, rows), self._rates(number, name, rows),
                self._ratios(number, name, rows, told), self._quality(number, name, rows, told),
            )
        ]  # fmt: skip

    def _counts(self, number: int, name: str, rows: Sequence[GroupRow]) -> TextTable:
        texts = [
            (row.group, *(self.cells[number, name, row.group, cell] for cell in ("n", *CELLS))) for row in rows
        ]
        notes = [*used_notes([text for row in texts for text in row]), *rounding_notes(self.audience)]
        return TextTable(f"Counts by {_title(name)}", ("Group", "n", *CELLS.values()), tuple(texts), tuple(notes))

    def _rates(self, number: int, name: str, rows: Sequence[GroupRow]) -> TextTable:
        return TextTable(
            f"Rates by {_title(name)}", ("Group", *RATES.values()),
            tuple((row.group, *(self._rate(number, name, row, rate) for rate in RATES)) for row in rows),
        )  # fmt: skip

    def _ratios(self, number: int, name: str, rows: Sequence[GroupRow], told: AuditOf) -> TextTable:
        reference, over = told.references[name], told.ratios[name]
        beside = next((row for row in rows if row.group == reference), None)
        return TextTable(
            f"Ratios to {reference}, by {_title(name)}", ("Group", *RATES.values()),
            tuple(
                (row.group, *(self._ratio(number, name, row, beside, rate, over[row.group][rate]) for rate in RATES))
                for row in rows
                if row.group in over
            ),
        )  # fmt: skip

    def _quality(self, number: int, name: str, rows: Sequence[GroupRow], told: AuditOf) -> TextTable:
        metrics = [metric for metric in QUALITY if told.judged.chance or metric not in NEEDS_A_CHANCE]
        return TextTable(
            f"Order and calibration by {_title(name)}", ("Group", *(QUALITY[metric][0] for metric in metrics)),
            tuple((row.group, *(self._number(number, name, row, metric) for metric in metrics)) for row in rows),
        )  # fmt: skip

    def may_show(self, number: int, name: str, row: GroupRow, rate: str) -> bool:
        """Whether a rate of a group may be shown: all its counts are, and neither side of it is a small count."""
        measure = row.measures[rate]
        if any(self.cells[number, name, row.group, cell] == HIDDEN for cell in ("n", *_MADE_OF[rate])):
            return False
        if measure.value is None:
            return True
        return may_show_rate(measure.denominator, round(measure.value * measure.denominator), self.audience)

    def _rate(self, number: int, name: str, row: GroupRow, rate: str) -> Cell:
        if not self.may_show(number, name, row, rate):
            return HIDDEN
        return _with_range(row.measures[rate], ".4f" if self.exact else ".0%", ".3f" if self.exact else ".0%")

    def _ratio(
        self, number: int, name: str, row: GroupRow, beside: GroupRow | None, rate: str, ratio: float | None
    ) -> str:
        if beside is None or not all(self.may_show(number, name, one, rate) for one in (row, beside)):
            return HIDDEN
        if not self.exact:
            mine, theirs = (one.measures[rate].value for one in (row, beside))
            printed = [None if value is None else int(f"{value:.0%}"[:-1]) for value in (mine, theirs)]
            return f"{printed[0] / printed[1]:.2f}" if printed[0] is not None and printed[1] else "[x]"
        return "[x]" if ratio is None else f"{ratio:.6f}"

    def _number(self, number: int, name: str, row: GroupRow, metric: str) -> Cell:
        if not self.may_show(number, name, row, "base_rate") or not may_show_rate(row.people, None, self.audience):
            return HIDDEN
        form = f".{QUALITY[metric][1] if self.exact else 2}f"
        return _with_range(row.measures[metric], form, form)


def shown_groups(audits: Sequence[AuditOf], audience: Audience) -> ShownGroups:
    """All counts by group on a page, protected together.

    Audits of the same rows and outcomes share the sizes of groups and their outcomes: what one of them hides, no
    other gives away. Audits of other rows are other people.
    """
    people: dict[tuple[bytes, bytes], str] = {}
    tables: dict[str, Table] = {}
    for number, told in enumerate(audits):
        rows = (np.asarray(told.judged.positions).tobytes(), np.asarray(told.judged.y).tobytes())
        who = people.setdefault(rows, f"rows {len(people)}")
        for name, groups in told.audit.tables.items():
            tables |= {table.name: table for table in _linked(number, name, groups, who)}
    shown = protect_tables(list(tables.values()), audience).cells if tables else {}
    found = {}
    for number, told in enumerate(audits):
        for name, groups in told.audit.tables.items():
            by_group, by_outcome = tables[f"{number} {name} all"], tables[f"{number} {name}"]
            for row in groups:
                at, key = _plain(row.group), (number, name, row.group)
                found[*key, "n"] = shown[by_group.row_key(at)]
                found |= {(*key, one): shown[by_outcome.row_key((at, one))] for one in _OUTCOMES}
                found |= {(*key, cell): shown[by_outcome.cell_key((at, outcome), says)]
                          for cell, (outcome, says) in _PLACES.items()}  # fmt: skip
    return ShownGroups(found, audience)


def _linked(number: int, name: str, rows: Sequence[GroupRow], who: str) -> list[Table]:
    """The groups' rows, their outcomes by what the score says, and the same of everybody."""
    by, says = _plain(name), pd.Index(["high", "low"], name=f"score {number}")
    groups = pd.Index([_plain(row.group) for row in rows], name=by)
    sizes = pd.DataFrame({"rows": [row.tp + row.fp + row.fn + row.tn for row in rows]}, index=groups)
    pairs = pd.MultiIndex.from_product([groups, _OUTCOMES], names=[by, "outcome"])
    counts = pd.DataFrame(
        [cells for row in rows for cells in ((row.tp, row.fn), (row.fp, row.tn))], index=pairs, columns=says
    )
    everybody = counts.groupby(level="outcome").sum().loc[list(_OUTCOMES)]
    return [
        Table(f"{number} {name} all", sizes, people=who), Table(f"{number} {name}", counts, people=who),
        Table(f"{number} everybody", everybody, people=who),
    ]  # fmt: skip


def _with_range(measure: Measure, form: str, of_ends: str) -> Cell:
    if measure.value is None:
        return "[x]"
    ends = "" if measure.low is None or measure.high is None else f"{measure.low:{of_ends}} to {measure.high:{of_ends}}"
    return (f"{measure.value:{form}}", ends)


def _title(name: str) -> str:
    return name.replace("_", " ")


def _plain(name: str) -> str:
    """A name without the sign that keys are put together with."""
    return name.replace(MARK, "/")
