"""Comparators that use age and legal sex, on the rows that judge a model: aggregate figures of them, nothing else.

Ages come from the vault, sex from the equality store, sanctions from the police's records as known on each as-of
date. They are joined here, handed to ``fairness.comparators`` and forgotten: no score of a person is written to any
file. OGRS3, ARP and VRP need the published tables in the workspace's folder ``instruments``; without it there is age
alone.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from desist.fairness.comparators import AgeOnly, Instruments, load_instruments
from desist.fairness.comparators.reference_cases import check_against_cases
from desist.fairness.equality_store import EqualityStore
from desist.features.tables import ROW
from desist.models.judging.backtest import fold_of
from desist.models.judging.evaluate import metrics_to_json, paired_difference, score_metrics
from desist.pipelines.careers import Careers
from desist.pipelines.ground import Ground
from desist.pipelines.session import Session
from desist.records.errors import Problem, Refused

FOLDER, EXTENT = "instruments", "extent.toml"
FOLDS = 3
#: Fewer rows than this with a score tell nothing of a comparator.
LEAST_ROWS = 100
WORDS = (
    "These use age and legal sex, which are protected characteristics. They are comparators: they show what a model "
    "without them must be measured against, are never released, and are never shown for a person."
)
NO_TABLES = (
    f"The workspace has no folder {FOLDER} with the published tables, so only age alone is compared with (OGRS3, ARP "
    "and VRP are left out)."
)
NOTHING_EARLIER = "no earlier row of other people had a known outcome by then"


@dataclass(frozen=True)
class National:
    """One comparator on the rows asked for.

    ``scores``: a chance per row in the rows' order, NaN where unknown; for figures in memory, never for a file.
    ``same_question``: whether it is a chance of the outcome judged; if not, only its order of people says anything.
    """

    name: str
    words: str
    same_question: bool
    unknown: Mapping[str, int]
    scores: pd.Series = field(repr=False)

    @property
    def scored(self) -> int:
        """How many rows have a score."""
        return int(self.scores.notna().sum())

    def as_json(self) -> dict[str, Any]:
        """Counts alone."""
        return {
            "words": self.words,
            "same_question": self.same_question,
            "rows_scored": self.scored,
            "rows_unknown": dict(self.unknown),
        }


@dataclass(frozen=True)
class Nationals:
    """The comparators that need sex or age, and why some are left out (empty where none is)."""

    comparators: tuple[National, ...]
    left_out: str
    words: str = WORDS

    def as_json(self) -> dict[str, Any]:
        return {
            "words": self.words,
            "left_out": self.left_out,
            "comparators": {one.name: one.as_json() for one in self.comparators},
        }


@dataclass(frozen=True)
class Tables:
    """The published instruments of a workspace, and since when its police data hold every sanction, if it says so."""

    instruments: Instruments
    complete_from: dt.date | None


def read_tables(session: Session) -> Tables | None:
    """The instruments in the workspace, checked against their own published cases; None where there is no folder.

    Raises Refused with every problem of the tables, or where they do not give the published answers.
    """
    folder = session.workspace.root / FOLDER
    if not folder.is_dir():
        return None
    complete_from = _complete_from(folder / EXTENT, session.today)
    instruments = load_instruments(folder)
    check_against_cases(instruments, folder)
    return Tables(instruments, complete_from)


def _complete_from(path: Path, today: dt.date) -> dt.date | None:
    """What ``sanctions_complete_from`` says; None without the file."""
    if not path.exists():
        return None
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused(f"{path} is not TOML: {error}. Mend that line and try again.") from error
    day = told.get("sanctions_complete_from")
    if set(told) != {"sanctions_complete_from"} or type(day) is not dt.date or day > today:
        expected = "one line, sanctions_complete_from = 1975-01-01 (or whatever day is true)"
        problem = Problem(str(sorted(told)), path.name, expected, "Since when do police send every sanction?")
        raise Refused(f"{path} cannot be used as it stands:", [problem])
    return day


def nationals(
    session: Session,
    ground: Ground,
    rows: pd.DataFrame,
    learnt_from: pd.DataFrame,
    *,
    outcome: str,
    known_after_days: int,
    tables: Tables | None = None,
    violent: bool = False,
) -> Nationals:
    """The comparators' chances for past caseload rows (person_id, as_of, the outcome).

    Age alone learns from ``learnt_from`` as models do: from rows whose outcome was known (``known_after_days``) by
    the as-of date scored, of other people. ``tables`` as ``read_tables`` gives them. ``violent``: whether the outcome
    is a violent one; then VRP and SVRP are asked instead of OGRS3 and ARP.
    """
    rows = rows[[*ROW, outcome]].reset_index(drop=True)
    past = learnt_from[[*ROW, outcome]].reset_index(drop=True)
    with_age, learnt_ages = (table.assign(age=_ages(ground, table)) for table in (rows, past))
    scores, why = age_alone(with_age, learnt_ages, outcome, known_after_days, seed=session.settings.seed)
    words = "the rate by age band among earlier rows of other people"
    found = [_national("age only", words, True, scores, why)]
    if tables is not None:
        careers = Careers(ground, tables.instruments.offence_codes, tables.complete_from)
        people = sorted(set(rows["person_id"].astype(str)))
        told = EqualityStore(session.workspace.equality).characteristics(people, before=session.today)
        sexes = rows["person_id"].astype(str).map(told.set_index("person_id")["sex"])
        found += _of_instruments(tables.instruments, careers.inputs(with_age).assign(sex=sexes.to_numpy()), violent)
    return Nationals(tuple(found), "" if tables is not None else NO_TABLES)


def national_figures(
    found: Nationals, y: Any, score: Any, people: Any, *, replicates: int, seed: int
) -> dict[str, dict[str, Any]]:
    """Per comparator its measures, and the model's less its own, on the rows the comparator can score.

    ``y``, ``score`` (the model's) and ``people`` are in the order of the rows given to ``nationals``. Only the area
    under the curve is told of a comparator that asks another question. Empty where too few rows are known.
    """
    y, score, people = np.asarray(y, dtype=float), np.asarray(score, dtype=float), np.asarray(people)
    figures: dict[str, dict[str, Any]] = {}
    for one in found.comparators:
        known = one.scores.notna().to_numpy()
        figures[one.name] = {}
        if known.sum() < LEAST_ROWS:
            continue
        its, draws = one.scores.to_numpy()[known], {"replicates": replicates, "seed": seed}
        measured = score_metrics(y[known], its, people[known], **draws)
        paired = paired_difference(y[known], score[known], its, people[known], **draws)
        if not one.same_question:
            measured, paired = {"auc": measured["auc"]}, {"auc": paired["auc"]}
        figures[one.name] = {"its": metrics_to_json(measured), "model_less_it": metrics_to_json(paired)}
    return figures


def age_alone(
    rows: pd.DataFrame, past: pd.DataFrame, outcome: str, known_after_days: int, *, seed: int
) -> tuple[pd.Series, pd.Series]:
    """A chance by age per row, and why there is none; ``rows`` and ``past`` have an ``age`` each.

    Where somebody scored is also among those learnt from, people are split as in the back-tests, so that nobody's
    own outcome is in the rate.
    """
    apart = set(rows["person_id"]).isdisjoint(past["person_id"])
    fold, past_fold = (
        np.zeros(len(table), dtype=int) if apart else fold_of(table["person_id"], FOLDS, seed) for table in (rows, past)
    )
    scores = pd.Series(np.nan, index=rows.index)
    why = pd.Series(NOTHING_EARLIER, index=rows.index, dtype=object)
    known_on = past["as_of"] + pd.Timedelta(days=known_after_days)
    for (date, number), block in rows.groupby(["as_of", fold]):
        learn = (known_on <= pd.Timestamp(str(date))).to_numpy() & (apart | (past_fold != number))
        if learn.any():
            model = AgeOnly().fit(past.loc[learn, "age"], past.loc[learn, outcome])
            found = model.chances(block)
            scores[block.index], why[block.index] = found["chance"].to_numpy(), found["why_unknown"].to_numpy()
    return scores, why


def _of_instruments(instruments: Instruments, inputs: pd.DataFrame, violent: bool) -> list[National]:
    """Each published instrument on the rows whose career is known; the others say why not."""
    known = (inputs["why_unknown"] == "").to_numpy()
    asked: list[tuple[str, str, bool, pd.DataFrame, str]] = []
    if not violent:
        scored = instruments.ogrs3.chances(inputs[known])
        words = "published chance of a proven reoffence within one year, from sex, age and sanctions"
        asked.append(("OGRS3", words, True, scored, "one_year"))
    for name in ("VRP", "SVRP") if violent else ("ARP",):
        predictor = instruments.predictors[name, "static"]
        words = f"published chance of {predictor.foretells}, from sex, age and sanctions"
        asked.append((f"{name} static", words, False, predictor.chances(inputs[known]), "chance"))
    found = []
    for name, words, same, table, column in asked:
        scores = pd.Series(np.nan, index=inputs.index)
        why = inputs["why_unknown"].copy()
        scores[known], why[known] = table[column].to_numpy(), table["why_unknown"].to_numpy()
        found.append(_national(name, words, same, scores, why))
    return found


def _national(name: str, words: str, same_question: bool, scores: pd.Series, why: pd.Series) -> National:
    counted = why[scores.isna()].value_counts().sort_index()
    return National(name, words, same_question, {str(text): int(n) for text, n in counted.items()}, scores)


def _ages(ground: Ground, rows: pd.DataFrame) -> pd.Series:
    """Age in whole years of each row's person on its as-of date."""
    ages = pd.Series(np.nan, index=rows.index)
    for day, block in rows.groupby("as_of"):
        people = block["person_id"].astype(str).tolist()
        ages[block.index] = ground.vault.age_at(people, pd.Timestamp(str(day)).date()).to_numpy()
    return ages
