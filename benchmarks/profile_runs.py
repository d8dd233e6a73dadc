"""One thing to measure, in a process of its own: python benchmarks/profile_runs.py WHAT STORE [OUT]

WHAT is one of
    floor     decode the Parquet columns that the features need once, put them person by person, fill the output
    engine    the compiled engine from the same Parquet to columns in memory, part by part
    table     the same with all parts in one Arrow table, as the rivals give it; written to OUT after the clock stops
    build     the same to kept Parquet columns in OUT, as a partnership's build does it, without laying out
    full      the same with events laid out on disk for the next build (a store's first build)
    date      one more as-of date (a tenth of the rows) on what ``full`` left in OUT
    feature   one more feature on what ``full`` left in OUT
    spark     the same profiles on local Spark with two cores
    national  the parts N times over (--times), under other people's ids, to Parquet files in OUT
    import    import desist.features

Prints JSON: CPU and wall seconds after imports, after the register was made and after the kernels were loaded, and the
peak of resident memory.
STORE is made by benchmarks/profile_data.py.
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

FEATURES = 120
#: One more feature, asked of the largest table but one; not among the 120.
ONE_MORE = ("violent_offences_9m", "offences that are violent, over nine months")


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def opened(folder: Path) -> Any:
    from desist.features.engines.store import EventStore
    from desist.features.vocabulary import CONTRACTS

    return EventStore.open(folder, CONTRACTS)


def rows_of(store: Any, part: str) -> Any:
    """The rows to build of one part, person by person."""
    from desist.features.engines.compiled import Rows
    from desist.features.engines.laid import days_of

    table = pq.read_table(store.folder / part / "rows.parquet", columns=["person", "as_of"], use_threads=False)
    person, days = table["person"].to_numpy() - np.int32(store.first[part]), days_of(table["as_of"], "as_of")
    order = np.lexsort((days, person))
    return Rows(person[order], days[order])


def cohort_of(store: Any) -> pd.DataFrame:
    """The rows to build of every part, as a cohort comes: the pseudonym and the date."""
    tables = []
    for part in store.parts:
        rows = rows_of(store, part)
        people = store.people(part).take(pa.array(rows.person))
        tables.append(pa.table({"person_id": people, "as_of": pa.array(rows.as_of).view(pa.date32())}))
    made = pa.concat_tables(tables).to_pandas()
    return made.assign(as_of=pd.to_datetime(made["as_of"]))


def compiled_for(store: Any) -> Any:
    from profile_register import profile_register

    from desist.features.engines.compiled import Compiled

    return Compiled({f.name: f.definition for f in profile_register().used}, store.sharing)


def floor(store: Any, parts: list[str], compiled: Any) -> int:
    """The least that any engine must do: read what is asked for, bring people's events together, write every cell.

    Only events that a row can look at are brought together, as the engine does it.
    """
    from desist.features.engines import kernels, laid

    columns, total, out = compiled.columns(), 0, np.empty((FEATURES, 0))
    for part in parts:
        rows, people = rows_of(store, part), len(store.people(part))
        reader = store.part(part)
        for table, wanted in columns.items():
            read = reader.read(table, wanted)
            contract = store.sharing.contracts[table]
            occurred, recorded = (laid.days_of(read[day], day) for day in ("occurred_on", "recorded_on"))
            person = read["person"].combine_chunks().to_numpy()
            span = compiled.span(table, int(rows.as_of.min()), int(rows.as_of.max()))
            starts = np.empty(people + 1, np.int64)
            places = kernels.positions(person, occurred, recorded, span.earliest, span.latest, people, starts)
            for name in wanted:
                laid._placed(read[name], contract, name, places, int(starts[-1]))
        if out.shape[1] < len(rows):
            out = np.empty((FEATURES, len(rows)))
        out[:, : len(rows)] = rows.as_of
        total += len(rows)
    return total


def engine(store: Any, parts: list[str], compiled: Any) -> int:
    total = 0
    for part in parts:
        rows = rows_of(store, part)
        columns = compiled.work_out(store.part(part), rows)
        total += len(rows)
        assert len(columns) == FEATURES
    return total


def in_one_table(store: Any, parts: list[str], compiled: Any) -> pa.Table:
    """What the rivals give: every row of every part, with its person and date, in one Arrow table."""
    tables = []
    for part in parts:
        rows = rows_of(store, part)
        key = {"person": rows.person + np.int32(store.first[part]), "as_of": pa.array(rows.as_of).view(pa.date32())}
        tables.append(pa.table({**key, **compiled.work_out(store.part(part), rows)}))
    return pa.concat_tables(tables)


def national(store: Any, times: int, out: Path) -> int:
    """Every part ``times`` over, each time read, decoded and worked out anew and written under ids of its own."""
    compiled, total = compiled_for(store), 0
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for copy in range(times):
        for part in store.parts:
            rows = rows_of(store, part)
            columns = compiled.work_out(store.part(part), rows)
            people = pa.array([f"{copy}-{person}" for person in store.people(part).to_pylist()])
            key = {"person_id": people.take(pa.array(rows.person)), "as_of": pa.array(rows.as_of).view(pa.date32())}
            path = out / f"{copy}-{part}.parquet"
            pq.write_table(pa.table({**key, **columns}), path, use_dictionary=["person_id"], compression="lz4")
            path.unlink()  # 10 GB would not fit every disk; the cost of writing is what is measured
            total += len(rows)
    return total


def build(store: Any, out: Path, cohort: pd.DataFrame, *, keep: bool, more: bool = False) -> int:
    """A build to disk, as ``build_from_store`` does it; ``more`` adds a feature to the register."""
    from profile_register import profile_register

    from desist.features.engines.build import build_from_store
    from desist.features.language import count
    from desist.features.register import Feature, Register
    from desist.features.standard_features import LOOKBACK
    from desist.features.vocabulary import offences, violent

    register = profile_register()
    if more:
        name, words = ONE_MORE
        asked = count(offences.where(violent), within="9m")
        added = Feature(name, asked, "offence groups", "One more, to measure.", f"{words}: {{value}}", "{value}")
        register = Register((*register.features, added), LOOKBACK)
    return build_from_store(store, cohort, register, out, keep=keep).computed


def on_spark(folder: Path, out: Path) -> int:
    """The same profiles on local Spark; the session, the reading and the writing are counted."""
    from profile_register import profile_register
    from pyspark.sql import SparkSession

    from desist.features.engines.spark import build_profiles_on_spark

    os.environ["PYSPARK_PYTHON"] = sys.executable
    spark = (
        SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "6g")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "100000")
       .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1").config("spark.sql.session.timeZone", "UTC").getOrCreate()
    )  # fmt: skip
    store = opened(folder)
    read = {
        name: spark.read.parquet(*[str(folder / part / f"{name}.parquet") for part in store.parts])
        .withColumnRenamed("person", "person_id")
        for name in (*store.sharing.contracts, "rows", "known")
    }  # fmt: skip
    tables = {name: read[name] for name in store.sharing.contracts}
    people = sum(pq.read_metadata(folder / part / "people.parquet").num_rows for part in store.parts)
    profiles = build_profiles_on_spark(
        tables,
        store.sharing.contracts,
        read["rows"],
        read["known"],
        profile_register(),
        sources=store.sharing.sources,
        tasks=max(people // 50_000, 2),
    )
    profiles.write.mode("overwrite").parquet(str(out))
    total = int(spark.read.parquet(str(out)).count())
    spark.stop()
    return total


def import_seconds() -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import desist.features"], check=True)
    bare = time.monotonic()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return (bare - began) - (time.monotonic() - bare)


def prepared(what: str, store: Any, times: int, out: Path) -> Callable[[], int]:
    """What to measure, with everything ready that does not belong to it; kernels are loaded on a part thrown away."""
    parts, compiled = list(store.parts), compiled_for(store)
    if what == "floor":
        floor(store, parts[:1], compiled)
        return lambda: floor(store, parts, compiled)
    engine(store, parts[:1], compiled)
    if what == "table":
        made: list[pa.Table] = []

        def whole() -> int:
            made.append(in_one_table(store, parts, compiled))
            return int(made[0].num_rows)

        atexit.register(lambda: pq.write_table(made[0], out) if made else None)
        return whole
    if what == "engine":
        return lambda: engine(store, parts, compiled)
    if what == "national":
        return lambda: national(store, times, out)
    cohort = cohort_of(store)
    if what in ("build", "full"):
        shutil.rmtree(out, ignore_errors=True)
        store.forget_kept()
        return lambda: build(store, out, cohort, keep=what == "full")
    if what == "date":
        some = cohort.drop_duplicates("person_id").iloc[::10].assign(as_of=pd.Timestamp("2026-01-01"))
        shutil.rmtree(out / "date", ignore_errors=True)
        return lambda: build(store, out / "date", some, keep=True)
    return lambda: build(store, out, cohort, keep=True, more=True)


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("what")
    reader.add_argument("store", type=Path)
    reader.add_argument("out", type=Path, nargs="?", default=Path(tempfile.gettempdir()) / "desist-profiles")
    reader.add_argument("--times", type=int, default=1)
    asked = reader.parse_args()
    pa.set_cpu_count(1)
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    if asked.what == "import":
        print(json.dumps({"wall_s": round(import_seconds(), 3)}))
        return
    run = (lambda: on_spark(asked.store, asked.out)) if asked.what == "spark" else prepared(
        asked.what, opened(asked.store), asked.times, asked.out)  # fmt: skip
    began, before = time.monotonic(), cpu_seconds()
    done = run()
    told = {
        "cpu_s": round(cpu_seconds() - before, 3),
        "wall_s": round(time.monotonic() - began, 3),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "done": done,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
