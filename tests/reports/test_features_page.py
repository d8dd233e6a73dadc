"""The register as a page and a sheet: a table a family, each feature in the words of its definition."""

import csv
import io
import re

from desist.reports.features_page import register_page, register_sheet


def test_each_family_has_a_table_and_each_feature_its_words(made):
    page = register_page(made.register())
    assert re.findall(r"<caption>(.*?)</caption>", page) == ["Sanctions", "Appointments"]
    assert "3, 1 of them your own" in page
    assert "Number of proven offences in the year before the as-of date." in page
    assert "May raise or lower." in page and "May only raise; your own." in page


def test_a_reason_that_a_family_shares_is_given_once_and_a_unit_where_the_words_do_not_say_it(made):
    features = made.register().features
    page = register_page(made.register())
    assert page.count("Often replicated.") == 2  # beside one of two reasons, and above a family with one
    assert "Days.</span>" not in page and "Yes or no." in page
    same = made.register(features=tuple(made.replace(one, justification="One reason.") for one in features[:2]))
    assert register_page(same).count("One reason.") == 1


def test_the_sheet_has_a_row_a_feature_and_says_which_are_own(made):
    text = register_sheet(made.register()).removeprefix("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["name"], row["own"]) for row in rows] == [
        ("proven_offences_1y", "no"), ("days_since_offence", "no"), ("kept", "yes"),
    ]  # fmt: skip
    assert rows[0]["words"] == "number of proven offences in the year before the as-of date"
    assert rows[0]["justification"] == "Often replicated."


def test_text_of_a_feature_is_shown_as_text_and_never_run_by_a_spreadsheet(made):
    features = (made.replace(made.register().features[0], words="<b>=1+1", justification="=HYPERLINK(1)"),)
    assert "<b>" not in register_page(made.register(features=features))
    assert '"\'=HYPERLINK(1)"' in register_sheet(made.register(features=features))
