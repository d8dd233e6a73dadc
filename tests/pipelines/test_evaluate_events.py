"""Rows made of event tables by a spec alone: three clocks, exact boundary days, and what is refused.

Expected values were worked out by hand.
"""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from desist.pipelines.evaluate.events_rows import as_of_dates, load_events
from desist.pipelines.evaluate.events_words import thins_after
from desist.pipelines.evaluate.parse import load_spec
from desist.pipelines.evaluate.run import evaluate
from desist.records.errors import UserError

TODAY = dt.date(2026, 10, 1)
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "complaints.toml"

# ref, who, kind, verdict, happened, told, decided
EVENTS = """ref,who,kind,verdict,happened,told,decided
1,A,theft,upheld,2020-01-01,2020-01-05,2020-06-01
2,A,theft,upheld,2020-01-02,2020-01-05,2021-01-01
3,A,noise,,2020-12-31,2020-12-31,
4,A,noise,,2020-12-30,2021-01-01,
5,B,noise,,2021-01-01,2021-01-01,
6,C,theft,dropped,2019-05-05,2020-12-31,2020-12-31
7,C,theft,,2022-01-01,2022-01-01,
8,D,noise,,2020-06-01,2020-06-02,
9,D,noise,upheld,2021-12-31,2022-01-30,2022-01-30
10,E,noise,,2020-06-01,2020-06-02,
11,E,noise,upheld,2021-12-31,2022-01-31,2022-01-31
12,F,noise,,2020-06-01,2020-06-02,
13,F,noise,upheld,2021-01-01,2021-01-01,2022-02-15
"""

SPEC = """
title = "Made-up complaints"

[extract]
cut_on = 2023-01-30

[events.complaints]
file = "events.csv"
words = ["complaint", "complaints"]
person = "who"
occurred_on = "happened"
recorded_on = "told"
key = ["ref"]
absence = "none"
ends = ["decided"]

[events.complaints.fields.kind]
kind = "category"
column = "kind"

[events.complaints.fields.verdict]
kind = "category"
column = "verdict"
learnt_on = "decided"

[events.complaints.fields.decided]
kind = "date"
column = "decided"
learnt_on = "decided"

[named]
upheld = 'complaints.where(verdict.one_of("upheld"))'

[cohort]
from = 2021-01-01
to = 2022-01-01
every = "year"

[features.in_a_year]
definition = 'count(complaints, within="1y")'
sign = 1

[features.upheld_ever]
definition = 'count(upheld, within="5y")'
sign = 1

[features.share_upheld]
definition = 'count(upheld, within="5y") / count(complaints.where(verdict.known()), within="5y")'
sign = 0
missing = "own_effect"

[features.still_open]
definition = 'count(complaints, within="5y") - count(complaints.where(complaints.decided.known()), within="5y")'
sign = 0

[features.any_open]
definition = "is_open(complaints)"
sign = 0

[features.days_since]
definition = 'days_since(complaints, within="5y")'
sign = -1
missing = "own_effect"

[features.kinds]
definition = 'distinct(complaints.kind, within="5y")'
sign = 1

[outcomes.again]
definition = "another complaint within a year, recorded within 30 days after it"
counts = "complaints"
follow_up_days = 365
waiting_days = 30

[outcomes.upheld_again]
definition = "another complaint within a year, upheld within 30 days after it"
counts = "upheld"
follow_up_days = 365
waiting_days = 30

[tasks.main]
outcome = "again"
models = ["points_card"]
protocol = { kind = "time_by_person", column = "as_of", test_from = 2022-01-01 }
expected_auc = [0.55, 0.95]
"""


def rows_of(folder, events=EVENTS, spec=SPEC):
    """The rows that the spec makes of the events, as a table by person and as-of date."""
    (folder / "events.csv").write_text(events, encoding="utf-8")
    (folder / "spec.toml").write_text(spec, encoding="utf-8")
    read, problems = load_spec(folder / "spec.toml")
    assert not problems, problems
    data = load_events(read, "spec.toml", folder, problems)
    assert not problems, problems
    return data.made.profiles.set_index(["person_id", "as_of"]), data


def refused(folder, spec=SPEC, events=EVENTS):
    (folder / "events.csv").write_text(events, encoding="utf-8")
    (folder / "spec.toml").write_text(spec, encoding="utf-8")
    with pytest.raises(UserError) as told:
        evaluate(folder / "spec.toml", folder, folder / "out", today=TODAY, say=lambda line: None)
    assert told.value.exit_code == 2
    assert not (folder / "out").exists()
    return str(told.value)


