"""What may not be a feature, found by declaration, by name, by lineage, by what its values are, and by what it knows.

Refused whatever anybody says: a calendar date, an id, a column derived from an outcome, a protected characteristic, a
rival's score. Refused unless ``leak_reviewed`` gives a reason: what only looks like one of these. Age, near-age and
enforcement features need an approval in the spec that has not expired.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from desist.pipelines.evaluate.associations import feature_auc, likeness, rank_correlation
from desist.pipelines.evaluate.data import Data
from desist.pipelines.evaluate.expressions import Value
from desist.pipelines.evaluate.features import Feature
from desist.pipelines.evaluate.sniff import (
    approval_by_name,
    looks_like_key,
    people_words,
    refused_by_name,
    tells_place,
)
from desist.pipelines.evaluate.spec import Spec
from desist.records.errors import Problem

HIGHEST_FEATURE_AUC = 0.95  # issue: one feature that tells this much has seen the outcome
SAME = 0.98  # likeness or rank correlation from which a column is another one renamed
SAME_AS_CALENDAR = 0.95
MOST_LEVELS = 20  # up to so many values of another column, each is compared by itself
NO_SCORE = "no other instrument's score: it holds age and sex in disguise"
LEAVE_OUT = "Take it out of [features]."


@dataclass(frozen=True)
class LeakCheck:
    """What the checks look at. ``today`` decides whether an approval has expired."""

    spec: Spec
    spec_file: str
    data: Data
    today: dt.date

    def where(self, name: str) -> str:
        return f"{self.spec_file} [features.{name}]"

    def names(self, name: str) -> set[str]:
        """Every name the feature has or comes from: its own, its columns', and what the file calls them."""
        return {name, *self.spec.names_read(name)}

    def reviewed(self, name: str) -> bool:
        return name in self.spec.leak_reviewed


def check_features(check: LeakCheck, features: Mapping[str, Feature], problems: list[Problem]) -> None:
    """Append every reason why a feature may not be one; several for one feature where there are several."""
    for name in check.spec.features:
        found = _by_declaration(check, name) or _by_name(check, name)
        if found is None and name in features:
            found = _by_values(check, name) or _by_likeness(check, name, features[name])
        if found is not None:
            problems.append(found)
        else:
            problems.extend(_by_approval(check, name, approval_by_name(check.names(name))))


def _by_declaration(check: LeakCheck, name: str) -> Problem | None:
    spec, data = check.spec, check.data
    column = spec.features[name].column
    lineage = spec.lineage(column)
    value = data.columns.get(column)
    later = sorted(lineage & data.derived_from_outcome)
    if later:
        return Problem(
            f"{later[0]!r}, which the spec says is known only with or after the outcome",
            check.where(name),
            "what was known on the as-of date",
            LEAVE_OUT,
        )
    keys = sorted(lineage & {*spec.table.id, spec.table.person})
    if keys:
        return Problem(f"{keys[0]!r}, the table's id", check.where(name), "a measurement", LEAVE_OUT)
    if value is not None and value.calendar:
        return Problem(
            "a calendar date (or something counted from one)",
            check.where(name),
            "how long ago or how long, not when",
            "Derive a duration from two dates of the row, such as as_of - event.",
        )
    rivals = sorted(key for key, rival in spec.comparators.items() if rival.column in lineage)
    if rivals:
        return Problem(f"the score of the comparator {rivals[0]!r}", check.where(name), NO_SCORE, LEAVE_OUT)
    declared = [key for key, part in spec.characteristics.items() if spec.lineage(part.column) & lineage]
    barred = [key for key in declared if approval_by_name([key, spec.characteristics[key].column]) != "age"]
    if barred:
        return Problem(
            f"the characteristic {barred[0]!r}",
            check.where(name),
            "no protected characteristic: models never see them",
            LEAVE_OUT,
        )
    return None


def _by_name(check: LeakCheck, name: str) -> Problem | None:
    column = check.spec.features[name].column
    own = set() if column in check.spec.derive else {name, column, check.spec.columns.get(column, column)}
    what, word = refused_by_name(check.names(name), own)
    if not what:
        return None
    return Problem(
        f"the word {word!r} in its name or its column's: {what}",
        check.where(name),
        "a feature of the allowed families",
        f"{LEAVE_OUT} If the word means something else here, rename the column in the file.",
    )


def _by_values(check: LeakCheck, name: str) -> Problem | None:
    parts = [
        check.data.columns[part]
        for part in check.spec.lineage(check.spec.features[name].column)
        if part in check.data.columns
    ]
    speaks = next((words for words in map(people_words, parts) if words), "")
    if speaks:
        return Problem(f"labels that speak of {speaks}", check.where(name), "no protected characteristic", LEAVE_OUT)
    if any(map(tells_place, parts)):
        return Problem("postcodes or area codes", check.where(name), "nothing about where somebody lives", LEAVE_OUT)
    if any(looks_like_key(part) for part in parts if not part.calendar) and not check.reviewed(name):
        return Problem(
            "a value of its own in nearly every row, like an id",
            check.where(name),
            "a measurement",
            f"{LEAVE_OUT} If it is a measurement, say so under [leak_reviewed] with a reason.",
        )
    return None


def _by_likeness(check: LeakCheck, name: str, feature: Feature) -> Problem | None:
    """A column under another name: the as-of date, a characteristic, a rival's score, one known only later."""
    return (
        _rises_with_time(check, name, feature)
        or _is_characteristic(check, name, feature)
        or _is_rival(check, name, feature)
        or _is_known_later(check, name, feature)
    )


