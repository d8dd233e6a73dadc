"""What a partnership's agreements let in and keep out, as its analyst meets it at the command line."""

import csv
import datetime as dt
import io
import json
import shutil
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from desist.records import codes

MEND, WITHHELD = 2, 3
TODAY = dt.date(2026, 10, 1)
HEADER = "code,description,broad_group,category,band,violent,neighbourhood,counts\n"
OWN_LINE = f"{HEADER}04600,Theft from a shop,theft and handling,theft not motor,1,0,0,1\n"


class Office:
    """One made-up partnership's workspace, its agencies' files, and a way to act in it."""

    def __init__(self, root, run):
        self.root, self.run = root, run
        self.workspace, self.files = root / "w", root / "sent"

    def do(self, command, *words):
        return self.run(command, *words, "-W", self.workspace)

    def intake(self, folder=None):
        return self.do("intake", folder or self.files, "--json")

    def agreement(self, source):
        return next(path for path in self.workspace.joinpath("agreements").glob("*.toml")
                    if f'source = "{source}"' in path.read_text())  # fmt: skip

    def table(self, source, name):
        return self.files / "extracts" / source / f"{name}.csv"

    def rows(self, source, name):
        return list(csv.DictReader(io.StringIO(self.table(source, name).read_text())))

    def content(self):
        """Every file of the workspace with its bytes."""
        return {str(path): path.read_bytes() for path in sorted(self.workspace.rglob("*")) if path.is_file()}

    def holds(self, word):
        """Whether a word stands anywhere in the workspace, in Parquet files too."""
        for path in self.workspace.rglob("*"):
            if path.suffix == ".parquet" and word in pd.read_parquet(path).to_csv():
                return True
            if path.is_file() and word.encode() in path.read_bytes():
                return True
        return False

    def profiles(self):
        """Today's profiles by person, and each treatment number's person."""
        from desist.intake.holding.store import Store
        from desist.pipelines.ground import load_ground, profiles_now
        from desist.pipelines.steps import open_for

        session = open_for(self.workspace, "an.alyst", lambda text: None)
        ground = load_ground(session)
        table = profiles_now(session, ground, TODAY).profiles.table.set_index("person_id").drop(columns="as_of")
        links, _ = Store(self.workspace / "store", self.workspace / "quarantine").links()
        own = links[links["source"] == "treatment"].set_index("agency_person")["person_id"].to_dict()
        helped = [feature.name for feature in ground.register.used
                  if any(column.startswith("trt_") for column in feature.definition.lineage())]  # fmt: skip
        return table, own, helped


def made_up(path):
    """A new workspace's settings for people who are made up, standing still on one day."""
    text = path.read_text(encoding="utf-8")
    text = text.replace("made_up = false", "made_up = true").replace("[run]\n", f"[run]\ntoday = {TODAY}\n")
    path.write_text(text, encoding="utf-8")


@pytest.fixture(autouse=True)
def shipped_offences_again():
    yield
    codes.use_offences(None)


@pytest.fixture(scope="module")
def taken_in(desist, tmp_path_factory):
    """The files of sixty made-up people, a workspace with their agreements, everything taken in and linked."""
    office = Office(tmp_path_factory.mktemp("office"), desist)
    assert desist("simulate", office.files, "--people", 60, "--seed", 1).returncode == 0
    sanctions = office.table("police", "pol_sanction")
    lines = sanctions.read_text().splitlines()
    sanctions.write_text("\n".join([f"{lines[0]},nationality", *(f"{line},Ruritanian" for line in lines[1:])]) + "\n")
    told = desist("init", office.workspace, "--agreements", office.files / "agreements")
    assert told.returncode == 0, told.stderr
    made_up(office.workspace / "partnership.toml")
    office.told = json.loads(office.intake().stdout)
    assert office.do("link").returncode == 0
    return office


@pytest.fixture
def office(taken_in, tmp_path):
    """A copy to do as one likes with."""
    shutil.copytree(taken_in.root, tmp_path / "o")
    return Office(tmp_path / "o", taken_in.run)


@contextmanager
def nothing_written(office):
    before = office.content()
    yield
    assert office.content() == before


def reported(told, name):
    return next(file for file in told["files"] if file["table"] == name)


# --- refusals


def change(path, before, after):
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


def unknown_dataset(office):
    office.agreement("police").unlink()


def expired(office):
    change(office.agreement("police"), "expires = 2027-09-30", "expires = 2026-09-30")


def purpose_not_covered(office):
    change(office.agreement("police"), '"iom_selection_support", ', "")


def purpose_missing(office):
    change(office.workspace / "partnership.toml", 'purpose = "iom_selection_support"', 'purpose = ""')


def purpose_from_no_list(office):
    change(office.workspace / "partnership.toml", 'purpose = "iom_selection_support"', 'purpose = "prevention"')


def agreement_without_a_purpose(office):
    path = office.agreement("police")
    kept = [line for line in path.read_text().splitlines() if not line.startswith("purposes")]
    path.write_text("\n".join(kept) + "\n")


