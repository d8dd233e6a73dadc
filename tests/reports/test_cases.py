"""Cases to review: what is on it, and nothing finer than the step."""

import datetime as dt
import re

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desist.features.tables import Estimate, Reason
from desist.reports import states
from desist.reports.cases import cases_csv, cases_page, need_words
from desist.reports.content import Exceptions, ListHeader, NeedWaiting, StepRecord
from desist.reports.wording import estimate_gaps, lint_list, readable
from tests.reports.cases_kit import read_sheet, row_of


def visible(page):
    return readable(page.split("<main", 1)[1].replace("<", " <", 1))


def page_of(made, estimates):
    return cases_page(made.case_list(estimates=estimates), made.header(), made.on_list(), today=made.today)


def test_the_page_names_what_it_is_and_until_when_under_which_approval(made):
    page = cases_page(made.case_list(), made.header(), made.on_list(), today=made.today)
    assert "<h1>Cases to review, for support and supervision</h1>" in page
    assert "Decision support only. You decide. Valid until 31 October 2026. Approval REL-2026-10." in page
    for said in ("30 September 2026", "31 October 2026", "REL-2026-10", "points card 2026.10", "31 March 2027"):
        assert said in page
    assert "How to challenge: The person can ask for any fact to be checked." in page


def test_there_are_six_columns_and_needs_stand_before_the_estimate(made):
    page = cases_page(made.case_list(), made.header(), made.on_list(), today=made.today)
    table = page.split('<table class="cases">')[1]
    assert re.findall(r'<th scope="col">(.*?)</th>', table) == [
        "Person and supervision", "Needs waiting", "What changed", "Estimate", "Last and next contact", "Review"
    ]


def test_people_stand_in_the_order_given_without_a_number(made):
    rows = [made.case_row(person) for person in ("p3", "p1", "p2")]
    page = cases_page(made.case_list(rows), made.header(), made.on_list(), today=made.today)
    names = re.findall(r'<tbody>\s*<tr>\s*<th scope="row">([^<]+)', page.split('class="cases"')[1])
    assert names == ["Jo Pike", "Alex Marlowe", "Samina Everly"]
    assert "The estimate does not rank them." in page


def test_a_row_says_who_what_waits_what_changed_when_and_the_review(made):
    page = cases_page(made.case_list(), made.header(), made.on_list(), today=made.today)
    row = readable(row_of(page, "Alex Marlowe"))
    for said in ("Alex Marlowe X000001 Fixed Licence until 14 March 2027",
                 "Accommodation: 112 days since identified, no offer", "Drugs: 41 days since referred, no offer",
                 "Released from custody on 3 September 2026", "About 7 in 10 Borderline",
                 "Last: 22 September 2026 Next: 6 October 2026", "25 September 2026 Overdue No decision recorded"):
        assert said in row


def test_the_estimate_is_a_whole_sentence_behind_more_with_at_most_five_reasons(made):
    page = cases_page(made.case_list(), made.header(), made.on_list(), today=made.today)
    row = row_of(page, "Alex Marlowe")
    said = readable(row.split("<details>")[1])
    assert estimate_gaps(said) == []
    assert "This is not RoSH and not ARP. Not a prediction about this individual." in said
    assert "4 court sanctions in the last 2 years: raises the estimate (history; source: police record" in said
    six = {"p1": Estimate(4, (), tuple(made.reason(f"reason {k}") for k in range(6)))}
    with pytest.raises(ValueError, match="at most 5"):
        cases_page(made.case_list(estimates=six), made.header(), made.on_list(), today=made.today)


def test_the_fact_behind_a_reason_is_added_where_the_phrase_does_not_hold_it(made):
    estimates = {"p1": Estimate(4, (), (made.reason("Time since release", value="28 days"),
                                        made.reason("4 court sanctions", value="4")))}
    page = cases_page(made.case_list(estimates=estimates), made.header(), made.on_list(), today=made.today)
    assert "Time since release (28 days): raises" in page and "4 court sanctions: raises" in page


def test_a_reason_says_when_and_where_it_was_recorded_and_whether_it_is_less_certain(made):
    reasons = (
        Reason("f", "2 recalls", "raises", "2", "probation", "history", 0.5, "2026-03-02", "2026-09-30", True),
        Reason("g", "no treatment", "raises", "", "treatment", "can change", 0.3, "", "2026-09-29"),
    )
    page = page_of(made, {"p1": Estimate(4, (), reasons)})
    assert (
        "2 recalls: raises the estimate, less certain (history; source: probation record to 30 September 2026, "
        "latest of 2 March 2026)."
    ) in page
    assert "No treatment: raises the estimate (can change; source: treatment record to 29 September 2026)." in page
    assert lint_list(page) == [] and page.count("Less certain: in more than one of ten trials") == 1
    sure = page_of(made, {"p1": Estimate(4, (), reasons[1:])})
    assert "ess certain" not in sure


