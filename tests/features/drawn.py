"""Histories and registers drawn by hypothesis: everything the language can say, and dates that are hard."""

import datetime as dt
from dataclasses import dataclass

import pandas as pd
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from desist.features import language as say
from desist.features.contracts import EventContract, FieldSpec
from desist.features.events import Events
from desist.features.language import WORDS
from desist.features.register import Feature, Register
from desist.features.rows import Rows

EVENTS = EventContract(
    name="things",
    source="one",
    fields={
        "kind": FieldSpec("category", "kind", values=("a", "b", "c", "zz")),
        "size": FieldSpec("number", "size"),
        "bad": FieldSpec("yes_no", "are bad"),
        "sure": FieldSpec("yes_no", "were sure"),
        "grade": FieldSpec("number", "grade"),
        "checked": FieldSpec("date", "check"),
    },
    learnt_later={"sure": "told_on", "grade": "graded_on", "checked": "told_on"},
)
SPELLS = EventContract(
    name="stays",
    source="two",
    also_from=("one",),
    fields={
        "kind": FieldSpec("category", "kind", values=("in", "out")),
        "end": FieldSpec("date", "end"),
        "planned": FieldSpec("date", "planned end"),
    },
    learnt_later={"end": "end_told_on"},
    ends=("end", "planned"),
)
SURE = EventContract(name="sure_things", source="three", fields={"n": FieldSpec("number", "n")}, absence="none")
CONTRACTS = {contract.name: contract for contract in (EVENTS, SPELLS, SURE)}
things, stays, sure_things = Rows(EVENTS), Rows(SPELLS), Rows(SURE)
SOURCES = ("one", "two", "three")
PEOPLE = ("p1", "p2", "p3", "p4")
#: As-of dates around leap days, and the far ends of what a date can be.
AS_OF = (
    dt.date(2024, 2, 29), dt.date(2024, 3, 1), dt.date(2023, 3, 1), dt.date(2024, 4, 1), dt.date(1970, 1, 1),
    dt.date(9999, 12, 31), dt.date(1900, 1, 2),
)  # fmt: skip
LENGTHS = ("1d", "2d", "7d", "28d", "6m", "1y", "2y", "10y", "40y")

near = st.sampled_from([-366, -365, -182, -2, -1, 0, 1, 2])
shift = st.one_of(near, st.integers(-1200, 60), st.just(-20000))
numbers = st.one_of(
    st.none(), st.integers(-3, 9).map(float), st.floats(-1e6, 1e6, allow_nan=False), st.sampled_from([0.1, 1e16, -1e16])
)
answers = st.sampled_from([True, False, None])


@dataclass(frozen=True)
class Case:
    """One drawn history with the rows and definitions to work out on it."""

    events: Events
    rows: pd.DataFrame
    register: Register


def moved(day, days):
    """The day moved, kept within what a date can be."""
    return dt.date.fromordinal(min(max(day.toordinal() + days, 1), dt.date.max.toordinal()))


@st.composite
def facts(draw, as_of):
    """When it happened and was recorded, near the as-of date or far off; recorded before it happened too."""
    happened = moved(as_of, draw(shift))
    return happened, moved(happened, draw(st.one_of(st.sampled_from([-3, 0, 0, 1, 2]), st.integers(0, 400))))


@st.composite
def later(draw, happened):
    return draw(st.one_of(st.none(), st.integers(-2, 400).map(lambda days: moved(happened, days))))


@st.composite
def event_rows(draw, as_of, most):
    rows = []
    for _ in range(draw(st.integers(0, most))):
        happened, recorded = draw(facts(as_of))
        rows.append({
            "person_id": draw(st.sampled_from(PEOPLE)), "occurred_on": happened, "recorded_on": recorded,
            "kind": draw(st.sampled_from(["a", "b", "c", "zz", None])), "size": draw(numbers), "bad": draw(answers),
            "sure": draw(answers), "grade": draw(numbers), "checked": draw(later(happened)),
            "told_on": draw(later(happened)), "graded_on": draw(later(happened)),
        })  # fmt: skip
    return rows


@st.composite
def spell_rows(draw, as_of, most):
    rows = []
    for _ in range(draw(st.integers(0, most))):
        happened, recorded = draw(facts(as_of))
        rows.append({
            "person_id": draw(st.sampled_from(PEOPLE)), "occurred_on": happened, "recorded_on": recorded,
            "kind": draw(st.sampled_from(["in", "out", None])), "end": draw(later(happened)),
            "planned": draw(later(happened)), "end_told_on": draw(later(happened)),
        })  # fmt: skip
    return rows


