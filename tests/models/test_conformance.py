"""Made-up rows travel with a model; two scorers that share nothing must give them the scores that were stored."""

import ast
import json
import math
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from desist.models.conformance import check, scorer, trees
from desist.models.conformance.check import check_conformance, conformance_of, write_conformance
from desist.models.conformance.rows import made_up_rows
from desist.models.conformance.scorer import export_in, inner_of, scorer_of
from desist.models.estimators.boosting import MonotoneBoosting
from desist.models.estimators.calibration import Calibrated
from desist.models.estimators.card import PointsCard
from desist.models.estimators.comparators import BaseRate
from desist.models.estimators.spline import SplineLogistic
from desist.models.files import model_from_json, save_model
from desist.records.errors import Refused
from desist.records.hashing import canonical_json, hash_json

KINDS = ["card", "spline", "ebm", "boosting"]


@pytest.fixture(scope="module")
def calibrated(made_up, fitted):
    few = MonotoneBoosting(made_up.features, trees=25).fit(made_up.table, made_up.outcome)
    later = made_up.rows(1200, seed=2)
    return {name: Calibrated(model).fit(*later) for name, model in {**fitted, "boosting": few}.items()}


@pytest.fixture
def sealed(calibrated, tmp_path):
    """A function that saves a kind of model with its conformance rows and gives the folder."""

    def save(kind):
        save_model(calibrated[kind], tmp_path)
        write_conformance(calibrated[kind], tmp_path)
        return tmp_path

    return save


def altered(folder, change):
    """The folder with another model in it that is sound in itself: only what it scores is different."""
    told = export_in(folder)
    change(told, inner_of(told))
    save_model(model_from_json(told), folder)
    return check_conformance(folder)


def rewritten(folder, change, *, hashed=True):
    """The folder with other stored rows; with ``hashed`` their own hash fits again."""
    stored = json.loads((folder / check.FILE).read_text(encoding="utf-8"))
    change(stored)
    if hashed:
        stored["hash"] = hash_json({name: value for name, value in stored.items() if name != "hash"})
    (folder / check.FILE).write_bytes(canonical_json(stored))
    return check_conformance(folder)


@pytest.mark.parametrize("kind", KINDS)
def test_both_scorers_agree_with_the_stored_scores(sealed, kind):
    folder = sealed(kind)
    assert check_conformance(folder) == []
    stored = json.loads((folder / check.FILE).read_text(encoding="utf-8"))
    assert len(stored["rows"]) == len(stored["logits"]) == 500
    assert (stored["points"] is None) == (kind != "card")


@pytest.mark.parametrize("kind", KINDS)
def test_the_second_scorer_gives_the_logits_of_people_it_never_saw(made_up, calibrated, kind):
    table, _ = made_up.rows(300, seed=9)
    score = scorer_of(calibrated[kind].to_json())
    again = [score([None if math.isnan(value) else value for value in row]).logit for row in table.to_numpy().tolist()]
    assert np.abs(np.array(again) - calibrated[kind].decision_function(table)).max() < 1e-9


def test_the_rows_hold_thresholds_and_what_lies_just_beside_them_ends_missing_and_out_of_range(calibrated):
    told = calibrated["card"].to_json()
    inner = inner_of(told)
    rows = made_up_rows(told)
    for item in inner["learnt"]["items"]:
        column = {row[list(scorer.features_of(told)).index(item["feature"])] for row in rows}
        if item["form"] != "missing":
            way = item.get("step", 0.0) * (-1 if item["form"] == "<=" else 1)
            for mark in (item["threshold"] + way * time for time in range(item.get("times", 1))):
                assert {mark, math.nextafter(mark, -math.inf), math.nextafter(mark, math.inf)} <= column
        assert None in column
    for place in range(len(inner["features"])):
        column = {row[place] for row in rows}
        low, high = inner["columns"]["low"][place], inner["columns"]["high"][place]
        assert {low, high} <= column
        known = column - {None}
        assert min(known) < low and max(known) > high
        assert any(low < value < high for value in known)
    assert rows[0] == inner["columns"]["typical"]


def test_the_rows_come_from_the_exported_file_alone_and_are_the_same_each_time(made_up, calibrated):
    told = json.loads(json.dumps(calibrated["boosting"].to_json()))
    one, again, other = made_up_rows(told), made_up_rows(told), made_up_rows(told, seed=1)
    assert one == again != other
    people = {tuple(row) for row in made_up.table.to_numpy().tolist()}
    assert not people & {tuple(row) for row in one}


