"""Somebody who asks to be forgotten is forgotten in every place, stays away, and gets a receipt."""

import csv
import json
import shutil
import sqlite3

import pandas as pd
import pytest

from desist.intake.holding.store import Store
from desist.intake.holding.vault import Vault
from desist.intake.rights.person import correct_identity, identity_of
from desist.intake.rights.register import Rights
from desist.pipelines.lists import list_faults
from desist.pipelines.rights import erase as erasing
from desist.pipelines.rights.due import due_causes, named_files
from desist.pipelines.rights.holdings import PLACES, holdings, place_of
from desist.pipelines.rights.receipts import receipt_faults
from desist.pipelines.rights.restrict import contest_person
from desist.pipelines.rights.scan import scan
from desist.pipelines.rights.subject import about, find_person
from desist.pipelines.run_tables import table_faults
from desist.pipelines.steps import link_people, take_in
from desist.records.errors import Refused
from desist.records.files import read_json, write_text

SENTINELS = {"forename": "Quillfeather", "surname": "Zzyzxman", "postcode": "ZZ99 1QQ", "dob": "1961-01-31"}


@pytest.fixture
def planted(session, person):
    """The person with a name, a birth date and a postcode that nobody else has, in every extract."""
    vault = Vault(session.workspace.vault)
    for source, numbers in person.numbers.items():
        for number in numbers:
            for field, value in SENTINELS.items():
                correct_identity(vault, source, number, field, value)
    return about(session, person.person_id, {})


def everything_written(root):
    """All bytes of all files, and all that tables unpack to."""
    found = {}
    for path in named_files(root):
        text = path.read_bytes()
        if path.suffix == ".parquet":
            text += pd.read_parquet(path).to_csv().encode()
        found[path.relative_to(root).as_posix()] = text
    return found


def places_with(root, words):
    return {name for name, text in everything_written(root).items() if any(word.encode() in text for word in words)}


def words_of(subject, session):
    rows = identity_of(Vault(session.workspace.vault), subject.numbers)
    kinds = ("pnc", "crn", "prison_number", "nhs_number")
    identifiers = [str(row[kind]) for row in rows for kind in kinds if row[kind]]
    return [subject.person_id, *subject.all_numbers, *identifiers, *SENTINELS.values()]


def test_nothing_of_the_person_is_left_in_any_file_free_pages_and_packed_tables_included(session, planted, world):
    root = session.workspace.root
    words = words_of(planted, session)
    write_text(session.workspace.reports / "cases-to-review.html", "<p>Quillfeather Zzyzxman</p>")
    write_text(session.workspace.reports / "links-to-review.html", f"<p>{planted.all_numbers[0]}</p>")
    write_text(session.workspace.profiles / "2026-10-01-x" / "columns-x.json", "{}")
    assert {"vault.db", "equality.db", "store/links"} <= {name[:11] if "links/" in name else name
                                                         for name in places_with(root, words)}  # fmt: skip
    receipt = erasing.erase(session, planted, "request")
    assert places_with(root, words) == set()
    assert {place.left for place in receipt.places} == {0} and receipt.scanned["found"] == 0


def test_bytes_that_a_page_of_the_vault_no_longer_uses_are_gone_too(session, planted):
    """Without writing the file anew, cells that were moved between pages leave copies behind."""
    path = session.workspace.vault
    with sqlite3.connect(path) as connection:
        connection.execute("create table aside (text)")
        connection.execute("insert into aside values (?)", ("Quillfeather " * 200,))
        connection.execute("pragma secure_delete = off")
        connection.execute("drop table aside")
    assert b"Quillfeather Quillfeather" in path.read_bytes()
    erasing.erase(session, planted, "request")
    assert b"Quillfeather" not in path.read_bytes()


def test_store_log_lists_and_runs_hold_afterwards(session, planted, world):
    erasing.erase(session, planted, "request")
    assert Store(session.workspace.store, session.workspace.quarantine).verify() == []
    assert session.log.verify() == []
    assert list_faults(session, world.list_id) == [] == table_faults(session, world.run)
    assert receipt_faults(session) == []


