"""The standard register: some 60 features in the allowed families of DOMAIN section 7, each in one sentence."""

from __future__ import annotations

from desist.features.language import (
    Definition,
    age_at_as_of,
    age_at_first,
    count,
    days_since,
    days_since_first,
    distinct,
    has,
    is_open,
    most_recent,
    rate_per_year_at_liberty,
    share,
    worst,
)
from desist.features.register import Feature, Register
from desist.features.vocabulary import (
    appointments,
    custody,
    enforcement,
    housing_duty,
    index_events,
    needs,
    neighbourhood,
    offences,
    programmes,
    referrals,
    release_from_custody,
    requirements,
    sanctions,
    supervision,
    treatment_episode,
    treatment_intervention,
    violent,
)
from desist.features.windows import days_in, length_in_words
from desist.records import codes

#: How far each family may look back (REQUIREMENTS MIN-2: ten years of adult convictions unless named here).
LOOKBACK = {
    "sanctions": "10y",
    "offence groups": "10y",
    "recency": "10y",
    "diversity and severity": "10y",
    # A sentence that is still open is not an old fact, however long ago it began.
    "supervision": "40y",
    # An assessment older than three years says little of today.
    "needs": "3y",
    "requirements": "10y",
    "treatment": "5y",
    "programmes and support": "5y",
    "appointments": "1y",
    "housing": "2y",
    "enforcement": "2y",
    "age": "10y",
}

_PRIORS = "Prior sanctions are among the strongest and best replicated factors linked with proven reoffending."
_GROUP = "The kind of past offences is linked with how likely and how serious a proven reoffence is."
_RECENT = "Time without a sanction is linked with stopping; it also lets an estimate fall as time passes."
_NEED = "A need assessed as linked to offending can change, and points to the support to offer."
_HELP = "Taking up help is linked with stopping; it may only lower the estimate, so that nobody loses by seeking it."


def _both(words: str) -> tuple[str, str]:
    """Phrase for a raise and for a lowering: the same plain fact, since the direction stands beside it."""
    return f"{words}: {{value}}", f"{words}: {{value}}"


def _history(
    name: str, definition: Definition, words: str, *, family: str, why: str = _PRIORS, sign: int = 1
) -> Feature:
    raises, lowers = _both(words)
    return Feature(name, definition, family, why, raises, lowers, sign=sign)


def _changing(name: str, definition: Definition, words: str, *, family: str, why: str, sign: int = 0) -> Feature:
    raises, lowers = _both(words)
    return Feature(name, definition, family, why, raises, lowers, sign=sign, kind="can change")


def _help(name: str, definition: Definition, words: str, *, family: str) -> Feature:
    raises, lowers = _both(words)
    return Feature(
        name, definition, family, _HELP, raises, lowers,
        sign=-1, kind="can change", help_seeking=True, missing_as=0.0,
    )  # fmt: skip


def _last(within: str) -> str:
    """A window's length after "in the last": "5 years", but "year" rather than "1 year"."""
    return length_in_words(days_in(within)).removeprefix("1 ")


def _counts() -> list[Feature]:
    made = []
    for within in ("1y", "2y", "5y", "10y"):
        length = _last(within)
        made.append(
            _history(f"sanctions_{within}", distinct(sanctions.occurred_on, within=within),
                     f"days on which a court sanctioned or police cautioned, in the last {length}", family="sanctions")
        )  # fmt: skip
        made.append(
            _history(f"proven_offences_{within}", count(offences, within=within),
                     f"proven offences in the last {length}", family="sanctions")
        )  # fmt: skip
    for within in ("1y", "2y", "5y", "10y"):
        made.append(
            _history(f"violent_offences_{within}", count(offences.where(violent), within=within),
                     f"proven violent offences in the last {_last(within)}", family="offence groups",
                     why=_GROUP)
        )  # fmt: skip
    for within in ("2y", "5y"):
        made.append(
            _history(f"neighbourhood_offences_{within}", count(offences.where(neighbourhood), within=within),
                     "proven robbery, burglary, vehicle crime or theft from the person in the last "
                     f"{_last(within)}", family="offence groups", why=_GROUP)
        )  # fmt: skip
    return made


