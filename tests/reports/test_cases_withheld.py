"""Cases to review where no estimate may be shown: of one person, or of everybody."""

import datetime as dt
import re

import pytest

from desist.features.tables import Estimate
from desist.records.errors import Refused
from desist.reports import states
from desist.reports.cases import cases_csv, cases_page
from desist.reports.wording import readable
from tests.reports.cases_kit import read_sheet, row_of

#: What an estimate leaves behind: in words, drawings, tags, reasons, classes.
TRACES = re.compile(
    r"in 10\b|in 100|step|\brank|borderline|limited data|raises|lowers|<svg|<rect|sanction|points card|more</summary|"
    r"class=\"more|model changed|estimate moved",
    re.IGNORECASE,
)


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


def test_the_sheet_of_a_withheld_list_says_so_on_each_row(made):
    rows = read_sheet(cases_csv(made.case_list(), made.header(), made.on_list(), today=made.today,
                                notice=states.NO_APPROVAL))
    assert {row["Approval"] for row in rows} == {"none in force"}
    assert rows[0]["Estimate"].startswith("Estimates are not available.")
