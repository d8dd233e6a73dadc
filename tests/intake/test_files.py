"""What is wrong with a file or a delivery as a whole: everything named at once, and nothing written."""

import datetime as dt

import pytest

from desist.intake.reading.judge import _rows_held
from desist.intake.terms.delivery import SentFile


def test_all_problems_of_all_files_are_named_in_one_refusal(probation, refusal):
    probation.identity("police", "N1")
    probation.row("police", "pol_sanction", agency_person="N1", offence_code="99999", sanction_date="2025-03-02",
                  sanction_type="conviction")  # fmt: skip
    probation.identity("prison", "A1")
    probation.identity("council", "C1")
    probation.row("council", "housing_duty", agency_person="C1", duty="main")
    probation.row("council", "asb_outcome", agency_person="C1", type="CPN")
    probation.bytes["prob_person"] = b"agency_person,lao\nP1,true\n"
    probation.bytes["housing_duty"] = b" "
    probation.bytes["asb_outcome"] = b"agency_person,type,type\nC1,caf\xe9,x\n"
    probation.head["prison"] = {"extract_date": '"yesterday"'}
    probation.write()
    probation.path("probation", "prob_event").unlink()
    found = refusal(lambda: probation.read(write=False))
    for part in (
        "99999 (1 row)",
        "prob_person.csv: found no column subject_category, record_kind, recorded_on, supervision_status",
        "housing_duty.csv: found an empty file",
        "asb_outcome.csv: found a byte that is not utf-8 (byte 31, line 2)",
        "prison/delivery.toml: found `extract_date` = 'yesterday'",
        "prob_event.csv: found no such file",
    ):
        assert part in found
    assert not probation.workspace.store.exists() and not probation.workspace.vault.exists()
    assert probation.log.rows() == []


def test_a_problem_names_what_was_found_where_what_was_expected_and_what_to_do(probation, refusal):
    probation.bytes["prob_person"] = b""
    probation.write()
    probation.path("probation", "prob_person").write_bytes(b"")
    found = refusal(lambda: probation.read(write=False))
    assert "probation/prob_person.csv: found an empty file; expected a header line" in found
    assert "Send it with its header." in found


def test_a_windows_encoding_works_once_it_is_stated(partnership, refusal):
    partnership.identity("police", "N1", surname="Zoë")
    partnership.write()
    path = partnership.path("police", "identity")
    path.write_bytes(path.read_bytes().decode("utf-8").encode("windows-1252"))
    found = refusal(lambda: partnership.read(write=False))
    assert 'encoding = "windows-1252"' in found and "line 2" in found and "Zo" not in found
    toml = path.parent / "delivery.toml"
    toml.write_text('encoding = "windows-1252"\n' + toml.read_text())
    partnership.read(write=False)
    partnership.link()
    [person] = partnership.store.links()[0]["person_id"]
    assert partnership.vault.names([person])["name"].tolist() == ["Zoë"]


def test_a_stated_encoding_that_is_wrong_too_is_named(partnership, refusal):
    partnership.head["police"] = {"encoding": '"windows-1252"'}
    partnership.identity("police", "N1")
    partnership.bytes["identity"] = b"agency_person\n\x81\n"
    assert "not windows-1252 (byte 15, line 2)" in refusal(partnership.read)


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ("source = [", "a file that is not TOML"),
        ("", "no `source`"),
        ('source = "police"', "no `extract_date`"),
        ('source = "hospital"\nextract_date = 2026-09-30\nmade_up = true', "`source` = 'hospital'"),
        ('source = "police"\nextract_date = 2026-10-02\nmade_up = true', "a day not after 2026-10-01"),
        ('source = "police"\nextract_date = 2026-09-30', "no `made_up`"),
        ('source = "police"\nextract_date = 2026-09-30\nmade_up = true', "no [[file]]"),
        ('source = "police"\nextract_date = 2026-09-30\nmade_up = true\nencoding = "ebcdic"\n', "encoding from utf-8"),
        ('source = "police"\nextract_date = 2026-09-30\nmade_up = true\n[[file]]\ntable = "identity"',
         "without agreement, path"),
        ('source = "police"\nextract_date = 2026-09-30\nmade_up = true\n[[file]]\ntable = "prob_event"\n'
         'path = "x"\nagreement = "police-26"', "a table that police sends"),
    ],
)  # fmt: skip
def test_a_broken_delivery_note_is_refused_with_its_fault(partnership, refusal, toml, expected):
    partnership.identity("police", "N1").write()
    (partnership.folder("police") / "delivery.toml").write_text(toml)
    assert expected in refusal(lambda: partnership.read(write=False))


