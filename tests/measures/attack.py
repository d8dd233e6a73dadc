"""The attack on published tables: what a reader who adds, subtracts and solves can say of a hidden number.

Written apart from the code it attacks: it knows the markers and the rounding step, reads pages as they are, and
solves for whole numbers. A number of people is never below zero; that is all else it takes for granted.
"""

import math
import re
from html.parser import HTMLParser

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

MARKER = "[c]"
WORDLESS = ("[x]", "[z]", "")
MOST = 1e6


class Reader:
    """What a reader has gathered about named numbers. ``whole``: they search whole numbers of people only."""

    def __init__(self, *, whole=True):
        self.names, self.rows, self.whole = {}, [], whole

    def between(self, terms, low, high):
        """A sum of named numbers (factor by name) lies from low to high."""
        if low > -MOST or high < MOST:
            self.rows.append((dict(terms), low, high))
        for name in terms:
            self.names.setdefault(name, len(self.names))

    def shown(self, terms, text, audience):
        """A count that is shown as a text, rounded as for the audience."""
        self.between(terms, *values_of(text, audience))

    def share(self, part, whole, low, high):
        """A share of one sum in another lies from low to high."""
        self.between(_plus(part, whole, -low), 0.0, math.inf)
        self.between(_plus(part, whole, -high), -math.inf, 0.0)

    def range_of(self, terms):
        """The least and the most that a sum of named numbers can be; (inf, -inf) where nothing fits."""
        ends = []
        for sign in (1.0, -1.0):
            goal = np.zeros(len(self.names))
            for name, factor in terms.items():
                goal[self.names[name]] += sign * factor
            answer = milp(goal, constraints=self._constraints(), bounds=Bounds(0, MOST),
                          integrality=np.full(len(goal), int(self.whole)))
            ends.append(sign * answer.fun if answer.fun is not None else sign * math.inf)
        return math.ceil(ends[0] - 1e-6) if math.isfinite(ends[0]) else ends[0], (
            math.floor(ends[1] + 1e-6) if math.isfinite(ends[1]) else ends[1])

    def _constraints(self):
        matrix = np.zeros((len(self.rows), len(self.names)))
        for line, (terms, _, _) in enumerate(self.rows):
            for name, factor in terms.items():
                matrix[line, self.names[name]] += factor
        low, high = np.array([(low, high) for _, low, high in self.rows]).T
        return LinearConstraint(matrix, low - 1e-9, high + 1e-9)


def _plus(terms, more, factor):
    return {name: terms.get(name, 0.0) + factor * more.get(name, 0.0) for name in {*terms, *more}}


def values_of(text, audience):
    """All a shown count tells: from its rounding, and from the threshold below which it would be hidden."""
    if text == MARKER or text in WORDLESS:
        return 0.0, math.inf
    if text == "[low]":
        return 1.0, (audience.round_to - 1) / 2
    number, step = int(text.replace(",", "")), audience.round_to
    if number == 0:
        return 0.0, 0.0
    fits = [n for n in range(max(number - step, audience.hide_below, 1), number + step + 1)
            if step * int(n / step + 0.5) == number]
    return float(fits[0]), float(fits[-1])


def attack_cells(cells, lines, audience, *, whole=True):
    """A reader of cells (shown text by key) and their sums (total, parts)."""
    reader = Reader(whole=whole)
    gather(reader, cells, lines, audience)
    return reader


def gather(reader, cells, lines, audience, prefix=""):
    """Add the cells and sums of one edition to what a reader knows."""
    for key, text in cells.items():
        reader.shown({prefix + key: 1.0}, text, audience)
    for total, parts in lines:
        reader.between({prefix + total: -1.0} | {prefix + part: 1.0 for part in parts}, 0.0, 0.0)


def recovered(reader, cells, width, prefix=""):
    """The hidden cells that the reader knows to less than ``width`` people, with what they know."""
    hidden = [key for key, text in cells.items() if text == MARKER]
    ranges = {key: reader.range_of({prefix + key: 1.0}) for key in hidden}
    assert all(least <= most for least, most in ranges.values()), "what is published contradicts itself"
    return {key: ends for key, ends in ranges.items() if ends[1] - ends[0] < width}


