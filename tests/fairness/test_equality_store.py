"""The equality store: what is told of a person before a date, and that no other room opens it."""

import ast
import datetime as dt
import re
import sqlite3
from pathlib import Path

import pytest

from desist.fairness.equality_store import EqualityStore
from desist.records.errors import Refused

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("records", "intake", "features", "simulation", "models", "fairness", "measures", "reports", "pipelines", "web")
COLUMNS = (
    "source", "agency_person", "extract_date", "recorded_on", "sex", "ethnicity_self", "ethnicity_officer",
    "disability", "religion", "sexual_orientation", "gender_reassignment", "marriage_civil", "pregnancy_maternity",
    "home_ward", "value_source",
)  # fmt: skip


def _write(path, rows, keys):
    connection = sqlite3.connect(path)
    connection.execute(f"create table sent ({', '.join(f'{name} text' for name in COLUMNS)})")
    connection.execute("create table key_map (source text, agency_person text, person_id text)")
    for row in rows:
        values = {"source": "probation", "extract_date": "2026-09-30", "recorded_on": "2020-01-01", **row}
        names = ", ".join(values)
        connection.execute(f"insert into sent ({names}) values ({', '.join('?' * len(values))})", [*values.values()])
    connection.executemany("insert into key_map values ('probation', ?, ?)", keys)
    connection.commit()
    connection.close()
    return EqualityStore(path)


@pytest.fixture
def store(tmp_path):
    return _write(
        tmp_path / "equality.db",
        [
            {"agency_person": "1", "sex": "F", "ethnicity_self": "A2", "ethnicity_officer": "3", "religion": "Muslim"},
            {"agency_person": "2", "sex": "M", "ethnicity_self": "", "ethnicity_officer": "4"},
            {"agency_person": "3", "sex": "U", "ethnicity_self": "NS", "disability": "yes"},
            {"agency_person": "4", "sex": "M", "ethnicity_self": "O1"},
            {"agency_person": "4", "ethnicity_self": "B1", "sex": "", "recorded_on": "2024-05-01"},
            {"agency_person": "5", "sex": "M", "ethnicity_self": "W1"},
        ],
        [("1", "PA"), ("2", "PB"), ("3", "PC"), ("4", "PD"), ("5", "PE")],
    )


BEFORE = dt.date(2026, 10, 1)


def test_self_defined_ethnicity_is_told_in_groups_and_missing_is_its_own(store):
    found = store.characteristics(["PA", "PB", "PC", "PZ"], before=BEFORE)
    assert found["person_id"].tolist() == ["PA", "PB", "PC", "PZ"]
    assert found["ethnicity"].tolist() == ["Asian", "Not stated", "Not stated", "Not stated"]
    assert found["ethnicity_18"].tolist() == ["A2", "Not stated", "Not stated", "Not stated"]
    assert found["sex"].tolist() == ["Female", "Male", "Not stated", "Not stated"]
    assert found["religion"].tolist() == ["Muslim", "Not stated", "Not stated", "Not stated"]
    assert found["disability"].tolist() == ["Not stated", "Not stated", "yes", "Not stated"]


def test_an_officers_view_never_stands_in_for_a_missing_self_definition(store):
    found = store.characteristics(["PA", "PB"], before=BEFORE).set_index("person_id")
    assert found.loc["PB", "ethnicity"] == "Not stated" and found.loc["PB", "ethnicity_officer"] == "4"
    assert found.loc["PA", "ethnicity"] == "Asian" and found.loc["PA", "ethnicity_officer"] == "3"


def test_the_latest_word_before_the_date_counts_and_an_empty_field_says_nothing(store):
    on = {date: store.characteristics(["PD"], before=date).iloc[0] for date in
          (dt.date(2019, 1, 1), dt.date(2020, 1, 1), dt.date(2024, 5, 1), dt.date(2024, 5, 2))}  # fmt: skip
    assert [row["ethnicity"] for row in on.values()] == ["Not stated", "Not stated", "Asian", "Black"]
    assert on[dt.date(2024, 5, 2)]["sex"] == "Male"


def test_a_later_wish_not_to_say_is_respected(tmp_path):
    store = _write(
        tmp_path / "e.db",
        [{"agency_person": "1", "ethnicity_self": "A1"},
         {"agency_person": "1", "ethnicity_self": "NS", "recorded_on": "2021-01-01"}],
        [("1", "PA")],
    )  # fmt: skip
    assert store.characteristics(["PA"], before=BEFORE)["ethnicity"].tolist() == ["Not stated"]


