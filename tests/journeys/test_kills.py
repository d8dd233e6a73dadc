"""An analyst's computer dies while files are read or people linked, or its disk is full: the old state or the new one.

The long run, 50 kills at random moments, is benchmarks/kill_storm.py; what it found is in docs/benchmarks/kills.md.
"""

import importlib
import os
import signal
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="kills by signal, forks")


@pytest.fixture(scope="module")
def storms():
    """The benchmark module, which is a script's: it lies on the path only while these tests run."""
    sys.path.insert(0, str(BENCHMARKS))
    yield importlib.import_module("kill_storm")
    sys.path.remove(str(BENCHMARKS))


@pytest.fixture(scope="module")
def storm(storms, tmp_path_factory):
    made = storms.prepare(tmp_path_factory.mktemp("storm"), people=120, seed=3)
    yield made
    made.server.close()


@pytest.mark.parametrize(("step", "share"), [("intake", 0.45), ("intake", 0.9), ("linkage", 0.9)])
def test_a_killed_step_leaves_nothing_wrong_and_ends_as_if_it_had_not_been(storms, storm, tmp_path, step, share):
    code, left, faults = storms.disturbed(storm, step, tmp_path / "w", kill_after=share * storm.seconds[step])
    assert code in (-signal.SIGKILL, storms.ENDED)
    assert left in ("old", "new") and faults == []


@pytest.mark.parametrize(("step", "share"), [("intake", 0.3), ("linkage", 0.3)])
def test_a_full_disk_is_said_in_a_sentence_and_leaves_nothing_wrong(storms, storm, tmp_path, step, share):
    code, left, faults = storms.disturbed(storm, step, tmp_path / "w", largest_file=int(share * storm.sizes[step]))
    assert code == storms.SAID
    assert left in ("old", "new") and faults == []


def test_the_storm_would_see_a_step_that_leaves_something_else(storms, storm, tmp_path, monkeypatch):
    """The protocol itself: held against another end, the same step is found to end otherwise."""
    monkeypatch.setitem(storm.ends, "linkage", "0" * 64)
    _, _, faults = storms.disturbed(storm, "linkage", tmp_path / "w", kill_after=0.01)
    assert faults == ["the step run again ended otherwise"]
