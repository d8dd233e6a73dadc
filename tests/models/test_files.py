"""Models as files: the same scores from the file, and nothing read that is not what was saved."""

import json
import math
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desist.models.estimators.calibration import Calibrated
from desist.models.estimators.comparators import BaseRate, CopasRate, PriorCount
from desist.models.estimators.ebm import Steps
from desist.models.files import load_model, model_from_json, model_hash, save_model
from desist.records.errors import Refused
from desist.records.hashing import canonical_json, hash_json


@pytest.fixture(scope="module")
def models(made_up, fitted):
    later = made_up.rows(900, seed=2)
    rivals = (
        BaseRate(made_up.features),
        PriorCount(made_up.features, priors="sanctions"),
        CopasRate(made_up.features, priors="sanctions", years_since_first="years_clear"),
    )
    found = dict(fitted)
    found |= {f"calibrated {name}": Calibrated(model).fit(*later) for name, model in fitted.items()}
    return found | {model.kind: model.fit(made_up.table, made_up.outcome) for model in rivals}


FITTED = ("card", "spline", "boosting", "ebm")
NAMES = [*FITTED, *(f"calibrated {name}" for name in FITTED)]


@pytest.mark.parametrize("name", [*NAMES, "base_rate", "prior_count", "copas_rate"])
def test_a_loaded_model_gives_identical_scores_contributions_and_hash(models, made_up, tmp_path, name):
    model = models[name]
    written = save_model(model, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    table, _ = made_up.rows(300, seed=7)
    assert type(loaded) is type(model)
    assert (loaded.predict_proba(table) == model.predict_proba(table)).all()
    pd.testing.assert_frame_equal(loaded.contributions(table), model.contributions(table))
    pd.testing.assert_series_equal(loaded.reference_, model.reference_)
    assert written == model_hash(model) == model_hash(loaded)


def test_the_files_are_text_without_pickle_and_the_trees_are_lightgbms(models, tmp_path):
    import lightgbm

    save_model(models["calibrated boosting"], tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model-trees.txt", "model.json"]
    for path in tmp_path.iterdir():
        path.read_text(encoding="utf-8")
        with pytest.raises(pickle.UnpicklingError):
            pickle.loads(path.read_bytes())
    assert lightgbm.Booster(model_file=str(tmp_path / "model-trees.txt")).num_trees() == 150


def test_saving_twice_gives_the_same_bytes(models, tmp_path):
    for folder in ("one", "two"):
        save_model(models["boosting"], tmp_path / folder)
    for name in ("model.json", "model-trees.txt"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_other_files_of_a_candidate_stay_and_old_trees_go(models, tmp_path):
    (tmp_path / "policy.toml").write_text("kept")
    save_model(models["boosting"], tmp_path)
    save_model(models["card"], tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "policy.toml"]


@pytest.mark.parametrize("name", NAMES)
def test_one_changed_number_is_refused(models, tmp_path, name):
    save_model(models[name], tmp_path)
    path = tmp_path / "model.json"
    written = json.loads(path.read_text())
    inner = written["model"].get("model", written["model"])
    inner["columns"]["low"][0] += 0.001
    path.write_text(json.dumps(written))
    with pytest.raises(Refused, match="hash differs"):
        load_model(tmp_path)


def test_one_changed_leaf_is_refused_before_lightgbm_reads_it(models, tmp_path):
    save_model(models["boosting"], tmp_path)
    trees = tmp_path / "model-trees.txt"
    trees.write_text(trees.read_text().replace("leaf_value=-", "leaf_value=", 1))
    with pytest.raises(Refused, match=r"model-trees\.txt .* hash differs"):
        load_model(tmp_path)
    trees.unlink()
    with pytest.raises(Refused, match="missing"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no readable"),
        ("[1, 2]", "not a desist-model"),
        ('{"format": "other"}', "not a desist-model"),
        ('{"format": "desist-model", "version": 2}', "has version 2"),
        ('{"format": "desist-model", "version": 1, "model": {}}', "lacks its model"),
    ],
)
def test_what_is_not_our_format_is_refused(tmp_path, content, said):
    (tmp_path / "model.json").write_text(content)
    with pytest.raises(Refused, match=said):
        load_model(tmp_path)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(Refused, match="no readable"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"kind": "neural_network", "learnt": {}},
        {"kind": "points_card"},
        {"kind": "points_card", "features": [], "settings": {"run": "this"}, "columns": {}, "learnt": {}},
        {"kind": "spline_logistic", "features": [], "settings": {}, "columns": {}, "learnt": {}},
        {"kind": "calibrated", "model": {"kind": "base_rate"}},
    ],
)
def test_a_kind_or_part_we_do_not_make_is_refused_though_its_hash_is_right(tmp_path, told):
    written = {"format": "desist-model", "version": 1, "files": {}, "model": told, "hash": hash_json(told)}
    (tmp_path / "model.json").write_text(json.dumps(written))
    with pytest.raises(Refused):
        load_model(tmp_path)


def test_a_model_recalibrated_twice_is_refused(models):
    told = models["calibrated card"].to_json()
    with pytest.raises(Refused, match="recalibrated twice"):
        model_from_json({**told, "model": told})


def test_a_profile_column_of_the_reference_that_is_unknown_survives_the_file(made_up, tmp_path):
    from desist.models.estimators.spline import SplineLogistic

    mostly = made_up.table.assign(years_clear=np.where(np.arange(1500) % 4, np.nan, made_up.table["years_clear"]))
    model = SplineLogistic(made_up.features).fit(mostly, made_up.outcome)
    assert np.isnan(model.reference_["years_clear"])
    save_model(model, tmp_path)
    pd.testing.assert_series_equal(load_model(tmp_path).reference_, model.reference_)


FIT_ALL = """
import json, sys
sys.path.insert(0, sys.argv[1])
from conftest import FEATURES, all_models, made_up_rows
from desist.models.estimators.calibration import Calibrated
from desist.models.files import load_model, model_hash, save_model
from pathlib import Path

table, outcome = made_up_rows(500, seed=1)
found = {}
for name, model in all_models(FEATURES).items():
    fitted = Calibrated(model.fit(table, outcome, people=[f"P{row // 2}" for row in range(500)])).fit(table, outcome)
    hashes = [save_model(fitted, Path(name)), model_hash(load_model(Path(name)))]
    found[name] = [*hashes, fitted.decision_function(table)[:9].tolist()]
print(json.dumps(found))
"""


def test_two_fresh_environments_give_every_model_the_same_hash_and_scores(tmp_path):
    found = []
    for number, (hash_seed, threads) in enumerate((("0", "1"), ("4242", "2"))):
        folder = tmp_path / f"place{number}"
        folder.mkdir()
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "TZ": f"UTC{number}"} | dict.fromkeys(names, threads)
        command = [sys.executable, "-c", FIT_ALL, str(Path(__file__).parent)]
        ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        found.append(json.loads(ran.stdout))
    one, other = found
    assert set(one) == set(FITTED)
    for name in FITTED:
        assert one[name] == other[name]
        assert one[name][0] == one[name][1]


@given(numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=6))
def test_every_number_comes_back_from_a_file_to_the_last_bit(numbers):
    cuts = sorted(set(numbers))
    steps = Steps(tuple(cuts), (*cuts, 0.1 + 0.2), -5e-324)
    again = Steps.from_json(json.loads(canonical_json(steps.to_json())))
    assert again == steps
    assert [math.copysign(1, value) for value in again.scores] == [math.copysign(1, value) for value in steps.scores]
