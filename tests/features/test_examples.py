"""The worked examples that ship, and files of examples that an analyst writes."""

import datetime as dt

import numpy as np
import pytest

from desist.features.engines.reference import build_profiles
from desist.features.examples import Checked, check_examples
from desist.features.examples_file import examples_from, load_examples, shipped_examples
from desist.features.language import WORDS, count
from desist.features.tables import Profiles
from desist.features.vocabulary import offences
from desist.records.errors import Refused

SHIPPED = shipped_examples()
A_DAY = dt.timedelta(days=1)


def days_written(example):
    """Every date in an example's events, and its birth dates in the as-of date's year."""
    for person in example.people:
        for _, row in person.events:
            yield from (value for value in row.values() if isinstance(value, dt.date))
        if person.born is not None:
            yield person.born.replace(year=example.as_of.year)


def on_a_boundary(example):
    """Whether an example has a date just inside and one just outside a window, or at the as-of date."""
    edges = {example.as_of, example.as_of - A_DAY}
    for part in example.definition.parts():
        if part.window is not None:
            first = example.as_of - dt.timedelta(days=part.window.days)
            edges |= {first, first - A_DAY}
    return bool(edges & set(days_written(example)))


def test_every_example_that_ships_holds():
    assert [(one.example.where, one.person.label) for one in check_examples(SHIPPED) if not one.ok] == []


@pytest.mark.parametrize("word", [*WORDS, "+ - * /", "at_least", "at_most"])
def test_every_function_has_an_example_on_a_boundary_and_one_that_is_missing(word):
    mine = [example for example in SHIPPED if example.function == word]
    assert mine, f"write an example of {word}"
    assert any(person.expected is None for example in mine for person in example.people)
    assert any(on_a_boundary(example) for example in mine)


def test_every_example_says_what_it_shows():
    assert all(
        person.note or example.note or len(example.people) > 1 for example in SHIPPED for person in example.people
    )


def window_too_long(events, rows, register, ages=None):
    """An engine with a window that is one day too long."""
    from dataclasses import replace

    from desist.features.windows import Lookback

    (feature,) = register.used
    definition = feature.definition
    if definition.window is not None:
        definition = replace(definition, window=Lookback(definition.window.days + 1, definition.window.until))
    wrong = replace(register)
    object.__setattr__(wrong, "features", (replace(feature, definition=definition),))
    wrong.__dict__.pop("used", None)
    return build_profiles(events, rows, wrong, ages)


def known_on_the_day(events, rows, register, ages=None):
    """An engine that also knows what was recorded on the as-of date."""
    later = rows.assign(as_of=rows["as_of"] + np.timedelta64(1, "D"))
    made = build_profiles(events, later, register, ages)
    return Profiles(made.table.assign(as_of=rows["as_of"].to_numpy()), made.features, made.schema_hash)


def nothing_is_zero(events, rows, register, ages=None):
    """An engine that takes missing for zero."""
    made = build_profiles(events, rows, register, ages)
    return Profiles(made.table.fillna(0.0), made.features, made.schema_hash)


@pytest.mark.parametrize("engine", [window_too_long, known_on_the_day, nothing_is_zero])
def test_the_examples_find_an_engine_that_is_off_by_a_day_or_takes_missing_for_zero(engine):
    differing = {one.example.function for one in check_examples(SHIPPED, {"wrong": engine}) if not one.ok}
    assert len(differing) >= 12
    assert "count" in differing


def test_examples_are_worked_out_with_every_engine_by_name():
    engines = {"reference": build_profiles, "wrong": nothing_is_zero}
    found = check_examples(SHIPPED[:1], engines)
    assert [(one.engine, one.person.label, one.ok) for one in found] == [
        *[("reference", label, True) for label in ("Ash", "Bryn", "Cal", "Dee")],
        *[("wrong", label, label != "Dee") for label in ("Ash", "Bryn", "Cal", "Dee")],
    ]


