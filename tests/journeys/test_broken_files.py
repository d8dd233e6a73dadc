"""An analyst is sent a broken file: one clear report, nothing lost, nothing half written, no traceback."""

import json
import random
import shutil

import pytest

MEND = 2


@pytest.fixture(scope="module")
def sent(desist, tmp_path_factory):
    """What 400 made-up people's agencies send, with their agreements."""
    folder = tmp_path_factory.mktemp("sent") / "sent"
    ran = desist("simulate", folder, "--people", 400, "--seed", 9)
    assert ran.returncode == 0, ran.stderr
    return folder


@pytest.fixture
def office(desist, sent, tmp_path):
    """A workspace with the agreements, and a copy of the files to break."""
    files, workspace = tmp_path / "files", tmp_path / "w"
    shutil.copytree(sent / "extracts", files)
    assert desist("init", workspace).returncode == 0
    for agreement in (sent / "agreements").glob("*.toml"):
        shutil.copy(agreement, workspace / "agreements")
    return files, workspace, desist


def take_in(office):
    files, workspace, desist = office
    ran = desist("intake", files, "-W", workspace, "--json")
    assert "Traceback" not in ran.stderr, ran.stderr
    return ran


def file_told(ran, name):
    return next(entry for entry in json.loads(ran.stdout)["files"] if entry["path"].endswith(name))


def nothing_was_written(workspace):
    return not any((workspace / "store").rglob("*.parquet"))


def sanctions(office):
    return office[0] / "police" / "pol_sanction.csv"


def lines_of(path):
    return path.read_text(encoding="utf-8").splitlines()


def write(path, lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def refused_naming(office, *words):
    ran = take_in(office)
    assert ran.returncode == MEND
    for word in words:
        assert word in ran.stderr, ran.stderr
    assert nothing_was_written(office[1])


def test_whole_files_are_taken_in_and_every_row_is_accounted_for(office):
    ran = take_in(office)
    assert ran.returncode == 0, ran.stderr
    for entry in json.loads(ran.stdout)["files"]:
        assert entry["accepted"] + sum(entry["quarantined"].values()) == entry["rows_read"]


def test_reading_the_same_files_again_changes_nothing(office):
    take_in(office)
    before = {path: path.read_bytes() for path in (office[1] / "store").rglob("*") if path.is_file()}
    ran = take_in(office)
    assert ran.returncode == 0 and all(entry["unchanged"] for entry in json.loads(ran.stdout)["files"])
    assert {path: path.read_bytes() for path in (office[1] / "store").rglob("*") if path.is_file()} == before


def test_a_missing_column_is_named(office):
    lines = [line.split(",") for line in lines_of(sanctions(office))]
    place = lines[0].index("sanction_date")
    write(sanctions(office), [",".join(cells[:place] + cells[place + 1 :]) for cells in lines])
    refused_naming(office, "sanction_date", "pol_sanction")


def test_an_empty_file_is_named(office):
    sanctions(office).write_bytes(b"")
    refused_naming(office, "pol_sanction")


def test_a_file_that_is_not_utf_8_says_so_and_can_be_read_once_its_encoding_is_stated(office):
    identity = office[0] / "police" / "identity.csv"
    lines = lines_of(identity)
    head = lines[0].split(",")
    cells = lines[1].split(",")
    cells[head.index("surname")] = "Çelik"
    identity.write_bytes("\n".join([lines[0], ",".join(cells), *lines[2:], ""]).encode("windows-1252", "replace"))
    refused_naming(office, "identity.csv", "windows-1252")
    delivery = office[0] / "police" / "delivery.toml"
    delivery.write_text(delivery.read_text().replace('encoding = "utf-8"', 'encoding = "windows-1252"'))
    assert take_in(office).returncode == 0


def test_a_code_that_is_in_no_list_sends_the_row_to_quarantine(office):
    lines = lines_of(sanctions(office))
    place = lines[0].split(",").index("sanction_type")
    cells = lines[1].split(",")
    cells[place] = "told_off"
    write(sanctions(office), [lines[0], ",".join(cells), *lines[2:]])
    ran = take_in(office)
    assert ran.returncode == 0
    assert any("sanction_type" in reason for reason in file_told(ran, "pol_sanction.csv")["quarantined"])


def test_an_offence_code_that_is_in_no_table_stops_the_file_and_is_listed(office):
    lines = lines_of(sanctions(office))
    place = lines[0].split(",").index("offence_code")
    cells = lines[1].split(",")
    cells[place] = "98765"
    write(sanctions(office), [lines[0], ",".join(cells), *lines[2:]])
    refused_naming(office, "98765")


def test_a_key_sent_twice_is_taken_once(office):
    path = office[0] / "treatment" / "trt_episode.csv"
    good = file_told(take_in(office), "trt_episode.csv")
    lines = lines_of(path)
    write(path, [*lines, lines[1]])
    told = file_told(take_in(office), "trt_episode.csv")
    assert told["rows_read"] == good["rows_read"] + 1 and told["accepted"] == good["accepted"]


def test_an_event_in_the_future_is_quarantined_and_a_planned_date_is_not(office):
    lines = lines_of(sanctions(office))
    place = lines[0].split(",").index("sanction_date")
    cells = lines[1].split(",")
    cells[place] = "2031-01-01"
    write(sanctions(office), [lines[0], ",".join(cells), *lines[2:]])
    told = file_told(take_in(office), "pol_sanction.csv")
    assert any("future" in reason or "after" in reason for reason in told["quarantined"])
    planned = lines_of(office[0] / "probation" / "prob_event.csv")
    place = planned[0].split(",").index("sentence_end")
    assert any(line.split(",")[place] > "2026-12-31" for line in planned[1:])


def test_a_tenth_of_junk_is_quarantined_row_by_row(office):
    lines = lines_of(sanctions(office))
    draw = random.Random(1)
    junk = [number for number in range(1, len(lines)) if draw.random() < 0.1]
    for number in junk:
        lines[number] = draw.choice(["#REF!", "a,b", ";;;;", "x" * 1_000_000, '"open quote', "\x00,\x00"])
    write(sanctions(office), lines)
    ran = take_in(office)
    assert ran.returncode == 0, ran.stderr
    told = file_told(ran, "pol_sanction.csv")
    assert told["accepted"] + sum(told["quarantined"].values()) == told["rows_read"]
    assert sum(told["quarantined"].values()) >= 0.9 * len(junk)


def test_a_file_without_an_agreement_is_refused_and_nothing_is_written(office):
    for agreement in (office[1] / "agreements").glob("POL*.toml"):
        agreement.unlink()
    refused_naming(office, "POL-2026")


def test_all_problems_of_a_delivery_are_told_at_once(office):
    sanctions(office).write_bytes(b"")
    (office[0] / "prison" / "pris_spell.csv").unlink()
    refused_naming(office, "pol_sanction", "pris_spell")
