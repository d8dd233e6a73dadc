"""Made-up content for the pages."""

import dataclasses
import datetime as dt
from types import SimpleNamespace

import pandas as pd
import pytest

from desist.features.tables import CaseList, Estimate, Reason
from desist.measures.disclosure import PARTNERSHIP
from desist.reports import fairness_content as fc
from desist.reports.analyst import FeatureRow, ModelRow, PairedRow, PeriodRow, Ranged, RunContent
from desist.reports.card_page import CardContent, CardItem, CardStep
from desist.reports.content import (
    Change,
    Exceptions,
    ListHeader,
    NeedCount,
    NeedWaiting,
    PeopleOnList,
    StepRecord,
    SupportRow,
)

TODAY = dt.date(2026, 10, 1)
NAMES = ["Alex Marlowe", "Samina Everly", "Jo Pike", "Kofi Lamb", "Robin Tarn", "Lee Ashdown", "Una Vale"]
STEPS = (StepRecord(1, 2140, 9, 8, 11), StepRecord(2, 1310, 28, 25, 31), StepRecord(3, 640, 51, 47, 55),
         StepRecord(4, 220, 70, 64, 77))


def reason(phrase, direction="raises", kind="history", size=0.5, value=""):
    return Reason("feature", phrase, direction, value, "police record to 30 September 2026", kind, size)


REASONS = (reason("4 court sanctions in the last 2 years", size=0.9), reason("Released from custody 28 days ago"),
           reason("Kept 9 of 10 appointments", "lowers", "can change", -0.4))


def case_row(person, **other):
    row = {
        "person_id": person, "as_of": TODAY, "supervision": "LICENCE", "supervision_end": dt.date(2027, 3, 14),
        "iom_group": "FIXED",
        "needs_waiting": (NeedWaiting("accommodation", 112), NeedWaiting("drugs", 41, "referred")),
        "changed": (Change("released", "Released from custody on 3 September 2026"),
                    Change("estimate", "Estimate moved from about 5 in 10 to about 7 in 10: a new sanction"),
                    Change("model", "Model changed on 1 October 2026")),
        "last_contact": dt.date(2026, 9, 22), "next_contact": dt.date(2026, 10, 6),
        "review_due": dt.date(2026, 9, 25),
    }
    return row | other


def case_list(rows=None, estimates=None, **other):
    people = [f"p{k}" for k in range(1, 8)]
    if estimates is None:
        estimates = {
            "p1": Estimate(4, ("borderline",), REASONS), "p2": Estimate(2, ("limited_data",), REASONS[:1]),
            "p3": Estimate(1), "p4": Estimate(3, (), REASONS), "p5": Estimate(None, why_none="link"),
            "p6": Estimate(3, (), REASONS), "p7": Estimate(4, (), REASONS),
        }
    given = {"as_of": TODAY, "valid_until": dt.date(2026, 10, 31), "release_id": "rel-1"} | other
    return CaseList(rows=pd.DataFrame(rows or [case_row(person) for person in people]), estimates=estimates, **given)


def header(**other):
    given = {
        "partnership": "Anyborough", "data_to": dt.date(2026, 9, 30), "made_up": True,
        "challenge": "the person can ask for any fact to be checked", "approval": "REL-2026-10",
        "approved_until": dt.date(2027, 3, 31), "model_version": "points card 2026.10",
        "cut_off_version": "2026-10", "tested_on": dt.date(2026, 9, 30), "steps": STEPS,
    }
    return ListHeader(**(given | other))


def on_list(**other):
    people = [f"p{k}" for k in range(1, 8)]
    names = pd.DataFrame({"person_id": people, "name": NAMES, "crn": [f"X00000{k}" for k in range(1, 8)]})
    given = {
        "names": names, "adults": frozenset(people), "restricted": {"p7": "the team manager"},
        "contested": {"p6": dt.date(2026, 10, 20)}, "sources_missing": {"p2": (2, 5)},
        "review_states": {"p1": "No decision recorded"},
    }
    return PeopleOnList(**(given | other))


