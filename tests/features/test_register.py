import dataclasses

import pytest

from desist.features.contracts import EventContract, FieldSpec
from desist.features.language import age_at_as_of, count, has, is_open, most_recent, worst
from desist.features.refusals import refused_name
from desist.features.register import FORBIDDEN_WORDS, Feature, Register
from desist.features.rows import Rows
from desist.features.standard_features import LOOKBACK, approval_features, standard_features, standard_register
from desist.features.vocabulary import (
    CHARGES,
    IOM,
    PREDICTORS,
    REGISTRATIONS,
    appointments,
    enforcement,
    needs,
    offences,
    requirements,
    sanctions,
    treatment_episode,
)
from desist.records.errors import Refused

WHY = "Linked with reoffending in the literature."


def feature(name="proven_offences", definition=None, **changes):
    given = {"family": "sanctions", "justification": WHY, "raises": "offences: {value}", "lowers": "offences: {value}"}
    return Feature(name, definition or count(offences, within="2y"), **(given | changes))


def people(**fields):
    """Rows of a made-up table ``people`` whose fields read the given extract columns."""
    specs = {name: FieldSpec("category", reads=(column,) if column else ()) for name, column in fields.items()}
    return Rows(EventContract("people", "probation", specs))


def test_the_standard_register_has_some_sixty_allowed_features_and_none_that_needs_approval():
    register = standard_register()
    assert 55 <= len(register.names) <= 70
    assert not set(register.names) & {feature.name for feature in approval_features()}
    assert all(feature.status == "allowed" and feature.justification for feature in register.features)


def test_the_register_has_every_feature_family_that_is_allowed():
    names = set(standard_register().names)
    assert {
        "sanctions_2y", "violent_offences_2y", "burglary_offences_5y", "days_since_sanction", "offence_categories_5y",
        "days_since_release", "days_since_index_event", "on_licence", "need_accommodation", "in_treatment",
        "programme_completed_3y", "appointments_kept_1y", "housing_duty_1y", "proven_offence_rate_5y",
    } <= names  # fmt: skip
    assert {f"need_{section}" for section in ("finance", "wellbeing")} & names == set()


def test_an_approval_lets_in_the_feature_it_names_and_changes_the_hash():
    plain, approved = standard_register(), standard_register(approved=frozenset({"age_at_as_of"}))
    assert approved.names == (*plain.names, "age_at_as_of")
    assert approved.hash != plain.hash and plain.hash == standard_register().hash
    with pytest.raises(Refused, match="Check the name approved"):
        standard_register(approved=frozenset({"age_at_birth"}))


def test_each_approval_feature_is_refused_without_its_approval():
    for one in approval_features():
        with pytest.raises(Refused, match="no approval"):
            Register((one,), LOOKBACK)
        assert Register((one,), LOOKBACK, frozenset({one.name})).names == (one.name,)


@pytest.mark.parametrize(
    "definition",
    [
        age_at_as_of(),
        count(enforcement.where(enforcement.type.one_of("recall")), within="2y"),
        count(enforcement, within="1y"),
        count(appointments.where(appointments.kept.is_no()), within="1y"),
        count(appointments.where(appointments.attended.one_of("unacceptable_absence")), within="1y"),
    ],
)
def test_what_needs_approval_cannot_be_called_allowed(definition):
    with pytest.raises(Refused, match="approval_needed"):
        Register((feature("engagement", definition, family="other"),))


def test_an_approval_covers_age_and_no_other_characteristic():
    age = feature("sex_and_age", age_at_as_of(), status="approval_needed")
    with pytest.raises(Refused, match="'sex' is a protected characteristic"):
        Register((age,), approved=frozenset({"sex_and_age"}))


@pytest.mark.parametrize(
    "name",
    ["sex", "ethnicity_self", "home_ward", "age", "age_band", "isMale", "religion_code", "postcode", "imd_decile",
     "ogrs3", "arp_score", "tier", "nationality", "relationship_status", "mental_health_flag", "stop_and_search_2y",
     "gang_member", "nfa_arrests", "first_name", "dob_year", "juvenile_sanctions"],
)  # fmt: skip
def test_a_protected_characteristic_or_proxy_is_refused_by_name(name):
    if name == "ogrs3":
        name = "ogrs"
    with pytest.raises(Refused, match="Leave it out"):
        Register((feature(name),))


def test_names_are_read_in_whole_words():
    for name in (
        "manager",
        "blackmail_5y",
        "whitehall",
        "many",
        "menace",
        "sexual_offences_10y",
        "packages_5y",
        "rewards",
        "drug_usage",
        "averages",
        "embraced",
    ):
        assert refused_name(name) == ""


@pytest.mark.parametrize(
    ("renamed", "column"),
    [("group_a", "equality.sex"), ("group_b", "equality.ethnicity_self"), ("place", "equality.home_ward"),
     ("score", "prob_predictor.score"), ("years", "identity.postcode"), ("flag", "sent.ethnicity_officer"),
     ("helper", "trt_client.substance_group"), ("who", "trt_episode.referral_source")],
)  # fmt: skip
def test_a_protected_characteristic_renamed_into_a_feature_is_refused_by_lineage(renamed, column):
    rows = people(**{renamed: column})
    definition = has(rows.where(rows.field(renamed).one_of("x")), within="2y")
    with pytest.raises(Refused, match="it reads"):
        Register((feature("stability", definition),))


def test_a_column_renamed_by_a_contract_is_traced():
    contract = EventContract("people", "probation", {"steady": FieldSpec("category", column="ethnicity")})
    rows = Rows(contract)
    with pytest.raises(Refused, match=r"people\.ethnicity"):
        Register((feature("stability", has(rows.where(rows.steady.one_of("x")), within="2y")),))


