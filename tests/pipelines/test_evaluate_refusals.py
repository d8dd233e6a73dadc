"""What the second door refuses, each with where, what was expected and what to do; nothing is written then."""

import numpy as np
import pandas as pd
import pytest

from desist.pipelines.evaluate.run import evaluate
from desist.records.errors import UserError
from tests.pipelines.evaluate_kit import PEOPLE, SPEC, TODAY, door_in, made_up_table, with_feature


@pytest.fixture
def table():
    return made_up_table()


@pytest.fixture
def door(tmp_path):
    return door_in(tmp_path)


def test_the_table_as_it_stands_is_evaluated(door, table):
    result = door(table, expect_refusal=False)
    assert result.metrics["tasks"]["main"]["rows"] == PEOPLE


# --- a table or spec that does not fit ---


def test_a_wrong_column_name_is_named_with_the_nearest(door, table):
    told = door(table, SPEC.replace("[features.convictions]", '[features.n]\ncolumn = "convictons"'))
    assert "[features.n]: found no column 'convictons'" in told and "Did you mean 'convictions'?" in told


def test_a_characteristic_whose_column_is_not_there_is_named(door, table):
    told = door(table.drop(columns="heritage"))
    assert "[characteristics.heritage]: found no column 'heritage'" in told


def test_a_trailing_blank_in_a_column_name_is_found(door, table):
    told = door(table.rename(columns={"convictions": "convictions "}))
    assert "Did you mean 'convictions '" in told


def test_all_problems_are_told_at_once(door, table):
    broken = table.drop(columns="heritage").assign(back=table["back"] * 3)
    told = door(broken, with_feature("ref", kind="category") + "\n[nonsense]\nx = 1\n")
    for part in ("'heritage'", "not only 0 and 1", "the table's id", "a key that means nothing here"):
        assert part in told
    assert "things to mend" in told


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda t: t.assign(back=t["back"] * 2), "different values, not only 0 and 1"),
        (lambda t: t.assign(back=0), "all have the outcome 0"),
        (lambda t: t.assign(back=np.where(np.arange(PEOPLE) < 19, 1, 0)), "19 rows with the outcome and 221 without"),
        (lambda t: t.assign(ref=["R1", "R1", *t["ref"][2:]]), "1 rows whose id stood in a row before"),
        (lambda t: t.assign(ref=[None, *t["ref"][1:]]), "1 rows without an id"),
        (lambda t: t.assign(convictions=t["convictions"].where(t.index > 2)), "3 of 240 rows without a value"),
        (lambda t: t.assign(convictions=t["convictions"] - 1), "negative or not whole"),
        (lambda t: t.assign(drug="sometimes"), "labels that are neither yes nor no"),
        (lambda t: t.assign(rival=t["rival"] + 20), "scores beyond 0 to 10"),
        (lambda t: t.assign(rival=t["rival"].where(t.index > 3)), "4 of 240 rows without this score"),
        (lambda t: t.assign(heritage=[f"h{k % 70}" for k in t.index]), "70 groups"),
        (lambda t: t.assign(seen_on="soon"), "240 values that are no dates"),
        (lambda t: t.iloc[:0], "a header without rows"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_in_words(door, table, change, found):
    assert found in door(change(table))


def test_twenty_events_are_enough_to_start(door, table):
    few = table.assign(back=np.where(np.arange(PEOPLE) < 20, 1, 0))
    spec = SPEC.replace("expected_auc = [0.5, 0.9]", "expected_auc = [0.5, 0.99]")
    assert door(few, spec, expect_refusal=False).metrics["tasks"]["main"]["events"] == 20


def test_an_unknown_outcome_is_left_out_and_counted(door, table):
    unknown = table.assign(back=table["back"].where(table.index >= 10))
    told = door(unknown, expect_refusal=False).metrics["tasks"]["main"]
    assert (told["rows"], told["rows_without_outcome"]) == (PEOPLE - 10, 10)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (('id = "ref"\n', ""), "[table] id: found nothing"),
        (('kind = "count"', 'kind = "cuont"'), "Did you mean 'count'?"),
        (("sign = 1", "sign = 2"), "a whole number from -1 to 1"),
        (("sign = 1\n", ""), "[features.convictions] sign: found nothing"),
        (('missing = "refuse"', 'missing = "zero"'), "'refuse', 'own_effect' or 'as_value"),
        (('outcome = "back"\nmodels', 'outcome = "bakc"\nmodels'), "Did you mean 'back'?"),
        (('models = ["points_card"]', 'models = ["points_crad"]'), "Did you mean 'points_card'"),
        (("expected_auc = [0.5, 0.9]\n", ""), "the range of AUC that would be believable"),
        (("protocol = {", "protocl = {"), "how rows are split"),
        (("range = [0, 10]\n", ""), "the lowest and the highest possible score"),
        (('file = "people.csv"', 'file = "../people.csv"'), "a path that leaves the data folder"),
        (('file = "people.csv"', 'file = "peple.csv"'), "Did you mean 'people.csv'?"),
        (('title = "A made-up table"', "title = A made-up table"), "at line 2"),
        (('column = "back"', 'where = "back = 1"'), "cannot be read at character"),
        (('"days_to_back"]', '"days_to_bakc"]'), "'days_to_bakc', which is no column"),
        (("replicates = 200", "replicates = 20"), "a whole number from 200"),
        (("[intervals]", "[rows.all]\n[intervals]"), "a row set named all"),
        (('comparators = ["rival"]', 'audit = ["rival"]'), "which is not among the task's comparators"),
    ],
)
def test_a_mistake_in_the_spec_is_named_with_its_mend(door, table, change, found):
    assert change[0] in SPEC
    assert found in door(table, SPEC.replace(*change))


