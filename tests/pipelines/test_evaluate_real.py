"""The second door on real, public tables: the published audit cell by cell, and the figures of every example.

Expected values stand in the READMEs of the data, written by others; none is copied from a run of ours.
"""

import datetime as dt
import json
from pathlib import Path

import pandas as pd
import pytest

from desist.pipelines.evaluate.parse import load_spec
from desist.pipelines.evaluate.run import evaluate
from desist.records.errors import UserError

TODAY = dt.date(2026, 10, 1)
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

# group: n, TN, FP, FN, TP, FPR, FNR (README of compas_broward, high = decile 5 and more, all 7,214 rows)
PUBLISHED = {
    ("race", "African-American"): (3696, 990, 805, 532, 1369, 0.4485, 0.2799),
    ("race", "Caucasian"): (2454, 1139, 349, 461, 505, 0.2345, 0.4772),
    ("race", "Hispanic"): (637, 318, 87, 129, 103, 0.2148, 0.5560),
    ("race", "Other"): (377, 208, 36, 90, 43, 0.1475, 0.6767),
    ("sex", "Female"): (1395, 609, 288, 195, 303, 0.3211, 0.3916),
    ("sex", "Male"): (5819, 2072, 994, 1021, 1732, 0.3242, 0.3709),
}
# characteristic, group, rate: ratio to the reference group, as Aequitas prints it
RATIOS = {
    ("race", "African-American", "fpr"): 1.912093,
    ("race", "African-American", "fnr"): 0.586416,
    ("race", "African-American", "fdr"): 0.906085,
    ("race", "African-American", "for"): 1.213154,
    ("race", "African-American", "selection"): 1.690224,
    ("race", "Hispanic", "fpr"): 0.915887,
    ("race", "Hispanic", "fnr"): 1.165140,
    ("race", "Other", "fpr"): 0.629057,
    ("race", "Other", "fnr"): 1.417970,
    ("sex", "Female", "fpr"): 0.990343,
    ("sex", "Female", "fnr"): 1.055810,
    ("sex", "Female", "fdr"): 1.336425,
    ("sex", "Female", "for"): 0.734738,
    ("age_cat", "Less than 25", "fpr"): 1.621868,
    ("age_cat", "Less than 25", "fnr"): 0.696781,
    ("age_cat", "Greater than 45", "fpr"): 0.503031,
    ("age_cat", "Greater than 45", "fnr"): 1.531238,
}


def run(spec_text, data, folder, name="spec.toml"):
    spec = folder / name
    spec.write_text(spec_text, encoding="utf-8")
    return evaluate(spec, data, folder / "out", today=TODAY, say=lambda line: None)


def example(name):
    return (EXAMPLES / f"{name}.toml").read_text(encoding="utf-8")


def only_the_rivals_audit():
    """The Broward example without the tasks that fit models, and with few replicates."""
    text = example("broward")
    return text[: text.index("[tasks.filtered]")] + "\n[intervals]\nreplicates = 200\n"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    data = Path(__file__).resolve().parents[3] / "shared" / "data" / "compas_broward"
    if not data.exists():
        return None
    folder = tmp_path_factory.mktemp("broward")
    run(only_the_rivals_audit(), data, folder)
    told = json.loads((folder / "out" / "audit.json").read_text(encoding="utf-8"))
    return told["tasks"]["compas_as_published"]["compas_decile"], folder


def test_the_audit_of_the_decile_gives_every_cell_that_was_published(shared_data, published):
    shared_data("compas_broward")
    told, _ = published
    rows = {(name, row["group"]): row for name, table in told["tables"].items() for row in table}
    for key, (n, tn, fp, fn, tp, fpr, fnr) in PUBLISHED.items():
        row = rows[key]
        assert (row["n"], row["tn"], row["fp"], row["fn"], row["tp"]) == (n, tn, fp, fn, tp), key
        assert round(row["measures"]["fpr"]["value"], 4) == fpr, key
        assert round(row["measures"]["fnr"]["value"], 4) == fnr, key
    assert told["everybody"]["n"] == 7214


