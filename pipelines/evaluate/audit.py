"""The audit of scores in a profile table: room ``fairness``'s audit, and each group's rates over a named group's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from desist.fairness.audit import PROTECTED, Audit, audit
from desist.fairness.groups import MOST_GROUPS, NOT_STATED
from desist.fairness.policy import CutOffs, Policy
from desist.fairness.statistics.point_tables import point_table, ratios
from desist.features.tables import Outcomes, Scores
from desist.pipelines.evaluate.data import Data
from desist.pipelines.evaluate.expressions import NUMBER, Value
from desist.pipelines.evaluate.fit import Floats, Ints
from desist.pipelines.evaluate.read import levels_as_text
from desist.pipelines.evaluate.sniff import words_of
from desist.pipelines.evaluate.spec import Characteristic, Outcome, Spec
from desist.records.errors import Problem
from desist.records.hashing import hash_json

RATIOS = ("fpr", "fnr", "fdr", "for", "ppv", "selection", "base_rate")
NEEDS_A_CHANCE = ("mean_estimate", "calibration_in_the_large", "brier")
MOST_NUMBERS = 20  # different values of a number that has no bands
RATIO_DIGITS = 9

# Words in a characteristic's name that say which of the nine protected characteristics it speaks of.
SPEAKS_OF: Mapping[str, tuple[str, ...]] = {
    "age": ("age", "born", "birth", "dob"),
    "disability": ("disability", "disabled"),
    "gender_reassignment": ("gender reassignment", "transgender"),
    "marriage_and_civil_partnership": ("married", "marital", "marriage", "civil partnership"),
    "pregnancy_and_maternity": ("pregnancy", "maternity", "pregnant"),
    "race": ("race", "ethnicity", "ethnic", "black", "nationality"),
    "religion_or_belief": ("religion", "belief", "faith"),
    "sex": ("sex", "gender"),
    "sexual_orientation": ("sexual orientation",),
}


@dataclass(frozen=True)
class Judged:
    """The scores of one model or rival on a task's rows: positions in the file, outcome, chance, from where on high."""

    task: str
    name: str
    positions: Ints
    y: Floats
    score: Floats
    cut_off: float
    cut_off_words: str
    chance: bool


@dataclass(frozen=True)
class AuditOf:
    """An audit with the groups' ratios to their reference group (by characteristic, group and rate)."""

    judged: Judged
    audit: Audit
    references: Mapping[str, str]
    ratios: Mapping[str, Mapping[str, Mapping[str, float | None]]]

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.audit.to_json())
        told["reference_groups"] = dict(self.references)
        told["ratios_to_reference"] = {name: dict(groups) for name, groups in self.ratios.items()}
        told["cut_off_words"] = self.judged.cut_off_words
        if not self.judged.chance:
            for rows in (*told["tables"].values(), [told["everybody"]]):
                for row in rows:
                    row["measures"] = {name: m for name, m in row["measures"].items() if name not in NEEDS_A_CHANCE}
        return told


def read_groups(spec: Spec, spec_file: str, data: Data, problems: list[Problem]) -> pd.DataFrame:
    """A column of group labels per characteristic, for every row of the file; nobody is without a label."""
    found = {}
    for name, part in spec.characteristics.items():
        value = data.columns.get(part.column)
        if value is None or value.written:
            continue
        where = f"{spec_file} [characteristics.{name}]"
        numbers = value.series.nunique() if value.kind == NUMBER else 0
        if numbers > MOST_NUMBERS and not part.bands:
            problems.append(
                Problem(f"{numbers} different numbers", where, "groups", "Add bands = [18, 21, 25, 30, 40, 50], say.")
            )
            continue
        labels = _labels(part, value)
        if labels.nunique() > MOST_GROUPS:
            problems.append(
                Problem(
                    f"{labels.nunique()} groups",
                    where,
                    f"at most {MOST_GROUPS}",
                    "Put labels together with labels = { … }.",
                )
            )
            continue
        if part.reference and part.reference not in set(labels):
            from desist.pipelines.evaluate.sections import nearest

            problems.append(
                Problem(
                    f"no group {part.reference!r}",
                    f"{where} reference",
                    "one of its groups",
                    nearest(part.reference, labels.unique()),
                )
            )
        found[name] = labels
    return pd.DataFrame(found)


def _labels(part: Characteristic, value: Value) -> pd.Series[Any]:
    if part.bands and value.kind == NUMBER:
        return _banded(value.data, part.bands)
    return levels_as_text(value, part.labels).fillna(NOT_STATED)


