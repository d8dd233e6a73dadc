"""The analyst's pages of a candidate run: models side by side, the points card, figures."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from desist.fairness.policy import CutOffs
from desist.models.estimators.card import ChanceRow
from desist.models.figures import reliability, shap_figures
from desist.models.judging.evaluate import Difference, Measured
from desist.pipelines.audited import SCORE, score_rows
from desist.pipelines.board_page import PURPOSE_WORDS
from desist.pipelines.evidence import Evidence
from desist.pipelines.fairness_pages import edition
from desist.pipelines.recipes import CARD
from desist.pipelines.steps_of import step_of, step_records
from desist.pipelines.studies_page import choice_content, sample_content, studies_content
from desist.pipelines.training import Training
from desist.records.files import write_bytes, write_text
from desist.reports.analyst import FeatureRow, ModelRow, PairedRow, PeriodRow, Ranged, RunContent, run_page
from desist.reports.card_page import CardContent, CardItem, CardStep, card_page
from desist.reports.fairness_content import FairnessContent
from desist.reports.fairness_report import fairness_page
from desist.reports.wording import day


def analyst_page(found: Evidence) -> str:
    """The analyst's page of a run: models side by side, by period, and the register."""
    session, ground, compared = found.session, found.ground, found.compared
    cut = found.policy.cut_offs.selection
    return run_page(
        RunContent(
            run_id=found.run,
            made_up=session.settings.made_up,
            made_on=session.today,
            analyst=found.trainer,
            purpose=PURPOSE_WORDS[found.policy.purpose],
            outcome=found.audit.outcome_definition,
            snapshot=ground.linked.snapshot,
            data_hash=ground.linked.hash,
            register_hash=ground.register.hash,
            gate="Withheld when this page was made: no approval",
            models=(*_models(found), _file_itself(found)),
            paired=tuple(
                PairedRow(compared.chosen, name, metric, ranged(difference))
                for name, by_metric in compared.paired.items()
                for metric, difference in by_metric.items()
            ),
            periods=tuple(
                PeriodRow(
                    day(period.as_of), period.rows, period.events, {m: ranged(v) for m, v in period.metrics.items()}
                )
                for period in compared.periods
            ),
            features=tuple(
                FeatureRow(row["name"], row["words"], row["source"], row["sign"], row["missing"])
                for row in ground.register.as_table().to_dict("records")
            ),
            label_note=_label_note(found.training),
            cut_off=cut,
            notes=(found.stability.words,) if found.stability else (),
            choice=choice_content(compared.choice, cut_off=cut),
            sample=sample_content(compared.judged, found.training.outcome),
            studies=studies_content(found.annex.studies) if found.annex.studies else None,
        )
    )


def _models(found: Evidence) -> Iterator[ModelRow]:
    for name, metrics in found.compared.metrics.items():
        family = "model" if name in found.compared.models else "comparator, never released"
        yield ModelRow(name, family, _ranged(metrics), tag="Challenger" if name == found.chosen else "")


def _file_itself(found: Evidence) -> ModelRow:
    """The audited file on people and dates it did not learn from: other rows than the back-tests above it."""
    audited = found.final.audited
    family = f"the audited file, on {audited.size.people:,} other people"
    return ModelRow(f"{found.chosen} (the file itself)", family, _ranged(audited.metrics))


def _ranged(metrics: Mapping[str, Measured]) -> dict[str, Ranged]:
    return {metric: ranged(value) for metric, value in metrics.items()}


def ranged(value: Measured | Difference) -> Ranged:
    """A measured value as the page takes it."""
    return Ranged(value.value, value.low, value.high)


def _label_note(training: Training) -> str:
    last: dt.date = max(date.date() for date in training.table["as_of"])
    return f"The latest caseload whose outcome is known is that of {day(last)}; later ones are missing, not negative."


def points_card_page(found: Evidence) -> str:
    """The points card on one page: for use if it is the chosen model and released, else for comparison."""
    card, cut_offs = found.card, found.policy.cut_offs
    page = card.one_page()
    outcome, audited = found.training.outcome, found.final.audited
    rows = audited.rows if CARD not in found.beside else score_rows(card, found.training.judging, outcome)
    records = step_records(rows, outcome, SCORE, cut_offs)
    spans = points_of_steps(page.chances, cut_offs)
    shown = [record for record in records if record.step in spans]
    return card_page(
        CardContent(
            partnership=found.session.settings.name,
            version=found.run,
            made_up=found.session.settings.made_up,
            items=tuple(
                CardItem(item.question, item.points, card.features.get(item.feature).source, item.amounts)
                for item in page.items
            ),
            steps=tuple(CardStep(step, lowest, highest) for step, (lowest, highest) in spans.items()),
            records=tuple(shown),
            tested_on=audited.tested_on,
        )
    )


def points_of_steps(chances: Sequence[ChanceRow], cut_offs: CutOffs) -> dict[int, tuple[int | None, int | None]]:
    """The lowest and highest sum shown at each step that any sum reaches; open at both ends of the table."""
    steps = [(row.points, step_of(round(row.chance, 6), cut_offs)) for row in chances]
    found: dict[int, tuple[int | None, int | None]] = {}
    for step in dict.fromkeys(step for _, step in steps):
        points = [point for point, at in steps if at == step]
        found[step] = (min(points), max(points))
    first, last = min(found), max(found)
    found[first] = (None, found[first][1])
    found[last] = (found[last][0], None)
    return found


def write_run_pages(folder: Path, found: Evidence, board: FairnessContent) -> dict[str, Path]:
    """Write the run's pages and figures into its reports folder; returns the figures by name."""
    pages = {
        "fairness.html": fairness_page(board),
        "edition.json": edition(board, found.run).as_json(),
        "run.html": analyst_page(found),
        "card.html": points_card_page(found),
    }
    for name, text in pages.items():
        write_text(folder / "reports" / name, text)
    judged, profiles = found.compared.judged, found.training.table[list(found.ground.register.names)]
    figures = shap_figures(found.trees, profiles, found.session.settings.seed) if found.trees else {}
    y = judged[found.training.outcome].to_numpy(dtype=float)
    figures["reliability"] = reliability(
        y, {name: judged[name].to_numpy(dtype=float) for name in found.compared.models}
    )
    figures |= found.annex.figures()
    written = {}
    for name, content in figures.items():
        written[name] = folder / "reports" / f"{name}.svg"
        write_bytes(written[name], content)
    return written
