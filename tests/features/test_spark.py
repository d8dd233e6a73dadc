"""On Spark the same pass gives the same cells: a local session with two cores, driven for real."""

import datetime as dt
import importlib.util
import os
import shutil
import sys

import numpy as np
import pandas as pd
import pytest

from desist.features.engines import compiled, reference, spark
from desist.features.language import age_at_as_of, count
from desist.features.register import Feature, Register
from desist.records.errors import Refused
from tests.features import drawn


def started():
    """A local Spark session with two cores."""
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    made = (
        SparkSession.builder.master("local[2]").appName("desist tests")
        .config("spark.ui.enabled", "false").config("spark.sql.shuffle.partitions", "2")
        .config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.session.timeZone", "UTC").getOrCreate()
    )  # fmt: skip
    made.sparkContext.setLogLevel("ERROR")
    return made


@pytest.fixture(scope="module")
def session():
    """Skipped without Java or pyspark, an error in CI."""
    missing = [] if shutil.which("java") else ["Java"]
    if importlib.util.find_spec("pyspark") is None:
        missing.append("pyspark")
    if missing:
        reason = f"{' and '.join(missing)} not installed: pip install desist[spark], and Java 17"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    made = started()
    yield made
    made.stop()


KINDS = {"date": "date", "category": "string", "number": "double", "yes_no": "boolean"}


def frames(session, events):
    """The event tables, and who knows whom, as Spark DataFrames."""
    made = {}
    for name, table in events.tables.items():
        contract = events.contracts[name]
        kinds = {column: spark.kind_of(contract, column) for column in contract.columns if column != "person_id"}
        rows = [tuple(plain(row[column], kinds.get(column)) for column in contract.columns)
                for row in table.to_dict("records")]  # fmt: skip
        schema = ", ".join(f"{column} {KINDS[kinds.get(column, 'category')]}" for column in contract.columns)
        made[name] = session.createDataFrame(rows, schema)
    known = [(source, person, day) for source, since in events.known.items() for person, day in since.items()]
    return made, session.createDataFrame(known, "source string, person_id string, since date")


def plain(value, kind):
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return None
    if kind == "date":
        return value.date() if hasattr(value, "date") else value
    return bool(value) if kind == "yes_no" else value


def on_spark(session, case):
    tables, known = frames(session, case.events)
    rows = session.createDataFrame(
        [(person, day.date()) for person, day in zip(case.rows["person_id"], case.rows["as_of"], strict=True)],
        "person_id string, as_of date",
    )
    contracts = {name: case.events.contracts[name] for name in case.events.tables}
    found = spark.build_profiles_on_spark(
        tables, contracts, rows, known, case.register, sources=case.events.shared, unsent=case.events.unsent, tasks=2
    ).toArrow()
    table = found.to_pandas(date_as_object=True)
    key = pd.DataFrame({"person_id": case.rows["person_id"], "as_of": [day.date() for day in case.rows["as_of"]]})
    assert len(table) == len(key), "no row is lost, none is made up"
    return key.merge(table, on=["person_id", "as_of"], how="left", validate="one_to_one")


def differing(session, case):
    judged = reference.build_profiles(case.events, case.rows, case.register).table
    packed = compiled.build_profiles(case.events, case.rows, case.register).table
    found = on_spark(session, case)
    return [
        feature.definition.in_words()
        for feature in case.register.used
        for other in (packed, found)
        if not np.array_equal(judged[feature.name].to_numpy(), other[feature.name].to_numpy(), equal_nan=True)
    ]


def compare(session, histories, jobs):
    """So many histories in so many jobs, each with a register and a sharing of its own."""
    found = drawn.many(drawn.histories(), histories)
    registers = drawn.many(drawn.registers(definitions=20), jobs)
    shared = drawn.many(drawn.sharing(), jobs)
    each = len(found) // jobs
    for at in range(jobs):
        some = found[at * each : (at + 1) * each]
        if not shared[at].sources & frozenset(drawn.SOURCES):
            continue
        case = drawn.case_of(some, shared[at], registers[at])
        assert differing(session, case) == []
    return each * jobs


