"""The tables that cross rooms. Each is checked when it is made, so that code after it needn't ask again."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

ROW = ["person_id", "as_of"]


def check_rows(table: pd.DataFrame, what: str, columns: list[str]) -> None:
    """Raise ValueError unless (person, as-of date) is a key and ``columns`` are there."""
    missing = [name for name in [*ROW, *columns] if name not in table.columns]
    if missing:
        raise ValueError(f"{what} lacks the columns {missing}")
    if table[ROW].isna().any(axis=None):
        raise ValueError(f"{what} has a row without a person or an as-of date")
    if table.duplicated(ROW).any():
        raise ValueError(f"{what} has several rows for one person on one as-of date")


@dataclass(frozen=True)
class Cohort:
    """Who is in scope on one as-of date, and who was left out and why.

    ``members``: person_id, as_of, index_date (last index event; NaT where none is recorded).
    ``left_out``: person_id, as_of, reason. Nobody is in both; everybody considered is in one.
    """

    members: pd.DataFrame
    left_out: pd.DataFrame

    def __post_init__(self) -> None:
        check_rows(self.members, "cohort", ["index_date"])
        check_rows(self.left_out, "people left out", ["reason"])


@dataclass(frozen=True)
class Profiles:
    """What was known of each person before each as-of date: a column per feature, in the register's order.

    ``table``: person_id, as_of, then one float column per feature; NaN means missing, never zero.
    ``schema_hash`` binds the register that made it.
    """

    table: pd.DataFrame
    features: tuple[str, ...]
    schema_hash: str

    def __post_init__(self) -> None:
        check_rows(self.table, "profiles", list(self.features))

    def matrix(self) -> pd.DataFrame:
        """The feature columns alone, in the register's order."""
        return self.table[list(self.features)]


@dataclass(frozen=True)
class Outcomes:
    """Labels per (person, as-of date): 1, 0, or NaN where the label is not mature or cannot be known.

    ``table``: person_id, as_of, a float column per outcome, and ``why_missing`` (text; empty where all are known).
    ``definitions`` gives each outcome's sentence with its version, to be printed with every result.
    """

    table: pd.DataFrame
    outcomes: tuple[str, ...]
    definitions: Mapping[str, str]

    def __post_init__(self) -> None:
        check_rows(self.table, "outcomes", list(self.outcomes))


@dataclass(frozen=True)
class Scores:
    """Chances from one model for past rows, under pseudonyms: person_id, as_of, score (0 to 1, rounded to 1e-6)."""

    table: pd.DataFrame
    model: str

    def __post_init__(self) -> None:
        check_rows(self.table, "scores", ["score"])
        if not self.table["score"].between(0, 1).all():
            raise ValueError("a score is a chance from 0 to 1")


@dataclass(frozen=True)
class Reason:
    """One part of why an estimate is what it is, in words a practitioner can check.

    ``occurred_on``: the day (ISO) of the latest record it rests on, empty where it rests on there being none;
    ``known_to``: the day up to which its source's records are known. ``less_certain``: its direction is not the same
    in more than one in ten refits of the model.
    """

    feature: str
    phrase: str
    direction: str  # "raises" or "lowers"
    value: str
    source: str
    kind: str  # "history" or "can change"
    size: float  # contribution in points or log-odds; for analysts, never shown on a page
    occurred_on: str = ""
    known_to: str = ""
    less_certain: bool = False


@dataclass(frozen=True)
class Estimate:
    """What a release says of one person: one of four steps with its range, or why there is none."""

    step: int | None  # 1 to 4
    tags: tuple[str, ...] = ()  # "borderline", "limited_data", "link_less_sure"
    reasons: tuple[Reason, ...] = ()
    why_none: str = ""


@dataclass(frozen=True)
class CaseList:
    """The cases to review on one date. Everybody in scope has a row, with or without an estimate.

    ``rows``: person_id, supervision, supervision_end, iom_group, needs_waiting, changed, last_contact,
    next_contact, review_due, in the order to review. ``estimates`` is empty while the gate withholds.
    """

    as_of: dt.date
    valid_until: dt.date
    release_id: str
    rows: pd.DataFrame
    estimates: Mapping[str, Estimate] = field(default_factory=dict)


@dataclass(frozen=True)
class FeatureInfo:
    """What a model and a page need to know of one feature, whatever made its column.

    ``sign``: +1 a larger value may only raise the estimate, -1 may only lower it, 0 free.
    ``missing_as``: the value a missing one is scored as (help-seeking: the value of somebody not in
    treatment, so that unknown scores no worse); None where missing has an effect of its own.
    ``raises`` and ``lowers`` are phrases with ``{value}`` in them.
    """

    name: str
    sign: int = 0
    missing_as: float | None = None
    unit: str = ""
    source: str = ""
    kind: str = "history"
    raises: str = ""
    lowers: str = ""

    def __post_init__(self) -> None:
        if self.sign not in (-1, 0, 1):
            raise ValueError(f"the sign of {self.name} is {self.sign}, not -1, 0 or 1")


@dataclass(frozen=True)
class FeatureSet:
    """The features a model may use, in the order of its columns."""

    features: tuple[FeatureInfo, ...]

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.features):
            raise ValueError("two features have one name")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features)

    @property
    def signs(self) -> tuple[int, ...]:
        return tuple(feature.sign for feature in self.features)

    @functools.cached_property
    def _by_name(self) -> dict[str, FeatureInfo]:
        return {feature.name: feature for feature in self.features}

    def get(self, name: str) -> FeatureInfo:
        """The feature of that name; raises KeyError where there is none."""
        return self._by_name[name]