def intelligence_agreed(office):
    change(office.agreement("police"), "[tables]", '[tables]\nintelligence_log = ["agency_person"]')


def refused_file(name):
    def send(office):
        delivery = office.files / "extracts" / "police" / "delivery.toml"
        delivery.write_text(f'{delivery.read_text()}\n[[file]]\ntable = "{name}"\npath = "{name}.csv"\n'
                            'agreement = "POL-2026"\n')  # fmt: skip
        delivery.with_name(f"{name}.csv").write_text("agency_person\nPO1\n")

    return send


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (unknown_dataset, "found the agreement POL-2026; expected an agreement in the register"),
        (expired, "expected an agreement that is valid on 2026-10-01"),
        (purpose_not_covered, "expected an agreement that covers iom_selection_support"),
        (purpose_missing, "purpose"),
        (purpose_from_no_list, "purpose"),
        (agreement_without_a_purpose, "`purposes` missing"),
        (intelligence_agreed, "the table intelligence_log (intelligence reports)"),
        (refused_file("intelligence"), "(intelligence reports)"),
        (refused_file("gang_associations"), "(association or gang lists)"),
        (refused_file("stop_and_search"), "(stop and search)"),
        (refused_file("facial_recognition_hits"), "(facial recognition)"),
        (refused_file("social_media"), "(social media)"),
    ],
)
def test_what_no_agreement_lets_in_is_refused_by_name_and_nothing_is_written(office, make, told):
    make(office)
    with nothing_written(office):
        ran = office.intake()
    assert ran.returncode == MEND and ran.stdout == ""
    assert told in ran.stderr


def test_a_column_outside_the_agreement_is_named_in_the_report_and_nowhere_in_the_workspace(taken_in):
    assert reported(taken_in.told, "pol_sanction")["dropped_columns"] == ["nationality"]
    assert not taken_in.holds("Ruritanian")
    assert taken_in.holds("POL-2026")


def test_a_person_who_is_only_a_victim_leaves_a_count_and_a_reason_and_nothing_else(taken_in):
    victims = [row for row in taken_in.rows("police", "identity") if row["subject_category"] == "victim"]
    assert victims
    for name in ("identity", "pol_sanction"):
        quarantined = next(
            file["quarantined"] for file in taken_in.told["files"]
            if (file["source"], file["table"]) == ("police", name)
        )  # fmt: skip
        assert quarantined["is about a victim or witness"] == len(victims)
    for row in victims:
        assert not taken_in.holds(row["agency_person"])
    assert taken_in.holds(taken_in.rows("police", "identity")[0]["agency_person"])


def test_a_conviction_of_a_repealed_offence_is_in_no_table_and_in_no_count(taken_in):
    repealed = [row for row in taken_in.rows("police", "pol_sanction") if row["offence_code"] == "01809"]
    assert repealed
    assert reported(taken_in.told, "pol_sanction")["quarantined"]["is about a repealed offence"] == len(repealed)
    held = pd.concat(pd.read_parquet(path) for path in taken_in.workspace.joinpath("store").rglob("pol_sanction/*"))
    assert len(held) and "01809" not in set(held["offence_code"])
    assert taken_in.do("build", "--as-of", TODAY).returncode == 0


def test_no_line_of_its_own_brings_a_repealed_offence_back(office):
    (office.workspace / "offences.csv").write_text(OWN_LINE.replace("04600", "01809"))
    with nothing_written(office):
        ran = office.intake()
    assert ran.returncode == MEND and "code 01809, which was repealed" in ran.stderr


# --- consent


def test_withdrawing_consent_takes_that_persons_treatment_facts_out_of_the_next_build_and_nothing_else(office):
    before, own, helped = office.profiles()
    number = next(number for number, person in own.items()
                  if person in before.index and before.loc[person, helped].notna().any())  # fmt: skip
    clients = office.table("treatment", "trt_client")
    change(clients, f"{number},convicted,fact,true,", f"{number},convicted,fact,false,")
    assert office.intake().returncode == 0
    assert office.do("link").returncode == 0
    after, own_after, _ = office.profiles()
    assert set(own) - set(own_after) == {number}
    person = own[number]
    assert after.loc[person, helped].isna().all()
    others = [name for name in before if name not in helped]
    pd.testing.assert_frame_equal(after[others], before[others])
    pd.testing.assert_frame_equal(after.drop(index=person), before.drop(index=person))
    stored = pd.concat(pd.read_parquet(path) for path in office.workspace.joinpath("store", "data").rglob("trt_*/*"))
    assert len(stored) and number not in set(stored["agency_person"])
    assert office.do("verify").returncode == 0


# --- the register's papers


