"""Every table of the field has a contract, and aggregates come in without a person in them (DOMAIN section 3)."""

import csv
import io
import re

import pytest

from desist.features.refusals import REFUSED_TABLES
from desist.features.standard_features import approval_features, standard_register
from desist.features.vocabulary import CONTRACTS as EVENT_TABLES
from desist.intake.terms.contracts import CONTRACTS, Column, Contract
from desist.intake.terms.uses import COUNTS, ESTIMATE, SHOWN, USES
from desist.records import codes

#: The tables of DOMAIN section 3, written down by hand.
TABLES = re.findall(r"\w+", """
identity equality
prob_person prob_event prob_requirement prob_registration prob_assessment prob_predictor prob_contact
prob_enforcement prob_allocation support_referral iom_cohort
pris_spell pol_sanction pol_charge trt_client trt_episode trt_intervention trt_outcome_profile
asb_outcome housing_duty programme
crime_month asb_month youth_quarter marac_quarter population indicators
""")
AGGREGATES = TABLES[-6:]


def test_every_table_of_the_field_has_a_contract_and_a_stated_use():
    assert sorted(CONTRACTS) == sorted(TABLES) == sorted(USES)


def test_aggregates_hold_no_person_and_everything_else_is_about_one():
    for table, contract in CONTRACTS.items():
        of_a_person = {"agency_person", "subject_category", "record_kind"} & set(contract.names)
        assert (contract.held_in == "aggregate") == (table in AGGREGATES) == (not of_a_person), table
        assert (USES[table].kind == COUNTS) == (table in AGGREGATES), table


def test_what_people_disclose_in_treatment_is_read_by_no_feature_and_no_event_table():
    assert "trt_outcome_profile" in REFUSED_TABLES and USES["trt_outcome_profile"].kind == SHOWN
    features = [*standard_register().features, *approval_features()]
    read = {column for feature in features for column in feature.definition.lineage()}
    read |= {column for table in EVENT_TABLES.values() for spec in table.fields.values() for column in spec.reads}
    assert read and not [column for column in read if column.startswith("trt_outcome_profile")]


def test_a_table_whose_use_is_an_estimate_is_one_that_a_feature_reads_and_no_other_is():
    read = {
        column.partition(".")[0] for feature in standard_register().used for column in feature.definition.lineage()
    }
    assert read == {table for table, use in USES.items() if use.kind == ESTIMATE}


def test_columns_that_a_contract_points_to_must_be_there():
    with pytest.raises(ValueError, match="points to whole"):
        Contract("t", ("police",), (Column("part", "integer", at_most="whole"),))
    with pytest.raises(ValueError, match="held in drawer"):
        Contract("t", ("police",), (), held_in="drawer")


# --- treatment outcome profiles


@pytest.fixture
def treatment(partnership):
    partnership.identity("treatment", "T1", forename="A", surname="M")
    partnership.row("treatment", "trt_client", agency_person="T1", consent="true", basis="consent")
    return partnership


def profile(treatment, **cells):
    return treatment.row("treatment", "trt_outcome_profile", agency_person="T1", **{"stage": "start", **cells})


def test_days_of_use_lie_between_none_and_twenty_eight(treatment):
    for place, days in enumerate(("0", "28", "29", "-1", "3.5", "")):
        profile(treatment, opiate_days=days, occurred_on=f"2025-01-{place + 1:02d}")
    report = treatment.file(treatment.read(), "trt_outcome_profile")
    assert report.accepted == 3
    assert report.quarantined == {
        "opiate_days is outside the range that the contract allows": 2, "opiate_days is not a whole number": 1,
    }  # fmt: skip


def test_a_profile_needs_consent_as_every_treatment_row_does(treatment):
    treatment.tables["treatment"]["trt_client"][0]["consent"] = "false"
    profile(treatment, opiate_days="3")
    report = treatment.file(treatment.read(), "trt_outcome_profile")
    assert (report.accepted, report.quarantined) == (0, {"has no consent or recorded basis": 1})


# --- aggregates


def send(partnership, source, table, text):
    """Announce ``table`` with this content and write it; the agreement covers every table of the source."""
    columns = text.splitlines()[0].split(",")
    rows = [dict(zip(columns, row, strict=True)) for row in csv.reader(io.StringIO(text))][1:]
    partnership.tables.setdefault(source, {})[table] = rows
    partnership.columns[table] = columns


CRIME = "ward,month,sub_category,n,da_n\nLoxford,2026-08,burglary,12,0\nLoxford,2026-09,burglary,9,1\n"


