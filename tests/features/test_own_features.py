"""A partnership's own features: added to the standard register under its own rules, and refused with every reason."""

import copy

import pytest

from desist.features.language import count
from desist.features.own_features import register_with
from desist.features.standard_features import standard_register
from desist.features.vocabulary import offences
from desist.records.errors import Refused

PACE = {
    "name": "recent_share_of_offences",
    "definition": 'count(offences, within="1y") / count(offences, within="5y")',
    "family": "pace of offending",
    "justification": "Offending that is speeding up is linked with proven reoffending.",
    "raises": "share of offences in the last year: {value}",
    "sign": 0,
    "kind": "history",
}
HELP = PACE | {"definition": 'duration(treatment_episode, within="2y")', "family": "help", "sign": -1,
               "kind": "can change", "help_seeking": True, "missing_as": 0}  # fmt: skip


def register(*features, **rest):
    return register_with({"feature": [copy.deepcopy(one) for one in features], **rest}, "features.toml")


def without(feature, *keys):
    return {key: value for key, value in feature.items() if key not in keys}


def test_an_own_feature_stands_after_the_standard_ones_and_changes_the_hash():
    plain, own = standard_register(), register(PACE)
    assert own.names == (*plain.names, "recent_share_of_offences")
    assert own.hash != plain.hash
    feature = own.get("recent_share_of_offences")
    assert feature.definition == (count(offences, within="1y") / count(offences, within="5y"))
    assert feature.lowers == feature.raises == "share of offences in the last year: {value}"
    assert register(HELP).get("recent_share_of_offences").missing_as == 0


def test_any_change_of_meaning_changes_the_hash():
    one = register(PACE).hash
    for change in ({"sign": 1}, {"definition": "count(offences)"}, {"raises": "{value}"}, {"missing_as": 0.0}):
        assert register(PACE | change).hash != one
    assert register(PACE | {"definition": "count(offences,within='1y')/count(offences,within='5y')"}).hash == one


def test_a_family_of_ones_own_looks_back_ten_years_or_less():
    bare = PACE | {"definition": "count(offences)"}
    assert register(bare).features[-1].definition.window.days == 3650
    short = register(bare, lookback={"pace of offending": "2y"})
    assert short.features[-1].definition.window.days == 730
    with pytest.raises(Refused, match="limit of its family is 2 years"):
        register(PACE, lookback={"pace of offending": "2y"})
    with pytest.raises(Refused, match="10 years at most"):
        register(bare, lookback={"pace of offending": "11y"})
    assert register(bare, lookback={"pace of offending": "10y"}).features[-1].definition.window.days == 3650


def test_a_family_of_the_standard_register_keeps_its_limit():
    with pytest.raises(Refused, match="the register's own limit, 3y"):
        register(PACE | {"family": "needs"}, lookback={"needs": "10y"})
    with pytest.raises(Refused, match="limit of its family is 3 years"):
        register(PACE | {"family": "needs", "definition": 'count(offences, within="4y")'})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": "ethnicity_share"}, "protected characteristic"),
        ({"name": "home_ward_count"}, "proxy of one"),
        ({"definition": "count(charges)"}, "context only"),
        ({"definition": 'has(needs.where(needs.section.one_of("wellbeing")))'}, "mental health"),
        ({"definition": "has(treatment_episode)"}, "help sought"),
        ({"definition": "age_at_as_of()"}, "needs a board's approval: age"),
        ({"definition": "days_since_first(sanctions)"}, "near to age"),
        ({"definition": "days_since(offences) - days_since_first(offences)"}, "near to age"),
        ({"definition": "count(enforcement)"}, "needs a board's approval: breaches"),
        ({"definition": "most_recent(needs.section)"}, "a category"),
        ({"definition": "count(ofences)"}, "definition, column 7: found 'ofences'"),
        ({"definition": "x" * 5000}, "at most 4,000 characters"),
        ({"definition": ""}, "definition: found ''"),
        ({"definition": 3}, "a text in quotes"),
        ({"name": "sanctions_2y"}, "two features of one name"),
        ({"name": "Person id"}, "small letters"),
        ({"name": "a,b\n"}, "small letters"),
        ({"name": "x" * 61}, "3 to 60"),
        ({"justification": "because"}, "MIN-4"),
        ({"justification": "  "}, "justification: found '  '"),
        ({"family": ""}, "family: found ''"),
        ({"raises": "dangerous: {value}"}, "words that state the fact"),
        ({"raises": "no value"}, "a phrase with"),
        ({"raises": 3}, "raises: found 3"),
        ({"sign": 2}, "may only raise the estimate"),
        ({"sign": True}, "may only raise the estimate"),
        ({"sign": "1"}, "may only raise the estimate"),
        ({"kind": "static"}, "'can change'"),
        ({"missing_as": "0"}, "missing_as: found '0'"),
        ({"missing_as": float("nan")}, "missing_as: found nan"),
        ({"help_seeking": "yes"}, "true or false"),
        ({"justifcation": "x"}, "Did you mean 'justification'"),
        ({"status": "approval_needed"}, "'status'"),
    ],
)
def test_what_may_not_be_a_feature_is_refused_whoever_describes_it(change, says):
    with pytest.raises(Refused, match=says):
        register(PACE | change)


@pytest.mark.parametrize("key", ["name", "definition", "family", "justification", "kind", "sign", "raises"])
def test_a_line_that_decides_is_never_guessed(key):
    with pytest.raises(Refused, match=f"{key}: found"):
        register(without(PACE, key))


def test_all_problems_of_a_file_are_told_at_once():
    with pytest.raises(Refused) as refused:
        register(
            PACE | {"definition": "count(ofences)", "sign": 5},
            PACE | {"name": "sex_ratio"},
            PACE | {"name": "third", "definition": "age_at_as_of()"},
            lookback={"nothing": "2y"},
            features=[],
        )
    told = str(refused.value)
    for part in (
        "ofences",
        "5",
        "'sex' is a protected",
        "board's approval",
        "a family without a feature",
        "'features'",
    ):
        assert part in told
    assert told.startswith("The features in features.toml cannot be used as they stand:")


@pytest.mark.parametrize("content", [{"feature": 3}, {"feature": [3]}, {"lookback": 3}, {"feature": {"name": "x"}}])
def test_a_file_of_another_shape_is_refused(content):
    with pytest.raises(Refused, match="cannot be used"):
        register_with(content, "features.toml")