def _banded(numbers: pd.Series[Any], bands: tuple[float, ...]) -> pd.Series[Any]:
    """Bands by their lower ends: under the first, from each to below the next, and from the last on."""
    ends = [
        f"{low:g} to {high - 1:g}" if low == int(low) and high == int(high) else f"{low:g} to below {high:g}"
        for low, high in pairwise(bands)
    ]
    names = np.array([f"under {bands[0]:g}", *ends, f"{bands[-1]:g} and over"], dtype=object)
    places = np.searchsorted(np.asarray(bands, dtype=float), numbers.to_numpy(dtype=float), side="right")
    labels = pd.Series(names[np.minimum(places, len(names) - 1)], index=numbers.index)
    return labels.where(numbers.notna(), NOT_STATED).astype(str)


def audit_scores(spec: Spec, data: Data, groups: pd.DataFrame, outcome: Outcome, judged: Judged) -> AuditOf:
    """The audit of one set of scores, with the ratios that are read beside it."""
    keys = _keys(data, judged.positions)
    scores = Scores(keys.assign(score=judged.score), judged.name)
    table = keys.assign(why_missing="")
    table[outcome.name] = judged.y
    labels = Outcomes(table, (outcome.name,), {outcome.name: outcome.definition})
    chosen = groups.iloc[judged.positions].reset_index(drop=True)
    told = audit(
        scores,
        labels,
        outcome.name,
        pd.concat([keys, chosen], axis=1),
        _policy(spec, judged.cut_off),
        seed=spec.seed,
        replicates=spec.replicates,
        context={"task": judged.task, "title": spec.title},
    )
    references = {
        name: spec.characteristics[name].reference or str(chosen[name].value_counts().idxmax())
        for name in map(str, chosen.columns)
    }
    people = data.people.iloc[judged.positions].reset_index(drop=True)
    y, score = pd.Series(judged.y), pd.Series(judged.score)
    over = {
        name: _ratios(point_table(y, score, chosen[name].astype(str), judged.cut_off, people=people), reference)
        for name, reference in references.items()
    }
    return AuditOf(judged, _speaking_of(told, spec), references, over)


def _keys(data: Data, positions: Ints) -> pd.DataFrame:
    """(person, as-of date) of each row. Where the table has no such key, a running number per person stands for it."""
    people = data.people.iloc[positions].astype(str).reset_index(drop=True)
    as_of = data.as_of.iloc[positions].reset_index(drop=True)
    keys = pd.DataFrame({"person_id": people, "as_of": as_of})
    if as_of.isna().any() or keys.duplicated().any():
        running = keys.groupby("person_id").cumcount()
        keys["as_of"] = pd.Timestamp(1970, 1, 1) + pd.to_timedelta(running, unit="D")
    return keys


def _policy(spec: Spec, cut_off: float) -> Policy:
    """The spec's limits as a policy. It carries no sign-off and no steps: nothing can be released under it."""
    return Policy(
        version="evaluation spec",
        purpose="fairness_audit",
        expiry_months=1,
        cut_offs=CutOffs((0.0, 0.0, 0.0), cut_off, "both"),
        minimum_people=20,
        minimum_events=20,
        minimum_non_events=20,
        roles=(),
        findings=spec.audit.findings,
        hash=hash_json(
            [
                [rule.id, rule.metric, rule.characteristic, rule.margin, rule.minimum, rule.role, rule.harm]
                for rule in spec.audit.findings
            ]
        ),
    )


def _speaking_of(told: Audit, spec: Spec) -> Audit:
    """The audit with only those protected characteristics called unassessed that no column of the spec speaks of."""
    names = " ".join(
        words_of(f"{name} {spec.columns.get(part.column, part.column)}") for name, part in spec.characteristics.items()
    )
    spoken = {what for what, words in SPEAKS_OF.items() if any(f" {word} " in names for word in words)}
    coverage = {name: share for name, share in told.coverage.items() if PROTECTED[name] in told.tables}
    return replace(
        told, coverage=coverage, unassessed=tuple(part for part in told.unassessed if part.characteristic not in spoken)
    )


def _ratios(table: pd.DataFrame, reference: str) -> dict[str, dict[str, float | None]]:
    if reference not in table.index:
        return {}
    over = ratios(table, reference)
    return {
        str(group): {rate: None if pd.isna(row[rate]) else round(float(row[rate]), RATIO_DIGITS) for rate in RATIOS}
        for group, row in over.iterrows()
    }
