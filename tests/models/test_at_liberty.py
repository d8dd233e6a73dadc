"""Risk if at liberty: made-up worlds with known truth, weights worked out by hand, and what the result says."""

import numpy as np
import pandas as pd
import pytest

from desist.features.cohort import CohortRule
from desist.features.outcomes import PersonMonths
from desist.models.over_time.at_liberty import risk_if_at_liberty
from desist.records.errors import Refused

MONTHS = 12
#: Chance a month, for people without and with the recorded circumstance: of reoffending at liberty, of being held.
REOFFENDS, HELD = np.array([0.01, 0.07]), np.array([0.01, 0.10])
#: The circumstance: how many have it at first, begin to have it and cease to, a month.
AT_FIRST, BEGINS, CEASES = 0.4, 0.10, 0.15


def true_risk():
    """Exactly, by following the shares of people with and without the circumstance, none of them ever held."""
    share = np.array([1 - AT_FIRST, AT_FIRST])
    for _ in range(MONTHS):
        without, having = share * (1 - REOFFENDS)
        share = np.array([without * (1 - BEGINS) + having * CEASES, without * BEGINS + having * (1 - CEASES)])
    return 1 - share.sum()


def made_up_world(people, seed):
    """Months of a world in which custody depends on a changing circumstance that raises reoffending too."""
    draw = np.random.default_rng(seed)
    having, seen, months = (draw.random(people) < AT_FIRST).astype(int), np.ones(people, dtype=bool), []
    for month in range(1, MONTHS + 1):
        held, again = draw.random(people) < HELD[having], draw.random(people) < REOFFENDS[having]
        who = np.flatnonzero(seen)
        outcome = np.where(held, np.nan, again)[who]
        months.append(pd.DataFrame({"person_id": who.astype(str), "month": month, "at_liberty": 1.0 - held[who],
                                    "reoffended": outcome, "unsettled": having[who]}))  # fmt: skip
        seen &= ~held & ~again
        turn = draw.random(people)
        having = np.where(having == 1, turn >= CEASES, turn < BEGINS).astype(int)
    return months_of(pd.concat(months, ignore_index=True), "unsettled")