@pytest.mark.parametrize("path", ["../../x.csv", "/etc/hostname", "a/../../x.csv", "C:\\x.csv", "..\\x.csv", "", "\\x"])
def test_a_path_that_leads_out_of_the_delivery_is_refused(partnership, refusal, path):
    partnership.identity("police", "N1").write()
    (partnership.delivery / "x.csv").write_text("agency_person\nN1\n")
    toml = partnership.folder("police") / "delivery.toml"
    toml.write_text(toml.read_text().replace('"identity.csv"', f"'{path}'"))
    assert "a path that leads out of the delivery" in refusal(lambda: partnership.read(write=False))


def test_a_linked_file_is_refused_and_so_is_a_file_in_a_linked_folder(partnership, refusal, tmp_path):
    partnership.identity("police", "N1").write()
    path = partnership.path("police", "identity")
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    path.rename(outside / "identity.csv")
    path.symlink_to(outside / "identity.csv")
    assert "a link to another place" in refusal(lambda: partnership.read(write=False))
    beside = path.parent.rename(tmp_path / "police-elsewhere")
    path.parent.symlink_to(beside)
    assert "a folder, not a link" in refusal(lambda: partnership.read(write=False))
    path.parent.unlink()
    beside.rename(path.parent)
    path.unlink()
    (path.parent / "inside").symlink_to(outside)
    toml = path.parent / "delivery.toml"
    toml.write_text(toml.read_text().replace('"identity.csv"', '"inside/identity.csv"'))
    assert "a link to another place" in refusal(lambda: partnership.read(write=False))


def test_a_file_in_a_folder_of_the_delivery_is_read(partnership):
    partnership.identity("police", "N1").write()
    path = partnership.path("police", "identity")
    (path.parent / "inside").mkdir()
    path.rename(path.parent / "inside" / "identity.csv")
    toml = path.parent / "delivery.toml"
    toml.write_text(toml.read_text().replace('"identity.csv"', '"inside/identity.csv"'))
    assert partnership.read(write=False).files[0].accepted == 1


def test_a_repeated_column_is_refused_and_an_unknown_name_is_not_echoed(partnership, refusal):
    partnership.identity("police", "N1").write()
    path = partnership.path("police", "identity")
    header = path.read_bytes().split(b"\n")[0]
    path.write_bytes(header + b",dob\n")
    assert "the column dob twice" in refusal(lambda: partnership.read(write=False))
    path.write_bytes(header + b",Zzyzx,Zzyzx\n")
    found = refusal(lambda: partnership.read(write=False))
    assert "of an unknown name twice" in found and "Zzyzx" not in found


@pytest.mark.parametrize(("bad", "is_refused"), [(10, False), (11, True)])
def test_a_file_that_is_mostly_junk_is_refused_as_a_whole(partnership, refusal, bad, is_refused):
    for number in range(20):
        partnership.identity("police", f"N{number}", dob="17/05/1990" if number < bad else "1990-05-17")
    if is_refused:
        found = refusal(partnership.read)
        assert "11 of 20 rows that cannot be accepted" in found and "dob is written day first" in found
    else:
        assert partnership.read().files[0].accepted == 10


def test_rows_of_a_refused_class_are_no_junk(partnership):
    for number in range(40):
        partnership.identity("police", f"N{number}", subject_category="victim" if number else "convicted")
    assert partnership.read().files[0].accepted == 1


def test_two_files_for_one_table_are_refused(partnership, refusal):
    partnership.identity("police", "N1").write()
    toml = partnership.folder("police") / "delivery.toml"
    entry = '\n[[file]]\ntable = "identity"\npath = "identity.csv"\nagreement = "police-26"\n'
    toml.write_text(toml.read_text() + entry)
    assert "two files for the table identity" in refusal(lambda: partnership.read(write=False))