def _rises_with_time(check: LeakCheck, name: str, feature: Feature) -> Problem | None:
    as_of = check.data.as_of
    if feature.category or as_of.nunique() < 2:
        return None
    days = as_of.astype("int64").where(as_of.notna()).astype(float)
    if abs(rank_correlation(feature.values, days)) <= SAME_AS_CALENDAR:
        return None
    return Problem(
        "values that rise or fall with the as-of date",
        check.where(name),
        "how long ago or how long, not when",
        "Derive a duration from two dates of the row, such as as_of - event.",
    )


def _is_characteristic(check: LeakCheck, name: str, feature: Feature) -> Problem | None:
    for key, part in check.spec.characteristics.items():
        value = check.data.columns.get(part.column)
        if value is None or not _same(feature, value):
            continue
        age = approval_by_name([key, part.column]) == "age"
        if age and _approved(check, "age", name, named=True):
            continue
        expected = "an approval that names it, because age is protected" if age else "no protected characteristic"
        remedy = "Add its name to covers under [approvals.age], or take it out." if age else LEAVE_OUT
        found = f"the characteristic {key!r} under another name (one tells the other)"
        return Problem(found, check.where(name), expected, remedy)
    return None


def _is_rival(check: LeakCheck, name: str, feature: Feature) -> Problem | None:
    for key, rival in check.spec.comparators.items():
        value = check.data.columns.get(rival.column)
        if value is not None and _same(feature, value):
            return Problem(
                f"the score of the comparator {key!r} under another name", check.where(name), NO_SCORE, LEAVE_OUT
            )
    return None


def _is_known_later(check: LeakCheck, name: str, feature: Feature) -> Problem | None:
    for column in sorted(check.data.derived_from_outcome & set(check.data.columns)):
        value = check.data.columns[column]
        if not check.reviewed(name) and (_same(feature, value) or _tells_whether_known(feature, value)):
            return Problem(
                f"values that tell {column!r}, which is known only with or after the outcome",
                check.where(name),
                "what was known on the as-of date",
                f"{LEAVE_OUT} If it was known, give the reason under [leak_reviewed].",
            )
    return None


def _same(feature: Feature, other: Value) -> bool:
    """Whether the feature tells the other column, or one of its values."""
    if other.written:
        return False
    values = other.series
    if 2 < values.nunique() <= MOST_LEVELS and any(
        likeness(feature.values, (values == level).where(values.notna()).astype(float)) > SAME
        for level in values.dropna().unique()
    ):
        return True
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if numeric and not feature.category and abs(rank_correlation(feature.values, values.astype(float))) > SAME:
        return True
    return likeness(feature.values, values) > SAME


def _tells_whether_known(feature: Feature, other: Value) -> bool:
    """Whether the feature tells in which rows the other column has a value: a re-arrest's details, say."""
    if other.written or not 0 < other.series.notna().mean() < 1:
        return False
    return likeness(feature.values, other.series.notna().astype(float)) > SAME


def _approved(check: LeakCheck, kind: str, name: str, *, named: bool) -> bool:
    """Whether an approval of this kind covers the feature today; ``named``: only if it stands in ``covers``."""
    approval = check.spec.approvals.get(kind)
    if approval is None or approval.expires < check.today:
        return False
    return name in approval.covers or (not approval.covers and not named)


def _by_approval(check: LeakCheck, name: str, kind: str) -> list[Problem]:
    if not kind or _approved(check, kind, name, named=False):
        return []
    approval = check.spec.approvals.get(kind)
    what = {
        "age": "age, a protected characteristic",
        "near_age": "something that stands close to age",
        "enforcement": "how closely somebody was watched (breach, recall)",
    }[kind]
    found = f"{what}, without an approval"
    remedy = (
        f'Add [approvals.{kind}] with covers = ["{name}"], by, reason and expires, from whoever may decide it; '
        "or take the feature out."
    )
    if approval is not None and approval.expires < check.today:
        found, remedy = (
            f"{what}; its approval ended on {approval.expires}",
            "Ask for it again, or take the feature out.",
        )
    elif approval is not None:
        found = f"{what}; the approval covers other features"
    return [Problem(found, check.where(name), f"an approval of kind {kind}", remedy)]


def approved_features(spec: Spec) -> tuple[str, ...]:
    """The features that are in only by an approval: what leaving them out costs is always reported."""
    found = []
    for name in spec.features:
        named = any(name in approval.covers for approval in spec.approvals.values())
        if approval_by_name({name, *spec.names_read(name)}) or named:
            found.append(name)
    return tuple(found)


def check_single_features(
    check: LeakCheck,
    features: Mapping[str, Feature],
    task: str,
    rows: np.ndarray[Any, Any],
    y: np.ndarray[Any, Any],
    problems: list[Problem],
) -> dict[str, float]:
    """How well each feature alone tells the outcome in a task's rows; too well is a problem unless reviewed."""
    found = {}
    for name, feature in features.items():
        found[name] = feature_auc(feature.values.iloc[rows], y, seed=check.spec.seed)
        if found[name] > HIGHEST_FEATURE_AUC and not check.reviewed(name):
            problems.append(
                Problem(
                    f"an AUC of {found[name]:.3f} from this feature alone (task {task})",
                    check.where(name),
                    f"at most {HIGHEST_FEATURE_AUC}: more has seen the outcome",
                    f"{LEAVE_OUT} If it was known on the as-of date, give the reason under [leak_reviewed].",
                )
            )
    return found
