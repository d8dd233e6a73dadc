"""Before a release and before any estimate the model must score as it did when it was sealed."""

import pytest

from desist.fairness.approval.gate import SUSPENDED
from desist.pipelines import conforming
from desist.pipelines.conforming import conformance_causes


@pytest.fixture
def asked(monkeypatch):
    """How often a folder was checked, and what the check finds there; nothing is kept from other tests."""
    folders = []

    def check(folder):
        folders.append({path.name: path.read_bytes() for path in folder.iterdir()})
        return ["one thing", "another"]

    conforming._problems.cache_clear()
    monkeypatch.setattr(conforming, "check_conformance", check)
    yield folders
    conforming._problems.cache_clear()


def test_each_problem_is_a_cause_that_pauses_estimates(asked):
    files = {"model.json": b"{}", "model-trees.txt": b"tree", "conformance.json": b"{}", "policy.toml": b""}
    causes = list(conformance_causes(files))
    assert [cause.state for cause in causes] == [SUSPENDED, SUSPENDED]
    assert causes[0].text.endswith("when it was sealed: one thing") and causes[1].text.endswith("another")
    assert asked == [{name: files[name] for name in ("model.json", "model-trees.txt", "conformance.json")}]


def test_the_same_bytes_are_scored_once_and_other_bytes_again(asked):
    files = {"model.json": b"{}", "conformance.json": b"{}"}
    for changed in ({}, {}, {"model.json": b"{ }"}):
        list(conformance_causes({**files, **changed}))
    assert len(asked) == 2


def test_a_candidate_without_conformance_rows_is_a_cause():
    conforming._problems.cache_clear()
    (cause,) = conformance_causes({"model.json": b"{}"})
    assert "comes without conformance.json" in cause.text
