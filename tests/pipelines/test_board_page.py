"""What the board's report says of the file it is asked for, and of what was not used."""

from types import SimpleNamespace

from desist.pipelines.board_page import NOT_USED, which_file
from desist.reports.wording import listed


def test_the_first_page_says_whether_the_figures_are_of_the_file_to_be_released():
    assert which_file(SimpleNamespace(is_refit=False)) == "the very file that these figures are of"
    assert "was not itself audited" in which_file(SimpleNamespace(is_refit=True))


def test_what_was_not_used_is_one_sentence():
    told = f"The estimate does not use {listed(NOT_USED)}."
    assert told.startswith("The estimate does not use ethnicity, sex, age, religion,")
    assert told.endswith("arrests without outcome and victim records.") and told.count(".") == 1
