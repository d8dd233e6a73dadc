"""The agencies' files as sent: what they hold, what they know when, and what intake must refuse."""

import datetime as dt
import filecmp
import tomllib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from desist.intake.terms.agreements import load_agreements
from desist.intake.terms.contracts import CONTRACTS
from desist.records import codes
from desist.records.errors import Refused
from desist.simulation.noise import Noise
from desist.simulation.world import World
from desist.simulation.write import AREA_WITHOUT_POLICE, simulate

CUT = "2026-09-30"
#: Tables about no person, and what people disclose in treatment, which no feature may use: the made-up world has none.
NOT_MADE = {name for name, contract in CONTRACTS.items() if contract.held_in == "aggregate"} | {"trt_outcome_profile"}


def table(folder, source, name):
    return pd.read_csv(folder / "extracts" / source / f"{name}.csv", dtype=str, keep_default_na=False)


def sent_tables(folder):
    for delivery in sorted((folder / "extracts").glob("*/delivery.toml")):
        head = tomllib.loads(delivery.read_text(encoding="utf-8"))
        for entry in head["file"]:
            yield head["source"], entry["table"], table(folder, head["source"], entry["table"])


def files_under(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def test_every_table_of_the_five_sources_is_sent_with_the_columns_of_its_contract(small):
    found = {(source, name): list(frame.columns) for source, name, frame in sent_tables(small)}
    made = [contract for contract in CONTRACTS.values() if contract.table not in NOT_MADE]
    assert set(found) == {(source, contract.table) for contract in made for source in contract.sources}
    for (_, name), columns in found.items():
        assert set(columns) == set(CONTRACTS[name].names)


def test_no_row_was_recorded_after_the_extract_was_cut(small):
    for _, name, frame in sent_tables(small):
        for column in frame.columns:
            if column.endswith("recorded_on"):
                assert frame[column].max() <= CUT, (name, column)


def test_no_event_was_recorded_before_it_happened_but_appointments_are_made_ahead(small):
    for _, name, frame in sent_tables(small):
        if "occurred_on" in frame and name != "prob_contact":
            assert (frame["recorded_on"] >= frame["occurred_on"]).all(), name
    assert (table(small, "probation", "prob_contact").eval("recorded_on < occurred_on")).any()


def test_some_facts_are_entered_months_late_unless_that_is_off(small, tmp_path):
    def slowest(folder):
        sanctions = table(folder, "police", "pol_sanction")
        lag = pd.to_datetime(sanctions["recorded_on"]) - pd.to_datetime(sanctions["sanction_date"])
        return lag.dt.days.max()

    simulate(tmp_path, people=100, seed=1, world=replace(World(), late_recording=0.0))
    assert slowest(small) > 60 and slowest(tmp_path) <= 30


def test_what_is_learnt_later_is_empty_until_it_was_recorded(small):
    for _, name, frame in sent_tables(small):
        for column in CONTRACTS[name].columns:
            if column.known_from:
                assert (frame[column.name][frame[column.known_from] == ""] == "").all(), (name, column.name)


def test_plans_lie_ahead_and_nothing_else_does(small):
    assert table(small, "probation", "prob_event")["sentence_end"].max() > CUT
    contacts = table(small, "probation", "prob_contact")
    ahead = contacts[contacts["occurred_on"] > CUT]
    assert {"office", "review"} <= set(ahead["type"]) and set(ahead["attended"]) == {""}
    for _, name, frame in sent_tables(small):
        for column in CONTRACTS[name].columns:
            if column.kind == "date" and not column.plan:
                assert frame[column.name].max() <= CUT, (name, column.name)


def test_nobody_books_an_appointment_beyond_the_order_of_the_moment(small, truth):
    """A booking beyond the last day of every order begun by then would tell of a sanction still to come."""
    links = truth.links[truth.links["source"] == "probation"]
    contacts = table(small, "probation", "prob_contact").reset_index(names="row").merge(links, on="agency_person")
    contacts = contacts[contacts["recorded_on"] < contacts["occurred_on"]]
    spells = truth.schedules[truth.schedules["kind"].isin(["supervised", "listed"])].astype(str)
    pairs = contacts.merge(spells, on="person")
    covered = (pairs["start"] <= pairs["recorded_on"]) & (pairs["end"] > pairs["occurred_on"])
    assert set(contacts["row"]) == set(pairs["row"][covered])


def test_the_history_runs_over_eight_years(small):
    sanctions = table(small, "police", "pol_sanction")
    usual = sanctions[sanctions["offence_code"] != "01809"]
    assert usual["sanction_date"].min() >= "2018-10-01"
    assert usual["sanction_date"].min() < "2019-01-01" and usual["sanction_date"].max() > "2026-07-01"


def test_a_prison_sentence_is_sent_as_custody_then_licence_then_supervision_to_a_year_after_release(small):
    events = table(small, "probation", "prob_event").set_index("event_id")
    for event_id, custody in events[events["sentence_type"] == "CUSTODY"].iterrows():
        licence = events.loc[event_id[:-1] + "L"] if event_id[:-1] + "L" in events.index else None
        if licence is None:
            continue  # not yet released, or not yet entered
        assert custody["sentence_start"] < licence["sentence_start"] < licence["sentence_end"]
        assert custody["sentence_end"] == licence["sentence_end"]
        if (after := event_id[:-1] + "P") in events.index:
            assert events.loc[after, "sentence_start"] == licence["sentence_end"]


def test_treatment_sends_initials_only(small):
    clients = table(small, "treatment", "identity")
    assert clients["forename"].str.fullmatch("[A-Z]").all() and clients["surname"].str.fullmatch("[A-Z]").all()
    assert set(clients["postcode"]) == {""} and set(clients["pnc"]) == {""}


def test_treatment_sends_rows_of_people_who_withhold_consent(small):
    clients = table(small, "treatment", "trt_client")
    withheld = clients["agency_person"][clients["consent"] == "false"]
    assert 0.1 < len(withheld) / len(clients) < 0.35
    assert set(withheld) <= set(table(small, "treatment", "trt_episode")["agency_person"])


def test_police_send_a_few_people_who_are_victims_only(small):
    people = table(small, "police", "identity")
    victims = set(people["agency_person"][people["subject_category"] == "victim"])
    sanctions = table(small, "police", "pol_sanction")
    assert victims and victims == set(sanctions["agency_person"][sanctions["subject_category"] == "victim"])
    assert not victims & set(people["agency_person"][people["subject_category"] == "convicted"])


def test_some_people_have_childhood_records_and_some_turn_18_about_the_list_date(middling):
    people = table(middling, "probation", "identity")
    birthday = pd.to_datetime(people["dob"]) + pd.DateOffset(years=18)
    for turned in ("2026-10-01", "2026-10-02", "2026-09-30"):
        assert (birthday == turned).any(), turned
    police = table(middling, "police", "identity").set_index("agency_person")["dob"]
    sanctions = table(middling, "police", "pol_sanction")
    age = pd.to_datetime(sanctions["occurred_on"]) - pd.to_datetime(sanctions["agency_person"].map(police))
    assert (age.dt.days < 18 * 365).sum() > 20


def test_referrals_wait_without_an_offer(small):
    referrals = table(small, "probation", "support_referral")
    assert 0.1 < (referrals["offered"] == "").mean() < 0.8
    assert set(referrals["need"]) <= set(codes.NEED_SECTIONS)


def test_needs_are_assessed_section_by_section_and_two_have_no_score(small):
    sections = table(small, "probation", "prob_assessment")
    assert set(sections["section"]) == set(codes.NEED_SECTIONS)
    unscored = sections["section"].isin(["finance", "wellbeing"])
    assert set(sections["score"][unscored]) == {""}
    assert 0.9 < (sections["score"][~unscored] != "").mean() < 1
    for name, limits in codes.NEED_SECTIONS.items():
        if limits is not None:
            score = pd.to_numeric(sections["score"][sections["section"] == name])
            assert 0.2 < (score.dropna() >= limits[0]).mean() < 0.9, name


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_people(tmp_path):
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        simulate(tmp_path / name, people=120, seed=seed)
    files = files_under(tmp_path / "a")
    assert files == files_under(tmp_path / "b")
    same, different, errors = filecmp.cmpfiles(tmp_path / "a", tmp_path / "b", files, shallow=False)
    assert len(same) == len(files) and not different and not errors
    other = (tmp_path / "c" / "extracts" / "police" / "identity.csv").read_bytes()
    assert other != (tmp_path / "a" / "extracts" / "police" / "identity.csv").read_bytes()


def test_a_partnership_replaces_an_older_one_and_leaves_other_files_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    simulate(tmp_path, people=30, seed=1)
    simulate(tmp_path, people=30, seed=2, sharing="probation_only")
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert [path.name for path in (tmp_path / "extracts").iterdir()] == ["probation"]
    assert [path.name for path in (tmp_path / "agreements").iterdir()] == ["PROB-2026.toml"]


@pytest.mark.parametrize("people", [1, 2, 7, 137])
def test_any_number_of_people_can_be_made(tmp_path, people):
    simulate(tmp_path, people=people, seed=5)
    assert len(pd.read_parquet(tmp_path / "truth" / "people.parquet")) == people
    assert len(load_agreements(tmp_path / "agreements")) == 5


def test_a_shorter_history_can_be_made(tmp_path):
    simulate(tmp_path, people=80, seed=5, history_start=dt.date(2021, 1, 1), extract_date=dt.date(2023, 6, 30))
    for _, name, frame in sent_tables(tmp_path):
        assert frame["recorded_on"].max() <= "2023-06-30", name
    chances = pd.read_parquet(tmp_path / "truth" / "chances.parquet")
    assert str(chances["as_of"].max()) == "2023-07-01" and str(chances["as_of"].min()) == "2021-04-01"


@pytest.mark.parametrize(("settings", "word"), [({"people": 0}, "0 people"), ({"sharing": "some"}, "sharing 'some'")])
def test_what_cannot_be_made_is_refused_with_the_mend(tmp_path, settings, word):
    with pytest.raises(Refused, match=word):
        simulate(tmp_path / "new", **({"people": 10, "seed": 1} | settings))
    assert not (tmp_path / "new").exists()


def test_without_treatment_data_there_is_neither_extract_nor_agreement(tmp_path):
    simulate(tmp_path, people=60, seed=1, sharing="no_treatment")
    assert not (tmp_path / "extracts" / "treatment").exists()
    assert set(load_agreements(tmp_path / "agreements")) == {"PROB-2026", "PRIS-2026", "POL-2026", "COUN-2026"}


def test_sharing_less_changes_no_other_agencys_files(small, tmp_path):
    simulate(tmp_path, people=500, seed=11, sharing="no_police_in_one_area")
    for source in ("probation", "prison", "treatment", "council"):
        files = files_under(small / "extracts" / source)
        same, *_ = filecmp.cmpfiles(small / "extracts" / source, tmp_path / "extracts" / source, files, shallow=False)
        assert len(same) == len(files)


def test_police_know_nobody_of_the_area_they_do_not_share(tmp_path):
    simulate(tmp_path, people=400, seed=2, sharing="no_police_in_one_area")
    people = pd.read_parquet(tmp_path / "truth" / "people.parquet")
    links = pd.read_parquet(tmp_path / "truth" / "links.parquet").merge(people, on="person")
    assert AREA_WITHOUT_POLICE not in set(links["area"][links["source"] == "police"])
    assert AREA_WITHOUT_POLICE in set(links["area"][links["source"] == "probation"])
    numbers = set(links["agency_person"][links["source"] == "police"])
    for name in ("pol_sanction", "pol_charge"):
        rows = table(tmp_path, "police", name)
        assert set(rows["agency_person"][rows["subject_category"] == "convicted"]) <= numbers


def test_numbers_say_nothing_about_who_is_who_in_another_agency(truth):
    numbers = truth.links.assign(digits=truth.links["agency_person"].str[2:].astype(int))
    wide = numbers.drop_duplicates(["person", "source"]).pivot(index="person", columns="source", values="digits")
    assert np.abs(wide.corr().to_numpy()[~np.eye(5, dtype=bool)]).max() < 0.35


def test_some_identifiers_are_missing_or_wrong_unless_that_is_off(tmp_path):
    world = replace(World(), missing_pnc=0.1, wrong_letter=0.1, second_number=0.1, noise=Noise.none())
    for name, settings in (("on", world), ("off", replace(world, missing_pnc=0, wrong_letter=0, second_number=0))):
        simulate(tmp_path / name, people=400, seed=6, world=settings)
    from desist.records.identifiers import is_pnc

    def counts(folder):
        pnc = table(folder, "probation", "identity")["pnc"]
        police = table(folder, "police", "identity")
        police = police[police["subject_category"] == "convicted"]
        return (pnc == "").mean(), (pnc != "").sum() - pnc.map(is_pnc).sum(), len(police) - 400

    missing, wrong, second = counts(tmp_path / "on")
    assert missing > 0.05 and wrong > 10 and second > 20
    assert counts(tmp_path / "off") == (0, 0, 0)


def test_intake_takes_all_of_it_but_what_it_must_refuse(small, tmp_path):
    from desist.intake.reading.read import read_extracts
    from desist.records.log import EventLog
    from desist.records.workspace import Workspace

    workspace = Workspace(tmp_path / "workspace")
    workspace.create()
    workspace.agreements.mkdir(parents=True, exist_ok=True)
    for path in (small / "agreements").iterdir():
        (workspace.agreements / path.name).write_bytes(path.read_bytes())
    now = dt.datetime(2026, 10, 1, 9, 0, tzinfo=dt.UTC)
    report = read_extracts(
        small, workspace, today=now.date(), purpose="iom_selection_support",
        log=EventLog(workspace.log, lambda: now), actor="analyst",
    )  # fmt: skip
    reasons = {reason for file in report.files for reason in file.quarantined}
    assert reasons == {
        "is about a victim or witness", "is a childhood record", "has no consent or recorded basis",
        "is about a repealed offence",
    }  # fmt: skip
