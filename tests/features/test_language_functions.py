"""The functions beyond counting, each over a table small enough to work out by eye, on and beside its boundary days."""

import datetime as dt

import pytest

from desist.features.language import (
    age_at_first,
    count,
    days_since,
    decayed_count,
    duration,
    first,
    gap_between,
    has,
    is_open,
    mean,
    most_recent,
    rate_per_year_at_liberty,
    share,
    sum,
    trend,
    where,
)
from desist.features.vocabulary import (
    appointments,
    custody,
    needs,
    offences,
    programmes,
    release_from_custody,
    treatment_episode,
    violent,
)
from desist.records.errors import Refused


def offence(day, recorded=None, code="04600", person="A"):
    """A proven offence: theft unless another code is given, recorded on its day unless another is given."""
    return {"person_id": person, "occurred_on": day, "recorded_on": recorded or day, "offence_code": code}


def assessed(day, score, recorded=None, person="A"):
    """An assessment of the need "drugs"."""
    row = {"person_id": person, "occurred_on": day, "recorded_on": recorded or day}
    return row | {"section": "drugs", "score": score}


def held(start, end=None, known=None, person="A"):
    """A spell in custody; its release is known on the day after unless another is given."""
    spell = {"person_id": person, "occurred_on": start, "recorded_on": start, "release": end}
    return spell | {"release_recorded_on": known or end, "release_type": "automatic" if end else None}


# sum and mean ------------------------------------------------------------------------------------------------------


def test_sum_and_mean_are_of_the_known_values_in_the_window(history, worked_out):
    events = history(
        prob_assessment=[
            assessed("2023-04-02", 3),  # 365 days before: the first day of the window
            assessed("2023-04-01", 9),  # one day too early
            assessed("2024-03-31", 6),  # the last day of the window
            assessed("2024-01-10", None),
            assessed("2024-02-10", 8, recorded="2024-04-01"),  # known on the as-of date: not yet
            assessed("2024-04-01", 7, recorded="2024-03-01"),
            assessed("2020-01-01", 5, person="B"),
        ]
    )
    assert worked_out(events, sum(needs.drugs, within="1y")) == 9
    assert worked_out(events, mean(needs.drugs, within="1y")) == 4.5
    assert worked_out(events, sum(needs.drugs, within="1y"), person="B") == 0
    assert worked_out(events, mean(needs.drugs, within="1y"), person="B") is None  # no value is no mean of 0
    assert worked_out(events, sum(needs.alcohol), person="B") == 0
    assert worked_out(events, sum(needs.drugs), person="C") is None  # probation has no record of C


def test_sums_do_not_depend_on_the_order_of_rows(history, worked_out):
    scores = [0.1, 0.2, 0.3, 0.7]
    rows = [assessed(f"2024-01-0{day}", score) for day, score in enumerate(scores, start=1)]
    for given in (rows, rows[::-1]):
        events = history(prob_assessment=given)
        assert worked_out(events, sum(needs.drugs)) == 1.3
        assert worked_out(events, mean(needs.drugs)) == 0.325


def test_a_sum_or_mean_asks_for_a_number():
    for function in (sum, mean):
        with pytest.raises(Refused, match="is a category"):
            function(offences.category)
        with pytest.raises(Refused, match="speaks of a field"):
            function(offences)


# first -------------------------------------------------------------------------------------------------------------


def test_first_is_the_earliest_known_value(history, worked_out):
    events = history(
        prob_assessment=[
            assessed("2022-01-01", None),
            assessed("2022-06-01", 7),
            assessed("2023-06-01", 2),
            assessed("2021-01-01", 9, recorded="2024-04-01"),
        ]
    )
    assert worked_out(events, first(needs.drugs)) == 7  # neither the unknown one, nor the one that came in late
    assert worked_out(events, first(needs.drugs, within="1y")) == 2
    assert worked_out(events, first(needs.drugs), as_of=dt.date(2024, 4, 2)) == 9
    assert worked_out(events, first(needs.alcohol)) is None


def test_of_two_first_answers_on_one_day_the_first_recorded_counts_then_the_smaller(history, worked_out):
    later = [assessed("2023-01-01", 1, recorded="2023-01-03"), assessed("2023-01-01", 5, recorded="2023-01-02")]
    alike = [assessed("2023-01-01", 5), assessed("2023-01-01", 1)]
    assert worked_out(history(prob_assessment=later), first(needs.drugs)) == 5
    assert worked_out(history(prob_assessment=alike), first(needs.drugs)) == 1
    assert worked_out(history(prob_assessment=alike[::-1]), first(needs.drugs)) == 1


