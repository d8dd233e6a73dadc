"""The store keeps one snapshot, old or new, never half of one; the same extract twice changes nothing."""

import datetime as dt
import os
import pkgutil
import random
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from desist.intake.holding.store import Store
from desist.intake.reading import read as reading
from desist.records.errors import Refused


@pytest.fixture
def two_agencies(probation):
    probation.identity("police", "N1", pnc="", surname="Madeup")
    probation.row("police", "pol_sanction", agency_person="N1", offence_code="04600", sanction_date="2025-03-02",
                  sanction_type="conviction", count="1")  # fmt: skip
    probation.row("police", "pol_sanction", agency_person="N1", offence_code="10501", sanction_date="2025-03-02",
                  sanction_type="x")  # fmt: skip
    probation.row("probation", "equality", agency_person="P1", sex="F", ethnicity_self="W1", religion="Zzyzx")
    return probation


def test_reading_the_same_extract_twice_changes_no_byte(two_agencies):
    first = two_agencies.read()
    before, events = two_agencies.content(), len(two_agencies.log.rows())
    second = two_agencies.read(write=False)
    assert second.unchanged and not first.unchanged
    assert "nothing was written" in second.as_text()
    assert second.snapshot == first.snapshot
    assert [file.quarantined for file in second.files] == [file.quarantined for file in first.files]
    assert two_agencies.content() == before
    assert len(two_agencies.log.rows()) == events


def test_two_workspaces_that_read_the_same_hold_the_same_bytes(two_agencies, tmp_path):
    two_agencies.read()
    other = type(two_agencies)(tmp_path / "other")
    other.tables = two_agencies.tables
    other.read()
    mine = {name: data for name, data in two_agencies.content().items() if not name.endswith((".toml", ".db"))}
    assert mine == {name: data for name, data in other.content().items() if not name.endswith((".toml", ".db"))}
    assert two_agencies.store.snapshot_hash() == other.store.snapshot_hash()


def test_a_newer_extract_becomes_current_and_the_older_one_stays_as_history(two_agencies):
    old = two_agencies.read().snapshot
    two_agencies.cut = dt.date(2026, 10, 1)
    two_agencies.tables["police"]["pol_sanction"][0]["offence_code"] = "05401"
    new = two_agencies.read(folder=None).snapshot
    assert old != new
    assert two_agencies.store.read("pol_sanction")["offence_code"].tolist() == ["05401"]
    assert two_agencies.store.snapshot_date("police") == dt.date(2026, 10, 1)
    history = two_agencies.store.manifest()["extracts"]["police/pol_sanction"]
    assert [extract["extract_date"] for extract in history] == ["2026-10-01", "2026-09-30"]
    assert two_agencies.store.verify() == []


def test_a_corrected_extract_of_the_same_day_takes_the_place_of_the_first(two_agencies):
    two_agencies.read()
    two_agencies.tables["police"]["pol_sanction"][1]["sanction_type"] = "caution"
    report = two_agencies.read()
    assert two_agencies.file(report, "pol_sanction").accepted == 2
    assert two_agencies.file(report, "prob_event").unchanged
    assert len(two_agencies.store.read("pol_sanction")) == 2


def test_a_source_is_known_up_to_the_earliest_of_its_tables(two_agencies):
    two_agencies.read()
    two_agencies.cut = dt.date(2026, 10, 1)
    del two_agencies.tables["police"]["identity"]
    two_agencies.read(folder=two_agencies.write().folder("police"), write=False)
    assert two_agencies.store.snapshot_date("police") == dt.date(2026, 9, 30)
    assert len(two_agencies.store.read("pol_sanction")) == 1


def test_changed_terms_read_the_same_file_anew(two_agencies):
    two_agencies.read()
    two_agencies.agreement_changes["police"] = {"retention_days": "30"}
    assert not two_agencies.read().unchanged


def test_a_changed_byte_shows_and_the_rows_are_not_read(two_agencies):
    two_agencies.read()
    [path] = (two_agencies.workspace.store / "data" / "pol_sanction").glob("*.parquet")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert two_agencies.store.verify() == [f"data/pol_sanction/{path.name} was altered"]
    with pytest.raises(Refused, match="was altered"):
        two_agencies.store.read("pol_sanction")


