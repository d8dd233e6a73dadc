"""One agency's writing of names, birth dates, addresses and identifiers: slips at the rates of ``Noise``.

Every kind of slip at every source has draws of its own, so that turning one off changes no other.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from desist.simulation.names import Called, Texts, communities, nicknames_of, spellings_of
from desist.simulation.noise import MOST
from desist.simulation.partnership import Partnership
from desist.simulation.people import NEVER
from desist.simulation.world import Flags, Floats, Ints

#: Letters that no accent explains, as English systems write them.
STROKES = str.maketrans({"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "ı": "i", "đ": "d", "ß": "ss"})
#: Ward and place in it of the hostel.
HOSTEL = (3, 17)
LETTERS = "abcdefghijklmnopqrstuvwxyz"
Slip = Callable[[str, float, float], str]


@dataclass(frozen=True)
class Writing:
    """One agency's records: ``who`` each is about, and the chances and draws of its slips."""

    p: Partnership
    source: str
    who: Ints
    called: Called

    def slips(self, rate: str) -> Flags:
        """Which records have one kind of slip."""
        return self.chosen(rate, getattr(self.p.world.noise, rate))

    def chosen(self, what: str, rate: float) -> Flags:
        """Records drawn with a chance of ``rate`` times their community's factor."""
        chance = np.minimum(rate * self._factors()[self.called.community[self.who]], max(MOST, rate))
        return np.asarray(self.draws(what) < chance)

    def draws(self, what: str) -> Floats:
        return self.p.draws(f"noise {what} {self.source}").random(len(self.who))

    def _factors(self) -> Floats:
        return np.array([self.p.world.noise.factor(one.name) for one in communities()])

    # --- names

    def names(self) -> tuple[Texts, Texts, Texts, Texts]:
        """Forename, other names, surname and aliases of each record; empty text where there is none."""
        called, who = self.called, self.who
        first, second = called.forename[who].copy(), called.second[who].copy()
        last, alias = called.surname[who].copy(), called.alias[who].copy()
        other = self.slips("surname_changed") & self.p.people.female[who]
        last[other] = called.other_surname[who][other]
        self._change("one_surname", last, lambda name, u, _: name.split(" ")[int(u * 2)] if " " in name else name)
        under_alias = self.slips("alias_used") & (alias != "")
        last[under_alias], alias[under_alias] = alias[under_alias], last[under_alias]
        self._change("nickname", first, lambda name, u, _: _one_of(nicknames_of(name), u, name))
        self._spell(first, "forename")
        self._spell(last, "surname")
        self._change("forename_slip", first, _letter_slip)
        wrong = self.chosen("surname slip", self.p.world.other_spelling)
        self._change("surname letter", last, _letter_slip, wrong)
        self._exchange(first, second, last)
        lost = self.slips("accents_lost")
        for names in (first, second, last, alias):
            names[lost] = [plain(name) for name in names[lost]]
        return first, second, last, alias

    def _spell(self, names: Texts, what: str) -> None:
        foreign = np.array([one.transliterated for one in communities()])[self.called.community[self.who]].tolist()
        rows = np.flatnonzero(self.chosen(f"spelling {what}", self.p.world.noise.spelling))
        draw = self.draws(f"which spelling {what}")
        for row in rows.tolist():
            parts = names[row].split(" ")
            parts[0] = _one_of(spellings_of(parts[0], foreign[row]), draw[row], parts[0])
            names[row] = " ".join(parts)

    def _change(self, what: str, names: Texts, slip: Slip, rows: Flags | None = None) -> None:
        """Change the names of some records by a function of name and two draws."""
        chosen = self.slips(what) if rows is None else rows
        one, two = self.draws(f"{what} a"), self.draws(f"{what} b")
        for row in np.flatnonzero(chosen).tolist():
            names[row] = slip(names[row], one[row], two[row])

    def _exchange(self, first: Texts, second: Texts, last: Texts) -> None:
        """The second forename first where there is one, else the surname: both as records really come."""
        order = self.slips("order")
        twice = order & (second != "")
        first[twice], second[twice] = second[twice], first[twice]
        once = order & (second == "")
        first[once], last[once] = last[once], first[once]

    # --- birth date, address, identifiers

    def births(self) -> Ints:
        """Day numbers of the birth dates as written; NEVER where none is."""
        born = self.p.people.born[self.who].copy()
        no_day = self.called.no_day[self.who]
        born[no_day] = born[no_day].astype("datetime64[D]").astype("datetime64[Y]").astype("datetime64[D]").astype(int)
        for row in np.flatnonzero(self.slips("day_month")).tolist():
            born[row] = exchanged(int(born[row]))
        one, two = self.draws("which digit"), self.draws("to which digit")
        for row in np.flatnonzero(self.slips("birth_digit")).tolist():
            born[row] = digit_slip(int(born[row]), one[row], two[row])
        born[self.slips("birth_missing")] = NEVER
        return born

    def addresses(self, draws: Ints) -> tuple[Ints, Ints]:
        """Ward and place in it of each record's postcode. ``draws``: everybody's place in their ward."""
        home = self.called.twin_of[self.who]
        ward, place = self.p.people.ward[home].copy(), draws[home].copy()
        moved = self.p.draws(f"postcode {self.source}").random(len(self.who)) < self.p.world.noise.moved
        away = moved & (self.draws("moved away") < self.p.world.noise.moved_away)
        place[moved] += 1
        apart = moved & (self.draws("moved apart") < self.p.world.noise.moved_apart)
        place[apart] += np.floor(self.draws("where apart")[apart] * 4000).astype(np.int64)
        ward[away] = (ward[away] + 1 + np.floor(self.draws("where to")[away] * 20).astype(np.int64)) % 22
        hostel = self.called.hostel[self.who]
        ward[hostel], place[hostel] = HOSTEL
        return ward, place

    def identifier(self, kind: str, values: list[str], *, own: bool) -> tuple[list[str], Flags]:
        """An identifier as written, and where it is missing beyond what the source's own rules say."""
        missing = self.chosen(f"{kind} missing", self.p.world.noise.identifier_missing)
        written = np.array(values, dtype=object)
        typo = self.chosen(f"{kind} typo", self.p.world.noise.identifier_typo)
        self._change(f"{kind} digit", written, _wrong_digit, typo)
        gone = self.p.draws("identifiers removed").random(len(self.p.people)) < self.p.world.noise.identifiers_removed
        return written.tolist(), np.asarray(gone[self.who] | (missing & (not own)))


