"""The second door on small made-up tables: what it writes, twice the same, and what its figures mean."""

import datetime as dt
import json
import re

import numpy as np
import pandas as pd
import pytest

from desist.pipelines.evaluate.associations import auc, feature_auc, likeness
from desist.pipelines.evaluate.data import Data
from desist.pipelines.evaluate.expressions import NUMBER, TEXT, Value
from desist.pipelines.evaluate.features import Feature, learn_coding
from desist.pipelines.evaluate.fit import make_splits, task_rows
from desist.pipelines.evaluate.parse import load_spec
from desist.pipelines.evaluate.run import evaluate
from desist.pipelines.evaluate.spec import FeatureSpec, Missing
from desist.pipelines.evaluate.tasks import selecting
from desist.records.errors import UserError

TODAY = dt.date(2026, 10, 1)

SPEC = """
title = "A made-up table"
caveats = ["Made up."]

[table]
file = "people.csv"
id = ["person", "seen_on"]
person = "person"
as_of = "seen_on"
outcome_derived = ["back"]

[rows.recent]
where = "date(seen_on) >= date('2023-07-01')"

[outcomes.back]
definition = "back within a year"
column = "back"

[features.convictions]
kind = "count"
sign = 1
missing = "as_value:0"

[features.kind_of_offence]
kind = "category"
sign = 0
missing = "own_effect"
at_least = 20

[features.kind_of_offence.labels]
"theft -" = "theft"

[features.age]
kind = "number"
sign = -1
missing = "own_effect"

[approvals.age]
covers = ["age"]
by = "A made-up board"
reason = "To show the cost"
expires = 2027-01-01

[characteristics.sex]
reference = "M"

[characteristics.age_band]
column = "age"
bands = [18, 25, 40]

[comparators.rival]
column = "rival"
range = [1, 10]
high_from = 6

[audit.findings.wrongly_high]
metric = "fpr"
characteristic = "sex"
margin = 0.05
minimum = 20
reason = "Nobody should be called high for their sex."

[tasks.everybody]
outcome = "back"
comparators = ["rival"]
audit = ["rival"]

[tasks.recent]
rows = "recent"
outcome = "back"
models = ["points_card", "monotone_lightgbm", "count_alone"]
comparators = ["rival"]
audit = ["rival", "monotone_lightgbm"]
cut_off = { like = "rival" }
protocol = { kind = "folds", folds = 2, seeds = [0, 1] }
expected_auc = [0.5, 0.95]

[models.points_card]
kind = "points_card"
max_items = 3

[models.count_alone]
kind = "prior_count"
feature = "convictions"

[intervals]
replicates = 200
"""


