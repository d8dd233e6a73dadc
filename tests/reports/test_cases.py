"""Cases to review: what is on it, and what is never in it."""

import csv
import datetime as dt
import io
import re

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desist.features.tables import Estimate, Reason
from desist.records.errors import Refused
from desist.reports import states
from desist.reports.cases import cases_csv, cases_page, need_words
from desist.reports.content import Exceptions, ListHeader, NeedWaiting, StepRecord
from desist.reports.wording import estimate_gaps, lint_list, readable

#: What an estimate leaves behind: in words, drawings, tags, reasons, classes.
TRACES = re.compile(
    r"in 10\b|in 100|step|\brank|borderline|limited data|raises|lowers|<svg|<rect|sanction|points card|more</summary|"
    r"class=\"more|model changed|estimate moved",
    re.IGNORECASE,
)


def read_sheet(text):
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def visible(page):
    return readable(page.split("<main", 1)[1].replace("<", " <", 1))


def body_of(page):
    """The page without its stylesheet."""
    return re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)


def row_of(page, name):
    return next(part for part in page.split("<tbody>") if name in part).split("</tbody>")[0]


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


# -- people without an estimate


def test_somebody_whose_records_may_not_be_theirs_has_no_estimate_and_is_told_why(made):
    row = readable(row_of(cases_page(made.case_list(), made.header(), made.on_list(), today=made.today), "Robin Tarn"))
    assert "No estimate: use your usual assessment" in row
    assert "Identity not confirmed. We could not be sure these records belong to the same person." in row


def test_a_contested_estimate_is_on_hold_and_leaves_no_trace(made):
    page = cases_page(made.case_list(), made.header(), made.on_list(), today=made.today)
    row = row_of(page, "Lee Ashdown")
    assert "Estimate on hold. The person has challenged information used here. Decision due 20 October 2026." in row
    assert not TRACES.search(row)
    other = made.case_list().estimates | {"p6": Estimate(1)}
    assert cases_page(made.case_list(estimates=other), made.header(), made.on_list(), today=made.today) == page


def test_somebody_for_whom_scoring_gave_nothing_is_on_the_list_all_the_same(made):
    page = cases_page(made.case_list(estimates={}), made.header(), made.on_list(), today=made.today)
    assert page.count("No estimate: use your usual assessment") == 6  # seven people, one restricted
    assert "No reason was recorded. Ask the analyst team." in page


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


def test_a_reason_in_words_for_no_estimate_is_shown_as_it_is(made):
    estimates = {"p1": Estimate(None, why_none="no police record was shared")}
    page = cases_page(made.case_list(estimates=estimates), made.header(), made.on_list(), today=made.today)
    assert "Not estimated. No police record was shared." in page


def test_a_restricted_record_keeps_its_place_and_shows_nothing_else(made):
    for text in (cases_page(made.case_list(), made.header(), made.on_list(), today=made.today),
                 cases_csv(made.case_list(), made.header(), made.on_list(), today=made.today)):
        assert "Una Vale" not in text and "X000007" not in text
        assert "You do not have access to this record. Ask the team manager." in text
    page = cases_page(made.case_list(), made.header(), made.on_list(), today=made.today)
    row = row_of(page, "Restricted access")
    assert row.count("<td>Restricted</td>") == 5 and not TRACES.search(row)


def test_somebody_not_known_to_be_an_adult_today_is_not_on_the_page(made):
    adults = made.on_list().adults - {"p1"}
    for text in (cases_page(made.case_list(), made.header(), made.on_list(adults=adults), today=made.today),
                 cases_csv(made.case_list(), made.header(), made.on_list(adults=adults), today=made.today)):
        assert "Alex Marlowe" not in text and "Jo Pike" in text


# -- withheld

WITHHELD = [states.NO_APPROVAL, states.AUDIT_FAILED, states.expired(dt.date(2026, 9, 30)),
            states.suspended(dt.date(2026, 9, 30)), states.ERROR]