def test_spark_gives_the_cells_of_the_other_two_engines(session):
    assert compare(session, histories=60, jobs=2) == 60


@pytest.mark.slow
def test_three_engines_agree_on_two_hundred_histories(session):
    assert compare(session, histories=200, jobs=4) == 200


def test_an_approved_age_is_refused_on_spark_because_birth_dates_stay_in_the_vault(session):
    aged = Feature("age_at_as_of", age_at_as_of(), "age", "Weighed by the board.", "{value}", "{value}",
                   status="approval_needed")  # fmt: skip
    register = Register((aged,), {}, frozenset({"age_at_as_of"}))
    case = drawn.Case(drawn_case_events(), pd.DataFrame({"person_id": ["0-p1"], "as_of": pd.Timestamp("2024-04-01")}),
                      register)  # fmt: skip
    with pytest.raises(Refused, match="birth dates stay in the vault"):
        on_spark(session, case)


def drawn_case_events():
    day = dt.date(2024, 3, 1)
    row = {"person_id": "0-p1", "occurred_on": day, "recorded_on": day, "kind": "a"}
    return drawn.Events({"things": drawn.table([row], drawn.EVENTS)}, drawn.CONTRACTS, {"one": {"0-p1": day}})


def test_people_with_events_but_no_row_and_rows_without_events_are_as_elsewhere(session):
    events = drawn_case_events()
    rows = pd.DataFrame({"person_id": ["0-p9"], "as_of": pd.Timestamp("2024-04-01")})
    case = drawn.Case(events, rows, drawn.register_of([count(drawn.things), count(drawn.sure_things)]))
    assert on_spark(session, case)[["f0", "f1"]].isna().all(axis=None)
    assert differing(session, case) == []


def test_an_event_without_a_date_or_a_person_is_refused_on_spark_too(session):
    case = drawn.Case(drawn_case_events(), pd.DataFrame({"person_id": ["0-p1"], "as_of": pd.Timestamp("2024-04-01")}),
                      drawn.register_of([count(drawn.things)]))  # fmt: skip
    from pyspark.sql import functions

    tables, known = frames(session, case.events)
    rows = session.createDataFrame([("0-p1", dt.date(2024, 4, 1))], "person_id string, as_of date")
    for missing, said in (("recorded_on", "without recorded_on"), ("person_id", "name no person")):
        empty = functions.lit(None).cast(tables["things"].schema[missing].dataType)
        broken = {"things": tables["things"].withColumn(missing, empty)}
        contracts = {"things": drawn.EVENTS}
        with pytest.raises(Exception, match=said):
            spark.build_profiles_on_spark(
                broken, contracts, rows, known, case.register, sources=("one",), tasks=2
            ).collect()


def test_rows_without_a_date_or_there_twice_and_moments_instead_of_days_are_refused_on_spark(session):
    from pyspark.sql import functions

    tables, known = frames(session, drawn_case_events())
    register, contracts = drawn.register_of([count(drawn.things)]), {"things": drawn.EVENTS}
    day = dt.date(2024, 4, 1)
    for asked, said in (([("0-p1", None)], "no as-of date"), ([("0-p1", day)] * 2, "there twice")):
        rows = session.createDataFrame(asked, "person_id string, as_of date")
        with pytest.raises(Exception, match=said):
            spark.build_profiles_on_spark(tables, contracts, rows, known, register, sources=("one",), tasks=2).collect()
    rows = session.createDataFrame([("0-p1", day)], "person_id string, as_of date")
    moments = {"things": tables["things"].withColumn("recorded_on", functions.to_timestamp("recorded_on"))}
    with pytest.raises(Refused, match=r"things\.recorded_on: moments where days belong"):
        spark.build_profiles_on_spark(moments, contracts, rows, known, register, sources=("one",))
