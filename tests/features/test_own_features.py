"""A partnership's own features: added to the standard register under its own rules, and refused with every reason."""

import copy

import pytest

from desist.features.language import count
from desist.features.own_features import register_with
from desist.features.standard_features import LOOKBACK, standard_register
from desist.features.vocabulary import offences
from desist.features.windows import days_in
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


def said_of(definition, **changes):
    """What is said against an own feature with this definition; empty where it is taken."""
    try:
        register(PACE | {"definition": definition} | changes)
    except Refused as refusal:
        return str(refusal)
    return ""


HELP_KINDS = 'requirements.type.one_of("DRR", "ATR")'
NOT_HELP = 'requirements.type.one_of("UPW", "CURF", "EXCL", "RES")'


@pytest.mark.parametrize(
    "definition",
    [
        'count(requirements, within="1y")',
        "distinct(requirements.type)",
        "duration(requirements)",
        f"count(requirements.where({HELP_KINDS}))",
        'has(requirements.where(requirements.type.one_of("UPW", "RAR")))',
        f"count(requirements) - count(requirements.where({NOT_HELP}))",
    ],
)
def test_requirements_are_help_unless_narrowed_to_kinds_that_are_not(definition):
    assert "help sought" in said_of(definition, sign=1)


def test_requirements_of_kinds_that_are_no_help_may_raise():
    assert said_of(f"count(requirements.where({NOT_HELP}))", sign=1) == ""
    help_sought = {"sign": -1, "help_seeking": True, "missing_as": 0, "kind": "can change"}
    assert said_of(f"count(requirements.where({HELP_KINDS}))", **help_sought) == ""


OTHERS = (
    'needs.section.one_of("accommodation", "employment", "relationships", "lifestyle", "drugs", "alcohol", '
    '"thinking", "attitudes", "finance")'
)


@pytest.mark.parametrize(
    "definition",
    [
        f"sum(needs.score) - sum(needs.where({OTHERS}).score)",
        "count(needs)",
        "worst(needs.score)",
        "distinct(needs.section)",
        "trend(needs.score)",
        "count(needs.where(needs.section.known()))",
        f"count(referrals) + count(needs.where({OTHERS}))",
        "count(referrals)",
        "count(requirements)",
        "gap_between(needs.where(needs.section.one_of('drugs')), then=needs)",
    ],
)
def test_mental_health_is_not_told_by_all_kinds_less_the_others(definition):
    assert "mental health" in said_of(definition)


def test_needs_narrowed_to_permitted_sections_may_be_asked():
    assert said_of(f"sum(needs.where({OTHERS}).score)") == ""
    assert said_of("worst(needs.drugs)") == ""


SENTENCE = '"conditional", "automatic", "end_of_sentence"'


@pytest.mark.parametrize(
    "definition",
    [
        'count(releases.where(releases.release_type.one_of("post_recall")))',
        'count(releases.where(releases.release_type.one_of("post_recall", "temporary", "remand_release")))',
        'duration(custody.where(custody.release_type.one_of("post_recall")))',
        'count(release_from_custody.where(releases.release_type.one_of("post_recall", "temporary")))',
        f"count(release_from_custody) - count(releases.where(releases.release_type.one_of({SENTENCE})))",
        "distinct(releases.release_type)",
        f'count(requirements.where({NOT_HELP}, requirements.outcome.one_of("revoked", "not_completed")))',
        f'count(requirements.where({NOT_HELP}, requirements.outcome.one_of("revoked", "completed")))',
        f"count(requirements.where({NOT_HELP}, requirements.outcome.known()))",
        f"count(requirements.where({NOT_HELP})) - "
        f'count(requirements.where({NOT_HELP}, requirements.outcome.one_of("completed")))',
        f"distinct(requirements.where({NOT_HELP}).outcome)",
        "count(supervision.where(supervision.terminated.known()))",
        "distinct(supervision.terminated)",
    ],
)
def test_recalls_and_breaches_need_approval_under_any_name(definition):
    assert "needs a board's approval" in said_of(definition)


@pytest.mark.parametrize(
    "definition",
    [
        "count(release_from_custody)",
        f'count(releases.where(releases.release_type.one_of("temporary", "post_recall", {SENTENCE})))',
        "count(releases)",
        'has(custody.where(custody.release_type.one_of("remand_release")))',
        f'has(requirements.where({NOT_HELP}, requirements.outcome.one_of("completed")))',
        "duration(supervision)",
        "distinct(index_events.type)",
    ],
)
def test_releases_and_supervision_as_such_need_none(definition):
    assert said_of(definition) == ""