def test_an_aggregate_comes_in_alone_without_an_identity_table_and_stands_as_it_was_sent(partnership):
    send(partnership, "police", "crime_month", CRIME)
    report = partnership.file(partnership.read(), "crime_month")
    assert (report.accepted, report.quarantined) == (2, {})
    assert partnership.store.aggregates() == ("crime_month",) and partnership.store.tables() == ()
    rows = partnership.store.read("crime_month")
    assert rows[["ward", "month", "n", "da_n", "source", "agreement_id"]].to_numpy().tolist() == [
        ["Loxford", "2026-08", 12, 0, "police", "police-26"],
        ["Loxford", "2026-09", 9, 1, "police", "police-26"],
    ]


def test_counts_about_nobody_say_nothing_of_when_a_source_was_last_heard_of(probation):
    probation.read()
    before = probation.store.snapshot_date("probation")
    send(probation, "council", "population", "area,age_band,sex,ethnicity,n\nE09000026,18-24,F,Asian,4010\n")
    probation.head["council"] = {"extract_date": "2021-03-21"}
    probation.read()
    assert probation.store.sources() == ("probation",)
    assert probation.store.snapshot_date("probation") == before
    probation.link()
    linked = probation.linked()
    assert linked.snapshot == before and "population" not in linked.tables


@pytest.mark.parametrize(
    ("table", "text", "reason"),
    [
        ("crime_month", "ward,month,sub_category,n,da_n\nL,2026-13,x,1,0\n", "month is not a month YYYY-MM"),
        ("crime_month", "ward,month,sub_category,n,da_n\nL,09/2026,x,1,0\n", "month is not a month YYYY-MM"),
        ("crime_month", "ward,month,sub_category,n,da_n\nL,2026-10,x,1,0\n", "month lies after the extract date"),
        ("crime_month", "ward,month,sub_category,n,da_n\nL,2026-09,x,1,2\n", "da_n is more than n"),
        ("crime_month", "ward,month,sub_category,n,da_n\nL,2026-09,x,,0\n", "n is empty"),
        ("marac_quarter", "quarter,discussed,repeat\n2026-Q5,3,1\n", "quarter is not a quarter YYYY-Qn"),
        ("marac_quarter", "quarter,discussed,repeat\n2026-Q4,3,1\n", "quarter lies after the extract date"),
        ("marac_quarter", "quarter,discussed,repeat\n2026-Q3,3,4\n", "repeat is more than discussed"),
    ],
)
def test_a_count_that_cannot_be_right_waits_in_quarantine(partnership, table, text, reason):
    send(partnership, "police", table, text)
    report = partnership.file(partnership.read(), table)
    assert (report.accepted, report.quarantined) == (0, {reason: 1})


def test_the_same_count_twice_is_a_duplicate_within_one_source(partnership):
    send(partnership, "police", "crime_month", CRIME + "Loxford,2026-09,burglary,10,1\n")
    send(partnership, "council", "crime_month", CRIME)
    report = partnership.read()
    assert [(file.source, file.accepted) for file in report.files] == [("council", 2), ("police", 2)]


def test_erasing_a_person_leaves_counts_about_nobody_as_they_are(probation):
    send(probation, "probation", "indicators", "measure,period,value,origin,direction\ntrust,2026,61.5,survey,none\n")
    probation.read()
    probation.link()
    [person] = probation.linked().known["probation"]
    assert probation.store.erase(person) > 0
    assert probation.store.read("indicators")["value"].tolist() == [61.5]
    assert probation.store.verify() == []


# --- the partnership's own offences


@pytest.fixture
def own_offence(probation):
    """A function that puts one line into the workspace's offences.csv and in use."""

    def put(line):
        path = probation.workspace.offences
        path.write_text(f"code,description,broad_group,category,band,violent,neighbourhood,counts\n{line}\n")
        codes.use_offences(path)

    yield put
    codes.use_offences(None)


def test_an_unmapped_offence_stops_the_file_with_the_list_of_codes_until_the_partnership_adds_a_line(
    probation, own_offence, refusal
):
    probation.row("probation", "prob_event", agency_person="P1", event_id="E2", offence_code="03500")
    told = refusal(probation.read)
    assert "offence codes 03500 (1 row)" in told and "offences.csv in the workspace" in told
    own_offence("03500,Blackmail,other indictable,other,3,0,0,1")
    assert probation.file(probation.read(), "prob_event").accepted == 2


def test_a_register_made_under_another_offence_table_is_another_register(own_offence):
    before = standard_register()
    own_offence("03500,Blackmail,other indictable,other,3,0,0,1")
    after = standard_register()
    assert (before.hash == after.hash, before.names == after.names) == (False, True)
    assert standard_register().hash == after.hash and before.to_json()["offence_table"].startswith("2026-10-")


def test_a_changed_offence_table_reads_the_same_file_anew(probation, own_offence):
    probation.read()
    assert probation.read(write=False).unchanged
    own_offence("04600,Theft from a shop,theft and handling,theft not motor,2,0,0,0")
    report = probation.read(write=False)
    assert probation.file(report, "prob_event").quarantined == {"is about a repealed offence": 1}
