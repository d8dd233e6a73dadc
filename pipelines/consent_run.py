"""What withdrawing consent to share treatment does to estimates: worked out for the board, in counts.

Help that was sought may only lower an estimate or leave it. So whoever withdraws consent can only go up or stay:
that is a price of privacy, and the board is told how large it is. Everybody known to treatment is estimated once
more as if they were not; nothing is kept of that but counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from desist.fairness.policy import CutOffs
from desist.fairness.statistics.intervals import wilson
from desist.features.engines.compiled import build_profiles
from desist.features.events import Events
from desist.features.tables import ROW
from desist.intake.terms.agreements import CONSENT_SOURCES
from desist.measures.audience import HIDDEN, PARTNERSHIP
from desist.measures.linked import ProtectedTables, Table, protect_tables
from desist.models.files import Model
from desist.pipelines.estimates import DIGITS, why_none
from desist.pipelines.ground import Built, Ground
from desist.pipelines.steps_of import step_of
from desist.pipelines.training import Training

HIGHER, SAME, LOWER = "higher", "the same", "lower"
YES, NO = "yes", "no"
_STEP, _REVIEW, _ROW = "step", "review", "known to treatment"
JUDGES, TODAY = "people who judged the audit", "people with an estimate on today's caseload"


@dataclass(frozen=True)
class Withdrawn:
    """People known to treatment, as they would stand without it. ``people``: who they are, in words; exact counts.

    ``review``: how many more would reach the cut-off that brings a case to review.
    """

    people: str
    higher: int
    same: int
    lower: int
    review: int

    @property
    def all(self) -> int:
        return self.higher + self.same + self.lower


@dataclass(frozen=True)
class Consent:
    """What withdrawal would do. ``found`` holds exact counts and stays in memory; ``shown`` is what leaves.

    ``shared``: whether any treatment data is; ``raised_by_treatment``: a count that is shown says that people would
    stand lower without it, which no approved model allows. Where the count is hidden it says nothing.
    """

    shared: bool
    found: tuple[Withdrawn, ...]
    shown: ProtectedTables | None

    @property
    def raised_by_treatment(self) -> bool:
        return any(cell not in ("0", HIDDEN) for cell in self._cells(_STEP, LOWER))

    @property
    def _nobody_moves(self) -> bool:
        """Whether the shown counts say so; a hidden one says nothing."""
        cells = [*self._cells(_STEP, HIGHER), *self._cells(_STEP, LOWER), *self._cells(_REVIEW, YES)]
        return bool(cells) and set(cells) == {"0"}

    def _cells(self, name: str, column: str) -> list[str]:
        """The cells of one column as they are shown, of all people asked about."""
        tables: Mapping[str, Any] = self.shown.tables if self.shown else {}
        return [str(table.cells.loc[_ROW, column]) for key, table in tables.items() if key.endswith(f" by {name}")]

    def words(self) -> tuple[str, ...]:
        """For the board, from rounded counts alone."""
        return tuple(self._words())

    def _words(self) -> Iterator[str]:
        if not self.shared:
            yield "No treatment data is shared, so nobody's estimate rests on consent to share it"
            return
        yield (
            "Whoever withdraws consent to share treatment has their treatment facts, and nothing else, left out from "
            "the next list on. Treatment may only lower an estimate or leave it, so without it an estimate can only "
            "rise or stay"
        )
        for one in self.found:
            yield self._told(one)
        if self._nobody_moves:
            yield "By these counts, which are rounded, nobody would stand on another step"
            return
        if self.raised_by_treatment:
            yield "Some would stand on a lower step without it: treatment raises an estimate, which no model may do"
        yield (
            "Consent that costs a higher estimate to withdraw is hardly free. Say so where consent is asked for, and "
            "weigh whether treatment should count at all"
        )

    def _told(self, one: Withdrawn) -> str:
        assert self.shown is not None
        if not one.all:
            return f"Of {one.people} nobody is known to treatment"
        rows = {name: self.shown.tables[f"{one.people} by {name}"] for name in (_STEP, _REVIEW)}
        known = rows[_STEP].row_totals[_ROW]
        higher, review = str(rows[_STEP].cells.loc[_ROW, HIGHER]), str(rows[_REVIEW].cells.loc[_ROW, YES])
        return (
            f"Of {one.people}, {known} are known to treatment: if they all withdrew, {higher} of them would stand on a "
            f"higher step{_share(higher, known)}, and {review} more would be brought to review"
        )

    def as_json(self) -> dict[str, Any]:
        """Rounded cells and markers alone; no exact count leaves."""
        tables: Mapping[str, Any] = self.shown.tables if self.shown else {}
        return {
            "treatment_shared": self.shared,
            "raised_by_treatment": self.raised_by_treatment,
            "tables": {
                name: {"cells": table.cells.loc[_ROW].to_dict(), "all": table.row_totals[_ROW], "notes": table.notes()}
                for name, table in tables.items()
            },
            "words": list(self.words()),
        }


def _share(part: str, of: str) -> str:
    """The share with its interval, from the rounded counts as shown; empty where either is hidden."""
    try:
        successes, people = (int(text.replace(",", "")) for text in (part, of))
    except ValueError:
        return ""
    interval = wilson(min(successes, people), people)
    if interval.value is None or interval.low is None or interval.high is None:
        return ""
    told = [round(100 * value) for value in (interval.value, interval.low, interval.high)]
    return f" ({told[0]} of 100, range {told[1]} to {told[2]})"


def find_consent(ground: Ground, training: Training, model: Model, built: Built, cut_offs: CutOffs) -> Consent:
    """Judges by their last row, and today's caseload, with and without their treatment facts.

    ``model``: the file that would be released. ``built``: today's caseload, of which only counts leave.
    """
    if not set(CONSENT_SOURCES) & ground.events.shared:
        return Consent(False, (), None)
    judges = training.judging.sort_values(ROW[::-1], kind="stable").drop_duplicates("person_id", keep="last")
    members = pd.concat([one.cohort.members for one in training.built.values()], ignore_index=True)
    today = built.profiles.table
    people = today["person_id"].astype(str)
    estimated = today[~people.isin(why_none(ground, people.tolist(), built.as_of))]
    found = (
        _withdrawn(ground, model, judges, members, cut_offs, JUDGES),
        _withdrawn(ground, model, estimated, built.cohort.members, cut_offs, TODAY),
    )
    tables = [table for one in found if one.all for table in _tables(one)]
    return Consent(True, found, protect_tables(tables, PARTNERSHIP) if tables else None)


def _withdrawn(
    ground: Ground, model: Model, rows: pd.DataFrame, members: pd.DataFrame, cut_offs: CutOffs, people: str
) -> Withdrawn:
    known = _known_to_treatment(ground.events, rows)
    asked = rows[known].reset_index(drop=True)
    if asked.empty:
        return Withdrawn(people, 0, 0, 0, 0)
    cohort = asked[ROW].merge(members, on=ROW, how="left", validate="one_to_one")
    without = build_profiles(without_treatment(ground.events), cohort, ground.register).table
    before, after = (_chances(model, table) for table in (asked, without))
    steps = [np.array([step_of(one, cut_offs) for one in chances]) for chances in (before, after)]
    return Withdrawn(
        people,
        higher=int((steps[1] > steps[0]).sum()),
        same=int((steps[1] == steps[0]).sum()),
        lower=int((steps[1] < steps[0]).sum()),
        review=int(((after >= cut_offs.selection) & (before < cut_offs.selection)).sum()),
    )


def _known_to_treatment(events: Events, rows: pd.DataFrame) -> np.ndarray:
    pairs = zip(rows["person_id"].astype(str), pd.to_datetime(rows["as_of"]).dt.date, strict=True)
    known = [any(events.knows(source, person, day) for source in CONSENT_SOURCES) for person, day in pairs]
    return np.array(known, dtype=bool)


def without_treatment(events: Events) -> Events:
    """The same events after everybody withdrew: treatment is shared still, and knows nobody."""
    gone = {name for name, contract in events.contracts.items() if contract.source in CONSENT_SOURCES}
    tables = {name: table.iloc[:0] if name in gone else table for name, table in events.tables.items()}
    known = {source: {} if source in CONSENT_SOURCES else people for source, people in events.known.items()}
    return Events(tables, events.contracts, known, events.snapshots, events.unsent)


def _chances(model: Model, table: pd.DataFrame) -> np.ndarray:
    return np.asarray(np.round(model.predict_proba(table)[:, 1], DIGITS), dtype=float)


def _tables(one: Withdrawn) -> Iterator[Table]:
    for name, cells in (
        (_STEP, {HIGHER: one.higher, SAME: one.same, LOWER: one.lower}),
        (_REVIEW, {YES: one.review, NO: one.all - one.review}),
    ):
        counts = pd.DataFrame([cells], index=pd.Index([_ROW], name="treatment"))
        counts.columns.name = name
        yield Table(f"{one.people} by {name}", counts, one.people)
