"""The points card adds up by hand; the run page holds numbers about models and nobody's row."""

import re

import pytest

from desist.reports.analyst import ModelRow, Ranged, run_page
from desist.reports.card_page import CardItem, CardStep, card_page
from desist.reports.wording import lint_list, readable


def test_the_card_lists_items_points_and_a_column_to_fill_in(made):
    said = readable(card_page(made.card()))
    assert "Does the record show this? Points if yes Yours" in said
    assert "Everybody starts with −2 −2" in said
    assert "1 or more court sanctions in the last 1 years (police record) +1 to fill in" in said
    assert "3 or more court sanctions in the last 3 years (police record) −3 to fill in" in said
    assert "Sum to fill in" in said


def test_every_sum_is_shown_at_one_step_with_what_happened_in_the_test(made):
    said = readable(card_page(made.card()))
    for row in ("1 or less About 1 in 10 9 8 to 11 in 100", "2 to 4 About 3 in 10 28 25 to 31 in 100",
                "5 About 5 in 10 51 47 to 55 in 100", "6 or more About 7 in 10 70 64 to 77 in 100"):
        assert row in said


@pytest.mark.parametrize(
    "steps",
    [
        (CardStep(1, None, 1), CardStep(2, 3, None)),  # a gap: nobody knows what 2 is shown as
        (CardStep(1, None, 2), CardStep(2, 2, None)),  # an overlap
        (CardStep(1, 0, 1), CardStep(2, 2, None)),  # nothing for sums below 0
        (CardStep(1, None, 1), CardStep(2, 2, 9)),  # nothing for sums above 9
    ],
)
def test_steps_that_leave_a_sum_without_an_answer_or_with_two_are_refused(made, steps):
    with pytest.raises(ValueError, match=r"open|gap"):
        made.card(steps=steps, records=made.steps[:2])


def test_a_step_without_its_record_from_the_test_is_refused(made):
    with pytest.raises(ValueError, match="record"):
        made.card(records=made.steps[:3])


def test_a_card_that_does_not_fit_a_page_is_refused(made):
    item = CardItem("asks something", 1)
    with pytest.raises(ValueError, match="1 to 15"):
        made.card(items=(item,) * 16)
    with pytest.raises(ValueError, match="has points"):
        CardItem("asks something", 0)


def test_a_card_without_approval_is_a_draft_and_not_for_use(made):
    said = readable(card_page(made.card(approval="", valid_until=None)))
    assert "Draft for the oversight board. Not for use with people on the caseload." in said
    assert "Decision support only" not in said
    approved = readable(card_page(made.card()))
    assert "Decision support only. You decide. Valid until 31 March 2027. Approval REL-2026-10." in approved
    assert lint_list(approved) == []


def test_the_run_page_gives_metrics_with_ranges_to_the_digits_that_matter(made):
    said = readable(run_page(made.run()))
    assert "Points card card Challenger 0.712 0.690 to 0.730 0.1621 0.1580 to 0.1660" in said
    assert "Base rate comparator Comparator 0.500 [x]" in said
    assert "Spline logistic less Points card AUC +0.018 −0.005 to +0.030" in said
    assert "January to March 2024 1,201 261 0.712" in said
    assert "Labels are mature up to 1 April 2025." in said


def test_the_run_page_leaves_out_what_a_run_did_not_make(made):
    page = run_page(made.run(paired=(), periods=(), features=(), notes=()))
    assert re.findall(r"<h2>(.*?)</h2>", page) == ["Models, with 95% ranges"]


def test_a_model_has_a_tag_the_board_knows():
    with pytest.raises(ValueError, match="tag"):
        ModelRow("m", "card", {"auc": Ranged(0.7)}, "Winner")