def support_rows():
    return [
        SupportRow("p1", "accommodation", dt.date(2026, 6, 11), 112, "Housing pathway", "Officer 12", "Call the team"),
        SupportRow("p3", "accommodation", dt.date(2025, 12, 11), 294, "Housing pathway", "Officer 3"),
        SupportRow("p2", "drugs", dt.date(2026, 8, 21), 41),
        SupportRow("p7", "drugs", dt.date(2026, 8, 20), 42),
    ]


def area_counts():
    return [NeedCount("accommodation", 87, 412, 96), NeedCount("drugs", 41, 203, 40), NeedCount("finance", 3, 80, 41),
            NeedCount("alcohol", 22, 150, 33), NeedCount("wellbeing", 0, 0, 0)]


def part(group, answer="meets", value=0.12, others=0.1, people=400, count=None, margin_gap=(-0.02, 0.04), **other):
    given = {
        "group": group, "answer": answer, "others": others, "gap": value - others, "gap_low": margin_gap[0],
        "gap_high": margin_gap[1], "needed": 240,
        "value": fc.Value(value, value - 0.02, value + 0.02, people, count),
    }
    return fc.GroupPart(**(given | other))


def finding(parts=None, **other):
    given = {
        "id": "wrongly-listed-ethnicity", "metric": "fpr", "characteristic": "ethnicity", "margin": 0.05,
        "answer": "cannot_be_assessed", "reason": "people with no proven reoffence should not be listed more often",
        "parts": parts or (part("Asian"), part("Black", "cannot_be_assessed", 0.19, lean="a_gap_is_shown"),
                           part("Mixed", "cannot_be_assessed", 0.2, people=20, lean="no_evidence")),
    }
    return fc.FindingContent(**(given | other))


def group_row(group, tp, fp, fn, tn):
    def share(count, people):
        return fc.Value(count / people, max(0, count / people - 0.03), min(1, count / people + 0.03), people, count)

    people = tp + fp + fn + tn
    return fc.GroupRow(group, tp, fp, fn, tn, {
        "selection": share(tp + fp, people), "fpr": share(fp, fp + tn), "fnr": share(fn, fn + tp),
        "ppv": share(tp, tp + fp), "base_rate": share(tp + fn, people), "auc": fc.Value(0.712, 0.68, 0.74, people),
    })


def fairness_content(**other):
    rows = (group_row("Asian", 52, 58, 60, 410), group_row("Black", 80, 96, 66, 402), group_row("Mixed", 14, 3, 9, 80))
    bins = {row.group: tuple(fc.CalibrationBin(e, e, e - 0.05, e + 0.05, 40, 20) for e in (0.2, 0.5)) for row in rows}
    given = {
        "subject": "Anyborough, October 2026", "made_up": True, "state": "Draft",
        "asked": fc.Asked(
            "release the points card for six months", "points card 2026.10", "support for the selection of people",
            "adults on the caseload of 1 October 2026", "people on the caseload on 1 January 2024",
            "an offence in the next 12 months that led to a conviction or caution", "analyst key 3b90",
            "people shown at about 7 in 10 would be brought to early review", "early review brings an offer of support",
            "draft-1", dt.date(2026, 9, 30), TODAY),
        "counts": fc.PeopleCounts(146, 157, 135, 892, enter_review=212, new_to_review=64),
        "findings": (
            finding(),
            finding((part("Women"), part("Men")), id="sex", characteristic="sex", answer="meets"),
            finding((part("Asian", "does_not_meet", 0.3, margin_gap=(0.11, 0.3)), part("Black"), part("Mixed")),
                    id="missed", metric="fnr", answer="does_not_meet", accepted="the board looks again in March"),
        ),
        "tables": (fc.GroupTable("ethnicity", rows, rows[0].measures, bins),),
        "not_assessed": ("gender reassignment", "sexual orientation"), "not_used": ("ethnicity", "sex", "age"),
        "costs": ("without age the AUC is 0.71; with it, it would be 0.73",),
        "coverage": (fc.CoverageTable("Ethnicity known", (fc.Coverage("Self-defined", 2540, 2700),)),),
        "still_needed": ("a signature of the board chair",), "cannot_tell": ("treatment records are missing for some",),
        "annex": (fc.Section("Method", ("point values are fairlearn's",)),),
    }
    return fc.FairnessContent(**(given | other))


