"""What the board reads beside an audit: what it may approve, how often was asked, and what else was tried."""

import datetime as dt
from types import SimpleNamespace

import pytest

from desist.fairness.approval.attempts import Attempt
from desist.fairness.approval.kinds import Allowed, OpenGroup
from desist.fairness.scrutiny.alternatives import ASKED, FEATURES, Alternative, Alternatives, Change, GapChange
from desist.fairness.scrutiny.bias_found import FindingBias, GroupBias, LabelBias, Tipping
from desist.fairness.scrutiny.gaming import Gaming
from desist.fairness.statistics.borrowed import Borrowed
from desist.fairness.statistics.worst_off import WorstOff
from desist.pipelines.scrutiny_pages import BORROWED, allowed_words, attempt_words, beside, scrutiny_sections

SUMMER, WINTER = dt.date(2027, 7, 1), dt.date(2027, 12, 1)


def still_open(group, on):
    return OpenGroup("wrongly-listed", "ethnicity", group, "no_evidence", on)


def test_where_everything_can_be_told_any_scope_is_open_and_no_excuse_is_added():
    told = allowed_words(Allowed(("release", "conditions", "pilot"), (), ()))
    assert told == ("The board can approve a full release or a release with conditions or a pilot, or refuse",)


def test_groups_that_cannot_be_told_come_with_the_day_their_people_suffice_the_soonest_first():
    groups = (still_open("Mixed", WINTER), still_open("Asian", SUMMER), still_open("Other", None))
    can, why, waits, never = allowed_words(Allowed(("conditions", "pilot"), ("three groups are open",), groups))
    assert can == "The board can approve a release with conditions or a pilot, or refuse"
    assert why == "A full release cannot be given: three groups are open"
    assert waits.endswith("Asian (wrongly-listed) about 1 July 2027; Mixed (wrongly-listed) about 1 December 2027")
    assert never == "Waiting alone will not do for Other: join a region"


def test_where_nothing_can_be_released_the_first_words_say_so_and_why():
    first, *_ = allowed_words(Allowed((), ("a gap of 20 points is shown", "another"), ()))
    assert first == "Nothing can be released on this evidence: a gap of 20 points is shown; another"


def test_a_group_that_waits_for_two_findings_is_named_once_among_those_for_whom_waiting_will_not_do():
    open_twice = (still_open("Other", None), OpenGroup("over-prediction", "ethnicity", "Other", "no_evidence", None))
    assert allowed_words(Allowed((), ("x",), open_twice))[1:] == ("Waiting alone will not do for Other: join a region",)


@pytest.mark.parametrize(
    ("attempt", "words"),
    [(Attempt(3, 1), "This is audit 3 of this purpose since the last release"),
     (Attempt(3, 2), "This is audit 3 of this purpose since the last release, and number 2 on the same outcomes: its "
      "ranges are wider for that, because whoever asks often enough is told by chance what they want to hear")],
)  # fmt: skip
def test_a_second_look_at_the_same_outcomes_is_called_one(attempt, words):
    assert attempt_words(attempt) == words


def change(value, more=0.0, low=None, high=None):
    return Change(value, more, low, high)


def gap(finding, more_low, more_high):
    return GapChange(finding, "fpr", "primary", 0.05, "Asian", 0.02, 0.0, 0.04, -0.03, more_low, more_high)


def option(name, kind=FEATURES, *, never="", gaps=(), worst=0.05, frontier=True, auc=None):
    return Alternative(
        name, kind, never, auc or change(0.701, -0.012, -0.02, -0.004), change(0.2), 0.95, True, change(31.0),
        change(40.0), change(42.0, 1.5, -0.5, 3.5), gaps, worst, frontier,
    )  # fmt: skip


ASKED_ABOUT = option("the points card", ASKED, worst=0.08, auc=change(0.713))


def tried(*others):
    return Alternatives(200, 150, 100, ASKED_ABOUT, others, (), ("Nothing was fitted anew.",))


def bias():
    tip = Tipping(1.4, 0.5)
    group = GroupBias("Asian", 0.08, None, None, None, None, "no_ranges", False, False, True, tip, Tipping(None, None))
    return LabelBias(None, 0.95, (FindingBias("wrongly-listed", "fpr", "ethnicity", 0.05, "higher", (group,)),))


def scrutinised(*others, **changes):
    by_group = SimpleNamespace(
        words=lambda: ("Nothing differs.",),
        as_json=lambda: {
            "subjects": [
                {"id": name, "words": words, "among": "people on the caseload", "tables": {"age_band": {
                    "rows": {"18-24": {"yes": "20", "no": "[c]", "all": "25"}},
                    "all": {"yes": "60", "no": "10", "all": "70"}, "notes": ["[c] a small number"]}}}
                for name, words in (("known", "known to police"), ("linkage-doubt", "links in doubt"))
            ]
        },
    )  # fmt: skip
    found = {
        "attempt": Attempt(1, 1), "bias": bias(), "proxies": None, "alternatives": tried(*others),
        "look": WorstOff(0, 0, 0.95, ()), "gaming": Gaming((), ("clipped scores",)), "by_group": by_group,
        "linkage": SimpleNamespace(words=lambda: ("No truth.",), ids={"linkage-doubt"}),
        "requests": SimpleNamespace(words=lambda: ("Nobody asked.",)),
        "consent": SimpleNamespace(words=lambda: ("Nobody's estimate rests on it.",)), "second": None, "borrowed": {},
    }  # fmt: skip
    return SimpleNamespace(**{**found, **changes})


