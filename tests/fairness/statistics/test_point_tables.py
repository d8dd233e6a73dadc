"""Point values: fairlearn's own, and every cell of the published tables about COMPAS in Broward County."""

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as fair
from sklearn.metrics import precision_score, roc_auc_score

from desist.fairness.audit import audit
from desist.fairness.policy import parse_policy
from desist.fairness.statistics.point_tables import (
    differences,
    everybody_table,
    others_table,
    point_table,
    ratio_of,
    ratios,
)
from desist.features.tables import Outcomes, Scores

PUBLISHED = {
    "race": {
        "African-American": (3696, 990, 805, 532, 1369, 0.4485, 0.2799),
        "Caucasian": (2454, 1139, 349, 461, 505, 0.2345, 0.4772),
        "Hispanic": (637, 318, 87, 129, 103, 0.2148, 0.5560),
        "Other": (377, 208, 36, 90, 43, 0.1475, 0.6767),
    },
    "sex": {
        "Female": (1395, 609, 288, 195, 303, 0.3211, 0.3916),
        "Male": (5819, 2072, 994, 1021, 1732, 0.3242, 0.3709),
    },
}
PUBLISHED_RATIOS = [
    ("race", "African-American", "Caucasian", "fpr", 1.912093),
    ("race", "African-American", "Caucasian", "fnr", 0.586416),
    ("race", "African-American", "Caucasian", "fdr", 0.906085),
    ("race", "African-American", "Caucasian", "for", 1.213154),
    ("race", "African-American", "Caucasian", "selection", 1.690224),
    ("race", "Hispanic", "Caucasian", "fpr", 0.915887),
    ("race", "Hispanic", "Caucasian", "fnr", 1.165140),
    ("race", "Other", "Caucasian", "fpr", 0.629057),
    ("race", "Other", "Caucasian", "fnr", 1.417970),
    ("sex", "Female", "Male", "fpr", 0.990343),
    ("sex", "Female", "Male", "fnr", 1.055810),
    ("sex", "Female", "Male", "fdr", 1.336425),
    ("sex", "Female", "Male", "for", 0.734738),
    ("age_cat", "Less than 25", "25 - 45", "fpr", 1.621868),
    ("age_cat", "Less than 25", "25 - 45", "fnr", 0.696781),
    ("age_cat", "Greater than 45", "25 - 45", "fpr", 0.503031),
    ("age_cat", "Greater than 45", "25 - 45", "fnr", 1.531238),
]


@pytest.fixture
def broward(shared_data):
    path = shared_data("compas_broward") / "compas-scores-two-years.deidentified.csv.gz"
    columns = ["id", "two_year_recid", "decile_score", "race", "sex", "age_cat"]
    table = pd.read_csv(path, usecols=columns)
    assert len(table) == 7214
    return table


def _table(broward, by):
    return point_table(broward["two_year_recid"], broward["decile_score"] / 10, broward[by], 0.5)


@pytest.mark.parametrize("by", ["race", "sex"])
def test_every_cell_of_the_published_broward_tables(broward, by):
    table = _table(broward, by)
    for group, (n, tn, fp, fn, tp, fpr, fnr) in PUBLISHED[by].items():
        row = table.loc[group]
        assert (row["n"], row["tn"], row["fp"], row["fn"], row["tp"]) == (n, tn, fp, fn, tp)
        assert (f"{row['fpr']:.4f}", f"{row['fnr']:.4f}") == (f"{fpr:.4f}", f"{fnr:.4f}")


@pytest.mark.parametrize(("by", "group", "reference", "metric", "printed"), PUBLISHED_RATIOS)
def test_every_published_broward_ratio_to_the_printed_digits(broward, by, group, reference, metric, printed):
    found = ratios(_table(broward, by), reference).loc[group, metric]
    assert f"{found:.6f}" == f"{printed:.6f}"


@pytest.mark.parametrize("by", ["race", "sex", "age_cat"])
def test_every_point_value_on_broward_is_fairlearns(broward, by):
    y, chosen = broward["two_year_recid"], (broward["decile_score"] >= 5).astype(int)
    metrics = {
        "n": fair.count, "selection": fair.selection_rate, "fpr": fair.false_positive_rate,
        "fnr": fair.false_negative_rate, "ppv": precision_score,
    }  # fmt: skip
    expected = fair.MetricFrame(metrics=metrics, y_true=y, y_pred=chosen, sensitive_features=broward[by]).by_group
    soft = {"auc": roc_auc_score, "mean_estimate": fair.mean_prediction}
    score = broward["decile_score"] / 10
    ranked = fair.MetricFrame(metrics=soft, y_true=y, y_pred=score, sensitive_features=broward[by]).by_group
    table = _table(broward, by)
    for name in metrics:
        assert np.abs(table[name] - expected[name].astype(float)).max() < 1e-12
    for name in soft:
        assert np.abs(table[name] - ranked[name].astype(float)).max() < 1e-12


