"""The 120 features of the speed measurements: the standard register, and more of the same kinds and families.

Left out of the standard features is ``proven_offence_rate_5y``: the rivals would need days of custody merged for it,
which none of them has a function for. What is added asks the same tables over more windows and narrower conditions,
as an analyst trying out features would. Nothing here is meant for a model.
"""

from __future__ import annotations

from desist.features.language import Definition, count, days_since, distinct, has, is_open, most_recent, share, worst
from desist.features.register import Feature, Register
from desist.features.rows import Rows
from desist.features.standard_features import LOOKBACK, standard_features
from desist.features.vocabulary import (
    appointments,
    custody,
    housing_duty,
    needs,
    neighbourhood,
    offences,
    programmes,
    referrals,
    requirements,
    sanctions,
    supervision,
    treatment_episode,
    treatment_intervention,
    violent,
)
from desist.records import codes

FEATURES = 120
_NOT_MEASURED = "proven_offence_rate_5y"
_WHY = "One of many tried out together, to measure how long that takes."


def _feature(name: str, definition: Definition, family: str) -> Feature:
    words = name.replace("_", " ")
    return Feature(name, definition, family, _WHY, f"{words}: {{value}}", f"{words}: {{value}}")


def _help(name: str, definition: Definition, family: str) -> Feature:
    words = f"{name.replace('_', ' ')}: {{value}}"
    return Feature(
        name, definition, family, _WHY, words, words, sign=-1, kind="can change", help_seeking=True, missing_as=0.0
    )


def _group(*names: str) -> Rows:
    return offences.where(offences.broad_group.one_of(*names))


def _counts() -> list[Feature]:
    """Counts over windows that the standard register does not ask."""
    serious = offences.severity.at_least(4)
    asked: tuple[tuple[str, Rows, tuple[str, ...]], ...] = (
        ("proven_offences", offences, ("6m", "3y")),
        ("violent_offences", offences.where(violent), ("6m", "3y")),
        ("neighbourhood_offences", offences.where(neighbourhood), ("1y", "10y")),
        ("robbery_offences", _group("robbery"), ("10y",)),
        ("burglary_offences", _group("burglary"), ("2y", "10y")),
        ("theft_offences", _group("theft and handling"), ("1y", "10y")),
        ("damage_offences", _group("criminal damage"), ("10y",)),
        ("drug_offences", _group("drugs"), ("2y",)),
        ("motoring_offences", _group("summary motoring"), ("2y",)),
        ("domestic_abuse_offences", offences.where(offences.da_flag), ("2y", "10y")),
        ("armed_offences", offences.where(offences.weapon_flag), ("5y",)),
        ("serious_offences", offences.where(serious), ("5y",)),
        ("serious_violent_offences", offences.where(violent, serious), ("10y",)),
    )
    made = [
        _feature(f"{name}_{within}", count(rows, within=within), "offence groups")
        for name, rows, windows in asked
        for within in windows
    ]
    earlier = (("1y", "2y"), ("2y", "3y"), ("2y", "5y"))
    return made + [
        _feature(f"proven_offences_{until}_to_{within}_ago", count(offences, within=within, until=until), "sanctions")
        for until, within in earlier
    ]


def _sanctions() -> list[Feature]:
    custodial = sanctions.where(sanctions.custodial)
    cautions = sanctions.where(sanctions.sanction_type.one_of("caution", "conditional_caution"))
    days = [
        _feature(f"sanctions_{within}", distinct(sanctions.occurred_on, within=within), "sanctions")
        for within in ("6m", "3y")
    ]
    counted = [
        _feature(f"{name}_{within}", count(rows, within=within), "sanctions")
        for name, rows, windows in (("custodial_sanctions", custodial, ("2y", "10y")), ("cautions", cautions, ("5y",)))
        for within in windows
    ]
    return [
        *days,
        *counted,
        _feature("days_since_custodial_sanction", days_since(custodial, none_as="window"), "recency"),
        _feature("worst_sanctioned_severity_5y", worst(sanctions.severity, within="5y"), "diversity and severity"),
    ]


