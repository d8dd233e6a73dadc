"""Every class of broken file has its own message, whatever program broke it; nothing is written, nobody is named."""

import datetime as dt
import io
import json
import zipfile

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

MEND = 2
#: A name that stands in every broken file and must not come up in any message.
SECRET = "Zzyzxford"
HEAD = "CRO|PNCID|HO Code|Offence Date|Court Date|Result|Entered"
ROW = "{secret}|1899/0000001{letter}|00801|03/04/2025|05/05/2025|GUILTY|06/05/2025"
MAPPING = """
[format]
kind = "{kind}"
dates = "{dates}"
{more}
[[table]]
table = "pol_sanction"
not_sent = ["disposal", "da_flag", "weapon_flag", "count"]
[table.columns]
agency_person = {{from = "PNCID"}}
subject_category = {{constant = "convicted"}}
record_kind = {{constant = "fact"}}
occurred_on = {{from = "Offence Date"}}
recorded_on = {{from = "Entered"}}
offence_code = {{from = "HO Code"}}
sanction_date = {{from = "Court Date"}}
sanction_type = {{from = "Result", codes = {{GUILTY = "conviction"}}}}
"""
AS_CSV = MAPPING.format(kind="csv", dates="day_first", more='delimiter = "|"')
AS_XLSX = MAPPING.format(kind="xlsx", dates="serial", more='sheet = "Data"')


def rows(**changed):
    """Thirty rows of a good print-out, with some cells written otherwise."""
    names = HEAD.split("|")
    cells = ROW.format(secret=SECRET, letter="A").split("|")
    return [[changed.get(name.replace(" ", "_").lower(), cell) for name, cell in zip(names, cells, strict=True)]
            for _ in range(30)]  # fmt: skip


def print_out(body, head=HEAD, encoding="utf-8"):
    return "\n".join([head, *(line if isinstance(line, str) else "|".join(line) for line in body), ""]).encode(encoding)


def workbook(change=None, hidden=False, head=HEAD):
    """A good workbook of thirty rows, with Excel's own dates, after ``change`` was made to its sheet."""
    book = openpyxl.Workbook()
    page = book.active
    page.title = "Data"
    page.append(head.split("|"))
    for row in rows():
        page.append([dt.datetime.strptime(cell, "%d/%m/%Y") if cell.count("/") == 2 else cell for cell in row])
    if hidden:
        book.create_sheet("Front")
        page.sheet_state = "hidden"
    if change:
        change(page)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def with_part(content, name, part):
    """The workbook with one more part."""
    made = io.BytesIO(content)
    with zipfile.ZipFile(made, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, part)
    return made.getvalue()


def parquet():
    made = io.BytesIO()
    pq.write_table(pa.table({"PNCID": ["1899/0000001A"] * 1000}), made)
    return made.getvalue()


def merged_header(page):
    page.insert_rows(1)
    page["A1"] = "Person"
    page.merge_cells("A1:B1")


def american_dates(page):
    """What Excel makes of days first on an American desk: some become dates, with day and month turned round."""
    for line in range(10, 20):
        page.cell(line, 4).value = "13/04/2025"


def formula(page):
    page["D7"] = "=C7+1"


def rewritten(column, value):
    def change(page):
        for line in range(2, 32):
            page.cell(line, column).value = value

    return change


def locked():
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500 + "EncryptedPackage".encode("utf-16-le") + SECRET.encode()