def plain(name: str) -> str:
    """A name without accents and strokes."""
    split = unicodedata.normalize("NFKD", name.translate(STROKES))
    return "".join(letter for letter in split if not unicodedata.combining(letter))


def exchanged(born: int) -> int:
    """The date with day and month exchanged; the same where that is no date, or no other."""
    date = np.datetime64(born, "D").astype(object)
    return born if date.day > 12 else int(np.datetime64(date.replace(month=date.day, day=date.month), "D").astype(int))


def digit_slip(born: int, which: float, to: float) -> int:
    """The date with one digit of day, month or year wrong, all others as they are.

    The year's last digit alone, by at most two, and towards an older person: a slip that made an adult a child would
    take their records away, not misspell them. Where no digit of the part makes a date, one of the day is wrong.
    """
    date = np.datetime64(born, "D").astype(object)
    days = list(_dates(date, [date.replace(day=1) + dt.timedelta(days) for days in range(31)]))
    months = list(_dates(date, [_date(date.year, month, date.day) for month in range(1, 13)]))
    years = list(_dates(date, [_date(date.year - back, date.month, date.day) for back in (1, 2)]))
    options = days if which < 0.5 else months if which < 0.75 else years
    changed = (options or days)[int(to * len(options or days))]
    return int(np.datetime64(changed, "D").astype(int))


def _dates(date: dt.date, options: list[dt.date | None]) -> Iterator[dt.date]:
    """Those of the dates that differ from ``date`` in one digit."""
    for one in options:
        if one and sum(a != b for a, b in zip(date.isoformat(), one.isoformat(), strict=True)) == 1:
            yield one


def _date(year: int, month: int, day: int) -> dt.date | None:
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None


def could_be_slip(born: int, written: int) -> bool:
    """Whether a written birth date can have come about by one slip, or by an exchange and a slip."""
    return any(_one_slip(start, written) for start in (born, exchanged(born)))


def _one_slip(born: int, written: int) -> bool:
    true, found = (np.datetime64(one, "D").astype(object) for one in (born, written))
    same_day = found.day in (true.day, min(true.day, 28))
    if (found.year, found.month) == (true.year, true.month):
        return True
    if found.year == true.year:
        return same_day
    return same_day and found.month == true.month and 1 <= true.year - found.year <= 2


def _one_of(options: tuple[str, ...], draw: float, otherwise: str) -> str:
    return options[int(draw * len(options))] if options else otherwise


def _letter_slip(name: str, kind: float, where: float) -> str:
    """A letter lost, doubled, exchanged with the next or mistaken; never the first, and never of two letters."""
    if len(name) < 3:
        return name
    place = 1 + int(where * (len(name) - 1))
    head, letter, tail = name[:place], name[place], name[place + 1 :]
    if kind < 0.35:
        return head + tail
    if kind < 0.55:
        return head + letter + letter + tail
    if kind < 0.75 and tail:
        return head + tail[0] + letter + tail[1:]
    return head + LETTERS[int(where * 1e6) % 26] + tail


def _wrong_digit(value: str, which: float, to: float) -> str:
    """One of the last five digits that follow one another is another digit; the check letter stays as it was."""
    places = [place for place, sign in enumerate(value) if sign.isdigit()][-5:]
    place = places[int(which * len(places))]
    digit = (int(value[place]) + 1 + int(to * 9)) % 10
    return f"{value[:place]}{digit}{value[place + 1 :]}"
