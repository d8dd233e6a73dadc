"""The events of this partnership's toolkit, as an analyst names them in a definition.

``from desist.features.vocabulary import offences, violent`` and then ``count(offences.where(violent), within="2y")``.
Each field names the extract columns it was made from; that is what keeps protected characteristics, their
proxies and context-only tables out, whatever a feature is called.
"""

from __future__ import annotations

from collections.abc import Mapping

from desist.features.contracts import EventContract, FieldSpec
from desist.features.rows import Field, Rows
from desist.records import codes
from desist.records.offence_table import BROAD_GROUPS, CATEGORIES

_PROVEN = ("pol_sanction.offence_code", "prob_event.offence_code")
_SANCTION_DATE = ("pol_sanction.sanction_date", "prob_event.conviction_date")
_GROUPS = BROAD_GROUPS
_CATEGORIES = CATEGORIES

_OFFENCE_FIELDS = {
    "broad_group": FieldSpec("category", "offence group", _PROVEN, _GROUPS),
    "category": FieldSpec("category", "offence category", _PROVEN, _CATEGORIES),
    "severity": FieldSpec("number", "severity band", _PROVEN),
    "violent": FieldSpec("yes_no", "are violent", _PROVEN),
    "neighbourhood": FieldSpec("yes_no", "are neighbourhood crime", _PROVEN),
    "sanction_type": FieldSpec("category", "sanction", ("pol_sanction.sanction_type",), codes.SANCTIONS),
    "da_flag": FieldSpec("yes_no", "are flagged as domestic abuse", ("pol_sanction.da_flag",)),
    "weapon_flag": FieldSpec("yes_no", "involved a weapon", ("pol_sanction.weapon_flag",)),
}

