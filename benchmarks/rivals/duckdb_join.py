"""The rival in SQL: DuckDB joins the rows to build with a table's events, and aggregates with FILTER."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
from rivals.asked import Asked, asked_of, columns_read, part_folders

from desist.features.contracts import EventContract
from desist.features.register import Register
from desist.features.rows import Condition


@dataclass(frozen=True)
class Choices:
    """Ways to write the same query; the defaults need least CPU time of those measured (README.md).

    ``only_if``: an aggregate looks at some rows by FILTER ("filter") or by an argument that is NULL elsewhere ("case").
    ``distinct``: DISTINCT inside the aggregate ("inside"), or values grouped first, then counted ("grouped").
    ``windows``: one join as far back as any feature looks ("one"), or one for each window ("each").
    ``recent``: the last value by a struct as key ("arg_max"), or by the largest struct ("max").
    ``people``: all partitions in one query ("together"), or one after the other ("by part").
    """

    only_if: str = "case"
    distinct: str = "grouped"
    windows: str = "one"
    recent: str = "arg_max"
    people: str = "together"


def build(folder: Path, register: Register, *, threads: int = 1, choices: Choices = Choices()) -> pa.Table:
    """The register's columns for every row of the store, in no particular order."""
    asked = asked_of(register)
    folders = part_folders(folder)
    groups = [folders] if choices.people == "together" else [[one] for one in folders]
    built = []
    for group in groups:
        with duckdb.connect() as database:
            database.execute(f"SET threads = {threads}")
            database.execute("SET preserve_insertion_order = false")
            built.append(_build(database, group, asked, register, choices))
    return pa.concat_tables(built)


def _build(
    database: duckdb.DuckDBPyConnection,
    folders: list[Path],
    asked: dict[str, list[Asked]],
    register: Register,
    choices: Choices,
) -> pa.Table:
    contracts = {table: features[0].contract for table, features in asked.items()}
    database.execute(_rows(folders, contracts))
    made = [name for table, features in asked.items() for name in _aggregate(database, folders, features, choices)]
    cells = ", ".join(
        f"CASE WHEN knows_{one.contract.name} THEN {_or_none(one)} END AS {one.name}"
        for one in sorted((one for features in asked.values() for one in features), key=_place(register))
    )
    joins = " ".join(f"LEFT JOIN {name} USING (row_id)" for name in made)
    return database.sql(f"SELECT person, as_of, {cells} FROM to_build {joins}").to_arrow_table()


def _place(register: Register):
    places = {name: place for place, name in enumerate(register.names)}
    return lambda one: places[one.name]


def _or_none(one: Asked) -> str:
    return f"{one.name}::DOUBLE" if one.none is None else f"coalesce({one.name}::DOUBLE, {one.none})"


def _files(folders: list[Path], name: str) -> str:
    return "read_parquet([" + ", ".join(f"'{folder / name}.parquet'" for folder in folders) + "])"


def _rows(folders: list[Path], contracts: dict[str, EventContract]) -> str:
    """The rows to build, numbered, with who answered for each table on the as-of date."""
    places = {sources: place for place, sources in enumerate({one.sources: None for one in contracts.values()})}
    known = ", ".join(
        f"min(CASE WHEN source IN ({', '.join(repr(source) for source in sources)}) THEN since END) AS since_{place}"
        for sources, place in places.items()
    )
    answers = ", ".join(
        ("true" if one.absence == "none" else f"since_{places[one.sources]} < as_of") + f" AS knows_{table}"
        for table, one in contracts.items()
    )
    return f"""
        CREATE TEMP TABLE to_build AS
        SELECT row_number() OVER () AS row_id, person, as_of, {answers}
        FROM {_files(folders, "rows")}
        LEFT JOIN (SELECT person, {known} FROM {_files(folders, "known")} GROUP BY person) USING (person)
    """