def months_of(table, *features, months=MONTHS):
    day = pd.Timestamp("2022-04-01")
    table = table.assign(as_of=day, month_start=day + pd.to_timedelta((table["month"] - 1) * 365 // 12, "D"))
    return PersonMonths(table, features, pd.DataFrame(), months, "a made-up outcome")


@pytest.fixture(scope="module")
def worlds():
    return [made_up_world(2500, seed) for seed in range(16)]


def deviation(estimates, truth):
    """How far the mean of the estimates is from the truth, in Monte Carlo standard errors."""
    return (np.mean(estimates) - truth) / (np.std(estimates, ddof=1) / np.sqrt(len(estimates)))


def test_the_weighted_estimate_recovers_the_risk_at_liberty_and_the_others_do_not(worlds):
    truth = true_risk()
    found = [risk_if_at_liberty(world) for world in worlds]
    never_held = []
    for world in worlds:
        people = world.table.groupby("person_id").agg(free=("at_liberty", "min"), again=("reoffended", "max"))
        never_held.append(people.loc[people["free"] == 1, "again"].mean())
    assert abs(deviation([one.risk for one in found], truth)) < 2.5
    assert deviation([one.unweighted for one in found], truth) < -6
    assert abs(deviation(never_held, truth)) > 6  # dropping people with later custody answers another question
    assert abs(np.mean([one.risk for one in found]) - truth) < 0.01


def test_without_the_feature_that_custody_depends_on_the_weights_cannot_help(worlds):
    blind = [PersonMonths(one.table, (), one.not_known, one.months, one.sentence) for one in worlds[:8]]
    found = [risk_if_at_liberty(world) for world in blind]
    assert [one.risk for one in found] == pytest.approx([one.unweighted for one in found], abs=1e-3)


def test_the_interval_holds_the_truth_and_comes_from_its_seed_alone(worlds):
    found = risk_if_at_liberty(worlds[0], resamples=15, seed=3)
    assert found.interval[0] < true_risk() < found.interval[1] and found.interval[0] < found.risk < found.interval[1]
    assert risk_if_at_liberty(worlds[0], resamples=15, seed=3).interval == found.interval
    assert risk_if_at_liberty(worlds[0]).interval is None


@pytest.mark.parametrize("rule", ["drop people with later custody", "drop", "shorten"])
def test_the_rule_that_drops_people_with_later_custody_is_still_refused(rule):
    with pytest.raises(Refused, match="selects on the outcome"):
        CohortRule("caseload", custody_after=rule)


def small_world():
    """Month 1: of 400 without the mark all are free, of 400 with it half are held. With it half reoffend, else none."""
    rows = [(f"n{n}", 1, 1.0, 0.0, 0.0) for n in range(400)]
    rows += [(f"y{n}", 1, float(n < 200), (float(n < 100) if n < 200 else np.nan), 1.0) for n in range(400)]
    return pd.DataFrame(rows, columns=["person_id", "month", "at_liberty", "reoffended", "mark"])


def test_weights_of_one_month_worked_out_by_hand():
    """Of 600 free, 100 reoffended: 1 in 6. Had nobody been held, 200 of 800 would have: 1 in 4.

    Weights are 3/4 over the chance: 3/4 for the 400, 3/2 for the 200; effective (300 + 300)^2 / (225 + 450) = 533.
    """
    found = risk_if_at_liberty(months_of(small_world(), "mark", months=1), truncate=(0, 100))
    month = found.by_month.iloc[0]
    assert found.unweighted == pytest.approx(1 / 6) and found.risk == pytest.approx(1 / 4, abs=0.01)
    assert (
        month["effective_people"] == pytest.approx(533.3, abs=8) and found.effective_people == month["effective_people"]
    )
    assert month[["at_risk", "at_liberty", "not_at_liberty", "reoffended"]].tolist() == [800, 600, 200, 100]
    assert found.truncated_at[:2] == (0, 100) and found.truncated_at[2:] == pytest.approx((0.75, 1.5), abs=0.03)
    assert found.least_chance == pytest.approx(0.5, abs=0.02) and found.weights_truncated == 0


def test_weights_are_cut_off_at_the_percentiles_asked_for():
    rare = small_world().iloc[[*range(400), *range(400, 404), *range(600, 800)]]  # 4 at liberty stand for 204
    whole = risk_if_at_liberty(months_of(rare, "mark", months=1), truncate=(0, 100))
    cut = risk_if_at_liberty(months_of(rare, "mark", months=1), truncate=(1, 99))
    assert whole.truncated_at[3] > 10 and cut.truncated_at[3] == pytest.approx(whole.truncated_at[2], rel=0.01)
    assert cut.weights_truncated == 4 and cut.effective_people > whole.effective_people
    assert "should not be relied on" in whole.in_words() and "should not be relied on" not in cut.in_words()
    with pytest.raises(ValueError, match="percentiles"):
        risk_if_at_liberty(months_of(rare, "mark", months=1), truncate=(99, 1))


def test_a_person_held_later_counts_until_then_and_weights_multiply_over_months():
    table = pd.concat([small_world(), small_world().query("reoffended == 0").assign(month=2)], ignore_index=True)
    found = risk_if_at_liberty(months_of(table, "mark", months=2), truncate=(0, 100))
    assert found.by_month["at_risk"].tolist() == [800, 500]
    assert found.risk == pytest.approx(found.by_month["risk"].iloc[-1])
    assert found.by_month["risk"].iloc[0] == pytest.approx(found.by_month["hazard"].iloc[0])


def test_what_it_says_of_itself():
    said = risk_if_at_liberty(months_of(small_world(), "mark", months=1), resamples=5).in_words()
    assert said.startswith("Hypothetical, a secondary analysis: had nobody been held in custody, 2")
    for words in ("between", "a made-up outcome", "cut off at their percentiles 1 and 99", "weigh as much as",
                  "It is no estimate about a person", "depending only on what was recorded"):  # fmt: skip
        assert words in said


def test_where_nobody_is_held_the_weights_change_nothing():
    found = risk_if_at_liberty(
        months_of(small_world().assign(at_liberty=1.0).fillna({"reoffended": 0.0}), "mark", months=1)
    )
    assert found.risk == found.unweighted == pytest.approx(1 / 8) and found.effective_people == pytest.approx(800)
    assert found.least_chance == 1


def test_where_everybody_is_held_nothing_is_known():
    table = small_world().assign(at_liberty=0.0, reoffended=np.nan)
    found = risk_if_at_liberty(months_of(table, "mark", months=1), resamples=2)
    assert np.isnan(found.risk) and np.isnan(found.interval[0]) and found.effective_people == 0
    assert found.least_chance == 0 and "not known" in found.in_words()
    with pytest.raises(ValueError, match="no month"):
        risk_if_at_liberty(months_of(table.iloc[:0], "mark", months=1))


def test_a_missing_feature_has_a_mark_of_its_own():
    """The mark is missing for those with it: its absence tells them apart just as well."""
    table = small_world()
    table["mark"] = table["mark"].where(table["mark"] == 0)
    assert risk_if_at_liberty(months_of(table, "mark", months=1), truncate=(0, 100)).risk == pytest.approx(
        0.25, abs=0.01
    )


def test_the_order_of_rows_changes_nothing(worlds):
    table = worlds[1].table
    shuffled = PersonMonths(table.sample(frac=1, random_state=5), worlds[1].features, pd.DataFrame(), MONTHS, "x")
    assert risk_if_at_liberty(shuffled).risk == pytest.approx(risk_if_at_liberty(worlds[1]).risk, abs=1e-6)