@pytest.mark.parametrize("notice", WITHHELD, ids=lambda notice: notice.heading)
def test_a_withheld_list_says_why_and_holds_no_trace_of_an_estimate(made, notice):
    args = (made.case_list(), made.header(), made.on_list())
    page = cases_page(*args, today=made.today, notice=notice)
    sheet = cases_csv(*args, today=made.today, notice=notice)
    assert f">{notice.heading}</h2>" in page and notice.body in page
    assert not TRACES.search(page), TRACES.search(page)
    assert not TRACES.search(sheet), TRACES.search(sheet)
    assert "<!--" not in page and "REL-2026-10" not in page + sheet
    assert "Alex Marlowe" in page and "Accommodation: 112 days" in page  # the caseload stays usable


@pytest.mark.parametrize("notice", WITHHELD, ids=lambda notice: notice.heading)
def test_a_withheld_list_is_the_same_whatever_estimates_were_at_hand(made, notice):
    one, other = made.case_list(), made.case_list(estimates={})
    for make in (cases_page, cases_csv):
        assert make(one, made.header(), made.on_list(), today=made.today, notice=notice) == make(
            other, made.header(), made.on_list(), today=made.today, notice=notice)


@pytest.mark.parametrize(
    "missing",
    [{"approval": ""}, {"approved_until": None}, {"model_version": ""}, {"cut_off_version": ""}, {"tested_on": None},
     {"steps": ()}],
)
def test_a_list_that_lacks_any_part_of_its_approval_is_withheld(made, missing):
    page = cases_page(made.case_list(), made.header(**missing), made.on_list(), today=made.today)
    assert states.NO_APPROVAL.heading in page and not TRACES.search(page)


def test_a_list_without_a_release_is_withheld(made):
    page = cases_page(made.case_list(release_id=""), made.header(), made.on_list(), today=made.today)
    assert states.NO_APPROVAL.heading in page and not TRACES.search(page)


def test_estimates_are_shown_on_the_last_day_of_the_approval_and_hidden_the_day_after(made):
    header = made.header(approved_until=dt.date(2026, 10, 10))
    last = cases_page(made.case_list(), header, made.on_list(), today=dt.date(2026, 10, 10))
    after = cases_page(made.case_list(), header, made.on_list(), today=dt.date(2026, 10, 11))
    assert "About 7 in 10" in last
    assert "Approval ended on 10 October 2026" in after and not TRACES.search(after)


def test_a_list_is_shown_on_its_last_day_and_refused_the_day_after(made):
    for make in (cases_page, cases_csv):
        assert make(made.case_list(), made.header(), made.on_list(), today=dt.date(2026, 10, 31))
        with pytest.raises(Refused, match="was valid until 31 October 2026"):
            make(made.case_list(), made.header(), made.on_list(), today=dt.date(2026, 11, 1))


def test_late_data_is_one_alert_and_hides_estimates_after_its_day(made):
    late = [states.stale("police", dt.date(2026, 9, 20), 7, dt.date(2026, 10, 20)),
            states.stale("treatment", dt.date(2026, 8, 1), 30, dt.date(2026, 10, 25))]
    page = cases_page(made.case_list(), made.header(), made.on_list(), today=dt.date(2026, 10, 20), late=late)
    assert page.count("Information may be out of date") == 1 and "About 7 in 10" in page
    assert "POLICE data was" in page and "TREATMENT data was" in page
    after = cases_page(made.case_list(), made.header(), made.on_list(), today=dt.date(2026, 10, 21), late=late)
    assert "Information may be out of date" in after and not TRACES.search(after)


def test_an_empty_list_says_so_and_differs_from_one_that_the_filters_emptied(made):
    nobody = made.on_list(adults=frozenset())
    empty = cases_page(made.case_list(), made.header(), nobody, today=made.today)
    filtered = cases_page(made.case_list(), made.header(filters=("own cases",)), nobody, today=made.today)
    assert states.EMPTY_LIST.heading in empty and states.EMPTY_LIST.body in empty
    assert states.NO_MATCHES.heading in filtered and states.NO_MATCHES.body in filtered
    assert states.EMPTY_LIST.heading in cases_csv(made.case_list(), made.header(), nobody, today=made.today)


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


def test_the_sheet_of_a_withheld_list_says_so_on_each_row(made):
    rows = read_sheet(cases_csv(made.case_list(), made.header(), made.on_list(), today=made.today,
                                notice=states.NO_APPROVAL))
    assert {row["Approval"] for row in rows} == {"none in force"}
    assert rows[0]["Estimate"].startswith("Estimates are not available.")


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