@pytest.mark.parametrize(
    ("expected", "found", "ok"),
    [(None, None, True), (None, 0.0, False), (0.0, None, False), (1 / 3, 0.3333333, True), (1 / 3, 0.333, False),
     (0.0, 0.0, True), (0.0, 1e-6, False)],
)  # fmt: skip
def test_missing_and_zero_are_different_answers(expected, found, ok):
    from dataclasses import replace

    example = SHIPPED[0]
    assert Checked(example, replace(example.people[0], expected=expected), "reference", found).ok is ok


# files an analyst writes -------------------------------------------------------------------------------------------

OWN = """
[[table]]
name = "complaints"
source = "board"
fields = { subject = "category", weeks = { kind = "number", words = "weeks open" } }
learnt_later = { weeks = "closed_on" }
singular = "complaint"
plural = "complaints"

[[example]]
definition = 'worst(complaints.where(complaints.subject.one_of("delay")).weeks, within="1y")'
as_of = 2024-04-01
table = "complaints"

[[example.person]]
label = "Ash"
events = [
    { occurred_on = 2024-01-01, subject = "delay", weeks = 3, closed_on = 2024-02-01 },
    { occurred_on = 2024-02-01, subject = "delay", weeks = 8, closed_on = 2024-04-01 },
    { occurred_on = 2024-02-02, subject = "noise", weeks = 9, closed_on = 2024-02-03 },
]
expected = 3
"""