OFFENCES = EventContract(
    name="offences",
    source="police",
    fields={
        **_OFFENCE_FIELDS,
        "sanction_date": FieldSpec("date", "sanction date", _SANCTION_DATE),
        "reported_by_victims": FieldSpec("yes_no", "are mostly reported by the victim", _PROVEN),
    },
    singular="proven offence",
    plural="proven offences",
)
SANCTIONS = EventContract(
    name="sanctions",
    source="police",
    fields={
        **_OFFENCE_FIELDS,
        "offence_date": FieldSpec("date", "offence date", ("pol_sanction.occurred_on", "prob_event.occurred_on")),
        "custodial": FieldSpec("yes_no", "led to custody", ("pol_sanction.disposal", "prob_event.sentence_type")),
    },
    singular="court sanction or caution",
    plural="court sanctions and cautions",
)
CUSTODY = EventContract(
    name="custody",
    source="prison",
    fields={
        "release": FieldSpec("date", "release date", ("pris_spell.release",)),
        "release_type": FieldSpec("category", "kind of release", ("pris_spell.release_type",), codes.RELEASES),
        "sentence_band": FieldSpec("category", "sentence length", ("pris_spell.sentence_band",), codes.SENTENCE_BANDS),
    },
    learnt_later={"release": "release_recorded_on", "release_type": "release_recorded_on"},
    absence="none",
    ends=("release",),
    singular="spell in custody",
    plural="spells in custody",
)
RELEASES = EventContract(
    name="releases",
    source="prison",
    fields={
        "release_type": FieldSpec("category", "kind of release", ("pris_spell.release_type",), codes.RELEASES),
        "sentence_band": FieldSpec("category", "sentence length", ("pris_spell.sentence_band",), codes.SENTENCE_BANDS),
    },
    absence="none",
    singular="release from custody",
    plural="releases from custody",
)
SUPERVISION = EventContract(
    name="supervision",
    source="probation",
    fields={
        "type": FieldSpec("category", "type", ("prob_event.sentence_type",), (*codes.SUPERVISED, "CUSTODY")),
        "planned_end": FieldSpec("date", "planned end", ("prob_event.sentence_end",)),
        "terminated": FieldSpec("date", "early end", ("prob_event.terminated",)),
    },
    learnt_later={"terminated": "terminated_recorded_on"},
    ends=("terminated", "planned_end"),
    singular="spell of supervision",
    plural="spells of supervision",
)
REQUIREMENTS = EventContract(
    name="requirements",
    source="probation",
    fields={
        "type": FieldSpec("category", "kind", ("prob_requirement.req_type",), codes.REQUIREMENTS),
        "end": FieldSpec("date", "end", ("prob_requirement.end",)),
        "outcome": FieldSpec("category", "outcome", ("prob_requirement.outcome",), codes.REQUIREMENT_OUTCOMES),
    },
    learnt_later={"outcome": "outcome_recorded_on"},
    ends=("end",),
    singular="requirement",
    plural="requirements",
)
REGISTRATIONS = EventContract(
    name="registrations",
    source="probation",
    fields={
        "type": FieldSpec("category", "kind", ("prob_registration.reg_type",), codes.REGISTRATIONS),
        "end": FieldSpec("date", "end", ("prob_registration.end",)),
    },
    learnt_later={"end": "end_recorded_on"},
    ends=("end",),
    plural="registrations",
    context_only=True,  # multi-agency levels and harm ratings are judgements of staff, no feature family of DOMAIN 7
)
NEEDS = EventContract(
    name="needs",
    source="probation",
    fields={
        "section": FieldSpec("category", "section", ("prob_assessment.section",), tuple(codes.NEED_SECTIONS)),
        "score": FieldSpec("number", "need score", ("prob_assessment.score",)),
        "linked_reoffending": FieldSpec("yes_no", "are linked to reoffending", ("prob_assessment.linked_reoffending",)),
    },
    topic=("section", "score"),
    singular="assessment of need",
    plural="assessments of need",
    record_kind="assessment",
)
APPOINTMENTS = EventContract(
    name="appointments",
    source="probation",
    fields={
        "type": FieldSpec("category", "kind", ("prob_contact.type",)),
        "attended": FieldSpec("category", "attendance", ("prob_contact.attended",), codes.ATTENDANCE),
        "kept": FieldSpec("yes_no", "were kept", ("prob_contact.attended",)),
    },
    learnt_later={"attended": "attended_recorded_on", "kept": "attended_recorded_on"},
    singular="appointment",
    plural="appointments",
)
ENFORCEMENT = EventContract(
    name="enforcement",
    source="probation",
    fields={
        "type": FieldSpec("category", "kind", ("prob_enforcement.type",), codes.ENFORCEMENT),
        "outcome": FieldSpec("category", "outcome", ("prob_enforcement.outcome",)),
    },
    singular="enforcement of an order or licence",
    plural="enforcements of orders or licences",
)
REFERRALS = EventContract(
    name="referrals",
    source="probation",
    fields={
        "need": FieldSpec("category", "need", ("support_referral.need",), tuple(codes.NEED_SECTIONS)),
        "service": FieldSpec("category", "service", ("support_referral.service",)),
        "offered": FieldSpec("date", "offer", ("support_referral.offered",)),
        "started": FieldSpec("date", "start", ("support_referral.started",)),
        "ended": FieldSpec("date", "end", ("support_referral.ended",)),
    },
    learnt_later={
        "offered": "offered_recorded_on",
        "started": "started_recorded_on",
        "ended": "ended_recorded_on",
    },
    ends=("ended",),
    singular="referral to support",
    plural="referrals to support",
)
ALLOCATIONS = EventContract(
    name="allocations",
    source="probation",
    fields={
        "worker_id": FieldSpec("category", "worker", ("prob_allocation.worker_id",)),
        "team": FieldSpec("category", "team", ("prob_allocation.team",)),
        "end": FieldSpec("date", "end", ("prob_allocation.end",)),
    },
    learnt_later={"end": "end_recorded_on"},
    ends=("end",),
    context_only=True,  # a team stands for an area
)
IOM = EventContract(
    name="iom",
    source="probation",
    fields={
        "group": FieldSpec("category", "group", ("iom_cohort.group",), codes.IOM_GROUPS),
        "end": FieldSpec("date", "end", ("iom_cohort.end",)),
    },
    learnt_later={"end": "end_recorded_on"},
    ends=("end",),
    context_only=True,  # the list must not feed on its own selections
)
STATUS = EventContract(
    name="status",
    source="probation",
    fields={
        "supervision_status": FieldSpec("category", "status", ("prob_person.supervision_status",), codes.SUPERVISION),
        "lao": FieldSpec("yes_no", "have limited access", ("prob_person.lao",)),
    },
    context_only=True,
)
TREATMENT_EPISODES = EventContract(
    name="treatment_episodes",
    source="treatment",
    fields={
        "triage_date": FieldSpec("date", "triage", ("trt_episode.triage_date",)),
        "discharge_date": FieldSpec("date", "discharge", ("trt_episode.discharge_date",)),
        "discharge_reason": FieldSpec("category", "discharge", ("trt_episode.discharge_reason",), codes.DISCHARGES),
    },
    learnt_later={"discharge_date": "discharge_recorded_on", "discharge_reason": "discharge_recorded_on"},
    ends=("discharge_date",),
    singular="treatment episode",
    plural="treatment episodes",
)
TREATMENT_INTERVENTIONS = EventContract(
    name="treatment_interventions",
    source="treatment",
    fields={
        "modality": FieldSpec("category", "modality", ("trt_intervention.modality",), codes.MODALITIES),
        "end": FieldSpec("date", "end", ("trt_intervention.end",)),
        "exit_status": FieldSpec("category", "exit", ("trt_intervention.exit_status",), codes.INTERVENTION_EXITS),
    },
    learnt_later={"end": "end_recorded_on", "exit_status": "end_recorded_on"},
    ends=("end",),
    singular="treatment intervention",
    plural="treatment interventions",
)
ASB = EventContract(
    name="asb",
    source="council",
    fields={"type": FieldSpec("category", "kind", ("asb_outcome.type",), codes.ASB_OUTCOMES)},
    plural="formal antisocial behaviour outcomes",
    context_only=True,  # no feature family of DOMAIN 7; complaints and civil orders follow enforcement
)
HOUSING_DUTY = EventContract(
    name="housing_duty",
    source="council",
    fields={"duty": FieldSpec("category", "duty", ("housing_duty.duty",), codes.HOUSING_DUTIES)},
    singular="housing duty",
    plural="housing duties",
)
PROGRAMMES = EventContract(
    name="programmes",
    source="council",
    fields={
        "programme": FieldSpec("category", "programme", ("programme.programme",)),
        "start": FieldSpec("date", "start", ("programme.start",)),
        "end": FieldSpec("date", "end", ("programme.end",)),
        "outcome": FieldSpec("category", "outcome", ("programme.outcome",), codes.PROGRAMME_OUTCOMES),
    },
    learnt_later={
        "start": "start_recorded_on",
        "end": "end_recorded_on",
        "outcome": "end_recorded_on",
    },
    ends=("end",),
    singular="programme",
    plural="programmes",
)
CHARGES = EventContract(
    name="charges",
    source="police",
    fields={"outcome": FieldSpec("category", "outcome", ("pol_charge.outcome",))},
    learnt_later={"outcome": "outcome_recorded_on"},
    plural="charges",
    context_only=True,
)
PREDICTORS = EventContract(
    name="predictors",
    source="probation",
    fields={
        "name": FieldSpec("category", "predictor", ("prob_predictor.name",)),
        "score": FieldSpec("number", "score", ("prob_predictor.score",)),
        "band": FieldSpec("category", "band", ("prob_predictor.band",)),
        "static_dynamic": FieldSpec("category", "kind", ("prob_predictor.static_dynamic",)),
    },
    context_only=True,
    record_kind="assessment",
)
INDEX_EVENTS = EventContract(
    name="index_events",
    source="probation",
    also_from=("police", "prison"),
    fields={
        "type": FieldSpec(
            "category",
            "kind",
            ("pris_spell.release_type", "pol_sanction.sanction_type", "prob_event.sentence_type"),
            ("release", "conviction", "caution"),
        )
    },
    singular="release, conviction or caution",
    plural="releases, convictions and cautions",
)

