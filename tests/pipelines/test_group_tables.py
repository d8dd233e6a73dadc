"""An evaluation's page: what one table by group hides, no other on the page gives away."""

from types import SimpleNamespace

import numpy as np
import pytest

from desist.measures.disclosure import HIDDEN, PARTNERSHIP
from desist.pipelines.evaluate.group_tables import PUBLIC_DATA, shown_groups

CELLS = ("tp", "fp", "fn", "tn")


def measure(counted, people):
    return SimpleNamespace(value=counted / people if people else None, low=0.1, high=0.2, denominator=people)


def row(group, tp, fp, fn, tn):
    whole = tp + fp + fn + tn
    rates = {"base_rate": (tp + fn, whole), "selection": (tp + fp, whole), "fpr": (fp, fp + tn), "fnr": (fn, fn + tp),
             "fdr": (fp, tp + fp), "for": (fn, fn + tn), "auc": (whole * 2 // 3, whole)}
    return SimpleNamespace(group=group, tp=tp, fp=fp, fn=fn, tn=tn, n=whole, people=whole,
                           measures={name: measure(*given) for name, given in rates.items()})


def told(rows, *, positions=range(9), name="card"):
    judged = SimpleNamespace(name=name, positions=np.array(positions), y=np.zeros(len(positions)), chance=False)
    ratios = {one.group: {name: 1.234567 for name in one.measures} for one in rows}
    return SimpleNamespace(judged=judged, audit=SimpleNamespace(tables={"sex": rows}),
                           references={"sex": rows[0].group}, ratios={"sex": ratios})


MEN, WOMEN = row("Men", 60, 70, 80, 400), row("Women", 30, 20, 3, 90)
#: The same people by another score: no cell of it is small.
OTHER_MEN, OTHER_WOMEN = row("Men", 70, 75, 70, 395), row("Women", 15, 25, 18, 85)


def test_another_score_of_the_same_people_does_not_tell_a_hidden_count():
    # 33 women have the outcome by both scores, 15 and 18 by the second: with 30 of them high, 3 were called low
    shown = shown_groups([told((MEN, WOMEN)), told((OTHER_MEN, OTHER_WOMEN), name="rival")], PARTNERSHIP).cells
    assert [shown[0, "sex", "Women", cell] for cell in ("tp", "fn")] == [HIDDEN, HIDDEN]
    assert [shown[1, "sex", "Women", cell] for cell in CELLS] == ["15", "25", "20", "85"]
    alone = shown_groups([told((OTHER_MEN, OTHER_WOMEN))], PARTNERSHIP).cells
    assert HIDDEN not in alone.values()


def test_scores_of_other_rows_are_of_other_people():
    apart = shown_groups([told((MEN, WOMEN)), told((OTHER_MEN, row("Women", 9, 9, 9, 9)), positions=range(7))],
                         PARTNERSHIP).cells
    assert HIDDEN not in [apart[1, "sex", group, cell] for group in ("Men", "Women") for cell in CELLS]


@pytest.mark.parametrize("audience", [PARTNERSHIP, PUBLIC_DATA])
def test_a_rate_is_shown_where_all_its_counts_are_and_a_ratio_where_both_rates_are(audience):
    audit = told((MEN, WOMEN))
    counts, rates, ratios, quality = shown_groups([audit], audience).tables_of(0, audit)
    women = dict(zip(rates.header, rates.rows[1], strict=True))
    over = dict(zip(ratios.header, ratios.rows[1], strict=True))
    if audience == PARTNERSHIP:
        assert women["FNR"] == women["FOR"] == HIDDEN and over["FNR"] == HIDDEN
        assert all(text in (HIDDEN,) or text[0].endswith("%") for text in list(women.values())[1:])
        assert all(text == HIDDEN or len(text.split(".")[1]) == 2 for text in list(over.values())[1:])
    else:
        assert women["FNR"] == ("0.0909", "0.100 to 0.200") and over["FNR"] == "1.234567"
        assert counts.rows[1] == ("Women", "143", "90", "20", "3", "30") and quality.rows[1][1][0] == "0.664"