def test_a_file_may_describe_its_own_event_table(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(OWN, encoding="utf-8")
    checked, compiled = check_examples(load_examples(path))
    assert checked.ok and compiled.ok and compiled.engine == "compiled"
    assert checked.example.definition.in_words() == (
        "highest weeks open of complaints whose subject is delay in the year before the as-of date"
    )


def test_a_python_file_defines_the_same_tables(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(
        """
import datetime as dt
EXAMPLES = [
    {
        "definition": 'count(offences, within="1y")',
        "as_of": dt.date(2024, 4, 1),
        "table": "offences",
        "person": [
            {"label": f"P{n}", "events": [{"occurred_on": "2024-01-01"}] * n, "expected": n} for n in range(3)
        ],
    }
]
""",
        encoding="utf-8",
    )
    found = check_examples(load_examples(path))
    told = {(one.person.label, one.found, one.ok) for one in found}
    assert told == {("P0", 0, True), ("P1", 1, True), ("P2", 2, True)}


def test_an_example_may_name_a_feature_instead_of_writing_its_definition_again():
    person = {"label": "Ash", "events": [{"occurred_on": dt.date(2024, 1, 1)}], "expected": 1}
    example = {"feature": "recent", "as_of": dt.date(2024, 4, 1), "table": "offences", "person": [person]}
    (read,) = examples_from({"example": [example]}, "f.toml", {"recent": count(offences, within="1y")})
    assert read.text == 'count(offences, within="1y")'
    with pytest.raises(Refused, match="Did you mean 'recent'"):
        examples_from({"example": [example | {"feature": "recnt"}]}, "f.toml", {"recent": count(offences)})


BAD = """
sample = 1
[[example]]
definition = 'count(ofences)'
as_of = "yesterday"
people = []
[[example]]
definition = 'days_since(treatment_episode)'
as_of = 2024-04-01
[[example.person]]
label = "Ash"
expected = "none"
events = [{ table = "offences", occured_on = 2024-01-01 }, { occurred_on = 2024-01-01 }]
[[example]]
definition = 'count(custody)'
as_of = 2024-04-01
table = "custody"
[[example.person]]
label = "Ash"
expected = 1
events = [{ occurred_on = 2024-01-01, release = 2024-02-01, release_type = "automatc", sentence_band = 3 }]
[[example.person]]
label = "Ash"
expected = 1
"""


def test_a_bad_file_is_told_all_its_problems_at_once_with_their_places(tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text(BAD, encoding="utf-8")
    with pytest.raises(Refused) as refused:
        load_examples(path)
    told = str(refused.value)
    for part in (
        "bad.toml: found 'sample'",
        "example 1, definition column 7: found 'ofences'",
        "example 1, as_of: found 'yesterday'",
        "example 1: found 'people'",
        "example 1: found nobody",
        "example 2, person Ash, event 1: found 'occured_on'; expected one of",
        "Did you mean 'occurred_on'",
        "example 2, person Ash, event 1, occurred_on: found nothing",
        "example 2, person Ash, event 2: found table ''",
        "example 2, person Ash: found expected = 'none'",
        "example 3, person Ash, event 1: found release without release_recorded_on",
        "release_type: found 'automatc'; expected one of",
        "sentence_band: found 3; expected a text in quotes",
        "example 3: found two people called 'Ash'",
    ):
        assert part in told, part


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.toml", "example = 3", "one \\[\\[example\\]\\] or more"),
        ("a.toml", "", "no example"),
        ("a.toml", "[[example", "is not TOML"),
        ("a.py", "1 / 0", "stops with ZeroDivisionError"),
        ("a.py", "EXAMPLE = []", "no example"),
        ("a.py", "import nowhere_at_all", "ModuleNotFoundError"),
        ("a.py", "import sys; sys.exit(0)", "stops with SystemExit"),
        ("a.py", "raise SystemExit", "stops with SystemExit"),
        ("a.toml", "# \N{RIGHT DOUBLE QUOTATION MARK}\n[[example", "straight ones only"),
        ("a.toml", "[[table]]\nname = 'x'\n", "table 1"),
        ("a.toml", "[[table]]\nname = 'x'\nsource = 'y'\nfields = { a = 'colour' }\n", "A field is one of"),
    ],
)
def test_a_file_that_holds_no_examples_says_so(tmp_path, name, content, says):
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(Refused, match=says):
        load_examples(tmp_path / name)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(Refused, match=r"nowhere\.toml cannot be read"):
        load_examples(tmp_path / "nowhere.toml")


def test_an_example_obeys_the_rules_of_a_register():
    person = {"label": "Ash", "expected": "missing"}
    for text, why in (
        ("count(charges)", "context only"),
        ("days_since(treatment_episode)", "only grows"),
        ("most_recent(needs.section)", "a category"),
    ):
        with pytest.raises(Refused, match=why):
            examples_from({"example": [{"definition": text, "as_of": "2024-04-01", "person": [person]}]}, "f.toml")


@pytest.mark.parametrize(
    ("example", "person", "says"),
    [
        ({}, {"unknown_to": ["polise"]}, "person Ash, unknown_to: found 'polise'.*Did you mean 'police'"),
        ({"not_shared": ["prisn"]}, {}, "example 1, not_shared: found 'prisn'.*Did you mean"),
        ({"not_sent": ["offences.violnt"]}, {}, "not_sent: found 'offences.violnt'.*Did you mean 'offences.violent'"),
        ({"table": ["offences"]}, {}, "table: found \\['offences'\\]"),
        ({"table": 3}, {}, "table: found 3"),
        ({"definition": None, "feature": ["a"]}, {}, "feature: found \\['a'\\]"),
        ({}, {"expected": 10**400}, "expected = 1000"),
    ],
)
def test_what_is_misspelt_or_of_another_kind_is_told_and_never_passes_unseen(example, person, says):
    ash = {"label": "Ash", "expected": "missing"} | person
    given = {"definition": "count(offences)", "as_of": "2024-04-01", "person": [ash]} | example
    with pytest.raises(Refused, match=says):
        examples_from({"example": [{key: value for key, value in given.items() if value is not None}]}, "f.toml")


def test_a_byte_order_mark_is_passed_over_and_another_encoding_named(tmp_path):
    path = tmp_path / "own.toml"
    path.write_bytes(OWN.encode("utf-8-sig"))
    assert len(load_examples(path)) == 1
    path.write_bytes(OWN.encode("utf-16"))
    with pytest.raises(Refused, match="is not UTF-8 text; save it again with the encoding UTF-8"):
        load_examples(path)
