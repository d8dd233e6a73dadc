"""A move between two lists is told in parts that sum to it, whatever came between."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desist.models.moves import AGED, KINDS, LATE, MODEL, NEW, Part, Stage, move_of, parts_of

logits = st.floats(-12, 12)
sizes = st.dictionaries(st.sampled_from(["a", "b", "c", "base"]), st.floats(-5, 5), min_size=1)


@st.composite
def stages(draw):
    found = []
    for _ in range(draw(st.integers(2, 8))):
        kind = draw(st.sampled_from(KINDS))
        parts = draw(st.none() | sizes)
        found.append(Stage(kind, draw(logits) if parts is None else math.fsum(parts.values()), parts))
    return found


@settings(max_examples=200)
@given(stages())
def test_the_parts_sum_to_the_move_and_each_part_to_its_features(made):
    parts = parts_of(made)
    assert abs(math.fsum(part.size for part in parts) - move_of(made)) < 1e-9
    for part in parts:
        assert abs(math.fsum([*part.features.values(), part.rest]) - part.size) < 2e-9
    assert len({part.kind for part in parts}) == len(parts) <= len(KINDS)


def test_a_move_by_hand():
    made = [
        Stage("", -1.0),
        Stage(MODEL, -0.75, {"a": 0.25, "b": 0.0, "base": -1.0}),
        Stage(LATE, -0.5, {"a": 0.5, "b": 0.0, "base": -1.0}),
        Stage(AGED, -1.0, {"a": 0.0, "b": 0.0, "base": -1.0}),
        Stage(NEW, 0.5, {"a": 1.0, "b": 0.5, "base": -1.0}),
        Stage(LATE, 0.25, {"a": 1.0, "b": 0.25, "base": -1.0}),
    ]
    assert parts_of(made) == (
        Part(NEW, 1.5, {"a": 1.0, "b": 0.5}),
        Part(AGED, -0.5, {"a": -0.5}),
        Part(LATE, 0.0, {"a": 0.25, "b": -0.25}),
        Part(MODEL, 0.25, {}, 0.25),
    )
    assert move_of(made) == 1.25


def test_a_model_that_changed_is_not_told_by_feature():
    """Contributions of two models are of two scales: their differences are no facts about a person."""
    (part,) = parts_of([Stage("", 0.0), Stage(MODEL, 1.0, {"a": 1.0})])
    assert (part.size, part.features, part.rest) == (1.0, {}, 1.0)


def test_stages_that_cannot_be_are_refused():
    for wrong in (
        lambda: Stage(NEW, math.inf),
        lambda: Stage(NEW, 1.0, {"a": 0.5}),
        lambda: parts_of([Stage("", 0.0)]),
        lambda: parts_of([Stage("", 0.0), Stage("because", 0.0)]),
    ):
        with pytest.raises(ValueError, match=r"stage|parts of the kinds|contributions"):
            wrong()


@pytest.mark.parametrize("name", ["card", "spline", "boosting"])
def test_contributions_of_a_model_make_stages_whatever_order_the_rows_come_in(made_up, fitted, name):
    table, _ = made_up.rows(6, seed=3)
    model = fitted[name]
    order = np.array([3, 0, 5, 1, 4, 2])

    def told(rows):
        logit, parts = model.decision_function(rows), model.contributions(rows)
        return {row: Stage(NEW, float(logit[at]), parts.iloc[at].to_dict()) for at, row in enumerate(rows.index)}

    straight, mixed = told(table), told(table.iloc[order])
    one, other = (parts_of([made[row] for row in range(6)]) for made in (straight, mixed))
    assert one == other
    assert one[0].rest == 0.0 and abs(one[0].size - move_of([straight[0], straight[5]])) < 1e-9
