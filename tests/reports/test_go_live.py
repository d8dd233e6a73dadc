"""The go-live paper: what a board reads of a shadow, in words it may use, and what it never says."""

import datetime as dt

import pytest

from desist.reports.go_live import GoLivePaper, go_live_page
from desist.reports.pages import TextTable
from desist.reports.wording import lint, readable


@pytest.fixture
def page():
    header = ("Ethnicity", "Caseload", "Estimate would list")
    table = TextTable("By ethnicity, on 12 October 2026", header, (("Asian", "120", "[c]"), ("White", "2,310", "405")))
    over_time = TextTable("On each list date", ("List date", "Caseload"), (("5 October 2026", "2,430"),))
    return go_live_page(
        GoLivePaper(
            partnership="A made-up borough", made_up=True, run="2026-10-01-abc", cut_off="50 in 100", policy="draft-2",
            rule="sanctions_2y >= 3", started_on=dt.date(2026, 10, 1), ended_on=dt.date(2026, 11, 20), dates=2,
            over_time=over_time, tables=(table,), notes=("[c] means: hidden.",),
        )
    )  # fmt: skip


def test_the_paper_asks_the_board_a_question_and_says_what_it_cannot_show_and_what_a_refusal_means(page):
    told = readable(page)
    assert "The question to the board:" in told
    assert "It cannot show who was right: nobody's outcome is known yet." in told
    assert "If the board refuses, nothing changes: the panel goes on as it does now." in told
    assert "1 October 2026 to 20 November 2026, 2 list dates" in told


def test_the_paper_uses_no_word_that_decides_for_its_reader(page):
    assert lint(page) == []


def test_the_paper_is_a_page_with_one_heading_and_tables_that_name_their_columns(page):
    assert page.count("<h1>") == 1 and page.count("<caption>") == 2
    assert page.count('scope="col"') == 5 and "Made-up data" in page
    assert "[c]" in page and "405" in page
