"""What tests of the second door's refusals share: a made-up table, its spec, and the door itself."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from desist.pipelines.evaluate.run import evaluate
from desist.records.errors import UserError

TODAY = dt.date(2026, 10, 1)
PEOPLE = 240

SPEC = """
title = "A made-up table"

[table]
file = "people.csv"
id = "ref"
as_of = "seen_on"
outcome_derived = ["back", "days_to_back"]

[outcomes.back]
definition = "back within a year"
column = "back"

[features.convictions]
kind = "count"
sign = 1
missing = "refuse"

[features.drug]
kind = "yes_no"
sign = 0
missing = "own_effect"

[characteristics.sex]
[characteristics.heritage]

[comparators.rival]
column = "rival"
range = [0, 10]
high_from = 6

[models.points_card]
kind = "points_card"
max_items = 3

[tasks.main]
outcome = "back"
models = ["points_card"]
comparators = ["rival"]
protocol = { kind = "folds", folds = 2, seeds = [0] }
expected_auc = [0.5, 0.9]

[intervals]
replicates = 200
"""


def made_up_table():
    """240 made-up people; whoever has more convictions comes back more often, and the rival's score knows a little."""
    draw = np.random.default_rng(7)
    convictions = draw.poisson(2, PEOPLE)
    back = (draw.random(PEOPLE) < 0.15 + 0.12 * np.minimum(convictions, 6)).astype(int)
    return pd.DataFrame(
        {
            "ref": [f"R{number:04d}" for number in range(PEOPLE)],
            "seen_on": (pd.Timestamp(2023, 1, 1) + pd.to_timedelta(draw.integers(0, 700, PEOPLE), unit="D")).strftime(
                "%Y-%m-%d"
            ),
            "convictions": convictions,
            "drug": draw.choice(["yes", "no"], PEOPLE),
            "area_kind": draw.choice(["inner", "outer", "edge"], PEOPLE),
            "sex": draw.choice(["F", "M"], PEOPLE, p=[0.2, 0.8]),
            "heritage": draw.choice(["A", "B", "C"], PEOPLE, p=[0.5, 0.3, 0.2]),
            "age": draw.integers(18, 60, PEOPLE),
            "rival": np.clip(convictions + draw.integers(-1, 3, PEOPLE), 0, 10),
            "back": back,
            "days_to_back": np.where(back == 1, draw.integers(1, 365, PEOPLE).astype(float), np.nan),
        }
    )


def door_in(tmp_path):
    """A function that runs the second door on a table and a spec, and gives what it refused as text."""

    def run(table, spec=SPEC, *, expect_refusal=True):
        data = tmp_path / "data"
        data.mkdir(exist_ok=True)
        if table is not None:
            table.to_csv(data / "people.csv", index=False)
        path = tmp_path / "spec.toml"
        path.write_text(spec, encoding="utf-8")
        out = tmp_path / "out"
        if not expect_refusal:
            return evaluate(path, data, out, today=TODAY, say=lambda line: None)
        with pytest.raises(UserError) as told:
            evaluate(path, data, out, today=TODAY, say=lambda line: None)
        assert told.value.exit_code == 2
        assert not out.exists(), "nothing may be written"
        assert not list(tmp_path.glob(".writing-*")), "nothing may be left half written"
        return str(told.value)

    return run


def with_feature(name, column="", kind="number", more=""):
    where = f'column = "{column}"\n' if column else ""
    return SPEC + f'\n[features.{name}]\n{where}kind = "{kind}"\nsign = 0\nmissing = "own_effect"\n{more}'
