"""The rivals that desist's speed is measured against give the same cells, and the made-up store is what it says.

Polars is no dependency of desist: ``pip install -r benchmarks/rivals/requirements.txt`` installs what is pinned there.
"""

import dataclasses
import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from desist.features.engines.reference import build_profiles
from desist.features.register import Register
from desist.features.vocabulary import CONTRACTS
from desist.features.windows import Lookback

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
PINNED = BENCHMARKS / "rivals" / "requirements.txt"
WAYS = {
    "duckdb_join": (
        {},
        {"only_if": "filter", "distinct": "inside", "people": "by part", "recent": "max"},
        {"windows": "each", "recent": "arg_max"},
    ),
    "polars_buckets": (
        {},
        {"buckets": 0, "only_if": "filter", "distinct": "inside"},
        {"buckets": 3, "recent": "unique"},
        {"lazy": False, "engine": "in-memory"},
    ),
    "pandas_masks": ({}, {"masks": "own", "group": "chosen"}),
}


@pytest.fixture(scope="module")
def benchmarks():
    """The benchmark modules, which are scripts: they lie on the path only while these tests run."""
    sys.path.insert(0, str(BENCHMARKS))
    yield lambda name: importlib.import_module(name)
    sys.path.remove(str(BENCHMARKS))


@pytest.fixture(scope="module")
def store(benchmarks, tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    benchmarks("profile_data").write_store(folder, 300, partition=150, seed=5)
    return folder


@pytest.fixture(scope="module")
def register(benchmarks):
    return benchmarks("profile_register").profile_register()


@pytest.fixture(scope="module")
def judged(benchmarks, store, register):
    data = benchmarks("profile_data")
    built = [build_profiles(data.read_events(part), data.read_rows(part), register).table for part in data.parts(store)]
    return pd.concat(built, ignore_index=True)


def rival_of(benchmarks, name):
    if name == "polars_buckets":
        pytest.importorskip(
            "polars", reason="Polars is not installed: pip install -r benchmarks/rivals/requirements.txt"
        )
    return benchmarks(f"rivals.{name}")


@pytest.mark.parametrize(("name", "way"), [(name, way) for name, ways in WAYS.items() for way in ways])
def test_a_rival_gives_every_cell_that_the_reference_engine_gives(benchmarks, store, register, judged, name, way):
    rival = rival_of(benchmarks, name)
    built = rival.build(store, register, choices=dataclasses.replace(rival.Choices(), **way))
    assert benchmarks("rivals.compare").compare_cells(built, judged, register) == {}


@pytest.mark.parametrize("name", WAYS)
def test_a_window_one_day_longer_is_seen_in_the_cells(benchmarks, store, register, judged, name):
    longer = [
        dataclasses.replace(
            feature,
            definition=dataclasses.replace(
                feature.definition, window=Lookback(feature.definition.window.days + 1, feature.definition.window.until)
            ),
        )
        for feature in register.used
    ]
    other = Register(tuple(longer), dict.fromkeys((feature.family for feature in longer), "50y"))
    built = rival_of(benchmarks, name).build(store, other)
    assert len(benchmarks("rivals.compare").compare_cells(built, judged, register)) > 10


@pytest.mark.parametrize("name", WAYS)
def test_of_two_values_dated_and_recorded_alike_every_rival_takes_the_larger(benchmarks, register, tmp_path, name):
    data = benchmarks("profile_data")
    data.write_store(tmp_path, 60, partition=60, seed=3)
    path = tmp_path / "part-00000" / "needs.parquet"
    written = pq.read_table(path)
    needs = written.to_pandas(date_as_object=False)
    other = needs.assign(score=8 - needs["score"], linked_reoffending=needs["linked_reoffending"].map({True: False}))
    both = pd.concat([needs, other]).sort_values("recorded_on", kind="stable")
    both = both.astype({"linked_reoffending": "boolean"})
    pq.write_table(pa.Table.from_pandas(both, schema=written.schema, preserve_index=False), path)
    part = data.parts(tmp_path)[0]
    judged = build_profiles(data.read_events(part), data.read_rows(part), register).table
    built = rival_of(benchmarks, name).build(tmp_path, register)
    assert benchmarks("rivals.compare").compare_cells(built, judged, register) == {}
    assert judged["need_drugs"].min() >= 4


def test_comparing_cells_finds_one_changed_cell_a_missing_one_and_a_lost_row(benchmarks, register, judged):
    compare_cells = benchmarks("rivals.compare").compare_cells
    asked = judged["sanctions_1y"].first_valid_index()
    other = judged.copy()
    other.loc[asked, "sanctions_1y"] += 1
    other.loc[asked, "proven_offences_1y"] = np.nan
    assert compare_cells(judged, other, register) == {"sanctions_1y": 1, "proven_offences_1y": 1}
    assert compare_cells(judged, judged.iloc[1:], register) == {"rows": 1}
    assert compare_cells(judged.sample(frac=1, random_state=1), judged, register) == {}
    with pytest.raises(ValueError, match="columns"):
        compare_cells(judged.drop(columns="sanctions_1y"), judged, register)


def test_only_a_share_may_differ_in_its_last_digits(benchmarks, register, judged):
    compare_cells = benchmarks("rivals.compare").compare_cells
    nudged = judged.copy()
    for name in ("appointments_kept_1y", "days_since_sanction"):
        nudged[name] *= 1 + 3e-16
    assert set(compare_cells(nudged, judged, register)) <= {"days_since_sanction"}
    nudged["appointments_kept_1y"] *= 1 + 1e-11
    assert "appointments_kept_1y" in compare_cells(nudged, judged, register)


def test_what_a_rival_has_no_translation_of_is_refused(benchmarks, store):
    from desist.features.standard_features import standard_register

    with pytest.raises(ValueError, match="proven_offence_rate_5y"):
        benchmarks("rivals.duckdb_join").build(store, standard_register())


def test_the_register_measured_has_120_features_over_all_tables(benchmarks, register):
    asked = benchmarks("rivals.asked").asked_of(register)
    assert len(register.used) == 120
    assert set(asked) == set(benchmarks("profile_data").TABLES)


def test_the_store_holds_what_real_feeds_hold(benchmarks, store):
    data = benchmarks("profile_data")
    tables = {name: pd.concat([part.read(name).to_pandas(date_as_object=False) for part in data.parts(store)])
              for name in data.TABLES}  # fmt: skip
    assert {name: tuple(table.columns) for name, table in tables.items()} == {
        name: CONTRACTS[name].columns for name in data.TABLES
    }
    events = pd.concat(
        [table[["person_id", "occurred_on", "recorded_on"]].astype({"person_id": str}) for table in tables.values()]
    )
    per_person = events.groupby("person_id").size()
    assert 32 < len(events) / 300 < 48 and per_person.max() > 200 and len(per_person) < 300
    assert 0.42 < len(tables["appointments"]) / len(events) < 0.58
    delay = (events["recorded_on"] - events["occurred_on"]).dt.days
    assert (delay < 0).any() and (delay > 90).any() and delay.between(-42, 90).mean() > 0.95
    assert events["occurred_on"].between("2012-01-01", "2026-06-30").all()
    assert tables["needs"].duplicated(["person_id", "section", "occurred_on", "recorded_on"]).any()


def test_rows_of_a_partition_lie_in_the_order_of_recording_and_people_in_one_partition(benchmarks, store):
    data = benchmarks("profile_data")
    seen = []
    for part in data.parts(store):
        people = part.read("appointments").to_pandas()["person_id"].astype(str)
        assert part.read("appointments")["recorded_on"].to_pandas().is_monotonic_increasing
        assert not people.is_monotonic_increasing
        seen.append(set(data.read_rows(part)["person_id"]))
    assert len(seen) == 2 and sum(len(people) for people in seen) == len(set.union(*seen)) == 300


def test_a_store_is_the_same_from_the_same_seed(benchmarks, store, tmp_path):
    benchmarks("profile_data").write_store(tmp_path, 300, partition=150, seed=5)
    for path in sorted(store.rglob("*.parquet")):
        assert path.read_bytes() == (tmp_path / path.relative_to(store)).read_bytes()
    benchmarks("profile_data").write_store(tmp_path, 300, partition=150, seed=8)
    assert (store / "part-00000" / "needs.parquet").read_bytes() != (
        tmp_path / "part-00000" / "needs.parquet"
    ).read_bytes()


def test_a_rival_runs_in_a_process_of_its_own_and_says_what_it_took(store, tmp_path):
    command = [
        sys.executable,
        str(BENCHMARKS / "rivals" / "run.py"),
        "duckdb",
        str(store),
        str(tmp_path / "out.parquet"),
    ]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert set(told) == {"cpu_s", "wall_s", "write_cpu_s", "peak_rss_mb", "rows"}
    assert told["rows"] == len(pd.read_parquet(tmp_path / "out.parquet")) and told["cpu_s"] > 0


def test_the_versions_pinned_for_the_rivals_are_those_of_the_lock():
    pinned = dict(line.split("==") for line in PINNED.read_text(encoding="utf-8").splitlines() if "==" in line)
    lock = (BENCHMARKS.parent / "requirements.lock").read_text(encoding="utf-8")
    assert set(pinned) == {"duckdb", "pandas", "polars", "pyarrow"}
    assert all(f"\n{name}=={pinned[name]} " in lock for name in pinned if name != "polars")
