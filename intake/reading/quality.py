"""The quality of what each agency sent: gaps, wrong values, lateness and volumes, kept from extract to extract.

Each extract's figures are counted once, while its rows are read, and kept beside the manifest's extracts: they hold
counts only, so quarters stay comparable after an extract itself was removed. One entry for each table and cut date.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from desist.intake.holding.store import Extract, Manifest, Store, pieces
from desist.intake.rows.checks import REFUSED_ROWS
from desist.intake.rows.crosschecks import DUPLICATE, REPEATED
from desist.intake.rows.stream import spans
from desist.intake.terms.contracts import Contract

#: Days from an event to its recording; the last bucket is open. Its first bound is the day itself.
LATENESS_DAYS = (0, 7, 30, 90, 365)
LATE_AFTER = 30
#: A quarter here: 13 weeks back from the extract date, so that each holds the same weekdays.
QUARTER_DAYS, QUARTERS = 91, 5
#: Months whose volume is kept of each extract.
MONTHS_KEPT = 27
#: How figures are written; those written otherwise, by another desist, are not compared.
FORM = 1
#: Extracts whose figures are kept of each table: three years of quarters.
EXTRACTS_KEPT = 12

MISSING, CODE, VALUE, DATE, DUPLICATES, PERSON, REFERENCE, UNREADABLE, NEVER = (
    "empty cells", "codes not on their list", "values out of range or of another type", "dates that cannot be",
    "duplicates", "people not in the identity table", "rows of another table missing", "lines that are no rows",
    "classes never accepted",
)  # fmt: skip
KINDS = (MISSING, CODE, VALUE, DATE, DUPLICATES, PERSON, REFERENCE, UNREADABLE, NEVER)

Figures = dict[str, Any]


def kind_of(reason: str) -> str:
    """Which of KINDS a reason for quarantine belongs to."""
    if reason in REFUSED_ROWS:
        return NEVER
    if reason in (DUPLICATE, REPEATED):
        return DUPLICATES
    if "identity table" in reason:
        return PERSON
    if reason.startswith(("refers to", "belongs to another person")):
        return REFERENCE
    if ("code" in reason and ("list" in reason or "five digits" in reason)) or reason.startswith(_OF_A_KIND):
        return CODE
    if reason.endswith("is empty"):
        return MISSING
    if reason.startswith("has "):
        return UNREADABLE
    if any(words in reason for words in _OF_ANOTHER_ROW):
        return REFERENCE
    return DATE if any(words in reason for words in _OF_DATES) else VALUE


_OF_DATES = (
    "lies after", "is before", "is written day first", "is not a date", "day of the calendar", " has no ",
    "Excel's own dates", "year of two digits",
)  # fmt: skip
#: Of rows that a mapping could make nothing of, for what another row of the file says or does not.
_OF_ANOTHER_ROW = ("row about the same person", "no row before it began")
#: Of rows whose kind, a code of the agency's, is none that its mapping names.
_OF_A_KIND = ("is of a kind that the mapping", "is neither a beginning nor an end")


# --- counted while reading


def figures_of(rows: pa.Table, contract: Contract, sent: Sequence[str], cut: dt.date) -> Figures:
    """Counts of one file's accepted rows; ``sent``: the agreed columns that the file has. Figures of parts add up.

    ``missing``: empty cells by column. ``lateness``: rows by days from event to recording. ``quarters``: rows recorded
    in each of the last five times 13 weeks, newest first; by the day of recording, because the newest events are
    still being recorded. ``months``: events a month.
    """
    columns = [column.name for column in contract.columns if column.name in sent]
    found: Figures = {"form": FORM, "rows": len(rows), "missing": {name: rows[name].null_count for name in columns}}
    if not contract.event or not len(rows):
        return found
    cut_day = int(np.datetime64(cut, "D").astype(np.int64))
    late = np.zeros(len(LATENESS_DAYS) + 1, dtype=np.int64)
    quarters = np.zeros(QUARTERS, dtype=np.int64)
    months: Counter[int] = Counter()
    last, entered = -1, -1
    for span in spans(len(rows)):
        part = rows.slice(span.start, span.stop - span.start)
        occurred, recorded = _day_numbers(part["occurred_on"]), _day_numbers(part["recorded_on"])
        late += np.bincount(np.searchsorted(LATENESS_DAYS, recorded - occurred), minlength=len(late))
        back = (cut_day - recorded) // QUARTER_DAYS
        quarters += np.bincount(back[(back >= 0) & (back < QUARTERS)], minlength=QUARTERS)
        happened = occurred[occurred <= cut_day]
        last = max(last, int(happened.max(initial=-1)))
        entered = max(entered, int(recorded.max(initial=-1)))
        months.update(_by_month(happened))
    this = int(np.datetime64(cut, "M").astype(np.int64))
    return found | {
        "lateness": late.tolist(),
        "quarters": quarters.tolist(),
        "months": {str(np.datetime64(month, "M")): months[month]
                   for month in range(this - MONTHS_KEPT + 1, this + 1) if months[month]},
        "last_event": str(np.datetime64(last, "D")) if last >= 0 else "",
        "last_recorded": str(np.datetime64(entered, "D")) if entered >= 0 else "",
    }  # fmt: skip


def _day_numbers(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    return np.asarray(column.to_numpy()).astype("datetime64[D]").astype(np.int64)


def _by_month(day_numbers: npt.NDArray[np.int64]) -> dict[int, int]:
    if not len(day_numbers):
        return {}
    months = day_numbers.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    first = int(months.min())
    return {first + place: int(count) for place, count in enumerate(np.bincount(months - first)) if count}


def keep_figures(manifest: Manifest, extract: Extract) -> None:
    """Move the figures of ``extract``, or of its newest correction, to where they outlive it; the caller commits."""
    key = f"{extract['source']}/{extract['table']}"
    kept = manifest.setdefault("figures", {}).setdefault(key, [])
    own = next((one for one in kept if one["extract_date"] == extract["extract_date"]), None)
    for piece in pieces(extract):
        figures = piece.pop("figures", None)
        if figures is None:
            continue
        if piece is not extract and own is not None and own["held_as"] == extract["held_as"]:
            own["figures"] = add_figures(own["figures"], figures)
            continue
        kept[:] = [one for one in kept if one["extract_date"] != extract["extract_date"]]
        own = {"extract_date": extract["extract_date"], "held_as": extract["held_as"], "figures": figures}
        kept.append(own)
        kept.sort(key=lambda one: str(one["extract_date"]), reverse=True)
        del kept[EXTRACTS_KEPT:]
    if own is not None:
        own |= _counted(extract)


def _counted(extract: Extract) -> dict[str, Any]:
    """What became of the extract's rows, by kind of fault, its corrections included."""
    waits: Counter[str] = Counter()
    for piece in pieces(extract):
        for reason, count in piece["quarantined"].items():
            waits[kind_of(reason)] += count
    return {
        "read": extract["rows_read"],
        "accepted": sum(piece["accepted"] for piece in pieces(extract)),
        "corrected": sum(piece["accepted"] for piece in extract.get("corrections", [])),
        "waits": dict(sorted(waits.items())),
    }


