"""Support waiting works without any estimate and hides small counts of a wider area."""

import csv
import io

import pandas as pd

from desist.measures.disclosure import PARTNERSHIP, PRACTITIONER
from desist.reports.content import NeedCount
from desist.reports.support import count_cells, support_csv, support_page
from desist.reports.wording import lint_list, readable


def page_of(made, rows=None, **other):
    given = {"as_of": made.today, "audience": PARTNERSHIP} | other
    return support_page(made.support_rows() if rows is None else rows, made.header(approval="", steps=()),
                        given.pop("on_list", made.on_list()), **given)


def test_the_longest_wait_stands_first_within_need_and_service(made):
    page = page_of(made)
    assert page.index("Jo Pike") < page.index("Alex Marlowe") < page.index("Samina Everly")
    said = readable(page)
    assert "Housing pathway: 2 people waiting for accommodation" in said
    assert "Jo Pike X000003 11 December 2025 294 Officer 3 No next step recorded" in said
    assert "No service asked yet: 1 person waiting for drugs" in said


def test_the_page_needs_no_approval_and_speaks_of_no_estimate(made):
    page = page_of(made)
    assert "This page uses no estimate." in page
    assert "in 10" not in page and "step" not in readable(page).replace("Next step", "").replace("next step", "")
    assert lint_list(page) == []


def test_which_need_a_restricted_person_has_is_not_told(made):
    page = page_of(made)
    assert "Una Vale" not in page and "X000007" not in page and "20 August 2026" not in page
    assert page.count("You do not have access to this record. Ask the team manager.") == 1
    sheet = support_csv(made.support_rows(), made.header(), made.on_list(), as_of=made.today)
    assert "Una Vale" not in sheet and "20 August 2026" not in sheet


def test_children_are_not_on_the_page(made):
    page = page_of(made, on_list=made.on_list(adults=frozenset({"p3"})))
    assert "Jo Pike" in page and "Alex Marlowe" not in page and "Restricted" not in page


def test_nobody_waiting_is_said(made):
    assert "No one is waiting" in page_of(made, rows=[])
    assert "Across the partnership" not in page_of(made, rows=[])


def test_small_counts_of_an_area_are_hidden_with_their_waits_and_a_partner(made):
    cells, total = count_cells(made.area_counts(), PARTNERSHIP)
    shown = {row.need: (row.people, row.longest, row.middle) for row in cells}
    assert shown == {
        "Accommodation": ("85", "412 days", "96 days"),
        "Drugs": ("40", "203 days", "40 days"),
        "Alcohol": ("[c]", "[c]", "[c]"),  # 22 people: hidden so that finance cannot be worked out
        "Finance": ("[c]", "[c]", "[c]"),
        "Health and wellbeing": ("0", "[z]", "[z]"),
    }
    assert total == "155"
    page = page_of(made, area_counts=made.area_counts())
    assert "80 days" not in page and "150 days" not in page
    assert "[c] means: hidden" in page and "rounded to the nearest 5" in page


def test_a_practitioner_sees_unrounded_counts_from_five_on():
    cells, total = count_cells([NeedCount("drugs", 5, 9, 3), NeedCount("alcohol", 11, 9, 3)], PRACTITIONER)
    assert [row.people for row in cells] == ["11", "5"] and total == "16"
    assert count_cells([], PARTNERSHIP) == ((), "")


def test_the_sheet_has_a_row_for_each_wait_with_its_date(made):
    rows = list(csv.DictReader(io.StringIO(
        support_csv(made.support_rows(), made.header(), made.on_list(), as_of=made.today).removeprefix("\ufeff"))))
    assert [row["Person"].split(",")[0] for row in rows[:3]] == ["Jo Pike", "Alex Marlowe", "Samina Everly"]
    assert rows[0]["Days"] == "294" and rows[2]["Service"] == "No service asked yet"
    assert {row["Made on"] for row in rows} == {"1 October 2026"}
    assert rows[3]["Need"] == "Restricted"


def test_a_person_without_a_name_in_the_vault_still_waits(made):
    people = made.on_list(names=pd.DataFrame({"person_id": [], "name": [], "crn": []}))
    assert page_of(made, on_list=people).count("Name not held") == 3