WIDE = [[*row, "one", "more"] for row in rows()]
OPEN = ["|".join(row[:5]) + '|"GUILTY|' + row[6] for row in rows()]
BROKEN = {
    "encoding": (
        "f.csv",
        print_out(rows(cro="Faró"), encoding="windows-1252"),
        AS_CSV,
        ["utf-8", "line 2", "windows-1252"],
    ),
    "byte order mark": ("f.csv", print_out(rows(), encoding="utf-16"), AS_CSV, ["utf-16", "State encoding"]),
    "delimiter": ("f.csv", print_out(rows()).replace(b"|", b";"), AS_CSV, ["';' in its name", "delimiter"]),
    "delimiter without a mapping": (
        "f.csv",
        print_out(rows(), HEAD + "|agency_person|offence_code"),
        "",
        ["bars", "desist map"],
    ),
    "ragged": ("f.csv", print_out(WIDE), AS_CSV, ["another number of cells", "30 of 30"]),
    "quotes": ("f.csv", print_out(OPEN), AS_CSV, ["does not close", "30 of 30"]),
    "huge cell": ("f.csv", print_out(rows(result="x" * 5000)), AS_CSV, ["longer than", "30 of 30"]),
    "wrong type": ("f.csv", print_out(rows(offence_date="spring")), AS_CSV, ["occurred_on is not a date", "30 of 30"]),
    "no workbook": ("f.xlsx", b"%PDF-1.7 " + SECRET.encode(), AS_XLSX, ["damaged workbook", "whole .xlsx"]),
    "half a workbook": ("f.xlsx", workbook()[:3000], AS_XLSX, ["damaged workbook"]),
    "workbook without a mapping": ("f.xlsx", workbook(), "", ["a workbook without a mapping", "desist map"]),
    "zip bomb": (
        "f.xlsx",
        with_part(workbook(), "xl/media/1.bin", bytes(40 * 2**20)),
        AS_XLSX,
        ["becomes", "not opened"],
    ),
    "entities": (
        "f.xlsx",
        with_part(workbook(), "xl/a.xml", b'<!DOCTYPE a [<!ENTITY b "c">]><a/>'),
        AS_XLSX,
        ["damaged"],
    ),
    "macros": ("f.xlsx", with_part(workbook(), "xl/vbaProject.bin", b"x"), AS_XLSX, ["macros"]),
    "formula cell": ("f.xlsx", workbook(formula), AS_XLSX, ["a formula in D7", "values"]),
    "path trick": ("../f.csv", None, AS_CSV, ["leads out of the delivery"]),
    "path trick of Windows": ("..\\f.csv", None, AS_CSV, ["leads out of the delivery"]),
    "merged header": (
        "f.xlsx",
        workbook(merged_header),
        AS_XLSX,
        ["merged cells in the header (A1:B1)", "header_rows = 2"],
    ),
    "duplicate header": (
        "f.csv",
        print_out([[*row, "01/01/2001"] for row in rows()], HEAD + "|Court Date"),
        AS_CSV,
        ["the column Court Date twice", "Court Date (2)"],
    ),
    "mixed date styles": (
        "f.xlsx",
        workbook(american_dates),
        AS_XLSX,
        ["10 of 30 dates in Offence Date", "row 10, 11"],
    ),
    "mixed date styles in text": (
        "f.csv",
        print_out(rows()[:20] + rows(court_date="2025-05-05")[:10]),
        AS_CSV,
        ["10 of 30 dates in Court Date", "DD/MM/YYYY"],
    ),
    "numbers as text": ("f.csv", print_out(rows(pncid="4.50558E+09")), AS_CSV, ["30 numbers in PNCID", "lost digits"]),
    "leading zeros lost": ("f.xlsx", workbook(rewritten(3, 801)), AS_XLSX, ["30 codes in HO Code", "pad = 5"]),
    "two header rows": (
        "f.csv",
        print_out(rows(), "Person||Offence||Court||\n" + HEAD),
        AS_CSV,
        ["the header in row 2", "header_row = 2"],
    ),
    "hidden sheet": ("f.xlsx", workbook(hidden=True), AS_XLSX, ["the hidden sheet 'Data'", "hidden_sheet"]),
    "no such sheet": (
        "f.xlsx",
        workbook(lambda page: setattr(page, "title", "Other")),
        AS_XLSX,
        ["no sheet 'Data'", "Other"],
    ),
    "password-protected": ("f.xlsx", locked(), AS_XLSX, ["needs a password"]),
    "truncated Parquet": (
        "f.parquet",
        parquet()[:-40],
        MAPPING.format(kind="parquet", dates="iso", more=""),
        ["cut off"],
    ),
    "merged cells below": (
        "f.xlsx",
        workbook(lambda page: page.merge_cells("B5:B7")),
        AS_XLSX,
        ["merged cells in PNCID (row 5)", 'merged = "fill"'],
    ),
    "another layout": (
        "f.csv",
        print_out(rows(), HEAD.replace("Court Date", "Date of Court")),
        AS_CSV,
        ["perhaps renamed: Court Date to Date of Court"],
    ),
    "no such mapping": ("f.csv", print_out(rows()), None, ["no mapping 'print-out'", "desist map"]),
}


