"""A shared model in a small borough: how far its step is believed, when nothing moves, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators import shared as shared_module
from desist.models.estimators.base import CannotFit
from desist.models.estimators.calibration import Calibrated
from desist.models.estimators.comparators import PriorCount
from desist.models.estimators.shared import AreaSpread, Line, Shared, area_spread
from desist.models.files import load_model, save_model

FEATURES = FeatureSet((FeatureInfo("sanctions", sign=1), FeatureInfo("kept_share")))
DATES = pd.to_datetime(["2021-04-01", "2022-04-01", "2023-04-01", "2024-04-01"])
HERE = "a made-up borough"


def rows_of(people, seed, *, step=0.0, slope=1.0):
    """Rows of so many people on four dates whose true logit is ``step + slope * (-1.5 + ln(1 + sanctions))``."""
    draw = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), len(DATES))
    sanctions = draw.poisson(3.0, len(person)).astype(float)
    truth = step + slope * (-1.5 + np.log1p(sanctions))
    y = (draw.random(len(person)) < 1 / (1 + np.exp(-truth))).astype(float)
    table = pd.DataFrame({"sanctions": sanctions, "kept_share": draw.random(len(person))})
    return table, y, person, np.tile(DATES, people)


@pytest.fixture(scope="module")
def regional():
    """A model of a region, recalibrated, whose line is that of ``rows_of``."""
    table, y, _, _ = rows_of(4000, seed=1)
    model = PriorCount(FEATURES, priors="sanctions").fit(table, y)
    return Calibrated(model).fit(table, y)


def moved(regional, rows, *, area=HERE, **settings):
    table, y, people, as_of = rows
    return Shared(regional, known_after_days=577, **settings).fit(table, y, people, as_of=as_of, area=area)


def test_a_borough_whose_rate_lies_well_above_moves_by_its_step_and_says_so(regional):
    made = moved(regional, rows_of(600, seed=2, step=0.8))
    assert 0.5 < made.line_.step < 0.8
    assert made.intercept_ == pytest.approx(made.line_.step + regional.intercept_)
    assert made.slope_ == regional.slope_ and made.learnt_ == "intercept"
    assert made.words_.startswith(f"The borough intercept moved by {made.line_.step:+.2f} with weight ")
    assert "the slope stayed" in made.words_


def test_a_step_within_chance_moves_nothing(regional, monkeypatch):
    monkeypatch.setattr(shared_module, "_saves", lambda *_: True)  # even if later rows happen to bear it out
    made = moved(regional, rows_of(200, seed=3))
    assert made.line_ == Line() and made.intercept_ == regional.intercept_
    assert made.learnt_ == "nothing" and "stayed" in made.words_


def test_the_weight_is_the_spread_of_boroughs_against_the_error_of_the_step():
    assert AreaSpread(0.0, 0.04, 8).weight(0.01) == pytest.approx(0.8)
    assert AreaSpread(0.0, 0.0, 8).weight(0.01) == 0.0


def test_a_step_is_drawn_to_the_mean_of_the_boroughs(regional):
    rows = rows_of(400, seed=2, step=0.8)
    alone = moved(regional, rows, spread=AreaSpread(0.0, 0.02, 8)).line_
    among = moved(regional, rows, spread=AreaSpread(0.4, 0.02, 8)).line_
    assert alone.weight == among.weight
    assert among.step - alone.step == pytest.approx(0.4 * (1 - alone.weight))


def test_boroughs_that_do_not_vary_leave_the_shared_model_as_it_is(regional):
    made = moved(regional, rows_of(600, seed=2, step=0.8), spread=AreaSpread(0.0, 0.0, 8))
    assert made.line_ == Line() and made.learnt_ == "nothing"


@pytest.mark.parametrize(("people", "seen"), [(49, False), (50, True)])
def test_fewer_than_fifty_people_with_the_outcome_move_nothing(regional, people, seen):
    table, _, person, as_of = rows_of(300, seed=4)
    y = (person < people).astype(float)  # everybody's first to last date alike: so many people with the outcome
    made = moved(regional, (table, y, person, as_of))
    assert ("50 of each are needed" not in made.words_) == seen
    assert (made.learnt_ != "nothing") <= seen


def test_one_person_counts_once_however_many_rows_are_theirs(regional):
    table, y, person, as_of = rows_of(150, seed=5, step=0.8)
    of_few = (table, y, person // 4, as_of)  # 38 people with sixteen rows each
    assert "38 people with or without the outcome" in moved(regional, of_few).words_


def test_the_slope_moves_with_two_hundred_people_with_the_outcome_and_not_below(regional):
    flat = rows_of(1200, seed=6, slope=0.4)
    made = moved(regional, flat)
    assert made.learnt_ == "intercept and slope" and 0.4 < made.line_.slope < 0.9
    assert made.slope_ == pytest.approx(made.line_.slope * regional.slope_)
    below = moved(regional, flat, events_for_slope=100_000)
    assert below.slope_ == regional.slope_ and "100000 are needed" in below.words_


def test_a_step_that_later_rows_of_other_people_do_not_bear_out_is_not_kept(regional, monkeypatch):
    table, y, person, as_of = rows_of(600, seed=7, step=0.6)
    fell_since = rows_of(600, seed=7, step=-0.8)[1]
    rows = (table, np.where(as_of >= DATES[2], fell_since, y), person, as_of)
    spread = AreaSpread(0.5, 0.04, 8)  # other boroughs draw it up
    assert moved(regional, rows, spread=spread).line_.step == 0.0
    monkeypatch.setattr(shared_module, "_saves", lambda *_: True)
    assert moved(regional, rows, spread=spread).line_.step != 0.0


def test_without_later_rows_nothing_moves(regional):
    table, y, person, _ = rows_of(600, seed=2, step=0.8)
    one_date = np.full(len(y), DATES[0])
    assert "no later rows" in moved(regional, (table, y, person, one_date)).words_


def test_rows_whose_outcome_was_not_known_yet_teach_no_step_that_is_judged(regional):
    table, y, person, as_of = rows_of(300, seed=2, step=0.8)
    too_near = pd.to_datetime(as_of).map({day: DATES[0] + pd.Timedelta(days=100 * n) for n, day in enumerate(DATES)})
    assert "no later rows" in moved(regional, (table, y, person, too_near)).words_


def test_contributions_sum_to_the_moved_logit(regional):
    rows = rows_of(600, seed=2, step=0.8)
    made = moved(regional, rows)
    assert made.contributions(rows[0]).sum(axis=1).to_numpy() == pytest.approx(
        made.decision_function(rows[0]), abs=1e-9
    )
    assert made.decision_function(rows[0]) == pytest.approx(made.line_(regional.decision_function(rows[0])), abs=1e-12)


def test_a_moved_model_is_read_back_with_its_scores_and_its_words(regional, tmp_path):
    rows = rows_of(600, seed=2, step=0.8)
    for made in (moved(regional, rows), moved(regional.model, rows)):
        save_model(made, tmp_path)
        back = load_model(tmp_path)
        assert isinstance(back, Shared)
        assert (back.decision_function(rows[0]) == made.decision_function(rows[0])).all()
        assert (back.words_, back.area_, back.line_) == (made.words_, HERE, made.line_)
        assert back.to_json() == made.to_json()


def test_a_reader_that_knows_recalibration_only_gives_the_same_scores(regional):
    rows = rows_of(600, seed=2, step=0.8)
    made = moved(regional, rows)
    told = made.to_json()
    assert told["kind"] == "calibrated"
    plain = Calibrated.recalled(made.model, told)
    assert (plain.decision_function(rows[0]) == made.decision_function(rows[0])).all()


@pytest.mark.parametrize("area", [pd.Series(["E05000500"] * 8), ["Loxford"], None, "", "police", "E05000500"])
def test_a_column_of_areas_a_ward_or_an_agency_is_refused(regional, area):
    with pytest.raises(CannotFit, match=r"borough"):
        moved(regional, rows_of(100, seed=2), area=area)


def test_a_model_is_moved_once(regional):
    rows = rows_of(600, seed=2, step=0.8)
    with pytest.raises(CannotFit, match="already"):
        moved(moved(regional, rows), rows)


def region(steps, people=150):
    parts = [rows_of(people, seed=100 + number, step=step) for number, step in enumerate(steps)]
    names = [f"borough {number}" for number in range(len(steps))]
    table = pd.concat([part[0] for part in parts], ignore_index=True)
    y = np.concatenate([part[1] for part in parts])
    person = np.concatenate([part[2] + 10_000 * number for number, part in enumerate(parts)])
    return table, y, person, pd.Series(np.repeat(names, 4 * people), name="borough"), names


def test_boroughs_that_vary_are_told_from_those_that_are_alike(regional):
    *rows, names = region([-0.6, -0.3, 0.0, 0.3, 0.6])
    apart = area_spread(regional, *rows, boroughs=names)
    *rows, names = region([0.0] * 5)
    alike = area_spread(regional, *rows, boroughs=names)
    assert 0.3 < np.sqrt(apart.variance) < 0.7 and apart.boroughs == 5 and apart.measured  # truly .47
    assert alike.variance < 0.01


def test_estimates_without_error_vary_as_much_as_they_differ():
    mean, variance = shared_module._between(np.array([[-1.0, 1e-9], [0.0, 1e-9], [1.0, 1e-9]]))
    assert (mean, variance) == (pytest.approx(0.0), pytest.approx(1.0, abs=1e-6))  # ((-1)^2 + 0 + 1^2) / 2


@pytest.mark.parametrize("name", ["ward", "home_team", "agency", "postcode_district"])
def test_a_region_is_parted_into_boroughs_never_into_anything_smaller(regional, name):
    table, y, person, area, names = region([0.0] * 5, people=60)
    with pytest.raises(CannotFit, match="by borough only"):
        area_spread(regional, table, y, person, area.rename(name), boroughs=names)


def test_a_level_that_is_no_borough_of_the_region_is_refused(regional):
    table, y, person, area, names = region([0.0] * 6, people=60)
    with pytest.raises(CannotFit, match="with 6 levels is not a column of the region's 5 boroughs"):
        area_spread(regional, table, y, person, area, boroughs=names[:5])
    with pytest.raises(CannotFit, match="by borough only"):
        area_spread(regional, table, y, person, area, boroughs=[*names, *map(str, range(67))])


def test_an_area_with_a_handful_of_people_is_not_a_borough(regional):
    table, y, person, area, names = region([0.0] * 5, people=40)
    with pytest.raises(CannotFit, match="Anything smaller is not a borough"):
        area_spread(regional, table, y, person, area, boroughs=names)


@pytest.mark.slow
def test_where_boroughs_are_alike_moving_loses_less_than_a_ten_thousandth(regional):
    """Fifty worlds without area difference: the mean loss stays below 1e-4 beyond its Monte-Carlo error.

    The protocol of 500 worlds is benchmarks/shared_card.py.
    """
    fresh = rows_of(3000, seed=9)[0]
    logit = regional.decision_function(fresh)
    truth = -1.5 + np.log1p(fresh["sanctions"].to_numpy())
    chances = 1 / (1 + np.exp(-truth))
    losses = []
    for world in range(50):
        line = moved(regional, rows_of(400, seed=1000 + world)).line_
        lost = np.logaddexp(0, line(logit)) - chances * line(logit) - np.logaddexp(0, logit) + chances * logit
        losses.append(lost.mean())
    assert np.mean(losses) - 1.645 * np.std(losses) / np.sqrt(50) <= 1e-4
