"""The tables that police, prison, treatment services and council send, as sent."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from desist.records import codes
from desist.simulation.partnership import (
    Partnership,
    Rows,
    after,
    custody_spells,
    events,
    known,
    same,
    stacked,
    states,
    whole,
    words,
    yes_no,
)
from desist.simulation.people import NEVER, YEAR_DAYS
from desist.simulation.probation_files import Appointments, breaches
from desist.simulation.schedules import HOUSING_DAYS
from desist.simulation.sentencing import CAUTION, CONDITIONAL, DISPOSALS, FINE
from desist.simulation.world import NEEDS, Flags, Ints, offending

BREACH_CODE, REPEALED_CODE = "00001", "01809"
#: One row in so many people is about a repealed offence, which intake must not keep.
REPEALED_EVERY = 2000
PROGRAMMES = ("healthy relationships", "thinking skills", "drink and drugs", "knife harm", "driver awareness")


def police_tables(p: Partnership, knows: Flags, booked: Appointments) -> dict[str, Rows]:
    """Sanctions and charges of the people the police know."""
    sanctions = stacked([pol_sanction(p), _breach_convictions(p, booked), _repealed(p)])
    tables = {"pol_sanction": sanctions, "pol_charge": pol_charge(p)}
    return {name: _of(rows, knows) for name, rows in tables.items()}


def _of(rows: Rows, knows: Flags) -> Rows:
    keep = np.flatnonzero(knows[rows.who])
    return Rows(rows.who[keep], rows.table.take(pa.array(keep)))


def pol_sanction(p: Partnership) -> Rows:
    """Every detected offence whose sanction was entered by the extract date and falls in the history."""
    s, rng = p.careers.sanctions, p.draws("pol_sanction")
    u, kinds = rng.random((3, len(s["who"]))), offending()
    rows = np.flatnonzero(s["sanction"] >= p.begins)
    kind, disposal, u = s["kind"][rows], s["disposal"][rows], u[:, rows]
    types = np.select([disposal == CAUTION, disposal == CONDITIONAL], [1, 2], 0)
    return _sanctions(
        p, s["who"][rows], s["occurred"][rows], s["recorded"][rows], words(kinds.code, kind), s["sanction"][rows],
        types, disposal, u[0] < kinds.domestic[kind], u[1] < kinds.weapon[kind],
        1 + (u[2] < 0.2).astype(np.int64) + (u[2] < 0.05),
    )  # fmt: skip


def _sanctions(
    p: Partnership, who: Ints, occurred: Ints, recorded: Ints, offence: pa.Array, sanction: Ints, types: Ints,
    disposal: Ints, domestic: Flags, weapon: Flags, count: Ints,
) -> Rows:  # fmt: skip
    return events(
        p, who, occurred, recorded, offence_code=offence, sanction_date=sanction,
        sanction_type=words(codes.SANCTIONS, types), disposal=words(DISPOSALS, disposal), da_flag=yes_no(domestic),
        weapon_flag=yes_no(weapon), count=whole(count),
    )  # fmt: skip


def _breach_convictions(p: Partnership, booked: Appointments) -> Rows:
    """Fines for breach of an order: sanctions that are no new offence."""
    who, days, fined = breaches(p, booked)
    rows = np.flatnonzero((fined == 1) & (days + 30 >= p.begins))
    who, days, zero = who[rows], days[rows], np.zeros(len(rows), dtype=np.int64)
    lag = 1 + p.draws("breach_convictions").integers(0, 20, len(rows))
    return _sanctions(
        p, who, days, days + 30 + lag, same(BREACH_CODE, len(rows)), days + 30, zero, zero + FINE, zero > 0, zero > 0,
        zero + 1,
    )  # fmt: skip


def _repealed(p: Partnership) -> Rows:
    """A few convictions of long ago for an offence since repealed."""
    old = np.flatnonzero(p.people.born < p.begins - 45 * YEAR_DAYS)
    who = old[: max(1, len(p.people) // REPEALED_EVERY)]
    zero = np.zeros(len(who), dtype=np.int64)
    days = p.people.born[who] + np.int64(20 * YEAR_DAYS)
    return _sanctions(
        p, who, days, days + 130, same(REPEALED_CODE, len(who)), days + 100, zero, zero + FINE, zero > 0, zero > 0,
        zero + 1,
    )  # fmt: skip


def pol_charge(p: Partnership) -> Rows:
    """Charges that led or will lead to a conviction, and some that came to nothing. A charge proves nothing."""
    s, rng = p.careers.sanctions, p.draws("pol_charge")
    rows = np.flatnonzero((s["disposal"] > CONDITIONAL) & (s["sanction"] >= p.begins))
    wait = (s["sanction"] - s["occurred"])[rows]
    charged = s["occurred"][rows] + np.floor(wait * (0.1 + 0.5 * rng.random(len(rows)))).astype(np.int64)
    some = np.flatnonzero(rng.random(len(rows)) < 0.12)
    dropped = charged[some] + rng.integers(40, 200, len(some))
    who = np.concatenate([s["who"][rows], s["who"][rows][some]])
    charge = np.concatenate([charged, charged[some] + 3])
    decided = np.concatenate([s["recorded"][rows], dropped])
    outcome = np.concatenate([np.zeros(len(rows), dtype=np.int64), rng.integers(1, 3, len(some))])
    kind = np.concatenate([s["kind"][rows], s["kind"][rows][some]])
    occurred = np.concatenate([s["occurred"][rows], s["occurred"][rows][some]])
    return events(
        p, who, occurred, charge + 1 + rng.integers(0, 10, len(who)), offence_code=words(offending().code, kind),
        charge_date=charge,
        outcome=words(("convicted", "discontinued", "acquitted"), np.where(decided <= p.cut, outcome, -1)),
        outcome_recorded_on=known(decided, decided, p.cut),
    )  # fmt: skip


def prison_tables(p: Partnership) -> dict[str, Rows]:
    """Spells in custody; sentences that run on without a break are one spell."""
    s, rng, spells = p.careers.sanctions, p.draws("pris_spell"), custody_spells(p)
    recalled = np.isin(spells.who * 2**20 + spells.start, s["who"] * 2**20 + s["recall_start"])
    length = spells.end - spells.start
    band = np.where(length < 183, 0, np.where(length < 730, 1, 2))
    released = spells.end + rng.integers(0, 4, len(spells))
    kind = np.where(recalled, codes.RELEASES.index("post_recall"), codes.RELEASES.index("automatic"))
    kind = np.where(~recalled & (band == 2), codes.RELEASES.index("conditional"), kind)
    start = np.where(spells.end >= p.begins, spells.start, NEVER)
    return {
        "pris_spell": events(
            p, spells.who, start, spells.start + rng.integers(0, 4, len(spells)),
            release=known(spells.end, released, p.cut),
            release_type=words(codes.RELEASES, np.where(released <= p.cut, kind, -1)),
            release_recorded_on=known(released, released, p.cut), sentence_band=words(codes.SENTENCE_BANDS, band),
        )
    }  # fmt: skip


def treatment_tables(p: Partnership) -> dict[str, Rows]:
    """Episodes with one intervention each, and each client's consent: some withhold it, and their rows are sent too."""
    rng, e = p.draws("treatment"), _episodes(p)
    count = len(e["who"])
    recorded, ended = e["triage"] + 1 + rng.integers(0, 14, count), after(e["end"], 1 + rng.integers(0, 30, count))
    ids = pa.array([f"T{number:06d}" for number in range(count)], type=pa.string())
    over, which = ended <= p.cut, _discharge(e["planned"] == 1, rng)
    episode = events(
        p, e["who"], e["referral"], recorded, episode_id=ids, triage_date=e["triage"],
        referral_source=words(codes.REFERRAL_SOURCES, np.where(e["own"] == 1, e["own_source"], 2)),
        discharge_date=known(e["end"], ended, p.cut),
        discharge_reason=words(codes.DISCHARGES, np.where(over, which, -1)),
        discharge_recorded_on=known(ended, ended, p.cut),
    )  # fmt: skip
    modality = np.where(e["alcohol"] == 1, 6, np.where(rng.random(count) < 0.4, 1, 2))
    exit_status = np.where(e["planned"] == 1, 0, np.where(rng.random(count) < 0.7, 1, 2))
    started = np.maximum(e["start"] + rng.integers(0, 10, count), recorded)  # never before the episode it refers to
    intervention = events(
        p, e["who"], e["start"], started, episode_id=ids, modality=words(codes.MODALITIES, modality),
        end=known(e["end"], ended, p.cut), end_recorded_on=known(ended, ended, p.cut),
        exit_status=words(codes.INTERVENTION_EXITS, np.where(over, exit_status, -1)),
    )  # fmt: skip
    return {"trt_client": _clients(p, episode), "trt_episode": episode, "trt_intervention": intervention}


