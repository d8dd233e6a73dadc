"""What a spec says, as frozen tables of settings; ``parse`` reads them from TOML.

A spec describes a profile table that somebody already has: one row a person at one as-of date, what was known then,
and what came after; or tables of events, of which such rows are made first. Docs: docs/guides/evaluate.md.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from desist.fairness.policy import FindingRule
from desist.pipelines.evaluate.events_spec import EventsSpec, columns_read
from desist.pipelines.evaluate.expressions import Expression

KINDS = ("number", "count", "yes_no", "category", "ordered")
MODEL_KINDS = ("points_card", "spline_logistic", "explainable_boosting", "monotone_lightgbm", "prior_count")
PROTOCOLS = ("folds", "time", "time_by_person", "column")

REFUSE, OWN_EFFECT, AS_VALUE = "refuse", "own_effect", "as_value"


@dataclass(frozen=True)
class Table:
    """The file and how its rows are told apart.

    ``id`` is empty where the table has no key: rows are then numbered. ``person`` names the column that says who a
    row is about where that is not the id. ``outcome_derived`` are patterns of columns known only after the as-of date.
    """

    file: str
    id: tuple[str, ...]
    person: str
    as_of: str
    outcome_derived: tuple[str, ...]
    missing: tuple[str, ...] = ("",)
    encoding: str = "utf-8"
    delimiter: str = ","


@dataclass(frozen=True)
class RowSet:
    """The rows of ``within`` (all, if empty) where ``where`` is a plain yes.

    ``selects_on_later`` says why a condition may use a column that is known only later (LAB-3 refuses it otherwise).
    """

    name: str
    within: str
    where: Expression | None
    says: str
    selects_on_later: str = ""


@dataclass(frozen=True)
class Outcome:
    """A column of 0 and 1, or a condition; missing where it is not known."""

    name: str
    definition: str
    column: str
    where: Expression | None


@dataclass(frozen=True)
class Missing:
    """What an empty cell means: its own effect, the value of somebody without it, or a mistake in the table."""

    meaning: str
    value: str = ""

    def __str__(self) -> str:
        return f"{self.meaning}:{self.value}" if self.meaning == AS_VALUE else self.meaning


@dataclass(frozen=True)
class FeatureSpec:
    """One column that models may use.

    ``levels``: the levels of a category that stand alone, or of an ordered one from lowest to highest; others are
    collected. ``at_least``: rows a level needs to stand alone. ``labels`` puts unclean labels right first.
    """

    name: str
    column: str
    kind: str
    sign: int
    missing: Missing
    levels: tuple[str, ...] = ()
    at_least: int = 50
    labels: Mapping[str, str] = field(default_factory=dict)
    log: bool = False
    unit: str = ""
    says: str = ""
    can_change: bool = False


@dataclass(frozen=True)
class Characteristic:
    """A column the audit groups by and no model sees. ``bands`` are the lower ends of bands of a number."""

    name: str
    column: str
    reference: str
    labels: Mapping[str, str]
    bands: tuple[float, ...]


@dataclass(frozen=True)
class Approval:
    """Somebody's recorded permission to use what needs approval (``age``, ``near_age``, ``enforcement``)."""

    what: str
    covers: tuple[str, ...]
    by: str
    reason: str
    expires: dt.date


@dataclass(frozen=True)
class Comparator:
    """A rival's score in the table. ``chance``: it is a probability; otherwise only its order and cut-off count."""

    name: str
    column: str
    chance: bool
    lowest: float
    highest: float
    high_from: float | None
    says: str

    def as_chance(self, value: float) -> float:
        """The value on a scale from 0 to 1 that keeps its order; for a chance the value itself."""
        return value if self.chance else (value - self.lowest) / (self.highest - self.lowest)


@dataclass(frozen=True)
class ModelSpec:
    name: str
    kind: str
    features: tuple[str, ...]  # empty: all of the spec's
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Protocol:
    """Which rows train and which are scored.

    ``folds``: every row is scored once per seed by a model that did not see it. ``time``: trained on rows whose
    ``column`` is below ``test_from``. ``time_by_person``: so too, on rows whose outcome was known by then, and of
    other people: each fold of people is scored by a model of the others. ``column``: a given split, trained where it
    is in ``train``.
    """

    kind: str
    folds: int = 5
    seeds: tuple[int, ...] = (0,)
    column: str = ""
    test_from: str = ""
    train: tuple[str, ...] = ()
    test: tuple[str, ...] = ()


@dataclass(frozen=True)
class Limit:
    """How much one of our models may lose against a stored reference; None where that is not judged."""

    model: str
    against: str
    auc: float | None
    brier: float | None


@dataclass(frozen=True)
class Reference:
    """Stored scores of other models on the same rows; ``columns`` holds {model} and, with seeds, {seed}."""

    file: str
    id: str
    outcome: str
    columns: str
    limits: tuple[Limit, ...]


@dataclass(frozen=True)
class CutOff:
    """From where on a score counts as high: a chance, the share of people it should select, or as many as a rival."""

    chance: float | None = None
    share: float | None = None
    like: str = ""


@dataclass(frozen=True)
class Task:
    """One outcome on one row set: what is fitted, compared and audited, and what AUC would be believable."""

    name: str
    says: str
    rows: str
    outcome: str
    models: tuple[str, ...]
    comparators: tuple[str, ...]
    audit: tuple[str, ...]
    protocol: Protocol | None
    expected_auc: tuple[float, float] | None
    cut_off: CutOff | None
    reference: Reference | None


@dataclass(frozen=True)
class AuditRules:
    """Who reads the page (it hides small counts accordingly), and the limits agreed before any result was known."""

    audience: str
    findings: tuple[FindingRule, ...]


@dataclass(frozen=True)
class Spec:
    title: str
    says: str
    caveats: tuple[str, ...]
    table: Table
    columns: Mapping[str, str]  # our name -> the file's own
    derive: Mapping[str, Expression]
    rows: Mapping[str, RowSet]
    outcomes: Mapping[str, Outcome]
    features: Mapping[str, FeatureSpec]
    characteristics: Mapping[str, Characteristic]
    approvals: Mapping[str, Approval]
    comparators: Mapping[str, Comparator]
    models: Mapping[str, ModelSpec]
    tasks: Mapping[str, Task]
    leak_reviewed: Mapping[str, str]
    audit: AuditRules
    replicates: int = 1000
    seed: int = 0
    events: EventsSpec | None = None

    def names_read(self, name: str) -> frozenset[str]:
        """Every name behind a feature: the columns it comes from, as we and as the files call them."""
        lineage = self.lineage(self.features[name].column)
        definition = self.events.definitions.get(name) if self.events else None
        measured = columns_read(definition) if definition is not None else ()
        return lineage | {self.columns.get(part, part) for part in lineage} | set(measured)

    def lineage(self, name: str) -> frozenset[str]:
        """The column itself and every column it is derived from, at any remove."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            part = waiting.pop()
            if part not in found:
                found.add(part)
                waiting += self.derive[part].columns if part in self.derive else ()
        return frozenset(found)