def row(rows, person, day):
    return rows.loc[(person, pd.Timestamp(day))]


# --- the three clocks ---


def test_whoever_was_known_before_the_date_has_a_row_and_nobody_else(tmp_path):
    rows, _ = rows_of(tmp_path)
    on = {day: rows.xs(pd.Timestamp(day), level="as_of").index.tolist() for day in ("2021-01-01", "2022-01-01")}
    assert on == {"2021-01-01": ["A", "C", "D", "E", "F"], "2022-01-01": ["A", "B", "C", "D", "E", "F"]}


def test_features_are_what_was_known_before_the_date(tmp_path):
    rows, _ = rows_of(tmp_path)
    a = row(rows, "A", "2021-01-01")
    # 1 January 2020 lies 366 days back; what was recorded on the as-of date is not known on it.
    assert (a["in_a_year"], a["days_since"], a["kinds"]) == (2, 1, 2)
    c = row(rows, "C", "2021-01-01")
    assert (c["in_a_year"], c["days_since"], c["share_upheld"], c["any_open"]) == (0, 607, 0, 0)
    assert row(rows, "A", "2022-01-01")["in_a_year"] == 0


def test_a_finding_is_unknown_until_the_day_after_it_was_made(tmp_path):
    rows, _ = rows_of(tmp_path)
    a = row(rows, "A", "2021-01-01")
    assert (a["upheld_ever"], a["share_upheld"], a["still_open"], a["any_open"]) == (1, 1, 2, 1)
    assert (row(rows, "A", "2022-01-01")["upheld_ever"], row(rows, "A", "2022-01-01")["still_open"]) == (2, 2)
    assert np.isnan(row(rows, "D", "2021-01-01")["share_upheld"])


def test_an_event_counts_from_the_as_of_date_to_the_last_day_of_follow_up_if_recorded_in_time(tmp_path):
    rows, _ = rows_of(tmp_path)
    first = rows.xs(pd.Timestamp("2021-01-01"), level="as_of")["again"].to_dict()
    # A: before the date, though recorded on it. C: a day too late. D: the last day, recorded on the last day that
    # counts. E: recorded a day later. F: on the as-of date itself.
    assert first == {"A": 0, "C": 0, "D": 1, "E": 0, "F": 1}


def test_an_outcome_that_asks_for_a_finding_counts_it_only_if_it_came_in_time(tmp_path):
    rows, _ = rows_of(tmp_path)
    first = rows.xs(pd.Timestamp("2021-01-01"), level="as_of")["upheld_again"].to_dict()
    assert first == {"A": 0, "C": 0, "D": 1, "E": 0, "F": 0}


@pytest.mark.parametrize(("cut_on", "known"), [("2023-01-29", False), ("2023-01-30", True)])
def test_an_outcome_is_missing_until_follow_up_and_waiting_lie_within_the_extract(tmp_path, cut_on, known):
    rows, data = rows_of(tmp_path, spec=SPEC.replace("cut_on = 2023-01-30", f"cut_on = {cut_on}"))
    later = rows.xs(pd.Timestamp("2022-01-01"), level="as_of")["again"]
    assert later.notna().all() == known and later.isna().all() != known
    assert rows.xs(pd.Timestamp("2021-01-01"), level="as_of")["again"].notna().all()
    assert data.known_on["again"].max() == pd.Timestamp("2023-01-31")


def test_quarter_days_run_from_the_first_to_the_last(tmp_path):
    text = SPEC.replace('every = "year"', 'every = "quarter"').replace("to = 2022-01-01", "to = 2022-12-31")
    (tmp_path / "spec.toml").write_text(text, encoding="utf-8")
    days = as_of_dates(load_spec(tmp_path / "spec.toml")[0].events)
    assert [f"{day:%m-%d}" for day in days] == ["01-01", "04-01", "07-01", "10-01"] * 2


def test_only_people_of_whom_who_was_so_then_are_in_scope(tmp_path):
    text = SPEC.replace('every = "year"', 'every = "year"\nwho = \'has(complaints, within="1y")\'')
    rows, _ = rows_of(tmp_path, spec=text)
    on = {day: rows.xs(pd.Timestamp(day), level="as_of").index.tolist() for day in ("2021-01-01", "2022-01-01")}
    # D and E have one of 31 December 2021 that nobody had recorded by 1 January 2022.
    assert on == {"2021-01-01": ["A", "D", "E", "F"], "2022-01-01": ["B", "F"]}


