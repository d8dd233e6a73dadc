"""The figure of observed and predicted incidence: everything inside, hidden points not drawn, equal bytes."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest

from desist.models.over_time.figure import Panel, incidence_figure


def panel(title, top, *, hidden=False):
    months = np.arange(4)
    share = top * months / 3
    seen = np.where(hidden & (months == 2), np.nan, share)
    table = {"month": months, "cause": "reoffence", "observed": seen, "low": seen - 0.01, "high": seen + 0.01}
    return Panel(title, pd.DataFrame({**table, "predicted": share}))


def test_one_scale_reaches_the_highest_share_of_any_panel():
    figure = incidence_figure([panel("step 1", 0.05), panel("step 2", 0.8)], title="By step")
    assert ElementTree.fromstring(figure).tag.endswith("svg")
    assert b">0.8<" in figure and b"step 1" in figure and b"By step" in figure
    assert figure == incidence_figure([panel("step 1", 0.05), panel("step 2", 0.8)], title="By step")


def test_a_hidden_share_is_not_drawn():
    """Each observed share is one use of the marker; the hidden one has none."""
    marks = [
        incidence_figure([panel("step 1", 0.5, hidden=hidden)], title="By step").count(b"<use ")
        for hidden in (False, True)
    ]
    assert marks[1] < marks[0]


def test_a_panel_without_its_columns_is_refused():
    with pytest.raises(ValueError, match="lacks low, high"):
        Panel("step 1", pd.DataFrame({"month": [0], "cause": ["recall"], "observed": [0.0], "predicted": [0.0]}))
