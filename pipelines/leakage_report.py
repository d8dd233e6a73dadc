"""What a leakage check found, in words and as JSON: counts only, no person and no value."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from desist.pipelines.later_facts import Counts
from desist.records.errors import Problem, Refused

PASTS = {"append": "appended", "move": "moved", "hide": "hidden"}
NOT_TESTED = "not tested"
#: How the place of a feature begins.
FEATURE = "feature "
NOTHING_LATER = "nothing recorded on or after the date"
EMPTY = "an empty table"


@dataclass(frozen=True)
class Difference:
    """One place that moved: how many of its cells, of how many; for a feature also the event tables it asks."""

    place: str
    count: int
    of: int
    reads: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        return f"{self.place} (asks {', '.join(self.reads)})" if self.reads else self.place

    def as_json(self) -> dict[str, Any]:
        return {"place": self.place, "asks": list(self.reads), "cells": self.count, "of": self.of}


@dataclass(frozen=True)
class Perturbed:
    """One perturbation: what it changed in each table, what was compared, and what differed."""

    name: str
    counts: Mapping[str, Counts]
    compared: Mapping[str, int]
    differences: tuple[Difference, ...]

    @property
    def tested(self) -> bool:
        """Whether it changed anything at all; one that changed nothing could not fail."""
        return any(counts.tested for counts in self.counts.values())

    def as_json(self) -> dict[str, Any]:
        return {
            "tables": {
                table: {"rows": counts.rows, "later_facts": counts.facts, "tested": counts.tested}
                for table, counts in self.counts.items()
            },
            "tested": self.tested,
            "compared": dict(self.compared),
            "differences": [one.as_json() for one in self.differences],
        }

    def as_text(self) -> str:
        cells = ", ".join(f"{count:,} {what}" for what, count in self.compared.items())
        if not self.tested:
            return f"  {self.name:<8}{NOT_TESTED}: {NOTHING_LATER}"
        found = "0 differences" if not self.differences else f"DIFFERENCES in {len(self.differences)} places"
        return f"  {self.name:<8}{cells}: {found}"


@dataclass(frozen=True)
class Check:
    """One as-of date: who was in scope, and the perturbations.

    ``features``: the event tables that each asks. ``control``: what would have moved, had the appended records been
    made on the day before the date; what did not move then could not have failed.
    """

    as_of: dt.date
    people: int
    left_out: int
    features: Mapping[str, tuple[str, ...]]
    control: tuple[Difference, ...]
    rows: Mapping[str, int]
    perturbed: tuple[Perturbed, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "as_of": self.as_of.isoformat(),
            "people": self.people,
            "left_out": self.left_out,
            "features": len(self.features),
            "rows": dict(self.rows),
            "control": [one.as_json() for one in self.control],
            "features_not_tested": self.features_not_tested(),
            "perturbations": {one.name: one.as_json() for one in self.perturbed},
        }

    def lines(self) -> Iterator[str]:
        scope = f"{self.people:,} people in scope, {self.left_out:,} left out, {len(self.features)} features."
        yield f"As of {self.as_of}: {scope}"
        yield f"  {'table':<18}{'rows held':>10}" + "".join(f"{PASTS[one.name]:>18}" for one in self.perturbed)
        for table, rows in self.rows.items():
            cells = [_cell(one.counts[table]) for one in self.perturbed]
            yield f"  {table:<18}{rows:>10,}" + "".join(f"{cell:>18}" for cell in cells)
        yield "  (rows + facts of earlier rows that were learnt on or after the date)"
        for one in self.perturbed:
            yield one.as_text()
        for table, names in self.not_tested().items():
            why = NOTHING_LATER if self.rows[table] else EMPTY
            yield f"  {NOT_TESTED}: {table} ({', '.join(names)}): {why}"
        blind = self.features_not_tested()
        could = f"{len(self.features) - len(blind)} of {len(self.features)} features, {self._places()}"
        yield "  could it fail? Had the appended records been made on the day before the date, these would have moved:"
        yield f"          {could}."
        for name in blind:
            yield f"  {NOT_TESTED}: feature {name} (asks {', '.join(self.features[name])}): no later record moves it"

    def _places(self) -> str:
        others = [one.place for one in self.control if not one.place.startswith(FEATURE)]
        return ", ".join(dict.fromkeys(place.partition(",")[0] for place in others)) or "no list"

    def features_not_tested(self) -> list[str]:
        """Features that the control left as they were."""
        moved = {one.place for one in self.control}
        return [name for name in self.features if f"{FEATURE}{name}" not in moved]

    def not_tested(self) -> dict[str, list[str]]:
        """Tables in which a perturbation found nothing to change, with its name: there it could not have failed."""
        found = {table: [one.name for one in self.perturbed if not one.counts[table].tested] for table in self.rows}
        return {table: names for table, names in found.items() if names}


def _cell(counts: Counts) -> str:
    return f"{counts.rows:,} + {counts.facts:,}" if counts.tested else NOT_TESTED


@dataclass(frozen=True)
class LeakageCheck:
    """Every date that was checked.

    ``chosen``: the date was ours, not the caller's. ``release``: the release in force, "" while none holds.
    """

    checks: tuple[Check, ...]
    snapshot: dt.date
    seed: int
    chosen: bool
    release: str

    @property
    def leaks(self) -> bool:
        return any(one.differences for check in self.checks for one in check.perturbed)

    @property
    def untested(self) -> list[Check]:
        """Dates on which a perturbation changed nothing, or nothing could have moved."""
        return [check for check in self.checks if not check.control or not all(one.tested for one in check.perturbed)]

    def as_json(self) -> dict[str, Any]:
        return {
            "snapshot": self.snapshot.isoformat(),
            "seed": self.seed,
            "estimates": {"compared": bool(self.release), "release": self.release},
            "checks": [check.as_json() for check in self.checks],
            "leaks": self.leaks,
            "held": not self.leaks and not self.untested,
        }

    def as_text(self) -> str:
        why = f", one year before the snapshot of {self.snapshot}" if self.chosen else ""
        dates = ", ".join(check.as_of.isoformat() for check in self.checks)
        under = f"Estimates: compared in memory under release {self.release}, none written."
        lines = [
            f"Leakage check as of {dates}{why}, seed {self.seed}.",
            under if self.release else "No estimates: no release in force.",
        ]
        for check in self.checks:
            lines += ["", *check.lines()]
        return "\n".join([*lines, "", self._conclusion()])

    def _conclusion(self) -> str:
        if self.leaks:
            return "LEAK: something recorded on or after the date was seen on it."
        if self.untested:
            return "Not a pass: on a date above there was nothing to change, or nothing that could have moved."
        return "Nothing recorded on or after the date moved anybody in or out, a profile or a list."

    def raise_if_failed(self) -> None:
        """Raise Refused for a leak, naming each place with its counts; or where a perturbation changed nothing."""
        if self.leaks:
            raise Refused(
                "What was recorded on or after the as-of date is seen on it. Make no list and train nothing until the "
                "code that reads these is mended:",
                list(self._problems()),
            )
        if self.untested:
            raise Refused(
                f"Too little was recorded on or after {self.untested[0].as_of}: the check could not fail. Choose "
                f"an --as-of date some months before the snapshot of {self.snapshot}."
            )

    def _problems(self) -> Iterator[Problem]:
        for check in self.checks:
            places: dict[str, list[str]] = {}
            for one in check.perturbed:
                for found in one.differences:
                    words = f"{found.count:,} of {found.of:,} moved by {one.name}"
                    places.setdefault(found.where, []).append(words)
            for where, counts in places.items():
                yield Problem(", ".join(counts), f"as of {check.as_of}, {where}", "none", "Mend what reads it.")
