"""Concordance and the Brier score over time: by hand, and against scikit-survival where the definitions agree."""

import numpy as np
import pytest

from desist.models.over_time.incidence import cumulative_incidence
from desist.models.over_time.measures import (
    brier_over_time,
    concordance,
    ipcw,
    not_censored,
    over_all_times,
)

WITHIN = 1e-9


def people(rows, seed, *, whole_days=True):
    """Times, whether the event came, and a score that tells something; many ties of time and score."""
    draw = np.random.default_rng(seed)
    score = np.round(draw.normal(size=rows), 1)
    when = draw.exponential(100 * np.exp(-0.7 * score))
    lost = draw.uniform(1, 250, rows)
    time, event = np.minimum(when, lost), when <= lost
    return event, np.ceil(time) if whole_days else time, score


def told(event, time):
    from sksurv.util import Surv

    return Surv.from_arrays(event, time)


def test_concordance_worked_out_by_hand():
    """A day 2 event, B day 4 event, C lost on day 4, D lost on day 3, E day 6 event.

    A with B, C, D, E; B with C (lost that same day) and E: six pairs. A scores .9 above all but E (tied), so 3.5 of
    4. B (.2) is below C and E: 0 of 2.
    """
    event, time = [True, True, False, False, True], [2, 4, 4, 3, 6]
    score = [0.9, 0.2, 0.5, 0.1, 0.9]
    assert concordance(event, time, score).tolist() == [3.5 / 6]
    # two folds: A with C, A with E and nothing else
    assert concordance(event, time, score, strata=[0, 1, 0, 1, 0]).tolist() == [1.5 / 2]
    # B drawn twice, A not at all, E once, C and D once: B with C and E
    assert concordance(event, time, score, draws=np.array([[0, 2, 1, 1, 1.0]])).tolist() == [0.0]
    assert np.isnan(concordance([False, False], [1, 2], [0, 1])).all()


def test_drawing_rows_again_is_the_same_as_having_them_twice():
    event, time, score = people(60, 5)
    times = np.random.default_rng(1).integers(0, 3, 60)
    again = np.repeat(np.arange(60), times)
    drawn = concordance(event, time, score, draws=times[None, :].astype(float))
    assert drawn == pytest.approx(concordance(event[again], time[again], score[again]))


@pytest.mark.parametrize("whole_days", [True, False])
def test_harrells_concordance_is_scikit_survivals(whole_days):
    from sksurv.metrics import concordance_index_censored

    for seed in range(3):
        event, time, score = people(200, seed, whole_days=whole_days)
        theirs = concordance_index_censored(event, time, score)[0]
        assert concordance(event, time, score)[0] == pytest.approx(theirs, abs=WITHIN)


@pytest.mark.parametrize("until", [None, 90.0, 91.5])
def test_weighted_concordance_is_scikit_survivals(until):
    from sksurv.metrics import concordance_index_ipcw

    event, time, score = people(250, 7)
    before = people(400, 8)
    before[1][np.argmax(before[1])] = time.max() + 1  # what is measured lies within what the weights were learnt from
    censoring = not_censored(before[0], before[1])
    ours = concordance(event, time, score, weight=ipcw(censoring, event, time, until=until))[0]
    theirs = concordance_index_ipcw(told(before[0], before[1]), told(event, time), score, tau=until)[0]
    assert ours == pytest.approx(theirs, abs=WITHIN)


def test_the_cause_specific_concordance_is_scikit_survivals_with_other_causes_taken_for_censored():
    from sksurv.metrics import concordance_index_ipcw

    event, time, score = people(250, 9)
    reoffence = event & (np.random.default_rng(0).random(250) < 0.6)
    ours = concordance(
        reoffence, time, score, weight=ipcw(not_censored(reoffence, time), reoffence, time, until=120.0)
    )[0]
    theirs = concordance_index_ipcw(told(reoffence, time), told(reoffence, time), score, tau=120.0)[0]
    assert ours == pytest.approx(theirs, abs=WITHIN)