def test_a_run_table_that_was_changed_otherwise_shows(session, planted, world):
    path = session.workspace.runs / world.run / "scores.parquet"
    erasing.erase(session, planted, "request")
    pd.read_parquet(path).iloc[1:].to_parquet(path, index=False)
    assert "was changed" in table_faults(session, world.run)[0]


def test_the_receipt_names_runs_and_what_stays_and_nobody(session, planted, world):
    words = words_of(planted, session)
    receipt = erasing.erase(session, planted, "request")
    page = (session.workspace.receipts / f"{receipt.id}.html").read_text(encoding="utf-8")
    told = json.dumps(read_json(session.workspace.receipts / f"{receipt.id}.json")) + page
    assert receipt.runs == {world.run: "learnt"} and world.run in page
    assert "six years" in page and "Information Commissioner" in page and "does not bring the person back" in page
    assert not any(word in told for word in words)


def test_the_log_tells_that_somebody_was_erased_and_nobody_can_tell_who(session, planted):
    reference = session.log.subject_ref(planted.person_id)
    receipt = erasing.erase(session, planted, "request")
    row = next(row for row in session.log.rows() if row["operation"] == "person.erased")
    assert row["dataset"] == receipt.id and row["subject"] == reference
    assert session.log.holds(planted.person_id) == 0
    assert session.log.subject_ref(planted.person_id) != reference


def test_a_changed_or_missing_receipt_shows(session, planted):
    receipt = erasing.erase(session, planted, "request")
    path = session.workspace.receipts / f"{receipt.id}.json"
    write_text(path, path.read_text(encoding="utf-8").replace("request", "whim"))
    assert "was changed" in receipt_faults(session)[0]
    path.unlink()
    assert "gone" in receipt_faults(session)[0]


# Coming back


def test_the_same_extracts_again_do_not_bring_the_person_back(session, person, extracts):
    words = [person.person_id, *person.all_numbers, *person.identifiers]
    before = len(set(Vault(session.workspace.vault).key_map()["person_id"]))
    erasing.erase(session, person, "request")
    report = take_in(session, extracts)
    link_people(session)
    refused = sum(file.quarantined.get("is about a person who was erased", 0) for file in report.files)
    assert refused > 0 and places_with(session.workspace.root, words) == set()
    assert len(set(Vault(session.workspace.vault).key_map()["person_id"])) == before - 1


