"""A reader who has only the fairness report can answer what a board is asked about it: the questions, with answers."""

import datetime as dt

import pytest

from desist.records.errors import Refused
from desist.reports import fairness_content as fc
from desist.reports.fairness_report import fairness_page
from desist.reports.kept import from_json, to_json
from desist.reports.pages import TextTable
from desist.reports.wording import readable


def section(page, heading):
    """The text from one second-level heading to the next."""
    return readable(page.split(f">{heading}</h2>")[1].split("<h2")[0])


ANSWER = "The gap is known and the panel sees each case; we look again in March."


@pytest.fixture
def told(made):
    """A report after a pilot was approved, although a limit was not met and two groups were too few."""
    return made.fairness_content(
        state="Approved as a pilot until 31 March 2027",
        allowed=("A full release cannot be given: Black and Mixed people cannot be assessed.", "A pilot can be given."),
        attempts="this is audit 2 of this purpose since the last release",
        questions=(
            fc.QuestionRow("missed", "outside", "Asian people who go on to reoffend are missed more often",
                           (("Chair Example", ANSWER),)),
            fc.QuestionRow("too-few-to-tell", "too_few", "Black and Mixed people are too few to tell"),
        ),
        sign_off=(fc.SignOffRow("Chair Example", "Board chair", "Approve, as a pilot", "We want to learn from a pilot.",
                                dt.date(2026, 10, 2), "Look at the Asian gap again (Chair Example, 31 March 2027)"),),
        released=("Released as a pilot on 2 October 2026 although 1 limit was not met",),
        still_needed=(),
        annex=(fc.Section("Alternatives", ("Others were tried.",), (TextTable("Tried", ("Model", "AUC"),
                                                                             (("card", "0.71"),)),)),),
    )  # fmt: skip


@pytest.mark.parametrize(("heading", "answer"), [
    # What are we asked?
    ("1. What are we asked?", "Release the points card for six months."),
    ("1. What are we asked?", "A full release cannot be given: Black and Mixed people cannot be assessed."),
    ("1. What are we asked?", "2 questions must be answered in writing by everybody who approves"),
    ("1. What are we asked?", "This is audit 2 of this purpose since the last release."),
    # Who approved, despite what?
    ("Sign-off", "Chair Example Board chair Approve, as a pilot We want to learn from a pilot. Look at the Asian gap"),
    ("What must be answered in writing", "Outside the agreed limit"),
    ("What must be answered in writing", f"Chair Example : {ANSWER}"),
    ("What must be answered in writing", "Black and Mixed people are too few to tell. Not answered yet"),
    ("Decision findings", "Outside the agreed limit Outside the agreed limit: Asian 5 points Must be met"),
    # Can we say that it treats everybody alike? No, and why.
    ("3. What can we not tell?", "Does this prove that the estimates treat every community alike? No."),
    ("3. What can we not tell?", "what the record leaves out, is for people to judge"),
    # Which groups can't be judged?
    ("3. What can we not tell?", "Wrongly listed, by ethnicity: Black, Mixed."),
    ("3. What can we not tell?", "There is no data to assess gender reassignment and sexual orientation."),
    # What happens if we refuse?
    ("5. What happens if we refuse?", "Nobody loses help because there is no estimate."),
    # What else was tried?
    ("Annex", "Tried Model AUC card 0.71"),
])  # fmt: skip
def test_a_reader_with_the_report_alone_finds_the_answer(told, heading, answer):
    assert answer in section(fairness_page(told), heading)


def test_who_approved_despite_what_stands_above_everything_else(told):
    page = readable(fairness_page(told))
    assert page.index("Released as a pilot on 2 October 2026 although 1 limit was not met.") < page.index("1. What are")


def test_a_finding_that_is_only_shown_is_no_decision_finding_and_is_still_on_the_page(made):
    shown = made.finding(id="ranking", metric="auc", role="shown")
    page = fairness_page(made.fairness_content(findings=(made.finding(), shown)))
    assert "AUC, by ethnicity" not in section(page, "Decision findings")
    assert "AUC, by ethnicity" in section(page, "Shown, not decided on")


def test_thirteen_findings_are_no_page_unless_the_thirteenth_is_only_shown(made):
    twelve = tuple(made.finding(id=str(k)) for k in range(12))
    assert made.fairness_content(findings=(*twelve, made.finding(id="shown", role="shown"))).decided == twelve
    with pytest.raises(ValueError, match="at most 12"):
        made.fairness_content(findings=(*twelve, made.finding(id="answer", role="answer")))


def test_what_a_report_was_made_of_is_read_back_as_it_was(told):
    text = to_json(told)
    again = from_json(fc.FairnessContent, text)
    assert again == told and fairness_page(again) == fairness_page(told)


@pytest.mark.parametrize(("of", "to"), [
    ('"margin": 0.05', '"margin": "0.05"'), ('"margin": 0.05', '"margin": 0.050'), ('"state"', '"status"'),
    ("2026-10-02", "2026-13-02"), ("{", "[", ), ('"people": 400', '"people": true'),
])  # fmt: skip
def test_an_edited_one_is_refused(told, of, to):
    text = to_json(told)
    assert of in text
    with pytest.raises(Refused, match="kept content"):
        from_json(fc.FairnessContent, text.replace(of, to, 1))


def test_every_kind_of_question_has_words_for_the_board():
    from desist.fairness.approval.questions import KINDS

    assert set(fc.QUESTION_KINDS) == set(KINDS)
