"""What pages say, and what they never say."""

import ast
import datetime as dt
import re
from pathlib import Path

import pytest

from desist.reports import pages as reports_pages
from desist.reports import wording
from desist.reports.wording import lint, lint_list

ROOM = Path(reports_pages.__file__).parent


@pytest.mark.parametrize(
    "said",
    [
        "a dangerous person", "he will reoffend", "the offender score", "his risk score", "the target of this work",
        "targeted support", "flagged by AI", "a nominal", "two nominals", "known offenders", "a criminal",
        "high risk", "medium-risk people", "a Very High score", "a low step", "a high person", "the risk band",
        "the model is fair", "a fairer model", "an unbiased score", "objective evidence", "free from bias",
        "people who did not reoffend", "non-reoffenders", "predicted to offend", "is likely to reoffend",
        "the algorithm decided", "the AI says no",
    ],
)
def test_words_that_judge_or_promise_are_found(said):
    assert lint(said)


@pytest.mark.parametrize(
    "said",
    [
        "The fairness check for this release did not meet the agreed limits.", "About 7 in 10 people",
        "people with no proven reoffence", "Integrated Offender Management", "higher likelihood than most people",
        "Not a prediction about this individual.", "The estimate does not rank them.", "for consideration",
        "were proven to reoffend", "This is not RoSH and not ARP.", "cross-checked by fairlearn",
    ],
)
def test_words_of_the_house_pass(said):
    assert lint_list(said) == []


@pytest.mark.parametrize(
    "said",
    ["We recommend Fixed", "a priority case", "ranked by score", "should be selected", "must be recalled",
     "select this person", "arrest him", "action required"],
)
def test_words_that_decide_for_the_reader_are_found_on_pages_about_people(said):
    assert lint_list(said)


def test_a_found_word_is_reported_with_its_surroundings_and_what_to_write():
    assert lint("<p>This is a high risk person.</p>") == [
        '"high risk" in "This is a high risk person.": write "about 1, 3, 5 or 7 in 10"'
    ]


def test_only_what_a_reader_sees_or_hears_is_read():
    assert lint('<a target="_blank" class="high-risk">ok</a><style>.fair{}</style><!-- dangerous -->') == []
    assert lint('<svg aria-label="high risk"></svg>')
    assert lint("<svg><title>high risk</title></svg>")
    assert lint("{% if target %}ok{% endif %}{{ nominal }}{# dangerous #}") == []


def test_no_template_holds_a_banned_word():
    templates = sorted((ROOM / "templates").glob("*.html"))
    assert len(templates) >= 7
    found = {path.name: lint_list(path.read_text("utf-8")) for path in templates}
    assert found == {path.name: [] for path in templates}


def test_no_text_in_the_code_of_the_pages_holds_a_banned_word():
    found = []
    for path in sorted(ROOM.glob("*.py")):
        if path.name == "wording.py":
            continue
        tree = ast.parse(path.read_text("utf-8"))
        texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
        found += [f"{path.name}: {what}" for text in texts if isinstance(text, str) for what in lint_list(text)]
    assert found == []


def test_no_rendered_page_holds_a_banned_word(pages):
    assert {name: lint(page) for name, page in pages.items()} == {name: [] for name in pages}


def test_dates_are_written_out_whatever_the_language_of_the_machine():
    assert wording.day(dt.date(2026, 6, 4)) == "4 June 2026"
    assert wording.day(None) == "not recorded"
    assert wording.day(None, none="none booked") == "none booked"


def test_an_estimate_sentence_has_number_group_outcome_horizon_range_and_date():
    said = wording.frequency_sentence(4, 64, 77, dt.date(2026, 9, 30))
    assert said == (
        "About 7 in 10 people with a similar recorded history were proven to reoffend within 12 months "
        "(likely range 64 to 77 in 100, tested on 30 September 2026)."
    )
    assert wording.estimate_gaps(said) == []
    assert wording.estimate_gaps("About 7 in 10 people") == [
        "outcome", "horizon", "comparison group", "range", "date"
    ]


def test_each_step_has_its_words_and_a_fifth_has_none():
    assert [wording.step_words(step) for step in (1, 2, 3, 4)] == [
        "about 1 in 10", "about 3 in 10", "about 5 in 10", "about 7 in 10"
    ]
    with pytest.raises(KeyError):
        wording.step_words(5)


def test_counts_lists_and_sentences_read_as_people_write_them():
    assert (wording.people(1), wording.people(2310)) == ("1 person", "2,310 people")
    assert wording.counted(1, "limit was", "limits were") == "1 limit was"
    assert wording.counted(3, "limit was", "limits were") == "3 limits were"
    assert [wording.listed(x) for x in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
    assert [wording.sentence(x) for x in ("ok", "Ok.", " why? ", "")] == ["Ok.", "Ok.", "Why?", ""]


def test_a_rate_is_said_as_people_in_100():
    assert wording.rate_sentence(0.305, 0.28, 0.35, "would be listed", "people with no proven reoffence") == (
        "31 in 100 people with no proven reoffence would be listed (likely range 28 to 35 in 100)"
    )


def sentences(page):
    """The running text of a page: its paragraphs, not its tables."""
    text = re.sub(r"<table.*?</table>", "", page.split("<main", 1)[1], flags=re.DOTALL)
    paragraphs = re.findall(r"<(?:p|li)\b[^>]*>(.*?)</(?:p|li)>", text, flags=re.DOTALL)
    said = [wording.readable(f"<p>{paragraph}</p>") for paragraph in paragraphs]
    return [part for paragraph in said for part in re.split(r"(?<=[.?!:;])\s+", paragraph) if len(part.split()) > 2]


def reading_age(said):
    """Flesch-Kincaid grade plus five, with syllables counted as groups of vowels."""
    words = [word for part in said for word in re.findall(r"[a-z]+", part.lower())]
    syllables = sum(max(1, len(re.findall(r"[aeiouy]+", word.removesuffix("e")))) for word in words)
    return 0.39 * len(words) / len(said) + 11.8 * syllables / len(words) - 15.59 + 5


@pytest.mark.parametrize(("name", "age"), [("shown", 11), ("support", 11), ("card", 11), ("fairness", 13)])
def test_running_text_is_short_and_plain(pages, name, age):
    said = sentences(pages[name])
    assert [part for part in said if len(part.split()) > 32] == []
    assert reading_age(said) <= age