def _episodes(p: Partnership) -> dict[str, Ints]:
    """Episodes that follow a sentence, and those that people sought themselves, unless all is before the history."""
    s, people, rng = p.careers.sanctions, p.people, p.draws("episodes")
    sent = np.flatnonzero(s["treat_start"] != NEVER)
    own = np.flatnonzero(people.own_treatment_start != NEVER)
    needs = people.need_level[own]
    alcohol = needs[:, NEEDS.index("alcohol")] > needs[:, NEEDS.index("drugs")]
    length = people.own_treatment_end[own] - people.own_treatment_start[own]
    parts = {
        "who": (s["who"][sent], own),
        "referral": (s["treat_referral"][sent], people.own_treatment_start[own] - rng.integers(12, 30, len(own))),
        "triage": (s["treat_triage"][sent], people.own_treatment_start[own] - rng.integers(0, 11, len(own))),
        "start": (s["treat_start"][sent], people.own_treatment_start[own]),
        "end": (s["treat_end"][sent], people.own_treatment_end[own]),
        "planned": (s["treat_planned"][sent], (length > 120).astype(np.int64)),
        "alcohol": (s["treat_alcohol"][sent], alcohol.astype(np.int64)),
        "own": (np.zeros(len(sent), dtype=np.int64), np.ones(len(own), dtype=np.int64)),
        "own_source": (np.zeros(len(sent), dtype=np.int64), rng.integers(0, 2, len(own))),
    }
    joined = {name: np.concatenate(values) for name, values in parts.items()}
    sent_now = joined["end"] >= p.begins
    return {name: values[sent_now] for name, values in joined.items()}