def add_figures(one: Figures, other: Figures) -> Figures:
    """The figures of two parts of an extract together."""
    if not other["rows"]:
        return one
    missing = {name: one["missing"].get(name, 0) + count for name, count in other["missing"].items()}
    both = {"form": FORM, "rows": one["rows"] + other["rows"], "missing": one["missing"] | missing}
    if "lateness" not in other or "lateness" not in one:
        return both | {key: (other if "lateness" in other else one)[key]
                       for key in ("lateness", "quarters", "months", "last_event", "last_recorded")
                       if key in one or key in other}  # fmt: skip
    months: Counter[str] = Counter(one["months"]) + Counter(other["months"])
    return both | {
        "lateness": [a + b for a, b in zip(one["lateness"], other["lateness"], strict=True)],
        "quarters": [a + b for a, b in zip(one["quarters"], other["quarters"], strict=True)],
        "months": dict(sorted(months.items())),
        "last_event": max(one["last_event"], other["last_event"]),
        "last_recorded": max(one["last_recorded"], other["last_recorded"]),
    }


# --- looked at afterwards


@dataclass(frozen=True)
class TableQuality:
    """One table's current extract, and those before it, newest first; entries as ``keep_figures`` leaves them.

    ``read`` = ``accepted`` + ``waits``: corrections are counted as what became of them. ``wrong_codes``: column ->
    wrong code -> rows. Before an extract's figures were kept (an older desist) ``figures`` is empty.
    """

    source: str
    table: str
    extract_date: dt.date
    read: int
    accepted: int
    corrected: int
    waits: Mapping[str, int]
    wrong_codes: Mapping[str, Mapping[str, int]]
    dropped_columns: tuple[str, ...]
    figures: Figures
    before: tuple[Mapping[str, Any], ...] = field(default=())

    def __post_init__(self) -> None:
        if self.read != self.accepted + sum(self.waits.values()):
            raise ValueError(f"{self.source}/{self.table}: rows read are not those accepted and waiting")

    @property
    def event(self) -> bool:
        return "lateness" in self.figures

    def missing(self, column: str) -> int:
        return int(self.figures["missing"][column])

    @property
    def late(self) -> int:
        """Rows recorded more than LATE_AFTER days after their event."""
        return _late(self.figures)

    @property
    def usual_quarter(self) -> float:
        """Rows recorded in the mean of the four quarters before the last."""
        earlier = self.figures["quarters"][1:]
        return float(sum(earlier) / len(earlier))