@st.composite
def sure_rows(draw, as_of, most):
    rows = []
    for _ in range(draw(st.integers(0, most))):
        happened, recorded = draw(facts(as_of))
        person, number = draw(st.sampled_from(PEOPLE)), draw(numbers)
        rows.append({"person_id": person, "occurred_on": happened, "recorded_on": recorded, "n": number})
    return rows


def table(rows, contract):
    made = pd.DataFrame(rows, columns=list(contract.columns))
    for name in contract.columns:
        if (contract.fields.get(name) is None and name != "person_id") or (
            name in contract.fields and contract.fields[name].kind == "date"
        ):
            made[name] = pd.to_datetime(pd.Series(made[name], dtype="object"), errors="raise").astype("datetime64[us]")
    return made


conditions = {
    "things": st.sampled_from([
        (), (things.bad.is_yes(),), (things.bad.is_no(),), (things.sure.is_yes(),), (things.sure.known(),),
        (things.kind.one_of("a", "zz"),), (things.kind.known(),), (things.size.at_least(2),), (things.size.at_most(3),),
        (things.grade.at_least(0), things.bad.is_yes()), (things.checked.known(),),
        (things.kind.one_of("b"), things.sure.is_no(), things.size.known()),
    ]),
    "stays": st.sampled_from([(), (stays.kind.one_of("in"),), (stays.end.known(),)]),
    "sure_things": st.sampled_from([(), (sure_things.n.at_least(1),)]),
}  # fmt: skip


@st.composite
def some_rows(draw, tables=("things", "stays", "sure_things")):
    of = {"things": things, "stays": stays, "sure_things": sure_things}[draw(st.sampled_from(tables))]
    return of.where(*draw(conditions[of.contract.name]))


@st.composite
def some_number(draw):
    rows = draw(some_rows(("things", "sure_things")))
    return (
        rows.field("n") if rows.contract.name == "sure_things" else rows.field(draw(st.sampled_from(["size", "grade"])))
    )


@st.composite
def windows(draw, until=False):
    within = draw(st.sampled_from([None, *LENGTHS]))
    if until and within is not None and draw(st.booleans()):
        ends = [length for length in LENGTHS if LENGTHS.index(length) < LENGTHS.index(within)]
        if ends:
            return {"within": within, "until": draw(st.sampled_from(ends))}
    return {"within": within}


@st.composite
def leaf(draw):
    """One definition of any function but age and the combinations."""
    word = draw(st.sampled_from(sorted(set(WORDS) - {"age_at_as_of", "age_at_first", "where"})))
    make, within = WORDS[word], draw(windows(until=word in ("count", "has")))
    if word in ("count", "has", "days_since_first"):
        return make(draw(some_rows()), **within)
    if word == "days_since":
        return make(draw(some_rows()), none_as=draw(st.sampled_from(["missing", "window"])), **within)
    if word in ("is_open", "duration"):
        return make(draw(some_rows(("stays",))), **within)
    if word == "rate_per_year_at_liberty":
        return make(draw(some_rows()), custody=draw(some_rows(("stays",))), **within)
    if word == "decayed_count":
        return make(draw(some_rows()), half_life=draw(st.sampled_from(LENGTHS)), **within)
    if word == "gap_between":
        return make(draw(some_rows()), draw(st.one_of(st.none(), some_rows())), **within)
    if word == "trend":
        if within["within"] == "1d":
            within = {"within": "3d" if draw(st.booleans()) else "2d"}
        return make(draw(st.one_of(some_rows(), some_number())), **within)
    if word in ("most_recent", "first"):
        answer = some_rows(("things",)).flatmap(lambda rows: st.sampled_from([rows.field("bad"), rows.field("sure")]))
        return make(draw(st.one_of(some_number(), answer)), **within)
    if word in ("worst", "sum", "mean"):
        return make(draw(some_number()), **within)
    if word == "distinct":
        of = draw(some_rows(("things",)))
        return make(of.field(draw(st.sampled_from(["kind", "size", "bad", "sure"]))), **within)
    if word == "share":
        of = draw(some_rows(("things",)))
        return make(draw(st.sampled_from([things.bad, things.sure])), of=of, **within)
    raise AssertionError(f"the drawn cases don't know {word} yet")