#: (name, broad groups, words, sign); the field does not agree on a sign for the last ones.
_GROUPS = (
    ("robbery_offences_5y", ("robbery",), "robbery", 1),
    ("burglary_offences_5y", ("burglary",), "burglary", 1),
    ("theft_offences_2y", ("theft and handling",), "theft and handling", 1),
    ("theft_offences_5y", ("theft and handling",), "theft and handling", 1),
    ("damage_offences_5y", ("criminal damage",), "criminal damage", 1),
    ("drug_offences_5y", ("drugs",), "drug offences", 0),
    ("fraud_offences_5y", ("fraud and forgery",), "fraud and forgery", 0),
    ("motoring_offences_5y", ("indictable motoring", "summary motoring"), "motoring offences", 0),
    ("sexual_offences_10y", ("sexual",), "sexual offences", 0),
)
_CATEGORIES = (
    ("public_order_offences_5y", ("public order and harassment",), "public order and harassment", 1),
    ("weapon_offences_5y", ("weapons not firearm", "firearms most serious", "firearms other"), "weapon offences", 1),
    ("vehicle_theft_offences_5y", ("vehicle-related theft",), "vehicle-related theft", 1),
    ("absconding_offences_5y", ("absconding or bail",), "absconding or bail offences", 1),
)


def _groups() -> list[Feature]:
    made = []
    for field, table in (("broad_group", _GROUPS), ("category", _CATEGORIES)):
        for name, values, words, sign in table:
            within = name.rpartition("_")[2]
            length = _last(within)
            asked = offences.where(offences.field(field).one_of(*values))
            made.append(
                _history(name, count(asked, within=within), f"proven {words} in the last {length}",
                         family="offence groups", why=_GROUP, sign=sign)
            )  # fmt: skip
    made.append(
        _history("domestic_abuse_offences_5y", count(offences.where(offences.da_flag), within="5y"),
                 "proven offences flagged as domestic abuse in the last 5 years", family="offence groups", why=_GROUP)
    )  # fmt: skip
    made.append(
        _history("serious_offences_10y", count(offences.where(offences.severity.at_least(4)), within="10y"),
                 "proven serious offences (band 4 or 5) in the last 10 years", family="offence groups", why=_GROUP)
    )  # fmt: skip
    return made


def _recency() -> list[Feature]:
    taking = offences.broad_group.one_of("robbery", "burglary", "theft and handling")
    asked = (
        ("days_since_sanction", sanctions, "days since the last court sanction or caution"),
        ("days_since_offence", offences, "days since the last proven offence was committed"),
        ("days_since_violent_offence", offences.where(violent), "days since the last proven violent offence"),
        ("days_since_theft_offence", offences.where(taking), "days since the last proven theft, burglary or robbery"),
        ("days_since_release", release_from_custody, "days since the last release from custody"),
        ("days_since_index_event", index_events, "days since the last release, conviction or caution"),
    )
    return [
        _history(name, days_since(rows, none_as="window"), words, family="recency", why=_RECENT, sign=-1)
        for name, rows, words in asked
    ]


def _diversity() -> list[Feature]:
    family, why = "diversity and severity", "Varied and more serious histories are linked with proven reoffending."
    return [
        _history("offence_categories_5y", distinct(offences.category, within="5y"),
                 "different kinds of proven offence in the last 5 years", family=family, why=why),
        _history("offence_categories_10y", distinct(offences.category, within="10y"),
                 "different kinds of proven offence in the last 10 years", family=family, why=why),
        _history("worst_severity_2y", worst(offences.severity, within="2y"),
                 "highest severity band (1 to 5) of proven offences in the last 2 years", family=family, why=why,
                 sign=0),
        _history("worst_severity_5y", worst(offences.severity, within="5y"),
                 "highest severity band (1 to 5) of proven offences in the last 5 years", family=family, why=why,
                 sign=0),
        _history("proven_offence_rate_5y", rate_per_year_at_liberty(offences, custody=custody, within="5y"),
                 "proven offences a year at liberty, over the last 5 years", family=family,
                 why="Time in custody leaves no room for offences in the community; a plain count forgets it."),
    ]  # fmt: skip


def _supervision() -> list[Feature]:
    why = "How a person is supervised tells what led to it; models are trained on the same mix of people."
    names = {
        "LICENCE": ("on_licence", "on licence after release"),
        "COMMUNITY_ORDER": ("on_community_order", "on a community order"),
        "SUSPENDED_SENTENCE": ("on_suspended_sentence", "on a suspended sentence"),
        "PSS": ("on_post_sentence_supervision", "on post-sentence supervision"),
    }
    return [
        _changing(name, is_open(supervision.where(supervision.type.one_of(code))), words, family="supervision", why=why)
        for code, (name, words) in names.items()
    ]


def _needs() -> list[Feature]:
    scored = [name for name, threshold in codes.NEED_SECTIONS.items() if threshold is not None]
    return [
        _changing(f"need_{name}", most_recent(needs.field(name)),
                  f"assessed need, {codes.NEED_LABELS[name]} (score)", family="needs", why=_NEED, sign=1)
        for name in scored
    ]  # fmt: skip