def test_the_integrated_brier_score_is_scikit_survivals():
    from sksurv.metrics import brier_score, integrated_brier_score

    event, time, score = people(300, 4)
    before = people(300, 5)
    at = np.arange(10.0, 181.0, 10.0)
    free = np.exp(-np.outer(0.01 * np.exp(0.7 * score), at))
    censoring = not_censored(before[0], before[1])
    ours = brier_over_time(censoring, event.astype(int), time, 1 - free, at)
    theirs = brier_score(told(before[0], before[1]), told(event, time), free, at)[1]
    np.testing.assert_allclose(ours[0], theirs, atol=WITHIN)
    whole = integrated_brier_score(told(before[0], before[1]), told(event, time), free, at)
    assert over_all_times(ours, at)[0] == pytest.approx(whole, abs=WITHIN)


def test_without_censoring_the_brier_score_of_a_cause_is_the_mean_square():
    """Three people: the cause on day 10, another on day 20, nothing until day 99. On day 15 and on day 25."""
    cause, time = [1, 2, 0], [10, 20, 99]
    share = np.array([[0.5, 0.6], [0.2, 0.4], [0.1, 0.3]])
    found = brier_over_time(not_censored([True, True, True], time), cause, time, share, [15, 25])
    by_hand = [(0.25 + 0.04 + 0.01) / 3, (0.16 + 0.16 + 0.09) / 3]
    np.testing.assert_allclose(found[0], by_hand)
    twice = brier_over_time(not_censored([True] * 3, time), cause, time, share, [15, 25], draws=np.array([[2, 1, 0.0]]))
    np.testing.assert_allclose(twice[0], [(2 * 0.25 + 0.04) / 3, (2 * 0.16 + 0.16) / 3])


def test_who_is_censored_before_counts_no_more_and_the_others_weigh_more():
    """Four people, one lost on day 5 when three others were still seen: each of the three weighs 4/3."""
    event, time = [False, True, False, False], [5, 10, 30, 30]
    censoring = not_censored(event, time)
    assert censoring.after([4, 5, 20]).tolist() == [1.0, 0.75, 0.75]
    share = np.array([[0.9], [0.5], [0.5], [0.5]])
    assert brier_over_time(censoring, [0, 1, 0, 0], time, share, [20])[0, 0] == pytest.approx(3 * 0.25 / 0.75 / 4)


def test_what_nobody_was_followed_to_cannot_be_measured():
    event, time = [True, True], [5, 10]
    with pytest.raises(ValueError, match="nobody was seen after"):
        not_censored(event, time).after([11])
    with pytest.raises(ValueError, match="everybody was censored"):
        ipcw(not_censored([True, False], [1, 2]), [True, True], [1, 3])
    with pytest.raises(ValueError, match="two times"):
        over_all_times(np.zeros((1, 1)), [3])


def test_the_incidence_of_competing_causes_is_scikit_survivals():
    """Theirs goes by day and needs two causes or more (a single one raises); ours is read at the ends of months."""
    from sksurv.nonparametric import cumulative_incidence_competing_risks

    draw = np.random.default_rng(3)
    days = draw.integers(1, 400, 500)
    causes = draw.choice(["reoffence", "recall", "custody", "censored"], 500, p=[0.3, 0.2, 0.1, 0.4])
    of = ("reoffence", "recall", "custody")
    ours = cumulative_incidence(days, causes, months=12, of=of)
    number = np.array([0 if cause == "censored" else 1 + of.index(cause) for cause in causes])
    when, share = cumulative_incidence_competing_risks(number, days.astype(float))
    at = np.searchsorted(when, ours["day"].to_numpy()[1:], side="right") - 1
    for place, name in enumerate(of):
        np.testing.assert_allclose(ours[name].to_numpy()[1:], share[1 + place][at], atol=WITHIN)
    np.testing.assert_allclose(ours["event_free"].to_numpy()[1:], 1 - share[0][at], atol=WITHIN)