def _aggregate(
    database: duckdb.DuckDBPyConnection, folders: list[Path], features: list[Asked], choices: Choices
) -> list[str]:
    """Tables made, each with one row for each row to build that has events, and a column a feature."""
    table = features[0].contract.name
    by_value = [one for one in features if one.function == "distinct" and choices.distinct == "grouped"]
    plain = [one for one in features if one not in by_value]
    windows = [plain]
    if choices.windows == "each":
        windows = [[one for one in plain if one.days == days] for days in sorted({one.days for one in plain})]
    queries = []
    for some in windows:
        cells = ", ".join(f"{_cell(one, choices)} AS {one.name}" for one in some)
        joined = f"joined_{table}" if by_value else f"({_joined(folders, some)})"
        queries.append(f"SELECT row_id, {cells} FROM {joined} GROUP BY row_id")
    if by_value:
        database.execute(f"CREATE TEMP TABLE joined_{table} AS {_joined(folders, features)}")
    for key in dict.fromkeys(one.values_of for one in by_value):
        queries.append(_values_counted(table, [one for one in by_value if one.values_of == key]))
    for place, query in enumerate(queries):
        database.execute(f"CREATE TEMP TABLE of_{table}_{place} AS {query}")
    if by_value:
        database.execute(f"DROP TABLE joined_{table}")
    return [f"of_{table}_{place}" for place in range(len(queries))]


def _joined(folders: list[Path], features: list[Asked]) -> str:
    """Each row to build with the events known by then, as they were known, as far back as any feature looks."""
    contract, longest = features[0].contract, max(one.days for one in features)
    fields = [name for name in columns_read(features)[3:] if name not in contract.learnt_later.values()]
    seen = "".join(f', {_as_then_known(contract, name)} AS "{name}"' for name in fields)
    return f"""
        SELECT row_id, as_of, as_of - occurred_on AS age, occurred_on, recorded_on{seen}
        FROM to_build JOIN {_files(folders, contract.name)} AS event USING (person)
        WHERE recorded_on < as_of AND occurred_on < as_of AND occurred_on >= as_of - {longest}
    """


def _values_counted(table: str, features: list[Asked]) -> str:
    """Counts of different values: a value is in a window where the youngest row that has it is."""
    field, conditions = features[0].field, features[0].conditions
    tests = " AND ".join([f'"{field}" IS NOT NULL', *(_test(test) for test in conditions)])
    if any(one.until for one in features):
        raise ValueError("values of windows that end early are not counted by their youngest row")
    cells = ", ".join(f"count(CASE WHEN youngest <= {one.days} THEN 1 END) AS {one.name}" for one in features)
    by_value = f'SELECT row_id, min(age) AS youngest FROM joined_{table} WHERE {tests} GROUP BY row_id, "{field}"'
    return f"SELECT row_id, {cells} FROM ({by_value}) GROUP BY row_id"


def _as_then_known(contract: EventContract, name: str) -> str:
    stamp = contract.learnt_later.get(name)
    return f'event."{name}"' if stamp is None else f'CASE WHEN event.{stamp} < as_of THEN event."{name}" END'


def _cell(one: Asked, choices: Choices) -> str:
    """One feature as an aggregate over the joined rows."""
    tests = [f"age <= {one.days}", *(_test(test) for test in one.conditions)]
    if one.until:
        tests.append(f"age > {one.until}")
    if one.function == "is_open":
        last = "least(" + ", ".join(f'"{name}"' for name in one.contract.ends) + ")"
        tests.append(f"({last} IS NULL OR {last} >= as_of)")
    key = f'(occurred_on, recorded_on, "{one.field}")'
    if one.function == "most_recent" and choices.recent == "max":
        return f'struct_extract_at(max({key}) FILTER ({" AND ".join(tests)} AND "{one.field}" IS NOT NULL), 3)'
    aggregate, value, more = {
        "count": ("count", "1", ""),
        "has": ("max", "1", ""),
        "is_open": ("max", "1", ""),
        "days_since": ("min", "age", ""),
        "worst": ("max", f'"{one.field}"', ""),
        "distinct": ("count", f'DISTINCT "{one.field}"', ""),
        "share": ("avg", f'"{one.field}"::INT', ""),
        "most_recent": ("arg_max", f'"{one.field}"', f", {key}"),
    }[one.function]
    if choices.only_if == "filter" or one.function == "distinct":
        return f"{aggregate}({value}{more}) FILTER ({' AND '.join(tests)})"
    return f"{aggregate}(CASE WHEN {' AND '.join(tests)} THEN {value} END{more})"


def _test(test: Condition) -> str:
    field = f'"{test.field}"'
    if test.operator == "one_of":
        return f"{field} IN ({', '.join(repr(value) for value in test.operand)})"
    if test.operator in ("at_least", "at_most"):
        return f"{field} {'>=' if test.operator == 'at_least' else '<='} {test.operand}"
    return {"is_yes": field, "is_no": f"NOT {field}", "known": f"{field} IS NOT NULL"}[test.operator]
