"""Through the command line: a person reads their record, stops its use, has it corrected, and is forgotten."""

import json
import re

import pandas as pd
import pytest

from desist.intake.holding.vault import Vault
from desist.intake.rights.person import correct_identity, identity_of
from desist.pipelines.rights.due import named_files

MEND, WITHHELD = 2, 3
SENTINELS = {"forename": "Quillfeather", "surname": "Zzyzxman", "postcode": "ZZ99 1QQ", "dob": "1961-01-31"}


@pytest.fixture
def password(tmp_path):
    path = tmp_path / "password"
    path.write_text("demo\n", encoding="utf-8")
    return path


def somebody(quarter):
    """A person on the list with an estimate, whom police and probation know, and who is in the training run."""
    told = json.loads(next((quarter.workspace / "lists").glob("*/list.json")).read_text(encoding="utf-8"))
    vault = Vault(quarter.workspace / "vault.db")
    keys = vault.key_map()
    both = set(keys[keys["source"] == "police"]["person_id"]) & set(keys[keys["source"] == "probation"]["person_id"])
    both &= set(pd.read_parquet(next((quarter.workspace / "runs").glob("*/people.parquet")))["person_id"])
    return next(row["person_id"] for row in told["rows"]
                if row["person_id"] in both and told["estimates"][row["person_id"]]["step"])  # fmt: skip


def words_of(quarter, person):
    vault = Vault(quarter.workspace / "vault.db")
    keys = vault.key_map()
    own = keys[keys["person_id"] == person]
    numbers = {source: list(rows["agency_person"]) for source, rows in own.groupby("source")}
    rows = identity_of(vault, numbers)
    kinds = ("pnc", "crn", "prison_number", "nhs_number")
    return [person, *own["agency_person"], *(row[kind] for row in rows for kind in kinds if row[kind])]


def plant(quarter, person):
    """Give the person a name, a birth date and a postcode that nobody else has, in every agency's records."""
    vault = Vault(quarter.workspace / "vault.db")
    for source, number in vault.key_map().query("person_id == @person")[["source", "agency_person"]].to_numpy():
        for field, value in SENTINELS.items():
            correct_identity(vault, source, number, field, value)


def files_with(root, words):
    """The files in which a word stands, packed tables and free pages of databases included."""
    found = set()
    for path in named_files(root):
        text = path.read_bytes()
        if path.suffix == ".parquet":
            text += pd.read_parquet(path).to_csv().encode()
        if any(word.encode() in text for word in words):
            found.add(path.relative_to(root).as_posix())
    return found


def test_a_person_who_asks_is_forgotten_everywhere_and_does_not_come_back(quarter, password):
    person, root = somebody(quarter), quarter.workspace
    plant(quarter, person)
    assert quarter.do("list").returncode == 0
    chair = quarter.do("keys", "new", "C. Hair", "--role", "panel_chair", "--password-file", password)
    assert chair.returncode == 0, chair.stderr
    copy = quarter.do("export", "new", "--out", root / "copy.csv", "--holder", "C. Hair", "--for", "iom.team",
                      "--reason", "for the meeting on Thursday", "--until", "2026-10-20",
                      "--password-file", password)  # fmt: skip
    assert copy.returncode == 0, copy.stderr
    words = [*words_of(quarter, person), *SENTINELS.values()]
    held = files_with(root, words)
    assert {"vault.db", "equality.db", "copy.csv", "reports/cases-to-review.html"} <= held
    assert {name.split("/")[0] for name in held} >= {"lists", "runs", "store"}

    ran = quarter.do("erase", person, "--reason", "request", "--json")
    assert ran.returncode == 0, ran.stderr
    [receipt] = json.loads(ran.stdout)["receipts"]
    assert files_with(root, words) == set()
    assert receipt["runs"] and "iom.team holds export" in receipt["copies"][0]
    assert "Zzyzxman" not in quarter.page() and re.search(r"in 10\b", quarter.page())
    checked = quarter.do("verify")
    assert checked.returncode == 0 and "The release in force holds" in checked.stdout, checked.stdout

    again = quarter.do("intake", quarter.extracts / "extracts")
    assert again.returncode == 0 and "is about a person who was erased" in again.stdout
    assert quarter.do("link").returncode == 0
    assert files_with(root, words) == set()
    checked = quarter.do("verify")
    assert checked.returncode == 0, checked.stdout
    assert quarter.do("person", person).returncode == MEND


def test_restriction_and_challenge_take_the_estimate_off_the_page_and_nothing_else(quarter):
    person = somebody(quarter)
    assert quarter.do("list").returncode == 0
    before = len(re.findall(r"in 10\b", quarter.page()))
    assert quarter.do("restrict", person, "--reason", "request").returncode == 0
    page = quarter.page()
    assert "The person has asked that their information is not used for an estimate" in page
    assert len(re.findall(r"in 10\b", page)) < before
    assert quarter.do("restrict", person, "--lift", "--reason", "request").returncode == 0
    ran = quarter.do("correct", person, "--contest", "--decide-by", "2026-10-20", "--reason", "request")
    assert ran.returncode == 0, ran.stderr
    assert "The person has challenged information used here. Decision due 20 October 2026." in quarter.page()
    assert quarter.do("verify").returncode == 0
    record = quarter.do("person", person, "--explain")
    assert "No estimate is made until that is decided" in record.stdout and "Probation:" in record.stdout


@pytest.mark.slow
def test_what_is_past_its_review_date_holds_estimates_back_until_a_steward_decides(quarter):
    path = quarter.workspace / "agreements" / "POL-2026.toml"
    changed = path.read_text(encoding="utf-8").replace("retention_days = 90", "retention_days = 1")
    path.write_text(changed, encoding="utf-8")
    quarter.set_today("2026-10-02")
    scored = quarter.do("score", "--as-of", "2026-10-02")
    assert scored.returncode == WITHHELD and "extracts of police were to be reviewed by 2026-10-01" in scored.stderr
    assert "OVERDUE police/pol_sanction" in quarter.do("retention").stdout
    kept = quarter.do("retention", "--keep", "police", "--until", "2026-11-01", "--reason", "court_case")
    assert kept.returncode == 0, kept.stderr
    assert quarter.do("score", "--as-of", "2026-10-02").returncode == 0
