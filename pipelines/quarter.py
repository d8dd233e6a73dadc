"""The quarter from a notebook: the same steps as on the command line, with their figures as tables.

``Quarter`` gives aggregate figures alone: no method hands out a row or an estimate of a person. A step that was done
already is not done again, so that a notebook can be run from the top as often as one likes.
"""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from desist.fairness.approval.candidate import FOLDER, MANIFEST
from desist.fairness.policy import load_policy
from desist.models.estimators.calibration import Calibrated
from desist.models.estimators.card import PointsCard
from desist.models.files import load_model
from desist.pipelines.demo import HISTORY_START, PASSWORD, TRAINER, open_made_up, sign_made_up
from desist.pipelines.gate import candidate_of, release_candidate
from desist.pipelines.ground import load_ground
from desist.pipelines.recipes import COMPARATORS, MODELS
from desist.pipelines.retrain import policy_of, retrain, run_id
from desist.pipelines.score import score_caseload
from desist.pipelines.session import Session, open_session, released_run
from desist.pipelines.standing import quarter_advice
from desist.pipelines.steps import link_people, take_in
from desist.pipelines.tracking import promote
from desist.pipelines.training import OUTCOME, training_rows
from desist.records.errors import Refused
from desist.records.files import read_json
from desist.records.keys import KeyRegister
from desist.records.workspace import Workspace
from desist.simulation.write import simulate

__all__ = ["Quarter", "Run"]

MEASURES = {
    "auc": "AUC",
    "brier": "Brier",
    "brier_gain": "Brier gain over the base rate",
    "calibration_slope": "calibration slope",
    "mean_score_less_rate": "mean chance less rate",
    "precision": "precision at the cut-off",
}
DIGITS = 3


@dataclass(frozen=True)
class Run:
    """A candidate run as its files tell it."""

    folder: Path
    metrics: Mapping[str, Any]

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def chosen(self) -> str:
        """The family of the file that would be released."""
        return str(self.metrics["chosen"])

    @property
    def why(self) -> str:
        """Why this family, in the words of the choice."""
        return str(self.metrics["why"])

    def models(self) -> pd.DataFrame:
        """Every model and comparator on the back-tests: measure by measure, with its 95 % interval."""
        found = self.metrics["models"]
        return pd.DataFrame({name: _told(found[name]) for name in (*MODELS, *COMPARATORS) if name in found}).T

    def audited(self) -> pd.Series:
        """The file itself, on people and dates it did not learn from."""
        return pd.Series(_told(self.metrics["audited"]["metrics"]), name=self.id)

    def periods(self) -> pd.DataFrame:
        """The chosen model's back-tests date by date."""
        rows = {
            period["as_of"]: {"rows": period["rows"], "events": period["events"], **_told(period)}
            for period in self.metrics["periods"]
        }
        return pd.DataFrame(rows).T

    def against(self, last: Run) -> pd.DataFrame:
        """Both audited files side by side, each on the people and dates of its own audit."""
        return pd.DataFrame({f"last: {last.id[:10]}": last.audited(), f"this: {self.id[:10]}": self.audited()})

    def card(self) -> pd.Series:
        """Points by sentence of the run's card; empty where the file is no points card."""
        model = load_model(self.folder / FOLDER)
        card = model.model if isinstance(model, Calibrated) else model
        if not isinstance(card, PointsCard):
            return pd.Series(dtype=float, name="points")
        told = {item.sentence.rpartition(" (")[0]: item.points for item in card.one_page().items}
        return pd.Series(told, name="points", dtype="int64")

    def card_against(self, last: Run) -> pd.DataFrame:
        """Points by sentence in both cards; 0 where a card does not ask."""
        found = pd.DataFrame({"last": last.card(), "this": self.card()}).fillna(0).astype("int64")
        return found.assign(change=found["this"] - found["last"])


