"""A small made-up partnership, taken in and linked, with a list and a run of hand-made figures."""

import datetime as dt
import shutil
from types import SimpleNamespace

import pandas as pd
import pytest

from desist.features.tables import CaseList, Estimate, Profiles, Reason
from desist.intake.holding.vault import Vault
from desist.intake.rights.person import identity_of, numbers_of
from desist.pipelines.demo import open_made_up
from desist.pipelines.lists import save_list
from desist.pipelines.rights.subject import about
from desist.pipelines.run_tables import hashes_of_tables
from desist.pipelines.session import open_session
from desist.pipelines.steps import link_people, take_in
from desist.records.files import write_json
from desist.records.hashing import hash_json
from desist.records.workspace import Workspace
from desist.simulation.write import simulate

RELEASE, RUN = "r1", "2026-10-01-run"


def quiet(text):
    """Progress that nobody reads."""


@pytest.fixture(scope="session")
def linked_workspace(tmp_path_factory):
    """Sixty people, read in and linked: a folder that no test changes, its extracts beside it."""
    folder = tmp_path_factory.mktemp("rights")
    simulate(folder / "extracts", people=60, seed=5)
    session = open_made_up(folder / "w", folder / "extracts", 5, quiet)
    take_in(session, folder / "extracts" / "extracts")
    link_people(session)
    return folder


@pytest.fixture
def session(linked_workspace, tmp_path):
    """A session in a copy of the workspace, with one list and one run."""
    shutil.copytree(linked_workspace / "w", tmp_path / "w")
    made = open_session(Workspace(tmp_path / "w"), actor="dpo.one", say=quiet)
    people = known_people(made)
    make_list(made, people)
    make_run(made, people)
    return made


@pytest.fixture
def extracts(linked_workspace):
    return linked_workspace / "extracts" / "extracts"


@pytest.fixture
def person(session):
    """Somebody whom probation and police know, with valid identifiers."""
    vault = Vault(session.workspace.vault)
    for one in known_people(session):
        numbers = numbers_of(vault, one)
        rows = identity_of(vault, numbers)
        if {"probation", "police"} <= set(numbers) and any(row["pnc"] for row in rows):
            return about(session, one, {})
    raise AssertionError("nobody is known to both")


@pytest.fixture
def world(session):
    """What tests ask of the workspace, by name."""
    return SimpleNamespace(people=known_people(session), list_id=list_of(session), run=RUN)


def list_of(session):
    return next(path.parent.name for path in session.workspace.lists.glob("*/manifest.json"))


def known_people(session):
    return sorted(set(Vault(session.workspace.vault).key_map()["person_id"]))


def make_list(session, people):
    reason = Reason("sanctions_2y", "two sanctions", "raises", "2", "police", "history", 0.4)
    rows = pd.DataFrame(
        [
            {"person_id": one, "supervision": "LICENCE", "supervision_end": pd.NaT, "iom_group": "FLEX",
             "needs_waiting": [], "changed": [], "last_contact": pd.NaT, "next_contact": pd.NaT,
             "review_due": pd.Timestamp("2026-10-05"), "lao": False}
            for one in people
        ]
    )  # fmt: skip
    scores = pd.DataFrame({"person_id": people, "as_of": pd.Timestamp("2026-10-01"), "score": 0.25})
    scores.loc[0, "score"] = float("nan")
    table = scores[["person_id", "as_of"]].assign(sanctions_2y=2.0, needs=float("nan"))
    estimates = {one: Estimate(2, ("borderline",), (reason,)) for one in people[1:]}
    estimates[people[0]] = Estimate(None, why_none="link")
    case_list = CaseList(dt.date(2026, 10, 1), dt.date(2026, 10, 29), RELEASE, rows, estimates)
    return save_list(session, case_list, scores, Profiles(table, ("sanctions_2y", "needs"), "schema"))


def make_run(session, people):
    folder = session.workspace.runs / RUN
    folder.mkdir(parents=True)
    scores = pd.DataFrame({"person_id": people * 2, "as_of": pd.Timestamp("2024-10-01"), "score": 0.5})
    scores.to_parquet(folder / "scores.parquet", index=False)
    scores.iloc[: len(people)].to_parquet(folder / "audited.parquet", index=False)
    told = pd.DataFrame({"person_id": people, "learnt": True, "judged": False})
    told.to_parquet(folder / "people.parquet", index=False)
    tables = hashes_of_tables(folder)
    write_json(folder / "manifest.json", {"made_on": "2026-10-01", "tables": tables})
    session.log.append("run.created", actor="t", role="analyst", dataset=RUN, reason=hash_json(tables))


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    """A test survives no power cut, so it need not wait for the disk; a kill loses nothing that was written."""
    monkeypatch.setattr("os.fsync", lambda handle: None)