def test_init_writes_map_and_draft_from_the_register_before_any_data_comes_in(desist, taken_in, tmp_path):
    place = tmp_path / "new"
    ran = desist("init", place, "--agreements", taken_in.files / "agreements")
    assert ran.returncode == 0 and "TRT-2026.toml: taken into the register" in ran.stderr
    assert not (place / "store").exists()
    names = sorted(path.name for path in (place / "governance").iterdir())
    assert names == ["data-map.html", "data-map.md", "dpia-draft.md", "made.json"]
    told = (place / "governance" / "data-map.md").read_text()
    for words in ("POL-2026", "Crime and Disorder Act 1998 s.115", "UK GDPR", "| pnc | text | Links records. |",
                  "Stop and search."):  # fmt: skip
        assert words in told


def test_a_paper_that_somebody_edited_is_kept_and_the_new_one_put_beside_it(desist, office):
    folder = office.workspace / "governance"
    desist("init", office.workspace)
    edited = (folder / "dpia-draft.md").read_text() + "\nWe asked the panel.\n"
    (folder / "dpia-draft.md").write_text(edited)
    unchanged = desist("init", office.workspace)
    assert "dpia-draft.md: stays as it was edited; the register says nothing new." in unchanged.stderr
    assert not (folder / "dpia-draft.md.new").exists()
    change(office.agreement("police"), "retention_days = 90", "retention_days = 400")
    ran = desist("init", office.workspace)
    assert "what the register says now is in dpia-draft.md.new beside it" in ran.stderr
    assert (folder / "dpia-draft.md").read_text() == edited
    assert "extracts kept 400 days" in (folder / "dpia-draft.md.new").read_text()
    assert "extracts 400 days" in (folder / "data-map.md").read_text()
    assert "POL-2026 lets extracts stay 400 days" in ran.stderr


def test_init_with_an_agreement_that_cannot_be_used_makes_nothing(desist, taken_in, tmp_path):
    folder = tmp_path / "agreements"
    shutil.copytree(taken_in.files / "agreements", folder)
    change(folder / "POL-2026.toml", 'regime = "part3"', 'regime = "gdpr"')
    change(folder / "PRIS-2026.toml", "[tables]", '[tables]\ngang_list = ["x"]')
    ran = desist("init", tmp_path / "w", "--agreements", folder)
    assert ran.returncode == MEND and not (tmp_path / "w").exists()
    assert "found regime = gdpr" in ran.stderr and "gang_list (association or gang lists)" in ran.stderr


def test_init_takes_in_no_other_terms_under_a_name_that_the_register_has(desist, office, tmp_path):
    folder = tmp_path / "agreements"
    shutil.copytree(office.files / "agreements", folder)
    change(folder / "POL-2026.toml", "retention_days = 90", "retention_days = 30")
    with nothing_written(office):
        ran = desist("init", office.workspace, "--agreements", folder)
    assert ran.returncode == MEND and "POL-2026.toml with other terms than the register's" in ran.stderr
    (folder / "POL-2026.toml").rename(folder / "police.toml")
    with nothing_written(office):
        ran = desist("init", office.workspace, "--agreements", folder)
    assert ran.returncode == MEND and "the agreements POL-2026 under another file name" in ran.stderr


def test_the_example_agreement_can_be_copied_and_used(desist, tmp_path):
    desist("init", tmp_path / "w")
    agreements = tmp_path / "w" / "agreements"
    shutil.copy(agreements / "example-agreement.toml.txt", agreements / "police.toml")
    ran = desist("init", tmp_path / "w")
    assert ran.returncode == 0
    assert "POL-2026" in Path(tmp_path / "w" / "governance" / "data-map.md").read_text()


def test_an_own_line_of_the_offence_table_is_noted_once_and_reads_the_files_anew(office):
    assert json.loads(office.intake().stdout)["files"][0]["unchanged"]
    (office.workspace / "offences.csv").write_text(OWN_LINE)
    ran = office.intake()
    assert "The offence table in use is now" in ran.stderr
    assert not any(file["unchanged"] for file in json.loads(ran.stdout)["files"])
    office.intake()
    assert office.do("verify").returncode == 0
    from desist.records.log import EventLog

    log = EventLog(office.workspace / "desist.db", lambda: dt.datetime(2026, 10, 1, tzinfo=dt.UTC))
    changed = [row for row in log.rows() if row["dataset"].startswith("offences:")]
    assert [json.loads(row["counts"]) for row in changed] == [{"own_lines": 1}]
    assert changed[0]["dataset"].startswith("offences:2026-10-")


def test_profiles_worked_out_under_another_offence_table_are_not_taken_for_todays(office):
    def kept():
        assert office.do("build", "--as-of", TODAY).returncode == 0
        return [path.name for path in office.workspace.joinpath("profiles").iterdir()]

    before = kept()
    assert kept() == before
    (office.workspace / "offences.csv").write_text(OWN_LINE)
    assert set(kept()).isdisjoint(before)


def test_another_offence_table_withholds_estimates_under_a_release_made_before(quarter):
    assert quarter.score().returncode == 0
    (quarter.workspace / "offences.csv").write_text(OWN_LINE)
    ran = quarter.score()
    assert ran.returncode == WITHHELD and "register" in ran.stderr
