"""Restriction, challenge, correction, retention and the record that a person can read."""

import datetime as dt
import sqlite3
from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest

from desist.intake.holding.linked import read_linked
from desist.intake.holding.store import Store
from desist.intake.holding.vault import Vault
from desist.intake.rights.person import identity_of
from desist.intake.rights.register import Rights
from desist.pipelines import gate, training
from desist.pipelines.estimates import why_none
from desist.pipelines.ground import load_ground
from desist.pipelines.lists import kept_list, list_faults
from desist.pipelines.rights.correct import Asked, correct_fact
from desist.pipelines.rights.due import due_causes, extract_reviews, old_scores
from desist.pipelines.rights.explain import record_of
from desist.pipelines.rights.facts import facts_in
from desist.pipelines.rights.receipts import receipt_faults
from desist.pipelines.rights.restrict import contest_person, lift_restriction, restrict_person, settle
from desist.pipelines.rights.retention import keep_longer, remove_overdue, schedule
from desist.pipelines.rights.subject import about
from desist.pipelines.run_tables import table_faults
from desist.pipelines.session import now
from desist.pipelines.steps import link_people, take_in
from desist.records.errors import Refused
from desist.records.log import EventLog


def store_of(session):
    return Store(session.workspace.store, session.workspace.quarantine)


def on_day(session, day):
    settings = replace(session.settings, today=dt.date.fromisoformat(day))
    return replace(session, settings=settings, log=EventLog(session.workspace.log, lambda: now(settings)))


# Restriction and challenge


def test_a_restricted_person_has_no_estimate_and_keeps_their_place(session, person, world):
    receipt = restrict_person(session, person, "request")
    kept = kept_list(session, world.list_id)
    assert kept.entry(person.person_id).why_none == "restricted" and person.person_id in kept.rows
    assert why_none(load_ground(session), [person.person_id], session.today) == {person.person_id: "restricted"}
    assert receipt.runs == {world.run: "learnt"} and list_faults(session, world.list_id) == []
    assert receipt_faults(session) == []


def test_after_the_end_of_a_restriction_an_estimate_can_be_made_again(session, person):
    restrict_person(session, person, "request")
    lift_restriction(session, person, "request")
    assert load_ground(session).on_hold == {}
    operations = [row["operation"] for row in session.log.rows() if row["subject"]]
    assert operations == ["person.restricted", "person.released_from_restriction"]


def test_nobody_who_is_not_restricted_is_released(session, person):
    with pytest.raises(Refused, match="not restricted"):
        lift_restriction(session, person, "request")


def test_a_restriction_holds_whatever_person_id_linkage_gives_next(session, person):
    restrict_person(session, person, "request")
    with sqlite3.connect(session.workspace.vault) as connection:
        connection.execute("update key_map set person_id = 'pnew' where person_id = ?", (person.person_id,))
    assert set(Rights(session.workspace.rights).on_hold(Vault(session.workspace.vault).key_map())) == {"pnew"}


def test_a_challenge_ends_within_a_month_and_its_page_says_when(session, person):
    with pytest.raises(Refused, match="at the latest"):
        contest_person(session, person, "request", dt.date(2026, 12, 1))
    contest_person(session, person, "request", dt.date(2026, 10, 20))
    hold = load_ground(session).on_hold[person.person_id]
    assert (hold.kind, hold.due) == ("contested", dt.date(2026, 10, 20))
    settle(session, person, "unfounded")
    assert load_ground(session).on_hold == {}


def test_people_on_hold_teach_and_judge_no_model(session, person, monkeypatch):
    """Profiles of three people; one is on hold, and is in no row that a model could learn from."""
    others = [one for one in sorted(set(Vault(session.workspace.vault).key_map()["person_id"]))
              if one != person.person_id][:2]  # fmt: skip
    restrict_person(session, person, "request")
    table = pd.DataFrame({"person_id": [person.person_id, *others], "as_of": pd.Timestamp("2024-04-01"), "x": 1.0})
    built = SimpleNamespace(profiles=SimpleNamespace(table=table))
    seen = {}

    def label(events, rows, definitions, known_by):
        seen["rows"] = rows
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "build_profiles_on", lambda *_: built)
    monkeypatch.setattr(training, "label_outcomes", label)
    with pytest.raises(KeyboardInterrupt):
        training.training_rows(session, load_ground(session), dt.date(2026, 10, 1))
    assert set(seen["rows"]["person_id"]) == set(others)


# Correction


