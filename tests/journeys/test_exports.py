"""A panel chair hands a list on; the copy carries its end, and whoever revokes learns who holds it."""

import csv
import io
import sqlite3

import pytest

RECIPIENT, REASON = "iom.team@council.example", "The weekly meeting on Thursday works from paper."
WITHHELD = 3


@pytest.fixture
def chair(quarter, tmp_path):
    password = tmp_path / "password"
    password.write_text("demo\n", encoding="utf-8")
    made = quarter.do("keys", "new", "P. Chair", "--role", "panel_chair", "--password-file", password)
    assert made.returncode == 0, made.stderr
    return password


@pytest.fixture
def hand_on(quarter, chair, tmp_path):
    def run(name="copy.csv", holder="P. Chair", until="2026-10-15", reason=REASON, recipient=RECIPIENT):
        words = ("--out", tmp_path / name, "--holder", holder, "--for", recipient, "--reason", reason)
        return quarter.do("export", "new", *words, "--until", until, "--password-file", chair)

    return run


def copy_of(tmp_path, name="copy.csv"):
    return (tmp_path / name).read_bytes().decode("utf-8")


def test_a_copy_carries_recipient_end_approval_and_checksum_on_it(quarter, hand_on, tmp_path):
    ran = hand_on()
    assert ran.returncode == 0, ran.stderr
    header, *rows, last = csv.reader(io.StringIO(copy_of(tmp_path).removeprefix("\ufeff")))
    assert header[-3:] == ["Export", "For", "Destroy by"]
    assert {tuple(row[-2:]) for row in rows} == {(RECIPIENT, "15 October 2026")}
    assert {row[header.index("Approval")] for row in rows} == {quarter.release}
    assert last[0] == "SHA-256 of all lines above" and len(last[1]) == 64
    checked = quarter.do("export", "check", tmp_path / "copy.csv")
    assert checked.returncode == 0 and "unchanged" in checked.stdout
    told = quarter.do("export", "list")
    assert RECIPIENT in told.stdout and "out until 2026-10-15" in told.stdout
    assert quarter.do("verify").returncode == 0


def test_one_changed_letter_of_a_copy_shows(quarter, hand_on, tmp_path):
    hand_on()
    path = tmp_path / "copy.csv"
    path.write_text(copy_of(tmp_path).replace("15 October", "25 October"), encoding="utf-8", newline="")
    ran = quarter.do("export", "check", path)
    assert ran.returncode == 2 and "changed since" in ran.stderr


def test_only_a_panel_chair_hands_a_list_on_and_a_refusal_is_logged(quarter, hand_on, tmp_path):
    ran = hand_on(holder="Demo chair")
    assert ran.returncode == 2 and "the panel chair can" in ran.stderr
    assert not (tmp_path / "copy.csv").exists()
    with sqlite3.connect(quarter.workspace / "desist.db") as connection:
        assert connection.execute("select count(*) from event where operation = 'access.denied'").fetchone() == (1,)


def test_a_copy_never_outlives_its_list_and_needs_a_reason_and_a_code(hand_on):
    assert "until 2026-10-29 at the latest" in hand_on(until="2026-10-30").stderr
    assert "reason" in hand_on(reason="for the meeting").stderr
    assert "recipient" in hand_on(recipient="Jo Bloggs").stderr
    assert hand_on(until="2026-10-29").returncode == 0


def test_no_copy_without_a_release_that_holds(quarter, hand_on, tmp_path):
    policy = quarter.workspace / "policy.toml"
    policy.write_text(policy.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    assert hand_on().returncode == WITHHELD
    assert not (tmp_path / "copy.csv").exists() and not (quarter.workspace / "exports.db").exists()


def test_whoever_revokes_learns_who_holds_a_copy(quarter, hand_on, chair):
    hand_on()
    why = "The board saw a fault in the extract after it had released."
    ran = quarter.do("revoke", "--reason", why, "--holder", "Demo chair", "--password-file", chair)
    assert ran.returncode == 0 and f"{RECIPIENT} holds export" in ran.stderr


def test_a_copy_whose_day_is_over_is_named_until_somebody_says_that_it_is_gone(quarter, hand_on, tmp_path):
    hand_on(until="2026-10-02")
    export_id = copy_of(tmp_path).splitlines()[1].split('","')[-3]
    quarter.set_today("2026-10-03")
    ran = quarter.do("verify")
    assert f"was to destroy export {export_id} by 2026-10-02" in ran.stdout
    assert "is to be destroyed" not in quarter.do("export", "check", tmp_path / "copy.csv").stdout
    again = hand_on(name="second.csv")
    assert again.returncode == 2 and "holds a copy whose day is over" in again.stderr
    assert quarter.do("export", "end", export_id, "--how", "destroyed").returncode == 0
    assert "was to destroy" not in quarter.do("verify").stdout
    assert hand_on(name="second.csv").returncode == 0


@pytest.mark.parametrize(
    "edit",
    [
        "drop trigger export_is_not_changed; update export set told = replace(told, 'council', 'elsewhere');",
        "drop trigger export_is_not_removed; delete from export;",
    ],
)
def test_an_inventory_that_was_edited_or_emptied_shows_against_the_log(quarter, hand_on, edit):
    hand_on()
    with sqlite3.connect(quarter.workspace / "exports.db") as connection:
        connection.executescript(edit)
    ran = quarter.do("verify")
    assert ran.returncode == 2 and "WRONG" in ran.stdout and "export" in ran.stdout


def test_an_inventory_that_is_gone_shows_against_the_log(quarter, hand_on):
    hand_on()
    (quarter.workspace / "exports.db").unlink()
    ran = quarter.do("verify")
    assert ran.returncode == 2 and "which the log tells of" in ran.stdout


def put_no_entry(quarter):
    with sqlite3.connect(quarter.workspace / "exports.db") as connection:
        connection.execute("insert into export (id, told) values ('x', '{}')")


def test_an_entry_that_is_none_gives_a_clear_answer_everywhere_and_stops_no_revocation(quarter, hand_on, chair):
    hand_on()
    put_no_entry(quarter)
    for words in (("verify",), ("export", "list"), ("export", "end", "x", "--how", "destroyed")):
        ran = quarter.do(*words)
        assert ran.returncode == 2 and "Restore it from a backup" in ran.stdout + ran.stderr, words
    ran = quarter.do("revoke", "--reason", "The board saw a fault in the extract after it had released.",
                     "--holder", "Demo chair", "--password-file", chair)  # fmt: skip
    assert ran.returncode == 0 and f"{RECIPIENT} holds export" in ran.stderr
    assert "which only the log tells of: ask for it back" in ran.stderr


def test_the_inventory_that_is_gone_does_not_say_that_nothing_was_handed_on(quarter, hand_on):
    assert quarter.do("export", "list").returncode == 0
    hand_on()
    (quarter.workspace / "exports.db").unlink()
    ran = quarter.do("export", "list")
    assert ran.returncode == 2 and "WRONG: the inventory lacks export" in ran.stdout
    assert "No list was handed on" not in ran.stdout
