"""Figures for the analyst: SVG, the same bytes each time, nothing fetched or run."""

import xml.etree.ElementTree as ElementTree

import numpy as np

from desist.models.figures import reliability, shap_figures


def test_shap_figures_are_svg_with_the_features_names_and_the_same_bytes_twice(made_up, fitted):
    table, _ = made_up.rows(300, seed=4)
    figures = shap_figures(fitted["boosting"], table, seed=0)
    assert set(figures) == {"shap-beeswarm", "shap-dependence"}
    for content in figures.values():
        assert ElementTree.fromstring(content).tag == "{http://www.w3.org/2000/svg}svg"
        assert b"<script" not in content
    assert b"years clear" in figures["shap-beeswarm"]
    assert figures == shap_figures(fitted["boosting"], table, seed=0)


def test_a_reliability_plot_survives_few_rows_and_says_which_model_is_which():
    for rows in (3, 400):
        draw = np.random.default_rng(0)
        score = draw.uniform(0.1, 0.9, rows)
        y = (draw.random(rows) < score).astype(float)
        plot = reliability(y, {"points card": score, "spline": np.full(rows, 0.5)})
        assert ElementTree.fromstring(plot).tag.endswith("svg")
        assert b"points card" in plot
        assert plot == reliability(y, {"points card": score, "spline": np.full(rows, 0.5)})
