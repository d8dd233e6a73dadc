"""What happened and when it became known: event tables under their contracts, for one snapshot."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from desist.features import derive
from desist.features.contracts import KEY, EventContract
from desist.features.vocabulary import CONTRACTS
from desist.records.errors import Problem, Refused

#: Larger numbers are refused: sums of them would not fit a number any more.
LARGEST = 1e290
#: Who a source knows: since which day for each person, or only who (then since their first recorded row).
Known = Mapping[str, Mapping[str, dt.date] | Collection[str]]


@dataclass(frozen=True)
class Events:
    """Event tables, who each source knows since when, and which sources are shared at all.

    ``known``: source -> person -> the first day on which it had a record of the person. On an as-of date the
    source knows those recorded before it, as an extract cut that day would have shown. ``snapshots``: the date of
    each shared source's extract. ``unsent``: fields ("offences.da_flag") that the source does not send at all, so that
    whatever asks for them is missing. Columns beyond a table's contract are dropped.
    """

    tables: Mapping[str, pd.DataFrame]
    contracts: Mapping[str, EventContract]
    known: Mapping[str, Mapping[str, dt.date]]
    snapshots: Mapping[str, dt.date] = field(default_factory=dict)
    unsent: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        problems: list[Problem] = []
        checked = {}
        for name, table in self.tables.items():
            if name not in self.contracts:
                problems.append(Problem("a table without a contract", name, "a contract for it", "Add one."))
                continue
            checked[name] = checked_table(table, self.contracts[name], problems)
        if problems:
            raise Refused("The event tables do not meet their contracts.", problems)
        object.__setattr__(self, "tables", checked)

    @property
    def shared(self) -> frozenset[str]:
        """Sources that share anything at all."""
        return frozenset(self.known)

    @property
    def snapshot(self) -> dt.date | None:
        """The earliest snapshot date over the shared sources."""
        return min(self.snapshots.values(), default=None)

    def knows(self, source: str, person_id: str, as_of: dt.date) -> bool:
        """Whether the source had a record of the person before the as-of date."""
        since = self.known.get(source, {}).get(person_id)
        return since is not None and since < as_of

    def answers(self, contract: EventContract, person_id: str, as_of: dt.date) -> bool:
        """Whether having no row of this table means that nothing happened, rather than that we cannot tell."""
        if contract.name not in self.tables:
            return False
        shared = [source for source in contract.sources if source in self.known]
        if contract.absence == "none" and shared:
            return True
        return any(self.knows(source, person_id, as_of) for source in shared)

    def visible(self, name: str, as_of: dt.date) -> pd.DataFrame:
        """The rows of a table recorded before the as-of date, with what was learnt later left empty.

        The dates on which later facts were learnt are used up here, and left out.
        """
        table = self.tables[name] if name in self.tables else empty_table(self.contracts[name])
        later = self.contracts[name].learnt_later
        seen = table[recorded_before(table["recorded_on"], as_of)].copy()
        for learnt, stamp in later.items():
            seen[learnt] = seen[learnt].where(recorded_before(seen[stamp], as_of))
        return seen.drop(columns=list(set(later.values())))

    def rows_of(self, name: str, people: Sequence[str]) -> pd.DataFrame:
        """The table's rows about these people, whenever recorded; found by place, since tables are sorted by person."""
        table = self.tables[name]
        if name not in self._places:
            ids = table["person_id"].to_numpy(dtype=object)
            starts = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]]) if len(ids) else np.array([], dtype=int)
            ends = np.r_[starts[1:], len(ids)] if len(ids) else starts
            self._places[name] = dict(zip(ids[starts], zip(starts, ends, strict=True), strict=True))
        found = [self._places[name][person] for person in people if person in self._places[name]]
        if len(found) == 1:
            return table.iloc[found[0][0] : found[0][1]]
        return table.take(np.concatenate([np.arange(start, end) for start, end in found])) if found else table.iloc[:0]

    @cached_property
    def _places(self) -> dict[str, dict[str, tuple[int, int]]]:
        """Table -> person -> where their rows begin and end; filled as tables are asked for."""
        return {}


def recorded_before(stamps: pd.Series, as_of: dt.date) -> pd.Series:
    """The one rule of visibility for tables: what was recorded before the as-of date was known on it."""
    return stamps < pd.Timestamp(as_of)


def empty_table(contract: EventContract) -> pd.DataFrame:
    """A table of the contract's columns and types without a row."""
    return checked_table(pd.DataFrame({name: [] for name in contract.columns}), contract, [])


