"""``desist retrain``: from linked events to a sealed candidate with its evidence. It releases nothing."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desist.fairness.audit import Audit
from desist.fairness.candidate import FOLDER, MANIFEST, seal_candidate, write_policy_files
from desist.fairness.policy import Policy, load_policy
from desist.models.files import save_model
from desist.models.judging.evaluate import Measured, metrics_to_json
from desist.pipelines.audit_run import audit_compared, selection_today
from desist.pipelines.compare import MODELS, Compared, compare
from desist.pipelines.evidence import Evidence
from desist.pipelines.final import fit_final
from desist.pipelines.ground import POPULATION, Ground, build_profiles_on, check_made_up, code_hash, load_ground
from desist.pipelines.model_card import FILE as MODEL_CARD
from desist.pipelines.model_card import ModelCard
from desist.pipelines.run_pages import write_run_pages
from desist.pipelines.session import Session
from desist.pipelines.steps_of import step_records
from desist.pipelines.tracking import Tracked, track
from desist.pipelines.training import Training, outcome_definitions, training_rows
from desist.records.errors import Refused
from desist.records.files import new_folder, write_json, write_text
from desist.records.hashing import hash_json
from desist.records.keys import KeyRegister


@dataclass(frozen=True)
class Retrained:
    """A candidate run that was just made."""

    run: str
    compared: Compared
    audit: Audit
    training: Training
    mlflow_version: str

    def as_json(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "chosen": self.compared.chosen,
            "why": self.compared.choice.words,
            "auc": {name: metrics["auc"].value for name, metrics in self.compared.metrics.items()},
            "brier": {name: metrics["brier"].value for name, metrics in self.compared.metrics.items()},
            "rows": len(self.training.table),
            "findings": {finding.id: finding.answer for finding in self.audit.findings},
            "mlflow_version": self.mlflow_version,
        }

    def as_text(self) -> str:
        lines = [f"Candidate run {self.run}: {self.compared.chosen}. {self.compared.choice.words}"]
        for name, metrics in self.compared.metrics.items():
            auc, brier = metrics["auc"], metrics["brier"]
            lines.append(f"  {name:18} AUC {_number(auc, 3)}   Brier {_number(brier, 4)}")
        lines.append("The audit's decision findings:")
        lines += [f"  {finding.id:28} {finding.answer.replace('_', ' ')}" for finding in self.audit.findings]
        return "\n".join([*lines, "No release yet: the board decides (desist sign, desist release)."])


def _number(measured: Measured, digits: int) -> str:
    if measured.value is None:
        return "cannot be told"
    return f"{measured.value:.{digits}f} ({measured.low:.{digits}f} to {measured.high:.{digits}f})"


def retrain(session: Session, as_of: dt.date, *, trainer: str, password: bytes) -> Retrained:
    """Back-test, compare, fit, audit, track and seal; returns the candidate run.

    Raises Refused where there is too little to learn from or the trainer has no key. Nothing is left half made.
    """
    if as_of > session.today:
        raise Refused(f"{as_of} is in the future: nobody knows yet what will be recorded before it.")
    keys = KeyRegister(session.workspace.keys)
    key = keys.find(trainer)
    keys.sign(key.key_id, password, b"")  # a wrong password is said now and not after the work
    policy = load_policy(session.workspace.policy)
    with session.workspace.lock():
        ground = load_ground(session)
        check_made_up(session, ground)
        run = _run_id(session, ground, as_of, policy, key.key_id)
        _keep_what_was_signed(session, run)
        session.say("Profiles and labels of past caseloads ...")
        training = training_rows(session, ground, as_of)
        session.say(f"Back-tests on {len(training.table):,} rows of past caseloads ...")
        compared = compare(session, ground, training)
        final = fit_final(session, training, ground.register.feature_set(), compared, policy.cut_offs)
        session.say("Audit across communities ...")
        today = selection_today(ground, build_profiles_on(session, ground, as_of), final.model, policy)
        audit = audit_compared(session, ground, training, compared, policy, today)
        found = Evidence(run, trainer, session, ground, training, compared, final, policy, audit)
        session.say("Pages, figures and tracking ...")
        with new_folder(session.workspace.runs / run) as folder:
            tracked = _write(folder, found)
            seal_candidate(
                folder,
                key_id=key.key_id,
                keys=keys,
                password=password,
                sealed_on=session.today,
                made_up=session.settings.made_up,
                run=run,
            )
        write_json(session.workspace.runs / "newest.json", {"run": run})
        session.log.append("run.created", actor=key.key_id, role="analyst", dataset=run)
        session.log.append("audit.made", actor=key.key_id, role="analyst", dataset=run, reason=audit.hash)
    return Retrained(run, compared, audit, training, tracked.version)


def _run_id(session: Session, ground: Ground, as_of: dt.date, policy: Policy, trainer_key: str) -> str:
    """Equal settings, extracts, register, policy, trainer and code on equal dates give one id."""
    told = [session.settings.as_json(), ground.linked.hash, ground.register.hash, policy.hash, trainer_key, code_hash()]
    return f"{as_of.isoformat()}-{hash_json(told)[:12]}"


def _keep_what_was_signed(session: Session, run: str) -> None:
    """Refuse to make a run anew on which somebody has decided: its evidence is what their signature is about."""
    if (session.workspace.runs / run / "sign_offs").exists():
        raise Refused(
            f"The run {run} would be made anew with the same settings, extracts and policy, but decisions on it are "
            "recorded. It stays as it is: ask for a release of it, or change what the run rests on."
        )


def _write(folder: Path, found: Evidence) -> Tracked:
    """Fill the run's folder: what the board is asked about, results, pages, tracking."""
    session, ground, compared = found.session, found.ground, found.compared
    candidate = folder / FOLDER
    candidate.mkdir()
    write_policy_files(candidate, session.workspace.policy)
    save_model(found.final.model, candidate)
    write_text(candidate / "audit.json", found.audit.to_json())
    write_json(candidate / "register.json", ground.register.to_json())
    write_json(candidate / "population.json", {**POPULATION.to_json(), "words": POPULATION.in_words()})
    write_json(candidate / "schema.json", _schema(found))
    write_json(candidate / MODEL_CARD, _model_card(found).as_json())
    write_json(folder / "metrics.json", _metrics(found))
    compared.judged.to_parquet(folder / "scores.parquet", index=False)
    tracked = track(
        f"sqlite:///{session.workspace.tracking.resolve()}",
        session.workspace.root / "mlflow",
        name=found.run,
        settings=session.settings.as_json(),
        data_hashes={"linked": ground.linked.hash, "register": ground.register.hash},
        metrics=_plain_metrics(compared),
        candidate=candidate,
        figures=write_run_pages(folder, found),
    )
    write_json(folder / MANIFEST, _manifest(found, tracked))
    return tracked


