"""Iowa: what recalibration on 2013 repairs of the drift; benchmarks/models.py puts it on its page.

The spec, its table and its coding are read as `desist evaluate` reads them. Each model is fitted on 2010-2013 as it is,
on 2010-2012 as it is, and on 2010-2012 with its chances put through one line learnt on 2013. All are judged on the
releases of 2014-2015, and of each of these years. Last, what could not be had: a line learnt on 2014, for 2015.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from desist.models.estimators.boosting import MonotoneBoosting
from desist.models.estimators.calibration import Calibrated
from desist.models.estimators.card import PointsCard
from desist.models.estimators.ebm import ExplainableBoosting
from desist.models.estimators.spline import SplineLogistic
from desist.models.judging.evaluate import Measured, score_metrics
from desist.pipelines.evaluate.data import load_data
from desist.pipelines.evaluate.features import learn_coding, read_features
from desist.pipelines.evaluate.fit import task_rows
from desist.pipelines.evaluate.parse import load_spec

KINDS = (PointsCard, SplineLogistic, ExplainableBoosting, MonotoneBoosting)
TASK = "later_years"
REPLICATES = 500
SHOWN = ("auc", "calibration_intercept", "calibration_slope", "mean_score_less_rate")
PLAIN, EARLIER, REPAIRED, LATEST = (
    "fitted 2010-2013",
    "fitted 2010-2012",
    "fitted 2010-2012, line of 2013",
    "fitted 2010-2012, line of 2014",
)


def section(spec_file: Path, data_folder: Path, commit: str) -> str:
    """The tables as Markdown."""
    spec, problems = load_spec(spec_file)
    data = load_data(spec, spec_file.name, data_folder, problems)
    features = read_features(spec, spec_file.name, data, problems)
    assert not problems
    rows = task_rows(data, spec.tasks[TASK])
    year = data.columns["year"].series.iloc[rows.positions].to_numpy(int)
    rates = ", ".join(f"{one} {rows.y[year == one].mean():.3f}" for one in np.unique(year))
    text = (
        f"`python benchmarks/models.py ../shared/data iowa_2013` at commit {commit}. Returned within three years, by "
    )
    text += f"year of release: {rates}.\n\n| model | learnt | judged | " + " | ".join(
        ("AUC", "intercept", "slope", "mean estimate less rate")
    )
    text += " |\n" + "|---" * (3 + len(SHOWN)) + "|\n"
    for kind in KINDS:
        for learnt, judged, scores in _scores(kind, features, rows, year):
            inside = np.isin(year, judged)
            told = score_metrics(rows.y[inside], scores, np.flatnonzero(inside), replicates=REPLICATES, seed=0)
            cells = " | ".join(_cell(told[name]) for name in SHOWN)
            text += f"| {kind.__name__} | {learnt} | {'-'.join(map(str, judged))} | {cells} |\n"
    return text


def _scores(kind: Any, features: Any, rows: Any, year: Any) -> list[tuple[str, tuple[int, ...], Any]]:
    """What was learnt from what, the years it is judged on, and the chances of their rows."""
    found = []
    for last in (2013, 2012):
        learn = year <= last
        coding = learn_coding(features, rows.positions[learn])
        model = kind(coding.set).fit(coding.matrix(features, rows.positions[learn]), rows.y[learn])
        given = {one: coding.matrix(features, rows.positions[year == one]) for one in (2013, 2014, 2015)}
        later = coding.matrix(features, rows.positions[year >= 2014])
        if last == 2013:
            found.append((PLAIN, (2014, 2015), model.predict_proba(later)[:, 1]))
            continue
        found.append((EARLIER, (2014, 2015), model.predict_proba(later)[:, 1]))
        line = Calibrated(model).fit(given[2013], rows.y[year == 2013])
        found.append((REPAIRED, (2014, 2015), line.predict_proba(later)[:, 1]))
        found += [(REPAIRED, (one,), line.predict_proba(given[one])[:, 1]) for one in (2014, 2015)]
        after = Calibrated(model).fit(given[2014], rows.y[year == 2014])
        found.append((LATEST, (2015,), after.predict_proba(given[2015])[:, 1]))
    return found


def _cell(found: Measured) -> str:
    return "not defined" if found.value is None else f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"
