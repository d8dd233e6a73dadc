"""What the board's report may show: all its counts protected in one call, and one rule for every rate made of them.

Findings, sentences, annex and figures ask here and nowhere else, so that none of them shows what another hides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from desist.measures.disclosure import HIDDEN, Audience, Protected, may_show_rate
from desist.measures.linked import EVERYBODY, MARK, ProtectedTables, Table, protect_tables
from desist.measures.rates import LIST_RATES, Rate, ShownRates, rates_of_shown_counts, show_rates
from desist.reports.fairness_content import FairnessContent, FindingContent, GroupTable, Value

CELLS = {"tp": "Listed, proven", "fp": "Listed, not proven", "fn": "Not listed, proven", "tn": "Not listed, not proven"}
RATES: Mapping[str, Rate] = {rate.name: rate for rate in LIST_RATES}
#: Numbers from which, with others on the page, a rate could be worked out: shown only where that rate is.
FOLLOWS = {
    "calibration_in_the_large": "base_rate", "mean_estimate": "base_rate", "auc": "base_rate", "cross_auc": "base_rate",
    "brier": "base_rate", "calibration_slope": "base_rate", "calibration_near_cut_off": "base_rate",
    "excess_fpr": "fpr",
}
#: In the name of a characteristic that is two at once: "sex_x_ethnicity".
CROSSED = "_x_"
#: The counts of page one, as a table of the whole page.
PAGE_ONE = "page one"
#: Hidden cells times all cells up to which rates are searched in whole numbers: about three seconds. Beyond it tables
#: that hide most of their counts are cut down, and if that is not enough only rates of shown counts are shown.
MOST_SEARCHED = 1000
#: A table that hides more than this share of its counts tells little, and hides those of the tables beside it; half
#: of it is enough for one that no finding asks about.
MOST_HIDDEN = 0.5

Rows = Mapping[tuple[str, str], object]


@dataclass(frozen=True)
class Disclosed:
    """The protected counts of a report, and the rates that may stand beside them.

    ``rows``: the label of each (characteristic, group) in its table; ``small``: the hidden totals of groups, as counts;
    ``left_out``: the characteristics of which nothing is shown.
    """

    audience: Audience
    protected: ProtectedTables
    rates: ShownRates
    rows: Rows
    tables: Mapping[str, Table]
    small: frozenset[int]
    left_out: frozenset[str]

    @property
    def hides(self) -> bool:
        """Whether any count of the page is hidden."""
        return HIDDEN in self.protected.cells.values()

    def counts_of(self, characteristic: str) -> Protected:
        """The protected counts of a characteristic; its rows are in the order of the content."""
        return self.protected.tables[characteristic]

    def only_totals(self, characteristic: str) -> bool:
        """Whether only the sizes of the groups are shown."""
        return characteristic in self.tables and not _is_full(self.tables[characteristic])

    def page_one(self) -> tuple[Mapping[str, str], str]:
        """The counts of everybody by cell, and their total."""
        shown = self.protected.tables[PAGE_ONE]
        return {name: str(shown.row_totals[name]) for name in CELLS}, shown.total

    def hidden_cells(self, characteristic: str, group: str | None) -> frozenset[str]:
        """The hidden cells of a group's row; of everybody where no group is named."""
        if characteristic in self.left_out or self.only_totals(characteristic):
            return frozenset(CELLS)
        table = self.tables[characteristic]

        def key(cell: str) -> str:
            return table.column_key(cell) if group is None else table.cell_key(self.rows[characteristic, group], cell)

        return frozenset(cell for cell in CELLS if self.protected.cells[key(cell)] == HIDDEN)

    def is_hidden(self, metric: str, characteristic: str, group: str | None, value: Value) -> bool:
        """Whether a number may not be shown: too few people, or it would tell a hidden count.

        A number that nobody can work out is said to be not available only where its counts are shown.
        """
        of = FOLLOWS.get(metric, metric)
        if characteristic in self.left_out:
            return True
        if characteristic in self.tables and of in RATES:
            row = None if group is None else self.rows.get((characteristic, group), group)
            if self.rates.may_show(characteristic, row, of) and value.people >= self.audience.least_people:
                return False
            is_known = (characteristic, group) in self.rows or group is None
            shown = is_known and not self.hidden_cells(characteristic, group) & set(RATES[of].whole)
            return not (value.value is None and shown)
        if value.value is None:
            return False
        is_full = characteristic in self.tables and not self.only_totals(characteristic)
        if metric == "sensitivity_in_need" and is_full and {"tp", "fn"} & self.hidden_cells(characteristic, group):
            return True  # those reached, of people in need, are some of those listed: a least number of them
        count = value.count
        if count is None and metric not in FOLLOWS:
            count = round(value.value * value.people)
        return not may_show_rate(value.people, count, self.audience)

    def hidden_groups(self, finding: FindingContent) -> frozenset[str]:
        """The groups of a finding whose numbers must be hidden.

        Where a rule of their own hides one group alone, everybody less the others would be that group: so the next
        smallest is hidden too. Of two groups each is "everybody else" to the other: both are hidden or none.
        """
        hidden = {
            part.group for part in finding.parts
            if self.is_hidden(finding.metric, finding.characteristic, part.group, part.value)
        }
        searched = finding.characteristic in self.tables and FOLLOWS.get(finding.metric, finding.metric) in RATES
        if len(hidden) == 1 and (not searched or len(finding.parts) == 2):
            others = [part for part in finding.parts if part.group not in hidden]
            smallest = min(others, key=lambda part: (part.value.people, part.group), default=None)
            hidden |= {smallest.group} if smallest else set()
        return frozenset(hidden)