@dataclass(frozen=True)
class Changed:
    """Events of months that were over when the extract before was cut: how many then, and what came or went since."""

    then: int
    added: int
    gone: int


def changed_since(one: TableQuality) -> Changed | None:
    """How the months that the extract before had already told of differ now; None where there is none before.

    Added are events recorded late. Gone are records that were removed, merged or not sent again.
    """
    if not one.event or not one.before or "months" not in one.before[0]["figures"]:
        return None
    before = one.before[0]
    then, now = before["figures"]["months"], one.figures["months"]
    oldest = str(np.datetime64(one.extract_date, "M") - (MONTHS_KEPT - 1))
    over = [month for month in {*then, *now} if oldest <= month < str(before["extract_date"])[:7]]
    steps = [now.get(month, 0) - then.get(month, 0) for month in over]
    return Changed(
        sum(then.get(month, 0) for month in over),
        sum(step for step in steps if step > 0),
        -sum(step for step in steps if step < 0),
    )


def _late(figures: Figures) -> int:
    return int(sum(figures["lateness"][LATENESS_DAYS.index(LATE_AFTER) + 1:]))  # fmt: skip


def table_qualities(store: Store) -> tuple[TableQuality, ...]:
    """Every table's current extract with its kept figures and those of earlier extracts."""
    manifest = store.manifest()
    found = []
    for key, history in sorted(manifest["extracts"].items()):
        extract = history[0]
        kept = [one for one in manifest.get("figures", {}).get(key, []) if one["figures"].get("form") == FORM]
        own = next((one for one in kept if one["held_as"] == extract["held_as"]), None)
        counted = own or _counted(extract)
        wrong = extract["wrong_codes"] if counted["waits"].get(CODE) else {}
        found.append(
            TableQuality(
                extract["source"], extract["table"], dt.date.fromisoformat(extract["extract_date"]),
                counted["read"], counted["accepted"], counted["corrected"], counted["waits"], wrong,
                tuple(extract["dropped_columns"]), own["figures"] if own else {},
                tuple(one for one in kept if one["extract_date"] < extract["extract_date"]),
            )
        )  # fmt: skip
    return tuple(found)


# --- what somebody should look at

#: Below so many rows nothing is said of a table, and below so many in a usual quarter nothing of its volume: chance
#: alone moves them.
LEAST_ROWS = 20
WAITING_SHARE = 0.05
MISSING_ROSE = 0.10
LATE_ROSE = 0.10
FEWER_ROWS = 0.10
GONE_SHARE = 0.05
VOLUME_LOW, VOLUME_HIGH = 0.5, 2.0
#: A table whose newest row is older than this at the cut is recorded no longer, or its extract was cut short.
SILENT_DAYS = 45