def test_a_phrase_that_raises_for_one_fact_and_lowers_for_another_is_shown_twice(made):
    both = (made.reason("Often in court"), made.reason("Often in court", "lowers"))
    page = page_of(made, {"p1": Estimate(4, (), both)})
    assert "Often in court: raises the estimate" in page and "Often in court: lowers the estimate" in page


def test_limited_data_says_how_many_sources_are_missing(made):
    row = row_of(cases_page(made.case_list(), made.header(), made.on_list(), today=made.today), "Samina Everly")
    assert "2 of 5 sources are missing. The likely range is wider." in row and ">Limited data<" in row


def test_records_that_may_be_somebody_elses_are_said_beside_the_estimate_and_in_its_gaps(made):
    estimates = {"p1": Estimate(4, ("link_less_sure",), ()), "p2": Estimate(2, ("limited_data", "link_less_sure"), ())}
    page = cases_page(made.case_list(estimates=estimates), made.header(), made.on_list(), today=made.today)
    unsure = "We are less sure than usual that all these records, and no others, are this person"
    assert page.count(">Identity less sure<") == page.count(unsure) == 2
    assert "2 of 5 sources are missing. The likely range is wider. We are less sure" in page


@pytest.mark.parametrize(("due", "overdue"), [(dt.date(2026, 9, 30), True), (dt.date(2026, 10, 1), False)])
def test_a_review_due_today_is_not_overdue_and_one_due_yesterday_is(made, due, overdue):
    rows = [made.case_row("p1", review_due=due)]
    page = cases_page(made.case_list(rows), made.header(), made.on_list(), today=made.today)
    assert (">Overdue<" in page) is overdue


def test_what_is_not_recorded_is_said_and_not_left_blank(made):
    rows = [made.case_row("p1", needs_waiting=(), changed=None, last_contact=pd.NaT, next_contact=None,
                          review_due=float("nan"), supervision_end=pd.NaT, iom_group="", supervision="NONE")]
    row = readable(row_of(cases_page(made.case_list(rows), made.header(), made.on_list(), today=made.today), "Alex"))
    for said in ("Not selected", "Not supervised", "None waiting", "Nothing new", "Last: none recorded",
                 "Next: none booked", "no date set"):
        assert said in row


def test_a_person_without_a_name_in_the_vault_is_still_on_the_list(made):
    people = made.on_list(names=pd.DataFrame({"person_id": [], "name": [], "crn": []}))
    page = cases_page(made.case_list(), made.header(), people, today=made.today)
    assert page.count("Name not held") >= 5


def test_three_needs_are_named_and_the_rest_counted():
    needs = [NeedWaiting(need, 1) for need in ("drugs", "alcohol", "finance", "thinking", "attitudes")]
    assert need_words(needs) == (
        "Drugs: 1 day since identified, no offer", "Alcohol: 1 day since identified, no offer",
        "Finance: 1 day since identified, no offer", "and 2 more needs",
    )
    stored = [{"need": "drugs", "days": 41, "since": "referred"}]
    assert need_words(stored) == ("Drugs: 41 days since referred, no offer",)


# -- the board's exceptions


def test_a_release_in_spite_of_findings_says_so_with_each_reason(made):
    two = made.header(exceptions=Exceptions(dt.date(2026, 10, 1), ("Mixed: too few people", "age: again in March")))
    page = visible(cases_page(made.case_list(), two, made.on_list(), today=made.today))
    released = "Released on 1 October 2026 although 2 limits were not shown to be met:"
    assert f"{released} Mixed: too few people. Age: again in March." in page
    one = made.header(exceptions=Exceptions(dt.date(2026, 10, 1), ("Mixed: too few people",)))
    page = visible(cases_page(made.case_list(), one, made.on_list(), today=made.today))
    assert "Released on 1 October 2026 although 1 limit was not shown to be met: Mixed: too few people." in page


def test_the_terms_of_a_release_stand_above_the_list_and_only_while_it_is_in_force(made):
    terms = ("This is a pilot: it brings at most 50 people to review", "Condition: show overrides (Analyst team)")
    bounded = made.header(terms=terms)
    page = visible(cases_page(made.case_list(), bounded, made.on_list(), today=made.today))
    told = "On what terms the board released This is a pilot: it brings at most 50 people to review. Condition: show"
    assert told in page
    assert "On what terms" not in visible(cases_page(made.case_list(), made.header(), made.on_list(), today=made.today))
    closed = cases_page(made.case_list(), bounded, made.on_list(), today=made.today, notice=states.NO_APPROVAL)
    assert "pilot" not in visible(closed)


def test_a_second_reviewer_is_asked_for_beside_the_estimate_and_in_the_sheet(made):
    estimates = {"p1": Estimate(4, ("second_review",))}
    asked = made.case_list(rows=[made.case_row("p1")], estimates=estimates)
    assert "Second reviewer" in visible(cases_page(asked, made.header(), made.on_list(), today=made.today))
    assert "Second reviewer" in cases_csv(asked, made.header(), made.on_list(), today=made.today)