def test_the_rows_hold_every_threshold_of_the_trees_on_the_side_that_a_person_sees(calibrated):
    """The trees see a feature that raises negated; what counts is the value as the profile has it."""
    told = calibrated["boosting"].to_json()
    rows, grown = made_up_rows(told), trees.read_trees(inner_of(told)["learnt"]["trees"])
    for name in ("sanctions", "years_clear"):
        place = list(scorer.features_of(told)).index(name)
        sign = inner_of(told)["features"][place]["sign"]
        asked = {t for tree in grown for c, t in zip(tree.columns, tree.thresholds, strict=True) if c == place}
        assert asked and {-sign * threshold for threshold in asked} <= {row[place] for row in rows}


def swap_weights(told, inner):
    weights = inner["learnt"]["weights"]
    used = [place for place, weight in enumerate(weights[:-1]) if abs(weight) > 1e-3]
    one, other = used[0], used[-1]
    weights[one], weights[other] = weights[other], weights[one]


def swap_points(told, inner):
    items = inner["learnt"]["items"]
    other = next(item for item in items if item["points"] != items[0]["points"])
    items[0]["points"], other["points"] = other["points"], items[0]["points"]


def swap_steps(told, inner):
    scores = max((table["scores"] for table in inner["learnt"]["steps"]), key=len)
    scores[0], scores[-1] = scores[-1], scores[0]


def move_cut(told, inner):
    table = max(inner["learnt"]["steps"], key=lambda table: len(table["cuts"]))
    table["cuts"][0] = math.nextafter(table["cuts"][0], -math.inf)


def swap_leaves(told, inner):
    lines = inner["learnt"]["trees"].splitlines(keepends=True)
    place = next(number for number, line in enumerate(lines) if line.startswith("leaf_value="))
    values = lines[place].removeprefix("leaf_value=").split()
    values[0], values[1] = values[1], values[0]  # the text stays as long as it says it is
    lines[place] = f"leaf_value={' '.join(values)}\n"
    inner["learnt"]["trees"] = "".join(lines)


def other_missing(told, inner):
    """Missing values of one split go the other way."""
    lines = inner["learnt"]["trees"].splitlines(keepends=True)
    for place, line in enumerate(lines):
        decisions = line.removeprefix("decision_type=").split()
        if line.startswith("decision_type=") and "10" in decisions:  # unknown goes left; now right, in as many bytes
            decisions[decisions.index("10")] = "08"
            lines[place] = f"decision_type={' '.join(decisions)}\n"
            break
    else:
        raise AssertionError("no split sends an unknown value to the left")
    inner["learnt"]["trees"] = "".join(lines)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("spline", swap_weights), ("card", swap_points), ("ebm", swap_steps), ("ebm", move_cut),
        ("boosting", swap_leaves), ("boosting", other_missing),
    ],
)  # fmt: skip
def test_a_swapped_coefficient_is_caught(sealed, kind, change):
    problems = altered(sealed(kind), change)
    assert any(text.startswith("the second scorer and the stored scores differ in") for text in problems)


@pytest.mark.parametrize("kind", KINDS)
def test_an_exchanged_feature_is_caught(sealed, kind):
    def exchange(told, inner):
        one, other = inner["features"][0], inner["features"][3]
        one["name"], other["name"] = other["name"], one["name"]

    folder = sealed(kind)
    assert altered(folder, exchange) != []

    # nor does it help to exchange the names that stand beside the stored scores
    def follow(stored):
        names = stored["features"]
        names[0], names[3] = names[3], names[0]

    if kind == "card":  # its items name the feature they ask for
        assert rewritten(folder, follow) != []


@pytest.mark.parametrize("amount", [1.0, 1e-12])
def test_an_altered_threshold_is_caught_however_little_it_moved(sealed, amount):
    def move(told, inner):
        item = next(item for item in inner["learnt"]["items"] if item["form"] != "missing")
        item["threshold"] += amount * (1 if item["form"] == ">=" else -1) * max(abs(item["threshold"]), 1.0)

    assert altered(sealed("card"), move) != []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", ["intercept", "slope"])
def test_a_changed_line_of_recalibration_is_caught(sealed, kind, part):
    def change(told, inner):
        told["learnt"][part] += 1e-7

    assert any("differ in" in text for text in altered(sealed(kind), change))


@pytest.mark.parametrize("hashed", [True, False])
def test_edited_rows_are_caught_with_and_without_their_hash(sealed, hashed):
    def edit(stored):
        place = stored["features"].index("sanctions")
        for row in stored["rows"][2:]:
            row[place] = 0.0

    problems = rewritten(sealed("spline"), edit, hashed=hashed)
    assert ("was" in problems[0] and "changed" in problems[0]) if not hashed else "differ in" in problems[0]


