"""The tables of the made-up store: how many rows a person has in each, and how its columns are drawn.

Every column of the canonical contracts (desist.features.vocabulary) is there, from the code lists of the field.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from desist.records import codes

FIRST_DAY, LAST_DAY = (int(np.datetime64(day, "D").astype(int)) for day in ("2012-01-01", "2026-06-30"))
#: The day on which the made-up extracts were cut: nothing in them was recorded later.
SNAPSHOT = int(np.datetime64("2026-09-30", "D").astype(int))
_LOOKUP = 4096


@dataclass
class Draw:
    """The rows of one table while they are drawn: whose they are, when they happened and when they were recorded."""

    rng: np.random.Generator
    person: np.ndarray
    occurred: np.ndarray
    recorded: np.ndarray = field(default_factory=lambda: np.empty(0, "int32"))

    def __len__(self) -> int:
        return len(self.person)

    def days(self, least: int, most: int) -> np.ndarray:
        """Whole days from least to most, short ones oftener."""
        lengths = (least + (most - least) * np.linspace(0, 1, _LOOKUP) ** 2).astype("int32")
        return lengths[self.rng.integers(0, _LOOKUP, len(self), dtype="uint16")]

    def chance(self, percent: float) -> np.ndarray:
        return self.rng.integers(0, 10_000, len(self), dtype="uint16") < int(100 * percent)

    def pick(self, weights: Sequence[float]) -> np.ndarray:
        """Positions among the weights."""
        edges = np.cumsum(weights) / np.sum(weights) * _LOOKUP
        table = np.searchsorted(edges, np.arange(_LOOKUP), side="right").astype("int8")
        return table[self.rng.integers(0, _LOOKUP, len(self), dtype="uint16")]

    def record(self, *, early: float = 0.0, late: float = 1.0, twice: float = 1.0) -> None:
        """Recorded 0 to 90 days later; some before it happened, some years late, some entered twice (percentages).

        What is entered twice has the same dates, but values of its own: which of them is the last, a tie decides.
        """
        delay = self.days(0, 90)
        delay = np.where(self.chance(late), self.days(91, 1500), delay)
        if early:
            delay = np.where(self.chance(early), -self.days(1, 42), delay)
        again = np.flatnonzero(self.chance(twice)[1:] & (self.person[1:] == self.person[:-1]))
        self.occurred[again + 1], delay[again + 1] = self.occurred[again], delay[again]
        recorded = np.minimum(self.occurred + delay, SNAPSHOT)
        order = np.argsort((recorded - FIRST_DAY + 400).astype("uint16"), kind="stable")
        self.recorded = recorded[order].astype("int32")
        self.person, self.occurred = self.person[order], self.occurred[order]


def date(days: np.ndarray, empty: np.ndarray | None = None) -> pa.Array:
    return pa.array(days.astype("int32"), pa.int32(), mask=empty).view(pa.date32())


def later(days: np.ndarray) -> np.ndarray:
    """Whether the days lie after the snapshot, so that the extract does not hold what became known on them."""
    return days > SNAPSHOT


def category(picked: np.ndarray, labels: Sequence[str], empty: np.ndarray | None = None) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(picked.astype("int32"), mask=empty), pa.array(list(labels)))


def yes_no(values: np.ndarray, empty: np.ndarray | None = None) -> pa.Array:
    return pa.array(values, pa.bool_(), mask=empty)


def number(values: np.ndarray, empty: np.ndarray | None = None) -> pa.Array:
    return pa.array(values.astype("float64"), pa.float64(), mask=empty)


Columns = dict[str, pa.Array]


def _offence_kinds(draw: Draw) -> Columns:
    held = [offence for offence in codes.offences().values() if offence.counts]
    picked = draw.pick([1 / offence.band**2 for offence in held])

    def labelled(name: str) -> pa.Array:
        labels = sorted({getattr(offence, name) for offence in held})
        return category(np.array([labels.index(getattr(offence, name)) for offence in held])[picked], labels)

    return {
        "broad_group": labelled("broad_group"),
        "category": labelled("category"),
        "severity": number(np.array([offence.band for offence in held])[picked]),
        "violent": yes_no(np.array([offence.violent for offence in held])[picked]),
        "neighbourhood": yes_no(np.array([offence.neighbourhood for offence in held])[picked]),
        "reported_by_victims": yes_no(np.array([offence.reported_by_victims for offence in held])[picked]),
        "sanction_type": category(draw.pick((80, 12, 8)), codes.SANCTIONS),
        "da_flag": yes_no(draw.chance(12), draw.chance(4)),
        "weapon_flag": yes_no(draw.chance(6), draw.chance(4)),
    }


def offences(draw: Draw) -> Columns:
    draw.record()
    return {**_offence_kinds(draw), "sanction_date": date(np.minimum(draw.occurred + draw.days(0, 400), draw.recorded))}


def sanctions(draw: Draw) -> Columns:
    draw.record()
    made = {**_offence_kinds(draw), "offence_date": date(draw.occurred - draw.days(0, 400))}
    return {**made, "custodial": yes_no(draw.chance(15), draw.chance(2))}


def custody(draw: Draw) -> Columns:
    draw.record(late=0.5)
    release = draw.occurred + draw.days(1, 1500)
    told = release + draw.days(0, 60)
    still = draw.chance(12) | later(told)
    return {
        "release": date(release, still),
        "release_type": category(draw.pick((30, 30, 10, 10, 10, 10)), codes.RELEASES, still),
        "release_recorded_on": date(told, still | draw.chance(0.5)),
        "sentence_band": category(draw.pick((50, 25, 10, 15)), codes.SENTENCE_BANDS),
    }


def releases(draw: Draw) -> Columns:
    draw.record()
    kind = category(draw.pick((30, 30, 10, 10, 10, 10)), codes.RELEASES)
    return {"release_type": kind, "sentence_band": category(draw.pick((50, 25, 10, 15)), codes.SENTENCE_BANDS)}


def supervision(draw: Draw) -> Columns:
    draw.record()
    ended = draw.occurred + draw.days(20, 700)
    told = ended + draw.days(0, 60)
    going_on = draw.chance(75) | later(told)
    return {
        "type": category(draw.pick((25, 10, 35, 25, 5)), (*codes.SUPERVISED, "CUSTODY")),
        "planned_end": date(draw.occurred + draw.days(90, 1100), draw.chance(8)),
        "terminated": date(ended, going_on),
        "terminated_recorded_on": date(told, going_on | draw.chance(0.5)),
    }


def requirements(draw: Draw) -> Columns:
    draw.record()
    end = draw.occurred + draw.days(30, 700)
    told = end + draw.days(0, 90)
    unknown = draw.chance(35) | later(told)
    return {
        "type": category(draw.pick((40, 8, 8, 3, 20, 10, 7, 2, 2)), codes.REQUIREMENTS),
        "end": date(end, draw.chance(10)),
        "outcome": category(draw.pick((60, 25, 15)), codes.REQUIREMENT_OUTCOMES, unknown),
        "outcome_recorded_on": date(told, unknown | draw.chance(0.5)),
    }


def needs(draw: Draw) -> Columns:
    """Assessments with one row for each of eight to ten sections, all dated and recorded alike."""
    draw.record(twice=4)
    sections = np.where(draw.chance(50), 10, 8)
    again = np.repeat(np.arange(len(draw)), sections)
    section = np.arange(len(again)) - np.repeat(np.cumsum(sections) - sections, sections)
    draw.person, draw.occurred, draw.recorded = draw.person[again], draw.occurred[again], draw.recorded[again]
    return {
        "section": category(section, tuple(codes.NEED_SECTIONS)),
        "score": number(draw.pick((4, 3, 3, 2, 2, 2, 1, 1, 1)), draw.chance(3) | (section >= 8)),
        "linked_reoffending": yes_no(draw.chance(40), draw.chance(10)),
    }


def appointments(draw: Draw) -> Columns:
    """Half of all events; a few are in the diary before they happen, and who came is recorded afterwards."""
    draw.record(early=5, late=0.5)
    told = np.maximum(draw.occurred, draw.recorded) + draw.days(0, 21)
    answer, unknown = draw.pick((78, 10, 12)), draw.chance(8) | later(told)
    return {
        "type": category(draw.pick((50, 20, 20, 10)), ("office", "home visit", "telephone", "programme session")),
        "attended": category(answer, codes.ATTENDANCE, unknown),
        "kept": yes_no(answer == 0, unknown | (answer == 1)),
        "attended_recorded_on": date(told, unknown | draw.chance(0.2)),
    }


def referrals(draw: Draw) -> Columns:
    draw.record()
    offered = draw.occurred + draw.days(0, 60)
    started = offered + draw.days(0, 90)
    ended = started + draw.days(20, 400)
    told = offered + draw.days(0, 40), started + draw.days(0, 40), ended + draw.days(0, 60)
    not_offered = draw.chance(30) | later(told[0])
    not_started = not_offered | draw.chance(30) | later(told[1])
    not_ended = not_started | draw.chance(40) | later(told[2])
    named = ("housing support", "work and skills", "mentoring", "money advice", "recovery support")
    return {
        "need": category(draw.pick((20, 20, 5, 10, 15, 10, 8, 6, 4, 2)), tuple(codes.NEED_SECTIONS)),
        "service": category(draw.pick((30, 30, 20, 10, 10)), named),
        "offered": date(offered, not_offered),
        "started": date(started, not_started),
        "ended": date(ended, not_ended),
        "offered_recorded_on": date(told[0], not_offered),
        "started_recorded_on": date(told[1], not_started),
        "ended_recorded_on": date(told[2], not_ended),
    }


def treatment_episodes(draw: Draw) -> Columns:
    draw.record()
    discharged = draw.occurred + draw.days(14, 900)
    told = discharged + draw.days(0, 90)
    still = draw.chance(20) | later(told)
    return {
        "triage_date": date(draw.occurred + draw.days(0, 30), draw.chance(5)),
        "discharge_date": date(discharged, still),
        "discharge_reason": category(draw.pick((25, 10, 15, 30, 5, 3, 4, 4, 1, 3)), codes.DISCHARGES, still),
        "discharge_recorded_on": date(told, still | draw.chance(0.5)),
    }


def treatment_interventions(draw: Draw) -> Columns:
    draw.record()
    end = draw.occurred + draw.days(7, 500)
    told = end + draw.days(0, 90)
    still = draw.chance(25) | later(told)
    return {
        "modality": category(draw.pick((5, 30, 35, 8, 4, 10, 8)), codes.MODALITIES),
        "end": date(end, still),
        "exit_status": category(draw.pick((50, 40, 10)), codes.INTERVENTION_EXITS, still),
        "end_recorded_on": date(told, still),
    }


def housing_duty(draw: Draw) -> Columns:
    draw.record()
    return {"duty": category(draw.pick((30, 30, 25, 15)), codes.HOUSING_DUTIES)}


def programmes(draw: Draw) -> Columns:
    draw.record()
    start = draw.occurred + draw.days(0, 120)
    end = start + draw.days(20, 300)
    told = start + draw.days(0, 45), end + draw.days(0, 60)
    not_started = draw.chance(35) | later(told[0])
    not_ended = not_started | draw.chance(30) | later(told[1])
    named = ("thinking skills", "building better relationships", "alcohol awareness", "work readiness")
    return {
        "programme": category(draw.pick((40, 25, 20, 15)), named),
        "start": date(start, not_started),
        "end": date(end, not_ended),
        "outcome": category(draw.pick((65, 35)), codes.PROGRAMME_OUTCOMES, not_ended),
        "start_recorded_on": date(told[0], not_started),
        "end_recorded_on": date(told[1], not_ended),
    }


def index_events(draw: Draw) -> Columns:
    draw.record()
    return {"type": category(draw.pick((25, 60, 15)), ("release", "conviction", "caution"))}


#: Each table's maker and its draws a person; a draw of needs is one assessment of nine sections on average.
TABLES: dict[str, tuple[Callable[[Draw], Columns], float]] = {
    "offences": (offences, 4.0),
    "sanctions": (sanctions, 3.0),
    "custody": (custody, 0.6),
    "releases": (releases, 0.5),
    "supervision": (supervision, 0.9),
    "requirements": (requirements, 1.2),
    "needs": (needs, 6.3 / 9),
    "appointments": (appointments, 20.0),
    "treatment_episodes": (treatment_episodes, 0.5),
    "treatment_interventions": (treatment_interventions, 0.7),
    "referrals": (referrals, 0.8),
    "programmes": (programmes, 0.3),
    "housing_duty": (housing_duty, 0.2),
    "index_events": (index_events, 1.0),
}
