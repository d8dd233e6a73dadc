"""Who is who, as an analyst and a data steward settle it at the command line."""

import csv
import datetime as dt
import io
import json
import shutil
import stat

import pytest

TODAY = dt.date(2026, 10, 1)
MEND = 2


class Office:
    """A made-up partnership whose council notes one person's CRN on another's record."""

    def __init__(self, root, run):
        self.run, self.workspace, self.files = run, root / "w", root / "sent"

    def do(self, command, *words):
        return self.run(command, *words, "-W", self.workspace)

    def link(self):
        told = self.do("link", "--json")
        assert told.returncode == 0, told.stderr
        return json.loads(told.stdout)

    def identity(self, source):
        return self.files / "extracts" / source / "identity.csv"

    def rows(self, source):
        return list(csv.DictReader(io.StringIO(self.identity(source).read_text(encoding="utf-8"))))

    def person(self, source, number):
        from desist.intake.holding.vault import Vault

        key_map = Vault(self.workspace / "vault.db").key_map().set_index(["source", "agency_person"])
        return key_map.loc[(source, number), "person_id"]


@pytest.fixture(scope="module")
def mistaken(desist, tmp_path_factory):
    """Eighty made-up people taken in and linked; ``wrong`` at the council carries the CRN of ``owner`` at probation."""
    root = tmp_path_factory.mktemp("office")
    office = Office(root, desist)
    assert desist("simulate", office.files, "--people", 80, "--seed", 2).returncode == 0
    rows, owner = office.rows("council"), office.rows("probation")[0]
    wrong = next(row for row in rows if row["dob"][:4] != owner["dob"][:4] and row["surname"] != owner["surname"])
    wrong["crn"] = owner["crn"]
    with office.identity("council").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    told = desist("init", office.workspace, "--agreements", office.files / "agreements")
    assert told.returncode == 0, told.stderr
    settings = office.workspace / "partnership.toml"
    text = settings.read_text(encoding="utf-8").replace("made_up = false", "made_up = true")
    settings.write_text(text.replace("[run]\n", f"[run]\ntoday = {TODAY}\n"), encoding="utf-8")
    told = office.do("intake", office.files)
    assert told.returncode == 0, told.stderr
    office.told = office.link()
    return root, office.told, ("council", wrong["agency_person"]), ("probation", owner["agency_person"]), wrong


@pytest.fixture
def office(mistaken, desist, tmp_path):
    root, told, wrong, owner, row = mistaken
    shutil.copytree(root, tmp_path / "o")
    office = Office(tmp_path / "o", desist)
    office.told, office.wrong, office.owner, office.row = told, wrong, owner, row
    return office


def number_of(office):
    from desist.intake.holding.vault import Vault

    queue = Vault(office.workspace / "vault.db").link_queue()
    wrong = office.wrong[1]
    mine = queue[((queue["left_number"] == wrong) | (queue["right_number"] == wrong)) & (queue["kind"] == "conflict")]
    return int(mine["number"].iloc[0])


def test_a_linking_is_told_in_counts_and_its_page_holds_nobodys_data(office):
    told, page = office.told, (office.workspace / "reports" / "linkage.html").read_text(encoding="utf-8")
    assert told["records"] == sum(told["by_source"].values()) and told["queue"]["conflict"] >= 1
    assert set(told["thresholds"]) == {"join", "split", "review", "score"} and told["model"]["blocking"]
    assert json.loads((office.workspace / "reports" / "linkage.json").read_text())["people"] == told["people"]
    for text in ("Made-up data", "Pairs by blocking rule", "uses neither sex nor ethnicity", "equal birth date"):
        assert text in page
    assert not any(office.row[cell] in page for cell in ("surname", "dob", "crn", "agency_person"))


def test_a_steward_sees_the_pair_decides_and_the_decision_holds(office):
    shown = office.do("link-queue")
    assert shown.returncode == 0 and "pairs of records wait for a data steward" in shown.stdout
    assert not any(office.row[cell] in shown.stdout + shown.stderr for cell in ("surname", "dob", "crn"))
    path = office.workspace / "reports" / "links-to-review.html"
    page = path.read_text(encoding="utf-8")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert all(office.row[cell] in page for cell in ("surname", "dob", "crn")) and "sex" not in page.split("<h2")[-1]
    decided = office.do(
        "link-decide", number_of(office), "different", "--reason", "identifier_mistyped", "--actor", "st.one"
    )
    assert decided.returncode == 0 and "run `desist link`" in decided.stderr
    before = office.told["unconfirmed_people"]
    for _ in range(2):
        told = office.link()
        assert told["decisions"] == {"different": 1} and told["unconfirmed_people"] == before - 2
        assert office.person(*office.wrong) != office.person(*office.owner)


def test_same_makes_one_person_whose_profiles_are_made_anew_and_the_log_says_so(office):
    kept = office.workspace / "profiles" / "2026-10-01-old"
    kept.mkdir(parents=True)
    assert office.do("link-decide", number_of(office), "same", "--reason", "agency_confirmed").returncode == 0
    told = office.link()
    assert told["merged"] == 1 and told["reissued"] == 2 and not kept.exists()
    assert office.person(*office.wrong) == office.person(*office.owner)
    from desist.records.log import EventLog

    rows = EventLog(office.workspace / "desist.db", clock=lambda: dt.datetime(2026, 10, 1, tzinfo=dt.UTC)).rows()
    count = {name: sum(row["operation"] == name for row in rows) for name in ("link.decided", "person.reissued")}
    assert count == {"link.decided": 2, "person.reissued": 2}
    assert office.do("verify").returncode in (0, 3)


def test_a_decision_that_cannot_be_kept_says_what_to_do_and_changes_nothing(office):
    before = (office.workspace / "vault.db").read_bytes()
    logged = (office.workspace / "desist.db").read_bytes()
    for words in (("999", "same", "--reason", "agency_confirmed"), (number_of(office), "same", "--reason", "maybe"),
                  (number_of(office), "perhaps", "--reason", "agency_confirmed"),
                  (number_of(office), "withdrawn", "--reason", "decided_in_error"),
                  ("²", "same", "--reason", "agency_confirmed"),
                  ("police:1", "same", "--reason", "agency_confirmed")):  # fmt: skip
        told = office.do("link-decide", *words)
        assert told.returncode == MEND and told.stderr and "Traceback" not in told.stderr
    assert (office.workspace / "vault.db").read_bytes() == before
    assert (office.workspace / "desist.db").read_bytes() == logged  # nothing refused is logged as made


@pytest.mark.parametrize(("line", "found"), [
    ("join = 1.5", "join"), ("jion = 0.9", "jion"), ("split = 0.999", "review <= split <= join"), ("join = 1", "join"),
])  # fmt: skip
def test_thresholds_that_make_no_sense_are_refused_with_the_line_to_mend(office, line, found):
    path = office.workspace / "partnership.toml"
    lines = path.read_text(encoding="utf-8").splitlines()
    key = line.split(" = ")[0]
    kept = [text for text in lines if not text.startswith(f"{key} = ")]
    kept.insert(kept.index(next(text for text in kept if text.startswith("[linkage]"))) + 1, line)
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")
    told = office.do("link")
    assert told.returncode == MEND and found in told.stderr and "[linkage]" in told.stderr