def _recency_and_range() -> list[Feature]:
    recent = (
        ("domestic_abuse_offence", offences.where(offences.da_flag)),
        ("robbery_offence", _group("robbery")),
        ("burglary_offence", _group("burglary")),
        ("drug_offence", _group("drugs")),
    )
    made = [_feature(f"days_since_{name}", days_since(rows, none_as="window"), "recency") for name, rows in recent]
    family = "diversity and severity"
    return [
        *made,
        _feature("offence_groups_2y", distinct(offences.broad_group, within="2y"), family),
        _feature("offence_groups_5y", distinct(offences.broad_group, within="5y"), family),
        _feature("offence_days_2y", distinct(offences.occurred_on, within="2y"), family),
        _feature("worst_severity_1y", worst(offences.severity, within="1y"), family),
        _feature("worst_severity_10y", worst(offences.severity, within="10y"), family),
    ]


def _custody_and_supervision() -> list[Feature]:
    supervised = supervision.where(supervision.type.one_of(*codes.SUPERVISED))
    long = custody.where(custody.sentence_band.one_of("over_4y"))
    unpaid_work = requirements.where(requirements.type.one_of("UPW"))
    return [
        _feature("in_custody", is_open(custody), "custody"),
        _feature("custody_spells_5y", count(custody, within="5y"), "custody"),
        _feature("long_custody_10y", has(long, within="10y"), "custody"),
        _feature("days_since_custody_began", days_since(custody), "recency"),
        _feature("on_supervision", is_open(supervised), "supervision"),
        _feature("on_unpaid_work", is_open(unpaid_work), "requirements"),
    ]


def _needs_and_appointments() -> list[Feature]:
    linked = [
        _feature(
            f"linked_{section}",
            most_recent(needs.where(needs.section.one_of(section)).linked_reoffending),
            "needs",
        )
        for section in ("drugs", "alcohol", "accommodation")
    ]
    kept = appointments.where(appointments.kept)
    return [
        *linked,
        _feature("worst_need_drugs_1y", worst(needs.drugs, within="1y"), "needs"),
        _feature("appointments_kept_count_3m", count(kept, within="3m"), "appointments"),
        _feature("appointments_kept_count_1y", count(kept, within="1y"), "appointments"),
        _feature("appointments_kept_6m", share(appointments.kept, of=appointments, within="6m"), "appointments"),
        _feature("days_since_kept_appointment", days_since(kept), "appointments"),
    ]


def _help_taken_up() -> list[Feature]:
    planned = treatment_episode.where(treatment_episode.discharge_reason.one_of(*codes.PLANNED_EXITS))
    talking = treatment_intervention.where(treatment_intervention.modality.one_of("psychosocial"))
    housed = housing_duty.where(housing_duty.duty.one_of("prevention", "relief", "main"))
    work = referrals.where(referrals.need.one_of("employment"), referrals.started.known())
    completed = programmes.where(programmes.outcome.one_of("completed"))
    return [
        _help("treatment_begun_3m", has(treatment_intervention, within="3m"), "treatment"),
        _help("talking_treatment_2y", has(talking, within="2y"), "treatment"),
        _help("treatment_planned_exits_5y", count(planned, within="5y"), "treatment"),
        _help("work_support_started_2y", has(work, within="2y"), "programmes and support"),
        _help("programmes_completed_5y", count(completed, within="5y"), "programmes and support"),
        _help("housing_duty_2y", has(housed, within="2y"), "housing"),
    ]


def profile_register() -> Register:
    """The register that every engine is measured with; exactly 120 features."""
    standard = tuple(feature for feature in standard_features() if feature.name != _NOT_MEASURED)
    added = (
        _counts() + _sanctions() + _recency_and_range() + _custody_and_supervision() + _needs_and_appointments()
        + _help_taken_up()
    )  # fmt: skip
    register = Register((*standard, *added), LOOKBACK)
    if len(register.used) != FEATURES:
        raise ValueError(f"the register has {len(register.used)} features, not {FEATURES}")
    return register