@pytest.fixture(scope="module")
def desk(desist, tmp_path_factory):
    """One workspace for all of them, since nothing is ever written: the police's agreement, nothing else."""
    root = tmp_path_factory.mktemp("desk")
    ran = desist("init", root / "w")
    assert ran.returncode == 0, ran.stderr
    settings = root / "w" / "partnership.toml"
    text = settings.read_text(encoding="utf-8").replace("made_up = false", "made_up = true")
    settings.write_text(text, encoding="utf-8")
    columns = ["agency_person", "subject_category", "record_kind", "recorded_on"]
    more = ["occurred_on", "offence_code", "sanction_date", "sanction_type"]
    (root / "w" / "agreements" / "POL.toml").write_text(
        'id = "POL"\nsource = "police"\nparties = ["a", "b"]\npurposes = ["iom_selection_support"]\n'
        'gateway = "Crime and Disorder Act 1998 s.115"\nregime = "part3"\nstart = 2020-01-01\nexpires = 2099-12-31\n'
        'retention_days = 90\nsubject_categories = ["convicted"]\nconsent = "none"\ndpia = "D"\napd = "A"\n'
        f"[tables]\nidentity = {json.dumps([*columns, 'pnc', 'surname'])}\n"
        f"pol_sanction = {json.dumps([*columns, *more])}\n",
        encoding="utf-8",
    )
    (root / "w" / "mappings").mkdir(exist_ok=True)
    files = root / "files"
    files.mkdir()
    (files / "identity.csv").write_text(
        "agency_person,subject_category,record_kind,recorded_on,pnc,surname\n"
        f"1899/0000001A,convicted,fact,2025-01-01,1899/0000001A,{SECRET}\n",
        encoding="utf-8",
    )
    return root


@pytest.mark.parametrize("kind", sorted(BROKEN))
def test_a_broken_file_gets_its_own_message_and_nothing_is_written(desist, desk, kind):
    name, content, mapping, words = BROKEN[kind]
    (desk / "w" / "mappings" / "print-out.toml").unlink(missing_ok=True)
    if mapping:
        (desk / "w" / "mappings" / "print-out.toml").write_text(mapping, encoding="utf-8")
    if content is not None:
        (desk / "files" / name).write_bytes(content)
    entry = "" if mapping == "" else 'mapping = "print-out"\n'
    (desk / "files" / "delivery.toml").write_text(
        'source = "police"\nextract_date = 2025-12-31\nmade_up = true\n'
        '[[file]]\ntable = "identity"\npath = "identity.csv"\nagreement = "POL"\n'
        f'[[file]]\ntable = "pol_sanction"\npath = \'{name}\'\nagreement = "POL"\n{entry}',
        encoding="utf-8",
    )
    ran = desist("intake", desk / "files", "-W", desk / "w")
    assert ran.returncode == MEND, ran.stdout + ran.stderr
    assert ran.stderr.count("\n  - ") == 1, ran.stderr
    for word in words:
        assert word in ran.stderr, ran.stderr
    assert SECRET not in ran.stdout + ran.stderr and "Traceback" not in ran.stderr
    kept = [path for path in (desk / "w").rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert not kept and not any((desk / "w" / "store").rglob("*.parquet"))


def test_what_is_broken_twice_is_told_at_once(desist, desk):
    """A formula, zeros that are lost and dates in two styles in one workbook: three problems, one message."""

    def change(page):
        formula(page)
        american_dates(page)
        rewritten(3, 801)(page)

    (desk / "w" / "mappings" / "print-out.toml").write_text(AS_XLSX, encoding="utf-8")
    (desk / "files" / "f.xlsx").write_bytes(workbook(change))
    text = (desk / "files" / "delivery.toml").read_text(encoding="utf-8")
    head = text[: text.rindex("[[file]]")]
    (desk / "files" / "delivery.toml").write_text(
        head + '[[file]]\ntable = "pol_sanction"\npath = "f.xlsx"\nagreement = "POL"\nmapping = "print-out"\n'
    )
    ran = desist("intake", desk / "files", "-W", desk / "w")
    assert ran.returncode == MEND and ran.stderr.count("\n  - ") == 3, ran.stderr
    for word in ("a formula in D7", "dates in Offence Date", "pad = 5"):
        assert word in ran.stderr