# trend -------------------------------------------------------------------------------------------------------------


def test_a_trend_is_the_later_half_less_the_earlier(history, worked_out):
    # Ten days before 1 April: 22 to 26 March are the earlier half, 27 to 31 March the later.
    days = ["2024-03-22", "2024-03-26", "2024-03-27", "2024-03-30", "2024-03-31"]
    outside = [offence("2024-03-21"), offence("2024-04-01"), offence("2024-03-28", recorded="2024-04-01")]
    events = history(pol_sanction=[*map(offence, days), *outside])
    assert worked_out(events, trend(offences, within="10d")) == 3 - 2
    assert worked_out(events, trend(offences, within="10d"), person="B") is None
    assert worked_out(events, trend(offences.where(violent), within="10d")) == 0


def test_of_an_odd_window_the_earlier_half_has_the_day_more(history, worked_out):
    # Three days before 1 April: 29 and 30 March are earlier, 31 March is later.
    for day, expected in (("2024-03-28", 0), ("2024-03-29", -1), ("2024-03-30", -1), ("2024-03-31", 1)):
        events = history(pol_sanction=[offence(day), offence("2020-01-01")])
        assert worked_out(events, trend(offences, within="3d")) == expected, day


def test_the_halves_of_a_trend_meet_and_make_its_window():
    for days in range(2, 20):
        earlier, later = trend(offences, within=f"{days}d").halves()
        assert (earlier.days, earlier.until, later.until) == (days, later.days, 0)
        assert (earlier.days - earlier.until) - (later.days - later.until) == days % 2


def test_a_trend_of_a_field_compares_means_and_needs_both_halves(history, worked_out):
    rows = [assessed("2023-05-01", 2), assessed("2023-06-01", 4), assessed("2024-01-01", 9)]
    asked = trend(needs.drugs, within="1y")
    assert worked_out(history(prob_assessment=rows), asked) == 6
    assert worked_out(history(prob_assessment=rows[:2]), asked) is None
    assert worked_out(history(prob_assessment=rows[2:]), asked) is None
    assert worked_out(history(prob_assessment=[*rows[:2], assessed("2024-01-01", None)]), asked) is None


def test_a_trend_needs_two_days_and_rows_or_a_number():
    with pytest.raises(Refused, match="one day has none"):
        trend(offences, within="1d")
    with pytest.raises(Refused, match="is a category"):
        trend(offences.category)
    with pytest.raises(Refused, match="of rows, or of a number"):
        trend("offences")


# duration ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spells", "days"),
    [
        ([held("2024-03-23", "2024-03-25")], 3),  # the last day counts
        ([held("2024-03-25", "2024-03-25")], 1),
        ([held("2024-03-31")], 1),  # still open: until the as-of date
        ([held("2024-03-29", "2024-03-30", known="2024-04-01")], 3),  # its end was not known: as if open
        ([held("2024-03-22", "2024-03-25"), held("2024-03-24", "2024-03-26")], 5),  # each day once
        ([held("2024-03-22", "2024-03-23"), held("2024-03-24", "2024-03-24")], 3),  # side by side
        ([held("2024-03-01", "2024-03-22")], 1),  # begun before the window, and in it on its first day
        ([held("2024-03-01", "2024-03-21")], 0),
        ([held("2020-01-01")], 10),  # the whole window
        ([held("2024-04-01")], 0),  # begins on the as-of date
        ([], 0),
    ],
)
def test_duration_counts_days_of_the_window_once(history, worked_out, known_since, spells, days):
    events = history(known={"prison": known_since("A")}, pris_spell=spells)
    assert worked_out(events, duration(custody, within="10d")) == days  # 22 to 31 March


def test_duration_is_missing_where_the_source_is_not_shared(history, worked_out):
    events = history(pol_sanction=[offence("2024-01-01")])
    assert worked_out(events, duration(custody, within="1y")) is None


def test_duration_of_narrowed_spells_leaves_the_others_out(history, worked_out):
    events = history(pris_spell=[held("2024-03-22", "2024-03-25"), held("2024-03-28")])
    ended = custody.where(custody.release_type.one_of("automatic"))
    assert worked_out(events, duration(ended, within="10d")) == 4
    assert worked_out(events, duration(custody, within="10d")) == 8


def test_moments_have_no_duration():
    with pytest.raises(Refused, match="moments, not spells"):
        duration(offences)


# gap_between -------------------------------------------------------------------------------------------------------