def test_a_changed_manifest_and_a_missing_file_show(two_agencies):
    two_agencies.read()
    [path] = (two_agencies.workspace.store / "data" / "pol_sanction").glob("*.parquet")
    path.unlink()
    assert two_agencies.store.verify() == [f"data/pol_sanction/{path.name} is missing"]
    [manifest] = (two_agencies.workspace.store / "snapshots").glob("*.json")
    manifest.write_text(manifest.read_text().replace('"accepted": 1', '"accepted": 2'))
    assert two_agencies.store.verify() == ["the store's manifest cannot be read: Refused"]


def test_names_birth_dates_and_characteristics_are_in_no_file_of_the_store(two_agencies):
    two_agencies.read()
    two_agencies.link()
    words = two_agencies.words(under=two_agencies.workspace.store)
    assert "04600" in words
    assert not any(word in words for word in ("Madeup", "1990-05-17", "Zzyzx"))
    assert set(two_agencies.store.tables()) == {"prob_event", "prob_person", "pol_sanction"}
    with pytest.raises(Refused, match="holds no table 'equality'"):
        two_agencies.store.read("equality")


def test_the_log_notes_each_collection_with_counts_and_no_person(two_agencies):
    two_agencies.read()
    events = two_agencies.log.rows()
    assert [event["operation"] for event in events] == ["data.collected"] * 2
    police = next(event for event in events if event["dataset"] == "police:2026-09-30:police-26")
    assert police["counts"] == '{"accepted":2,"files":2,"quarantined":1,"read":3}'
    assert two_agencies.log.verify() == []


def test_large_tables_are_cut_into_partitions_by_person(two_agencies, monkeypatch):
    monkeypatch.setattr("desist.intake.holding.store.ROWS_PER_PARTITION", 10)
    for number in range(20):
        two_agencies.identity("police", f"M{number}")
        for count in range(2):
            two_agencies.row("police", "pol_sanction", agency_person=f"M{number}", offence_code="04600",
                             sanction_date="2025-03-02", sanction_type="caution", count=str(count + 1))  # fmt: skip
    two_agencies.read()
    parts = two_agencies.store.extract("police", "pol_sanction")["partitions"]
    assert len(parts) == 5 and sum(part["rows"] for part in parts) == 41
    people = [set(two_agencies.store._partition(part)["agency_person"].to_pylist()) for part in parts]
    assert sum(map(len, people)) == len(set().union(*people)) == 21


# --- killed while reading


def state(partnership):
    """What anybody who reads sees: rows, and what equality and vault have published."""
    store = partnership.store
    assert store.verify() == []
    published = []
    if partnership.workspace.equality.exists():
        with sqlite3.connect(partnership.workspace.equality) as equality:
            published = equality.execute("select * from sent").fetchall()
    keys = partnership.vault.key_map()
    names = partnership.vault.names(keys["person_id"].tolist()).to_dict("list")
    return store.snapshot_hash(), store.read("pol_sanction").to_dict("list"), published, keys.to_dict("list"), names


class Killed(BaseException):
    """What a kill looks like from inside: nothing may catch it and go on."""


