"""The leakage check changes only what was recorded on or after the date, holds where nothing leaks, and can fail."""

import datetime as dt
import hashlib
import json
import shutil
from dataclasses import replace

import pandas as pd
import pytest

from desist.features import cohort, derive, events
from desist.features.engines import facts as one_person
from desist.features.engines import reference
from desist.intake.holding.store import Store
from desist.intake.terms.contracts import CONTRACTS
from desist.pipelines import check_leakage, ground, later_facts
from desist.pipelines.later_facts import Counts, Held
from desist.pipelines.leakage_report import Check, Difference, LeakageCheck, Perturbed
from desist.pipelines.session import open_session
from desist.pipelines.steps import link_people, take_in
from desist.pipelines.workspaces import made_up_workspace
from desist.records.errors import Refused
from desist.records.workspace import Workspace
from desist.simulation.write import simulate

AS_OF = dt.date(2025, 9, 30)
TODAY = dt.date(2026, 10, 1)


def linked_workspace(folder, **world):
    """A session in a workspace with a made-up partnership's extracts, taken in and linked; nobody has signed."""
    simulate(folder / "sent", people=300, seed=5, **world)
    workspace = made_up_workspace(folder / "w", today=TODAY, first_as_of=dt.date(2021, 4, 1), seed=1, key=bytes(32))
    for path in (folder / "sent" / "agreements").glob("*.toml"):
        shutil.copy(path, workspace.agreements)
    session = open_session(workspace, actor="test", say=lambda text: None)
    take_in(session, folder / "sent" / "extracts")
    link_people(session)
    return session


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    return linked_workspace(tmp_path_factory.mktemp("leakage"))


@pytest.fixture(scope="module")
def checked(session):
    """The check on the day it chooses itself, and the workspace's files before and after it."""
    before = files(session.workspace.root)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(check_leakage, "estimate", estimate_without_a_release)
        found = check_leakage.check_leakage(session, [], seed=1)
    return found, before, files(session.workspace.root)


def estimate_without_a_release(*args):
    raise AssertionError("an estimate was made without a release")


