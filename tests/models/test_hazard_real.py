"""Our hazard against scikit-survival's Cox model on two public tables: the small version of benchmarks/survival.py."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "survival.py"


@pytest.fixture(scope="module")
def survival():
    import sys

    spec = importlib.util.spec_from_file_location("survival_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses ask for it
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rossi", "recid"])
def test_concordance_is_not_below_coxs_beyond_noise(name, survival, shared_data):
    """One seed of five folds, people drawn again: the interval of the loss includes 0 or lies below it."""
    shared_data("rossi"), shared_data("wooldridge_crime")
    table = survival.load(name, shared_data("rossi").parent)
    assert not {"race", "black", "mar", "married"} & set(table.features.names)
    found = survival.compare(table, [survival.OURS, survival.COX, survival.RIDGE], seeds=1, replicates=500)
    for against in (survival.COX, survival.RIDGE):
        value, low, high = found.loss(against)
        print(f"{name} against {against}: concordance lost {value:.4f} ({low:.4f} to {high:.4f})")
        assert low <= 0
        assert found.brier_added(against)[1] <= 0


def test_age_that_the_file_has_in_months_is_read_in_years(survival, shared_data):
    table = survival.load("recid", shared_data("wooldridge_crime").parent)
    assert table.X["age_years"].between(16, 90).all() and len(table.time) == 1445
    assert int(table.event.sum()) == 552  # cens is 1 where somebody was not seen to return
    assert {"durat", "ldurat", "cens", "follow", "black", "married"}.isdisjoint(table.features.names)
    assert table.at[-1] == 69  # the first to be lost from sight was followed for 70 months
