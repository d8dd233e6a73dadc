"""The columns that models see: each feature read as its kind, then coded from what the training rows hold.

Levels of a category are learnt from training rows alone; a level that was rare or unseen there joins ``other``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from desist.features.tables import FeatureInfo, FeatureSet
from desist.pipelines.evaluate.data import Data
from desist.pipelines.evaluate.expressions import NUMBER, TEXT, YES_NO, ExpressionError, Value, parse
from desist.pipelines.evaluate.read import levels_as_text
from desist.pipelines.evaluate.spec import AS_VALUE, OWN_EFFECT, REFUSE, FeatureSpec, Spec
from desist.records.errors import Problem

YES = {"yes", "y", "true", "t", "1"}
NO = {"no", "n", "false", "f", "0"}
MOST_LEVELS = 40
OTHER, NOT_KNOWN = "other", "not known"
TO_NUMBER = parse("number(x)")


@dataclass(frozen=True)
class Feature:
    """A feature's values: numbers (NaN missing), or labels for a category."""

    spec: FeatureSpec
    values: pd.Series[Any]

    @property
    def category(self) -> bool:
        return self.spec.kind == "category"


class NotThatKind(ValueError):
    """A column that does not hold what the spec says, in words for a message."""


def read_features(spec: Spec, spec_file: str, data: Data, problems: list[Problem]) -> dict[str, Feature]:
    """Every feature whose column is there and of its kind; the others are problems."""
    found = {}
    for name, feature in spec.features.items():
        value = data.columns.get(feature.column)
        if value is None or value.kind not in (NUMBER, TEXT, YES_NO):
            continue  # no such column, or a date: both have problems of their own
        if value.written:
            value = Value(value.kind, pd.Series([value.data] * data.length))
        try:
            found[name] = Feature(feature, _as_kind(feature, value))
        except NotThatKind as error:
            problems.append(
                Problem(
                    str(error),
                    f"{spec_file} [features.{name}]",
                    f"a {feature.kind}",
                    "Choose the kind that fits, put labels right, or derive a column.",
                )
            )
    return found


def _as_kind(feature: FeatureSpec, value: Value) -> pd.Series[Any]:
    if feature.kind == "category":
        return levels_as_text(value, feature.labels)
    if feature.kind == "ordered":
        return _ordered(feature, levels_as_text(value, feature.labels))
    if feature.kind == "yes_no":
        return _yes_no(value)
    try:
        numbers = TO_NUMBER.value({"x": value}).series
    except ExpressionError as error:
        raise NotThatKind(str(error).removeprefix("it ")) from None
    if feature.kind == "count":
        known = numbers.dropna()
        wrong = int(((known < 0) | (known != np.floor(known))).sum())
        if wrong:
            raise NotThatKind(f"{wrong} values that are negative or not whole")
    return numbers


def _ordered(feature: FeatureSpec, labels: pd.Series[Any]) -> pd.Series[Any]:
    places = {level: float(place) for place, level in enumerate(feature.levels)}
    codes = labels.map(places).astype(float)
    unknown = labels[codes.isna() & labels.notna()].nunique()
    if unknown:
        raise NotThatKind(f"{unknown} labels that are not among its {len(places)} levels")
    return codes


def _yes_no(value: Value) -> pd.Series[Any]:
    if value.kind == YES_NO:
        return value.series.astype("Float64").astype(float)
    if value.kind == NUMBER:
        if not set(value.series.dropna().unique()) <= {0.0, 1.0}:
            raise NotThatKind(f"{value.series.nunique()} different numbers, not only 0 and 1")
        return value.series
    lower = value.series.str.lower()
    codes = lower.map({**dict.fromkeys(YES, 1.0), **dict.fromkeys(NO, 0.0)}).astype(float)
    unknown = lower[codes.isna() & lower.notna()].nunique()
    if unknown:
        raise NotThatKind(f"{unknown} labels that are neither yes nor no (derive one: \"column == 'F'\")")
    return codes


def check_missing(
    spec_file: str, features: Mapping[str, Feature], rows: np.ndarray[Any, Any], problems: list[Problem]
) -> None:
    """Note every feature that says ``refuse`` and has empty cells in the rows that models use."""
    for name, feature in features.items():
        empty = int(feature.values[rows].isna().sum())
        if feature.spec.missing.meaning == REFUSE and empty:
            problems.append(
                Problem(
                    f"{empty} of {int(rows.sum())} rows without a value",
                    f"{spec_file} [features.{name}] missing",
                    "a value in every row that a model uses",
                    "Say what an empty cell means: own_effect, or as_value:… .",
                )
            )


