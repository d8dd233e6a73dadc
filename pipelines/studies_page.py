"""Choice, rows behind it and studies, as the run page takes them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import pandas as pd

from desist.features.tables import ROW
from desist.models.judging.ablation import Ablation
from desist.models.judging.choice import LEAST_EVENTS, MARGIN_SHARE, MEASURES, Choice
from desist.models.judging.evaluate import Difference, Measured, overlap, sample_size
from desist.pipelines.studies import Studies
from desist.reports.run_studies import (
    AblationRow,
    AlarmRow,
    ChoiceContent,
    LearningRow,
    Ranged,
    SampleContent,
    StudiesContent,
)
from desist.reports.wording import day


def choice_content(choice: Choice, *, cut_off: float | None) -> ChoiceContent:
    """The choice with the rule it rests on."""
    return ChoiceContent(
        chosen=choice.chosen,
        best=choice.best,
        words=choice.words,
        measure=MEASURES[choice.measure],
        share=MARGIN_SHARE,
        margin=choice.margin,
        lost=choice.gain_lost,
        lost_at_least=choice.lower,
        lost_at_most=choice.upper,
        own_gain_at_least=choice.own_gain_at_least,
        precision=tuple((name, _ranged(measured)) for name, measured in choice.precision.items()),
        cut_off=cut_off,
        dates=tuple(day(dt.date.fromisoformat(date)) for date in choice.dates),
        people=choice.people,
        events=choice.events,
        least_events=LEAST_EVENTS,
    )


def sample_content(judged: pd.DataFrame, outcome: str) -> SampleContent:
    """What stands behind back-test scores: rows with person_id, as_of and the outcome."""
    y, people = judged[outcome].to_numpy(dtype=float), judged[ROW[0]].to_numpy()
    size, dates = sample_size(y, people), overlap(y, people, judged[ROW[1]].to_numpy())
    return SampleContent(size.rows, size.people, size.events, size.effective_rows, dates.inflation, dates.words)


def studies_content(studies: Studies) -> StudiesContent:
    """Learning curve, ablations and alarm."""
    return StudiesContent(
        model=studies.model,
        trial=studies.trial,
        learning=tuple(
            LearningRow(
                point.people,
                point.events,
                _of(point.metrics, "brier"),
                _of(point.metrics, "auc"),
                point.why_not,
            )
            for point in studies.learning.points
        ),
        learning_words=studies.learning.words,
        ablations=tuple(map(_ablation, studies.ablations)),
        alarm=tuple(AlarmRow(suspect.feature, suspect.check, suspect.words) for suspect in studies.alarm.suspects),
        alarm_words=studies.alarm.words,
    )


def _ablation(ablation: Ablation) -> AblationRow:
    return AblationRow(
        ablation.name,
        ablation.how,
        len(ablation.used),
        len(ablation.features),
        _of(ablation.difference, "brier"),
        _of(ablation.difference, "auc"),
        ablation.words,
    )


def _of(measures: Mapping[str, Measured] | Mapping[str, Difference], name: str) -> Ranged:
    return _ranged(measures[name]) if name in measures else Ranged(None)


def _ranged(measured: Measured | Difference) -> Ranged:
    return Ranged(measured.value, measured.low, measured.high)