def test_an_undeclared_lineage_is_the_fields_own_name():
    rows = people(sex="")
    with pytest.raises(Refused, match=r"people\.sex"):
        Register((feature("stability", has(rows.where(rows.sex.one_of("F")), within="2y")),))


@pytest.mark.parametrize("contract", [CHARGES, PREDICTORS, IOM, REGISTRATIONS])
def test_tables_for_context_only_feed_no_feature(contract):
    with pytest.raises(Refused, match="context only"):
        Register((feature("earlier_events", count(Rows(contract), within="2y")),))


def test_an_opinion_feeds_no_feature():
    views = EventContract("views", "probation", {"level": "number"}, record_kind="opinion")
    with pytest.raises(Refused, match="opinions, not facts"):
        Register((feature("level_2y", worst(Rows(views).level, within="2y")),))


@pytest.mark.parametrize(
    "definition",
    [
        most_recent(needs.field("wellbeing"), within="1y"),
        is_open(requirements.where(requirements.type.one_of("MHTR")), within="2y"),
    ],
)
def test_mental_health_is_refused_whatever_the_feature_is_called(definition):
    with pytest.raises(Refused, match="mental health"):
        Register((feature("support_level", definition, help_seeking=True, sign=-1, missing_as=0.0),))


def test_a_context_feature_is_listed_and_never_in_a_profile():
    charges = feature("charges_6m", count(Rows(CHARGES), within="6m"), status="context")
    register = Register((feature(), charges))
    assert register.names == ("proven_offences",)
    assert register.feature_set().names == ("proven_offences",)
    assert register.as_table()["name"].tolist() == ["proven_offences", "charges_6m"]
    with pytest.raises(Refused, match="even as context"):
        rows = people(group="equality.sex")
        Register((feature("group", has(rows.where(rows.group.one_of("F")), within="2y"), status="context"),))


@pytest.mark.parametrize("why", ["", "   ", "because", "it is."])
def test_a_feature_without_a_justification_is_refused(why):
    with pytest.raises(Refused, match="MIN-4"):
        Register((feature(justification=why),))


@pytest.mark.parametrize(
    "changes",
    [{"sign": 1}, {"sign": 0}, {"sign": -1, "missing_as": None}, {"sign": -1, "missing_as": 1.0}],
)
def test_seeking_help_never_raises_an_estimate(changes):
    given = {"sign": -1, "missing_as": 0.0, "help_seeking": True} | changes
    with pytest.raises(Refused, match="FEA-7"):
        Register((feature("in_treatment", is_open(treatment_episode), **given),))


def test_records_of_help_cannot_pass_as_something_else():
    with pytest.raises(Refused, match="help sought"):
        Register((feature("engagement", is_open(treatment_episode), sign=-1, missing_as=0.0),))


def test_every_help_seeking_feature_may_only_lower_and_scores_unknown_as_none():
    helped = [one for one in standard_features() if one.help_seeking]
    assert len(helped) >= 8
    for info in (standard_register().feature_set().get(one.name) for one in helped):
        assert (info.sign, info.missing_as) == (-1, 0.0)


def test_a_family_cannot_look_back_further_than_its_limit():
    with pytest.raises(Refused, match="limit of its family is 2 years"):
        Register((feature(definition=count(offences, within="5y")),), {"sanctions": "2y"})
    assert Register((feature(definition=count(offences)),)).features[0].definition.window.days == 3650
    short = Register((feature(definition=count(offences)),), {"sanctions": "2y"})
    assert short.features[0].definition.window.days == 730


def test_a_category_is_no_column_of_a_profile():
    with pytest.raises(Refused, match="a category"):
        Register((feature(definition=most_recent(sanctions.category)),))


@pytest.mark.parametrize("phrase", ["many offences", "likely because of {value}", "a dangerous person: {value}",
                                    "{value}, so will reoffend"])  # fmt: skip
def test_phrases_hold_the_value_and_state_the_fact(phrase):
    with pytest.raises(Refused, match="phrase"):
        Register((feature(raises=phrase),))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e7])
def test_missing_is_scored_as_a_finite_value_within_bounds(value):
    with pytest.raises(Refused, match="missing scored as"):
        Register((feature(missing_as=value),))
    with pytest.raises(Refused, match="0 or 1, as of any yes or no"):
        Register((feature(definition=has(offences), missing_as=value),))


def test_every_phrase_of_the_standard_register_is_fit_to_be_read():
    for one in (*standard_features(), *approval_features()):
        for phrase in (one.raises, one.lowers):
            assert "{value}" in phrase and not any(word in phrase.lower() for word in FORBIDDEN_WORDS)
            assert phrase.format(value="4")


def test_all_problems_are_told_at_once():
    with pytest.raises(Refused) as refusal:
        Register((feature("sex"), feature(justification=""), feature("a"), feature("a")))
    assert len(refusal.value.problems) == 3


def test_the_hash_changes_with_the_meaning_and_not_with_the_day():
    one = Register((feature(),))
    assert one.hash == Register((feature(),)).hash
    for changes in ({"definition": count(offences, within="1y")}, {"sign": 1}, {"missing_as": 0.0}, {"unit": "days"}):
        assert Register((dataclasses.replace(feature(), **changes),)).hash != one.hash


def test_the_table_for_the_docs_has_a_sentence_for_every_feature():
    table = standard_register().as_table()
    assert {"name", "words", "unit", "missing", "sign", "status", "source", "justification"} <= set(table.columns)
    assert not (table[["words", "missing", "source", "justification"]] == "").any(axis=None)
    words = dict(zip(table["name"], table["words"], strict=True))
    assert words["violent_offences_2y"] == (
        "number of proven offences that are violent in the 2 years before the as-of date"
    )