@dataclass(frozen=True)
class Look:
    """One thing to ask an agency about: ``about`` is one of ABOUT; ``parts`` are the counts of its sentence."""

    source: str
    table: str
    about: str
    columns: tuple[str, ...] = ()
    parts: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.about not in ABOUT:
            raise ValueError(f"there is nothing to ask about {self.about!r}")


ABOUT = (
    "waiting", "always_empty", "missing_rose", "fewer_rows", "gone", "volume_low", "volume_high", "silent", "late_rose",
)  # fmt: skip


def what_to_look_at(tables: Sequence[TableQuality]) -> tuple[Look, ...]:
    """What stands out in the current extracts, table by table; what is nothing new comes last."""
    found = [look for one in tables for look in (*_of_rows(one), *_of_columns(one), *_of_events(one))]
    return tuple(sorted(found, key=lambda look: look.about == "always_empty"))


def _of_rows(one: TableQuality) -> list[Look]:
    found = []
    waits = sum(count for kind, count in one.waits.items() if kind != NEVER)
    if one.read >= LEAST_ROWS and waits >= WAITING_SHARE * one.read:
        found.append(Look(one.source, one.table, "waiting", parts=(waits, one.read)))
    if one.before and one.before[0]["accepted"] >= LEAST_ROWS:
        earlier = one.before[0]["accepted"]
        if one.accepted <= (1 - FEWER_ROWS) * earlier:
            found.append(Look(one.source, one.table, "fewer_rows", parts=(one.accepted, earlier)))
    return found


def _of_columns(one: TableQuality) -> list[Look]:
    found = []
    rows = one.figures.get("rows", 0)
    earlier: Figures = one.before[0]["figures"] if one.before else {"rows": 0, "missing": {}}
    empty = []
    for column, missing in one.figures.get("missing", {}).items() if rows >= LEAST_ROWS else ():
        if missing == rows:
            empty.append(column)
        if earlier["rows"] >= LEAST_ROWS and column in earlier["missing"]:
            counts = (missing, rows, earlier["missing"][column], earlier["rows"])
            if _rise(*counts) >= MISSING_ROSE:
                found.append(Look(one.source, one.table, "missing_rose", (column,), counts))
    return found + ([Look(one.source, one.table, "always_empty", tuple(empty))] if empty else [])


def _of_events(one: TableQuality) -> list[Look]:
    if not one.event:
        return []
    found = []
    newest, usual = one.figures["quarters"][0], one.usual_quarter
    if usual >= LEAST_ROWS and newest < VOLUME_LOW * usual:
        found.append(Look(one.source, one.table, "volume_low", parts=(newest, usual)))
    if usual >= LEAST_ROWS and newest > VOLUME_HIGH * usual:
        found.append(Look(one.source, one.table, "volume_high", parts=(newest, usual)))
    # Whatever the usual quarter: the rarer a table's rows are, the longer nobody would see that they stopped.
    if one.figures["last_recorded"] and one.figures["rows"] >= LEAST_ROWS:
        silent = (one.extract_date - dt.date.fromisoformat(one.figures["last_recorded"])).days
        if silent > SILENT_DAYS:
            found.append(Look(one.source, one.table, "silent", parts=(silent,)))
    changed = changed_since(one)
    if changed and changed.then >= LEAST_ROWS and changed.gone >= GONE_SHARE * changed.then:
        found.append(Look(one.source, one.table, "gone", parts=(changed.gone, changed.then)))
    earlier = one.before[0]["figures"] if one.before else {}
    if "lateness" in earlier and min(earlier["rows"], one.figures["rows"]) >= LEAST_ROWS:
        counts = (one.late, one.figures["rows"], _late(earlier), earlier["rows"])
        if _rise(*counts) >= LATE_ROSE:
            found.append(Look(one.source, one.table, "late_rose", parts=counts))
    return found


def _rise(part: int, rows: int, part_before: int, rows_before: int) -> float:
    return round(part / rows - part_before / rows_before, 9)
