"""What each table of the contracts is for, in words: the data map and the draft impact assessment say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: What a table may do, in the words of the data map.
ESTIMATE = "can count in an estimate"
APPROVAL = "can count in an estimate only with a board's signed approval"
SHOWN = "shown or counted, never in an estimate"
LINKING = "links a person's records, kept apart from all else"
FAIRNESS = "checks the tool for differences between communities, kept apart from all else"
SELECTION = "says whose rows may be read at all"
COUNTS = "counts about no person, for plans and reports"
KINDS = (ESTIMATE, APPROVAL, SHOWN, LINKING, FAIRNESS, SELECTION, COUNTS)


@dataclass(frozen=True)
class Use:
    """``what``: what the table holds. ``kind``: one of KINDS. ``why``: what it is needed for."""

    what: str
    kind: str
    why: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind!r} is no use a table may have")


USES: Mapping[str, Use] = {
    "identity": Use("names, birth date, postcode and identifiers", LINKING,
                    "to find one person's records in several agencies' files, and to leave children out"),
    "equality": Use("protected characteristics", FAIRNESS,
                    "to measure, for each community, whom the tool would wrongly list or miss (Equality Act s.149)"),
    "prob_person": Use("supervision status and restricted access", SHOWN,
                       "to say who is supervised and whose record only named staff may open"),
    "prob_event": Use("convictions and sentences", ESTIMATE,
                      "to know who is under supervision, past offences, and whether somebody reoffended"),
    "prob_requirement": Use("requirements of an order", ESTIMATE, "to know what help and demands an order brought"),
    "prob_registration": Use("registrations, such as MAPPA level", SHOWN, "to show staff what arrangements lead"),
    "prob_assessment": Use("assessed needs by section", ESTIMATE, "to see needs, and whether an offer was made"),
    "prob_predictor": Use("national predictor scores", SHOWN, "to show them beside the page, never to copy them"),
    "prob_contact": Use("appointments and whether they were kept", ESTIMATE, "kept appointments speak for a person"),
    "prob_enforcement": Use("breaches and recalls", APPROVAL, "they follow how closely a person is supervised"),
    "prob_allocation": Use("the worker and team of a person", SHOWN, "to give each worker their own list"),
    "support_referral": Use("referrals to support, offers and starts", ESTIMATE,
                            "to see which needs wait for an offer; they may only lower an estimate"),
    "iom_cohort": Use("who the panel selected, and why", SHOWN, "to show what people decided, never to learn from it"),
    "pris_spell": Use("time in custody", ESTIMATE, "to know releases and time at liberty"),
    "pol_sanction": Use("convictions and cautions", ESTIMATE, "past offences, and whether somebody reoffended"),
    "pol_charge": Use("charges and what became of them", SHOWN, "to show context; a charge is not proven"),
    "trt_client": Use("consent or legal basis of each person in treatment", SELECTION,
                      "without it none of the person's treatment rows is read"),
    "trt_episode": Use("treatment episodes", ESTIMATE, "help that was sought may only lower an estimate"),
    "trt_intervention": Use("what treatment was given", ESTIMATE, "help that was sought may only lower an estimate"),
    "trt_outcome_profile": Use("what a person disclosed in treatment", SHOWN,
                               "to measure what treatment achieves; never read by an estimate"),
    "asb_outcome": Use("civil outcomes for antisocial behaviour", SHOWN, "to show context"),
    "housing_duty": Use("duties under the Homelessness Reduction Act", ESTIMATE,
                        "to see help with housing; it may only lower an estimate"),
    "programme": Use("programmes of the council", ESTIMATE, "help that was sought may only lower an estimate"),
    "crime_month": Use("recorded crimes by ward and month", COUNTS, "to follow the partnership's plan"),
    "asb_month": Use("antisocial behaviour by ward and month", COUNTS, "to follow the partnership's plan"),
    "youth_quarter": Use("youth justice measures by quarter", COUNTS, "to follow the plan without a row about a child"),
    "marac_quarter": Use("cases discussed at the domestic-abuse conference by quarter", COUNTS,
                         "to follow the plan without a row about a victim"),
    "population": Use("residents by area, age, sex and ethnicity", COUNTS, "to put counts beside who lives here"),
    "indicators": Use("measures from surveys and training", COUNTS, "to follow what no extract holds"),
}  # fmt: skip