class Quarter:
    """One partnership's quarter. ``made_up`` makes one to try things on; ``open`` takes your own workspace."""

    def __init__(self, session: Session, extracts: Path, trainer: str, password: bytes) -> None:
        self.session = session
        self.extracts = extracts
        self._trainer, self._password = trainer, password

    @classmethod
    def made_up(cls, folder: str | Path, *, people: int, seed: int) -> Quarter:
        """A made-up partnership in ``folder``, its agencies' files beside it; the one already there is opened.

        Raises Refused where the folder holds a real partnership, or a made-up one of another seed.
        """
        root = Path(folder)
        extracts = root.with_name(f"{root.name}-extracts")
        if not Workspace(root).exists():
            simulate(extracts, people=people, seed=seed, history_start=HISTORY_START)
            session = open_made_up(root, extracts, seed, _quiet)
        else:
            session = open_session(Workspace(root), actor="notebook", say=_quiet)
        if not session.settings.made_up or session.settings.seed != seed:
            raise Refused(f"{root} holds another partnership, so nothing in it was touched. Name another folder.")
        return cls(session, extracts / "extracts", TRAINER, PASSWORD)

    @classmethod
    def open(cls, workspace: str | Path, *, extracts: str | Path, trainer: str, password: bytes) -> Quarter:
        """Your own workspace; ``trainer`` and ``password`` are those of the key that signs what is trained."""
        return cls(
            open_session(Workspace(Path(workspace)), actor="notebook", say=_quiet), Path(extracts), trainer, password
        )

    def take_in(self) -> str:
        """Read the agencies' files through their agreements; returns what was accepted, in words."""
        return take_in(self.session, self.extracts).as_text()

    def link(self) -> str:
        """Give every person one pseudonym across agencies; returns counts, in words."""
        return link_people(self.session).as_text()

    def retrain(self, as_of: str | dt.date | None = None) -> Run:
        """A candidate run standing on a date (today if none is given); the very same run made before is taken."""
        day = dt.date.fromisoformat(as_of) if isinstance(as_of, str) else as_of or self.session.today
        made = self._made_before(day)
        if made is None:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="IProgress")  # a progress bar that nobody asked for
                made = retrain(self.session, day, trainer=self._trainer, password=self._password).run
        return self.run(made)

    def run(self, run: str) -> Run:
        """A run by its id."""
        folder = self.session.workspace.runs / run
        return Run(folder, read_json(folder / "metrics.json"))

    def _made_before(self, day: dt.date) -> str | None:
        """The sealed run that a retrain would make again: of the same id, so of all that a run rests on."""
        workspace = self.session.workspace
        policy, key = load_policy(policy_of(self.session, OUTCOME)), KeyRegister(workspace.keys).find(self._trainer)
        made = run_id(self.session, load_ground(self.session), day, [policy.hash, key.key_id, OUTCOME, ""])
        return made if (workspace.runs / made / MANIFEST).exists() else None

    def findings(self, run: Run) -> pd.DataFrame:
        """The audit's answers to the questions the policy set beforehand, and for whom each is open."""
        audit = candidate_of(self.session, run.id).audit
        rows = [(f.id, f.metric, f.characteristic, f.answer.replace("_", " "), ", ".join(f.open_groups))
                for f in audit.findings]  # fmt: skip
        return pd.DataFrame(rows, columns=["finding", "measure", "between", "answer", "open for"]).set_index("finding")

    def sign(self, run: Run) -> str:
        """Have the demo keys approve a run. Raises Refused in a real partnership: its board signs, one by one."""
        if not self.session.settings.made_up:
            raise Refused("A real board signs with its own keys: desist sign. A notebook cannot sign for anybody.")
        if (run.folder / "sign_offs").exists():
            return f"The run {run.id} is signed already."
        said: list[str] = []
        sign_made_up(self.session, run.id, said.append)
        return "\n".join(text.strip() for text in said)

    def release(self, run: Run) -> str:
        """Release a run that its board approved; returns what is in force, in words. Raises Withheld otherwise."""
        if released_run(self.session) == run.id:
            return f"The run {run.id} is released already."
        return "\n".join([release_candidate(self.session, run.id).as_text(), promote(self.session, run.id)])

    def score(self) -> str:
        """Make today's list under the release in force; returns counts, in words. Raises Withheld without one."""
        return score_caseload(self.session, self.session.today).as_text()

    def advice(self, released: Run, candidate: Run) -> str:
        """Keep, recalibrate, refit or replace, from what became known since ``released``; nothing is changed."""
        session, as_of = self.session, dt.date.fromisoformat(candidate.id[:10])
        ground = load_ground(session)
        outcome = str(candidate.metrics["outcome"])
        training = training_rows(session, ground, as_of, outcome)
        fitted = {}
        if candidate.metrics["released_file"] == "audited":  # a refit on everybody has no judges left
            fitted[candidate.chosen] = load_model(candidate.folder / FOLDER)
        cut_offs = load_policy(policy_of(session, outcome)).cut_offs
        return quarter_advice(session, ground, training, cut_offs, fitted, as_of=as_of, released=released.id).as_text()


def _told(found: Mapping[str, Any]) -> dict[str, str]:
    """The measures a reader asks for first, each with its interval; an empty text where it cannot be told."""
    return {words: _with_interval(found[name]) for name, words in MEASURES.items() if isinstance(found.get(name), dict)}


def _with_interval(measured: Mapping[str, float | None]) -> str:
    value, low, high = (measured[name] for name in ("value", "low", "high"))
    if value is None or low is None or high is None:
        return ""
    return f"{value:.{DIGITS}f} ({low:.{DIGITS}f} to {high:.{DIGITS}f})"


def _quiet(_: str) -> None:
    """Progress is for the command line."""
