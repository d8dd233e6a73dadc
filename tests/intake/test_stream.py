"""What a Parquet file may be, and what is written of it: nothing that is not a row's own."""

import datetime as dt
import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desist.intake.holding.by_person import rows_by_person
from desist.intake.holding.partitions import partitions
from desist.intake.reading.read import read_extracts
from desist.intake.rows import stream
from desist.intake.terms.contracts import CONTRACTS, LONGEST_CELL
from tests.intake.parquet_kit import to_parquet

TODAY = dt.date(2026, 10, 1)

# --- what a Parquet file may be


def sanctions(**columns):
    """A Parquet file of one police sanction, with some columns given as they are."""
    row = {"agency_person": "N1", "subject_category": "convicted", "record_kind": "fact", "offence_code": "04600",
           "sanction_type": "conviction", "count": "1"}  # fmt: skip
    row |= dict.fromkeys(("occurred_on", "recorded_on", "sanction_date"), "2025-03-02")
    made = {name: pa.array([row.get(name)], pa.string()) for name in CONTRACTS["pol_sanction"].names}
    sink = io.BytesIO()
    pq.write_table(pa.table(made | columns), sink)
    return sink.getvalue()


@pytest.fixture
def police(partnership):
    """A function that reads one police file of sanctions as Parquet: its report, or the refusal's text."""
    partnership.identity("police", "N1")
    partnership.row("police", "pol_sanction")

    def read(content):
        partnership.bytes["pol_sanction"] = content
        return partnership.file(partnership.read(), "pol_sanction")

    return read


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"occurred_on": pa.array([dt.date(2025, 3, 2)])}, ""),
        ({"occurred_on": pa.array([dt.datetime(2025, 3, 2)])}, ""),
        ({"occurred_on": pa.array([dt.datetime(2025, 3, 2)], pa.timestamp("ns"))}, ""),
        ({"occurred_on": pa.array([dt.datetime(2025, 3, 2, 9, 30)])}, "occurred_on is not a date YYYY-MM-DD"),
        ({"occurred_on": pa.array([dt.date(1899, 12, 31)])}, "occurred_on is before 1900"),
        ({"occurred_on": pa.array([None], pa.date32())}, "occurred_on is empty"),
        ({"recorded_on": pa.array([3_000_000], pa.int32()).view(pa.date32())},
         "recorded_on is not a date YYYY-MM-DD"),
        ({"occurred_on": pa.array([20250302])}, "occurred_on is not a date YYYY-MM-DD"),
        ({"offence_code": pa.array([4600])}, "offence_code is not a code of five digits"),
        ({"count": pa.array([2])}, ""),
        ({"count": pa.array([2.0])}, ""),
        ({"count": pa.array([2.5])}, "count is not a whole number"),
        ({"count": pa.array([float("nan")])}, ""),
        ({"count": pa.array([0])}, "count is outside the range that the contract allows"),
        ({"count": pa.array([1001])}, "count is outside the range that the contract allows"),
        ({"count": pa.array([2**64 - 1], pa.uint64())}, "count is not a whole number"),
        ({"da_flag": pa.array([True])}, ""),
        ({"da_flag": pa.array([1])}, "da_flag is not true or false"),
        ({"disposal": pa.array([""])}, ""),
        ({"disposal": pa.nulls(1)}, ""),
        ({"sanction_type": pa.array(["caution"]).dictionary_encode()}, ""),
        ({"sanction_type": pa.array([""]).dictionary_encode()}, "sanction_type is empty"),
        ({"sanction_type": pa.array(["x"], pa.large_string())}, "sanction_type holds a code that is not on its list"),
        ({"disposal": pa.array(["x" * 5000])}, f"has a cell longer than {LONGEST_CELL} characters"),
    ],
)  # fmt: skip
def test_a_typed_column_is_judged_as_the_text_it_would_be(police, columns, reason):
    assert police(sanctions(**columns)).quarantined == ({reason: 1} if reason else {})


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (sanctions()[:-20], "a Parquet file that was cut off or damaged"),
        (b"PAR1" + sanctions()[4:200] + sanctions()[-40:], "a Parquet file that was cut off or damaged"),
        (sanctions(disposal=pa.array([["a"]])), "a table or bytes within a cell (disposal)"),
        (sanctions(disposal=pa.array([b"a"])), "a table or bytes within a cell (disposal)"),
    ],
)
def test_a_parquet_file_that_is_not_whole_or_not_plain_is_refused(police, refusal, content, told):
    assert told in refusal(lambda: police(content))