def changed_extracts(extracts, folder, source, change):
    """The agencies' files with one agency's identity rows changed."""
    shutil.copytree(extracts, folder)
    path = next(folder.glob(f"{source}/identity.csv"))
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rows = change(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return folder


@pytest.mark.slow
def test_under_a_new_number_they_are_known_by_their_identifier(session, person, extracts, tmp_path):
    number = person.numbers["police"][0]

    def renumber(rows):
        return [{**row, "agency_person": "PO7777777"} if row["agency_person"] == number else row for row in rows]

    erasing.erase(session, person, "request")
    take_in(session, changed_extracts(extracts, tmp_path / "later", "police", renumber))
    link_people(session)
    assert places_with(session.workspace.root, ["PO7777777", *person.identifiers]) == set()
    tokens = [kind for kind, _ in Rights(session.workspace.rights).tokens().values()]
    assert tokens.count("number:police") == len(person.numbers["police"]) + 1  # for files that come without names


@pytest.mark.slow
def test_without_any_identifier_they_are_known_by_name_and_birth_date(session, person, extracts, tmp_path):
    number = person.numbers["police"][0]

    def bare(rows):
        gone = {"agency_person": "PO7777777", "pnc": "", "cro": "", "crn": "", "prison_number": "", "nhs_number": ""}
        return [{**row, **gone} if row["agency_person"] == number else row for row in rows]

    erasing.erase(session, person, "request")
    take_in(session, changed_extracts(extracts, tmp_path / "later", "police", bare))
    assert places_with(session.workspace.root, ["PO7777777"]) == set()


def test_somebody_else_of_the_same_name_and_birth_date_is_not_kept_out(session, person, extracts, tmp_path):
    from desist.records.identifiers import check_letter

    own = next(row for row in identity_of(Vault(session.workspace.vault), person.numbers) if row["source"] == "police")
    letter = check_letter("997654321")

    def namesake(rows):
        other = {**rows[0], "agency_person": "PO7777777", "pnc": f"1899/7654321{letter}", "cro": ""}
        return [*rows, {**other, **{name: own[name] for name in ("forename", "surname", "dob")}}]

    erasing.erase(session, person, "request")
    take_in(session, changed_extracts(extracts, tmp_path / "later", "police", namesake))
    assert "vault.db" in places_with(session.workspace.root, ["PO7777777"])


def test_an_identifier_that_somebody_else_carries_too_keeps_nobody_out(session, person):
    vault = Vault(session.workspace.vault)
    other = next(one for one in sorted(set(vault.key_map()["person_id"])) if one != person.person_id)
    shared = next(row["pnc"] for row in identity_of(vault, person.numbers) if row["pnc"])
    theirs = about(session, other, {})
    source, numbers = next(iter(theirs.numbers.items()))
    correct_identity(vault, source, numbers[0], "pnc", shared)
    found = about(session, person.person_id, {})
    assert found.shared == 1 and shared not in found.identifiers
    assert "pnc" not in found.tokens.values()


def test_without_the_partnership_key_nobody_is_read_in_after_an_erasure(session, person, extracts):
    erasing.erase(session, person, "request")
    (session.workspace.keys / "partnership.key").write_bytes(b"another key")
    with pytest.raises(Refused, match="another partnership key"):
        take_in(session, extracts)


# Killed


def test_killed_after_any_place_the_erasure_is_finished_and_withholds_until_then(session, planted, monkeypatch):
    """One session is killed again and again, each time a place later."""
    words, kinds = words_of(planted, session), [type(one) for one in holdings(session, planted, "x")]
    count = 0
    for kind in dict.fromkeys(kinds):
        def killed(self, person_id, *, _real=kind.erase):
            _real(self, person_id)
            raise KeyboardInterrupt

        monkeypatch.setattr(kind, "erase", killed)
        with pytest.raises(KeyboardInterrupt):
            erasing.finish(session) if count else erasing.erase(session, planted, "request")
        monkeypatch.undo()
        monkeypatch.setattr("os.fsync", lambda handle: None)
        assert any("not finished" in cause.text for cause in due_causes(session))
        count += 1
    [receipt] = erasing.finish(session).values()
    assert count == len(kinds) and not list(due_causes(session))
    assert places_with(session.workspace.root, words) == set()
    assert session.log.verify() == [] == receipt_faults(session)
    assert {place.name for place in receipt.places} == {one.name for one in holdings(session, planted, "x")}
    assert next(place.held for place in receipt.places if place.name == "vault") > 0


def test_nobody_comes_in_again_between_a_kill_and_its_end(session, person, extracts, monkeypatch):
    monkeypatch.setattr(erasing, "holdings", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        erasing.erase(session, person, "request")
    monkeypatch.undo()
    report = take_in(session, extracts)
    assert sum(file.quarantined.get("is about a person who was erased", 0) for file in report.files) > 0


# Who and where


def test_every_file_of_a_workspace_has_a_place_that_answers_for_it(session, person):
    erasing.erase(session, person, "request")
    names = [path.relative_to(session.workspace.root).as_posix() for path in named_files(session.workspace.root)]
    assert [name for name in names if not place_of(name)] == []
    assert place_of("scores-of-mine.csv") == "" and place_of("somewhere/new.parquet") == ""


def test_every_place_that_is_named_can_forget(session, person):
    named = {place for _, place in PLACES} - {"about nobody"}
    assert named <= {one.name for one in holdings(session, person, "x")}


def test_a_file_of_unknown_kind_that_names_the_person_is_told(session, person):
    write_text(session.workspace.root / "notes.txt", person.person_id)
    receipt = erasing.erase(session, person, "request")
    assert receipt.scanned["found"] == 1 and any("notes.txt" in note for note in receipt.notes)


def test_numbers_that_linkage_left_out_are_forgotten_by_number(session):
    vault = Vault(session.workspace.vault)
    with sqlite3.connect(session.workspace.vault) as connection:
        connection.execute("delete from key_map where source = 'police'")
    number = identity_of(vault, {"police": [row[0] for row in connection.execute(
        "select agency_person from identity where source = 'police'")]})[0]["agency_person"]  # fmt: skip
    found = find_person(session, "", "", f"police:{number}")
    assert found.person_id == "" and number in found.numbers["police"]
    erasing.erase(session, found, "request")
    assert "vault.db" not in places_with(session.workspace.root, [number])


def test_older_numbers_of_the_same_person_are_forgotten_with_the_new_one(session, person):
    """The agency gave them another number since; nothing links the old one any more."""
    vault = Vault(session.workspace.vault)
    row = next(row for row in identity_of(vault, person.numbers) if row["source"] == "police")
    with sqlite3.connect(session.workspace.vault) as connection:
        columns = ["held_as", "source", "agency_person", "pnc", "forename"]
        connection.execute(f"insert into identity ({', '.join(columns)}) values (?, ?, ?, ?, ?)",
                           (row["held_as"], "police", "PO0000007", row["pnc"], "Oldfashioned"))  # fmt: skip
    found = about(session, person.person_id, {})
    assert "PO0000007" in found.numbers["police"]
    erasing.erase(session, found, "request")
    assert places_with(session.workspace.root, ["PO0000007", "Oldfashioned"]) == set()


def test_what_they_asked_for_before_is_forgotten_too(session, person):
    contest_person(session, person, "request", None)
    rights = Rights(session.workspace.rights)
    receipt = erasing.erase(session, person, "request")
    assert rights.holds_numbers(person.numbers) == 0
    assert next(place.held for place in receipt.places if place.name == "register of rights") > 0


@pytest.mark.parametrize("asked", [("", "", ""), ("p1", "X1", ""), ("", "", "police"), ("nobody", "", "")])
def test_who_is_meant_must_be_said_in_one_way_and_be_somebody(session, asked):
    with pytest.raises(Refused):
        find_person(session, *asked)


def test_a_reason_is_a_code_because_the_log_holds_no_text(session, person):
    with pytest.raises(Refused, match="code"):
        erasing.erase(session, person, "because they asked nicely")


def test_the_scan_finds_a_word_in_a_packed_table_and_across_the_edge_of_a_piece(tmp_path):
    pd.DataFrame({"a": ["x", " NEEDLE-1 "]}).to_parquet(tmp_path / "t.parquet", compression="zstd")
    (tmp_path / "big.bin").write_bytes(b"." * ((1 << 22) - 4) + b"NEEDLE-1" + b".")
    (tmp_path / "none.bin").write_bytes(b"NEEDLE-2")
    found = scan(tmp_path, ["NEEDLE-1"])
    assert found.found == ("big.bin", "t.parquet") and found.files == 3


def test_an_id_from_before_a_merge_is_taken_off_older_lists_too(session, person, world):
    """Two people turned out to be one; the older list still names both."""
    with sqlite3.connect(session.workspace.vault) as connection:
        connection.execute("update key_map set person_id = 'pmerged' where person_id = ?", (person.person_id,))
    links = Store(session.workspace.store).links()[0]
    links.loc[links["person_id"] == person.person_id, "person_id"] = "pmerged"
    Store(session.workspace.store).write_links(links)
    found = about(session, "pmerged", {})
    assert person.person_id in found.older
    receipt = erasing.erase(session, found, "request")
    assert places_with(session.workspace.root, [person.person_id, "pmerged"]) == set()
    assert list_faults(session, world.list_id) == [] == table_faults(session, world.run)
    assert receipt.runs == {world.run: "learnt"}


def test_somebody_whom_no_agency_sends_any_more_is_forgotten_on_older_lists(session, person, world):
    with sqlite3.connect(session.workspace.vault) as connection:
        connection.execute("delete from key_map where person_id = ?", (person.person_id,))
    found = find_person(session, person.person_id, "", "")
    erasing.erase(session, found, "request")
    named = places_with(session.workspace.root, [person.person_id])
    lists = {name for name in named if name.startswith(("lists", "runs"))}
    assert lists == set() and list_faults(session, world.list_id) == []
