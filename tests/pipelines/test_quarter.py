"""A notebook takes a run made before only where a retrain would make that very run again."""

import datetime as dt
from pathlib import Path
from types import SimpleNamespace

import pytest

from desist.pipelines import quarter
from desist.pipelines.quarter import Quarter
from desist.pipelines.retrain import run_id
from desist.records.files import write_json
from desist.records.keys import KeyRegister
from desist.records.workspace import Workspace

DAY = dt.date(2026, 10, 1)
OUTCOME = "proven_reoffending"


def ground(register="register 1", on_hold=None):
    return SimpleNamespace(
        linked=SimpleNamespace(hash="linked 1"), register=SimpleNamespace(hash=register), on_hold=on_hold or {}
    )


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    """A quarter over a workspace with one analyst's key; policy and data are made up."""
    workspace = Workspace(tmp_path)
    key = KeyRegister(workspace.keys).create("A. Analyst", "analyst", b"a long password", created_on=DAY)
    monkeypatch.setattr(quarter, "load_policy", lambda _: SimpleNamespace(hash="policy 1"))
    monkeypatch.setattr(quarter, "load_ground", lambda _: ground())
    session = SimpleNamespace(workspace=workspace, settings=SimpleNamespace(as_json=lambda: {"seed": 1}))
    made = Quarter(session, Path(tmp_path), "A. Analyst", b"a long password")
    return SimpleNamespace(quarter=made, session=session, key=key)


def sealed(notebook, *, outcome=OUTCOME, card="", register="register 1", on_hold=None):
    run = run_id(notebook.session, ground(register, on_hold), DAY, ["policy 1", notebook.key, outcome, card])
    write_json(notebook.session.workspace.runs / run / "manifest.json", {})
    return run


def test_the_very_same_run_is_taken(notebook):
    assert notebook.quarter._made_before(DAY) is None
    run = sealed(notebook)
    assert notebook.quarter._made_before(DAY) == run
    assert notebook.quarter._made_before(dt.date(2026, 10, 2)) is None


@pytest.mark.parametrize(
    "other",
    [
        {"outcome": "serious_offence"},
        {"card": "a shared card"},
        {"register": "register 2"},
        {"on_hold": {"P1": "restricted"}},
    ],
)
def test_a_run_of_another_outcome_register_card_or_of_people_now_on_hold_is_not_taken_for_it(notebook, other):
    sealed(notebook, **other)
    assert notebook.quarter._made_before(DAY) is None