def _discharge(planned: Flags, rng: np.random.Generator) -> Ints:
    """Two in three planned exits are drug-free; the others drop out, move, or are moved."""
    draw = rng.random(len(planned))
    names = ("dropped_out", "declined", "withdrawn_by_provider", "moved_away", "transferred", "prison", "other")
    other = np.array([codes.DISCHARGES.index(name) for name in names])
    unplanned = other[np.searchsorted([0.62, 0.70, 0.77, 0.83, 0.91, 0.97], draw)]
    return np.where(planned, (draw > 0.67).astype(np.int64), unplanned)


def _clients(p: Partnership, episodes: Rows) -> Rows:
    rng, who = p.draws("clients"), np.unique(episodes.who)
    consent = rng.random(len(who)) >= p.world.consent_withheld
    basis = np.where(consent & (rng.random(len(who)) >= 0.02), 0, -1)  # a few rows lack the basis: not accepted either
    needs = p.people.need_level[who]
    alcohol = needs[:, NEEDS.index("alcohol")] > needs[:, NEEDS.index("drugs")]
    group = np.where(alcohol, np.where(rng.random(len(who)) < 0.7, 3, 1), np.where(rng.random(len(who)) < 0.55, 0, 2))
    first = np.full(len(p.people), p.cut)
    np.minimum.at(first, episodes.who, _days(episodes.table["recorded_on"]))
    return states(
        who, first[who], consent=yes_no(consent), basis=words(codes.BASES, basis),
        substance_group=words(codes.SUBSTANCE_GROUPS, group),
    )  # fmt: skip


def _days(column: pa.ChunkedArray) -> Ints:
    return np.asarray(column.combine_chunks().cast(pa.int32()), dtype=np.int64)


def council_tables(p: Partnership) -> dict[str, Rows]:
    return {"asb_outcome": asb_outcome(p), "housing_duty": housing_duty(p), "programme": programme(p)}


def asb_outcome(p: Partnership) -> Rows:
    """Formal outcomes for antisocial behaviour; they act on nothing."""
    rng = p.draws("asb_outcome")
    expected = 0.25 * np.exp(0.4 * p.people.propensity)
    who = np.repeat(np.arange(len(p.people)), rng.poisson(expected))
    first = np.maximum(p.people.first_sanction[who], p.begins)
    days = first + np.floor(rng.random(len(who)) * (p.cut + 1 - first)).astype(np.int64)
    kind = np.searchsorted([0.5, 0.65, 0.85, 0.9, 0.96, 0.98], rng.random(len(who)))
    return events(p, who, days, days + 1 + p.lag(rng, len(who)), type=words(codes.ASB_OUTCOMES, kind))


def housing_duty(p: Partnership) -> Rows:
    """Duties owed after a sentence, and those that people asked for themselves."""
    s, rng, people = p.careers.sanctions, p.draws("housing_duty"), p.people
    sent = np.flatnonzero(s["housing_start"] + HOUSING_DAYS >= p.begins)
    own = np.flatnonzero(people.own_housing_start + HOUSING_DAYS >= p.begins)
    who = np.concatenate([s["who"][sent], own])
    days = np.concatenate([s["housing_start"][sent], people.own_housing_start[own]])
    duty = np.concatenate([s["housing_duty"][sent], np.zeros(len(own), dtype=np.int64)])
    return events(p, who, days, days + 1 + rng.integers(0, 14, len(who)), duty=words(codes.HOUSING_DUTIES, duty))


def programme(p: Partnership) -> Rows:
    s, rng = p.careers.sanctions, p.draws("programme")
    rows = np.flatnonzero((s["programme_referral"] != NEVER) & (s["supervised_end"] >= p.begins))
    start, end = s["programme_start"][rows], s["programme_end"][rows]
    started, ended = after(start, rng.integers(0, 10, len(rows))), after(end, rng.integers(0, 20, len(rows)))
    style = p.people.style[s["who"][rows]]
    referred = s["programme_referral"][rows]
    return events(
        p, s["who"][rows], referred, referred + rng.integers(0, 10, len(rows)),
        programme=words(PROGRAMMES, (style + (rng.random(len(rows)) < 0.3)) % len(PROGRAMMES)),
        start=known(start, started, p.cut), start_recorded_on=known(started, started, p.cut),
        end=known(end, ended, p.cut), end_recorded_on=known(ended, ended, p.cut),
        outcome=words(codes.PROGRAMME_OUTCOMES, known(1 - s["programme_done"][rows], ended, p.cut)),
    )  # fmt: skip