def card(**other):
    items = tuple(CardItem(f"{k} or more court sanctions in the last {k} years", k if k % 3 else -k, "police record")
                  for k in range(1, 11))
    given = {
        "partnership": "Anyborough", "version": "2026.10", "made_up": True, "items": items,
        "steps": (CardStep(1, None, 1), CardStep(2, 2, 4), CardStep(3, 5, 5), CardStep(4, 6, None)),
        "records": STEPS, "tested_on": dt.date(2026, 9, 30), "start": -2, "approval": "REL-2026-10",
        "valid_until": dt.date(2027, 3, 31),
    }
    return CardContent(**(given | other))


def run(**other):
    metrics = {"auc": Ranged(0.7123, 0.69, 0.73), "brier": Ranged(0.16214, 0.158, 0.166)}
    given = {
        "run_id": "7f3a21", "made_up": True, "made_on": TODAY, "analyst": "analyst.one",
        "purpose": "support for the selection of people", "outcome": "an offence within 12 months",
        "snapshot": dt.date(2026, 9, 30), "data_hash": "a" * 64, "register_hash": "b" * 64, "gate": "Withheld",
        "models": (ModelRow("Points card", "card", metrics, "Challenger"),
                   ModelRow("Base rate", "comparator", {"auc": Ranged(0.5)}, "Comparator")),
        "paired": (PairedRow("Spline logistic", "Points card", "auc", Ranged(0.018, -0.005, 0.03)),),
        "periods": (PeriodRow("January to March 2024", 1201, 261, metrics),),
        "features": (FeatureRow("sanctions_2y", "sanctions in 2 years", "police", "may only raise", "not shared"),),
        "label_note": "labels are mature up to 1 April 2025", "notes": ("the gain is below the agreed margin",),
    }
    return RunContent(**(given | other))


def register(**changes):
    """A register of three features in two families, one of them the partnership's own."""
    from desist.reports.features_page import Described, RegisterPage

    one = Described(
        name="proven_offences_1y", words="number of proven offences in the year before the as-of date", unit="",
        missing="missing where no police record of the person is shared", sign="may only raise", status="allowed",
        source="police", family="sanctions", kind="history", looks_back="1 year", justification="Often replicated.",
        own=False,
    )  # fmt: skip
    days = dataclasses.replace(
        one, name="days_since_offence", words="days since the last proven offence", unit="days", sign="free",
        justification="Time changes people.",
    )  # fmt: skip
    own = dataclasses.replace(one, name="kept", unit="yes or no", family="appointments", own=True)
    given = {
        "partnership": "Ours", "made_up": True, "made_on": TODAY, "register_hash": "ab12", "features": (one, days, own),
    }  # fmt: skip
    return RegisterPage(**(given | changes))


@pytest.fixture(scope="session")
def made():
    """The builders of made-up content, each with keyword changes."""
    return SimpleNamespace(
        today=TODAY, case_row=case_row, case_list=case_list, header=header, on_list=on_list, reason=reason,
        reasons=REASONS, steps=STEPS, support_rows=support_rows, area_counts=area_counts, part=part, finding=finding,
        group_row=group_row, fairness_content=fairness_content, card=card, run=run, register=register,
        replace=dataclasses.replace, quality_facts=quality_facts, table_quality=table_quality,
    )