def test_a_gap_is_between_the_last_two_days_with_an_event(history, worked_out):
    days = ["2020-01-01", "2024-01-01", "2024-01-31", "2024-01-31"]
    events = history(pol_sanction=[*map(offence, days), offence("2024-03-01", recorded="2024-04-01")])
    assert worked_out(events, gap_between(offences)) == 30  # two offences on one day leave no gap of 0
    assert worked_out(events, gap_between(offences), as_of=dt.date(2024, 4, 2)) == 30  # 31 January to 1 March
    assert worked_out(events, gap_between(offences), as_of=dt.date(2024, 1, 31)) == 1461
    assert worked_out(events, gap_between(offences, within="2m")) is None  # one day with an offence is no gap
    assert worked_out(history(pol_sanction=[offence("2024-01-01")] * 2), gap_between(offences)) is None


@pytest.mark.parametrize(
    ("programme", "days"),
    [
        (["2024-02-10"], 9),
        (["2024-02-01"], 0),  # the same day counts
        (["2024-01-31"], None),  # came before
        (["2024-01-05", "2024-03-01", "2024-02-03"], 2),  # the first after the last release
        (["2024-04-01"], None),  # not known yet
        ([], None),
    ],
)
def test_a_gap_to_something_else_leads_from_the_last_to_the_first_after_it(
    history, worked_out, known_since, programme, days
):
    events = history(
        known={"council": known_since("A")},
        pris_spell=[held("2023-01-01", "2023-06-01"), held("2024-01-01", "2024-02-01")],
        programme=[{"person_id": "A", "occurred_on": day} for day in programme],
    )
    assert worked_out(events, gap_between(release_from_custody, programmes, within="1y")) == days


def test_a_gap_is_missing_without_the_first_event_and_where_either_source_is_silent(history, worked_out, known_since):
    asked = gap_between(release_from_custody, programmes)
    programme = [{"person_id": "A", "occurred_on": "2024-01-01"}]
    assert worked_out(history(pris_spell=[], known={"prison": {}}, programme=programme), asked) is None
    assert worked_out(history(pris_spell=[held("2023-01-01", "2023-06-01")]), asked) is None


def test_a_gap_leads_from_rows_to_rows():
    with pytest.raises(Refused, match="from rows to rows"):
        gap_between(offences, offences.severity)


# decayed_count -----------------------------------------------------------------------------------------------------


def test_an_event_counts_half_when_one_half_life_has_gone_by(history, worked_out):
    events = history(pol_sanction=[offence("2024-03-22"), offence("2024-03-12"), offence("2024-04-01")])
    asked = decayed_count(offences, half_life="10d", within="20d")
    assert worked_out(events, asked) == 0.5 + 0.25  # 10 and 20 days before the as-of date
    assert worked_out(events, asked, as_of=dt.date(2024, 3, 23)) == 0.5**0.1 + 0.5**1.1
    assert worked_out(events, decayed_count(offences, half_life="10d", within="10d")) == 0.5
    assert worked_out(events, asked, as_of=dt.date(2024, 6, 1)) == 0
    assert worked_out(events, asked, person="B") is None


def test_a_half_life_is_a_length_like_any_window():
    with pytest.raises(Refused, match="written as a whole number"):
        decayed_count(offences, half_life="1 year")
    with pytest.raises(Refused, match="at least one day"):
        decayed_count(offences, half_life="0d")


# arithmetic, tests and where ---------------------------------------------------------------------------------------


@pytest.fixture
def three_thefts_and_a_year_in_prison(history):
    thefts = [offence("2023-06-01"), offence("2023-07-01"), offence("2024-01-01")]
    return history(pol_sanction=[*thefts, offence("2016-01-01", person="B")], pris_spell=[held("2023-02-01")])


def test_values_are_added_subtracted_multiplied_and_divided(three_thefts_and_a_year_in_prison, worked_out):
    events, year, all_of_them = three_thefts_and_a_year_in_prison, count(offences, within="6m"), count(offences)
    assert worked_out(events, year + all_of_them) == 4
    assert worked_out(events, year - all_of_them) == -2
    assert worked_out(events, year * all_of_them) == 3
    assert worked_out(events, year / all_of_them) == 1 / 3
    assert worked_out(events, 2 * all_of_them + 1) == 7
    assert worked_out(events, all_of_them / 2) == 1.5


