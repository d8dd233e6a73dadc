"""The rival an analyst writes: pandas merges rows with a table's events, masks them, and groups by row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from rivals.asked import Asked, asked_of, columns_read, part_folders

from desist.features.register import Register
from desist.features.rows import Condition


@dataclass(frozen=True)
class Choices:
    """Ways to write the same frames; the defaults need least CPU time of those measured (README.md).

    ``masks``: each condition worked out once for a table ("shared") or for every feature anew ("own").
    ``group``: ``groupby`` on the rows chosen ("chosen"), or on all rows with the others emptied ("emptied").
    """

    masks: str = "shared"
    group: str = "emptied"


def build(folder: Path, register: Register, *, choices: Choices = Choices()) -> pa.Table:
    """The register's columns for every row of the store, in no particular order; one partition of people at a time."""
    asked = asked_of(register)
    built = [_build(one, asked, register, choices) for one in part_folders(folder)]
    return pa.Table.from_pandas(pd.concat(built, ignore_index=True), preserve_index=False)


def _build(folder: Path, asked: dict[str, list[Asked]], register: Register, choices: Choices) -> pd.DataFrame:
    rows = _read(folder, "rows", None)
    rows["row_id"] = np.arange(len(rows))
    known = _read(folder, "known", None)
    made: dict[str, pd.Series] = {}
    answered: dict[tuple[str, ...], pd.Series] = {}
    for features in asked.values():
        contract = features[0].contract
        if contract.absence != "none" and contract.sources not in answered:
            answered[contract.sources] = _answered(rows, known, contract.sources)
        events = _read(folder, contract.name, columns_read(features))
        joined = _joined(rows, events, features)
        masks = Masks(joined, choices)
        for one in features:
            found = _worked_out(one, joined, masks, choices).reindex(rows["row_id"]).astype("float64")
            filled = found if one.none is None else found.fillna(one.none)
            made[one.name] = filled if contract.absence == "none" else filled.where(answered[contract.sources])
    table = pd.DataFrame({name: made[name] for name in register.names})
    return pd.concat([rows[["person", "as_of"]], table], axis=1)


def _read(folder: Path, name: str, columns: list[str] | None) -> pd.DataFrame:
    """One table of a partition: days as datetimes, yes/no that may be unknown as nullable booleans."""
    read = pq.read_table(folder / f"{name}.parquet", columns=columns)
    return read.to_pandas(date_as_object=False, types_mapper={pa.bool_(): pd.BooleanDtype()}.get)


def _answered(rows: pd.DataFrame, known: pd.DataFrame, sources: tuple[str, ...]) -> pd.Series:
    """Whether each row's silence in a table is an answer: a source knew the person before the as-of date."""
    asked = known[known["source"].isin(sources)]
    since = asked.groupby("person", observed=True)["since"].min()
    found = rows.merge(since.reset_index(), on="person", how="left")
    return (found["since"] < found["as_of"]).set_axis(found["row_id"]).sort_index()


def _joined(rows: pd.DataFrame, events: pd.DataFrame, features: list[Asked]) -> pd.DataFrame:
    """Each row to build with the events known by then, as they were known, as far back as any feature looks."""
    joined = rows.merge(events, on="person")
    joined["age"] = (joined["as_of"] - joined["occurred_on"]).dt.days
    known = (joined["recorded_on"] < joined["as_of"]) & joined["age"].between(1, max(one.days for one in features))
    joined = joined.loc[known, [name for name in joined if name != "person"]].reset_index(drop=True)
    for name, stamp in features[0].contract.learnt_later.items():
        if name in joined:
            joined[name] = joined[name].where(joined[stamp] < joined["as_of"])
    return joined


class Masks:
    """Which joined rows meet what; each question is answered once where masks are shared."""

    def __init__(self, joined: pd.DataFrame, choices: Choices) -> None:
        self.joined, self.choices = joined, choices
        self.held: dict[str, pd.Series] = {}

    def of(self, one: Asked) -> pd.Series:
        """Whether each joined row counts for a feature."""
        masks = [self._shared(f"window {one.days} {one.until}", lambda: self._within(one))]
        for test in one.conditions:
            masks.append(self._shared(repr(test.to_json()), lambda test=test: _meets(self.joined[test.field], test)))
        if one.function == "is_open":
            masks.append(self._shared("open", lambda: self._open(one)))
        if one.function in ("most_recent", "distinct"):
            masks.append(self._shared(f"known {one.field}", lambda: self.joined[one.field].notna()))
        return reduce(lambda left, right: left & right, masks)

    def _shared(self, question: str, answer: Callable[[], pd.Series]) -> pd.Series:
        if self.choices.masks == "own":
            return answer()
        if question not in self.held:
            self.held[question] = answer()
        return self.held[question]

    def _within(self, one: Asked) -> pd.Series:
        return self.joined["age"].between(one.until + 1, one.days)

    def _open(self, one: Asked) -> pd.Series:
        last = self.joined[list(one.contract.ends)].min(axis=1)
        return last.isna() | (last >= self.joined["as_of"])


def _meets(values: pd.Series, test: Condition) -> pd.Series:
    if test.operator == "one_of":
        return values.isin(test.operand)
    if test.operator in ("at_least", "at_most"):
        return values >= test.operand if test.operator == "at_least" else values <= test.operand
    if test.operator == "known":
        return values.notna()
    return (values if test.operator == "is_yes" else ~values).fillna(False).astype(bool)


def _worked_out(one: Asked, joined: pd.DataFrame, masks: Masks, choices: Choices) -> pd.Series:
    """One feature by row_id, for the rows that have events for it."""
    met = masks.of(one)
    field = "age" if one.function == "days_since" else one.field
    if choices.group == "emptied" and one.function in ("count", "days_since", "worst"):
        if one.function == "count":
            return met.groupby(joined["row_id"]).sum()
        grouped = joined[field].where(met).groupby(joined["row_id"])
        return grouped.min() if one.function == "days_since" else grouped.max()
    if one.function == "most_recent":
        chosen = joined.loc[met, ["row_id", "occurred_on", "recorded_on", field]]
        ordered = chosen.sort_values(["occurred_on", "recorded_on", field])
        return ordered.drop_duplicates("row_id", keep="last").set_index("row_id")[field]
    if not field:
        events = joined.loc[met, ["row_id"]].groupby("row_id").size()
        return events if one.function == "count" else events.clip(upper=1)
    grouped = joined.loc[met, ["row_id", field]].groupby("row_id")[field]
    return {"days_since": grouped.min, "worst": grouped.max, "distinct": grouped.nunique, "share": grouped.mean}[
        one.function
    ]()