def test_a_folder_without_a_delivery_is_refused(partnership, refusal, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "no delivery.toml" in refusal(lambda: partnership.read(folder=tmp_path / "empty"))


def test_made_up_people_and_real_ones_never_share_a_workspace(partnership, refusal):
    partnership.identity("police", "N1").read()
    partnership.tables = {}
    partnership.identity("prison", "A1")
    partnership.head["prison"] = {"made_up": "false"}
    partnership.write()
    assert "made-up people and real ones" in refusal(
        lambda: partnership.read(write=False, folder=partnership.folder("prison"))
    )


def test_events_without_any_identity_table_are_refused(partnership, refusal):
    partnership.row("prison", "pris_spell", agency_person="A1")
    assert "no table identity" in refusal(partnership.read)


def test_an_older_extract_does_not_displace_a_newer_one(partnership, refusal):
    partnership.identity("police", "N1").read()
    partnership.cut = dt.date(2026, 6, 30)
    assert "not older than the current extract of 2026-09-30" in refusal(partnership.read)


def _orders(partnership, good, bad, cut):
    """A delivery of ``good`` sanctions that stand and ``bad`` ones with a date day first."""
    partnership.tables, partnership.cut = {}, dt.date.fromisoformat(cut)
    partnership.identity("police", "N1")
    cells = {"agency_person": "N1", "offence_code": "04600", "sanction_type": "conviction"}
    for number in range(good + bad):
        day = "2025-03-02" if number < good else "02/03/2025"
        partnership.row("police", "pol_sanction", sanction_date=day, disposal=f"{cut}/{number}", **cells)
    return partnership


def _said(report):
    return next(line for line in report.as_text().splitlines() if "before" in line)


@pytest.mark.parametrize(("bad", "is_refused"), [(2, False), (3, True)])
def test_a_column_that_fails_in_every_row_stops_a_file_of_three_rows(partnership, refusal, bad, is_refused):
    _orders(partnership, 0, bad, "2026-09-30")
    if is_refused:
        assert "3 of 3 rows that cannot be accepted as pol_sanction" in refusal(partnership.read)
        assert not partnership.store.tables()
    else:
        assert partnership.file(partnership.read(), "pol_sanction").accepted == 0


def test_a_file_of_which_nothing_is_accepted_never_replaces_one_that_had_rows(partnership, refusal):
    _orders(partnership, 12, 0, "2026-08-31").read()
    held = partnership.store.snapshot_hash()
    _orders(partnership, 0, 3, "2026-09-30").tables["police"]["pol_sanction"][0]["subject_category"] = "suspect"
    assert "2 of 3 rows that cannot be accepted as pol_sanction (12 before, 0 now)" in refusal(partnership.read)
    assert partnership.store.snapshot_hash() == held and len(partnership.store.read("pol_sanction")) == 12


def test_rows_of_a_refused_class_may_be_all_there_is_of_a_file_and_the_loss_is_told(partnership):
    _orders(partnership, 4, 0, "2026-08-31").read()
    for row in _orders(partnership, 4, 0, "2026-09-30").tables["police"]["pol_sanction"]:
        row["subject_category"] = "suspect"
    report = partnership.read()
    assert partnership.file(report, "pol_sanction").accepted == 0
    assert "4 before, 0 now" in _said(report)


@pytest.mark.parametrize(("left", "is_told"), [(5, True), (6, False)])
def test_fewer_than_half_of_the_rows_that_a_file_replaces_are_told(partnership, left, is_told):
    _orders(partnership, 12, 0, "2026-08-31").read()
    report = _orders(partnership, left, 1, "2026-09-30").read()
    assert ("12 before, 5 now" in report.as_text()) == is_told
    assert partnership.file(report, "pol_sanction").before == 12


def test_what_was_corrected_since_counts_among_the_rows_before():
    held = {"accepted": 2, "input_sha256": "a", "corrections": [{"accepted": 3}]}
    assert [_rows_held(held, SentFile("t", "p", "g", b"", sha)) for sha in ("a", "b")] == [2, 5]


def test_a_file_of_several_tables_that_is_broken_is_told_once(partnership, refusal):
    for table in ("identity", "prob_person"):
        partnership.row("probation", table, agency_person="P1")
    partnership.write()
    note = partnership.folder("probation") / "delivery.toml"
    text = note.read_text(encoding="utf-8").replace("prob_person.csv", "identity.csv")
    note.write_text(text, encoding="utf-8")
    partnership.path("probation", "identity").write_bytes(b"PK\x03\x04")
    assert (
        refusal(lambda: partnership.read(write=False)).count("a workbook without a mapping") == 2
    )  # text and problems


def test_intake_names_the_columns_of_a_key_that_a_row_repeats(probation):
    probation.row("probation", "prob_event", agency_person="P1", event_id="E1", offence_code="10501")
    assert "1 row: repeats the key of an earlier row (event_id)" in probation.read().as_text()
