"""Which rates may stand beside protected counts: one rule for findings, annex and charts.

A rate is a second way to write a count. "16% of 105 are listed", beside 14 who are listed and reoffended, tells the
3 who were wrongly listed, though their cell is hidden. So rates are tried one after the other against all that is
already shown, and a rate is left out where a hidden count would be known to within its threshold.

A range beside a rate is not counted: it follows from the rate and from a number of people worth that many, which is
not on the page. A reader who knows how it was made learns the people to about as much as the rounded counts say.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from desist.measures.audience import HIDDEN, Audience, may_show_rate, told_by
from desist.measures.bounds import TOLERANCE, Floats, Sums, Terms, whole_width
from desist.measures.linked import ProtectedTables, Table, link

#: A number without a known end is searched up to so many people.
NO_END = 1e6


@dataclass(frozen=True)
class Rate:
    """A share of people: the columns that are counted, and the columns of those it is a share of.

    ``compared``: each row's rate stands beside everybody else's, with the number of people it is a share of.
    """

    name: str
    part: tuple[str, ...]
    whole: tuple[str, ...]
    compared: bool = False

    def __post_init__(self) -> None:
        if not set(self.part) < set(self.whole):
            raise ValueError(f"the people counted in {self.name} must be some of those it is a share of")


_ALL = ("tp", "fp", "fn", "tn")
#: The shares of a list held against what happened, the board's first questions first.
LIST_RATES = (
    Rate("fpr", ("fp",), ("fp", "tn"), compared=True),
    Rate("fnr", ("fn",), ("fn", "tp"), compared=True),
    Rate("selection", ("tp", "fp"), _ALL, compared=True),
    Rate("base_rate", ("tp", "fn"), _ALL),
    Rate("ppv", ("tp",), ("tp", "fp"), compared=True),
    Rate("fdr", ("fp",), ("tp", "fp")),
    Rate("for", ("fn",), ("fn", "tn")),
)


@dataclass(frozen=True)
class ShownRates:
    """The rates that may be shown: (table, row, rate); the row None is everybody."""

    shown: frozenset[tuple[str, object, str]]

    def may_show(self, table: str, row: object, rate: str) -> bool:
        """Whether a rate of a row may be shown, with its range, its gap to everybody else and its place in a chart."""
        return (table, row, rate) in self.shown


def show_rates(tables: Sequence[Table], protected: ProtectedTables, rates: Sequence[Rate]) -> ShownRates:
    """Which whole per cents may stand beside the protected tables: earlier rates and larger groups first.

    ``tables`` are those that were protected. No hidden cell of them, small or hidden for the sake of a small one, is
    known to within its threshold by a reader who searches all whole numbers that fit what is shown.
    """
    page = _Page(tables, protected)
    candidates: list[_Candidate] = []
    for rate, table, row in _questions(tables, rates):
        candidates += [found] if (found := page.candidate(table, row, rate)) else []
    shown: list[_Candidate] = []
    likely: list[_Candidate] = []
    page.take(candidates, likely, whole=False)  # quick, and what it forbids whole numbers forbid too
    page.take(likely, shown, whole=True)
    return ShownRates(frozenset(candidate.name for candidate in shown))


def rates_of_shown_counts(tables: Sequence[Table], protected: ProtectedTables, rates: Sequence[Rate]) -> ShownRates:
    """The whole per cents that are made of shown counts alone, and of shown totals where rows are compared.

    Fewer than ``show_rates`` finds, and without a search: whoever knows the shown counts knows these rates already.
    """
    page, shown = _Page(tables, protected), set()
    hidden = set(page.guarded)
    for rate, table, row in _questions(tables, rates):
        rows = {None, row} if rate.compared else {row}
        made_of = {place for one in rows for place in _sums(table, one, rate, page.at)[1]}
        if not made_of & hidden and page.candidate(table, row, rate):
            shown.add((table.name, row, rate.name))
    return ShownRates(frozenset(shown))


def _questions(tables: Sequence[Table], rates: Sequence[Rate]) -> Iterator[tuple[Rate, Table, object]]:
    """Each rate of each row that has its columns: the board's order, and larger groups first."""
    for rate in rates:
        for table in tables:
            if set(rate.whole) <= set(table.counts.columns):
                totals = table.counts.sum(axis=1)
                rows = sorted(table.counts.index, key=lambda row: (-int(totals[row]), str(row)))
                yield from ((rate, table, row) for row in [None, *rows])


@dataclass(frozen=True)
class _Candidate:
    """A rate that might be shown, and what a reader would learn by it (sums that are at most 0)."""

    name: tuple[str, object, str]
    tells: tuple[Terms, ...]


