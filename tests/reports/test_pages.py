"""Every page can be read by anybody: with a screen reader, without colour, script or network, on paper."""

import csv
import io
import itertools
import re
from html.parser import HTMLParser

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desist.reports.pages import COLOURS, PAIRS, TEMPLATES, contrast, environment, harmless, render, sheet

VOID = {"meta", "link", "br", "hr", "img", "input", "col"}


class Outline(HTMLParser):
    """What a test asks of a page: elements in order with attributes, and whether all are closed."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.open, self.unclosed = [], [], []
        self.feed(page)
        self.unclosed += self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            self.unclosed.append(tag)
        else:
            self.open.pop()

    def all(self, *tags):
        return [(tag, attrs) for tag, attrs in self.elements if tag in tags]


@pytest.fixture
def outlines(pages):
    return {name: (page, Outline(page)) for name, page in pages.items()}


@pytest.mark.parametrize(("front", "back", "least"), PAIRS)
def test_every_pair_of_colours_can_be_told_apart(front, back, least):
    assert contrast(COLOURS[front], COLOURS[back]) >= least


def test_contrast_is_computed_as_the_standard_says():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_the_four_depths_get_darker_one_after_the_other_and_are_one_hue():
    import colorsys

    depths = [COLOURS[f"depth{k}"] for k in (1, 2, 3, 4)]
    light = [contrast(depth, "#000000") for depth in depths]
    assert light == sorted(light, reverse=True)
    assert all(a / b >= 1.3 for a, b in itertools.pairwise(light))
    hues = [colorsys.rgb_to_hls(*(int(d[i:i + 2], 16) / 255 for i in (1, 3, 5)))[0] * 360 for d in depths]
    assert max(hues) - min(hues) <= 12


def test_pages_use_no_colour_but_the_tokens(pages):
    for page in pages.values():
        assert set(re.findall(r"#[0-9a-fA-F]{6}\b", page)) <= set(COLOURS.values())
    style = (TEMPLATES / "style.css").read_text("utf-8")
    pairs = {(front, back) for front, back, _ in PAIRS}
    assert set(re.findall(r"[^-]color: var\(--(\w+)\)", style)) <= {front for front, _ in pairs}
    assert set(re.findall(r"background: var\(--(\w+)\)", style)) <= {back for _, back in pairs}


def test_a_page_has_a_language_a_skip_link_and_one_first_heading(outlines):
    for page, outline in outlines.values():
        assert page.startswith("<!DOCTYPE html>\n<html lang=\"en-GB\">")
        assert outline.unclosed == []
        assert len(outline.all("h1")) == 1 and len(outline.all("main")) == 1 and len(outline.all("title")) >= 1
        assert outline.all("a")[0][1]["href"] == "#content"
        assert dict(outline.all("main")[0][1])["id"] == "content"


def test_headings_leave_out_no_level(outlines):
    for name, (_, outline) in outlines.items():
        levels = [int(tag[1]) for tag, _ in outline.all("h1", "h2", "h3", "h4")]
        assert levels[0] == 1, name
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels)), name


def test_every_table_has_a_caption_and_every_header_a_scope(outlines):
    for _, outline in outlines.values():
        assert len(outline.all("caption")) == len(outline.all("table"))
        assert all(attrs.get("scope") in ("col", "row") for _, attrs in outline.all("th"))


def test_every_row_of_a_table_is_as_wide_as_its_header(pages):
    for name, page in pages.items():
        for table in re.findall(r"<table.*?</table>", page, flags=re.DOTALL):
            rows = re.findall(r"<tr.*?</tr>", table, flags=re.DOTALL)
            widths = {len(re.findall(r"<t[hd]\b", row)) for row in rows if "colspan" not in row}
            assert len(widths) == 1, (name, table[:200])


def test_no_cell_of_a_table_is_empty(pages):
    for name, page in pages.items():
        cells = re.findall(r"<t[hd]\b[^>]*>(.*?)</t[hd]>", page, flags=re.DOTALL)
        empty = [cell for cell in cells if not re.sub(r"<(?!span class=\"unseen).*?>|\s", "", cell)]
        assert empty == [], name


def test_a_page_takes_nothing_from_outside_and_runs_nothing(outlines):
    for page, outline in outlines.values():
        assert outline.all("script", "link", "img", "iframe", "object", "form", "base") == []
        assert "http" not in page and "@import" not in page and "url(" not in page and "javascript" not in page
        assert not any(name.startswith(("on", "data-")) for _, attrs in outline.elements for name in attrs)
        assert all(attrs["href"].startswith("#") for _, attrs in outline.all("a"))


def test_names_of_elements_are_unique_and_every_link_inside_the_page_leads_somewhere(outlines):
    for _, outline in outlines.values():
        ids = [attrs["id"] for _, attrs in outline.elements if "id" in attrs]
        assert len(ids) == len(set(ids))
        named = [name for _, attrs in outline.elements for name in attrs.get("aria-labelledby", "").split()]
        assert {attrs["href"][1:] for _, attrs in outline.all("a")} | set(named) <= set(ids)


def test_every_drawing_is_either_named_or_beside_words(outlines):
    for _, outline in outlines.values():
        for _, attrs in outline.all("svg"):
            assert attrs.get("aria-hidden") == "true" or (attrs["role"] == "img" and attrs["aria-labelledby"])


def test_no_page_wears_the_look_of_a_government_site(pages):
    for page in pages.values():
        assert not re.search(r"gds|crown|govuk|transport", page, flags=re.IGNORECASE)


def test_pages_print_on_a4(pages):
    for page in pages.values():
        assert "@page { size: A4" in page


def test_made_up_data_says_so_on_every_page_and_real_data_nowhere(pages, made):
    from desist.reports.cases import cases_page
    from desist.reports.support import support_page

    assert all('class="made-up"' in page and "Made-up data" in page for page in pages.values())
    from desist.measures.disclosure import PARTNERSHIP

    real = made.header(made_up=False)
    for page in (
        cases_page(made.case_list(), real, made.on_list(), today=made.today),
        support_page(made.support_rows(), real, made.on_list(), as_of=made.today, audience=PARTNERSHIP),
    ):
        assert "Made-up" not in page


def test_the_same_content_gives_the_same_bytes(made):
    from desist.reports.fairness_report import fairness_page

    assert fairness_page(made.fairness_content()) == fairness_page(made.fairness_content())


def test_text_from_the_records_is_shown_as_text(made):
    from desist.reports.cases import cases_page

    people = made.on_list()
    names = people.names.assign(name="<script>alert(1)</script>")
    page = cases_page(made.case_list(), made.header(), made.replace(people, names=names), today=made.today)
    assert "<script" not in page and "&lt;script&gt;" in page


def test_a_template_cannot_pass_over_something_that_is_missing():
    with pytest.raises(jinja2.UndefinedError):
        render("card.html", title="Points card")
    with pytest.raises(jinja2.UndefinedError):
        environment().from_string("{{ something_nobody_gave }}").render()
    assert environment().autoescape is True


@pytest.mark.parametrize(
    "cell", ["=1+1", "+44", "-3", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\n=1", "＝1", "|calc", "%0A"]
)
def test_a_cell_that_a_spreadsheet_would_run_gets_an_apostrophe(cell):
    assert harmless(cell).startswith("'")


def test_ordinary_text_stays_as_it_is():
    assert harmless("Alex Marlowe, X000001; 4 June 2026") == "Alex Marlowe, X000001; 4 June 2026"
    assert harmless("two\nlines") == "two lines"


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), max_size=5))
def test_no_sheet_holds_a_formula_whatever_stood_in_the_records(rows):
    text = sheet(["a", "b"], rows)
    assert text.startswith("\ufeff")
    read = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert [len(row) for row in read] == [2] * (len(rows) + 1)
    for cell in (cell for row in read for cell in row):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠"))
        assert "\n" not in cell


def test_a_row_with_too_few_cells_is_refused():
    with pytest.raises(ValueError, match="more or fewer cells"):
        sheet(["a", "b"], [["only one"]])