def test_an_exception_without_a_reason_cannot_be_made():
    for reasons in ((), ("",), ("good reason", " ")):
        with pytest.raises(ValueError, match="reason"):
            Exceptions(dt.date(2026, 10, 1), reasons)


def test_what_happened_before_is_shown_for_each_step_with_its_range(made):
    page = visible(cases_page(made.case_list(), made.header(), made.on_list(), today=made.today))
    assert "What happened before: people in the test on 30 September 2026" in page
    assert "About 7 in 10 70 30 64 to 77 in 100" in page


def test_a_step_whose_range_does_not_hold_its_number_cannot_be_made():
    for numbers in ((1, 10, 12, 13, 20), (1, 10, 12, 5, 11), (1, 10, 101, 90, 101), (5, 10, 12, 10, 14)):
        with pytest.raises(ValueError, match="step"):
            StepRecord(*numbers)


# -- nothing finer than the step

sizes = st.floats(-3, 3, allow_nan=False)


@given(st.permutations(range(3)), st.lists(sizes, min_size=6, max_size=6), st.permutations(["p1", "p2", "p3", "p4"]))
@settings(max_examples=30, deadline=None)
def test_what_lies_behind_a_step_changes_no_byte(made, order, hidden, who):
    """Sizes of reasons, their order, and the order in which people were scored are finer than the step."""

    def estimates(order, sizes, people):
        reasons = [Reason("f", made.reasons[k].phrase, made.reasons[k].direction, "", "police", "history", sizes[k])
                   for k in order]
        steps = {"p1": 4, "p2": 4, "p3": 2, "p4": 2}
        return {person: Estimate(steps[person], ("limited_data", "borderline")[:: 1 if sizes[0] > 0 else -1],
                                 tuple(reasons)) for person in people}

    plain = made.case_list(estimates=estimates(range(3), [1, 1, 1], ["p1", "p2", "p3", "p4"]))
    other = made.case_list(estimates=estimates(order, hidden, who))
    for make in (cases_page, cases_csv):
        assert make(plain, made.header(), made.on_list(), today=made.today) == make(
            other, made.header(), made.on_list(), today=made.today)


def test_no_number_with_a_decimal_point_is_on_the_list_but_versions_and_drawings(made):
    page = re.sub(r"<style>.*?</style>|<svg.*?</svg>", "", cases_page(
        made.case_list(), made.header(), made.on_list(), today=made.today), flags=re.DOTALL)
    assert re.findall(r"\d+\.\d+", page) == ["2026.10"]


def test_a_list_carries_no_word_that_decides(made):
    for text in (cases_page(made.case_list(), made.header(), made.on_list(), today=made.today),
                 cases_csv(made.case_list(), made.header(), made.on_list(), today=made.today)):
        assert lint_list(text) == []


# -- the sheet


def test_the_sheet_has_the_six_columns_and_on_each_row_its_end_and_approval(made):
    rows = read_sheet(cases_csv(made.case_list(), made.header(), made.on_list(), today=made.today))
    assert list(rows[0])[:6] == ["Person and supervision", "Needs waiting", "What changed", "Estimate",
                                 "Last and next contact", "Review"]
    assert len(rows) == 7
    assert {(row["Valid until"], row["Approval"], row["Note"]) for row in rows} == {
        ("31 October 2026", "REL-2026-10", "Made-up data. Decision support only. You decide.")
    }
    assert rows[0]["Person and supervision"] == "Alex Marlowe, X000001; Licence until 14 March 2027; Fixed"
    assert rows[0]["Estimate"] == "About 7 in 10; Borderline"
    assert rows[4]["Estimate"].startswith("No estimate: use your usual assessment. Identity not confirmed.")
    assert [row["Estimate"] for row in rows][6] == "Restricted"


def test_a_name_that_looks_like_a_formula_is_harmless_in_the_sheet(made):
    names = made.on_list().names.assign(name='=HYPERLINK("x")')
    rows = read_sheet(cases_csv(made.case_list(), made.header(), made.on_list(names=names), today=made.today))
    assert rows[0]["Person and supervision"].startswith("'=HYPERLINK")


def test_text_where_a_list_of_needs_or_changes_is_due_is_refused(made):
    for broken in ({"changed": "Estimate moved to about 7 in 10"}, {"needs_waiting": "drugs"}):
        with pytest.raises(TypeError):
            cases_page(made.case_list([made.case_row("p1", **broken)]), made.header(), made.on_list(), today=made.today)


def test_a_header_is_approved_only_with_all_four_steps_in_order(made):
    assert made.header().approved
    assert not made.header(steps=made.steps[::-1]).approved
    assert not made.header(steps=made.steps[:3]).approved
    assert isinstance(made.header(), ListHeader)