def _help_taken_up() -> list[Feature]:
    drug_or_alcohol = requirements.type.one_of("DRR", "ATR")
    # Neither mental-health requirements nor referrals for wellbeing: they would tell of a person's health.
    any_kind = requirements.type.one_of(*(code for code in codes.REQUIREMENTS if code != "MHTR"))
    any_need = referrals.need.one_of(*(name for name in codes.NEED_SECTIONS if name != "wellbeing"))
    support, treatment = "programmes and support", "treatment"
    planned = treatment_episode.discharge_reason.one_of(*codes.PLANNED_EXITS)
    started, completed = programmes.start.known(), programmes.outcome.one_of("completed")
    return [
        _help("treatment_requirement_open", is_open(requirements.where(drug_or_alcohol)),
              "on a drug or alcohol treatment requirement", family="requirements"),
        _help("requirement_completed_5y",
              has(requirements.where(any_kind, requirements.outcome.one_of("completed")), within="5y"),
              "completed a requirement begun in the last 5 years", family="requirements"),
        _help("in_treatment", is_open(treatment_episode), "in drug or alcohol treatment", family=treatment),
        _help("treatment_begun_1y", has(treatment_intervention, within="1y"),
              "began a treatment intervention in the last year", family=treatment),
        _help("treatment_planned_exit_3y", has(treatment_episode.where(planned), within="3y"),
              "completed a treatment episode begun in the last 3 years", family=treatment),
        _help("programme_started_2y", has(programmes.where(started), within="2y"),
              "took up a programme referred to in the last 2 years", family=support),
        _help("programme_completed_3y", has(programmes.where(completed), within="3y"),
              "completed a programme referred to in the last 3 years", family=support),
        _help("support_started_1y", has(referrals.where(any_need, referrals.started.known()), within="1y"),
              "took up support referred to in the last year", family=support),
        _help("housing_duty_1y", has(housing_duty.where(housing_duty.duty.one_of("prevention", "relief", "main")),
                                     within="1y"),
              "owed a housing duty by the council in the last year", family="housing"),
    ]  # fmt: skip


def _appointments() -> list[Feature]:
    why = "Keeping appointments is linked with completing supervision; absences that were accepted are left out."
    return [
        _changing(f"appointments_kept_{within}", share(appointments.kept, of=appointments, within=within),
                  f"appointments kept in the last {_last(within)}", family="appointments", why=why,
                  sign=-1)
        for within in ("3m", "1y")
    ]  # fmt: skip


def approval_features() -> tuple[Feature, ...]:
    """The features that only a board's approval, with reasons and expiry, lets into a register."""
    watched = "Linked with proven reoffending, and with how closely a person is supervised; ablated in every report."
    aged = "Offending falls with age; age is protected, so the board weighs what leaving it out costs."

    def asked(name: str, definition: Definition, words: str, family: str, *, why: str, sign: int) -> Feature:
        raises, lowers = _both(words)
        return Feature(
            name, definition, family, why, raises, lowers,
            sign=sign, status="approval_needed", enforcement=family == "enforcement",
        )  # fmt: skip

    missed = appointments.where(appointments.kept.is_no())
    return (
        asked("age_at_as_of", age_at_as_of(), "age in years", "age", why=aged, sign=-1),
        asked("age_at_first_sanction", age_at_first(sanctions), "age at the first sanction in the last 10 years",
              "age", why=aged, sign=-1),
        asked("career_length", days_since_first(sanctions), "days since the first sanction in the last 10 years",
              "age", why=aged, sign=0),
        asked("breaches_2y", count(enforcement.where(enforcement.type.one_of("breach")), within="2y"),
              "breaches in the last 2 years", "enforcement", why=watched, sign=1),
        asked("recalls_2y", count(enforcement.where(enforcement.type.one_of("recall")), within="2y"),
              "recalls to custody in the last 2 years", "enforcement", why=watched, sign=1),
        asked("missed_appointments_1y", count(missed, within="1y"),
              "appointments missed without an accepted reason in the last year", "enforcement", why=watched, sign=1),
    )  # fmt: skip


def standard_features() -> tuple[Feature, ...]:
    """The features that need nobody's approval, in the order of a profile's columns."""
    return tuple(
        _counts() + _groups() + _recency() + _diversity() + _supervision() + _needs() + _help_taken_up()
        + _appointments()
    )  # fmt: skip


def standard_register(approved: frozenset[str] = frozenset()) -> Register:
    """The standard register with the approved features added; refused for an approval of a feature there is not."""
    added = tuple(feature for feature in approval_features() if feature.name in approved)
    return Register(standard_features() + added, LOOKBACK, approved)