class _Tables(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tables, self.cell, self.below = [], None, False

    def handle_starttag(self, tag, attributes):
        if tag == "table":
            self.tables.append({"caption": "", "rows": []})
        elif tag == "tr":
            self.tables[-1]["rows"].append([])
        elif tag in ("td", "th", "caption"):
            self.cell = [tag, "", ""]
        elif tag == "span" and self.cell:
            self.below = "below" in dict(attributes).get("class", "")

    def handle_endtag(self, tag):
        if tag == "span":
            self.below = False
        elif tag == "caption":
            self.tables[-1]["caption"], self.cell = self.cell[1].strip(), None
        elif tag in ("td", "th") and self.cell:
            self.tables[-1]["rows"][-1].append((self.cell[1].strip(), self.cell[2].strip()))
            self.cell = None

    def handle_data(self, data):
        if self.cell:
            self.cell[2 if self.below else 1] += data


def tables_of(html):
    """Each table of a page: its caption, its header, and rows of (text, smaller text below it)."""
    found = _Tables()
    found.feed(html)
    return [(table["caption"], [text for text, _ in table["rows"][0]], table["rows"][1:])
            for table in found.tables if table["rows"]]


# -- the board's report

CELLS = ("tp", "fp", "fn", "tn")
#: The words over a column, and which cells make the share: the part, and the whole.
SHARES = {
    "Listed": (("tp", "fp"), CELLS), "Wrongly listed": (("fp",), ("fp", "tn")), "Missed": (("fn",), ("fn", "tp")),
    "Listed, and proven": (("tp",), ("tp", "fp")), "Listed, not proven": (("fp",), ("tp", "fp")),
    "Not listed, but proven": (("fn",), ("fn", "tn")), "Proven to reoffend": (("tp", "fn"), CELLS),
}
EVERYBODY = "Everybody"


def cell(by, group, *names):
    """The sum of some cells of a group."""
    return {f"{by}/{group}/{name}": 1.0 for name in names}


def board_reader(html, audience, *, whole=True):
    """A reader of all tables of the board's report, and for each characteristic its groups."""
    reader, groups = Reader(whole=whole), {}
    tables = tables_of(html)
    for caption, _, rows in tables:
        if caption.startswith("People in the test, by "):
            groups[caption.removeprefix("People in the test, by ")] = [
                row[0][0] for row in rows if row[0][0] != EVERYBODY]
    for caption, header, rows in tables:
        by = caption.removesuffix(": each group beside everybody else").rpartition(", by ")[2]
        if by in groups:
            _read_board(reader, by, caption, header, rows, audience)
    first = next(iter(groups), None)
    _read_sentences(reader, html, groups, first, audience)
    for by, names in groups.items():
        for name in CELLS:  # everybody is the sum of the groups, and the same in each table
            total = cell(by, EVERYBODY, name)
            parts = {k: 1.0 for group in names for k in cell(by, group, name)}
            reader.between(_plus(parts, total, -1.0), 0.0, 0.0)
            reader.between(_plus(total, cell(first, EVERYBODY, name), -1.0), 0.0, 0.0)
    return reader, groups


#: What page one says of everybody, and of whom it is a count. All listed are the sum of two printed counts.
PAGE_ONE = {
    r"In the test ([\d,]+) people were judged": CELLS,
    r"([\d,]+) of them were proven to reoffend": ("tp",), r"([\d,]+) of them had no proven reoffence": ("fp",),
    r"Besides these, ([\d,]+) were proven to reoffend": ("fn",),
}
#: How a sentence says a share: of which column over a table.
SAID = {
    "people with no proven reoffence would be listed": "Wrongly listed",
    "people who were proven to reoffend would not be listed": "Missed",
    "people who would be listed were proven to reoffend": "Listed, and proven",
}


def _read_sentences(reader, html, groups, first, audience):
    """Add what the page says in sentences, outside its tables and pictures."""
    text = " ".join(re.sub(r"<[^>]+>", " ", re.sub(r"(?s)<(table|svg)\b.*?</\1>", " ", html)).split())
    for pattern, names in PAGE_ONE.items():
        for found in re.findall(pattern, text):
            reader.shown(cell(first, EVERYBODY, *names), found, audience)
    for by, names in groups.items():
        for group in names:
            for words, column in SAID.items():
                said = rf"{re.escape(group)}: (\d+) in 100 {words}\. Everybody else: (\d+) in 100 {words}\."
                part, whole = SHARES[column]
                for mine, others in re.findall(said, text):
                    _read_share(reader, cell(by, group, *part), cell(by, group, *whole), f"{mine}%")
                    rest = [_plus(cell(by, EVERYBODY, *of), cell(by, group, *of), -1.0) for of in (part, whole)]
                    _read_share(reader, *rest, f"{others}%")


def _read_board(reader, by, caption, header, rows, audience):
    for row in rows:
        group, texts = row[0][0], dict(zip(header, row, strict=True))
        if caption.startswith("People in the test"):
            columns = [*((name,) for name in CELLS), CELLS] if len(row) > 2 else [CELLS]  # or the sizes alone
            for text, names in zip(row[1:], columns, strict=True):
                reader.shown(cell(by, group, *names), text[0], audience)
            continue
        for words, (part, whole) in SHARES.items():
            if words in texts:
                _read_share(reader, cell(by, group, *part), cell(by, group, *whole), texts[words][0])
                if "Everybody else" in texts:
                    reader.shown(cell(by, group, *whole), texts["People"][0], audience)
                    others = [_plus(cell(by, EVERYBODY, *names), cell(by, group, *names), -1.0)
                              for names in (part, whole)]
                    _read_share(reader, *others, texts["Everybody else"][0])


def _read_share(reader, part, whole, text):
    if text.endswith("%"):
        percent = int(text[:-1])
        reader.share(part, whole, max(percent - 0.5, 0) / 100, (percent + 0.5) / 100)
    elif text == "[low]":
        reader.share(part, whole, 0.0, 0.005)
