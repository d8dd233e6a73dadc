"""What the log, lists and candidates say afterwards, and what was altered, cut off or put there by hand."""

import json
import re
import sqlite3

import pandas as pd
import pytest

from tests.journeys.gate_kit import WITHHELD, estimates_in, keys_of, refused


def test_verify_compares_the_log_with_a_head_from_the_minutes_and_says_what_it_cannot_show(quarter):
    told = json.loads(quarter.do("verify", "--json").stdout)
    assert told["cannot_show"] and quarter.do("verify", "--head", told["log_head"]).returncode == 0
    ran = quarter.do("verify", "--head", "0" * 63 + "1")
    assert ran.returncode == 2 and "it was cut off, or another log put in its place" in ran.stdout


def test_demo_keys_open_nothing_where_the_data_are_real(quarter):
    quarter.forget_lists()
    path = quarter.workspace / "partnership.toml"
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("today = ")]
    path.write_text("\n".join(lines).replace("made_up = true", "made_up = false"), encoding="utf-8")
    ran = quarter.do("list")
    assert ran.returncode == WITHHELD and "is a demo key" in ran.stderr
    assert estimates_in(quarter.workspace) == []


def test_a_log_that_was_changed_or_cut_withholds(quarter):
    quarter.forget_lists()
    with sqlite3.connect(quarter.workspace / "desist.db") as connection:
        connection.executescript("drop trigger event_is_not_changed; update event set actor = 'x' where number = 2;")
    refused(quarter, "log event 2 was changed")


def test_a_list_altered_after_it_was_made_is_not_shown(quarter):
    path = next((quarter.workspace / "lists").glob("*/list.json"))
    path.write_text(path.read_text(encoding="utf-8").replace('"step": 1', '"step": 4', 1), encoding="utf-8")
    ran = quarter.do("list")
    assert ran.returncode == WITHHELD and "was changed" in ran.stderr
    assert "in 10" not in re.sub(r"<style>.*?</style>", "", quarter.page(), flags=re.S)


def test_a_list_put_there_by_hand_is_not_shown(quarter):
    """Somebody rewrites list and manifest together: the log knows no such list."""
    from desist.records.files import read_json, write_json
    from desist.records.hashing import hash_file

    folder = next((quarter.workspace / "lists").glob("*/list.json")).parent
    told = read_json(folder / "list.json")
    next(one for one in told["estimates"].values() if one["step"] == 1)["step"] = 4
    write_json(folder / "list.json", told)
    bound = read_json(folder / "manifest.json")
    bound["files"]["list.json"] = hash_file(folder / "list.json")
    write_json(folder / "manifest.json", bound)
    ran = quarter.do("list")
    assert ran.returncode == WITHHELD and "the log knows nothing of" in ran.stderr


def test_an_old_list_is_withheld_after_its_last_day(quarter):
    quarter.set_today("2026-10-30")
    ran = quarter.do("list")
    assert ran.returncode == WITHHELD and "was valid until 2026-10-29" in ran.stderr
    assert "in 10" not in re.sub(r"<style>.*?</style>", "", quarter.page(), flags=re.S)


def test_revoking_ends_the_release_at_once(quarter, tmp_path):
    quarter.forget_lists()
    password = tmp_path / "password"
    password.write_text("demo\n", encoding="utf-8")
    why = "The board saw a fault in the extract after it had released."
    ran = quarter.do("revoke", "--reason", why, "--holder", "Demo chair", "--password-file", password)
    assert ran.returncode == 0, ran.stderr
    refused(quarter, "was revoked")


def test_a_revocation_stands_in_the_log_after_its_file_is_gone(quarter, tmp_path):
    quarter.forget_lists()
    password = tmp_path / "password"
    password.write_text("demo\n", encoding="utf-8")
    why = "The board saw a fault in the extract after it had released."
    quarter.do("revoke", "--reason", why, "--holder", "Demo chair", "--password-file", password)
    folder = quarter.workspace / "releases" / quarter.release
    for path in folder.iterdir():
        if path.name != "release.json":
            path.unlink()
    refused(quarter, "the log says that release .* was revoked")


def test_a_release_the_log_never_approved_is_not_in_force(quarter):
    quarter.forget_lists()
    with sqlite3.connect(quarter.workspace / "desist.db") as connection:
        connection.executescript("""
            drop trigger event_is_not_removed;
            delete from event where number >= (select number from event where operation = 'release.approved');
        """)
    refused(quarter, "the log's last approved release is none")


def test_a_log_cut_off_at_its_end_withholds(quarter, tmp_path):
    """Revoke, then remove the note and the end of the log: the head beside the log still tells."""
    quarter.forget_lists()
    password = tmp_path / "password"
    password.write_text("demo\n", encoding="utf-8")
    why = "The board saw a fault in the extract after it had released."
    quarter.do("revoke", "--reason", why, "--holder", "Demo chair", "--password-file", password)
    for path in (quarter.workspace / "releases" / quarter.release).iterdir():
        if path.name != "release.json":
            path.unlink()
    with sqlite3.connect(quarter.workspace / "desist.db") as connection:
        connection.executescript("""
            drop trigger event_is_not_removed;
            delete from event where number >= (select number from event where operation = 'release.revoked');
        """)
    refused(quarter, "the end of the log is gone")


def test_a_revoked_key_stays_revoked_when_its_entry_is_blanked(quarter):
    quarter.forget_lists()
    quarter.do("keys", "revoke", keys_of(quarter)["Demo chair"])
    register = quarter.workspace / "keys" / "register.json"
    text = register.read_text(encoding="utf-8")
    register.write_text(text.replace('"revoked_on": "2026-10-01"', '"revoked_on": ""'), encoding="utf-8")
    refused(quarter, "the log says that the key .* was revoked")


def test_profiles_changed_in_the_cache_change_no_list(quarter):
    before = quarter.told["list"]["list"]
    kept = list((quarter.workspace / "profiles").rglob("*.parquet"))
    assert kept
    for path in kept:
        (pd.read_parquet(path) + 50.0).to_parquet(path, index=False)
    ran = quarter.do("score", "--as-of", "2026-10-01", "--json")
    assert json.loads(ran.stdout)["list"] == before


@pytest.mark.parametrize("name", ["model.json", "audit.json"])
def test_verify_names_a_changed_candidate(quarter, name):
    path = quarter.workspace / "runs" / quarter.run / "candidate" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    ran = quarter.do("verify")
    assert ran.returncode == 2 and f"candidate/{name}" in ran.stdout and "Nothing is wrong" not in ran.stdout


def test_verify_finds_nothing_wrong_after_a_quarter_and_names_what_was_changed(quarter):
    ran = quarter.do("verify")
    assert ran.returncode == 0 and "Nothing is wrong." in ran.stdout and "The release in force holds." in ran.stdout
    path = next((quarter.workspace / "lists").glob("*/list.json"))
    path.write_text(path.read_text(encoding="utf-8") + " ", encoding="utf-8")
    ran = quarter.do("verify")
    assert ran.returncode == 2 and "WRONG" in ran.stdout
