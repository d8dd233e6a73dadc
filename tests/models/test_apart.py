"""Judges teach nothing, and only outcomes known by the first audited date teach the audited file."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from desist.models.estimators.base import CannotFit
from desist.models.judging.apart import AuditPlan, is_judge, set_apart

PLAN = AuditPlan(known_after_days=365, judge_share=0.4, dates=1)


def rows(*dates, people=40):
    """A row of each person on each date."""
    names = [f"P{number}" for number in range(people)]
    return pd.DataFrame(
        [(name, pd.Timestamp(date)) for date in dates for name in names], columns=["person_id", "as_of"]
    )


def test_nobody_who_judges_stands_among_those_who_teach_on_any_date():
    table = rows("2020-01-01", "2020-07-01", "2022-01-01")
    apart = set_apart(table, PLAN)
    judges, learners = (set(table["person_id"].iloc[places]) for places in (apart.judge, apart.learners))
    assert judges and learners and not judges & learners
    assert judges | learners == set(table["person_id"]) and set(apart.learn) <= set(apart.learners)
    assert set(table["as_of"].iloc[apart.judge]) == {pd.Timestamp("2022-01-01")}
    assert apart.audited_from == dt.date(2022, 1, 1)


def test_an_outcome_that_becomes_known_on_the_first_audited_date_teaches_and_a_day_later_it_does_not():
    in_time, late = pd.Timestamp("2021-01-01"), pd.Timestamp("2021-01-02")
    table = rows("2020-01-01", "2020-07-01", in_time, late, "2022-01-01")
    taught = set(table["as_of"].iloc[set_apart(table, PLAN).learn])
    assert in_time in taught and late not in taught and pd.Timestamp("2022-01-01") not in taught


def test_a_person_keeps_the_side_in_every_quarter_and_in_any_company():
    names = pd.Series([f"P{number}" for number in range(200)])
    side = dict(zip(names, is_judge(names, 0.4, 7), strict=True))
    later = pd.concat([names[::-1], pd.Series(["NEW"])])
    assert all(side.get(name, judge) == judge for name, judge in zip(later, is_judge(later, 0.4, 7), strict=True))
    assert 60 <= np.sum(list(side.values())) <= 100


def test_too_few_earlier_dates_are_refused_with_how_many_there_are():
    with pytest.raises(CannotFit, match="there are 2 dates, 1 of them early enough"):
        set_apart(rows("2020-01-01", "2022-01-01"), PLAN)


def test_without_a_judge_on_the_audited_dates_nothing_is_audited():
    table = rows("2020-01-01", "2020-07-01", "2022-01-01")
    nobody = table[~is_judge(table["person_id"], PLAN.judge_share, PLAN.seed)].reset_index(drop=True)
    with pytest.raises(CannotFit, match="nobody is left to judge"):
        set_apart(nobody, PLAN)