def made_up(rows=300, seed=5):
    draw = np.random.default_rng(seed)
    person = draw.integers(0, rows * 2 // 3, rows)
    convictions = draw.poisson(2, rows)
    return pd.DataFrame(
        {
            "person": [f"P{number:03d}" for number in person],
            "seen_on": (pd.Timestamp(2023, 1, 1) + pd.to_timedelta(np.arange(rows), unit="D")).strftime("%Y-%m-%d"),
            "convictions": np.where(draw.random(rows) < 0.1, np.nan, convictions),
            "kind_of_offence": draw.choice(
                ["theft", "theft -", "drugs", "rare one", ""], rows, p=[0.4, 0.1, 0.3, 0.03, 0.17]
            ),
            "age": draw.integers(18, 60, rows),
            "sex": draw.choice(["F", "M"], rows, p=[0.3, 0.7]),
            "rival": np.clip(convictions + draw.integers(0, 4, rows), 1, 10),
            "back": (draw.random(rows) < 0.1 + 0.1 * np.minimum(convictions, 7)).astype(int),
        }
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The same spec and table run twice; the folders of both runs, the result of the first, and the table."""
    root = tmp_path_factory.mktemp("door")
    table = made_up()
    (root / "data").mkdir()
    table.to_csv(root / "data" / "people.csv", index=False)
    (root / "spec.toml").write_text(SPEC, encoding="utf-8")
    result = evaluate(root / "spec.toml", root / "data", root / "one", today=TODAY, say=lambda line: None)
    evaluate(root / "spec.toml", root / "data", root / "two", today=TODAY, say=lambda line: None)
    return root, result, table


def test_the_same_spec_and_table_give_the_same_bytes(written):
    root, _, _ = written
    for name in ("metrics.json", "audit.json", "scores.parquet", "fairness.html", "spec.toml"):
        assert (root / "one" / name).read_bytes() == (root / "two" / name).read_bytes(), name


def test_the_manifest_says_what_it_was_made_from(written):
    root, _, _ = written
    manifest = json.loads((root / "one" / "manifest.json").read_text(encoding="utf-8"))
    assert set(manifest["files"]) == {"metrics.json", "audit.json", "scores.parquet", "fairness.html", "spec.toml"}
    assert len(manifest["data"]["people.csv"]) == 64
    assert manifest["spec"]["settings"]["features"]["convictions"]["sign"] == 1
    assert manifest["spec"]["settings"]["rows"]["recent"]["where"] == "date(seen_on) >= date('2023-07-01')"


def test_scores_hold_a_chance_for_every_row_and_seed_and_no_characteristic(written):
    root, _, table = written
    scores = pd.read_parquet(root / "one" / "scores.parquet")
    assert list(scores.columns) == ["task", "model", "seed", "id", "person", "as_of", "outcome", "score"]
    recent = int((table["seen_on"] >= "2023-07-01").sum())
    card = scores[(scores["model"] == "points_card") & (scores["seed"] == 1)]
    assert len(card) == recent
    assert card["score"].between(0, 1).all()
    assert (card["score"] * 1e6 % 1).round(6).isin([0, 1]).all()  # rounded to a millionth
    assert (card["outcome"].to_numpy() == table.loc[table["seen_on"] >= "2023-07-01", "back"].to_numpy()).all()


def test_the_rivals_audit_counts_what_can_be_counted_by_hand(written):
    root, _, table = written
    told = json.loads((root / "one" / "audit.json").read_text(encoding="utf-8"))["tasks"]["everybody"]["rival"]
    rows = {row["group"]: row for row in told["tables"]["sex"]}
    for sex in ("F", "M"):
        part = table[table["sex"] == sex]
        high = part["rival"] >= 6
        assert rows[sex]["fp"] == int((high & (part["back"] == 0)).sum())
        assert rows[sex]["fn"] == int((~high & (part["back"] == 1)).sum())
    fpr = {sex: rows[sex]["fp"] / (rows[sex]["fp"] + rows[sex]["tn"]) for sex in rows}
    assert told["ratios_to_reference"]["sex"]["F"]["fpr"] == pytest.approx(fpr["F"] / fpr["M"], abs=1e-9)
    assert told["ratios_to_reference"]["sex"]["M"]["fpr"] == 1.0


def test_a_score_that_is_no_chance_is_judged_by_its_order_alone(written):
    _, result, _ = written
    assert set(result.metrics["tasks"]["everybody"]["scores"]["rival"]) == {"auc"}
    assert set(result.metrics["tasks"]["recent"]["scores"]["rival"]) == {"auc"}
    assert {"brier", "ece"} < set(result.metrics["tasks"]["recent"]["scores"]["points_card"])


def test_what_the_approved_feature_is_worth_is_always_told(written):
    _, result, _ = written
    told = result.metrics["tasks"]["recent"]
    assert told["without_approved"] == {
        "model": "points_card_without_approved", "of": "points_card", "left_out": ["age"],
    }  # fmt: skip
    assert any(part["model"] == "points_card_without_approved" for part in told["differences"])


def test_a_model_is_cut_where_it_selects_nearest_to_as_many_as_the_rival(written):
    root, _, _ = written
    told = json.loads((root / "one" / "audit.json").read_text(encoding="utf-8"))["tasks"]["recent"]
    rival, ours = told["rival"]["everybody"]["selected"], told["monotone_lightgbm"]["everybody"]["selected"]
    scores = pd.read_parquet(root / "one" / "scores.parquet")
    score = scores.loc[(scores["model"] == "monotone_lightgbm") & (scores["seed"] == 0), "score"]
    possible = [int((score >= value).sum()) for value in score.unique()]
    assert abs(ours - rival) == min(abs(number - rival) for number in possible)


@pytest.mark.parametrize(("share", "cut_off"), [(0.25, 0.8), (0.55, 0.4), (0.8, 0.4), (1.0, 0.1), (0.0, 0.8)])
def test_equal_scores_stand_or_fall_together_at_a_cut_off(share, cut_off):
    assert selecting(np.array([0.1, 0.4, 0.4, 0.8]), share) == cut_off


def test_the_page_says_that_it_can_never_lead_to_a_release(written):
    root, result, _ = written
    page = (root / "one" / "fairness.html").read_text(encoding="utf-8")
    assert "can never lead to a release" in page
    assert "can never lead to a release" in result.as_text()
    assert result.metrics["never_a_release"] is True


def test_small_counts_are_hidden_on_the_page_unless_the_data_are_public(written):
    root, _, table = written
    few = table.assign(sex=table["sex"].where(table.index >= 3, "X"))
    (root / "few").mkdir()
    few.to_csv(root / "few" / "people.csv", index=False)
    one_task = SPEC[: SPEC.index("[tasks.recent]")] + "[intervals]\nreplicates = 200\n"
    for audience, hidden in (("partnership", True), ("public_data", False)):
        (root / "few.toml").write_text(one_task + f'\n[audit]\naudience = "{audience}"\n', encoding="utf-8")
        evaluate(root / "few.toml", root / "few", root / f"few-{audience}", today=TODAY, say=lambda line: None)
        page = (root / f"few-{audience}" / "fairness.html").read_text(encoding="utf-8")
        assert ("[c]" in page) is hidden
        ratios = page[page.index("Ratios to M, by sex") :]
        row_of_three = ratios[ratios.index('<th scope="row">X</th>') :].split("</tr>")[0]
        assert row_of_three.count("[c]") == (6 if hidden else 0)
        rates = page[page.index("Rates by sex") : page.index("Ratios to M, by sex")]
        # a rate to four decimals of some hundred people is one count and no other
        assert bool(re.search(r"0\.\d{3}", rates)) is not hidden
        assert bool(re.search(r"\d%", rates)) is hidden
        assert bool(re.search(r"\d\.\d{6}", ratios)) is not hidden


def test_nothing_of_an_evaluation_is_taken_for_a_candidate(written):
    root, _, _ = written
    names = {path.name for path in (root / "one").iterdir()}
    assert not names & {"cut_offs.json", "model", "register.json", "policy.toml"}


def test_an_earlier_evaluation_is_replaced_and_a_failed_one_leaves_it_alone(written):
    root, _, _ = written
    before = (root / "two" / "metrics.json").read_bytes()
    (root / "broken.toml").write_text(SPEC.replace("[0.5, 0.95]", "[0.5, 0.51]"), encoding="utf-8")
    with pytest.raises(UserError, match="better than was believable"):
        evaluate(root / "broken.toml", root / "data", root / "two", today=TODAY, say=lambda line: None)
    assert (root / "two" / "metrics.json").read_bytes() == before


def test_a_parquet_table_gives_the_same_figures_as_the_same_table_in_csv(written):
    root, result, table = written
    (root / "parquet").mkdir()
    typed = table.assign(
        seen_on=pd.to_datetime(table["seen_on"]).dt.date, kind_of_offence=table["kind_of_offence"].replace("", None)
    )
    typed.to_parquet(root / "parquet" / "people.parquet", index=False)
    (root / "parquet.toml").write_text(SPEC.replace("people.csv", "people.parquet"), encoding="utf-8")
    other = evaluate(root / "parquet.toml", root / "parquet", root / "three", today=TODAY, say=lambda line: None)
    assert other.metrics == result.metrics


# --- splits ---


def prepared(tmp_path, spec, table):
    from desist.pipelines.evaluate.data import load_data

    table.to_csv(tmp_path / "people.csv", index=False)
    (tmp_path / "spec.toml").write_text(spec, encoding="utf-8")
    parsed, problems = load_spec(tmp_path / "spec.toml")
    data = load_data(parsed, "spec.toml", tmp_path, problems)
    assert isinstance(data, Data)
    assert not problems
    return parsed, data


def test_all_rows_of_one_person_are_on_one_side_of_every_fold(tmp_path):
    spec, data = prepared(tmp_path, SPEC, made_up())
    rows = task_rows(data, spec.tasks["recent"])
    splits = make_splits(spec.tasks["recent"], data, rows, "", [])
    assert len(splits) == 4
    for split in splits:
        assert not set(rows.people[split.train]) & set(rows.people[split.test])


def test_a_time_split_scores_rows_from_the_written_day_on_and_trains_on_nobody_in_them(tmp_path):
    timed = SPEC.replace(
        '{ kind = "folds", folds = 2, seeds = [0, 1] }',
        '{ kind = "time", column = "seen_on", test_from = "2024-03-01" }',
    )
    spec, data = prepared(tmp_path, timed, made_up(600))
    rows = task_rows(data, spec.tasks["recent"])
    (split,) = make_splits(spec.tasks["recent"], data, rows, "", [])
    seen = data.as_of.iloc[rows.positions].to_numpy()
    assert seen[split.test].min() == np.datetime64("2024-03-01")
    assert seen[split.train].max() < np.datetime64("2024-03-01")
    assert not set(rows.people[split.train]) & set(rows.people[split.test])


def test_folds_are_those_of_scikit_learn_over_the_filtered_rows_in_file_order(tmp_path):
    from sklearn.model_selection import StratifiedKFold

    single = SPEC.replace('id = ["person", "seen_on"]\nperson = "person"', 'id = "seen_on"')
    spec, data = prepared(tmp_path, single.replace('as_of = "seen_on"\n', ""), made_up())
    rows = task_rows(data, spec.tasks["recent"])
    ours = make_splits(spec.tasks["recent"], data, rows, "", [])[2]
    theirs = next(StratifiedKFold(2, shuffle=True, random_state=1).split(np.zeros(len(rows.y)), rows.y))
    assert (ours.seed, ours.fold) == (1, 0)
    assert (ours.test == theirs[1]).all()


# --- coding of features ---


def category(values, **more):
    spec = FeatureSpec("how", "how", "category", 0, Missing("own_effect"), at_least=2, **more)
    return {"how": Feature(spec, pd.Series(values, dtype="str"))}


def test_a_level_that_the_training_rows_hardly_know_joins_other():
    features = category(["a", "a", "a", "b", "b", "c", None, "new", "new", "new", "c", "c"])
    coding = learn_coding(features, np.arange(7))
    assert coding.set.names == ("how = b", "how = other", "how = not known")
    told = coding.matrix(features, np.array([0, 3, 5, 6, 7]))
    assert told["how = b"].tolist() == [0, 1, 0, 0, 0]
    assert told["how = other"].tolist() == [0, 0, 1, 0, 1]
    assert told["how = not known"].tolist() == [0, 0, 0, 1, 0]


def test_a_category_of_thousands_of_levels_becomes_a_few_columns():
    levels = [f"level {number % 3000}" for number in range(9000)] + ["big"] * 500
    coding = learn_coding(category(levels), np.arange(len(levels)))
    assert len(coding.set.names) <= 41


def test_a_column_with_one_value_is_left_out_and_named():
    spec = FeatureSpec("same", "same", "number", 0, Missing("refuse"))
    coding = learn_coding({"same": Feature(spec, pd.Series([1.0, 1.0, 2.0]))}, np.array([0, 1]))
    assert coding.set.names == () and coding.constant == ("same",)


def test_a_missing_value_means_what_the_spec_says():
    spec = FeatureSpec("n", "n", "count", 1, Missing("as_value", "0"), log=True)
    features = {"n": Feature(spec, pd.Series([np.nan, 1.0, 3.0]))}
    coding = learn_coding(features, np.arange(3))
    assert coding.matrix(features, np.arange(3))["n"].tolist() == pytest.approx([0.0, np.log(2), np.log(4)])
    assert coding.set.get("n").sign == 1


def test_names_of_columns_hold_no_sign_that_lightgbm_refuses():
    coding = learn_coding(category(["a", "a", "a", 'x: "1", [2]', 'x: "1", [2]', None]), np.arange(6))
    assert not set('",:[]{}') & set("".join(coding.set.names))


# --- associations ---


def test_auc_counts_ties_half():
    assert auc(np.array([1.0, 0, 1, 0]), np.array([2.0, 1, 1, 1])) == 0.75


def test_a_feature_that_tells_by_its_middle_values_is_found_too():
    values = pd.Series(np.tile(np.arange(100.0), 20))
    y = ((values >= 40) & (values < 60)).to_numpy(dtype=float)
    assert auc(y, values.to_numpy()) == pytest.approx(0.5, abs=0.01)
    assert feature_auc(values, y, seed=0) > 0.99


def test_a_key_tells_nothing_of_another_column_on_rows_held_out():
    draw = np.random.default_rng(0)
    keys = pd.Series([f"k{number}" for number in range(400)])
    sex = pd.Series(draw.choice(["F", "M"], 400))
    assert likeness(keys, sex) < 0.2
    assert likeness(sex.map({"F": 1.0, "M": 0.0}), sex) == 1.0


def test_a_few_odd_rows_do_not_make_two_columns_alike():
    rare = pd.Series([1.0] * 3 + [0.0] * 997)
    assert likeness(rare, rare) == 0.0


def test_kinds_of_columns_are_as_read():
    assert Value(NUMBER, pd.Series([1.0])).kind == NUMBER and Value(TEXT, "x").written