def a_sanction(session, person):
    """The number, the type and the offence code of a police sanction of the person."""
    facts = facts_in(store_of(session), person, "pol_sanction")
    return 1, facts[0].cells["sanction_type"], len(facts)


def sanction_types(session, person):
    rows = read_linked(session.workspace).tables["pol_sanction"]
    own = rows[rows["person_id"] == person.person_id].sort_values(["occurred_on", "offence_code"])
    return own["sanction_type"].tolist()


def test_a_corrected_fact_flows_on_and_the_wrong_value_is_kept_nowhere(session, person):
    row, was, count = a_sanction(session, person)
    right = "caution" if was != "caution" else "conviction"
    before = sanction_types(session, person)
    correct_fact(session, person, Asked("pol_sanction", row, "sanction_type", was, right, False), "request")
    after = sanction_types(session, person)
    assert len(after) == count and after != before and sorted(after).count(right) == before.count(right) + 1
    [kept] = Rights(session.workspace.rights).corrections()
    assert was not in (kept.was, kept.row_key) and kept.value == right


def test_a_correction_holds_when_the_agency_sends_the_wrong_value_again(session, person, extracts):
    row, was, _ = a_sanction(session, person)
    right = "caution" if was != "caution" else "conviction"
    correct_fact(session, person, Asked("pol_sanction", row, "sanction_type", was, right, False), "request")
    corrected = sanction_types(session, person)
    agreement = session.workspace.agreements / "POL-2026.toml"  # another reading, as of a delivery that differs
    agreement.write_text(agreement.read_text(encoding="utf-8").replace("POL-2026", "POL-2026", 1) + "\n# again\n",
                         encoding="utf-8")  # fmt: skip
    store = store_of(session)
    manifest = store.manifest()
    manifest["deliveries"].pop("police")
    store.commit(manifest, because="test")
    take_in(session, extracts)
    link_people(session)
    assert sanction_types(session, person) == corrected


@pytest.mark.slow
def test_a_fact_of_somebody_elses_is_taken_away_and_stays_away(session, person, extracts):
    before = len(sanction_types(session, person))
    correct_fact(session, person, Asked("pol_sanction", 1, "", None, None, True), "request")
    assert len(sanction_types(session, person)) == before - 1
    store = store_of(session)
    manifest = store.manifest()
    manifest["deliveries"].pop("police")
    store.commit(manifest, because="test")
    take_in(session, extracts)
    link_people(session)
    assert len(sanction_types(session, person)) == before - 1


@pytest.mark.parametrize(
    "changed, told",
    [
        ({"table": "no_such"}, "no facts"),
        ({"row": 999}, "no number"),
        ({"field": "agency_person"}, "cannot be put right"),
        ({"was": "wrong"}, "does not say"),
        ({"value": "pardon"}, "would not be accepted"),
        ({"remove": True}, "Name the column"),
    ],
)
def test_a_correction_that_cannot_be_right_is_refused_and_changes_nothing(session, person, changed, told):
    row, was, _ = a_sanction(session, person)
    asked = replace(Asked("pol_sanction", row, "sanction_type", was, "caution", False), **changed)
    before = store_of(session).snapshot_hash()
    with pytest.raises(Refused, match=told):
        correct_fact(session, person, asked, "request")
    assert store_of(session).snapshot_hash() == before and Rights(session.workspace.rights).corrections() == ()


def test_a_correction_ends_the_challenge_and_the_newest_list_loses_the_estimate(session, person, world):
    contest_person(session, person, "request", None)
    row, was, _ = a_sanction(session, person)
    right = "caution" if was != "caution" else "conviction"
    correct_fact(session, person, Asked("pol_sanction", row, "sanction_type", was, right, False), "request")
    assert load_ground(session).on_hold == {}
    assert kept_list(session, world.list_id).entry(person.person_id).step is None


def test_a_name_is_put_right_in_the_vault_and_in_a_later_extract(session, person, extracts):
    rows = identity_of(Vault(session.workspace.vault), person.numbers)
    place = list(person.numbers).index("police") + 1
    was = next(row["surname"] for row in rows if row["source"] == "police")
    with pytest.raises(Refused, match="does not say"):
        correct_fact(session, person, Asked("identity", place, "surname", "Nobody", "Rightly", False), "request")
    correct_fact(session, person, Asked("identity", place, "surname", was, "Rightly", False), "request")
    store = store_of(session)
    manifest = store.manifest()
    manifest["deliveries"].pop("police")
    store.commit(manifest, because="test")
    take_in(session, extracts)
    later = identity_of(Vault(session.workspace.vault), {"police": person.numbers["police"]})
    assert "Rightly" in {row["surname"] for row in later} and was not in {row["surname"] for row in later}


