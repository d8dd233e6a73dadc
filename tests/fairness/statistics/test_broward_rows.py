"""COMPAS in Broward County by row set: the same score gives other rates on other rows, so each is named with its rows.

Published (7,214 rows): the tables of the shared data's README. Filtered (6,172): ProPublica's own filter. Honest
(5,297): those screened before April 2014; later people were kept only if they were charged again.
"""

import numpy as np
import pandas as pd
import pytest

from desist.fairness.audit import audit
from desist.fairness.policy import parse_policy
from desist.fairness.statistics.point_tables import everybody_table, point_table, ratios
from desist.features.tables import Outcomes, Scores

#: Row set: rows; then group: people, TN, FP, FN, TP.
CELLS = {
    "published, 7,214 rows": {
        "African-American": (3696, 990, 805, 532, 1369),
        "Caucasian": (2454, 1139, 349, 461, 505),
        "Hispanic": (637, 318, 87, 129, 103),
        "Other": (377, 208, 36, 90, 43),
        "Asian": (32, 21, 2, 3, 6),
        "Native American": (18, 5, 3, 1, 9),
        "Female": (1395, 609, 288, 195, 303),
        "Male": (5819, 2072, 994, 1021, 1732),
    },
    "filtered, 6,172 rows": {
        "African-American": (3175, 873, 641, 473, 1188),
        "Caucasian": (2103, 999, 282, 408, 414),
        "Asian": (31, 21, 2, 3, 5),
        "Native American": (11, 3, 3, 0, 5),
    },
    "honest, 5,297 rows": {
        "African-American": (2677, 872, 641, 331, 833),
        "Caucasian": (1828, 999, 281, 276, 272),
        "Asian": (27, 21, 2, 1, 3),
        "Native American": (9, 3, 3, 0, 3),
    },
}
#: Row set: (group, reference, metric, ratio as printed), of the published rows alone.
RATIOS = {
    ("African-American", "Caucasian"): {
        "fpr": "1.912093", "fnr": "0.586416", "fdr": "0.906085", "for": "1.213154", "selection": "1.690224",
    },
    ("Hispanic", "Caucasian"): {"fpr": "0.915887", "fnr": "1.165140"},
    ("Other", "Caucasian"): {"fpr": "0.629057", "fnr": "1.417970"},
    ("Female", "Male"): {"fpr": "0.990343", "fnr": "1.055810", "fdr": "1.336425", "for": "0.734738"},
    ("Less than 25", "25 - 45"): {"fpr": "1.621868", "fnr": "0.696781"},
    ("Greater than 45", "25 - 45"): {"fpr": "0.503031", "fnr": "1.531238"},
}  # fmt: skip


@pytest.fixture(scope="module")
def row_sets():
    return {}


@pytest.fixture
def rows(shared_data, row_sets):
    """Each row set by its label."""
    if not row_sets:
        table = pd.read_csv(shared_data("compas_broward") / "compas-scores-two-years.deidentified.csv.gz")
        kept = table[
            (table["days_b_screening_arrest"].abs() <= 30)
            & (table["is_recid"] != -1)
            & (table["c_charge_degree"] != "O")
            & (table["score_text"] != "N/A")
        ]
        honest = kept[kept["compas_screening_date"] < "2014-04-01"]
        for name, some in zip(CELLS, (table, kept, honest), strict=True):
            row_sets[name] = some.reset_index(drop=True)
            assert f"{len(some):,} rows" in name
    return row_sets


def _table(some, by):
    return point_table(some["two_year_recid"], some["decile_score"] / 10, some[by], 0.5)


@pytest.mark.parametrize("label", CELLS)
def test_every_cell_and_every_rate_to_six_digits(rows, label):
    table = pd.concat([_table(rows[label], by) for by in ("race", "sex")])
    for group, (n, tn, fp, fn, tp) in CELLS[label].items():
        found = table.loc[group]
        assert tuple(found[["n", "tn", "fp", "fn", "tp"]]) == (n, tn, fp, fn, tp), (label, group)
        by_hand = {
            "fpr": fp / (fp + tn), "fnr": fn / (fn + tp), "ppv": tp / (tp + fp), "fdr": fp / (tp + fp),
            "for": fn / (fn + tn), "selection": (tp + fp) / n, "base_rate": (tp + fn) / n,
        }  # fmt: skip
        for metric, rate in by_hand.items():
            assert f"{found[metric]:.6f}" == f"{rate:.6f}", (label, group, metric)


def test_every_published_ratio_to_six_digits_on_the_published_rows_alone(rows):
    published, filtered, _ = rows.values()
    by = {"African-American": "race", "Hispanic": "race", "Other": "race", "Female": "sex"}
    for (group, reference), metrics in RATIOS.items():
        found = ratios(_table(published, by.get(group, "age_cat")), reference).loc[group]
        for metric, printed in metrics.items():
            assert f"{found[metric]:.6f}" == printed, (group, metric)
    # The same ratio on the filtered rows is another: a ratio without its rows says nothing.
    other = ratios(_table(filtered, "race"), "Caucasian").loc["African-American", "fpr"]
    assert f"{other:.6f}" == f"{(641 / 1514) / (282 / 1281):.6f}" != "1.912093"


def test_the_figures_the_readme_gives_for_the_filtered_and_the_honest_rows(rows):
    _, filtered, honest = rows.values()
    table = _table(filtered, "race")
    assert f"{table.loc['African-American', 'fpr']:.3f}" == "0.423"
    assert f"{table.loc['Caucasian', 'fpr']:.3f}" == "0.220"
    for some, auc in ((filtered, "0.7098"), (honest, "0.7117")):
        whole = everybody_table(some["two_year_recid"], some["decile_score"] / 10, 0.5)
        assert f"{whole.loc['Everybody', 'auc']:.4f}" == auc


@pytest.mark.parametrize("label", CELLS)
def test_asian_and_native_american_people_cannot_be_assessed_on_any_rows(rows, label):
    some = rows[label]
    keys = pd.DataFrame({"person_id": some["id"].astype(str), "as_of": pd.Timestamp("2014-04-01")})
    found = audit(
        Scores(keys.assign(score=some["decile_score"] / 10), "COMPAS decile"),
        Outcomes(keys.assign(recid=some["two_year_recid"].astype(float)), ("recid",), {"recid": "charged again"}),
        "recid",
        keys.assign(race=some["race"]),
        parse_policy(POLICY),
        seed=1,
        replicates=100,
        context={"rows": label},
    )
    assert found.context["rows"] == label
    for finding in found.findings:
        told = {part.group: part for part in finding.parts}
        for group in ("Asian", "Native American"):
            assert told[group].people == CELLS[label][group][0]
            assert told[group].answer == "cannot_be_assessed", (label, finding.id, group)
            assert told[group].short_of
    fpr = next(finding for finding in found.findings if finding.metric == "fpr")
    assert fpr.answer == "does_not_meet"
    row = {row.group: row for row in found.tables["race"]}["Asian"]
    _, tn, fp, _, _ = CELLS[label]["Asian"]
    assert np.isclose(row.measures["fpr"].value, fp / (fp + tn), atol=1e-9)


POLICY = """
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
    f"""
[[finding]]
id = "{metric}"
metric = "{metric}"
characteristic = "race"
margin = 0.1
minimum = 10
role = "primary"
harm = "both"
reason = "The published question about this score."
"""
    for metric in ("fpr", "fnr", "ppv", "auc", "selection")
)