def disclosed(content: FairnessContent) -> Disclosed:
    """What the report of this content may show. The counts of all its tables and of page one are one page."""
    all_tables, rows = _tables(content)
    tables, protected = _protected(all_tables, content)
    by_name = {table.name: table for table in tables if table.name != PAGE_ONE}
    small = {
        int(count) for table in by_name.values() for row, count in table.counts.sum(axis=1).items()
        if protected.cells[table.row_key(row)] == HIDDEN
    }
    left_out = {table.name for table in all_tables} - {table.name for table in tables}
    rates = _rates(content, tables, protected)
    return Disclosed(content.audience, protected, rates, rows, by_name, frozenset(small), frozenset(left_out))


def protected_counts(content: FairnessContent) -> ProtectedTables:
    """The counts as the report of this content shows them, to be kept as an edition."""
    return _protected(_tables(content)[0], content)[1]


def _protected(tables: tuple[Table, ...], content: FairnessContent) -> tuple[tuple[Table, ...], ProtectedTables]:
    """The tables that the page has room for, protected.

    Many hidden counts hide further ones, in the end the totals of page one, and take long to search. So while there
    are too many, the table that hides most is cut down: one of two characteristics at once is left out, of another
    the sizes of its groups stay. Those that findings ask about come last, and only for the totals of page one. A
    count that is shown nowhere is known no better than by the size of its group and everybody's total: to as many
    people as the smallest of the two and of what is left beside them, which are hidden themselves where small.
    """
    asked = {finding.characteristic for finding in content.findings}
    while True:
        protected = protect_tables(tables, content.audience)
        shares = {table.name: _share_hidden(table, protected) for table in tables if _is_full(table)}
        too_many = {name for name, share in shares.items() if share > MOST_HIDDEN * (1.0 if name in asked else 0.5)}
        if not too_many or _work(protected) <= MOST_SEARCHED:
            return tables, protected
        totals_shown = HIDDEN not in protected.tables[PAGE_ONE].row_totals.tolist()
        if totals_shown and asked.issuperset(too_many):
            return tables, protected
        worst = max(too_many, key=lambda name: (CROSSED in name, name not in asked, shares[name], name))
        kept = [table for table in tables if table.name != worst or CROSSED not in worst]
        tables = tuple(_sizes_of(table) if table.name == worst else table for table in kept)