def test_an_audit_of_broward_cannot_assess_32_asian_and_18_native_american_people(broward):
    policy = parse_policy(BROWARD_POLICY)
    keys = pd.DataFrame({"person_id": broward["id"].astype(str), "as_of": pd.Timestamp("2014-04-01")})
    scores = Scores(keys.assign(score=broward["decile_score"] / 10), "COMPAS decile")
    outcomes = Outcomes(keys.assign(recid=broward["two_year_recid"].astype(float)), ("recid",), {"recid": "new charge"})
    found = audit(
        scores, outcomes, "recid", keys.assign(race=broward["race"], sex=broward["sex"]), policy, seed=1,
        replicates=100,
    )  # fmt: skip
    for finding in found.findings:
        answers = {part.group: part.answer for part in finding.parts}
        assert answers["Asian"] == answers["Native American"] == "cannot_be_assessed"
        assert finding.answer in ("does_not_meet", "cannot_be_assessed")
    by_id = {finding.id: finding for finding in found.findings}
    worst = {part.group: part for part in by_id["fpr"].parts}["African-American"]
    assert (by_id["fpr"].answer, worst.answer) == ("does_not_meet", "does_not_meet")
    # Everybody else by hand: false positives 349 + 87 + 36 + 2 + 3 of 1488 + 405 + 244 + 23 + 8 without reoffence.
    assert worst.gap == pytest.approx(805 / 1795 - 477 / 2168, abs=1e-9)
    table = {row.group: row for row in found.tables["race"]}
    assert table["African-American"].measures["fpr"].value == pytest.approx(805 / 1795, abs=1e-9)


def _finding(metric, margin):
    return f'[[finding]]\nid = "{metric}"\nmetric = "{metric}"\ncharacteristic = "race"\nmargin = {margin}\n' + (
        'minimum = 10\nrole = "primary"\nharm = "both"\nreason = "The published question about this score."\n'
    )


BROWARD_POLICY = """
version = "broward"
purpose = "fairness_audit"
expiry_months = 6
[cut_offs]
steps = [0.25, 0.5, 0.75]
selection = 0.5
consequence = "intrusive"
[groups]
minimum_people = 10
minimum_events = 20
minimum_non_events = 20
[sign_off]
roles = ["board_chair", "board_member"]
""" + "".join(
    _finding(metric, 0.03 if metric == "brier" else 0.2)
    for metric in ("fpr", "fnr", "ppv", "auc", "brier", "selection")
).replace(
    'metric = "fpr"\ncharacteristic = "race"\nmargin = 0.2', 'metric = "fpr"\ncharacteristic = "race"\nmargin = 0.1'
)


def _small():
    y = pd.Series([1, 0, 1, 0, 0, 1])
    score = pd.Series([0.9, 0.1, 0.2, 0.8, 0.3, 0.7])
    return y, score, pd.Series(["A", "A", "A", "B", "B", "C"])


def test_a_cell_without_a_denominator_is_missing_not_nought():
    table = point_table(*_small(), 0.5)
    # C is one person, selected and proven: nobody there could be wrongly listed, nobody unselected.
    assert table.loc["C", ["fpr", "for", "auc"]].isna().all()
    assert table.loc["C", ["fnr", "ppv", "fdr"]].tolist() == [0, 1, 0]
    # B has no event: nobody could be missed.
    assert np.isnan(table.loc["B", "fnr"]) and table.loc["B", "fpr"] == 0.5


def test_a_row_at_the_cut_off_is_selected():
    table = point_table(pd.Series([0, 0]), pd.Series([0.5, 0.499999]), pd.Series(["A", "A"]), 0.5)
    assert table.loc["A", ["selected", "selection", "fp", "fpr"]].tolist() == [1, 0.5, 1, 0.5]


def test_everybody_else_is_everybody_outside_the_group():
    y, score, groups = _small()
    table = others_table(y, score, groups, 0.5)
    assert table.loc["A", ["n", "tn", "fp", "fn", "tp"]].tolist() == [3, 1, 1, 0, 1]
    assert others_table(y, score, pd.Series(["A"] * 6), 0.5).loc["A", "fpr"] is not None
    assert np.isnan(others_table(y, score, pd.Series(["A"] * 6), 0.5).loc["A", "fpr"])


def test_a_person_with_two_rows_counts_once_among_people():
    y, score, groups = _small()
    table = point_table(y, score, groups, 0.5, people=pd.Series(["x", "x", "y", "z", "z", "x"]))
    assert table["people"].to_dict() == {"A": 2, "B": 1, "C": 1}
    assert everybody_table(y, score, 0.5).loc["Everybody", "people"] == 6


def test_ratios_and_differences_to_an_undefined_or_empty_rate_are_missing():
    table = point_table(*_small(), 0.5)
    assert np.isnan(ratios(table, "A").loc["B", "fpr"])  # A has no false positive: nothing to divide by
    assert differences(table, "A").loc["B", "fpr"] == 0.5
    assert ratios(table, "C")["fpr"].isna().all()
    assert ratio_of(table, table)["selection"].tolist() == [1, 1, 1]


def test_gaps_in_outcomes_estimates_or_groups_are_refused():
    y, score, groups = _small()
    with pytest.raises(ValueError, match="outcome is 0 or 1"):
        point_table(y.where(y == 1), score, groups, 0.5)
    with pytest.raises(ValueError, match="Not stated"):
        point_table(y, score, groups.where(groups != "C"), 0.5)
    with pytest.raises(ValueError, match="lengths"):
        point_table(y[:3], score, groups, 0.5)


def test_one_row_alone_has_a_table():
    table = point_table(pd.Series([1.0]), pd.Series([0.7]), pd.Series(["A"]), 0.5)
    assert table.index.tolist() == ["A"]
    assert table.loc["A", ["n", "people", "tp", "selection", "fnr"]].tolist() == [1, 1, 1, 1, 0]
    assert np.isnan(table.loc["A", "fpr"])
