"""An analyst's way from a file with faults to corrected rows, and the page about the data's quality."""

import csv
import datetime as dt
import io
import json
import stat

import pytest

from desist.intake.holding.store import Store
from desist.records.log import EventLog

MEND = 2
SANCTIONS = """agency_person,subject_category,record_kind,occurred_on,recorded_on,offence_code,sanction_date,\
sanction_type,disposal,da_flag,weapon_flag,count
N1,convicted,fact,2025-03-01,2025-03-03,04600,2025-03-02,conviction,Fine,false,false,1
N1,convicted,fact,2025-04-01,2025-04-03,04600,03/04/2025,conviction,Zzyzx,false,false,1
N1,victim,fact,2025-04-01,2025-04-03,04600,2025-04-02,conviction,Qwxyz,false,false,1
N1,convicted,fact,2025-05-01,2025-05-03,04600,2025-05-02,warning,,false,false,1
"""
IDENTITY = """agency_person,subject_category,record_kind,pnc,cro,crn,prison_number,nhs_number,forename,other_names,\
surname,aliases,dob,postcode,sex,recorded_on
N1,convicted,fact,,,,,,Ada,,Madeup,,1990-05-17,,F,2025-03-02
"""
DELIVERY = """source = "police"
extract_date = 2026-09-30
made_up = true
[[file]]
table = "identity"
path = "identity.csv"
agreement = "POL-TEST"
[[file]]
table = "pol_sanction"
path = "pol_sanction.csv"
agreement = "POL-TEST"
"""
AGREEMENT = """id = "POL-TEST"
source = "police"
parties = ["Council", "Police"]
purposes = ["iom_selection_support"]
gateway = "Crime and Disorder Act 1998 s.115"
regime = "part3"
start = 2026-01-01
expires = 2099-12-31
retention_days = 36500
subject_categories = ["convicted"]
consent = "none"
dpia = "DPIA-1"
apd = "APD-1"
[tables]
identity = [{identity}]
pol_sanction = [{sanctions}]
"""


def quoted(text):
    return ", ".join(f'"{name}"' for name in text.splitlines()[0].split(","))


@pytest.fixture
def office(desist, tmp_path):
    """A workspace that has read one police delivery of which three rows wait."""
    files, workspace = tmp_path / "police", tmp_path / "w"
    files.mkdir()
    for name, text in (("delivery.toml", DELIVERY), ("identity.csv", IDENTITY), ("pol_sanction.csv", SANCTIONS)):
        (files / name).write_text(text, encoding="utf-8")
    assert desist("init", workspace).returncode == 0
    agreement = AGREEMENT.format(identity=quoted(IDENTITY), sanctions=quoted(SANCTIONS))
    (workspace / "agreements" / "POL-TEST.toml").write_text(agreement, encoding="utf-8")
    ran = desist("intake", files, "-W", workspace)
    assert ran.returncode == 0, ran.stderr
    assert "Why, and on which lines: desist quarantine" in ran.stdout
    return workspace


def test_an_analyst_has_waiting_rows_corrected_by_the_agency(desist, office, tmp_path):
    shown = desist("quarantine", "-W", office)
    assert "2 rows can be corrected, 1 is never accepted" in shown.stdout
    for word in ("Zzyzx", "N1", "03/04/2025"):
        assert word not in shown.stdout + shown.stderr

    sheet = tmp_path / "for-police.csv"
    ran = desist("quarantine", "--table", "pol_sanction", "--export", sheet, "-W", office)
    assert ran.returncode == 0 and "1 row that may never be accepted is not on it" in ran.stdout
    assert stat.S_IMODE(sheet.stat().st_mode) == 0o600
    text = sheet.read_text(encoding="utf-8-sig")
    assert "Zzyzx" in text and "Qwxyz" not in text

    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["line"] for row in rows] == ["3", "5"]
    rows[0]["sanction_date"], rows[1]["sanction_type"] = "2025-04-03", "a warning"
    with sheet.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    ran = desist("correct-rows", sheet, "--table", "pol_sanction", "-W", office)
    assert ran.returncode == 0, ran.stderr
    assert "2 corrected rows came in place of those in quarantine; 1 is accepted" in ran.stdout
    assert "sanction_type holds a code that is not on its list; lines 5" in ran.stdout

    told = json.loads(desist("quarantine", "--table", "pol_sanction", "-W", office, "--json").stdout)
    assert (told["rows"], told["tables"][0]["replaced"]) == (2, 2)
    verified = desist("verify", "-W", office, "--json")
    assert "quarantine: read = accepted + quarantined + replaced" in verified.stdout
    assert json.loads(verified.stdout)["wrong"] == []
    noted = {row["operation"]: row for row in log_rows(office)}
    assert noted["data.disclosed"]["recipient"] == "police"
    assert noted["rows.corrected"]["counts"] == '{"accepted":1,"quarantined":1,"read":2}'
    assert desist("link", "-W", office).returncode == 0


