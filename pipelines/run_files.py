"""What a run leaves: the candidate's files, metrics.json, scores of past cohorts, the manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from desist.fairness.approval.candidate import FOLDER, MANIFEST, read_plain_files, write_policy_files
from desist.fairness.approval.few_events import PEOPLE_WITH_OUTCOME
from desist.fairness.approval.region import FILE as REGION
from desist.fairness.approval.region import region_answers
from desist.fairness.approval.scrutiny_file import FILE as SCRUTINY
from desist.features.tables import ROW
from desist.models.conformance.check import write_conformance
from desist.models.files import save_model
from desist.models.judging.evaluate import metrics_to_json
from desist.models.judging.gaps import learn_plausible, save_plausible
from desist.models.judging.refits import save_refits
from desist.models.judging.uncertainty import save_ranges
from desist.pipelines.advice import Advice
from desist.pipelines.audited import SCORE, Audited
from desist.pipelines.board_page import BOARD, board_content
from desist.pipelines.compare import Period
from desist.pipelines.evidence import Evidence
from desist.pipelines.ground import POPULATION, code_hash
from desist.pipelines.model_card import FILE as MODEL_CARD
from desist.pipelines.model_card import ModelCard
from desist.pipelines.run_pages import write_run_pages
from desist.pipelines.run_tables import hashes_of_tables
from desist.pipelines.steps_of import step_records
from desist.records.files import write_bytes, write_json, write_text
from desist.reports.kept import to_json


def write_run(folder: Path, found: Evidence, policy: Path, advice: Advice) -> None:
    """Fill the run's folder: what the board is asked about, results, pages."""
    session, ground = found.session, found.ground
    candidate = folder / FOLDER
    candidate.mkdir()
    write_policy_files(candidate, policy)
    save_model(found.final.model, candidate)
    write_conformance(found.final.model, candidate, seed=session.settings.seed)
    save_refits(found.refits, candidate)
    save_ranges(found.ranges, candidate)
    save_plausible(learn_plausible(found.training.learnt, ground.register.feature_set()), candidate)
    write_text(candidate / "audit.json", found.audit.to_json())
    write_json(candidate / SCRUTINY, found.scrutiny.told.as_json())
    if found.region is not None:
        write_bytes(candidate / REGION, found.region)
    board = board_content(found, region_answers(read_plain_files(candidate)[0]))
    write_text(candidate / BOARD, to_json(board))
    write_json(candidate / "register.json", ground.register.to_json())
    write_json(candidate / "population.json", {**POPULATION.to_json(), "words": POPULATION.in_words()})
    write_json(candidate / "schema.json", _schema(found))
    write_json(candidate / MODEL_CARD, _model_card(found).as_json())
    write_json(folder / "metrics.json", _metrics(found))
    write_json(folder / "advice.json", advice.as_json())
    _past_scores(found).to_parquet(folder / "scores.parquet", index=False)
    found.final.audited.rows.to_parquet(folder / "audited.parquet", index=False)
    _people(found).to_parquet(folder / "people.parquet", index=False)
    write_run_pages(folder, found, board)
    write_json(folder / MANIFEST, _manifest(found) | {"tables": hashes_of_tables(folder)})


def _past_scores(found: Evidence) -> pd.DataFrame:
    """Back-test scores of the models. Comparators' stay out: what they go by, career length, stands for age."""
    return found.compared.judged[[*ROW, found.training.outcome, *found.compared.models]]


def _people(found: Evidence) -> pd.DataFrame:
    """Whom the models learnt from and who judged them: so that erasure can name the runs that a person is in."""
    training = found.training
    learnt, judged = (set(rows["person_id"].astype(str)) for rows in (training.learners, training.judging))
    people = sorted(learnt | judged)
    told = {"learnt": [one in learnt for one in people], "judged": [one in judged for one in people]}
    return pd.DataFrame({"person_id": people, **told})


def _manifest(found: Evidence) -> dict[str, Any]:
    """What may differ between two runs of the same settings, extracts and seed stands here and nowhere else."""
    return {
        "run": found.run,
        "made_on": found.session.today.isoformat(),
        "settings": found.session.settings.as_json(),
        "snapshots": {source: day.isoformat() for source, day in found.ground.linked.snapshots.items()},
        "linked": found.ground.linked.hash,
        "code": code_hash(),
    }


def _schema(found: Evidence) -> dict[str, Any]:
    """What a row of a profile is, and what its label means."""
    register = found.ground.register
    return {
        "register": register.hash,
        "features": list(register.names),
        "outcomes": dict(found.training.outcomes.definitions),
        PEOPLE_WITH_OUTCOME: {found.training.outcome: found.training.people_with_outcome},
        "days_to_mature": found.training.definition.days_to_mature,
    }


def _model_card(found: Evidence) -> ModelCard:
    final, training = found.final, found.training
    refit = final.refit if final.is_refit else None
    audited = final.audited
    return ModelCard(
        family=found.chosen,
        version=found.run,
        tested_on=audited.tested_on,
        trained_rows=refit.rows if refit else audited.learnt_rows,
        trained_people=refit.people if refit else audited.learnt_people,
        steps=step_records(audited.rows, training.outcome, SCORE, found.policy.cut_offs),
        file="refit" if refit else "audited",
    )


def _metrics(found: Evidence) -> dict[str, Any]:
    """metrics.json: every figure with its interval, what stands behind it, and which file it is of."""
    training, compared, final = found.training, found.compared, found.final
    labels, cut_offs = training.outcomes.table, found.policy.cut_offs
    return {
        "outcome": training.outcome,
        "chosen": found.chosen,
        "why": compared.choice.words,
        "choice": compared.choice.to_json(),
        "sample": vars(compared.size),
        "models": {name: metrics_to_json(measured) for name, measured in compared.metrics.items()},
        "chosen_less_other": {name: metrics_to_json(paired) for name, paired in compared.paired.items()},
        "over_history_length": compared.over_history.to_json() if compared.over_history else None,
        "periods": [_period(period) for period in compared.periods],
        "audited": _audited(final.audited),
        "refit": final.refit.as_json() if final.refit else None,
        "shared": found.shared.as_json() if found.shared else None,
        "released_file": "refit" if final.is_refit else "audited",
        "outcomes": {
            name: {
                "definition": definition,
                "known": int(labels[name].notna().sum()),
                "events": int(labels[name].sum()),
            }
            for name, definition in training.outcomes.definitions.items()
        },
        "unknown_labels": training.unknown_labels(),
        "ranges": {"words": found.ranges.words, "steps": [vars(step) for step in found.ranges.step(cut_offs.steps)]},
        "stability": found.stability.to_json() if found.stability else None,
        "annex": found.annex.to_json(),
    }


def _audited(audited: Audited) -> dict[str, Any]:
    """The file's own figures on people and dates it did not learn from."""
    return {
        "model": audited.name,
        "learnt": {
            "dates": [date.isoformat() for date in audited.learnt_dates],
            "rows": audited.learnt_rows,
            "people": audited.learnt_people,
        },
        "sample": vars(audited.size),
        "metrics": metrics_to_json(audited.metrics),
        "periods": [_period(period) for period in audited.periods],
    }


def _period(period: Period) -> dict[str, Any]:
    return {
        "as_of": period.as_of.isoformat(),
        "rows": period.rows,
        "events": period.events,
        **metrics_to_json(period.metrics),
    }