def table_quality(**other):
    from desist.intake.reading.quality import CODE, DUPLICATES, NEVER, TableQuality

    figures = {"rows": 1003, "missing": {"disposal": 498, "da_flag": 3, "count": 0}, "quarters": [40, 52, 61, 47, 44],
               "lateness": [900, 50, 40, 13, 0, 0], "months": {"2026-09": 12, "2026-08": 3, "2025-09": 240},
               "last_event": "2026-09-28", "last_recorded": "2026-09-29"}  # fmt: skip
    told = {
        "source": "police", "table": "pol_sanction", "extract_date": dt.date(2026, 9, 30), "read": 1023,
        "accepted": 1003, "corrected": 6, "waits": {DUPLICATES: 3, CODE: 12, NEVER: 5},
        "wrong_codes": {"sanction_type": {"WARN": 11}}, "dropped_columns": ("nationality",), "figures": figures,
        "before": ({"extract_date": "2026-06-30", "accepted": 957,
                    "figures": figures | {"rows": 957, "missing": {"disposal": 190}}},),
    }  # fmt: skip
    return TableQuality(**(told | other))


def quality_facts(**other):
    from desist.intake.reading.quality import what_to_look_at
    from desist.reports.quality import Coverage, QualityFacts, SourceState

    tables = (table_quality(), table_quality(table="identity", read=30, accepted=30, corrected=0, waits={},
                                             wrong_codes={}, dropped_columns=(), figures={}, before=()))  # fmt: skip
    told = {
        "partnership": "Made-up community safety partnership", "made_up": True, "made_on": TODAY,
        "sources": (SourceState("police", dt.date(2026, 9, 30), 1, 31), SourceState("council", TODAY, 40, None)),
        "tables": tables, "looks": what_to_look_at(tables),
        "coverage": Coverage(122, {"police": 119, "council": 60}, {"council": "nothing recorded: unknown"}),
    }  # fmt: skip
    return QualityFacts(**(told | other))


@pytest.fixture(scope="session")
def pages(made):
    """Every kind of page, in its states."""
    from desist.reports import states
    from desist.reports.analyst import run_page
    from desist.reports.card_page import card_page
    from desist.reports.cases import cases_page
    from desist.reports.fairness_report import fairness_page
    from desist.reports.features_page import register_page
    from desist.reports.quality import quality_page, shown
    from desist.reports.support import support_page

    exceptions = Exceptions(TODAY, ("Mixed: too few people", "Age 18 to 20: looked at again in March"))
    late = states.stale("police", dt.date(2026, 9, 20), 7, dt.date(2026, 10, 20))
    lists = {
        "shown": cases_page(case_list(), header(exceptions=exceptions), on_list(), today=TODAY, late=[late]),
        "empty": cases_page(case_list(), header(), on_list(adults=frozenset()), today=TODAY),
        "no matches": cases_page(case_list(), header(filters=("own cases",)), on_list(adults=frozenset()), today=TODAY),
    }
    for notice in (states.NO_APPROVAL, states.AUDIT_FAILED, states.expired(TODAY), states.suspended(TODAY)):
        lists[notice.heading] = cases_page(case_list(), header(), on_list(), today=TODAY, notice=notice)
    return lists | {
        "support": support_page(support_rows(), header(), on_list(), as_of=TODAY, area_counts=area_counts(),
                                audience=PARTNERSHIP),
        "nobody waits": support_page([], header(), on_list(), as_of=TODAY, audience=PARTNERSHIP),
        "fairness": fairness_page(fairness_content()),
        "card": card_page(card()),
        "draft card": card_page(card(approval="", valid_until=None)),
        "run": run_page(run()),
        "register": register_page(register()),
        "quality": quality_page(shown(quality_facts())),
        "quality before linkage": quality_page(shown(quality_facts(coverage=None, looks=(), tables=()))),
    }