def test_a_column_that_is_not_in_the_parquet_file_is_named(police, refusal):
    table = pq.read_table(io.BytesIO(sanctions())).drop_columns(["sanction_date", "count"])
    sink = io.BytesIO()
    pq.write_table(table, sink)
    assert "no column sanction_date, count" in refusal(lambda: police(sink.getvalue()))


def test_more_rows_than_any_extract_has_are_refused_unread(police, refusal, monkeypatch):
    monkeypatch.setattr(stream, "MOST_ROWS", 0)
    monkeypatch.setattr(stream, "_decoded", None)
    assert "1 rows stated" in refusal(lambda: police(sanctions()))


def test_a_column_that_is_not_agreed_is_not_decoded(partnership, police):
    extra = {"Secretive": pa.array(["Zzyzx"])}
    assert police(sanctions(**extra)).dropped_columns == ("Secretive",)
    assert "Zzyzx" not in partnership.words()


def test_a_long_cell_said_a_million_times_is_not_unfolded():
    rows = 1_000_000
    long = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, dtype=np.int32)), pa.array(["x" * 100_000]))
    sink = io.BytesIO()
    pq.write_table(pa.table({"a": long}), sink)
    assert len(sink.getvalue()) < 1_000_000
    raw = stream.read_parquet(sink.getvalue(), wanted=["a"], where="x")
    assert (len(raw.lines), len(raw.unreadable), raw.rows_read) == (0, rows, rows)


# --- what is written


def test_no_file_holds_a_value_of_a_row_that_was_refused(partnership):
    """A compact column would bring along what other rows held: seen in the pages themselves, not in the cells."""
    for number in ("N1", "N2"):
        partnership.identity("police", number)
    for place in range(6):
        values = {"agency_person": f"N{place % 2 + 1}", "offence_code": "04600", "sanction_date": "2025-03-02",
                  "sanction_type": "conviction", "count": str(place + 1), "disposal": f"fine{place}"}  # fmt: skip
        partnership.row("police", "pol_sanction", **values)
    victim = partnership.tables["police"]["pol_sanction"][3]
    victim |= {"subject_category": "victim", "disposal": "Zzyzx"}
    rows = [{name: row.get(name, "") for name in CONTRACTS["pol_sanction"].names}
            for row in partnership.tables["police"]["pol_sanction"]]  # fmt: skip
    partnership.bytes["pol_sanction"] = to_parquet("pol_sanction", rows, typed=True)
    partnership.read()
    for path in partnership.workspace.root.rglob("*.parquet"):
        table = pq.read_table(path, read_dictionary=["disposal"])
        held = {value for chunk in table["disposal"].chunks for value in chunk.dictionary.to_pylist()}
        assert "Zzyzx" not in held
    store = partnership.store
    assert len(store.read("pol_sanction")) == 5
    assert store.erase_numbers({"police": ["N1"]}, because="erasure") == 3
    [part] = store.extract("police", "pol_sanction")["partitions"]
    table = pq.read_table(store.path(part["file"]), read_dictionary=["agency_person", "disposal"])
    assert {value for chunk in table["agency_person"].chunks for value in chunk.dictionary.to_pylist()} == {"N2"}


def test_a_partitions_file_reads_as_plain_text_and_moments(police, partnership):
    police(sanctions(occurred_on=pa.array([dt.date(2025, 3, 2)])))
    rows = partnership.store.read_arrow("pol_sanction")
    assert rows.schema.field("agency_person").type == pa.string()
    assert {rows.schema.field(name).type for name in ("occurred_on", "extract_date")} == {pa.timestamp("us")}


@given(st.lists(st.sampled_from(["a", "b", "é", "zz", "10", "9"])), st.integers(1, 4))
def test_each_persons_rows_stand_in_one_partition_in_the_order_in_which_they_came(numbers, count):
    cuts = partitions(pa.array(numbers, pa.string()), count)
    assert len(cuts) == count and sorted(np.concatenate(cuts).tolist()) == list(range(len(numbers)))
    people = [{numbers[row] for row in cut} for cut in cuts]
    assert sum(map(len, people)) == len(set(numbers))
    for cut in cuts:
        assert cut.tolist() == sorted(cut.tolist(), key=lambda row: (numbers[row].encode(), row))


