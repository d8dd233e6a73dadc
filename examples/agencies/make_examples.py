"""Five made-up agencies' files in layouts such as real systems export, with their agreements and deliveries.

Run it to make them anew: python examples/agencies/make_examples.py [FOLDER]. Nobody in them exists, and no
identifier was ever issued: the PNC numbers are of 1899.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import random
import re
import sys
import zipfile
from pathlib import Path
from typing import Any

from desist.records.identifiers import check_letter

HERE = Path(__file__).resolve().parent
CUT = dt.date(2026, 9, 30)
PEOPLE = 40
FORENAMES = ["Aisha", "Amélie", "Ben", "Carlos", "Dana", "Ewa", "Farid", "Grace", "Hana", "Ivan", "José", "Kofi"]
SURNAMES = ["Abara", "Bright", "Çelik", "Doyle", "Evans", "Faró", "Green", "Hussain", "Iqbal", "Jones", "Kaminski"]
ETHNICITIES = ["White British", "Black Caribbean", "Pakistani", "Indian", "Any other White background", "Not stated"]
OFFENCES = ["00501", "00801", "02803", "03401", "03900", "09230"]
STATUSES = ["Community Order", "On Licence", "Suspended Sentence Order", "Post Sentence Supervision"]
ENDS = ["Treatment completed - drug-free", "Incomplete - dropped out"]
RELEASES = ["Conditional release", "Automatic release", "Sentence expiry"]
SECTIONS = ["3 Accommodation", "4 ETE", "6 Relationships", "7 Lifestyle and Associates", "8 Drug Misuse",
            "9 Alcohol Misuse", "11 Thinking and Behaviour", "12 Attitudes"]  # fmt: skip


def people() -> list[dict[str, Any]]:
    """Forty people as each agency knows them."""
    draw = random.Random(6)
    made = []
    for number in range(1, PEOPLE + 1):
        serial = 3000 + 37 * number
        made.append({
            "crn": f"X{300000 + 7 * number}",
            "pnc": f"1899/{serial:07d}{check_letter(f'99{serial:07d}')}",
            "prison": f"Z{1000 + 11 * number}ZZ",
            "client": f"T{5000 + number}",
            "forename": draw.choice(FORENAMES), "surname": draw.choice(SURNAMES), "sex": draw.choice("MMMF"),
            "born": dt.date(1968, 1, 1) + dt.timedelta(draw.randrange(34 * 365)),
            "postcode": f"ZZ{draw.randrange(1, 9)} {draw.randrange(1, 9)}ZZ",
            "ethnicity": draw.choice(ETHNICITIES), "status": draw.choice(STATUSES),
        })  # fmt: skip
    return made


def day(draw: random.Random, first: dt.date, last: dt.date) -> dt.date:
    return first + dt.timedelta(draw.randrange((last - first).days + 1))


# --- workbooks, the same bytes every time


def save(book: Any, path: Path) -> None:
    """The workbook without the moment it was made in."""
    book.properties.created = book.properties.modified = dt.datetime(2026, 9, 30, 9)
    raw, out = io.BytesIO(), io.BytesIO()
    book.save(raw)
    with zipfile.ZipFile(raw) as made, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as kept:
        for name in sorted(made.namelist()):
            content = made.read(name)
            if name == "docProps/core.xml":  # openpyxl writes the moment of saving whatever it is told
                content = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>2026-09-30T09:00:00Z", content)
            kept.writestr(zipfile.ZipInfo(name, (2026, 9, 30, 9, 0, 0)), content, zipfile.ZIP_DEFLATED)
    path.write_bytes(out.getvalue())


def put(page: Any, rows: list[list[Any]]) -> None:
    for row in rows:
        page.append(row)
    for cells in page.iter_rows():
        for cell in cells:
            if isinstance(cell.value, dt.date):
                cell.number_format = "DD/MM/YYYY"


def probation(folder: Path, known: list[dict[str, Any]]) -> None:
    """A case system's export: titles above, two sheets, a hidden third, names in one cell, zeros lost."""
    import openpyxl

    draw, book = random.Random(11), openpyxl.Workbook()
    cases, orders, lookups = book.active, book.create_sheet("Orders"), book.create_sheet("Lookups")
    cases.title, lookups.sheet_state = "Caseload", "hidden"
    rows: list[list[Any]] = [
        ["Caseload report: North-East unit"], ["Run by: reports service", None, None, "OFFICIAL-SENSITIVE"], [],
        ["CRN", "Offender Name", "Date of Birth", "Gender", "PNC ID", "NOMS Number", "Postcode", "Ethnicity",
         "Current Status", "LAO", "Last Updated", "Officer Notes"],
    ]  # fmt: skip
    lines: list[list[Any]] = [
        ["Orders and sentences"], [],
        ["CRN", "Event No", "HO Code", "Offence Date", "Conviction Date", "Order Type", "Order Start Date",
         "Expected End Date", "Termination Date", "Created Date"],
    ]  # fmt: skip
    for number, one in enumerate(known, 1):
        crn = one["crn"].lower() if number % 9 == 0 else one["crn"]
        rows.append([crn, f"{one['surname'].upper()}, {one['forename']}",
                     one["born"], "Female" if one["sex"] == "F" else "Male", one["pnc"],
                     one["prison"] if number % 3 == 0 else None, one["postcode"], one["ethnicity"], one["status"],
                     "Y" if number % 13 == 0 else "N", dt.date(2026, 9, 1), "made-up note"])  # fmt: skip
        for order in range(1, draw.choice([2, 2, 3])):
            offence = day(draw, dt.date(2023, 1, 1), dt.date(2025, 6, 1))
            convicted = offence + dt.timedelta(draw.randrange(30, 200))
            ended = convicted + dt.timedelta(300) if draw.random() < 0.3 else None
            lines.append([one["crn"], number * 10 + order, int(draw.choice(OFFENCES)), offence, convicted,
                          draw.choice(["ORA Community Order", "ORA Suspended Sentence Order", "ORA Adult Custody"]),
                          convicted, convicted + dt.timedelta(540), ended,
                          ended or convicted + dt.timedelta(3)])  # fmt: skip
    put(cases, rows)
    put(orders, lines)
    put(lookups, [["Code", "Meaning"], ["CO", "Community Order"]])
    cases.merge_cells("A1:D1")
    save(book, folder / "caseload.xlsx")