def checked_table(table: pd.DataFrame, contract: EventContract, problems: list[Problem]) -> pd.DataFrame:
    """The contract's columns in its types, in one order whatever order they came in; adds what is wrong to problems."""
    renamed = table.rename(columns={spec.column: name for name, spec in contract.fields.items() if spec.column})
    missing = [name for name in contract.columns if name not in renamed]
    if missing:
        problems.append(Problem("no " + ", ".join(missing), contract.name, "every column of its contract", "Add them."))
        return table
    columns = {}
    for name in contract.columns:
        kind = contract.fields[name].kind if name in contract.fields else "category" if name == "person_id" else "date"
        try:
            columns[name] = _typed(renamed[name], kind)
        except (TypeError, ValueError):
            problems.append(Problem(f"a {name} that is no {kind}", contract.name, kind, "Mend the table."))
            return table
    typed = pd.DataFrame(columns)
    if typed[list(KEY)].isna().any(axis=None):
        where = f"{contract.name}: person_id, occurred_on, recorded_on"
        problems.append(Problem("an empty key or date", where, "all three in every row", "Leave such rows out."))
    return typed.iloc[_order(typed)].reset_index(drop=True)


def _order(table: pd.DataFrame) -> np.ndarray:
    """Positions of the rows by person, then by every other column, so that the order they came in means nothing."""
    keys = []
    for name in table.columns:
        values = table[name]
        text = pd.api.types.is_string_dtype(values)
        keys.append(pd.factorize(values, sort=True)[0] if text else values.to_numpy())
    return np.lexsort(keys[::-1])


def _typed(values: pd.Series, kind: str) -> pd.Series:
    """Dates as days, numbers and yes/no as floats (1, 0, NaN), categories as text; empty stays empty."""
    if kind == "date":
        return derive.dates(values)
    if kind == "number":
        numbers = pd.to_numeric(values).astype("float64")
        if (numbers.abs() > LARGEST).any():
            raise ValueError("infinite, or too large to add up")
        return numbers
    if kind == "yes_no":
        if not set(pd.unique(values.dropna())) <= {True, False}:
            raise ValueError("not a yes or no")
        return values.astype("object").map({True: 1.0, False: 0.0}).astype("float64")
    if isinstance(values.dtype, pd.StringDtype):
        return values.astype("str")
    return values.astype("object").map(str, na_action="ignore").astype("str")


def events_from(tables: Mapping[str, pd.DataFrame], known: Known, snapshots: Mapping[str, dt.date]) -> Events:
    """Our events from linked tables as agencies sent them (``intake.holding.linked.read_linked``).

    ``offences`` and ``sanctions`` are police's; only where police share nothing at all are they probation's
    convictions. Where ``known`` says only who, a source knows a person since the first row it recorded of them: an
    identity without any dated row is no evidence that the source would show what happened.
    """
    shared = {source for source in known if source in snapshots}
    raw = derive.Raw(tables, {source: pd.Timestamp(day) for source, day in snapshots.items()})
    source = "police" if "police" in shared else "probation"
    found = derive.proven(raw, source)
    spells = derive.custody(raw)
    made: dict[str, pd.DataFrame | None] = {name: make(raw) for name, make in derive.PLAIN.items()}
    made["supervision"] = derive.supervision(raw, spells)
    made["releases"] = derive.releases(spells) if spells is not None else None
    made["offences"] = derive.offences(found) if found is not None else None
    made["sanctions"] = derive.sanctions(found) if found is not None else None
    made["index_events"] = derive.index_events(raw, found, spells)
    contracts = dict(CONTRACTS)
    for name in ("offences", "sanctions"):
        contracts[name] = replace(contracts[name], source=source)
    sent = {name: table for name, table in made.items() if table is not None}
    unsent = frozenset(f"{name}.{c}" for name, table in sent.items() for c in contracts[name].columns if c not in table)
    filled = {name: table.reindex(columns=list(contracts[name].columns)) for name, table in sent.items()}
    return Events(filled, contracts, _known_since(tables, known, shared), dict(snapshots), unsent)


_SOURCE_OF = {
    **dict.fromkeys(
        ("prob_person", "prob_event", "prob_requirement", "prob_registration", "prob_assessment", "prob_predictor",
         "prob_contact", "prob_enforcement", "prob_allocation", "support_referral", "iom_cohort"),
        "probation",
    ),
    "pris_spell": "prison",
    **dict.fromkeys(("pol_sanction", "pol_charge"), "police"),
    **dict.fromkeys(("trt_client", "trt_episode", "trt_intervention"), "treatment"),
    **dict.fromkeys(("asb_outcome", "housing_duty", "programme"), "council"),
}  # fmt: skip


def _known_since(
    tables: Mapping[str, pd.DataFrame], known: Known, shared: Collection[str]
) -> dict[str, dict[str, dt.date]]:
    since: dict[str, dict[str, dt.date]] = {}
    for source in sorted(shared):
        people = known[source]
        if isinstance(people, Mapping):
            since[source] = dict(people)
            continue
        parts = [
            table[["person_id", "recorded_on"]]
            for name, table in tables.items()
            if _SOURCE_OF.get(name) == source and not table.empty
        ]
        wanted = frozenset(people)
        since[source] = {}
        if parts:
            rows = pd.concat(parts, ignore_index=True)
            first = derive.dates(rows["recorded_on"]).groupby(rows["person_id"].astype("str")).min().dropna()
            days = np.asarray(first.dt.date)
            since[source] = {p: day for p, day in zip(first.index, days, strict=True) if p in wanted}
    return since
