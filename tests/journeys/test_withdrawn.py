"""What is withheld leaves the pages as well: after a revocation, the end of an approval, or a damaged file."""

import re

import pytest

WITHHELD, MEND = 3, 2
WHY = "The board saw a fault in the extract after it had released."


@pytest.fixture
def password(tmp_path):
    path = tmp_path / "password"
    path.write_text("demo\n", encoding="utf-8")
    return path


@pytest.fixture
def shown(quarter):
    """The quarter with pages that carry estimates, as the demo leaves them."""
    assert set(pages_with_estimates(quarter)) == {"cases-to-review.html", "cases-to-review.csv"}
    return quarter


def pages_with_estimates(quarter):
    """The files in reports/ in which somebody's step stands in words."""
    pages = sorted((quarter.workspace / "reports").glob("*"))
    return [page.name for page in pages if re.search(r"in 10\b", page.read_text(encoding="utf-8"))]


def key_of(quarter, holder):
    lines = quarter.do("keys", "list").stdout.splitlines()
    return next(line for line in lines if holder in line).split()[0]


def test_a_revoked_release_leaves_no_estimate_on_the_pages(shown, password):
    ran = shown.do("revoke", "--reason", WHY, "--holder", "Demo chair", "--password-file", password)
    assert ran.returncode == 0, ran.stderr
    assert pages_with_estimates(shown) == []
    assert "none in force" in shown.page() and shown.page("support-waiting.html")


def test_a_revoked_key_leaves_no_estimate_of_what_it_signed_on_the_pages(shown):
    assert shown.do("keys", "revoke", key_of(shown, "Demo chair")).returncode == 0
    assert pages_with_estimates(shown) == []


def test_a_key_that_signed_nothing_takes_nothing_off_the_pages(shown, password):
    assert shown.do("keys", "new", "X. Y.", "--role", "panel_chair", "--password-file", password).returncode == 0
    assert shown.do("keys", "revoke", key_of(shown, "X. Y.")).returncode == 0
    assert "cases-to-review.csv" in pages_with_estimates(shown)


@pytest.mark.parametrize("words", [("verify",), ("score", "--as-of", "2027-04-01")])
def test_whatever_finds_that_the_approval_has_ended_takes_the_estimates_off_the_pages(shown, words):
    shown.set_today("2027-04-01")
    shown.do(*words)
    assert pages_with_estimates(shown) == []
    assert "Approval ended on 31 March 2027" in shown.page()


def test_pages_that_cannot_be_written_anew_are_removed(shown, password):
    (shown.workspace / "vault.db").write_bytes(b"no database")
    ran = shown.do("revoke", "--reason", WHY, "--holder", "Demo chair", "--password-file", password)
    assert ran.returncode == 0 and "could not be written anew and were removed" in ran.stderr
    assert not list((shown.workspace / "reports").glob("cases-to-review.*"))


@pytest.mark.parametrize("content", ["{", "[]", '{"list": 3}', '{"list": "../lists"}'])
def test_a_damaged_note_of_the_newest_list_withholds_estimates_and_leaves_the_pages(shown, content):
    (shown.workspace / "lists" / "newest.json").write_text(content, encoding="utf-8")
    ran = shown.do("list")
    assert ran.returncode == WITHHELD and "lists/newest.json is damaged" in ran.stderr
    assert pages_with_estimates(shown) == []
    assert "Estimates" in shown.page() and "Support" in shown.page("support-waiting.html")


@pytest.mark.parametrize("content", ["[", "[{}]"])
def test_a_damaged_register_of_keys_withholds_estimates_and_is_told_in_a_sentence(shown, content):
    (shown.workspace / "keys" / "register.json").write_text(content, encoding="utf-8")
    ran = shown.do("verify")
    assert ran.returncode == MEND and "register.json is damaged or was edited" in ran.stdout + ran.stderr
    assert pages_with_estimates(shown) == []
    ran = shown.do("list")
    assert ran.returncode == WITHHELD and "register" in ran.stderr
    assert "none in force" in shown.page() and shown.page("support-waiting.html")
    assert shown.do("keys", "list").returncode == MEND


def test_a_folder_for_a_decision_is_a_mistake_to_mend(quarter, tmp_path, password):
    for words in ((tmp_path, "--holder", "Demo chair", "--password-file", password), ("--blank", tmp_path)):
        assert quarter.do("sign", *words).returncode == MEND
    assert quarter.do("sign", "--blank", tmp_path / "nowhere" / "decision.toml").returncode == MEND
    assert not (tmp_path / "nowhere").exists()