def test_a_fact_recorded_on_the_day_or_later_changes_no_feature(tmp_path):
    rows, data = rows_of(tmp_path)
    features = list(data.columns.keys() & {name for name in load_spec(tmp_path / "spec.toml")[0].features})
    later = EVENTS + "14,A,fire,upheld,2020-05-05,2022-01-01,2022-01-01\n15,A,fire,upheld,2019-05-05,2022-02-01,\n"
    moved, _ = rows_of(tmp_path, later)
    pd.testing.assert_frame_equal(rows[features], moved[features])


def test_row_order_changes_nothing(tmp_path):
    rows, _ = rows_of(tmp_path)
    head, *lines = EVENTS.splitlines()
    turned, _ = rows_of(tmp_path, "\n".join([head, *lines[::-1]]) + "\n")
    pd.testing.assert_frame_equal(rows, turned)


# --- rows that contradict themselves ---


def test_rows_whose_clocks_contradict_each_other_are_set_aside_counted_and_named(tmp_path):
    events = EVENTS + "14,F,noise,,2020-08-02,2020-08-01,\n15,F,noise,upheld,2020-08-02,2020-08-05,2020-08-04\n"
    spec = SPEC.replace('key = ["ref"]', 'key = ["ref"]\nmost_set_aside = 0.2')
    rows, data = rows_of(tmp_path, events, spec)
    assert data.made.set_aside.to_dict("records") == [
        {"file": "events.csv", "row": 14, "reason": "told is before happened"},
        {"file": "events.csv", "row": 15, "reason": "decided is before told"},
    ]
    assert row(rows, "F", "2021-01-01")["in_a_year"] == 1
    assert data.made.figures["tables"]["complaints"]["set_aside"] == 2
    assert any("Rows 14 of the file" in line for line in data.made.lines)


def test_a_table_with_many_such_rows_is_refused(tmp_path):
    swapped = SPEC.replace('occurred_on = "happened"', 'occurred_on = "told"')
    told = refused(tmp_path, swapped.replace('recorded_on = "told"', 'recorded_on = "happened"'))
    assert "9 of 13 rows whose dates contradict each other (happened is before told)" in told


def test_a_finding_without_the_day_it_was_made_is_never_known_and_counted(tmp_path):
    rows, data = rows_of(tmp_path, EVENTS.replace("5,B,noise,,", "5,B,noise,upheld,"))
    assert row(rows, "B", "2022-01-01")["upheld_ever"] == 0
    assert data.made.figures["tables"]["complaints"]["never_known_for_want_of_a_day"] == {"verdict": 1}


# --- what is refused ---


def test_every_mistake_in_spec_and_file_is_told_at_once(tmp_path):
    spec = SPEC.replace('column = "kind"', 'column = "knd"').replace("follow_up_days = 365", "follow_up_days = 0", 1)
    spec = spec.replace("count(upheld, within", "count(upheldd, within", 1)
    spec += '\n[features.young]\ndefinition = "count(birth_year)"\nsign = 0\n'
    told = refused(tmp_path, spec)
    for part in (
        "no column 'knd' in events.csv; expected a column name exactly as in the header. Did you mean 'kind'?",
        "[outcomes.again] follow_up_days: found 0",
        "[features.upheld_ever] definition, column 7: found 'upheldd'",
        "[features.young] definition: found 'birth_year': 'birth' is a protected characteristic, age",
    ):
        assert part in told, part


def test_bad_cells_are_told_by_row_and_never_shown(tmp_path):
    bad = EVENTS.replace("8,D,noise,,2020-06-01", "8,D,noise,,31/13/2020").replace("12,F", "1,F")
    bad = bad.replace("13,F,noise,upheld,2021-01-01,2021-01-01", "13,,noise,upheld,2021-01-01,2031-01-01")
    told = refused(tmp_path, events=bad)
    for part in (
        "events.csv, happened: found 1 row (8) without a date that can be read",
        "events.csv, told: found 1 row (13) after the extract was cut; expected dates up to 2023-01-30",
        "found 1 row (12) that repeat an earlier row in ref",
        "events.csv, who: found 1 row (13) without a person",
    ):
        assert part in told, part
    assert "31/13" not in told and "2031" not in told