def test_edited_scores_are_caught(sealed):
    def edit(stored):
        stored["logits"][7] += 1e-8

    assert rewritten(sealed("card"), edit) == [
        "the second scorer and the stored scores differ in 1 of 500 made-up rows, by up to 1e-08 on the logit"
    ]


def test_fewer_rows_or_none_at_all_are_caught(sealed):
    folder = sealed("card")

    def cut(stored):
        for name in ("rows", "logits", "points"):
            stored[name] = stored[name][:20]

    assert "fewer than 500" in rewritten(folder, cut)[0]
    (folder / check.FILE).unlink()
    assert "comes without conformance.json" in check_conformance(folder)[0]
    (folder / check.FILE).write_text("[]")
    assert "cannot be read" in check_conformance(folder)[0]


def test_a_fault_in_the_first_scorer_is_caught(sealed, monkeypatch):
    folder = sealed("card")
    right = PointsCard._points_by_feature
    monkeypatch.setattr(PointsCard, "_points_by_feature", lambda self, matrix: right(self, np.nan_to_num(matrix)))
    told = check_conformance(folder)
    assert any(text.startswith("the model and the second scorer differ") for text in told)
    assert any(text.startswith("the model and its stored scores differ") for text in told)


def test_a_fault_in_the_second_scorer_is_caught(sealed, monkeypatch):
    folder = sealed("spline")
    monkeypatch.setattr(scorer, "LARGEST", 2.0)
    problems = check_conformance(folder)
    assert any(text.startswith("the second scorer and the stored scores differ") for text in problems)
    assert not any(text.startswith("the model and its stored scores") for text in problems)


def test_contributions_and_points_are_held_against_each_other_too(sealed):
    folder = sealed("card")

    def move(stored):
        stored["parts"]["licence"] = [0.01] * 500
        stored["points"][0] += 1

    problems = rewritten(folder, move)
    assert any("what licence adds" in text for text in problems) and any("the points differ" in t for t in problems)


def test_a_kind_that_the_second_scorer_does_not_know_cannot_be_sealed(made_up, tmp_path):
    model = BaseRate(made_up.features).fit(made_up.table, made_up.outcome)
    save_model(model, tmp_path)
    with pytest.raises(Refused, match="knows no base_rate"):
        write_conformance(model, tmp_path)
    (tmp_path / check.FILE).write_text("{}")
    assert check_conformance(tmp_path) != []


def test_a_model_whose_scorers_disagree_cannot_be_sealed(fitted, tmp_path, monkeypatch):
    save_model(fitted["card"], tmp_path)
    monkeypatch.setattr(scorer, "_marks_reached", lambda item, value: int(value > item["threshold"]))
    with pytest.raises(Refused, match="cannot be sealed: the second scorer"):
        write_conformance(fitted["card"], tmp_path)


def test_the_second_scorer_stands_on_the_standard_library_alone():
    ours = {"desist.models.conformance.trees", "desist.models.conformance.scorer"}
    for module in (scorer, trees):
        tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
        asked = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        asked |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not {name for name in asked - ours if name.partition(".")[0] not in sys.stdlib_module_names}
    seen = "import sys, desist.models.conformance.scorer; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "pandas", "lightgbm", "desist.models.estimators", "desist.models.files"} & set(loaded)


def test_trees_longer_than_their_text_says_are_never_handed_to_lightgbm(sealed, monkeypatch):
    """LightGBM ends the whole process over them."""
    folder = sealed("boosting")
    monkeypatch.setattr(check, "load_model", lambda folder: pytest.fail("handed to LightGBM"))
    path = folder / "model-trees.txt"
    path.write_text(path.read_text(encoding="utf-8").replace("leaf_value=", "leaf_value= ", 1), encoding="utf-8")
    assert "not as long as their text says" in check_conformance(folder)[0]


def test_a_model_of_a_constant_column_and_of_missing_columns_conforms(made_up, tmp_path):
    table = made_up.table.assign(licence=1.0, kept_share=np.nan)[:500]
    for make in (partial(SplineLogistic, shrinkage=10.0), partial(MonotoneBoosting, trees=5)):
        fitted = make(made_up.features).fit(table, made_up.outcome[:500])
        folder = tmp_path / fitted.kind
        save_model(fitted, folder)
        write_conformance(fitted, folder)
        again = pd.DataFrame(conformance_of(fitted)["rows"], columns=list(made_up.features.names), dtype=float)
        assert again["licence"].nunique() > 2
