"""Which group each row belongs to, and the one join of scores, outcomes and groups in which nobody is lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from desist.fairness.statistics.intervals import Codes, Floats
from desist.features.tables import ROW, Outcomes, Scores, check_rows
from desist.records.codes import AGE_BANDS, ETHNICITY_5
from desist.records.errors import Refused

NOT_STATED = "Not stated"
#: More groups than this and the column is an identifier or a measurement, not a characteristic.
MOST_GROUPS = 60
ADULT = 18
#: Whether a row's person had a need on record, and whether a service followed it.
HELP = ["need", "received"]

Flags = NDArray[np.bool_]


def band_label(first: int, last: int) -> str:
    """An age band as it is printed: 18-20, ..., 50 and over."""
    return f"{first} and over" if (first, last) == AGE_BANDS[-1] else f"{first}-{last}"


def age_band(ages: pd.Series) -> pd.Series:
    """The band of each whole-year age; Not stated where the age is not known.

    Raises Refused for an age under 18: no child is scored, so none can be in an audit.
    """
    if (ages < ADULT).any():
        raise Refused(
            f"{int((ages < ADULT).sum())} rows are of people under {ADULT} on the as-of date. Children are never "
            "scored: look for the fault in the cohort."
        )
    bands = pd.Series(NOT_STATED, index=ages.index, dtype=object)
    for first, last in AGE_BANDS:
        bands[ages.between(first, last + 1, inclusive="left")] = band_label(first, last)
    return bands


def group_rows(rows: pd.DataFrame, characteristics: pd.DataFrame, ages: pd.DataFrame) -> pd.DataFrame:
    """Per (person, as-of date): ethnicity (5+1), sex, age_band, sex_x_ethnicity, and disability and religion if held.

    ``characteristics``: one row a person, as ``EqualityStore.characteristics`` gives them. ``ages``: person_id,
    as_of, age in whole years on that date. Whoever lacks a characteristic is "Not stated"; nobody is dropped.
    """
    check_rows(rows, "rows to group", [])
    check_rows(ages, "ages", ["age"])
    if characteristics["person_id"].duplicated().any():
        raise ValueError("characteristics have two rows for one person")
    wanted = [name for name in ("ethnicity", "sex", "disability", "religion") if name in characteristics]
    table = rows[ROW].merge(characteristics[["person_id", *wanted]], on="person_id", how="left", validate="m:1")
    table = table.merge(ages[[*ROW, "age"]], on=ROW, how="left", validate="1:1")
    for name in ("ethnicity", "sex", *wanted):
        values = table[name] if name in table else pd.Series(NOT_STATED, index=table.index)
        table[name] = values.astype(object).where(values.notna(), NOT_STATED).astype(str)
    unknown = set(table["ethnicity"]) - {*ETHNICITY_5.values()}
    if unknown:
        raise ValueError("ethnicity is given in groups of 5+1")
    table["age_band"] = age_band(table["age"])
    table["sex_x_ethnicity"] = table["sex"] + ", " + table["ethnicity"]
    extra = [name for name in ("disability", "religion") if name in wanted]
    return table[[*ROW, "ethnicity", "sex", "age_band", "sex_x_ethnicity", *extra]]


@dataclass(frozen=True)
class Joined:
    """Judged rows in the order of person and date, and how many rows are not judged, and why.

    ``people`` numbers persons from 0. ``unknown_groups`` are the groups of the rows without a known outcome.
    ``latest``: whether the row is of the latest date that has a judged row; a later one still awaits its outcomes.
    ``need`` and ``received``: whether the row's person had a need, and got a service; None where nobody told.
    """

    y: Floats
    score: Floats
    people: Codes
    groups: pd.DataFrame
    unknown_groups: pd.DataFrame
    unknown: Mapping[str, int]
    rows_scored: int
    people_scored: int
    outcome_rows_without_score: int
    stated_people: Mapping[str, float]
    latest: Flags
    need: Flags | None = None
    received: Flags | None = None

    @property
    def rows_without_outcome(self) -> int:
        return len(self.unknown_groups)

    def unknown_in(self, characteristic: str) -> dict[str, int]:
        """Rows without a known outcome in each group."""
        return {str(group): int(n) for group, n in self.unknown_groups[characteristic].value_counts().items()}

    def stated(self, characteristic: str) -> float:
        """Share of the scored people who have a stated value."""
        return self.stated_people[characteristic]


def join_rows(
    scores: Scores, outcomes: Outcomes, outcome: str, groups: pd.DataFrame, help_given: pd.DataFrame | None = None
) -> Joined:
    """Scores with their outcome and groups by (person, as-of date); with need and service where ``help_given`` tells.

    Raises Refused where a scored row has no groups, a group is missing, or no row has a known outcome.
    """
    names = _characteristics(groups)
    if outcome not in outcomes.outcomes:
        raise Refused(f"There is no outcome {outcome}; there are {sorted(outcomes.outcomes)}.")
    labels = outcomes.table[[*ROW, outcome]].assign(_why=outcomes.table.get("why_missing", ""))
    scored = scores.table[[*ROW, "score"]].sort_values(ROW, kind="stable")
    table = scored.merge(labels, on=ROW, how="left", validate="1:1", indicator="_outcome")
    told = groups[[*ROW, *names]].astype(dict.fromkeys(names, str))
    table = table.merge(told, on=ROW, how="left", validate="1:1", indicator="_group")
    without = int((table["_group"] != "both").sum())
    if without or len(table) != len(scored):
        raise Refused(
            f"{without} of {len(scored)} scored rows have no row in the groups. Everybody belongs to a group, "
            f"if only '{NOT_STATED}': build the groups from the same rows."
        )
    known = table[outcome].isin([0, 1])
    if (table[outcome].notna() & ~known).any():
        raise Refused(f"The outcome {outcome} has values other than 0 and 1.")
    if not known.any():
        raise Refused(f"None of the {len(table)} scored rows has a known outcome {outcome}: there is nothing to judge.")
    matched = int((table["_outcome"] == "both").sum())
    if help_given is not None:
        table = _with_help(table, help_given)
    return _joined(table, known, outcome, names, len(outcomes.table) - matched)


def _with_help(table: pd.DataFrame, help_given: pd.DataFrame) -> pd.DataFrame:
    """The rows with ``need`` and ``received``. Raises Refused where a row has neither: nobody may drop out unseen."""
    told = table.merge(help_given[[*ROW, *HELP]], on=ROW, how="left", validate="1:1")
    without = int(told[HELP].isna().any(axis=1).sum())
    if without:
        raise Refused(f"{without} of {len(told)} scored rows are not told need and service of. Tell all or none.")
    return told


def _joined(table: pd.DataFrame, known: pd.Series, outcome: str, names: list[str], unscored: int) -> Joined:
    judged, unknown = table[known].reset_index(drop=True), table[~known].reset_index(drop=True)
    reasons = unknown["_why"].astype(object).where(unknown["_why"].notna(), "").astype(str)
    reasons = reasons.where(reasons != "", "the outcome is not known")
    reasons = reasons.where(unknown["_outcome"] == "both", "no row among the outcomes")
    stated = {name: (table[name] != NOT_STATED).groupby(table["person_id"]).any() for name in names}
    return Joined(
        y=judged[outcome].to_numpy(dtype=float),
        score=judged["score"].to_numpy(dtype=float),
        people=np.unique(judged["person_id"].to_numpy(dtype=object), return_inverse=True)[1].astype(np.int64),
        groups=judged[names],
        unknown_groups=unknown[names],
        unknown={str(why): int(n) for why, n in reasons.value_counts().sort_index().items()},
        rows_scored=len(table),
        people_scored=int(table["person_id"].nunique()),
        outcome_rows_without_score=unscored,
        latest=(judged["as_of"] == judged["as_of"].max()).to_numpy(dtype=bool),
        need=judged["need"].to_numpy(dtype=bool) if "need" in judged else None,
        received=judged["received"].to_numpy(dtype=bool) if "received" in judged else None,
        stated_people={name: float(told.to_numpy(dtype=float).mean()) for name, told in stated.items()},
    )


def _characteristics(groups: pd.DataFrame) -> list[str]:
    """The characteristic columns of a groups table. Raises Refused where one is no characteristic or has gaps."""
    check_rows(groups, "groups", [])
    names = [str(name) for name in groups.columns if name not in ROW]
    for name in names:
        if groups[name].isna().any():
            raise Refused(f"{int(groups[name].isna().sum())} rows have no {name}. Say '{NOT_STATED}' for them.")
        if groups[name].nunique() > MOST_GROUPS:
            raise Refused(f"{name} has {groups[name].nunique()} groups, more than {MOST_GROUPS}. Band it first.")
        _refuse_spellings(name, sorted(groups[name].astype(str).unique()))
    return names


def _refuse_spellings(name: str, labels: Sequence[str]) -> None:
    """Raises Refused where two labels differ in spaces or capitals only: one community would be judged as two."""
    spelt: dict[str, list[str]] = {}
    for label in labels:
        spelt.setdefault(" ".join(label.split()).casefold(), []).append(label)
    twice = [" and ".join(map(repr, same)) for same in spelt.values() if len(same) > 1]
    if twice:
        raise Refused(
            f"{name} has labels that differ in spaces or capitals only: {'; '.join(twice)}. They would be judged as "
            "different groups, each too small. Give one group one label."
        )
