"""The limits in an evaluation's spec: what decides, in which direction, and that two sets of them are never one."""

import pytest

from desist.pipelines.evaluate.audit import _policy
from desist.pipelines.evaluate.parse import load_spec

SPEC = """
title = "A made-up table"

[table]
file = "people.csv"
id = "person"
outcome_derived = ["back"]

[outcomes.back]
definition = "back within a year"
column = "back"

[characteristics.sex]

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
{lines}

[tasks.everybody]
outcome = "back"
comparators = ["rival"]
audit = ["rival"]
"""


@pytest.fixture
def limits(tmp_path):
    """The spec whose one finding has these further lines, and every problem found in it."""

    def read(*lines):
        path = tmp_path / "spec.toml"
        path.write_text(SPEC.replace("{lines}", "\n".join(lines)), encoding="utf-8")
        return load_spec(path)

    return read


def test_a_limit_says_whether_it_decides_and_whom_a_gap_burdens(limits):
    spec, problems = limits('role = "shown"', 'harm = "higher"')
    [told] = spec.audit.findings
    assert not problems and (told.role, told.harm) == ("shown", "higher")


def test_a_limit_that_says_neither_is_primary_and_holds_in_both_directions(limits):
    spec, problems = limits()
    [told] = spec.audit.findings
    assert not problems and (told.role, told.harm) == ("primary", "both")


def test_another_role_or_direction_is_another_set_of_limits(limits):
    lines = ([], ['role = "answer"'], ['harm = "higher"'])
    assert len({_policy(limits(*one)[0], 0.5).hash for one in lines}) == 3


def test_a_role_or_direction_that_nobody_knows_is_refused_both_at_once(limits):
    _, problems = limits('role = "primarily"', 'harm = "upwards"')
    assert len(problems) == 2
    assert "primarily" in str(problems) and "upwards" in str(problems)