def section(found, heading):
    [one] = [one for one in scrutiny_sections(found) if one.heading == heading]
    return one


def test_beside_a_finding_stand_what_would_tip_it_and_the_ways_shown_to_lessen_it():
    falls, level = gap("wrongly-listed", -0.05, -0.01), gap("wrongly-listed", -0.05, 0.01)
    found = scrutinised(option("without recalls", gaps=(falls,)), option("a shorter card", gaps=(level,)),
                        option("by group", gaps=(falls,), never="it needs the characteristic"))  # fmt: skip
    tipping, lessens = beside(found, "wrongly-listed")
    assert tipping.startswith("Asian: to bring it within the limit") and "1.40 times as often" in tipping
    assert lessens == "Shown to lessen it at near the same gain: without recalls"


def test_a_way_that_lessens_another_finding_is_not_put_beside_this_one():
    found = scrutinised(option("without recalls", gaps=(gap("over-prediction", -0.05, -0.01),)))
    assert len(beside(found, "wrongly-listed")) == 1


def test_a_question_that_is_no_finding_has_nothing_beside_it():
    assert beside(scrutinised(), "proxy-ethnicity") == ()


def test_each_way_is_a_row_with_its_difference_to_the_file_asked_about_and_whether_it_may_be_released():
    found = scrutinised(option("without recalls"), option("by group", never="it needs it", worst=None, frontier=False))
    [table] = section(found, "What else was tried").tables
    asked, first, never = table.rows
    assert asked == (("the points card", "asked about"), "0.713", "0.2000", "0.080", "31", "42", "Yes")
    assert first == (
        ("without recalls", "on the frontier"), ("0.701", "−0.012 (−0.020 to −0.004)"), "0.2000", "0.050", "31",
        ("42", "+1.5 (−0.5 to +3.5)"), "Yes",
    )  # fmt: skip
    assert never[0] == ("by group", "") and never[3] == "[x]" and never[6] == "Never: it needs it"


def test_a_way_that_has_its_row_is_not_told_a_second_time_in_a_sentence():
    paragraphs = section(scrutinised(option("without recalls")), "What else was tried").paragraphs
    assert paragraphs[0].startswith("1 other way was tried on the 200 rows of 150 people")
    assert not any(line.startswith("without recalls:") for line in paragraphs)
    assert paragraphs[-1] == "Nothing was fitted anew."


def test_a_policy_without_limits_for_proxies_is_said_to_have_sought_none():
    told = section(scrutinised(), "What stands in for a characteristic").paragraphs
    assert told == ("The policy sets no limits for proxies: none were sought.",)


def test_burdens_by_group_keep_the_markers_of_whoever_protected_them():
    [table] = section(scrutinised(), "Gaps in the data, overrides, copies and changes of the list").tables
    assert table.caption == "Known to police, of people on the caseload, by age band"
    assert table.header == ("Group", "Yes", "No", "All")
    assert table.rows == (("18-24", "20", "[c]", "25"), ("Everybody", "60", "10", "70"))
    assert table.notes == ("[c] a small number",)


def test_linkage_quality_by_group_has_a_section_of_its_own_and_its_tables_stand_nowhere_else():
    own = section(scrutinised(), "Linkage quality by group")
    assert own.paragraphs == ("No truth.",)
    assert [table.caption for table in own.tables] == ["Links in doubt, of people on the caseload, by age band"]


def test_what_is_borrowed_is_told_in_whole_numbers_and_tenths_and_leaves_out_the_groups_own_value():
    drawn = Borrowed("Mixed", 0.4123, 0.2567, 0.1111, 0.3999, 0.3333)
    found = scrutinised(borrowed={"ethnicity": {"fpr": (drawn,), "calibration_in_the_large": ()}})
    one = section(found, "Small groups, borrowed from other groups")
    assert one.paragraphs == BORROWED
    [table] = one.tables  # nothing could be drawn for the other metric
    assert table.caption == "Wrongly listed, of 100 with no proven reoffence, by ethnicity"
    assert table.rows == (("Mixed", ("26", "11 to 40"), "70 of 100"),)


def test_sections_without_content_are_left_out():
    headings = [one.heading for one in scrutiny_sections(scrutinised())]
    assert "Small groups, borrowed from other groups" not in headings
    assert "Beside it: offences that victims report" not in headings
    second = SimpleNamespace(words=lambda: ("words",), tables=lambda: ("a table",))
    one = section(scrutinised(second=second), "Beside it: offences that victims report")
    assert (one.paragraphs, one.tables) == (("words",), ("a table",))
