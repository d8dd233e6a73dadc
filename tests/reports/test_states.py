"""Each state is worded exactly as agreed (UX section 8)."""

import datetime as dt

import pytest

from desist.records.errors import Withheld
from desist.reports import states

ON = dt.date(2026, 6, 4)


@pytest.mark.parametrize(
    ("notice", "heading", "body"),
    [
        (states.EMPTY_LIST, "No people to review",
         "No one on your caseload is due for review. You can change the filters."),
        (states.NO_MATCHES, "No people match these filters", "Remove a filter to see more people."),
        (states.NO_APPROVAL, "Estimates are not available",
         "The oversight board has not approved this model. Caseload details below do not use it."),
        (states.AUDIT_FAILED, "Estimates are withheld",
         "The fairness check for this release did not meet the agreed limits. Use your usual assessment."),
        (states.expired(ON), "Approval ended on 4 June 2026",
         "Estimates are hidden until the board renews approval."),
        (states.suspended(ON), "Estimates are paused",
         "A data or accuracy check failed on 4 June 2026. Contact the analyst team."),
        (states.stale("police", ON, 7, dt.date(2026, 7, 4)), "Information may be out of date",
         "POLICE data was last received on 4 June 2026 (expected every 7 days). Check the source before you decide. "
         "Estimates hide after 4 July 2026."),
        (states.UNDER_18, "Not estimated", "This tool does not assess children."),
        (states.LINK_UNSURE, "Identity not confirmed",
         "We could not be sure these records belong to the same person."),
        (states.contested(ON), "Estimate on hold",
         "The person has challenged information used here. Decision due 4 June 2026."),
        (states.limited_data(2, 5), "Limited information", "2 of 5 sources are missing. The likely range is wider."),
        (states.restricted("the team manager"), "Restricted access",
         "You do not have access to this record. Ask the team manager."),
        (states.ERROR, "Something went wrong", "We cannot show this section. Nothing was saved. Try again later."),
    ],
)
def test_a_state_has_its_agreed_heading_and_body(notice, heading, body):
    assert (notice.heading, notice.body) == (heading, body)


def test_stale_data_keeps_estimates_on_its_last_day_and_hides_them_the_day_after():
    notice = states.stale("police", ON, 7, dt.date(2026, 7, 4))
    assert not notice.withholds_on(dt.date(2026, 7, 4))
    assert notice.withholds_on(dt.date(2026, 7, 5))


def test_limited_data_and_an_empty_list_withhold_nothing():
    assert not states.limited_data(1, 5).withholds_on(ON)
    assert not states.EMPTY_LIST.withholds_on(ON)


@pytest.mark.parametrize(
    ("state", "heading"),
    [("not_approved", "Estimates are not available"), ("audit_failed", "Estimates are withheld"),
     ("expired", "Approval ended on 4 June 2026"), ("suspended", "Estimates are paused"),
     ("a state nobody knows", "Estimates are not available")],
)
def test_the_answer_of_the_gate_has_a_notice_that_withholds(state, heading):
    notice = states.notice_for(Withheld("no", ["cause"], state=state), ON)
    assert notice.heading == heading and notice.withholds_on(ON)


def test_more_sources_cannot_be_missing_than_there_are():
    with pytest.raises(ValueError, match="cannot be missing"):
        states.limited_data(6, 5)
