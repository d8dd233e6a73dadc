"""What the bootstrap's speed is measured against gives the same numbers, on what is pinned."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from desist.fairness.statistics.bootstrap import people_bootstrap, times_drawn

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def rival():
    sys.path.insert(0, str(BENCHMARKS))
    yield importlib.import_module("rivals.group_loop")
    sys.path.remove(str(BENCHMARKS))


@pytest.fixture(scope="module")
def made_up():
    random = np.random.default_rng(1)
    score = np.round(random.random(400), 2)
    people = np.r_[np.arange(250), random.integers(0, 250, 150)]
    return (random.random(400) < score).astype(float), score, people, random.integers(0, 5, 400)


def test_the_plain_loop_finds_the_same_in_every_group_on_the_same_draws(rival, made_up):
    y, score, people, codes = made_up
    drawn = people_bootstrap(y, score, people, codes, 5, cut_off=0.4, replicates=3, seed=8)
    times = times_drawn(250, replicates=3, seed=8)
    order, starts = rival.rows_of_people(people)
    for number in range(3):
        rows = rival.rows_drawn(order, starts, times[:, number])
        found = rival.replicate(y, score, codes, 5, rows, 0.4, outside=True)
        for place, metric in enumerate(rival.METRICS):
            assert found[:5, place] == pytest.approx(drawn.inside[metric][number], abs=1e-12), metric
            assert found[5:, place] == pytest.approx(drawn.outside[metric][number], abs=1e-12), metric


def test_fairlearn_finds_the_same_with_and_without_the_call_it_could_save(rival, made_up):
    y, score, _, codes = made_up
    asked = {"cut_off": 0.4, "replicates": 2, "seed": 3}
    before = rival.fairlearns(y, score, codes, **asked)
    with rival.without_the_avoidable_call():
        after = rival.fairlearns(y, score, codes, **asked)
    assert before.by_group.equals(after.by_group)
    assert all(one.equals(other) for one, other in zip(before.by_group_ci, after.by_group_ci, strict=True))
    plain = rival.replicate(y, score, codes, 5, np.arange(400), 0.4, outside=False)
    assert before.by_group.to_numpy(float) == pytest.approx(plain, abs=1e-12)


def test_the_rivals_versions_are_those_of_the_lock_file():
    text = (BENCHMARKS / "rivals" / "audit_requirements.txt").read_text(encoding="utf-8")
    pinned = dict(line.split("==") for line in text.splitlines() if "==" in line)
    lock = (BENCHMARKS.parent / "requirements.lock").read_text(encoding="utf-8")
    assert set(pinned) == {"fairlearn", "numpy", "pandas", "scikit-learn"}
    assert all(f"\n{name}=={version} " in f"\n{lock}" for name, version in pinned.items())
