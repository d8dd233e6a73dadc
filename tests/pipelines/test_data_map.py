"""The data map and the draft impact assessment: what they say of an agreement, and what they leave to people."""

import dataclasses
import datetime as dt

import pytest

from desist.features.standard_features import standard_register
from desist.intake.terms.agreements import Agreement
from desist.intake.terms.contracts import CONTRACTS
from desist.pipelines.data_map import (
    OUTCOME_COLUMNS,
    PAGE_COLUMNS,
    PURPOSES,
    SCOPE_COLUMNS,
    DataMap,
    Surroundings,
    data_map,
)
from desist.pipelines.dpia_draft import RISKS, dpia_draft
from desist.records import codes
from desist.reports.documents import Document, Part, as_markdown, as_page
from desist.reports.pages import TextTable

ABOUT = Surroundings("Made-up partnership", "a borough", True, dt.date(2026, 10, 1), "iom_selection_support",
                     ("police",))  # fmt: skip
POLICE = Agreement(
    id="POL-2026", source="police", parties=("The force", "The partnership"), purposes=("iom_selection_support",),
    gateway="Crime and Disorder Act 1998 s.115", regime="part3", start=dt.date(2026, 1, 1),
    expires=dt.date(2027, 12, 31), retention_days=90, subject_categories=("convicted",), consent="none", dpia="DPIA-7",
    apd="APD-7", tables={name: CONTRACTS[name].names for name in ("identity", "pol_sanction", "pol_charge")},
)  # fmt: skip


def mapped(*agreements, **about):
    surroundings = dataclasses.replace(ABOUT, **about)
    return DataMap({one.id: one for one in agreements}, standard_register(), surroundings)


def use(table, column, *agreements):
    return mapped(*agreements or (POLICE,)).use_of(CONTRACTS[table], CONTRACTS[table].column(column))


@pytest.mark.parametrize(
    ("table", "column", "told"),
    [
        ("pol_sanction", "agency_person", "linkage puts a pseudonym in its place"),
        ("pol_sanction", "subject_category", "keeps out rows about victims and witnesses"),
        ("pol_sanction", "sanction_date", "decides the outcome that is estimated"),
        ("pol_sanction", "offence_code", "of the register"),
        ("pol_sanction", "count", "No use in an estimate"),
        ("pol_charge", "outcome", "Shown or counted, never in an estimate"),
        ("identity", "pnc", "Links records"),
        ("identity", "dob", "only with a board's signed approval"),
        ("equality", "religion", "Read by the fairness audit alone"),
        ("prob_enforcement", "type", "only with a board's signed approval"),
        ("support_referral", "offered", "shown beside needs"),
        ("trt_outcome_profile", "opiate_days", "never in an estimate"),
        ("prob_event", "event_id", "joins rows of one agency"),
        ("crime_month", "n", "counts about no person"),
    ],
)
def test_each_column_says_what_it_is_for(table, column, told):
    assert told.lower() in use(table, column).lower()


def test_columns_named_for_a_use_are_columns_of_their_contracts():
    for named in OUTCOME_COLUMNS | SCOPE_COLUMNS | PAGE_COLUMNS:
        table, _, column = named.partition(".")
        assert column in CONTRACTS[table].names, named
    assert set(PURPOSES) == set(codes.PURPOSES)


def test_the_map_names_every_shared_column_with_its_gateway_and_what_is_not_shared():
    few = dataclasses.replace(POLICE, tables={"pol_charge": CONTRACTS["pol_charge"].required})
    text = as_markdown(data_map(mapped(few)))
    for words in (*few.tables["pol_charge"], "Crime and Disorder Act 1998 s.115", "Data Protection Act 2018 Part 3",
                  "extracts 90 days", "DPIA-7", "APD-7", "The force and The partnership"):  # fmt: skip
        assert words in text
    assert "Not shared under this agreement: outcome, outcome_recorded_on." in text
    assert "No agreement shares them: differences between communities cannot be assessed." in text


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        ({"expires": dt.date(2026, 9, 30)}, "ended on 30 September 2026: its files are refused"),
        ({"expires": dt.date(2026, 11, 30)}, "ends on 30 November 2026: renew it in time"),
        ({"start": dt.date(2026, 10, 2)}, "starts on 2 October 2026"),
        ({"purposes": ("fairness_audit",)}, "does not cover iom_selection_support"),
        ({"retention_days": 91}, "lets extracts stay 91 days"),
        ({"parties": ("The force",)}, "names one party"),
    ],
)
def test_what_an_officer_should_look_at_is_asked_first(terms, told):
    assert any(told in line for line in mapped(dataclasses.replace(POLICE, **terms)).questions())
    assert not any(told in line for line in mapped(POLICE).questions())


def test_health_data_under_part_three_and_an_agency_without_an_agreement_are_questions():
    treatment = dataclasses.replace(
        POLICE, id="TRT", source="treatment", consent="per_person", gateway="consent",
        tables={"trt_client": CONTRACTS["trt_client"].names},
    )  # fmt: skip
    asked = mapped(treatment).questions()
    assert any("TRT names Part 3 for health data" in line for line in asked)
    assert any("No agreement with police" in line for line in asked)


def test_an_empty_register_says_that_nothing_can_come_in():
    empty = mapped()
    assert empty.questions() == ("There is no agreement in the register: no file can come in.",)
    assert "Nobody sends anything" in as_page(data_map(empty))
    assert "No agreement is in the register yet" in as_markdown(dpia_draft(empty))


def test_the_draft_has_the_seven_steps_and_says_who_writes_what_the_tool_cannot_know():
    draft = dpia_draft(mapped(POLICE))
    text = as_markdown(draft)
    steps = [part.heading for part in draft.parts if part.level == 2]
    assert [heading.partition(":")[0] for heading in steps] == [f"Step {number}" for number in range(1, 8)]
    assert text.count("> **To be written by ") >= 10
    assert all(risk in text and measure in text for risk, measure, _ in RISKS)
    assert "DPIA-7" in text and "No protected characteristic is shared" in text


def test_a_page_and_its_markdown_escape_what_would_break_them():
    table = TextTable("T", ("a", "b"), ((("x|y", "z"), "<b>"),), in_words=frozenset({0, 1}))
    document = Document("D", (), (), (Part("P", ("<script>",), to_write=(("us", "all"),), tables=(table,)),), (), True)
    assert "| x\\|y: z | <b> |" in as_markdown(document) and "nobody in these agreements is real" in as_markdown(
        document
    )
    page = as_page(document)
    assert "<script>" not in page and "&lt;script&gt;" in page and "To be written by us:" in page