def _work(protected: ProtectedTables) -> int:
    return sum(text == HIDDEN for text in protected.cells.values()) * len(protected.cells)


def _is_full(table: Table) -> bool:
    return set(CELLS) <= set(table.counts.columns)


def _share_hidden(table: Table, protected: ProtectedTables) -> float:
    texts = [protected.cells[table.cell_key(row, cell)] for row in table.counts.index for cell in CELLS]
    return texts.count(HIDDEN) / len(texts)


def _sizes_of(table: Table) -> Table:
    return replace(table, counts=pd.DataFrame({"people": table.counts.sum(axis=1)}))


def _rates(content: FairnessContent, tables: tuple[Table, ...], protected: ProtectedTables) -> ShownRates:
    """The rates that the page has, those of findings with everybody else's beside them."""
    asked = {FOLLOWS.get(finding.metric, finding.metric) for finding in content.findings}
    named = [metric for table in content.tables for row in table.rows for metric in row.measures]
    used = asked | {FOLLOWS.get(metric, metric) for metric in (*named, *_of_everybody(content))}
    rates = [replace(rate, compared=rate.name in asked) for rate in LIST_RATES if rate.name in used]
    choose = show_rates if _work(protected) <= MOST_SEARCHED else rates_of_shown_counts
    return choose(tables, protected, rates)


def _of_everybody(content: FairnessContent) -> list[str]:
    return [metric for table in content.tables for metric in table.everybody]


def _tables(content: FairnessContent) -> tuple[tuple[Table, ...], Rows]:
    """Page one and each characteristic as linked tables, with the label of each group's row."""
    given, cells = content.counts, pd.Index(list(CELLS), name="result")
    everybody = (given.listed_proven, given.listed_not_proven, given.missed, given.neither)
    found = [Table(PAGE_ONE, pd.DataFrame({"people": everybody}, index=cells))]
    shown = {table.characteristic: table for table in content.tables if table.rows}
    labels: dict[tuple[str, str], object] = {}
    for name, table in shown.items():
        crossed = _crossed(table, shown)
        plain = pd.Index([_plain(row.group) for row in table.rows], name=_plain(name))
        index = plain if crossed is None else crossed
        counts = pd.DataFrame([[row.tp, row.fp, row.fn, row.tn] for row in table.rows], index=index, columns=cells)
        # A table of other people than page one's is a page of its own: their totals are not one number.
        same = tuple(counts.sum()) == everybody
        found.append(Table(name, counts, people=EVERYBODY if same else f"those by {_plain(name)}"))
        labels |= {(name, row.group): label for row, label in zip(table.rows, index, strict=True)}
    return tuple(found), labels


def _crossed(table: GroupTable, shown: Mapping[str, GroupTable]) -> pd.Index | None:
    """The rows of "sex_x_ethnicity" as sex by ethnicity, where their sums are those of the tables of the two."""
    first, found, second = table.characteristic.partition(CROSSED)
    names = [next((name for name in shown if name in (part, f"{part}_band")), "") for part in (first, second)]
    pairs = [tuple(row.group.split(", ", 1)) for row in table.rows]
    if not found or not all(names) or any(len(pair) < 2 for pair in pairs):
        return None
    for at, name in enumerate(names):
        sums: dict[str, list[int]] = {}
        for row, pair in zip(table.rows, pairs, strict=True):
            before = sums.get(pair[at], [0, 0, 0, 0])
            sums[pair[at]] = [a + b for a, b in zip(before, (row.tp, row.fp, row.fn, row.tn), strict=True)]
        if sums != {row.group: [row.tp, row.fp, row.fn, row.tn] for row in shown[name].rows}:
            return None
    return pd.MultiIndex.from_tuples([tuple(map(_plain, pair)) for pair in pairs], names=list(map(_plain, names)))


def _plain(name: str) -> str:
    """A name without the sign that keys are put together with."""
    return name.replace(MARK, "/")
