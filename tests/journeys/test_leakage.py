"""Nothing recorded on or after the as-of date changes a profile, from the agencies' files to the profile."""

import datetime as dt
import json
import shutil
from dataclasses import replace

import pandas as pd
import pytest

from desist.features.engines.reference import build_profiles
from desist.features.events import Events
from desist.features.outcomes import PROVEN_REOFFENDING, label_outcomes
from desist.pipelines import check_leakage, later_facts
from desist.pipelines.ground import load_ground
from desist.pipelines.session import open_session
from desist.pipelines.steps import link_people, take_in
from desist.pipelines.training import OUTCOME, training_rows
from desist.pipelines.workspaces import made_up_workspace

AS_OF = dt.date(2025, 4, 1)
TODAY = dt.date(2026, 10, 1)
STATES = ("identity", "equality", "trt_client")


@pytest.fixture(scope="module")
def sent(desist, tmp_path_factory):
    folder = tmp_path_factory.mktemp("leak") / "sent"
    assert desist("simulate", folder, "--people", 500, "--seed", 12).returncode == 0
    return folder


def ground_of(files, agreements, root):
    """The linked events of some agencies' files."""
    workspace = made_up_workspace(root, today=TODAY, first_as_of=dt.date(2021, 4, 1), seed=1, key=bytes(32))
    for path in agreements.glob("*.toml"):
        shutil.copy(path, workspace.agreements)
    session = open_session(workspace, actor="test", say=lambda text: None)
    take_in(session, files)
    link_people(session)
    return session, load_ground(session)


def cut_on(folder, day):
    """The files as extracts cut on ``day`` would have been: later rows gone, what was learnt later empty."""
    for path in folder.rglob("*.csv"):
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        if path.stem in STATES:
            continue
        for stamp in (name for name in table if name.endswith("_recorded_on")):
            learnt = [stamp.removesuffix("_recorded_on")]
            learnt = {"discharge": ["discharge_date", "discharge_reason"], "release": ["release", "release_type"]}.get(
                learnt[0], learnt
            )
            if path.stem == "trt_intervention":
                learnt = ["end", "exit_status"]
            if path.stem == "programme" and stamp == "end_recorded_on":
                learnt = ["end", "outcome"]
            late = table[stamp] >= day.isoformat()
            table.loc[late, [stamp, *[name for name in learnt if name in table]]] = ""
        table[table["recorded_on"] < day.isoformat()].to_csv(path, index=False)


def profiles_on(ground, day):
    return build_profiles(ground.events, ground.cohort(day).members, ground.register).table.sort_values("person_id")


def test_an_extract_cut_on_the_as_of_date_gives_the_same_caseload_and_profiles(sent, tmp_path):
    _, whole = ground_of(sent / "extracts", sent / "agreements", tmp_path / "whole")
    files = tmp_path / "files"
    shutil.copytree(sent / "extracts", files)
    cut_on(files, AS_OF)
    _, cut = ground_of(files, sent / "agreements", tmp_path / "cut")
    before, after = profiles_on(cut, AS_OF), profiles_on(whole, AS_OF)
    assert len(before) > 80
    pd.testing.assert_frame_equal(before.reset_index(drop=True), after.reset_index(drop=True))
    left = [set(ground.cohort(AS_OF).left_out["person_id"]) for ground in (cut, whole)]
    assert left[0] <= left[1]


def test_a_later_record_does_change_what_is_known_later(sent, tmp_path):
    """The test above could pass on features that never change: here they must."""
    _, ground = ground_of(sent / "extracts", sent / "agreements", tmp_path / "w")
    both = profiles_on(ground, AS_OF).merge(profiles_on(ground, dt.date(2025, 10, 1)), on="person_id")
    assert (both["proven_offences_2y_x"] != both["proven_offences_2y_y"]).mean() > 0.2


def test_somebody_who_turns_18_tomorrow_is_absent_today(sent, tmp_path):
    """Move one person's birth date: supervised all the same, on the list from the birthday and not a day before."""
    files = tmp_path / "files"
    shutil.copytree(sent / "extracts", files)
    _, ground = ground_of(files, sent / "agreements", tmp_path / "before")
    person = str(ground.cohort(TODAY).members["person_id"].iloc[0])
    key_map = ground.vault.key_map()
    numbers = set(key_map.loc[key_map["person_id"] == person, "agency_person"])
    tomorrow = TODAY + dt.timedelta(days=1)
    for path in files.rglob("identity.csv"):
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        mine = table["agency_person"].isin(numbers)
        table.loc[mine, "dob"] = tomorrow.replace(year=tomorrow.year - 18).isoformat()
        table.to_csv(path, index=False)
    _, young = ground_of(files, sent / "agreements", tmp_path / "after")
    assert person not in set(young.cohort(TODAY).members["person_id"])
    assert not young.is_adult([person], TODAY).iloc[0] and young.is_adult([person], tomorrow).iloc[0]