def test_nothing_is_divided_by_0_and_what_is_missing_stays_missing(three_thefts_and_a_year_in_prison, worked_out):
    events, recent = three_thefts_and_a_year_in_prison, count(offences, within="6m")
    assert worked_out(events, count(offences) / recent, person="B") is None  # 1 divided by 0
    assert worked_out(events, recent / count(offences), person="B") == 0
    assert worked_out(events, recent + count(treatment_episode)) is None  # treatment is not shared
    assert worked_out(events, count(treatment_episode) + recent) is None
    assert worked_out(events, days_since(offences.where(violent)) * 0) is None


def test_a_value_is_tested_at_its_boundary(three_thefts_and_a_year_in_prison, worked_out):
    events, thefts = three_thefts_and_a_year_in_prison, count(offences)
    assert [worked_out(events, thefts.at_least(number)) for number in (2, 3, 4)] == [1, 1, 0]
    assert [worked_out(events, thefts.at_most(number)) for number in (2, 3, 4)] == [0, 1, 1]
    assert worked_out(events, days_since(offences.where(violent)).at_least(0)) is None


def test_where_takes_one_value_or_the_other_and_is_missing_with_its_test(three_thefts_and_a_year_in_prison, worked_out):
    events, open_now = three_thefts_and_a_year_in_prison, is_open(custody)
    assert worked_out(events, where(open_now, count(offences), 0)) == 3
    assert worked_out(events, where(open_now, count(offences), 0), person="B") == 0
    assert worked_out(events, where(open_now, count(offences), count(offences) * 2), person="B") == 2
    assert worked_out(events, where(has(treatment_episode), count(offences), 0)) is None
    # Only the value chosen is asked for: what the other would say, or not, changes nothing ...
    unknown_violence = days_since(offences.where(violent))
    assert worked_out(events, where(open_now, count(offences), 0), person="B") == 0
    assert worked_out(events, where(open_now, unknown_violence, 9)) is None
    assert worked_out(events, where(open_now, unknown_violence, 9), person="B") == 9


def test_a_source_that_is_not_shared_makes_a_choice_missing_even_where_it_is_not_chosen(
    three_thefts_and_a_year_in_prison, worked_out
):
    asked = where(is_open(custody), count(offences), count(treatment_episode))
    assert worked_out(three_thefts_and_a_year_in_prison, asked) is None


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: has(offences) + has(custody), "is a yes/no; only numbers"),
        (lambda: most_recent(needs.section) + 1, "is a category; only numbers"),
        (lambda: count(offences) + days_since(offences), "only like and like"),
        (lambda: days_since(offences) - count(offences), "only like and like"),
        (lambda: count(offences) + float("nan"), "with another or with a number"),
        (lambda: count(offences) + float("inf"), "with another or with a number"),
        (lambda: count(offences) + True, "with another or with a number"),
        (lambda: count(offences) / "2", "with another or with a number"),
        (lambda: count(offences) / 0, "divided by 0"),
        (lambda: has(offences).at_least(1), "only numbers can be tested"),
        (lambda: count(offences).at_least(float("nan")), "tested against a number"),
        (lambda: where(count(offences), count(offences), 0), "asks a yes/no first"),
        (lambda: where(has(offences), count(offences), days_since(offences)), "two values of one kind"),
        (lambda: where(has(offences), most_recent(needs.section), 0), "two values of one kind"),
        (lambda: where(has(offences), 1, 0), "of definitions; found 1"),
        (lambda: where(has(offences), count(offences), "0"), "ends with a definition or a number"),
        (lambda: offences.where(offences.severity.at_least("4")), "compared with a number"),
        (lambda: offences.where(offences.category.one_of(4)), "are texts"),
        (lambda: share(appointments.kept, of=appointments.kept), "same table"),
        (lambda: rate_per_year_at_liberty(offences, custody=violent), "spells in custody"),
        (lambda: age_at_first("sanctions"), "speaks of rows"),
    ],
)
def test_what_cannot_be_combined_is_refused_when_it_is_made(make, says):
    with pytest.raises(Refused, match=says):
        make()


def test_combinations_know_what_they_yield():
    days, number = days_since(offences), count(offences)
    yields = [number / number, days - days_since(custody), days * 2, days / days_since(custody), number.at_least(1),
              share(appointments.kept, of=appointments) * 2, where(has(custody), days, 0)]  # fmt: skip
    assert [one.yields for one in yields] == ["number", "days", "days", "number", "yes_no", "number", "days"]


def test_a_combination_keeps_each_window_within_the_limit_of_its_family():
    combined = count(offences) / count(offences, within="1y")
    assert combined.bounded(730).looks_back() == 730
    with pytest.raises(Refused, match="limit of its family"):
        combined.bounded(100)