@dataclass(frozen=True)
class Coding:
    """How the features of some training rows become columns."""

    set: FeatureSet
    levels: Mapping[str, tuple[str, ...]]
    constant: tuple[str, ...]

    def matrix(self, features: Mapping[str, Feature], rows: np.ndarray[Any, Any]) -> pd.DataFrame:
        """One float column per name in ``set``, for the rows given by position."""
        columns: dict[str, Any] = {}
        for name, feature in features.items():
            values = feature.values.iloc[rows]
            if feature.category:
                columns |= _indicators(feature, values, self.levels[name])
            else:
                columns[name] = _filled(feature.spec, values)
        return pd.DataFrame({name: columns[name] for name in self.set.names}).reset_index(drop=True)


def learn_coding(features: Mapping[str, Feature], train: np.ndarray[Any, Any]) -> Coding:
    """The coding that the training rows call for; a column with one value there is left out and named."""
    infos: list[FeatureInfo] = []
    constant: list[str] = []
    levels: dict[str, tuple[str, ...]] = {}
    for name, feature in features.items():
        values = feature.values.iloc[train]
        if feature.category:
            levels[name] = _levels(feature.spec, values)
            columns = _indicators(feature, values, levels[name])
        else:
            columns = {name: _filled(feature.spec, values)}
        for column, coded in columns.items():
            varied = pd.Series(coded).nunique(dropna=False) > 1
            (infos if varied else constant).append(_info(feature.spec, column) if varied else column)  # type: ignore[arg-type]
    return Coding(FeatureSet(tuple(infos)), levels, tuple(constant))


def _filled(spec: FeatureSpec, values: pd.Series[Any]) -> np.ndarray[Any, Any]:
    """Numbers, with what a missing one stands for filled in, then on the scale that the model sees."""
    filled = values if spec.missing.meaning != AS_VALUE else values.fillna(_missing_as(spec))
    return np.asarray(np.log1p(filled) if spec.log else filled, dtype=float)


def _missing_as(spec: FeatureSpec) -> float:
    text = spec.missing.value
    if spec.kind == "ordered":
        return float(spec.levels.index(text))
    if spec.kind == "yes_no":
        return 1.0 if text.lower() in YES else 0.0
    return float(text)


def _levels(spec: FeatureSpec, values: pd.Series[Any]) -> tuple[str, ...]:
    """The levels that stand alone: the spec's, or those with enough rows, the most frequent first (it is the base)."""
    counts = values.value_counts()
    if spec.levels:
        counts = counts[counts.index.isin(spec.levels)]
    ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    return tuple(str(level) for level, count in ordered if count >= spec.at_least)[:MOST_LEVELS]


def _indicators(feature: Feature, values: pd.Series[Any], levels: tuple[str, ...]) -> dict[str, np.ndarray[Any, Any]]:
    """A 0/1 column for each level but the most frequent, one for the others together, one for not known."""
    spec = feature.spec
    text = values.fillna(spec.missing.value) if spec.missing.meaning == AS_VALUE else values
    known = text.notna().to_numpy()
    standing = text.isin(list(levels)).to_numpy()
    name = spec.name
    columns = {column_name(name, level): (text == level).fillna(False).to_numpy(dtype=float) for level in levels[1:]}
    columns[column_name(name, OTHER)] = (known & ~standing).astype(float)
    if spec.missing.meaning == OWN_EFFECT:
        columns[column_name(name, NOT_KNOWN)] = (~known).astype(float)
    return columns


def column_name(feature: str, level: str) -> str:
    """The column of one level, without the signs that LightGBM refuses in a name."""
    return f"{feature} = {level}".translate(str.maketrans('",:[]{}', " " * 7))


def _info(spec: FeatureSpec, column: str) -> FeatureInfo:
    says = spec.says or spec.name.replace("_", " ")
    if spec.kind == "category":
        level = column.partition(" = ")[2]
        phrase = f"{says}: {level}"
        return FeatureInfo(column, 0, None, spec.unit, "", _history(spec), phrase, phrase)
    unit = f" {spec.unit}" if spec.unit else ""
    phrase = says if spec.kind == "yes_no" else f"{says}: {{value}}{unit}"
    missing = _missing_as(spec) if spec.missing.meaning == AS_VALUE else None
    missing = float(np.log1p(missing)) if missing is not None and spec.log else missing
    return FeatureInfo(column, spec.sign, missing, spec.unit, "", _history(spec), phrase, phrase)


def _history(spec: FeatureSpec) -> str:
    return "can change" if spec.can_change else "history"