def police(folder: Path, known: list[dict[str, Any]]) -> None:
    """A print-out of convictions: Windows-1252, bars between the cells, days first, a person's name on every row."""
    draw, out = random.Random(12), io.StringIO()
    out.write("POLICE NATIONAL COMPUTER - DISPOSAL HISTORY\r\nPRINTED 30/09/2026\r\n\r\n")
    write = csv.writer(out, delimiter="|")
    write.writerow(["PNCID", "Surname", "Forename(s)", "DOB", "Sex", "HO Code", "Offence Date", "Court Date",
                    "Adjudication", "Disposal", "DA Flag", "Counts", "Date Entered", "Force"])  # fmt: skip
    for one in known[:32]:
        for _ in range(draw.randrange(1, 5)):
            offence = day(draw, dt.date(2019, 1, 1), dt.date(2025, 12, 1))
            court = offence + dt.timedelta(draw.randrange(20, 220))
            write.writerow([one["pnc"], one["surname"].upper(), one["forename"], f"{one['born']:%d/%m/%Y}",
                            "F" if one["sex"] == "F" else "M", draw.choice(OFFENCES), f"{offence:%d/%m/%Y}",
                            f"{court:%d/%m/%Y}", draw.choice(["GUILTY", "GUILTY", "GUILTY", "CAUTION"]),
                            draw.choice(["IMPRISONMENT", "FINE", "COMMUNITY ORDER", ""]), draw.choice("NNNY"),
                            draw.randrange(1, 4), f"{court + dt.timedelta(4):%d/%m/%Y}", "01"])  # fmt: skip
    (folder / "disposals.csv").write_bytes(out.getvalue().encode("windows-1252"))


def assessments(folder: Path, known: list[dict[str, Any]]) -> None:
    """A needs assessment with three columns for each section: one row of theirs is eight of ours."""
    draw, out = random.Random(13), io.StringIO()
    write = csv.writer(out)
    columns = [f"{section} {word}" for section in SECTIONS
               for word in ("Score", "Linked to Reoffending", "Linked to Serious Harm")]  # fmt: skip
    write.writerow(["CRN", "Assessment Date", "Date Completed", "Tool", *columns])
    for one in known[:30]:
        held = day(draw, dt.date(2025, 1, 1), dt.date(2026, 8, 1))
        cells: list[Any] = []
        for _ in SECTIONS:
            score = draw.choice(["", *range(0, 9)])
            cells += [
                score,
                "" if score == "" else draw.choice(["Yes", "No"]),
                "" if score == "" else draw.choice(["No", "Yes"]),
            ]
        write.writerow([one["crn"], held.isoformat(), (held + dt.timedelta(5)).isoformat(), "OASys", *cells])
    (folder / "needs.csv").write_bytes(b"\xef\xbb\xbf" + out.getvalue().encode())