STEPS = ["write_identity", "append", "write_rows", "write_quarantine", "commit", "write_json", "_note"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_reading_that_is_killed_leaves_the_old_snapshot_or_the_new_one(two_agencies, monkeypatch, step, when):
    two_agencies.read()
    two_agencies.link()
    old = state(two_agencies)
    two_agencies.cut = dt.date(2026, 10, 1)
    two_agencies.tables["police"]["pol_sanction"][0]["offence_code"] = "05401"
    two_agencies.tables["probation"]["equality"][0]["ethnicity_self"] = "A1"
    two_agencies.write()
    places = {
        "write_identity": "desist.intake.holding.vault.Vault.write_identity",
        "append": "desist.intake.holding.equality_writer.EqualityWriter.append",
        "write_rows": "desist.intake.holding.store.Store.write_rows",
        "write_quarantine": "desist.intake.holding.store.Store.write_quarantine",
        "commit": "desist.intake.holding.store.Store.commit",
        "write_json": "desist.intake.holding.store.write_json",
        "_note": "desist.intake.reading.read._note",
    }
    whole = pkgutil.resolve_name(places[step])

    def killed(*args, **named):
        if when == "after":
            whole(*args, **named)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(places[step], killed)
        with pytest.raises(Killed):
            two_agencies.read(write=False)
    if (step, when) == ("commit", "after"):
        assert two_agencies.store.read("pol_sanction")["offence_code"].tolist() == ["05401"]
    else:
        assert state(two_agencies) == old
    two_agencies.tables["police"]["pol_sanction"][0]["offence_code"] = "13001"
    two_agencies.read()
    assert two_agencies.store.read("pol_sanction")["offence_code"].tolist() == ["13001"]
    assert two_agencies.store.verify() == []
    # Whatever the killed reading left behind is gone.
    used = {part["file"] for extract in two_agencies.store._all_extracts() for part in extract["partitions"]}
    there = {f"data/{p.parent.name}/{p.name}" for p in (two_agencies.workspace.store / "data").rglob("*.parquet")}
    assert there == used


READ = """
import datetime as dt, sys
from pathlib import Path
from desist.intake.reading.read import read_extracts
from desist.records.log import EventLog
from desist.records.workspace import Workspace
workspace = Workspace(Path(sys.argv[1]))
log = EventLog(workspace.log, clock=lambda: dt.datetime(2026, 10, 1, 9, tzinfo=dt.UTC))
print("ready", flush=True)
read_extracts(Path(sys.argv[2]), workspace, today=dt.date(2026, 10, 1), purpose="iom_selection_support", log=log,
              actor="an.alyst")
"""


HALF_WRITTEN = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("pragma cache_size = 1")
connection.execute("begin immediate")
connection.execute("delete from identity")
connection.execute("delete from key_map")
connection.executemany("insert into linked values (?)", [("x" * 900 + str(n),) for n in range(500)])
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name == "nt", reason="kills by signal")
def test_a_vault_whose_change_was_killed_half_way_opens_with_its_old_content(two_agencies):
    two_agencies.read()
    two_agencies.link()
    before = two_agencies.vault.key_map()
    subprocess.run([sys.executable, "-c", HALF_WRITTEN, str(two_agencies.workspace.vault)], check=False)
    assert two_agencies.workspace.vault.with_name("vault.db-journal").exists()
    assert two_agencies.vault.key_map().equals(before)
    assert two_agencies.vault.is_adult(before["person_id"].tolist(), two_agencies.cut).all()


@pytest.mark.skipif(os.name == "nt", reason="kills by signal")
def test_kill_minus_nine_at_any_moment_leaves_the_old_snapshot_or_the_new_one(two_agencies):
    two_agencies.read()
    old = two_agencies.store.snapshot_hash()
    two_agencies.cut = dt.date(2026, 10, 1)
    two_agencies.tables["police"]["pol_sanction"][0]["offence_code"] = "05401"
    two_agencies.write()
    draw, seen = random.Random(7), set()
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", READ, str(two_agencies.workspace.root), str(two_agencies.delivery)],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        process.stdout.readline()
        time.sleep(draw.uniform(0, 0.12))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert two_agencies.store.verify() == []
        code = two_agencies.store.read("pol_sanction")["offence_code"].tolist()
        seen.add(two_agencies.store.snapshot_hash() == old)
        assert code == (["04600"] if two_agencies.store.snapshot_hash() == old else ["05401"])
    two_agencies.read(write=False)
    assert two_agencies.store.read("pol_sanction")["offence_code"].tolist() == ["05401"]
    assert two_agencies.log.verify() == []


def test_an_empty_store_says_so():
    assert Store(reading.Path("nowhere")).tables() == ()
    with pytest.raises(Refused, match="no extract of police"):
        Store(reading.Path("nowhere")).snapshot_date("police")