def test_an_audit_without_characteristics_is_named(door, table):
    bare = SPEC.replace("[characteristics.sex]\n[characteristics.heritage]\n", "")
    bare = bare.replace('comparators = ["rival"]', 'comparators = ["rival"]\naudit = ["rival"]')
    assert "an audit without characteristics" in door(table, bare)


def test_a_missing_file_and_a_missing_folder_are_told_apart(door, tmp_path):
    assert "no file 'people.csv'" in door(None)
    spec = tmp_path / "spec.toml"
    with pytest.raises(UserError, match="no such folder"):
        evaluate(spec, tmp_path / "nowhere", tmp_path / "out", today=TODAY)
    with pytest.raises(UserError, match="no such file"):
        evaluate(tmp_path / "nowhere.toml", tmp_path, tmp_path / "out", today=TODAY)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "an empty file"),
        ("ref,back\nR1,é\n".encode("latin-1"), "a byte that is not utf-8 at line 2"),
        (b"ref;back\nR1;1\n", "Set delimiter"),
        (b"ref,ref\nR1,1\n", "the column names ['ref'] twice"),
        (b"PK\x03\x04sheet", "a spreadsheet or an archive"),
        (b"ref,back\nR1,1\nR2\n", "1 rows with the wrong number of cells"),
    ],
)
def test_a_file_that_is_no_table_is_refused_without_showing_what_is_in_it(door, tmp_path, content, found):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "people.csv").write_bytes(content)
    told = door(None)
    assert found in told
    assert "R2" not in told


def test_a_time_split_with_nobody_on_one_side_is_refused(door, table):
    spec = SPEC.replace('{ kind = "folds", folds = 2, seeds = [0] }',
                        '{ kind = "time", column = "seen_on", test_from = "2030-01-01" }')  # fmt: skip
    assert "0 rows on the test side" in door(table, spec)


def test_a_given_split_with_an_unknown_value_is_refused(door, table):
    spec = SPEC.replace('{ kind = "folds", folds = 2, seeds = [0] }',
                        '{ kind = "column", column = "area_kind", train = ["inner"], test = ["moon"] }')  # fmt: skip
    assert "0 rows on the test side" in door(table, spec)


# --- stored reference scores ---

REFERENCE = """
[tasks.main.reference]
file = "stored.csv"
id = "ref"
outcome = "back"
columns = "{model}__seed{seed}"
[tasks.main.reference.limits]
points_card = { auc = 0.1 }
"""


@pytest.fixture
def stored(tmp_path, table):
    def write(change=lambda stored: stored):
        (tmp_path / "data").mkdir(exist_ok=True)
        scores = pd.DataFrame({"ref": table["ref"], "back": table["back"], "points_card__seed0": 0.5})
        change(scores).to_csv(tmp_path / "data" / "stored.csv", index=False)

    return write


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda s: s.iloc[3:], "3 of 240 rows without stored scores"),
        (lambda s: s.assign(ref="Q" + s["ref"]), "240 of 240 rows without stored scores"),
        (lambda s: s.assign(back=1 - s["back"]), "240 rows whose stored outcome is another one"),
        (lambda s: pd.concat([s, s.iloc[:2]]), "2 ids twice"),
        (lambda s: s.assign(points_card__seed0=7), "that are no chances"),
        (lambda s: s.rename(columns={"points_card__seed0": "points_card__sed0"}), "no column 'points_card__seed0'"),
    ],
)
def test_stored_scores_that_do_not_fit_are_refused(door, table, stored, change, found):
    stored(change)
    assert found in door(table, SPEC + REFERENCE)


def test_stored_scores_in_another_order_are_matched_by_id(door, table, stored):
    stored(lambda s: s.iloc[::-1])
    told = door(table, SPEC + REFERENCE, expect_refusal=False).metrics["tasks"]["main"]["against_stored_scores"][0]
    assert told["stored"] == 0.5  # everybody has one score: no order at all
    assert told["loss"]["value"] < 0 and told["holds"]


# --- where it is written ---


def test_a_folder_with_something_else_in_it_is_never_replaced(door, table, tmp_path):
    other = tmp_path / "out"
    other.mkdir()
    (other / "thesis.txt").write_text("years of work", encoding="utf-8")
    (tmp_path / "data").mkdir()
    table.to_csv(tmp_path / "data" / "people.csv", index=False)
    spec = tmp_path / "spec.toml"
    spec.write_text(SPEC, encoding="utf-8")
    with pytest.raises(UserError, match="something else in it"):
        evaluate(spec, tmp_path / "data", other, today=TODAY, say=lambda line: None)
    assert (other / "thesis.txt").read_text(encoding="utf-8") == "years of work"
