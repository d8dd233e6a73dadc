"""Definitions written as text mean what they mean in Python; what they cannot mean is refused with its place."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desist.features.language import (
    age_at_as_of,
    age_at_first,
    count,
    days_since,
    days_since_first,
    decayed_count,
    distinct,
    duration,
    first,
    gap_between,
    has,
    is_open,
    mean,
    most_recent,
    rate_per_year_at_liberty,
    share,
    sum,
    trend,
    where,
    worst,
)
from desist.features.language.parse import DEEPEST, parse_definition
from desist.features.language.text import spelt, to_text
from desist.features.standard_features import approval_features, standard_register
from desist.features.vocabulary import (
    appointments,
    custody,
    needs,
    offences,
    release_from_custody,
    violent,
    vocabulary,
)
from desist.features.windows import days_in
from desist.records.errors import Refused

NAMES = vocabulary()


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ('count(offences.where(violent), within="2y")', count(offences.where(violent), within="2y")),
        (
            "count(offences.where(violent, offences.severity.at_least(4)))",
            count(offences.where(violent, offences.severity.at_least(4))),
        ),
        ("\n  most_recent(needs.drugs,\n    within='3y')\n", most_recent(needs.drugs, within="3y")),
        ("2 * count(offences) + 1", count(offences) * 2 + 1),
        ("(count(offences) - 1) / count(custody)", (count(offences) - 1) / count(custody)),
        ("count(offences) * -0.5", count(offences) * -0.5),
        ("count(offences).at_least(3)", count(offences).at_least(3)),
        ('days_since(release_from_custody, none_as="window")', days_since(release_from_custody, none_as="window")),
        ("share(appointments.kept, of=appointments)", share(appointments.kept, of=appointments)),
        ("where(has(custody), count(offences), 0)", where(has(custody), count(offences), 0)),
        (
            "gap_between(custody, offences.where(offences.da_flag.is_no()))",
            gap_between(custody, offences.where(offences.da_flag.is_no())),
        ),
    ],
)
def test_a_definition_as_text_is_the_definition_in_python(text, means):
    assert parse_definition(text, NAMES) == means


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("count(ofences)", 7, "Did you mean 'offences'"),
        ("count(é)", 7, "a name of the vocabulary"),
        ("distinct(needs.section).at_least(é)", 34, "a name of the vocabulary"),
        ('count(programmes.where(programmes.programme.one_of("é"), ofences))', 58, "a name of the vocabulary"),
        ('count(offences, withn="2y")', 1, "Did you mean 'within'"),
        ("worst(offences.severety)", 16, "Did you mean 'severity'"),
        ("cuont(offences)", 1, "Did you mean 'count'"),
        ("count", 1, "It is a function"),
        ("count()", 1, "nothing for 'rows'"),
        ("rate_per_year_at_liberty(offences)", 1, "custody=..."),
        ("count(offences, offences)", 1, "too many arguments"),
        ("count(offences.severity)", 16, "expected rows"),
        ("worst(offences)", 7, "expected a field"),
        ("offences", 1, "Say what to measure"),
        ("violent", 1, "Say what to measure"),
        ("3", 1, "found the number 3"),
        ("count(offences) >= 3", 1, "Compare with .at_least"),
        ("has(offences) and has(custody)", 1, "several conditions"),
        ("count(offences) if has(custody) else 0", 1, "Choose with where"),
        ("offences['severity']", 1, "after a full stop"),
        ("not has(custody)", 1, "is_no"),
        ("count(offences) ** 2", 1, "expected \\+ - \\* or /"),
        ("1 - count(offences)", 1, "Write the definition first"),
        ("count(offences) + offences", 19, "Measure it first"),
        ("count(offences) / 0", 1, "Nothing can be divided by 0"),
        ("count(offences) + days_since(offences)", 1, "only like and like"),
        ('count(offences, within="2")', 1, "A window is written"),
        ('count(offences.where(offences.severity.at_least("4")))', 49, "expected a number"),
        ("count(offences.where(offences.category.one_of(3)))", 47, "expected a text in quotes"),
        ("count(offences.where(offences))", 22, "expected a condition"),
        ("count(offences.where(appointments.kept))", 16, "cannot narrow offences"),
        ("count(offences).atleast(3)", 17, "Did you mean 'at_least'"),
        ("count(offences).at_least", 17, "Add the brackets"),
        ("count(offences.where)", 16, "Add the brackets"),
        ("count(offences).at_least(True)", 26, "expected a number"),
        ("count(offences).at_least(1e999)", 26, "expected a number"),
        (f"count(offences).at_least({'9' * 400})", 26, "expected a number"),
        ("count(offences", 6, "never closed"),
        ("count(*offences)", 7, "one by one"),
        ("count(**offences)", 9, "one by one"),
    ],
)
def test_a_mistake_is_named_with_its_column_and_what_was_expected(text, column, says):
    with pytest.raises(Refused, match=says) as refused:
        parse_definition(text, NAMES)
    (problem,) = refused.value.problems
    assert problem.where == f"column {column}"
    assert text in str(refused.value) or len(text) > 200


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "eval('1')",
        "count.__globals__",
        "offences.__class__.__mro__",
        "offences.contract.fields",
        "offences.conditions",
        "offences.where.__func__",
        "count(offences).__class__",
        "count(offences).window",
        "count(offences).bounded(5)",
        "offences.field('severity')",
        "offences.severity.rows",
        "[x for x in (1).__class__.__bases__]",
        "(lambda: 1)()",
        "f'{offences}'",
        "(x := 3)",
        "{**offences}",
        "count(offences)(1)",
        "'a'.join('b')",
    ],
)
def test_a_text_reaches_nothing_but_the_language(text):
    with pytest.raises(Refused):
        parse_definition(text, NAMES)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 1_000_000,
        "(" * 3999,
        "-" * 3990 + "1",
        "count(" * 500,
        "a." * 1999 + "b",
        "offences." * 400 + "b",
        "count(offences) + " * 200 + "1",
        "not " * 900 + "1",
        "lambda:" * 500 + "1",
        "count(offences)\0",
        "",
        "   \n ",
    ],
)
def test_a_text_too_long_too_deep_or_empty_is_refused_at_once(text):
    begun = time.perf_counter()
    with pytest.raises(Refused) as refused:
        parse_definition(text, NAMES)
    assert time.perf_counter() - begun < 0.5
    assert len(str(refused.value)) < 800


def test_a_definition_may_nest_as_deep_as_people_write_and_no_deeper():
    nested = "count(offences)" + " + 1" * (DEEPEST - 2)
    assert parse_definition(nested, NAMES).in_words().endswith("plus 1")
    with pytest.raises(Refused, match="levels"):
        parse_definition(nested + " + 1", NAMES)


def test_every_feature_of_the_standard_register_can_be_written_as_text():
    for feature in standard_register().features:
        assert parse_definition(to_text(feature.definition, NAMES), NAMES) == feature.definition
    for feature in approval_features():
        written = parse_definition(to_text(feature.definition, NAMES), NAMES)
        assert written.in_words() == feature.definition.in_words()


def test_every_name_of_the_vocabulary_is_one_an_analyst_can_use():
    assert NAMES["offences"] is offences and NAMES["violent"] == violent
    assert "charges" in NAMES  # read, so that the register can say why it refuses it


@pytest.mark.parametrize(
    ("days", "text"), [(730, "2y"), (182, "6m"), (30, "1m"), (28, "28d"), (1, "1d"), (366, "366d")]
)
def test_days_are_spelt_as_people_write_windows(days, text):
    assert spelt(days) == text


@given(st.integers(1, 20_000))
def test_a_spelt_window_has_its_days(days):
    assert days_in(spelt(days)) == days


TABLES = st.sampled_from([name for name in sorted(NAMES) if name not in ("violent", "neighbourhood")])
SPELLS = st.sampled_from(["custody", "supervision", "treatment_episode", "referrals"])
WITHIN = st.none() | st.integers(2, 4000).map(lambda days: f"{days}d")
NUMBERS = st.integers(-1000, 1000) | st.floats(-1e6, 1e6, allow_nan=False)


@st.composite
def conditions(draw, rows):
    name = draw(st.sampled_from([*rows.contract.fields, "occurred_on"]))
    field = rows.field(name)
    kind, values = field.kind, rows.contract.spec(name).values
    if kind == "category" and draw(st.booleans()):
        choices = st.sampled_from(values) if values else st.text(min_size=1, max_size=8)
        return field.one_of(*draw(st.lists(choices, min_size=1, max_size=3)))
    if kind == "number":
        return draw(st.sampled_from([field.at_least, field.at_most]))(draw(NUMBERS))
    if kind == "yes_no":
        return draw(st.sampled_from([field.is_yes, field.is_no]))()
    return field.known()


@st.composite
def narrowed(draw, names=TABLES):
    rows = NAMES[draw(names)]
    for _ in range(draw(st.integers(0, 2))):
        rows = rows.where(draw(conditions(rows)))
    return rows


@st.composite
def measured(draw):
    """One definition that is not combined of others, with a window as any may have."""
    within = draw(WITHIN)
    rows = draw(narrowed())
    numbers = draw(st.sampled_from([offences.severity, needs.drugs, needs.where(needs.score.known()).alcohol]))
    makers = [
        lambda: count(rows, within="4000d", until=draw(st.sampled_from(["1d", "1y", "6m"]))),
        lambda: draw(st.sampled_from([count, has, days_since, days_since_first, gap_between, trend]))(
            rows, within=within
        ),
        lambda: days_since(rows, within=within, none_as="window"),
        lambda: decayed_count(rows, half_life=draw(st.sampled_from(["90d", "1y", "1000d"])), within=within),
        lambda: gap_between(rows, draw(narrowed()), within=within),
        lambda: draw(st.sampled_from([is_open, duration]))(draw(narrowed(SPELLS)), within=within),
        lambda: rate_per_year_at_liberty(rows, custody=draw(narrowed(st.just("custody"))), within=within),
        lambda: draw(st.sampled_from([sum, mean, first, worst, trend, most_recent]))(numbers, within=within),
        lambda: distinct(rows.field("occurred_on"), within=within),
        lambda: share(appointments.kept, of=draw(narrowed(st.just("appointments"))), within=within),
        age_at_as_of,
        lambda: age_at_first(rows),
    ]
    return draw(st.sampled_from(makers))()


def combined(inner):
    def add(draw_from):
        one, sign, other = draw_from
        try:
            return {"+": one.__add__, "-": one.__sub__, "*": one.__mul__, "/": one.__truediv__}[sign](other)
        except Refused:
            return one

    arithmetic = st.tuples(inner, st.sampled_from("+-*/"), inner | NUMBERS).map(add)
    tested = st.tuples(inner.filter(lambda d: d.yields not in ("category", "yes_no")), NUMBERS)
    asked = tested.map(lambda pair: pair[0].at_least(pair[1])) | tested.map(lambda pair: pair[0].at_most(pair[1]))
    chosen = st.tuples(asked, inner, NUMBERS).map(lambda three: where(*three))
    return arithmetic | asked | chosen


@given(st.recursive(measured(), combined, max_leaves=5))
def test_a_definition_written_as_text_reads_back_equal(definition):
    written = to_text(definition, NAMES)
    read = parse_definition(written, NAMES)
    assert read == definition
    assert read.to_json() == definition.to_json()


@given(st.text(max_size=60) | st.text(alphabet="count(offences.violent)+-*/ 0\"',=[]{}_", max_size=60))
def test_any_text_at_all_is_a_definition_or_is_refused(text):
    try:
        parse_definition(text, NAMES)
    except Refused as refusal:
        assert str(refusal)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('count(offences, within="2y", within="3y")', "'within' twice"),
        ("count(offences.where())", r"where\(\) without a condition"),
        ('decayed_count(offences, half_life="101y")', "100 years at most"),
        (f'count(offences, within="{"9" * 3000}y")', r"100 years at most; found '9+\.\.\."),
        ("count(offences) * 1000000000001", "a number"),
        ("count(offences) * -1e13", "a number"),
    ],
)
def test_what_would_be_taken_otherwise_than_meant_is_refused(text, says):
    with pytest.raises(Refused, match=says) as refused:
        parse_definition(text, NAMES)
    assert len(str(refused.value)) < 600
