"""A made-up town to look for people in, so that a name's being rare or common means something."""

import itertools

import pandas as pd
import pytest

from desist.intake.linking.join import join
from desist.records.identifiers import CHECKS, check_letter

COLUMNS = [
    "source",
    "agency_person",
    *CHECKS,
    "forename",
    "other_names",
    "surname",
    "aliases",
    "dob",
    "postcode",
    "sex",
]
FIRST = tuple("ada ben cora dan eve fred gwen hugh iris jack kira liam mona neil olga pete rosa seth tess umar".split())  # noqa: SIM905
LAST = tuple(
    "abel birch crane dove elm finch gorse heath ivy jay kite larch moss nettle oak pine quill reed sedge thorn".split()  # noqa: SIM905
)


def make_pnc(serial):
    return f"1899/{serial:07d}{check_letter(f'99{serial:07d}')}"


def townspeople(count=2400):
    """Strangers: each of 400 names six times, born on different days, at different addresses."""
    names = itertools.cycle(itertools.product(FIRST, LAST))
    rows = []
    for place, (first, last) in zip(range(count), names, strict=False):
        year, month, day = 1955 + place % 47, 1 + place % 12, 1 + place % 28
        rows.append({
            "source": "police", "agency_person": f"Z{place:05d}", "forename": first, "surname": last,
            "dob": f"{year}-{month:02d}-{day:02d}", "postcode": f"ZZ{place % 23} {place % 9}{chr(65 + place % 20)}X",
        })  # fmt: skip
    for place, name in enumerate(["Jayden", "Kayden"] * 15):  # two names in their own right, one letter apart
        rows.append({"source": "police", "agency_person": f"Y{place:05d}",
                     "forename": name, "surname": LAST[place % 20],
                     "dob": f"{1950 + place}-{1 + place * 7 % 12:02d}-{1 + place % 28:02d}",
                     "postcode": f"YY{place} {place % 9}ZZ"})  # fmt: skip
    return rows


def table(rows):
    frame = pd.DataFrame([dict.fromkeys(COLUMNS) | row for row in rows], columns=COLUMNS).astype("str")
    return frame.where(frame.notna() & (frame != "None"), None).astype("str")


def elsewhere(cells, place):
    """The same record in a house of its own and born in another year, so that cases have nothing in common."""
    moved = dict(cells)
    if cells.get("dob"):
        moved["dob"] = f"{int(cells['dob'][:4]) + 2 * place - 30}{cells['dob'][4:]}"
    if cells.get("postcode"):
        moved["postcode"] = cells["postcode"].replace(" ", f"{place} ")
    return moved


class Cases:
    """Pairs of records with a name each: are they one person, and what waits for a steward?"""

    def __init__(self, cases, **settings):
        rows = [
            {"source": "probation" if end == 0 else "council", "agency_person": f"{name}-{end}"}
            | elsewhere(cells, place)
            for place, (name, ends) in enumerate(cases.items())
            for end, cells in enumerate(ends)
        ]
        self.people = table(townspeople() + rows)
        self.joined = join(self.people, **settings)
        self.rows = self.joined.records.set_index("agency_person")

    def one(self, name, *ends):
        return self.rows.loc[[f"{name}-{end}" for end in ends or (0, 1)], "cluster"].nunique() == 1

    def waits(self, name):
        """The kinds of queue rows between records of the case."""
        queue = self.joined.queue
        mine = queue["left_number"].str.startswith(f"{name}-") & queue["right_number"].str.startswith(f"{name}-")
        return queue.loc[mine, "kind"].tolist()


@pytest.fixture(scope="session")
def cases_of():
    return Cases


@pytest.fixture(scope="session")
def pnc_of():
    return make_pnc


@pytest.fixture(scope="session")
def made_table():
    return table