@pytest.mark.parametrize(
    "definition",
    [
        "distinct(appointments.kept)",
        "distinct(appointments.attended)",
        "most_recent(appointments.kept)",
        "first(appointments.kept)",
        "gap_between(appointments.where(appointments.kept), then=appointments)",
        "decayed_count(appointments.where(appointments.kept), half_life='1y')",
        'count(appointments.where(appointments.attended.one_of("attended")))',
        "count(appointments.where(appointments.kept.known()))",
        "share(appointments.kept, of=appointments.where(appointments.kept.is_no()))",
        "share(appointments.kept, of=appointments.where(appointments.attended.known()))",
    ],
)
def test_missed_appointments_need_approval_however_they_are_asked(definition):
    assert "needs a board's approval" in said_of(definition)


@pytest.mark.parametrize("function", ["count", "has", "days_since"])
def test_kept_appointments_may_be_asked_for(function):
    assert said_of(f"{function}(appointments.where(appointments.kept))") == ""
    assert said_of("share(appointments.kept, of=appointments)") == ""


@pytest.mark.parametrize(
    ("definition", "says"),
    [
        ('has(referrals.where(referrals.service.one_of("mental_health_team")))', "'mental_health' is a proxy"),
        ('has(programmes.where(programmes.programme.one_of("work", "women_only")))', "'women' is a protected"),
        ('count(appointments.where(appointments.type.one_of("Mental-Health nurse")))', "'mental_health' is a proxy"),
        ('count(appointments.where(appointments.type.one_of("black mens group")))', "is a protected"),
    ],
)
def test_values_are_read_as_names_are(definition, says):
    assert says in said_of(definition)
    assert said_of('count(appointments.where(appointments.type.one_of("office_visit", "manned desk")))') == ""


def test_a_choice_by_what_lies_years_back_is_near_to_age():
    ladder = 'where(has({0}, within="10y", until="9y"), 10, where(has({0}, within="9y", until="8y"), 9, 0))'
    ladder = "count({0}) * 0 + " + ladder.replace("10,", "count({0}),").replace("9,", "count({0}),")
    for table in ("sanctions", "offences", "supervision", "custody"):
        assert "near to age" in said_of(ladder.format(table)), table
    assert said_of('where(has(sanctions, within="1y"), count(offences, within="2y", until="1y"), 0)') == ""


@pytest.mark.parametrize("family", [*sorted(LOOKBACK), "pace of offending"])
def test_no_family_lets_an_own_feature_look_back_more_than_ten_years(family):
    least = min(days_in(LOOKBACK.get(family, "10y")), 3650)
    bare = register(PACE | {"family": family, "definition": "count(offences)"}).features[-1]
    assert bare.definition.window.days == least
    assert said_of(f'count(offences, within="{least}d")', family=family) == ""
    for definition in (f'count(offences, within="{least + 1}d")', f'is_open(supervision, within="{least + 1}d") '):
        told = said_of(definition, family=family)
        assert "limit of its family is" in told and "features.toml, feature recent_share_of_offences" in told
    summed = f'count(offences, within="1y") + count(offences, within="{least + 1}d")'
    assert "limit of its family is" in said_of(summed, family=family)


def test_the_words_of_the_file_stand_after_the_definitions_own():
    free = "never missing"
    own = register(PACE | {"when_missing": free, "missing_as": 2}).features[-1]
    plain = register(PACE).features[-1]
    assert own.meaning_of_missing == f"{plain.meaning_of_missing} ({free}); scored as 2"


@pytest.mark.parametrize(
    ("definition", "value", "fits"),
    [
        ("has(offences)", 0, True),
        ("has(offences)", 1, True),
        ("has(offences)", 0.5, False),
        ("has(offences)", 2, False),
        ("has(offences)", -1, False),
        ("count(offences)", 1_000_000, True),
        ("count(offences)", -1_000_000, True),
        ("count(offences)", 1_000_001, False),
        ("count(offences)", -1e300, False),
        ("count(offences)", float("inf"), False),
    ],
)
def test_missing_is_scored_as_a_value_that_a_person_can_have(definition, value, fits):
    told = said_of(definition, missing_as=value)
    assert (told == "") == fits
    if not fits:
        assert "missing scored as" in told or "missing_as: found" in told


@pytest.mark.parametrize(
    "change",
    [
        {"raises": "women's offences: {value}"},
        {"lowers": "stop and search: {value}"},
        {"raises": "mental health: {value}"},
        {"when_missing": "none for a person of no religion"},
        {"unit": "years of age"},
        {"raises": "health and wellbeing: {value}"},
        {"raises": "family: {value}"},
    ],
)
def test_words_shown_to_people_are_read_as_names_are(change):
    assert "Reword it" in said_of("count(offences)", **change)
    assert said_of("worst(needs.lifestyle)", raises="need, lifestyle and associates: {value}") == ""


def test_two_own_features_of_one_name_are_told_with_the_file():
    with pytest.raises(
        Refused, match=r"features\.toml, feature recent_share_of_offences: found two features of one name"
    ):
        register(PACE, PACE)