def treatment(folder: Path, known: list[dict[str, Any]]) -> None:
    """A monitoring return: initials only, letters for ethnicity, a client again with every episode, tabs between."""
    draw, out = random.Random(14), io.StringIO()
    write = csv.writer(out, delimiter="\t")
    write.writerow(["Client ID", "Initial", "Last Initial", "DOB", "Sex", "Ethnicity", "Consent", "Basis", "Drug Group",
                    "Episode ID", "Date of Referral", "Source of Referral", "Triage Date", "Modality", "Modality Start",
                    "Modality End", "Exit Status", "Discharge Date", "Discharge Reason", "Date Entered"])  # fmt: skip
    episode = 0
    for number, one in enumerate(known[4:24]):
        client = [one["client"], one["forename"][0], one["surname"][0], f"{one['born']:%d/%m/%Y}",
                  "2" if one["sex"] == "F" else "1", draw.choice("ABCHJKMNPZ"), "N" if number == 7 else "Y",
                  "Consent" if number % 4 else "DRR/ATR",
                  draw.choice(["Opiate", "Non-opiate only", "Non-opiate and alcohol", "Alcohol only"])]  # fmt: skip
        for _ in range(draw.choice([1, 1, 2])):
            episode += 1
            referred = day(draw, dt.date(2024, 1, 1), dt.date(2025, 12, 1))
            triaged, start = referred + dt.timedelta(6), referred + dt.timedelta(20)
            done = start + dt.timedelta(120) if draw.random() < 0.6 else None
            ended = f"{done:%d/%m/%Y}" if done else ""
            write.writerow([*client, f"E{episode:04d}", f"{referred:%d/%m/%Y}",
                            "Outreach" if number == 3 else draw.choice(["Self", "GP", "Probation", "Arrest referral"]),
                            f"{triaged:%d/%m/%Y}",
                            draw.choice(["Psychosocial", "Pharmacological", "Recovery support"]), f"{start:%d/%m/%Y}",
                            ended, "Planned exit" if done else "", ended,
                            draw.choice(ENDS) if done else "",
                            f"{(done or start) + dt.timedelta(3):%d/%m/%Y}"])  # fmt: skip
    (folder / "return.txt").write_bytes(out.getvalue().encode("utf-8"))


def prison(folder: Path, known: list[dict[str, Any]]) -> None:
    """A list of movements: a header of two rows with merged cells, one row for in and one for out."""
    import openpyxl

    draw, book = random.Random(15), openpyxl.Workbook()
    page = book.active
    page.title = "Movements"
    rows: list[list[Any]] = [
        ["Prisoner", None, None, "Movement", None, None, "Entry"],
        ["Prison Number", "Name", "DOB", "Date", "In/Out", "Reason", "Date"],
    ]
    for number, one in enumerate(known):
        if number % 3 != 2:
            continue
        who = [one["prison"], f"{one['surname'].upper()}, {one['forename']}", one["born"]]
        moved = day(draw, dt.date(2022, 1, 1), dt.date(2023, 1, 1))
        for spell in range(draw.choice([1, 1, 2])):
            rows.append([*who, moved, "IN", "Sentenced", moved + dt.timedelta(1)])
            moved += dt.timedelta(draw.randrange(60, 400))
            if number % 5 == 0 and spell == 0:
                break  # still there
            rows.append([*who, moved, "OUT", draw.choice(RELEASES),
                         moved + dt.timedelta(1)])  # fmt: skip
            moved += dt.timedelta(draw.randrange(90, 500))
    draw.shuffle(body := rows[2:])
    put(page, [*rows[:2], *body])
    for area in ("A1:C1", "D1:F1"):
        page.merge_cells(area)
    save(book, folder / "movements.xlsx")


AGENCIES = {
    "probation": probation,
    "police": police,
    "assessments": assessments,
    "treatment": treatment,
    "prison": prison,
}


def make(root: Path) -> None:
    """Write every agency's file below ``root``; agreements, deliveries and finished mappings stand there already."""
    known = people()
    for name, write in AGENCIES.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        write(root / name, known)


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
