"""The data-quality report: what to ask first, then safe counts; the JSON says the same as the page."""

import json
import re

import pytest

from desist.intake.reading.quality import ABOUT, CODE, NEVER, Look
from desist.reports.quality import look_sentence, quality_page, shown, told_on_console


def cells(table, name):
    [row] = [row for row in table.rows if row[0] == name]
    return dict(zip(table.header, row, strict=True))


def section(page, source="police"):
    return next(part for part in page.sections if part.source == source)


def test_counts_of_one_to_four_are_hidden_and_others_rounded_to_five(made):
    page = shown(made.quality_facts())
    rows = cells(section(page).tables[0], "pol_sanction")
    assert rows == {"Table": "pol_sanction", "Accepted": "1,005", "Last time": "955", "Corrected": "5",
                    "Duplicates": "[c]", "Wrong": "10", "Unlinked": "0", "Refused": "5"}  # fmt: skip


def test_each_sign_is_explained_where_it_stands_and_nowhere_else(made):
    page = shown(made.quality_facts())
    for table in (page.sources, page.coverage, *(table for part in page.sections for table in part.tables)):
        said = [note[:3] for note in table.notes if " means: " in note]
        assert said == [sign for sign in ("[c]", "[z]", "[x]") if sign in table.texts()], table.caption
    assert any("[c] means" in note for note in section(page).tables[0].notes)
    assert not any("means" in note for note in page.notes)
    few = (Look("police", "pol_sanction", "waiting", parts=(3, 20)),)
    page = shown(made.quality_facts(looks=few))
    assert page.notes[0].startswith("[c] means: ") and "[c] means: " in told_on_console(page)


def test_no_total_of_rows_read_stands_beside_the_parts(made):
    text = quality_page(shown(made.quality_facts()))
    assert "1,023" not in text and "1,025" not in text and "rows read" not in text.lower()


def test_who_knows_how_many_is_hidden_where_few_are_not_known(made):
    page = shown(made.quality_facts())
    assert page.coverage.caption == "Of 120 people under supervision, how many each agency has a record of"
    police, council = (cells(page.coverage, name) for name in ("police", "council"))
    assert [police[name] for name in ("Has a record", "Has none", "Share")] == ["[c]", "[c]", "[c]"]
    assert [council[name] for name in ("Has a record", "Has none", "Share")] == ["60", "60", "50%"]


def test_nobody_under_supervision_is_no_share(made):
    from desist.reports.quality import Coverage

    page = shown(made.quality_facts(coverage=Coverage(0, {"police": 0}, {})))
    assert cells(page.coverage, "police")["Share"] == "[z]"


def test_empty_cells_are_shares_of_safe_counts_beside_the_extract_before(made):
    page = shown(made.quality_facts())
    table = section(page).tables[3]
    assert table.rows == (("pol_sanction, disposal", "50%", "20%"), ("pol_sanction, da_flag", "[c]", "[x]"))


def test_a_share_that_leaves_a_few_rows_on_the_other_side_is_hidden(made):
    said = look_sentence(Look("police", "pol_sanction", "missing_rose", ("disposal",), (18, 20, 5, 20)))
    assert "in [c] of rows, 25% in the extract before" in said


def test_when_and_how_many_events_are_told_beside_the_usual_quarter(made):
    page = shown(made.quality_facts())
    assert cells(section(page).tables[1], "pol_sanction") == {
        "Table": "pol_sanction", "Newest event": "28 September 2026", "Newest recorded": "29 September 2026",
        "Over 30 days late": "1%", "Recorded in 13 weeks": "40", "Usual quarter": "50", "In the extract before": "40",
    }  # fmt: skip
    months = cells(section(page).tables[2], "pol_sanction")
    assert (months["2026-09"], months["2026-08"], months["2026-04"], months["Usual month"]) == ("10", "[c]", "0", "20")
    assert (months["Since added"], months["Since gone"]) == ("0", "0")


def test_of_a_table_with_few_rows_no_date_is_told(made):
    figures = made.table_quality().figures | {"rows": 4, "lateness": [4, 0, 0, 0, 0, 0]}
    few = made.table_quality(accepted=4, read=4, waits={}, before=(), figures=figures)
    told = cells(section(shown(made.quality_facts(tables=(few,)))).tables[1], "pol_sanction")
    assert (told["Newest event"], told["Newest recorded"], told["Over 30 days late"]) == ("[c]", "[c]", "[c]")


def test_a_late_source_is_asked_about_first_and_one_without_an_expectation_is_not_late(made):
    from desist.reports.quality import SourceState

    late = SourceState("police", made.today, 32, 31)
    page = shown(made.quality_facts(sources=(late, SourceState("council", made.today, 99, None))))
    assert page.ask[0].startswith("police: the newest extract is of 1 October 2026, 32 days ago; expected every 31")
    assert page.ask[1].startswith("police, pol_sanction: disposal is empty in 50% of rows, 20% in the extract before.")
    assert [row[1] for row in page.sources.rows] == ["Late", "Up to date"]
    assert not SourceState("police", made.today, 31, 31).late


def test_what_the_agreement_does_not_cover_and_wrong_codes_are_named(made):
    remarks = section(shown(made.quality_facts())).remarks
    assert remarks == (
        "pol_sanction: columns outside the agreement, not read: nationality.",
        "pol_sanction: codes of sanction_type that are not on its list: WARN (10).",
        "Read before figures were kept, so only rows are counted: identity.",
    )


@pytest.mark.parametrize("about", ABOUT)
def test_everything_that_can_stand_out_has_a_sentence_that_asks(about):
    said = look_sentence(Look("police", "pol_sanction", about, ("disposal",), (60, 100, 20, 100)))
    assert said.startswith("police, pol_sanction: ") and said.endswith(".") and "{" not in said
    assert all(len(part.split()) <= 32 for part in re.split(r"(?<=[.?:])\s", said))


def test_a_sentence_hides_small_counts_too():
    said = look_sentence(Look("police", "pol_sanction", "missing_rose", ("disposal",), (3, 20, 0, 20)))
    assert "in [c] of rows, 0% in the extract before" in said
    assert "[c] of 20 rows wait" in look_sentence(Look("police", "pol_sanction", "waiting", parts=(3, 20)))


def test_the_json_says_what_the_page_says_and_the_same_facts_give_the_same_bytes(made):
    page = shown(made.quality_facts())
    told = json.loads(json.dumps(page.as_json()))
    text = quality_page(page)
    for table in [told["sources"], told["coverage"], *(one for part in told["sections"] for one in part["tables"])]:
        assert table["caption"] in text
        for cell in (cell for row in table["rows"] for cell in row):
            assert cell in text
    assert quality_page(shown(made.quality_facts())) == text


def test_without_linkage_the_page_says_how_coverage_comes_about(made):
    assert "desist link" in quality_page(shown(made.quality_facts(coverage=None)))


def test_the_console_tells_what_to_ask_or_that_there_is_nothing(made):
    page = shown(made.quality_facts())
    assert told_on_console(page).startswith("1 thing to ask an agency about:")
    assert told_on_console(made.replace(page, ask=())) == "Nothing stands out in the newest extracts."


def test_refused_rows_are_never_called_waiting(made):
    one = made.table_quality(accepted=900, read=1000, waits={NEVER: 60, CODE: 40}, before=())
    page = shown(made.quality_facts(tables=(one,)))
    told = cells(page.sources, "police")
    assert (told["Waiting"], told["Refused"]) == ("40", "60")
