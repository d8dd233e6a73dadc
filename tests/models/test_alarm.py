"""The leak alarm names a feature that has seen the outcome, and is silent where none has."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.spline import SplineLogistic
from desist.models.judging.ablation import whole_model
from desist.models.judging.alarm import _Rows, coded, leak_alarm, suspect_features
from desist.models.judging.auc import Ranked
from desist.models.judging.backtest import Plan
from desist.models.judging.trial import Trial

DATES = tuple(range(1500, 1500 + 6 * 182, 182))  # six as-of dates, half a year apart, in days
HONEST = ("sanctions_1y", "sanctions_5y", "days_since_sanction", "need_drugs", "kept_3m", "in_treatment", "noise")


def histories(people, seed):
    """Caseload rows from made-up offences, each recorded one to six months later, with honest and leaking features.

    A conviction ends treatment. Leaks: sanctions recorded in the year after the as-of date; the days to a discharge
    from treatment that lies ahead; a status as it stands when the file is cut, long after most as-of dates.
    """
    draw = np.random.default_rng(seed)
    rate = draw.gamma(1.2, 0.35, people)  # offences a year
    rows = []
    for person in range(people):
        offences = np.sort(draw.uniform(0, 3500, draw.poisson(rate[person] * 3500 / 365)))
        recorded = offences + draw.uniform(30, 180, len(offences))
        begun = draw.uniform(0, 3500) if draw.random() < 0.5 else np.inf
        ended = min([*recorded[recorded > begun], begun + draw.uniform(60, 700)])
        drugs = draw.integers(0, 5) + 3 * rate[person]
        for day in DATES:
            known = recorded[recorded < day]
            treated = begun < day <= ended
            rows.append((f"P{person}", day, (known >= day - 365).sum(), (known >= day - 1825).sum(),
                         day - known[-1] if len(known) else np.nan, np.floor(drugs + draw.normal(0, 0.5)),
                         np.clip(draw.normal(0.9 - 0.2 * rate[person], 0.15), 0, 1), float(treated), draw.normal(),
                         ((offences >= day) & (offences < day + 365) & (recorded < day + 547)).any(),
                         ((recorded >= day) & (recorded < day + 365)).sum(),
                         ended - day if treated else np.nan))  # fmt: skip
    table = pd.DataFrame(rows, columns=["person_id", "day", *HONEST, "proven", "sanctions_after", "days_to_discharge"])
    table["as_of"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(table.pop("day"), unit="D")
    table["proven"] = table["proven"].astype(float)
    return table.astype(dict.fromkeys((*HONEST, "sanctions_after", "days_to_discharge"), float))


@pytest.fixture(scope="module")
def rows():
    return histories(1000, seed=1)


def alarm_on(table, names):
    features = FeatureSet(tuple(FeatureInfo(name) for name in names))
    trial = Trial.of(table, features, lambda seen, seed: SplineLogistic(seen, shrinkage=1.0, seed=seed),
                     Plan("proven", known_after_days=547, least_dates=1), people_splits=1, replicates=20)  # fmt: skip
    return leak_alarm(trial, whole_model(trial))


def test_honest_features_raise_no_alarm(rows):
    alarm = alarm_on(rows, HONEST)
    assert not alarm.raised and alarm.named == ()
    assert alarm.words.startswith("No leak was found among 7 features") and "check-leakage" not in alarm.to_json()


@pytest.mark.parametrize("leak", ["sanctions_after", "days_to_discharge"])
def test_a_planted_leak_is_named_and_nothing_else(rows, leak):
    alarm = alarm_on(rows, (*HONEST, leak))
    assert alarm.raised and alarm.named == (leak,)
    assert alarm.words == f"Look at {leak} before anything else: it may have seen the outcome."
    assert all(leak in suspect.words for suspect in alarm.suspects)


def checks_on(table, name):
    return [suspect.check for suspect in suspect_features(table, [name], "proven", seed=0)]


def test_sanctions_recorded_after_the_as_of_date_are_too_good_too_sure_and_stale_at_once(rows):
    assert set(checks_on(rows, "sanctions_after")) >= {"alone too good", "falls at one step"}
    short = rows.assign(soon=np.where(rows["proven"] == 1, np.random.default_rng(0).random(len(rows)) < 0.4, 0.0))
    assert "all but certain" in checks_on(short, "soon")  # few of those with it, nobody else


def test_a_feature_that_tells_much_now_and_little_a_date_earlier_looked_ahead(rows):
    draw = np.random.default_rng(2)
    ahead = rows.assign(ahead=rows["proven"] * 1.2 + draw.normal(0, 1, len(rows)))
    assert "falls at one step" in checks_on(ahead, "ahead")
    steady = rows.groupby("person_id")["proven"].transform("mean") + draw.normal(0, 0.3, len(rows))
    assert "falls at one step" not in checks_on(rows.assign(steady=steady), "steady")


def test_a_date_of_discharge_counts_down_and_a_time_since_does_not(rows):
    assert checks_on(rows, "days_to_discharge") == ["counts down"]
    years = rows.assign(years=rows["days_to_discharge"] / 365.25)
    assert checks_on(years, "years") == ["counts down"]
    assert checks_on(rows, "days_since_sanction") == []
    dates = {date: pd.Timestamp("2020-01-01") + pd.Timedelta(days=365 * place)
             for place, date in enumerate(sorted(rows["as_of"].unique()))}  # fmt: skip
    yearly = rows.assign(as_of=rows["as_of"].map(dates), left=5.0 - rows.groupby("person_id").cumcount())
    assert checks_on(yearly, "left") == []  # a count that falls by one a year is no time


def test_what_a_value_tells_is_learnt_from_other_people(rows):
    few = rows.groupby("person_id").head(1).head(150)
    told = _Rows.of(few, "proven", seed=0)
    everyone = np.arange(len(few))
    noise = np.random.default_rng(5).normal(size=(20, len(few)))
    assert np.mean([told.ranked(told.told(one, everyone, everyone), everyone).auc for one in noise]) < 0.53


def test_a_weak_model_may_rest_on_one_feature(rows):
    assert not alarm_on(rows, ("sanctions_5y", "noise")).raised


def test_a_field_filled_in_afterwards_tells_more_at_early_dates(rows):
    early = rows["as_of"] < sorted(rows["as_of"].unique())[3]
    filled = np.where(early & (rows["proven"] == 1), np.random.default_rng(3).random(len(rows)) < 0.5, 0.0)
    assert "early and later dates differ" in checks_on(rows.assign(filled=filled), "filled")


def test_a_model_that_is_too_good_is_laid_at_the_door_of_what_carries_it():
    draw = np.random.default_rng(4)
    table = pd.DataFrame([(f"P{n}", date) for date in pd.date_range("2020-01-01", periods=2, freq="YS")
                          for n in range(1500)], columns=["person_id", "as_of"])  # fmt: skip
    table["proven"] = (draw.random(len(table)) < 0.3).astype(float)
    for name, seen in (("third", 1.15), ("other_third", 0.9), ("last_third", 0.9), ("noise", 0.0)):
        table[name] = table["proven"] * seen + draw.normal(0, 1, len(table))
    features = FeatureSet(tuple(FeatureInfo(name) for name in ("third", "other_third", "last_third", "noise")))
    trial = Trial.of(table, features, lambda seen, seed: SplineLogistic(seen, seed=seed),
                     Plan("proven", known_after_days=300, least_dates=1), people_splits=3, replicates=20)  # fmt: skip
    (suspect,) = leak_alarm(trial, whole_model(trial)).suspects
    assert (suspect.feature, suspect.check) == ("third", "model too good")
    one = trial.table.assign(other_third=0.0, last_third=0.0, third=table["proven"] * 1.2 + draw.normal(0, 1, 3000))
    trial = Trial(one, features, trial.make_model, trial.plan, trial.splits, replicates=20)
    carried = leak_alarm(trial, whole_model(trial)).suspects
    assert [(suspect.feature, suspect.check) for suspect in carried] == [("third", "carried by one feature")]


def test_the_auc_and_its_error_are_those_of_the_field(rows):
    y, score = rows["proven"].to_numpy(), rows["sanctions_5y"].to_numpy()
    person = np.unique(rows["person_id"], return_inverse=True)[1]
    ranked = Ranked.of(y, score, person)
    assert ranked.auc == pytest.approx(roc_auc_score(y, score), abs=1e-12)
    assert ranked.influence.sum() == pytest.approx(0, abs=1e-9)
    draw, drawn = np.random.default_rng(0), []
    rows_of = [np.flatnonzero(person == number) for number in range(person.max() + 1)]
    for _ in range(100):
        again = np.concatenate([rows_of[number] for number in draw.integers(0, len(rows_of), len(rows_of))])
        drawn.append(roc_auc_score(y[again], score[again]))
    assert ranked.error() == pytest.approx(np.std(drawn), rel=0.2)
    assert ranked.error() > 1.3 * Ranked.of(y, score, np.arange(len(y))).error()  # repeated rows tell less


def test_values_get_a_code_each_and_missing_one_of_its_own():
    assert coded(np.array([2.0, np.nan, 0.0, 2.0])).tolist() == [2, 3, 1, 2]
    many = coded(np.arange(1000.0))
    assert len(np.unique(many)) == 20 and np.bincount(many)[1:].tolist() == [50] * 20


@pytest.mark.slow
def test_clean_data_raises_no_alarm_and_leaks_are_always_named():
    silent, named = 0, 0
    for seed in range(24):
        table = histories(600, seed=100 + seed)
        found = {suspect.feature for suspect in suspect_features(table, HONEST, "proven", seed)}
        silent += not found
        leaks = {s.feature for s in suspect_features(table, ["sanctions_after", "days_to_discharge"], "proven", seed)}
        named += leaks == {"sanctions_after", "days_to_discharge"}
    assert silent >= 23 and named >= 23
