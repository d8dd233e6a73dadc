"""Events on disk in parts: the same profiles as in memory, only what is new worked out, whatever happens meanwhile."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from desist.features import language as say
from desist.features.contracts import EventContract, FieldSpec
from desist.features.engines import build, compiled, kept, laid
from desist.features.engines.build import build_from_store, write_tables
from desist.features.engines.kept import KeptColumns, build_kept
from desist.features.engines.store import EventStore, split, write_events
from desist.features.register import Feature, Register
from desist.features.rows import Rows
from desist.records.errors import Refused
from tests.features import drawn
from tests.features.drawn import stays, things

DAY = dt.date(2024, 3, 1)
AS_OF = "2024-04-01"


def people(count=7):
    """So many people with one, two, three ... events, known to everybody."""
    rows = [
        {"person_id": f"p{who}", "occurred_on": DAY, "recorded_on": DAY, "kind": "abc"[at % 3], "size": float(at)}
        for who in range(count)
        for at in range(who)
    ]
    spells = [
        {"person_id": f"p{who}", "occurred_on": DAY, "recorded_on": DAY, "kind": "in"} for who in range(0, count, 2)
    ]
    known = {source: {f"p{who}": dt.date(2000, 1, 1) for who in range(count)} for source in drawn.SOURCES}
    tables = {"things": drawn.table(rows, drawn.EVENTS), "stays": drawn.table(spells, drawn.SPELLS)}
    return drawn.Events(tables, drawn.CONTRACTS, known)


def cohort(*who, as_of=AS_OF):
    return pd.DataFrame({"person_id": [f"p{one}" for one in who], "as_of": pd.Timestamp(as_of)})


def asked(*more):
    return drawn.register_of([say.count(things), say.worst(things.size), say.is_open(stays), *more])


@pytest.fixture
def store(tmp_path):
    write_events(tmp_path / "store", split(people(), people=3), "snapshot-1")
    return EventStore.open(tmp_path / "store", drawn.CONTRACTS)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=drawn.cases())
def test_a_store_in_parts_gives_the_cells_of_the_events_in_memory(tmp_path_factory, case):
    folder = tmp_path_factory.mktemp("store")
    everybody = {source: dict(since) for source, since in case.events.known.items()}
    some = next(iter(sorted(everybody)))
    for person in set(case.rows["person_id"]) - {p for since in everybody.values() for p in since}:
        everybody[some][person] = dt.date(9999, 12, 31)  # in the store, and known to nobody in time
    events = drawn.Events(case.events.tables, case.events.contracts, everybody, {}, case.events.unsent)
    write_events(folder / "store", split(events, people=2), "drawn")
    found = build_from_store(
        EventStore.open(folder / "store", drawn.CONTRACTS), case.rows, case.register, folder / "out"
    )
    pd.testing.assert_frame_equal(
        found.profiles().table, compiled.build_profiles(events, case.rows, case.register).table, check_exact=True
    )


def test_rows_come_back_in_the_order_of_the_cohort_and_tables_by_part_hold_them_all(store, tmp_path):
    found = build_from_store(store, cohort(6, 0, 3, 5), asked(), tmp_path / "out")
    assert found.profiles().table["f0"].tolist() == [6.0, 0.0, 3.0, 5.0]
    written = pd.concat([pq.read_table(path).to_pandas() for path in write_tables(found, tmp_path / "tables")])
    assert dict(zip(written["person_id"], written["f0"], strict=True)) == {"p6": 6, "p0": 0, "p3": 3, "p5": 5}
    assert list(written) == ["person_id", "as_of", "f0", "f1", "f2"]


def test_one_more_feature_or_date_works_out_only_that(store, tmp_path):
    first = build_from_store(store, cohort(1, 4, 6), asked(), tmp_path / "out")
    assert first.computed == 9
    assert build_from_store(store, cohort(1, 4, 6), asked(), tmp_path / "out").computed == 0
    more = build_from_store(store, cohort(1, 4, 6), asked(say.distinct(things.kind)), tmp_path / "out")
    assert more.computed == 3 and more.profiles().table["f3"].tolist() == [1.0, 3.0, 3.0]
    both = pd.concat([cohort(1, 4, 6), cohort(1, as_of="2024-07-01")], ignore_index=True)
    later = build_from_store(store, both, asked(), tmp_path / "out")
    assert later.computed == 3, "one row on a date that was not built before"
    assert later.profiles().table["f0"].tolist() == [1.0, 4.0, 6.0, 1.0]


def test_a_definition_that_changes_its_meaning_under_the_same_name_is_worked_out_again(store, tmp_path):
    build_from_store(store, cohort(6), drawn.register_of([say.count(things)]), tmp_path / "out")
    changed = drawn.register_of([say.count(things.where(things.kind.one_of("a")))])
    assert build_from_store(store, cohort(6), changed, tmp_path / "out").profiles().table["f0"].tolist() == [2.0]


def test_another_snapshot_shares_nothing_kept(tmp_path):
    for snapshot, count in (("one", 4), ("two", 6)):
        write_events(tmp_path / snapshot, split(people(count)), snapshot)
        store = EventStore.open(tmp_path / snapshot, drawn.CONTRACTS)
        assert build_from_store(store, cohort(3), asked(), tmp_path / "out").computed == 3


def test_laid_out_columns_are_read_instead_of_the_tables_and_can_be_forgotten(store, tmp_path, monkeypatch):
    build_from_store(store, cohort(1, 6), asked(), tmp_path / "one")
    assert store.kept_bytes() > 0
    read = pq.read_table

    def no_tables(path, **given):
        assert path.stem in ("people", "known"), "the tables need not be decoded again"
        return read(path, **given)

    with monkeypatch.context() as patch:
        patch.setattr(pq, "read_table", no_tables)
        again = build_from_store(store, cohort(1, 6, 2), asked(), tmp_path / "two")
    assert again.profiles().table["f0"].tolist() == [1.0, 6.0, 2.0]
    store.forget_kept()
    assert store.kept_bytes() == 0 and not list(store.folder.rglob("*.int32"))


def test_a_build_that_was_killed_goes_on_where_it_stopped(store, tmp_path, monkeypatch):
    real, calls = compiled.Compiled.work_out, []

    def killed(self, *given):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(self, *given)

    monkeypatch.setattr(compiled.Compiled, "work_out", killed)
    with pytest.raises(KeyboardInterrupt):
        build_from_store(store, cohort(0, 3, 6), asked(), tmp_path / "out")
    monkeypatch.undo()
    found = build_from_store(store, cohort(0, 3, 6), asked(), tmp_path / "out")
    assert found.computed == 6 and found.profiles().table["f0"].tolist() == [0.0, 3.0, 6.0]


def test_a_kept_file_that_was_altered_or_half_written_is_worked_out_again(tmp_path):
    events, rows = people(), cohort(2, 5)
    before = build_kept(events, rows, asked(), tmp_path).table
    (path,) = tmp_path.glob("*.parquet")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    pd.testing.assert_frame_equal(build_kept(events, rows, asked(), tmp_path).table, before)
    path.write_bytes(path.read_bytes()[:100])
    assert KeptColumns(tmp_path).missing(list(kept.meanings(asked()).values())) != []
    pd.testing.assert_frame_equal(build_kept(events, rows, asked(), tmp_path).table, before)


def test_blocks_of_rows_that_fit_the_memory_give_the_same_cells(store, tmp_path, monkeypatch):
    whole = build_from_store(store, cohort(*range(7)), asked(), tmp_path / "whole").profiles().table
    monkeypatch.setattr(build, "LEAST_ROWS", 1)
    monkeypatch.setattr(build, "SHARE_OF_ROWS", 2**20 // 100)
    blocks = build_from_store(store, cohort(*range(7)), asked(), tmp_path / "blocks", memory_mb=1).profiles().table
    pd.testing.assert_frame_equal(whole, blocks)


def test_what_does_not_fit_the_memory_is_refused_with_what_to_do(store, tmp_path):
    many = drawn.register_of([say.count(things.where(things.size.at_least(float(at)))) for at in range(200)])
    with pytest.raises(Refused, match="Allow more memory"):
        build_from_store(store, cohort(1), many, tmp_path / "out", memory_mb=1)
    assert not (tmp_path / "out").exists()


def test_rows_about_people_whom_the_store_does_not_hold_are_refused_and_nothing_is_written(store, tmp_path):
    with pytest.raises(Refused, match="1 of 2 rows are about people whom the event store does not hold"):
        build_from_store(store, cohort(1, 99), asked(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_store_of_another_contract_or_format_or_none_at_all_is_refused(store, tmp_path):
    other = {**drawn.CONTRACTS, "things": drawn.SPELLS}
    with pytest.raises(Refused, match="another contract of things"):
        EventStore.open(store.folder, other)
    with pytest.raises(Refused, match="no event store"):
        EventStore.open(tmp_path / "nothing", drawn.CONTRACTS)
    with pytest.raises(Refused, match="at least one part"):
        write_events(tmp_path / "empty", [], "x")
    assert not (tmp_path / "empty").exists()


def test_everybody_whom_a_source_knows_is_in_exactly_one_part(store):
    held = [person for part in store.parts for person in store.people(part).to_pylist()]
    assert sorted(held) == [f"p{who}" for who in range(7)] and len(store.parts) == 3


def test_columns_kept_on_disk_are_those_laid_out_in_memory(store):
    part, again = store.part("part-00001", keep=True), store.part("part-00001", keep=True)
    contract = store.sharing.contracts["things"]
    read = [lambda columns: part.read("things", columns), lambda columns: 1 / 0]
    for reader, where in zip(read, (part, again), strict=True):
        found = laid.lay_out(reader, contract, ("kind", "size", "bad"), len(part.people), kept=where.kept / "things")
        assert found.texts["kind"] and np.diff(found.starts).tolist() == [3, 4, 5]
        each = np.split(found.columns["size"], found.starts[1:-1])
        assert [sorted(sizes.tolist()) for sizes in each] == [[0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3, 4]]


def test_the_same_extracts_cut_into_other_parts_share_nothing_kept(tmp_path):
    for each in (3, 2):
        write_events(tmp_path / f"by-{each}", split(people(), people=each), "snapshot-1")
        store = EventStore.open(tmp_path / f"by-{each}", drawn.CONTRACTS)
        found = build_from_store(store, cohort(*range(7)), asked(), tmp_path / "out")
        assert found.profiles().table["f0"].tolist() == list(range(7))


def test_what_was_worked_out_when_a_field_was_sent_is_not_used_when_it_no_longer_is(tmp_path):
    for folder, unsent in (("sent", frozenset()), ("unsent", frozenset({"things.size"}))):
        events = people()
        told = drawn.Events(events.tables, events.contracts, events.known, {}, unsent)
        write_events(tmp_path / folder, split(told), "snapshot-1")
        store = EventStore.open(tmp_path / folder, drawn.CONTRACTS)
        table = build_from_store(store, cohort(3), asked(), tmp_path / "out").profiles().table
        assert np.isnan(table["f1"].iloc[0]) == bool(unsent)


def test_a_field_may_be_called_like_a_file_of_the_store(tmp_path):
    fields = {"starts": FieldSpec("date", "start"), "a/b": FieldSpec("number", "slash")}
    contract = EventContract(name="things", source="one", fields=fields)
    rows = [{"person_id": f"p{who}", "occurred_on": DAY, "recorded_on": DAY, "starts": DAY, "a/b": 2.0}
            for who in (1, 2, 2, 3, 3, 3)]  # fmt: skip
    known = {"one": {f"p{who}": dt.date(2000, 1, 1) for who in (1, 2, 3)}}
    write_events(
        tmp_path / "s", [drawn.Events({"things": drawn.table(rows, contract)}, {"things": contract}, known)], "x"
    )
    store = EventStore.open(tmp_path / "s", {"things": contract})
    of = Rows(contract)
    register = drawn.register_of([say.count(of.where(of.starts.known())), say.sum(of.field("a/b"))])
    for folder in ("first", "again"):
        table = build_from_store(store, cohort(1, 2, 3), register, tmp_path / folder).profiles().table
        assert table[["f0", "f1"]].to_numpy().tolist() == [[1, 2], [2, 4], [3, 6]]


@pytest.mark.parametrize("harm", [lambda content: content[: len(content) // 2], lambda content: b""])
def test_laid_out_columns_that_are_cut_short_are_laid_out_again(store, tmp_path, harm):
    build_from_store(store, cohort(1, 6), asked(), tmp_path / "one")
    kept = [path for path in store.folder.glob("part-*/laid/**/*.*") if path.suffix in (".int32", ".float64", ".int64")]
    assert len(kept) > 5
    for path in kept:
        path.write_bytes(harm(path.read_bytes()))
    again = build_from_store(store, cohort(1, 6), asked(), tmp_path / "two")
    assert again.profiles().table["f0"].tolist() == [1.0, 6.0]


def test_two_parts_with_one_person_are_refused_and_no_store_is_left(tmp_path):
    with pytest.raises(Refused, match="3 people are in two parts"):
        write_events(tmp_path / "store", [people(3), people(3)], "x")
    assert not (tmp_path / "store").exists()


def test_a_part_whose_events_do_not_fit_the_memory_is_refused(store, tmp_path, monkeypatch):
    monkeypatch.setattr(build, "_events_mb", lambda *given: 5000)
    with pytest.raises(Refused, match="that the part's events leave"):
        build_from_store(store, cohort(1), asked(), tmp_path / "out", memory_mb=4096)


def test_the_memory_of_a_parts_events_grows_with_them(store, tmp_path):
    compiled_for = compiled.Compiled({"f": say.count(things, within="1y")}, store.sharing)
    assert build._events_mb(compiled_for, store, "part-00000") == 0
    large = people(2000)
    write_events(tmp_path / "large", [large], "x")
    events = len(large.tables["things"])
    found = build._events_mb(compiled_for, EventStore.open(tmp_path / "large", drawn.CONTRACTS), "part-00000")
    assert found == events * 5 * 16 // 2**20 > 100


def test_an_approved_age_is_refused_because_birth_dates_stay_in_the_vault(store, tmp_path):
    aged = Feature("age_at_as_of", say.age_at_as_of(), "age", "Weighed by the board.", "{value}", "{value}",
                   status="approval_needed")  # fmt: skip
    register = Register((aged,), {}, frozenset({"age_at_as_of"}))
    with pytest.raises(Refused, match="birth dates stay in the vault"):
        build_from_store(store, cohort(1), register, tmp_path / "out")
    with pytest.raises(Refused, match="birth dates stay in the vault"):
        build_kept(people(), cohort(1), register, tmp_path / "out")


def test_columns_that_rest_on_other_extracts_or_people_are_removed_not_left_behind(store, tmp_path):
    build_from_store(store, cohort(1), asked(), tmp_path / "out")
    build_from_store(store, cohort(1, as_of="2024-07-01"), asked(), tmp_path / "out")
    (base,) = (tmp_path / "out" / "part-00000").iterdir()
    assert len(list(base.iterdir())) == 2, "each date has its own"
    build_from_store(store, cohort(1, 2), asked(), tmp_path / "out")
    assert len(list(base.iterdir())) == 2, "the caseload of the first date is another now"
    write_events(tmp_path / "later", split(people(), people=3), "snapshot-2")
    build_from_store(EventStore.open(tmp_path / "later", drawn.CONTRACTS), cohort(1), asked(), tmp_path / "out")
    assert [path.name for path in (tmp_path / "out" / "part-00000").iterdir()] != [base.name]


@pytest.mark.parametrize(("memory_mb", "parts"), [(4096, 1), (4, 2), (1, 7)])
def test_parts_are_as_large_as_the_memory_allows(memory_mb, parts, monkeypatch):
    monkeypatch.setattr("desist.features.engines.store.BYTES_A_CELL", 5000)
    found = list(split(people(), memory_mb=memory_mb))
    assert len(found) == parts and sum(len(one.tables["things"]) for one in found) == 21