@pytest.mark.parametrize("column", ["race", "birth_year", "gender", "postcode"])
def test_a_field_that_reads_a_protected_column_is_no_feature_under_any_name(tmp_path, column):
    events = EVENTS.replace(",kind,", f",{column},")
    spec = SPEC.replace('column = "kind"', f'column = "{column}"')
    told = refused(tmp_path, spec, events)
    assert "[features.kinds] definition" in told and column.split("_")[0] in told


@pytest.mark.parametrize(
    ("key", "was", "column"),
    [
        ("occurred_on", "happened", "birth_year"),
        ("recorded_on", "told", "date_of_birth"),
        ("person", "who", "gender"),
        ("learnt_on", "decided", "age_date"),
    ],
)
def test_no_clock_and_no_person_is_read_from_a_protected_column(tmp_path, key, was, column):
    spec = SPEC.replace(f'{key} = "{was}"', f'{key} = "{column}"')
    told = refused(tmp_path, spec, EVENTS.replace(was, column, 1))
    assert f"{key}: found '{column}': the word" in told and "tells of a protected characteristic" in told


def test_a_misspelt_definition_is_told_once_and_not_as_a_column_of_the_people(tmp_path):
    (tmp_path / "people.csv").write_text("who,community\nA,north\nB,south\n", encoding="utf-8")
    spec = SPEC.replace("count(upheld, within", "count(upheldd, within", 1)
    spec = spec.replace('counts = "upheld"', 'counts = "uphold"')
    spec += '\n[people]\nfile = "people.csv"\nperson = "who"\n[characteristics.ethnicity]\ncolumn = "community"\n'
    told = refused(tmp_path, spec)
    assert "[features.upheld_ever] definition, column 7: found 'upheldd'" in told
    assert "no column" not in told and "[characteristics] or another place" not in told


def test_a_misspelt_code_is_refused_and_not_counted_as_nothing(tmp_path):
    told = refused(tmp_path, SPEC.replace('one_of("upheld")', 'one_of("uphold")'))
    assert "[named] upheld: found 'uphold', which complaints.verdict never is" in told
    assert "Did you mean 'upheld'?" in told


def test_an_as_of_date_after_the_extract_is_refused(tmp_path):
    told = refused(tmp_path, SPEC.replace("to = 2022-01-01", "to = 2024-01-01"))
    assert "[cohort] to: found an as-of date 2024-01-01; expected 2023-01-31 at the latest" in told


@pytest.mark.parametrize("kind", ["time", "folds", "column"])
def test_splits_that_select_on_later_rows_are_refused(tmp_path, kind):
    more = 'train = ["2021-01-01"], test = ["2022-01-01"]' if kind == "column" else "test_from = 2022-01-01"
    more = "folds = 2" if kind == "folds" else f'column = "as_of", {more}'
    protocol = 'protocol = { kind = "time_by_person", column = "as_of", test_from = 2022-01-01 }'
    told = refused(tmp_path, SPEC.replace(protocol, f'protocol = {{ kind = "{kind}", {more} }}'))
    assert f"kind = '{kind}'" in told and "time_by_person" in told


def test_time_since_a_first_event_needs_an_approval(tmp_path):
    spec = SPEC + '\n[features.first]\ndefinition = "days_since_first(complaints)"\nsign = 0\nmissing = "own_effect"\n'
    assert "stands close to age, without an approval" in refused(tmp_path, spec)


def test_an_outcome_is_not_taken_for_a_feature_and_names_are_not_shared(tmp_path):
    told = refused(tmp_path, SPEC.replace("[features.kinds]", "[features.again]"))
    assert "the name 'again' twice" in told


def test_records_that_thin_out_before_the_extract_ends_are_noticed():
    steady = pd.Series(pd.date_range("2020-01-01", "2022-06-15", freq="D"))
    assert thins_after(steady, dt.date(2022, 6, 15)) is None
    ended = steady[(steady < "2022-03-10")]
    assert thins_after(ended, dt.date(2022, 6, 15)) == dt.date(2022, 2, 28)


def test_the_spec_in_the_guide_can_be_read(tmp_path):
    guide = (EXAMPLE.parents[1] / "docs" / "guides" / "evaluate.md").read_text(encoding="utf-8")
    text = guide[guide.index("## Event tables") :].split("```toml\n")[1].split("```")[0]
    (tmp_path / "spec.toml").write_text(text, encoding="utf-8")
    spec, problems = load_spec(tmp_path / "spec.toml")
    assert not problems and set(spec.features) == {"complaints_2y", "share_sustained"}