def test_the_audit_of_the_decile_gives_every_ratio_that_was_published(shared_data, published):
    shared_data("compas_broward")
    told, _ = published
    assert told["reference_groups"] == {"race": "Caucasian", "sex": "Male", "age_cat": "25 - 45"}
    for (characteristic, group, rate), ratio in RATIOS.items():
        assert round(told["ratios_to_reference"][characteristic][group][rate], 6) == ratio, (group, rate)


def test_the_published_cells_and_ratios_stand_on_the_page(shared_data, published):
    shared_data("compas_broward")
    page = (published[1] / "out" / "fairness.html").read_text(encoding="utf-8")
    for cells in PUBLISHED.values():
        assert all(f"{count:,}" in page for count in cells[:5])
    assert all(f"{ratio:.6f}" in page for ratio in RATIOS.values())


def test_point_values_are_fairlearns(shared_data, published):
    from fairlearn.metrics import MetricFrame, false_positive_rate

    data = pd.read_csv(shared_data("compas_broward") / "compas-scores-two-years.deidentified.csv.gz")
    frame = MetricFrame(
        metrics=false_positive_rate,
        y_true=data["two_year_recid"],
        y_pred=(data["decile_score"] >= 5).astype(int),
        sensitive_features=data["race"],
    )
    rows = {row["group"]: row for row in published[0]["tables"]["race"]}
    for group, value in frame.by_group.items():
        row = rows[group]
        assert row["fp"] / (row["fp"] + row["tn"]) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize(
    ("column", "kind", "found"),
    [
        ("compas_screening_date", "category", "a calendar date"),
        ("c_jail_in", "category", "a calendar date"),
        ("id", "count", "the table's id"),
        ("r_charge_degree", "category", "known only with or after the outcome"),
        ("c_jail_out", "category", "known only with or after the outcome"),
        ("race", "category", "the characteristic 'race'"),
        ("age", "count", "the characteristic 'age_cat' under another name"),
        ("decile_score", "count", "the score of the comparator"),
        ("decile_score.1", "count", "the score of the comparator"),
    ],
)
def test_columns_that_must_not_be_features_are_refused_in_the_real_table(shared_data, tmp_path, column, kind, found):
    text = only_the_rivals_audit() + f'\n[features.extra]\ncolumn = "{column}"\nkind = "{kind}"\nsign = 0\n'
    text += 'missing = "own_effect"\n'
    with pytest.raises(UserError) as told:
        run(text, shared_data("compas_broward"), tmp_path)
    assert "[features.extra]" in str(told.value)
    assert found in str(told.value)


def test_every_example_can_be_read():
    for path in sorted(EXAMPLES.glob("*.toml")):
        _, problems = load_spec(path)
        assert not problems, path.name


def test_iowas_district_is_refused_by_what_the_models_reach_with_it(shared_data, tmp_path):
    """The district was filled in after some returns. Nothing declares it; the expected range finds it."""
    text = (
        example("iowa")
        .replace(', "district"]', "]")
        .replace('models = ["points_card", "spline_logistic", ', "models = [")
    )
    text = text.replace('audit = ["spline_logistic"]', "audit = []")
    text += '\n[features.district]\nkind = "category"\nsign = 0\nmissing = "own_effect"\n'
    with pytest.raises(UserError, match=r"for monotone_lightgbm; expected at most 0\.65") as told:
        run(text, shared_data("iowa_prison_recidivism"), tmp_path)
    assert "district 0.62" in str(told.value)
    assert not (tmp_path / "out").exists()


def test_iowas_column_name_with_a_trailing_blank_is_found_when_it_is_left_out(shared_data, tmp_path):
    with pytest.raises(UserError, match=r"Did you mean 'Age At Release '"):
        run(
            example("iowa").replace('"Age At Release "', '"Age At Release"'),
            shared_data("iowa_prison_recidivism"),
            tmp_path,
        )


def test_a_label_that_only_some_years_have_is_pointed_out(shared_data, tmp_path):
    text = example("iowa").replace('models = ["points_card", "spline_logistic", ', "models = [")
    text = text.replace('audit = ["spline_logistic"]', "audit = []").replace('"Parole Granted" = "Parole"\n', "")
    text = text[: text.index("[tasks.new_offence")] + "\n[intervals]\nreplicates = 200\n"
    told = run(text, shared_data("iowa_prison_recidivism"), tmp_path).metrics["tasks"]["later_years"]
    assert any("'Parole Granted'" in note for note in told["notes"])