class _Page:
    """What is on a page of protected tables, and numbers of people that fit it."""

    def __init__(self, tables: Sequence[Table], protected: ProtectedTables) -> None:
        self.audience: Audience = protected.audience
        truth = dict(zip((linked := link(tables)).keys, linked.values.tolist(), strict=True))
        keys = list(protected.cells)
        self.at = {key: i for i, key in enumerate(keys)}
        told = [told_by(protected.cells[key], self.audience) for key in keys]
        self.least = np.array([*(low for low, _ in told), 1.0])
        self.most = np.array([*(min(high, NO_END) for _, high in told), 1.0])
        self.one = len(keys)
        self.truth = np.array([*(float(truth[key]) for key in keys), 1.0])
        self.zero: list[Terms] = [
            {self.at[total]: -1.0, **{self.at[part]: 1.0 for part in parts}} for total, parts in protected.lines
        ]
        self.guarded = [self.at[key] for key, text in protected.cells.items() if text == HIDDEN]
        self.fits: dict[bool, Floats] = {whole: self.truth[None, :] for whole in (False, True)}

    def candidate(self, table: Table, row: object, rate: Rate) -> _Candidate | None:
        """The rate with what it tells, or None where its own counts already forbid it."""
        mine, all_of_them = _sums(table, row, rate, self.at), _sums(table, None, rate, self.at)
        sides = [mine]
        if rate.compared and row is not None:
            sides.append((_less(all_of_them[0], mine[0]), _less(all_of_them[1], mine[1])))
        tells: list[Terms] = []
        for part, whole in sides:
            counted, people = self._true(part), self._true(whole)
            if not may_show_rate(people, counted, self.audience):
                return None
            low, high = _told_by_percent(counted / people)
            tells += [_plus(_times(whole, low), part, -1.0), _plus(part, whole, -high)]
        if rate.compared and row is not None:
            tells += self._told_by_people(mine[1])
        return _Candidate((table.name, row, rate.name), tuple(tells))

    def take(self, candidates: Sequence[_Candidate], shown: list[_Candidate], *, whole: bool) -> None:
        """Add the candidates that leave every guarded count wide; all at once where that is safe."""
        if not candidates:
            return
        if self._is_safe([*shown, *candidates], whole=whole):
            shown += candidates
        elif len(candidates) > 1:
            middle = len(candidates) // 2
            self.take(candidates[:middle], shown, whole=whole)
            self.take(candidates[middle:], shown, whole=whole)

    def _is_safe(self, shown: Sequence[_Candidate], *, whole: bool) -> bool:
        """Whether every guarded count stays wide. Numbers found to fit are kept: the next question needs few more."""
        tells = [terms for candidate in shown for terms in candidate.tells]
        known = Sums(self.least, self.most, self.zero, tells)
        fits = self.fits[whole][self._fitting(self.fits[whole], tells)]
        for turn, place in enumerate(self.guarded):
            for sign in (1.0, -1.0):
                found = None if self._wide(fits[:, place]) else known.smallest({place: sign}, whole=whole)
                if found is not None:
                    fits = np.vstack([fits, found])
                    self.fits[whole] = np.vstack([self.fits[whole], found])
            if not self._wide(fits[:, place]):
                self.guarded.insert(0, self.guarded.pop(turn))  # it will be the first to say no again
                return False
        return True

    def _wide(self, found: Floats) -> bool:
        return whole_width(found.min(), found.max()) >= self.audience.hide_below

    def _fitting(self, fits: Floats, tells: Sequence[Terms]) -> npt.NDArray[np.bool_]:
        """Which numbers found before also fit what these rates tell."""
        factors = np.zeros((len(self.least), len(tells)))
        for column, terms in enumerate(tells):
            factors[list(terms), column] = list(terms.values())
        return np.asarray((fits @ factors <= TOLERANCE).all(axis=1))

    def _true(self, terms: Terms) -> int:
        return round(sum(float(self.truth[place]) * factor for place, factor in terms.items()))

    def _told_by_people(self, whole: Terms) -> list[Terms]:
        """What the shown number of people tells whom a rate is a share of."""
        step = self.audience.round_to
        people = self._true(whole)
        shown = step * int(people / step + 0.5)
        low, high = max(shown + math.ceil(-step / 2), self.audience.hide_below), shown + math.ceil(step / 2) - 1
        return [_plus(whole, {self.one: 1.0}, -float(high)), _plus({self.one: float(low)}, whole, -1.0)]


def _sums(table: Table, row: object, rate: Rate, at: Mapping[str, int]) -> tuple[dict[int, float], dict[int, float]]:
    def cells(columns: Iterable[str]) -> dict[int, float]:
        return {at[table.column_key(column) if row is None else table.cell_key(row, column)]: 1.0
                for column in columns}

    return cells(rate.part), cells(rate.whole)


def _told_by_percent(share: float) -> tuple[float, float]:
    """The shares that are written as the same whole per cent; zero and "not quite zero" are told apart."""
    whole = int(100 * share + 0.5)
    if whole == 0:
        return (0.0, 0.0) if share == 0 else (0.0, 0.005)
    return max(whole - 0.5, 0.0) / 100, (whole + 0.5) / 100


def _plus(terms: Terms, more: Terms, factor: float) -> dict[int, float]:
    return {place: terms.get(place, 0.0) + factor * more.get(place, 0.0) for place in sorted({*terms, *more})}


def _times(terms: Terms, factor: float) -> dict[int, float]:
    return {place: factor * value for place, value in terms.items()}


def _less(terms: Terms, taken: Terms) -> dict[int, float]:
    return _plus(terms, taken, -1.0)