def test_a_label_that_is_not_mature_is_missing_and_teaches_nothing(sent, tmp_path):
    session, ground = ground_of(sent / "extracts", sent / "agreements", tmp_path / "w")
    training = training_rows(session, ground, TODAY)
    mature = training.table["as_of"] + pd.Timedelta(days=365 + 182 + session.settings.data_lag_days)
    assert (mature <= pd.Timestamp(TODAY)).all()
    young = training.outcomes.table[training.outcomes.table["as_of"] >= pd.Timestamp("2025-04-01")]
    assert len(young) and young[OUTCOME].isna().all()


def test_custody_after_the_as_of_date_removes_nobody_and_shortens_nothing(sent, tmp_path):
    _, ground = ground_of(sent / "extracts", sent / "agreements", tmp_path / "w")
    day = dt.date(2024, 4, 1)
    rows = ground.cohort(day).members
    spells = ground.events.tables["custody"]
    later = set(spells.loc[spells["occurred_on"].between("2024-04-01", "2025-03-31"), "person_id"])
    assert later & set(rows["person_id"])
    labels = label_outcomes(ground.events, rows, [PROVEN_REOFFENDING], known_by=TODAY).table
    assert set(labels["person_id"]) == set(rows["person_id"])
    known = labels[labels["person_id"].isin(later) & labels["why_missing"].eq("")]
    assert known["proven_reoffending"].notna().all()


def test_an_extract_that_is_too_old_to_tell_gives_no_label(sent, tmp_path):
    """Cut the extracts in June 2025: of October 2024's caseload nobody can know yet, whatever today's date is."""
    _, ground = ground_of(sent / "extracts", sent / "agreements", tmp_path / "w")
    rows = ground.cohort(dt.date(2024, 10, 1)).members
    old = replace(ground.events, snapshots=dict.fromkeys(ground.events.snapshots, dt.date(2025, 6, 30)))
    assert label_outcomes(ground.events, rows, [PROVEN_REOFFENDING], known_by=TODAY).table[OUTCOME].notna().any()
    assert label_outcomes(old, rows, [PROVEN_REOFFENDING], known_by=TODAY).table[OUTCOME].isna().all()


def files_of(workspace):
    """Every file but the log and its head, which note that the gate was asked."""
    return {
        path.relative_to(workspace): path.read_bytes()
        for path in workspace.rglob("*")
        if path.is_file() and path.name not in ("desist.db", "desist.head")
    }


def test_an_analyst_shows_that_nothing_recorded_later_moves_the_list_or_an_estimate(quarter, monkeypatch):
    before = files_of(quarter.workspace)
    monkeypatch.setattr(check_leakage, "PERTURBATIONS", {"append": later_facts.appended})
    ran = quarter.do("check", "leakage", "--as-of", "2026-01-01", "--json")
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["held"] and told["estimates"] == {"compared": True, "release": quarter.release}
    (checked,) = told["checks"]
    assert checked["people"] > 200 and checked["perturbations"]["append"]["compared"]["estimates"] == checked["people"]
    assert len(checked["features_not_tested"]) <= 3
    assert files_of(quarter.workspace) == before, "no estimate and no copy stays behind"


def test_while_estimates_are_withheld_the_check_makes_none_and_finds_a_leak_in_the_list(quarter, monkeypatch):
    quarter.without_sign_offs()
    monkeypatch.setattr(check_leakage, "PERTURBATIONS", {"append": later_facts.appended})
    ran = quarter.do("check", "leakage")
    assert ran.returncode == 0, ran.stderr
    assert "as of 2025-09-30, one year before the snapshot" in ran.stdout and "No estimates" in ran.stdout
    monkeypatch.setattr(Events, "knows", lambda self, source, person, as_of: person in self.known.get(source, {}))
    ran = quarter.do("check", "leakage")
    assert ran.returncode == 2 and "LEAK" in ran.stdout
    assert "list of cases to review, sources_known: found" in ran.stderr and "moved by append" in ran.stderr
