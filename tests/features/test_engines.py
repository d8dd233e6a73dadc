"""Three engines, one meaning: the compiled pass gives the cells that plain Python gives over one person's events."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

from desist.features.engines import compiled, reference
from tests.features.drawn import cases

few = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
many = settings(few, max_examples=1000)


def differing(case):
    """Names and cells of features of which the two engines give different values."""
    judged = reference.build_profiles(case.events, case.rows, case.register).table
    found = compiled.build_profiles(case.events, case.rows, case.register).table
    pd.testing.assert_frame_equal(judged[["person_id", "as_of"]], found[["person_id", "as_of"]])
    wrong = []
    for feature in case.register.used:
        one, other = judged[feature.name].to_numpy(), found[feature.name].to_numpy()
        if not np.array_equal(one, other, equal_nan=True):
            wrong.append((feature.definition.in_words(), one.tolist(), other.tolist()))
    return wrong


@few
@given(case=cases())
def test_the_compiled_engine_gives_the_cells_of_the_reference(case):
    assert differing(case) == []


@pytest.mark.slow
@many
@given(case=cases(most=25))
def test_the_compiled_engine_gives_the_cells_of_the_reference_on_many_histories(case):
    assert differing(case) == []