CELL = st.sampled_from([None, "a", "b"]), st.sampled_from([None, 0, 1]), st.sampled_from([None, True, False])


@pytest.mark.parametrize("colliding", [False, True])
@settings(suppress_health_check=list(HealthCheck), deadline=None)
@given(st.lists(st.tuples(*CELL, st.booleans()), max_size=12))
def test_rows_repeat_where_every_cell_does_even_if_all_hashes_are_equal(monkeypatch, colliding, rows):
    if colliding:
        monkeypatch.setattr(stream, "_row_hashes", lambda columns: np.zeros(len(columns[0]), dtype=np.uint64))
    kinds = pa.string(), pa.date32(), pa.bool_()
    columns = [pa.array([row[place] for row in rows], kind) for place, kind in enumerate(kinds)]
    standing = np.array([row[3] for row in rows], dtype=bool)
    seen, expected = set(), []
    for place, row in enumerate(rows):
        if row[3]:
            expected += [place] if row[:3] in seen else []
            seen.add(row[:3])
    if rows:
        assert stream.repeated_rows(columns, standing).tolist() == expected


def test_the_same_files_give_the_same_bytes_whatever_the_threads_do(partnership, police, monkeypatch, tmp_path):
    monkeypatch.setattr("desist.intake.holding.store.ROWS_PER_PARTITION", 10)
    rows = 200
    columns = {"count": pa.array(range(1, rows + 1)), "agency_person": pa.array(["N1", "N2"] * (rows // 2))}
    columns |= {name: pa.array([text] * rows) for name, text in (
        ("subject_category", "convicted"), ("record_kind", "fact"), ("offence_code", "04600"),
        ("sanction_type", "conviction"), ("occurred_on", "2025-03-02"), ("recorded_on", "2025-03-02"),
        ("sanction_date", "2025-03-02"))}  # fmt: skip
    columns |= {name: pa.nulls(rows, pa.string()) for name in CONTRACTS["pol_sanction"].names if name not in columns}
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    partnership.identity("police", "N2")
    assert police(sink.getvalue()).accepted == rows
    first = partnership.store.snapshot_hash()
    other = type(partnership)(tmp_path / "other")
    other.tables, other.bytes = partnership.tables, partnership.bytes
    other.write()
    read_extracts(other.delivery, other.workspace, today=TODAY, purpose="iom_selection_support", log=other.log,
                  actor="an.alyst")  # fmt: skip
    assert other.store.snapshot_hash() == first


def test_rows_by_person_are_those_of_the_linked_tables(partnership, monkeypatch):
    monkeypatch.setattr("desist.intake.holding.store.ROWS_PER_PARTITION", 2)
    monkeypatch.setattr("desist.intake.holding.by_person.TOGETHER", 3)
    for number in range(7):
        partnership.identity("police", f"N{number}")
        partnership.row("police", "pol_sanction", agency_person=f"N{number}", offence_code="04600",
                        sanction_date="2025-03-02", sanction_type="caution", count=str(number + 1))  # fmt: skip
    partnership.read()
    partnership.link()
    found = [(table, rows.to_pandas()) for table, rows in rows_by_person(partnership.store)]
    assert len(found) == 2 and {table for table, _ in found} == {"pol_sanction"}
    whole = pd.concat([rows.astype({"person_id": str}) for _, rows in found])
    whole = whole.sort_values("person_id", ignore_index=True)
    expected = partnership.linked().tables["pol_sanction"]
    assert whole["person_id"].tolist() == expected["person_id"].tolist()
    assert whole["count"].astype(float).tolist() == expected["count"].tolist()
    assert list(whole.columns) == list(expected.columns)


def test_rows_of_people_whom_the_identity_table_no_longer_names_are_left_out(partnership):
    partnership.identity("police", "N1").identity("police", "N2")
    for number in ("N1", "N2"):
        partnership.row("police", "pol_sanction", agency_person=number, offence_code="04600",
                        sanction_date="2025-03-02", sanction_type="caution", count="1")  # fmt: skip
    partnership.read()
    partnership.cut = dt.date(2026, 10, 1)
    partnership.tables["police"] = {"identity": partnership.tables["police"]["identity"][:1]}
    partnership.read()
    partnership.link()
    [(table, rows)] = rows_by_person(partnership.store)
    assert (table, len(rows)) == ("pol_sanction", 1)