# Retention


def test_what_is_past_its_day_blocks_scoring_until_it_is_kept_or_erased(session):
    assert list(due_causes(on_day(session, "2026-12-29"))) == []  # 90 days after the extracts were cut
    late = on_day(session, "2026-12-30")
    assert {cause.text.split(" of ")[1].split()[0] for cause in due_causes(late)} >= {"police", "probation"}
    assert {cause.text for cause in due_causes(late)} <= {cause.text for cause in gate._own_causes(late)}
    for source in {one.source for one in extract_reviews(late)}:
        keep_longer(late, source, dt.date(2027, 1, 31), "court_case")
    assert list(due_causes(late)) == []
    assert list(due_causes(on_day(session, "2027-02-01"))) != []


def test_a_decision_to_keep_is_recorded_with_who_and_why_and_cannot_be_for_ever(session):
    keep_longer(session, "police", dt.date(2027, 1, 31), "court_case")
    row = next(row for row in session.log.rows() if row["operation"] == "retention.kept")
    assert (row["reason"], row["dataset"], row["actor"]) == ("court_case", "police:2027-01-31", "dpo.one")
    for day in (None, dt.date(2026, 9, 1), dt.date(2030, 1, 1)):
        with pytest.raises(Refused):
            keep_longer(session, "police", day, "court_case")


def test_extracts_past_their_day_are_erased_everywhere(session, person):
    late = on_day(session, "2026-12-30")
    told = remove_overdue(late, "review")
    assert "then desist link" in told and schedule(late).overdue == ()
    assert store_of(session).sources() == () and not list(session.workspace.store.rglob("data/*/*.parquet"))
    assert Vault(session.workspace.vault).key_map().empty
    with sqlite3.connect(session.workspace.equality) as connection:
        assert connection.execute("select count(*) from sent").fetchone() == (0,)
        assert connection.execute("select count(*) from key_map").fetchone() == (0,)
    assert person.all_numbers[0].encode() not in session.workspace.vault.read_bytes()


def test_an_agreement_that_is_gone_keeps_its_extracts_no_longer_than_the_default(session):
    for path in session.workspace.agreements.glob("*.toml"):
        path.unlink()
    assert {(one.review_by - one.extract_date).days for one in extract_reviews(session)} == {90}


def test_old_estimates_are_erased_but_not_the_newest_list(session, world):
    late = on_day(session, "2028-10-02")
    assert {(one.kind, one.name) for one in old_scores(late)} == {("list", world.list_id), ("run", world.run)}
    assert old_scores(on_day(session, "2028-10-01")) == ()
    remove_overdue(late, "review")
    assert list_faults(late, world.list_id) == [] == table_faults(late, world.run)
    assert not (session.workspace.runs / world.run / "scores.parquet").exists()
    (session.workspace.lists / "newest.json").write_text('{"list": "another"}')
    remove_overdue(late, "review")
    assert not (session.workspace.lists / world.list_id).exists() and list_faults(late, world.list_id) == []


# The record


def test_the_record_tells_facts_sources_and_rights_and_nothing_of_others(session, person):
    told = record_of(session, person, whole=True, out=None)
    assert "convictions and cautions" in told and "POL-2026" in told and "Information Commissioner" in told
    assert "sanction type:" in told and "1. " in told
    assert "worker id" not in told and "da flag" not in told and "tell of other people" in told
    assert next(row for row in session.log.rows() if row["operation"] == "person.explained")["subject"]


def test_estimates_are_not_in_the_record_while_the_gate_withholds(session, person):
    told = record_of(session, person, whole=True, out=None)
    assert "estimates are withheld today" in told and "in 10" not in told and "two sanctions" not in told


def test_a_page_of_the_record_lies_outside_the_workspace_for_its_owner_alone(session, person, tmp_path):
    with pytest.raises(Refused, match="outside the workspace"):
        record_of(session, person, whole=True, out=session.workspace.reports / "person.html")
    out = tmp_path / "record.html"
    assert "keep no copy" in record_of(session, person, whole=True, out=out)
    assert out.stat().st_mode & 0o077 == 0 and "<h1>What is held about you</h1>" in out.read_text(encoding="utf-8")


def test_the_record_says_that_something_is_on_hold(session, person):
    contest_person(session, person, "request", dt.date(2026, 10, 20))
    assert "No estimate is made until that is decided, by 20 October 2026" in record_of(
        session, about(session, person.person_id, {}), whole=False, out=None
    )