def test_a_code_that_no_list_has_is_refused_not_lost(tmp_path):
    store = _write(tmp_path / "e.db", [{"agency_person": "1", "ethnicity_self": "Q7"}], [("1", "PA")])
    with pytest.raises(Refused, match="Q7"):
        store.characteristics(["PA"], before=BEFORE)


def test_coverage_is_the_share_of_people_with_a_stated_value(store):
    found = store.coverage(["PA", "PB", "PC", "PE"], before=BEFORE)
    assert found["race"] == 0.5 and found["sex"] == 0.75 and found["religion_or_belief"] == 0.25
    assert found["sexual_orientation"] == 0


def test_reading_leaves_the_store_as_it_was(store):
    before = store.path.read_bytes()
    store.path.chmod(0o400)
    store.characteristics(["PA"], before=BEFORE)
    assert store.path.read_bytes() == before and [*store.path.parent.iterdir()] == [store.path]


def test_a_missing_or_broken_store_is_refused_not_taken_for_empty(tmp_path):
    with pytest.raises(Refused, match="no equality store"):
        EqualityStore(tmp_path / "equality.db").characteristics(["PA"], before=BEFORE)
    assert not (tmp_path / "equality.db").exists()
    (tmp_path / "equality.db").write_bytes(b"not a database at all, of some length" * 20)
    with pytest.raises(Refused, match="cannot be read"):
        EqualityStore(tmp_path / "equality.db").characteristics(["PA"], before=BEFORE)


def _modules(*rooms):
    for room in rooms:
        yield from sorted((ROOT / room).rglob("*.py"))


def _names(path):
    """Every text, attribute and imported module in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield "text", node.value
        elif isinstance(node, ast.JoinedStr):
            yield "text", "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Attribute):
            yield "attribute", node.attr
        elif isinstance(node, ast.Import):
            yield from (("import", alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "import", node.module or ""


def test_no_room_that_makes_features_models_or_pages_can_find_the_equality_store():
    for path in _modules("features", "simulation", "models", "measures", "reports", "web"):
        for kind, name in _names(path):
            named = f"{path.relative_to(ROOT)}: {name[:60]}"
            assert not (kind == "text" and "equality.db" in name), named
            assert not (kind == "attribute" and name == "equality"), named
            assert not (kind == "import" and "equality_" in name), named


#: What intake may ask of its own store: whose row it is, and of which extract.
KEYS = {"held_as", "source", "agency_person"}
SELECT = re.compile(r"select\s+([^()]*?)\s+from\s+(?:sent|incoming)\b", re.IGNORECASE)


def _reads_keys_alone(text):
    """No select names more than the keys; rows copied from table to table within the store are read by nobody."""
    within = re.sub(r"insert into (sent|incoming) select [^()]* from (sent|incoming)", "", text, flags=re.IGNORECASE)
    return all({name.strip() for name in columns.split(",")} <= KEYS for columns in SELECT.findall(within))


@pytest.mark.parametrize(
    "text",
    [
        "select * from sent",
        "SELECT source, sex\n from incoming",
        "insert into held select sex from sent",
        "select {} from sent",
    ],
)
def test_the_guard_sees_a_statement_that_would_read_a_characteristic(text):
    assert not _reads_keys_alone(text)


def test_only_fairness_reads_what_intake_writes_blind():
    for path in _modules(*ROOMS):
        room = path.relative_to(ROOT).parts[0]
        for kind, name in _names(path):
            named = f"{path.relative_to(ROOT)}: {name[:60]}"
            if kind == "text" and room != "fairness":
                assert not ("select" in name.lower() and "ethnicity" in name.lower()), named
                assert _reads_keys_alone(name), named
            if kind == "import" and name.endswith("fairness.equality_store"):
                assert room in ("fairness", "pipelines"), named


def test_fairness_imports_neither_models_nor_measures_nor_anything_above():
    above = tuple(f"desist.{room}" for room in ("models", "measures", "reports", "pipelines", "web", "simulation"))
    for path in _modules("fairness"):
        for kind, name in _names(path):
            planning = path.name == "explain.py" and name == "desist.simulation.score_worlds"  # sums, no made-up people
            assert planning or not (kind == "import" and name.startswith(above)), f"{path.name}: {name}"