def _manifest(found: Evidence, tracked: Tracked) -> dict[str, Any]:
    """What may differ between two runs of the same settings, extracts and seed stands here and nowhere else."""
    return {
        "run": found.run,
        "made_on": found.session.today.isoformat(),
        "mlflow_run": tracked.run_id,
        "mlflow_version": tracked.version,
        "settings": found.session.settings.as_json(),
        "snapshots": {source: day.isoformat() for source, day in found.ground.linked.snapshots.items()},
        "linked": found.ground.linked.hash,
    }


def _schema(found: Evidence) -> dict[str, Any]:
    """What a row of a profile is, and what its label means."""
    register = found.ground.register
    return {
        "register": register.hash,
        "features": list(register.names),
        "outcomes": dict(found.training.outcomes.definitions),
        "days_to_mature": outcome_definitions(found.session.settings.data_lag_days)[0].days_to_mature,
    }


def _model_card(found: Evidence) -> ModelCard:
    compared = found.compared
    return ModelCard(
        family=compared.chosen,
        version=found.run,
        tested_on=compared.tested_on,
        trained_rows=found.final.rows,
        trained_people=found.final.people,
        steps=step_records(compared.judged, compared.chosen, found.policy.cut_offs),
    )


def _metrics(found: Evidence) -> dict[str, Any]:
    """metrics.json: every figure with its interval, what stands behind it, and how the refit differs."""
    training, compared, final = found.training, found.compared, found.final
    labels = training.outcomes.table
    return {
        "chosen": compared.chosen,
        "why": compared.choice.words,
        "choice": {name: value for name, value in vars(compared.choice).items() if name != "words"},
        "sample": vars(compared.size),
        "models": {name: metrics_to_json(measured) for name, measured in compared.metrics.items()},
        "chosen_less_other": {name: metrics_to_json(paired) for name, paired in compared.paired.items()},
        "periods": [
            {
                "as_of": period.as_of.isoformat(),
                "rows": period.rows,
                "events": period.events,
                **metrics_to_json(period.metrics),
            }
            for period in compared.periods
        ],
        "outcomes": {
            name: {
                "definition": definition,
                "known": int(labels[name].notna().sum()),
                "events": int(labels[name].sum()),
            }
            for name, definition in training.outcomes.definitions.items()
        },
        "unknown_labels": training.unknown_labels(),
        "refit": {
            "itself_audited": False,
            "largest_difference": round(final.largest_difference, 6),
            "rows_that_change_step": final.moved,
            "rows": final.compared_rows,
        },
    }


def _plain_metrics(compared: Compared) -> dict[str, float]:
    """Figures by model for MLflow, which takes numbers only."""
    return {
        f"{name.replace(' ', '_')}.{metric}": measured.value
        for name in MODELS
        for metric, measured in compared.metrics[name].items()
        if measured.value is not None
    }