# --- whole protocols ---


@pytest.mark.slow
def test_own_models_lose_no_more_than_was_agreed_against_the_stored_scores(shared_data, tmp_path):
    text = example("broward")
    text = text[: text.index("[tasks.filtered]")] + text[text.index("[tasks.before_april_2014]") :]
    text = text[: text.index("[tasks.without_age]")]
    result = run(text, shared_data("compas_broward"), tmp_path)
    honest = result.metrics["tasks"]["before_april_2014"]
    assert (honest["rows"], honest["events"]) == (5297, 1937)
    limits = {(part["model"], part["metric"]): part for part in honest["against_stored_scores"]}
    models = ("spline_logistic", "ebm", "monotone_lightgbm", "card_10", "card_5")
    assert set(limits) == {(model, metric) for model in models for metric in ("auc", "brier")}
    # Each limit of the issue, on the upper end of the two-sided 95 % interval, which is above the one-sided bound.
    for (model, metric), most in {
        ("spline_logistic", "auc"): 0.002,
        ("spline_logistic", "brier"): 0.0007,
        ("monotone_lightgbm", "auc"): 0.002,
        ("monotone_lightgbm", "brier"): 0.0007,
        ("card_10", "auc"): 0.006,
    }.items():
        assert limits[model, metric]["loss"]["high"] <= most, (model, metric)
    # The stored models' own figures, as the README prints them: the rows, folds and ids are the right ones.
    assert limits["spline_logistic", "auc"]["stored"] == pytest.approx(0.7395, abs=5e-5)
    assert limits["monotone_lightgbm", "brier"]["stored"] == pytest.approx(0.1947, abs=5e-5)
    assert limits["card_10", "auc"]["stored"] == pytest.approx(0.7344, abs=5e-5)
    assert honest["scores"]["compas_decile"]["auc"]["value"] == pytest.approx(0.7117, abs=5e-5)
    assert honest["scores"]["spline_logistic_without_approved"]["auc"]["value"] == pytest.approx(0.7013, abs=0.003)
    assert all(part["auc"]["value"] < 0.75 for part in honest["scores"].values() if "auc" in part)


@pytest.mark.slow
def test_the_violent_outcome_is_as_hard_as_others_found_it(shared_data, tmp_path):
    text = example("broward_violent")
    text = text[: text.index("[tasks.before_april_2014]")]
    told = run(text, shared_data("compas_broward"), tmp_path).metrics["tasks"]["filtered"]
    assert (told["rows"], told["base_rate"]) == (4020, pytest.approx(0.1622, abs=5e-5))
    published = {"spline_logistic": 0.7372, "monotone_lightgbm": 0.7327, "card_10": 0.7277}
    for model, value in published.items():
        # a card whose lines may count is better than the published one; far above it would be a leak
        assert value - 0.006 <= told["scores"][model]["auc"]["value"] <= 0.745, model
    assert told["scores"]["compas_violence_decile"]["auc"]["value"] == pytest.approx(0.7192, abs=5e-5)


@pytest.mark.slow
def test_iowa_is_reported_as_the_weak_model_that_it_is(shared_data, tmp_path):
    told = run(example("iowa"), shared_data("iowa_prison_recidivism"), tmp_path).metrics["tasks"]["later_years"]
    assert (told["rows"], told["events"], told["rows_judged"]) == (26_020, 8_681, 8_960)
    assert told["scores"]["spline_logistic"]["auc"]["value"] == pytest.approx(0.615, abs=0.025)
    # The rate rose after the training years: the models are too low, and the report says so.
    assert told["scores"]["spline_logistic"]["calibration_intercept"]["value"] > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "data", "rows", "events"),
    [
        ("rossi", "rossi", 432, 114),
        ("recid", "wooldridge_crime", 1445, 524),
        ("crime1", "wooldridge_crime", 2725, 755),
    ],
)
def test_the_small_examples_run_and_count_what_is_in_the_files(shared_data, tmp_path, name, data, rows, events):
    result = run(example(name), shared_data(data), tmp_path)
    (told,) = result.metrics["tasks"].values()
    assert (told["rows"], told["events"]) == (rows, events)
    assert told["expected_auc"][0] < told["scores"]["spline_logistic"]["auc"]["value"] < told["expected_auc"][1]