def files(root):
    """Every file but the log and its head, with a hash of its content."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name not in ("desist.db", "desist.head")
    }


def places(found):
    """Perturbation -> the places that moved."""
    return {one.name: {difference.place for difference in one.differences} for one in found.checks[0].perturbed}


# --- it holds


def test_nothing_recorded_later_moves_anything_and_the_check_says_what_it_compared(checked):
    found, _, _ = checked
    (check,) = found.checks
    assert check.as_of == AS_OF and found.snapshot == dt.date(2026, 9, 30)
    assert check.people > 50 and len(check.features) > 50
    assert [one.name for one in check.perturbed] == ["append", "move", "hide"]
    for one in check.perturbed:
        assert one.tested and not one.differences
        assert one.compared["profile cells"] == check.people * len(check.features)
        assert one.compared["list cells"] >= 10 * check.people and one.compared["needs waiting"] > 20
    told = found.as_text()
    assert "as of 2025-09-30, one year before the snapshot of 2026-09-30, seed 1" in told
    assert "0 differences" in told and "moved anybody in or out, a profile or a list" in told
    assert found.as_json()["held"] is True
    found.raise_if_failed()


def test_the_check_shows_that_it_could_have_failed_for_nearly_every_feature_and_names_the_others(checked):
    (check,) = checked[0].checks
    assert {"who is in the cohort", "list of cases to review, order"} <= {one.place for one in check.control}
    blind, told = check.features_not_tested(), checked[0].as_text()
    assert len(blind) <= 3, "in a store of 300 people a rare kind of spell may be about nobody in scope"
    assert f"{len(check.features) - len(blind)} of {len(check.features)} features, who is in the cohort" in told
    assert all(f"not tested: feature {name} (asks " in told for name in blind)


def test_every_table_with_recorded_dates_is_appended_to_moved_and_hidden(checked):
    found, _, _ = checked
    counts = {one.name: one.counts for one in found.checks[0].perturbed}
    sent = set(CONTRACTS) - {"trt_outcome_profile"}  # the made-up services write none
    assert set(counts["append"]) == {name for name in sent if CONTRACTS[name].held_in == "store"}
    for table in ("pol_sanction", "prob_event", "prob_assessment", "prob_contact", "support_referral", "trt_episode"):
        assert counts["append"][table].rows >= later_facts.ROWS_AT_LEAST
        assert counts["move"][table] == counts["hide"][table] and counts["hide"][table].rows > 0
    for table in ("prob_event", "prob_registration", "prob_requirement", "support_referral", "prob_contact"):
        assert counts["hide"][table].facts > 0
    for table in ("prob_event", "prob_registration", "support_referral"):
        assert counts["append"][table].facts > 0


def test_the_workspace_is_only_read_and_the_copies_are_removed(checked, session, tmp_path, monkeypatch):
    _, before, after = checked
    assert before == after
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with check_leakage._copied(session) as copy:
        assert copy.store.exists() and tmp_path in copy.store.parents
    assert not list(tmp_path.iterdir())


def test_without_a_release_no_estimate_is_made(checked):
    found, _, _ = checked  # made with an estimate() that fails
    assert "No estimates: no release in force." in found.as_text()
    assert found.as_json()["estimates"] == {"compared": False, "release": ""}
    assert "estimates" not in found.checks[0].perturbed[0].compared


def test_nothing_leaks_either_where_only_probation_shares(tmp_path):
    found = check_leakage.check_leakage(linked_workspace(tmp_path, sharing="probation_only"), [AS_OF], seed=3)
    assert not found.leaks and set(found.checks[0].rows) == {
        name for name, contract in CONTRACTS.items() if contract.sources == ("probation",) and contract.event
    } | {"prob_person"}


OWN_FEATURE = """
[[feature]]
name = "recent_share_of_offences"
definition = 'count(offences, within="1y") / count(offences, within="5y")'
family = "pace of offending"
justification = "Offending that is speeding up is linked with proven reoffending; it falls as time passes."
raises = "share of offences in the last year: {value}"
lowers = "share of offences in the last year: {value}"
sign = 0
kind = "history"
"""


def test_a_partnerships_own_feature_is_compared_too(session, monkeypatch):
    monkeypatch.setattr(check_leakage, "PERTURBATIONS", {"append": later_facts.appended})
    session.workspace.features.write_text(OWN_FEATURE, encoding="utf-8")
    try:
        (check,) = check_leakage.check_leakage(session, [AS_OF], seed=1).checks
    finally:
        session.workspace.features.unlink()
    assert check.features["recent_share_of_offences"] == ("offences",)
    assert "recent_share_of_offences" not in check.features_not_tested()
    assert check.perturbed[0].compared["profile cells"] == check.people * len(check.features)


# --- it can fail: planted leaks


@pytest.fixture
def check_on(session, monkeypatch):
    """The check with one perturbation, or some, on the date."""

    def run(*names):
        chosen = {name: check_leakage.PERTURBATIONS[name] for name in names}
        monkeypatch.setattr(check_leakage, "PERTURBATIONS", chosen)
        return check_leakage.check_leakage(session, [AS_OF], seed=1)

    return run


def refusal(found):
    with pytest.raises(Refused) as refused:
        found.raise_if_failed()
    assert refused.value.exit_code == 2 and found.as_json()["held"] is False and "LEAK" in found.as_text()
    return str(refused.value)


def test_an_engine_that_sees_the_as_of_date_itself_is_found(check_on, monkeypatch):
    monkeypatch.setattr(one_person, "is_known", lambda recorded_on, as_of: recorded_on <= as_of)
    monkeypatch.setattr(ground, "build_profiles", reference.build_profiles)
    found = check_on("append")
    moved = places(found)["append"]
    assert {"feature proven_offences_2y", "feature appointments_kept_1y"} <= moved
    assert all(place.startswith("feature ") for place in moved), "the list has a rule of its own"
    assert "feature proven_offences_2y (asks offences): found" in refusal(found)


def test_any_engine_that_is_given_records_a_day_early_is_found(check_on, monkeypatch):
    """The same leak before the engine, whichever it is: every record counts as made a day sooner."""
    real = ground.build_profiles

    def leaking(held, rows, register, *rest):
        early = {
            name: table.assign(recorded_on=table["recorded_on"] - pd.Timedelta(days=1))
            for name, table in held.tables.items()
        }
        return real(replace(held, tables=early), rows, register, *rest)

    monkeypatch.setattr(ground, "build_profiles", leaking)
    moved = places(check_on("move"))["move"]
    assert "feature proven_offences_2y" in moved
    assert all(place.startswith("feature ") for place in moved)


def test_a_list_that_sees_the_as_of_date_itself_is_found_and_told_without_a_person(check_on, session, monkeypatch):
    monkeypatch.setattr(events, "recorded_before", lambda stamps, as_of: stamps <= pd.Timestamp(as_of))
    found = check_on("append")
    assert {"who is in the cohort", "list of cases to review, changed"} <= places(found)["append"]
    assert "list of cases to review, order: found" in refusal(found)
    told = refusal(found) + found.as_text() + json.dumps(found.as_json())
    links, _ = Store(session.workspace.store).links()
    assert not [name for name in (*links["person_id"], *links["agency_person"]) if name in told]
    assert "made-up-" not in told


def test_a_source_that_knows_people_before_it_recorded_anything_of_them_is_found(check_on, monkeypatch):
    monkeypatch.setattr(
        events.Events, "knows", lambda self, source, person, as_of: person in self.known.get(source, {})
    )
    assert "list of cases to review, sources_known" in places(check_on("hide"))["hide"]


def test_a_cohort_that_reads_what_was_learnt_later_is_found(check_on, monkeypatch):
    """Spells closed by an end nobody had recorded yet: rows are filtered, what was learnt later is not emptied."""
    real = events.Events.visible

    def leaking(self, name, as_of):
        seen = real(self, name, as_of)
        whole = self.tables.get(name, seen)
        return seen.assign(**{field: whole[field].loc[seen.index] for field in self.contracts[name].learnt_later})

    monkeypatch.setattr(events.Events, "visible", leaking)
    found = check_on("append", "hide")
    moved = places(found)
    assert {"who is in the cohort", "who is left out", "list of support waiting"} <= moved["append"]
    assert {"list of cases to review, next_contact", "list of support waiting"} <= moved["hide"]
    told = refusal(found)
    assert "who is in the cohort: found" in told and "moved by append" in told and "moved by hide" in told


def test_a_derived_table_that_forgets_a_later_date_is_found(check_on, monkeypatch):
    """The early end of a sentence counts as known since the sentence was recorded."""
    real = derive.supervision

    def leaking(*given):
        made = real(*given)
        return made.assign(terminated_recorded_on=made["recorded_on"].where(made["terminated"].notna()))

    monkeypatch.setattr(derive, "supervision", leaking)
    moved = places(check_on("move"))["move"]
    assert {"feature on_suspended_sentence", "who is in the cohort"} <= moved


def test_a_cohort_that_lets_in_whoever_is_ever_recorded_is_found_by_people_who_do_not_exist(check_on, monkeypatch):
    real = cohort.open_spells

    def leaking(held, name, as_of):
        return real(held, name, dt.date(2026, 9, 1))

    monkeypatch.setattr(cohort, "open_spells", leaking)
    assert "who is in the cohort" in places(check_on("append"))["append"]


# --- it is no pass where it could not fail


def test_a_date_after_every_record_is_no_pass(session, monkeypatch):
    monkeypatch.setattr(check_leakage, "PERTURBATIONS", {"append": later_facts.appended, "hide": later_facts.hidden})
    found = check_leakage.check_leakage(session, [TODAY], seed=1)
    assert not found.leaks and [one.tested for one in found.checks[0].perturbed] == [True, False]
    assert "not tested: pol_sanction (hide): nothing recorded on or after the date" in found.as_text()
    assert found.as_json()["held"] is False
    with pytest.raises(Refused, match="could not fail"):
        found.raise_if_failed()


def test_a_date_before_everybody_is_refused_because_nothing_would_be_compared(session):
    with pytest.raises(Refused, match="Nobody is in scope on 2010-01-01"):
        check_leakage.check_leakage(session, [dt.date(2010, 1, 1)], seed=1)


CONTROL = (Difference("list of cases to review, changed", 1, 2),)


def test_a_table_in_which_nothing_is_later_and_a_feature_no_record_moves_are_named_as_not_tested():
    counts = {"pol_sanction": Counts(3, 0), "asb_outcome": Counts(0, 0)}
    one = Perturbed("hide", counts, {"people": 2}, ())
    check = Check(AS_OF, 2, 0, {"on_licence": ("supervision",)}, CONTROL, {"pol_sanction": 9, "asb_outcome": 4}, (one,))
    found = LeakageCheck((check,), dt.date(2026, 9, 30), 1, chosen=False, release="")
    assert check.not_tested() == {"asb_outcome": ["hide"]}
    assert "not tested: asb_outcome (hide): nothing recorded on or after the date" in found.as_text()
    assert "3 + 0" in found.as_text() and found.as_json()["held"] is True
    assert "not tested: feature on_licence (asks supervision)" in found.as_text()
    assert found.as_json()["checks"][0]["features_not_tested"] == ["on_licence"]
    assert "one year before" not in found.as_text()


def test_a_date_on_which_nothing_could_have_moved_is_no_pass():
    one = Perturbed("append", {"pol_sanction": Counts(3, 0)}, {"people": 2}, ())
    check = Check(AS_OF, 2, 0, {"on_licence": ("supervision",)}, (), {"pol_sanction": 9}, (one,))
    found = LeakageCheck((check,), dt.date(2026, 9, 30), 1, chosen=False, release="")
    assert found.as_json()["held"] is False and "Not a pass" in found.as_text()
    with pytest.raises(Refused, match="the check could not fail"):
        found.raise_if_failed()


def test_a_store_that_is_not_linked_is_refused(tmp_path):
    workspace = made_up_workspace(tmp_path / "w", today=TODAY, first_as_of=AS_OF, seed=1, key=bytes(32))
    empty = open_session(workspace, actor="test", say=lambda text: None)
    with pytest.raises(Refused, match="desist link"):
        check_leakage.check_leakage(empty, [], seed=1)


# --- the copies


def as_then_known(rows, table, snapshot):
    """What somebody saw of a table before AS_OF, worked out row by row: the judge of "nothing earlier is touched"."""
    seen = []
    for row in rows.to_dict("records"):
        if row["recorded_on"] >= pd.Timestamp(AS_OF):
            continue
        for column in CONTRACTS[table].columns:
            if column.known_from and not pd.isna(row[column.name]):
                learnt = row[column.known_from]
                if (pd.Timestamp(snapshot) if pd.isna(learnt) else learnt) >= pd.Timestamp(AS_OF):
                    row[column.name] = None
        stamps = {column.known_from for column in CONTRACTS[table].columns if column.known_from}
        seen.append(tuple("" if pd.isna(row[name]) else str(row[name]) for name in row if name not in stamps))
    return sorted(seen)


@pytest.mark.parametrize("name", ["append", "move", "hide"])
def test_nothing_recorded_before_the_date_is_touched_in_any_table(session, name):
    held = Held.of(Store(session.workspace.store))
    members = held.links["person_id"].tolist()[:50]
    changed = {
        "append": lambda: later_facts.appended(held, AS_OF, members, seed=4),
        "move": lambda: later_facts.moved(held, AS_OF, [], seed=4),
        "hide": lambda: later_facts.hidden(held, AS_OF, [], seed=4),
    }[name]()
    for table in ("pol_charge", "pris_spell", "prob_event", "prob_requirement", "support_referral", "trt_episode",
                  "trt_intervention", "programme", "iom_cohort", "prob_person", "prob_enforcement"):  # fmt: skip
        snapshot = held.snapshots[CONTRACTS[table].sources[0]]
        before = as_then_known(held.tables[table], table, snapshot)
        assert as_then_known(changed.tables[table], table, snapshot) == before, table
        assert not changed.tables[table].equals(held.tables[table]), table


def test_a_changed_copy_reads_back_as_it_was_made_under_another_hash(session, tmp_path):
    copy = Workspace(tmp_path / "copy")
    shutil.copytree(session.workspace.store, copy.store)
    store = Store(copy.store)
    before, held = store.snapshot_hash(), Held.of(store)
    hidden = later_facts.hidden(held, AS_OF, [], seed=1)
    later_facts.write_changed(store, hidden)
    assert store.verify() == [] or all("quarantine" in wrong for wrong in store.verify())
    assert store.snapshot_hash() != before and store.snapshot_date("police") == dt.date(2025, 9, 29)
    for table, rows in hidden.tables.items():
        again = store.read(table)
        assert len(again) == len(rows) and again.dtypes.to_dict() == held.tables[table].dtypes.to_dict()