@st.composite
def combined(draw):
    """Two definitions put together, where the language lets them be."""
    one, other = draw(leaf()), draw(leaf())
    number = draw(st.sampled_from([0.5, 2, 3.0]))
    ways = []
    if one.yields in ("number", "days", "share"):
        ways += [one * number, one / number, one.at_least(number), one.at_most(number), one - number]
        if other.yields in ("number", "days", "share"):
            ways += [one * other, one / other, say.where(one.at_least(number), other, number)]
        if other.yields == one.yields:
            ways += [one + other, one - other, say.where(one.at_most(number), one, other)]
    return draw(st.sampled_from(ways)) if ways else one


@dataclass(frozen=True)
class History:
    """What happened to four people, as rows of three tables; who knows them since when; on which days we stand."""

    tables: dict
    known: dict
    days: tuple
    people: tuple


@st.composite
def histories(draw, most=12):
    """A history of up to ``most`` events a table, on several days near a date that is hard to get right."""
    as_of = draw(st.sampled_from(AS_OF))
    tables = {
        "things": draw(event_rows(as_of, most)),
        "stays": draw(spell_rows(as_of, most // 2)),
        "sure_things": draw(sure_rows(as_of, most // 3)),
    }
    since = st.sampled_from([-9000, -1, 0, None])
    known = {
        source: {person: moved(as_of, days) for person in PEOPLE if (days := draw(since)) is not None}
        for source in SOURCES
    }
    days = sorted({moved(as_of, move) for move in draw(st.lists(near, min_size=1, max_size=3))})
    return History(tables, known, tuple(days), tuple(draw(st.permutations(PEOPLE))))


@dataclass(frozen=True)
class Shared:
    """What is shared at all: tables and sources there are, fields that nobody sends."""

    tables: frozenset
    sources: frozenset
    unsent: frozenset


@st.composite
def sharing(draw):
    """Mostly everything; sometimes a table, a source or a field is not shared."""
    tables, sources = set(CONTRACTS), set(SOURCES)
    if draw(st.integers(0, 5)) == 0:
        tables.discard(draw(st.sampled_from(sorted(tables))))
    if draw(st.integers(0, 3)) == 0:
        sources.discard(draw(st.sampled_from(sorted(sources))))
    fields = st.sets(st.sampled_from(["things.size", "things.sure", "stays.end", "stays.planned"]), max_size=2)
    unsent = draw(fields) if draw(st.integers(0, 4)) == 0 else ()
    return Shared(frozenset(tables), frozenset(sources), frozenset(unsent))


def case_of(found, shared, register):
    """Several histories, each about people of its own, as one case."""
    rows = {name: [] for name in CONTRACTS}
    known = {source: {} for source in shared.sources}
    asked = []
    for at, history in enumerate(found):
        for name, of_table in history.tables.items():
            rows[name] += [{**row, "person_id": f"{at}-{row['person_id']}"} for row in of_table]
        for source in shared.sources:
            known[source] |= {f"{at}-{person}": day for person, day in history.known[source].items()}
        asked += [{"person_id": f"{at}-{person}", "as_of": day} for person in history.people for day in history.days]
    tables = {name: table(rows[name], CONTRACTS[name]) for name in sorted(shared.tables)}
    cohort = pd.DataFrame(asked)
    cohort["as_of"] = pd.to_datetime(pd.Series(cohort["as_of"], dtype="object")).astype("datetime64[us]")
    return Case(Events(tables, CONTRACTS, known, {}, shared.unsent), cohort, register)


@st.composite
def registers(draw, definitions=6):
    return register_of(draw(st.lists(st.one_of(leaf(), combined()), min_size=1, max_size=definitions)))


@st.composite
def cases(draw, most=12, definitions=6):
    """One history, what is shared of it, and a register."""
    return case_of([draw(histories(most))], draw(sharing()), draw(registers(definitions)))


def register_of(definitions):
    """A register of these definitions, allowed whatever they are: only their values matter here."""
    features = tuple(
        Feature(
            f"f{at}", definition, "sanctions", "Drawn to compare engines.", "{value}", "{value}",
            status="approval_needed" if near_to_age(definition) else "allowed",
        )
        for at, definition in enumerate(definitions)
    )  # fmt: skip
    approved = frozenset(feature.name for feature in features if feature.status == "approval_needed")
    return Register(features, {"sanctions": "60y"}, approved)


def near_to_age(definition):
    return any(part.function == "days_since_first" for part in definition.parts())


def many(strategy, number):
    """So many examples of a strategy, collected rather than tested one by one: a Spark job takes a second."""
    found = []

    @settings(
        max_examples=number,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(strategy)
    def collect(one):
        found.append(one)

    collect()
    return found