CONTRACTS = {
    contract.name: contract
    for contract in (
        OFFENCES, SANCTIONS, CUSTODY, RELEASES, SUPERVISION, REQUIREMENTS, REGISTRATIONS, NEEDS, APPOINTMENTS,
        ENFORCEMENT, REFERRALS, ALLOCATIONS, IOM, STATUS, TREATMENT_EPISODES, TREATMENT_INTERVENTIONS, ASB,
        HOUSING_DUTY, PROGRAMMES, CHARGES, PREDICTORS, INDEX_EVENTS,
    )
}  # fmt: skip

offences = Rows(OFFENCES)
sanctions = Rows(SANCTIONS)
custody = Rows(CUSTODY)
releases = Rows(RELEASES)
supervision = Rows(SUPERVISION)
requirements = Rows(REQUIREMENTS)
needs = Rows(NEEDS)
appointments = Rows(APPOINTMENTS)
enforcement = Rows(ENFORCEMENT)
referrals = Rows(REFERRALS)
treatment_episode = Rows(TREATMENT_EPISODES)
treatment_intervention = Rows(TREATMENT_INTERVENTIONS)
housing_duty = Rows(HOUSING_DUTY)
programmes = Rows(PROGRAMMES)
index_events = Rows(INDEX_EVENTS)

violent = offences.violent
neighbourhood = offences.neighbourhood
#: Releases that end a sentence or part of one: neither from remand nor for a day.
release_from_custody = releases.where(
    releases.release_type.one_of("conditional", "automatic", "post_recall", "end_of_sentence")
)

_NAMES: dict[str, Rows | Field] = {
    "offences": offences,
    "sanctions": sanctions,
    "custody": custody,
    "releases": releases,
    "supervision": supervision,
    "requirements": requirements,
    "needs": needs,
    "appointments": appointments,
    "enforcement": enforcement,
    "referrals": referrals,
    "treatment_episode": treatment_episode,
    "treatment_intervention": treatment_intervention,
    "housing_duty": housing_duty,
    "programmes": programmes,
    "index_events": index_events,
    "violent": violent,
    "neighbourhood": neighbourhood,
    "release_from_custody": release_from_custody,
}


def vocabulary() -> Mapping[str, Rows | Field]:
    """The names that a definition written as text may use.

    Tables kept for context are among them, so that a register can say why it refuses them.
    """
    context = {name: Rows(contract) for name, contract in CONTRACTS.items() if contract.context_only}
    return {**context, **_NAMES}