def log_rows(workspace):
    return EventLog(workspace / "desist.db", lambda: dt.datetime(2099, 1, 1, tzinfo=dt.UTC)).rows()


def test_mistakes_are_told_with_what_to_do_and_change_nothing(desist, office, tmp_path):
    before = {path: path.read_bytes() for path in (office / "store").rglob("*") if path.is_file()}
    wrong = tmp_path / "wrong.csv"
    wrong.write_text(SANCTIONS.replace("agency_person", "line,agency_person", 1).replace("N1,", "2,N1,"), "utf-8")
    asked = {
        ("quarantine", "--export", tmp_path / "x.csv"): "name it with --table",
        ("quarantine", "--export", office / "x.csv", "--table", "pol_sanction"): "lies inside the workspace",
        ("quarantine", "--export", wrong, "--table", "pol_sanction"): "is there already",
        ("quarantine", "--export", tmp_path / "x.csv", "--table", "identity"): "No row of police/identity waits",
        ("quarantine", "--table", "prob_event"): "holds no extract of prob_event",
        ("correct-rows", wrong, "--table", "pol_sanction"): "lines that do not wait in quarantine (2)",
        ("correct-rows", tmp_path / "none.csv", "--table", "pol_sanction"): "cannot be read",
        ("correct-rows", wrong, "--table", "pol_wishes"): "There is no table",
        ("correct-rows", wrong, "--table", "pol_sanction", "--encoding", "ebcdic"): "is none of utf-8",
    }
    for words, told in asked.items():
        ran = desist(*words, "-W", office)
        assert ran.returncode == MEND and told in ran.stderr, (words, ran.stderr)
        assert "Traceback" not in ran.stderr
    assert not (tmp_path / "x.csv").exists() and not (office / "x.csv").exists()
    assert {path: path.read_bytes() for path in (office / "store").rglob("*") if path.is_file()} == before


def test_a_row_that_vanished_from_the_quarantine_is_found_by_verify(desist, office):
    store = Store(office / "store", office / "quarantine")
    manifest = store.manifest()
    manifest["extracts"]["police/pol_sanction"][0]["quarantined"] = {"is about a victim or witness": 1}
    store.commit(manifest, because="somebody")
    wrong = json.loads(desist("verify", "-W", office, "--json").stdout)["wrong"]
    assert any("police/pol_sanction of 2026-09-30: 4 rows read, not 1 + 1 + 0" in text for text in wrong)


def test_the_quality_report_is_a_page_and_json_that_show_no_person(desist, office):
    ran = desist("report", "quality", "-W", office, "--json")
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)["report"]
    assert told["coverage"] is None
    page = (office / "reports" / "quality.html").read_text(encoding="utf-8")
    assert json.loads((office / "reports" / "quality.json").read_text(encoding="utf-8")) == told
    assert "Made-up data" in page and "desist link" in page
    for word in ("N1", "Madeup", "Zzyzx", "1990"):
        assert word not in page + ran.stdout


def test_a_workspace_without_extracts_says_what_comes_first(desist, tmp_path):
    desist("init", tmp_path / "w")
    assert desist("quarantine", "-W", tmp_path / "w").stdout == "No row waits in quarantine.\n"
    ran = desist("report", "quality", "-W", tmp_path / "w")
    assert ran.returncode == MEND and "desist intake" in ran.stderr
