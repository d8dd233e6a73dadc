"""``desist retrain``: from linked events to a sealed candidate with its evidence. It releases nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desist.fairness.approval.attempts import audit_event
from desist.fairness.approval.candidate import seal_candidate
from desist.fairness.policy import load_policy
from desist.models.judging.evaluate import Measured
from desist.pipelines.adults import read_adults
from desist.pipelines.advice import Advice
from desist.pipelines.evidence import Evidence
from desist.pipelines.gather import Asked, gather
from desist.pipelines.ground import Ground, check_made_up, code_hash, load_ground
from desist.pipelines.region_run import pack_for
from desist.pipelines.run_files import write_run
from desist.pipelines.run_tables import hashes_of_tables
from desist.pipelines.session import Session
from desist.pipelines.shared_card import SharedCard, read_shared
from desist.pipelines.standing import quarter_advice
from desist.pipelines.tracking import track_after
from desist.pipelines.training import DEFINITIONS, LEAST_EVENTS, OUTCOME, training_rows
from desist.records.errors import Refused
from desist.records.files import new_folder, write_json
from desist.records.hashing import hash_bytes, hash_json
from desist.records.keys import KeyRegister


@dataclass(frozen=True)
class Retrained:
    """A candidate run that was just made."""

    evidence: Evidence
    advice: Advice
    mlflow_version: str

    @property
    def run(self) -> str:
        return self.evidence.run

    def as_json(self) -> dict[str, Any]:
        compared, audited = self.evidence.compared, self.evidence.final.audited
        return {
            "run": self.run,
            "chosen": compared.chosen,
            "why": compared.choice.words,
            "auc": {name: metrics["auc"].value for name, metrics in compared.metrics.items()},
            "brier": {name: metrics["brier"].value for name, metrics in compared.metrics.items()},
            "audited": {name: audited.metrics[name].value for name in ("auc", "brier", "mean_score_less_rate")},
            "rows": len(self.evidence.training.table),
            "findings": {finding.id: finding.answer for finding in self.evidence.audit.findings},
            "advice": self.advice.as_json(),
            "mlflow_version": self.mlflow_version,
        }

    def as_text(self) -> str:
        compared, audited = self.evidence.compared, self.evidence.final.audited
        lines = [f"Candidate run {self.run}: {compared.chosen}. {compared.choice.words}", "Back-tests:"]
        for name, metrics in compared.metrics.items():
            lines.append(f"  {name:20} {_figures(metrics)}")
        people = f"{audited.size.people:,} people who taught it nothing"
        lines += [f"The file itself, on {audited.size.rows:,} rows of {people}:"]
        lines += [f"  {audited.name:20} {_figures(audited.metrics)}"]
        lines.append("The audit's decision findings:")
        findings = self.evidence.audit.findings
        lines += [f"  {finding.id:28} {finding.answer.replace('_', ' ')}" for finding in findings]
        lines += ["The released model this quarter:", *(f"  {line}" for line in self.advice.as_text().splitlines())]
        return "\n".join([*lines, "No release yet: the board decides (desist sign, desist release)."])


def _figures(metrics: Mapping[str, Measured]) -> str:
    return f"AUC {_number(metrics['auc'], 3)}   Brier {_number(metrics['brier'], 4)}"


def _number(measured: Measured, digits: int) -> str:
    if measured.value is None:
        return "cannot be told"
    return f"{measured.value:.{digits}f} ({measured.low:.{digits}f} to {measured.high:.{digits}f})"


@dataclass(frozen=True)
class _Taken:
    """What a retrain takes from elsewhere, or whatever the comparison says."""

    card: SharedCard | None
    as_it_is: bool
    pack: bytes | None
    take: str

    @property
    def rests_on(self) -> list[str]:
        """What of it makes another run of it; the first stands for the card, there or not."""
        told = ["as it is"] if self.as_it_is else []
        told += [hash_bytes(self.pack)] if self.pack else []
        return [self.card.hash if self.card else "", *told, *([self.take] if self.take else [])]


def _taken(session: Session, shared: Path | None, as_it_is: bool, region: Path | None, take: str) -> _Taken:
    """What was asked for, read and checked before any work. Raises Refused where it does not go together."""
    card = read_shared(shared) if shared else None
    if as_it_is and card is None:
        raise Refused("Only a shared card can be used as it is: name its file with --shared.")
    if take and card is not None:
        raise Refused(f"A shared card is taken as the model already: {take!r} cannot be asked for too.")
    pack = pack_for(session, region, card) if region else None
    return _Taken(card, as_it_is or pack is not None, pack, take)


def retrain(
    session: Session,
    as_of: dt.date,
    *,
    trainer: str,
    password: bytes,
    outcome: str = OUTCOME,
    shared: Path | None = None,
    as_it_is: bool = False,
    region: Path | None = None,
    take: str = "",
) -> Retrained:
    """Back-test, compare, fit, audit, track and seal; returns the candidate run.

    ``shared``: the file of another partnership's card, moved to this borough instead of fitting a model, or used
    ``as_it_is``. ``region``: a region's pack about that card, which implies as it is. ``take``: a model to take
    whatever the comparison says, as a region does that shares a card. Raises Refused where there is too little to
    learn from or the trainer has no key. Nothing is left half made.
    """
    if as_of > session.today:
        raise Refused(f"{as_of} is in the future: nobody knows yet what will be recorded before it.")
    keys = KeyRegister(session.workspace.keys)
    key = keys.find(trainer)
    keys.sign(key.key_id, password, b"")  # a wrong password is said now and not after the work
    policy_file = policy_of(session, outcome)
    policy = load_policy(policy_file)
    taken = _taken(session, shared, as_it_is, region, take)
    with session.workspace.lock():
        ground = load_ground(session)
        check_made_up(session, ground)
        run = run_id(session, ground, as_of, [policy.hash, key.key_id, outcome, *taken.rests_on])
        _keep_what_was_signed(session, run)
        session.say("Profiles and labels of past caseloads ...")
        least = 1 if taken.card else LEAST_EVENTS
        training = training_rows(session, ground, as_of, outcome, least=least)
        asked = Asked(
            run, trainer, as_of, outcome, policy, policy_file, taken.card, taken.as_it_is, taken.pack, taken.take
        )
        found = gather(session, ground, training, asked)
        session.say("Pages, figures and tracking ...")
        advice = quarter_advice(session, ground, training, policy.cut_offs, found.fitted, as_of=as_of)
        _seal(session, found, advice, policy_file, keys, key.key_id, password)
        tracked = track_after(session, run)
    return Retrained(found, advice, tracked.version if tracked else "")


def _seal(
    session: Session,
    found: Evidence,
    advice: Advice,
    policy_file: Path,
    keys: KeyRegister,
    key_id: str,
    password: bytes,
) -> None:
    """Write the run's folder, all of it or nothing, with the trainer's seal."""
    run = found.run
    with new_folder(session.workspace.runs / run) as folder:
        write_run(folder, found, policy_file, advice)
        seal_candidate(
            folder,
            key_id=key_id,
            keys=keys,
            password=password,
            sealed_on=session.today,
            made_up=session.settings.made_up,
            run=run,
        )
    write_json(session.workspace.runs / "newest.json", {"run": run})
    tables = hash_json(hashes_of_tables(session.workspace.runs / run))
    session.log.append("run.created", actor=key_id, role="analyst", dataset=run, reason=tables)
    session.log.append("audit.made", actor=key_id, role="analyst", dataset=run, **audit_event(found.audit))


def policy_of(session: Session, outcome: str) -> Path:
    """The policy of an outcome: policy.toml, or a file of its own for any but proven reoffending.

    Raises Refused where that is not there: cut-offs for a common outcome say nothing of a rare one.
    """
    if outcome not in {definition.name for definition in DEFINITIONS}:
        known = ", ".join(definition.name for definition in DEFINITIONS)
        raise Refused(f"A run is made for one of the outcomes {known}; found {outcome!r}.")
    if outcome == OUTCOME:
        return session.workspace.policy
    path = session.workspace.policy.with_name(f"policy-{outcome}.toml")
    if not path.exists():
        raise Refused(
            f"There is no {path.name}. The board sets cut-offs and limits for {outcome.replace('_', ' ')} in a policy "
            "of its own, before the first result is seen: copy policy.toml under that name and set them."
        )
    return path


def run_id(session: Session, ground: Ground, as_of: dt.date, rests_on: Sequence[str]) -> str:
    """Equal settings, extracts, register, policy, trainer, outcome and code on equal dates give one id.

    ``rests_on``: the hash of the policy, the trainer's key, the outcome, and the hash of a shared card or nothing.
    """
    adults = read_adults(session.workspace.root)
    held = [hash_json(sorted(ground.on_hold))] if ground.on_hold else []
    told = [*held, session.settings.as_json(), adults, ground.linked.hash, ground.register.hash, *rests_on, code_hash()]
    return f"{as_of.isoformat()}-{hash_json(told)[:12]}"


def _keep_what_was_signed(session: Session, run: str) -> None:
    """Refuse to make a run anew on which somebody has decided: its evidence is what their signature is about."""
    if (session.workspace.runs / run / "sign_offs").exists():
        raise Refused(
            f"The run {run} would be made anew with the same settings, extracts and policy, but decisions on it are "
            "recorded. It stays as it is: ask for a release of it, or change what the run rests on."
        )
