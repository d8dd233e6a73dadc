"""The tables that probation sends, as sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from desist.records import codes
from desist.simulation.partnership import (
    Foresight,
    Partnership,
    Rows,
    after,
    custody_spells,
    events,
    known,
    listing_spells,
    stacked,
    states,
    supervision_spells,
    whole,
    words,
    yes_no,
)
from desist.simulation.people import NEVER, YEAR_DAYS, needs_on
from desist.simulation.sentencing import COMMUNITY, CUSTODY, LISTS, SUSPENDED
from desist.simulation.world import AREAS, NEEDS, Floats, Ints, borough, offending

SECTIONS = tuple(codes.NEED_SECTIONS)
#: Highest score of each scored section of the assessment.
HIGHEST = dict(
    accommodation=8, employment=8, relationships=6, lifestyle=6, drugs=10, alcohol=8, thinking=8, attitudes=8
)
#: New forms and the new national scores came on this day (DOMAIN section 1).
NEW_FORMS = np.datetime64("2026-02-23").astype(int)
SERVICES = dict(
    accommodation="housing advice", employment="employment coach", relationships="family service",
    lifestyle="mentoring", drugs="drug service", alcohol="alcohol service", thinking="thinking skills",
    attitudes="one to one sessions", finance="debt advice", wellbeing="wellbeing service",
)  # fmt: skip
CONTACT_TYPES = ("office", "phone", "home_visit", "review")
CONTACT_GAP, REVIEW_GAP, LISTED_REVIEW_GAP, ASSESSMENT_GAP = 24, 182, 91, 270
PLANNED_AHEAD = 42


@dataclass(frozen=True)
class Appointments:
    """Who has an appointment when, of which type, when it was made, and (place in codes.ATTENDANCE) who came."""

    who: Ints
    days: Ints
    kind: Ints
    made: Ints
    attended: Ints


def probation_tables(p: Partnership, booked: Appointments) -> dict[str, Rows]:
    """Every table of probation but identity and equality."""
    assessed = _assessed(p)
    tables = {
        "prob_event": prob_event(p),
        "prob_requirement": prob_requirement(p),
        "prob_registration": prob_registration(p),
        "prob_assessment": prob_assessment(p, *assessed),
        "prob_predictor": prob_predictor(p, *assessed),
        "prob_contact": prob_contact(p, booked),
        "prob_enforcement": prob_enforcement(p, booked),
        "prob_allocation": prob_allocation(p),
        "support_referral": support_referral(p),
        "iom_cohort": iom_cohort(p),
    }
    who = np.unique(np.concatenate([rows.who for rows in tables.values()]))
    return {"prob_person": prob_person(p, who)} | tables


def _sent(p: Partnership, last_day: Ints) -> Ints:
    """Places of the sanctions whose sentence had not ended before the history begins."""
    return np.flatnonzero(last_day >= p.begins)


def prob_event(p: Partnership) -> Rows:
    """One row for each order, and for a prison sentence one each for custody, licence and post-sentence supervision.

    The CUSTODY row's planned end is that of the whole sentence.
    """
    s, rng = p.careers.sanctions, p.draws("prob_event")
    order = (s["disposal"] == COMMUNITY) | (s["disposal"] == SUSPENDED)
    prison = s["disposal"] == CUSTODY
    kind = np.where(s["disposal"] == COMMUNITY, 0, 1)
    lag = 1 + p.lag(rng, len(kind)) // 3
    soon = rng.integers(0, 4, len(kind))
    parts = [
        _sentences(p, order, "", kind, s["sanction"], s["sentence_end"], s["supervised_end"], lag),
        _sentences(p, prison, "C", kind * 0 + 2, s["custody_start"], s["licence_end"], s["licence_end"], lag),
        _sentences(p, prison, "L", kind * 0 + 3, s["custody_end"], s["licence_end"], s["licence_end"], soon),
        _sentences(p, prison & (s["pss_end"] != NEVER), "P", kind * 0 + 4, s["licence_end"], s["pss_end"],
                   s["pss_end"], soon),
    ]  # fmt: skip
    return stacked(parts)


def event_ids(rows: Ints, letter: str) -> pa.Array:
    """Probation's number of the sentence that each sanction brought."""
    return pa.array([f"E{row:07d}{letter}" for row in rows.tolist()], type=pa.string())


def _sentences(
    p: Partnership, which: Ints, letter: str, kind: Ints, start: Ints, planned: Ints, ended: Ints, lag: Ints
) -> Rows:
    s = p.careers.sanctions
    rows = np.flatnonzero(which & (ended >= p.begins))
    started, over = start[rows], ended[rows]
    over_recorded = over + 1 + lag[rows] % 14
    types = ("COMMUNITY_ORDER", "SUSPENDED_SENTENCE", "CUSTODY", "LICENCE", "PSS")
    return events(
        p, s["who"][rows], s["occurred"][rows], started + lag[rows], event_id=event_ids(rows, letter),
        offence_code=words(offending().code, s["kind"][rows]), conviction_date=s["sanction"][rows],
        sentence_type=words(types, kind[rows]), sentence_start=started, sentence_end=planned[rows],
        terminated=known(over, over_recorded, p.cut),
        terminated_recorded_on=known(over_recorded, over_recorded, p.cut),
    )  # fmt: skip


def prob_requirement(p: Partnership) -> Rows:
    """One or two requirements an order; treatment and programmes where the order brought them."""
    s, rng = p.careers.sanctions, p.draws("prob_event")
    lag = 1 + p.lag(rng, len(s["who"])) // 3  # the same draws as prob_event: a requirement is entered with its order
    rng = p.draws("prob_requirement")
    order = _sent(p, np.where((s["disposal"] == COMMUNITY) | (s["disposal"] == SUSPENDED), s["supervised_end"], NEVER))
    extra = np.full(len(s["who"]), codes.REQUIREMENTS.index("UPW"))
    extra[rng.random(len(extra)) < 0.3] = codes.REQUIREMENTS.index("CURF")
    extra[s["programme_referral"] != NEVER] = codes.REQUIREMENTS.index("PROG")
    drugs = np.where(s["treat_alcohol"] == 1, codes.REQUIREMENTS.index("ATR"), codes.REQUIREMENTS.index("DRR"))
    extra = np.where(s["treat_referral"] != NEVER, drugs, extra)
    second = order[rng.random(len(order)) < 0.7]
    rows = np.concatenate([order, second])
    kind = np.concatenate([np.full(len(order), codes.REQUIREMENTS.index("RAR")), extra[second]])
    end = s["supervised_end"][rows]
    done = end + 1 + rng.integers(0, 20, len(rows))
    outcome = np.searchsorted([0.66, 0.93], rng.random(len(rows)))
    return events(
        p, s["who"][rows], s["sanction"][rows], (s["sanction"] + lag)[rows], event_id=event_ids(rows, ""),
        req_type=words(codes.REQUIREMENTS, kind), end=s["sentence_end"][rows],
        outcome=words(codes.REQUIREMENT_OUTCOMES, np.where(done <= p.cut, outcome, -1)),
        outcome_recorded_on=known(done, done, p.cut),
    )  # fmt: skip


def _ending(p: Partnership, rng: np.random.Generator, end: Ints) -> dict[str, Any]:
    """The columns ``end`` and ``end_recorded_on``, empty until the end was recorded."""
    recorded = after(end, 1 + rng.integers(0, 14, len(end)))
    return {"end": known(end, recorded, p.cut), "end_recorded_on": known(recorded, recorded, p.cut)}


def prob_registration(p: Partnership) -> Rows:
    """Level of risk of serious harm for each time under supervision, IOM registrations, MAPPA for the gravest."""
    s, rng, spells = p.careers.sanctions, p.draws("prob_registration"), supervision_spells(p)
    lean = p.people.seriousness[spells.who] + 0.8 * rng.standard_normal(len(spells))
    level = np.searchsorted([-2.2, -0.6, 1.3], -lean)  # RVHR, RHRH, RMRH, RLRH
    listed = _sent(p, s["list_end"])
    grave = np.flatnonzero((s["disposal"] == CUSTODY) & (offending().band[s["kind"]] == 5) & (s["pss_end"] == NEVER))
    who = np.concatenate([spells.who, s["who"][listed], s["who"][grave]])
    start = np.concatenate([spells.start, s["list_start"][listed], s["custody_end"][grave]])
    end = np.concatenate([spells.end, s["list_end"][listed], s["licence_end"][grave]])
    names = ("RVHR", "RHRH", "RMRH", "RLRH", "IIOM", "M1", "M2")
    mappa = 5 + (rng.random(len(grave)) < 0.2)
    kind = np.concatenate([level, np.full(len(listed), 4), mappa])
    sent = end >= p.begins
    who, start, end, kind = who[sent], start[sent], end[sent], kind[sent]
    return events(
        p, who, start, start + 1 + rng.integers(0, 20, len(who)), kind="assessment",
        reg_type=words(names, kind), **_ending(p, rng, end),
    )  # fmt: skip


def _assessed(p: Partnership) -> tuple[Ints, Ints]:
    """Who was assessed when: two to four weeks into supervision and then every nine months or so."""
    rng, spells = p.draws("assessed"), supervision_spells(p)
    place, days = spells.every(ASSESSMENT_GAP, 14)
    days = days + rng.integers(0, 15, len(days))
    who = spells.who[place]
    keep = (days <= p.cut) & (days >= p.begins) & ~custody_spells(p).holds(who, days)
    return who[keep], days[keep]


def section_scores(needs: Floats, noise: Floats) -> Ints:
    """Scores of the scored sections from latent needs: near a fifth of the highest for the average person."""
    highest = np.array([HIGHEST[name] for name in NEEDS])
    share = 1 / (1 + np.exp(-1.4 * (needs - 1.1 + 0.4 * noise)))
    return np.rint(highest * share).astype(np.int64)


def prob_assessment(p: Partnership, who: Ints, days: Ints) -> Rows:
    """A row a section. Scored sections say a little late and with error what the latent need is; some stay empty."""
    rng = p.draws("prob_assessment")
    scores = np.full((len(who), len(SECTIONS)), NEVER)
    scored = [SECTIONS.index(name) for name in NEEDS]
    scores[:, scored] = section_scores(needs_on(p.people, who, days), rng.standard_normal((len(who), len(NEEDS))))
    scores[rng.random(scores.shape) < 0.04] = NEVER
    flat, section = scores.ravel(), np.tile(np.arange(len(SECTIONS)), len(who))
    limits = np.array([limits[0] if limits else 99 for limits in codes.NEED_SECTIONS.values()])
    needed = flat >= limits[section]
    linked = needed & (rng.random(len(flat)) < 0.6)
    harm = needed & (rng.random(len(flat)) < 0.25)
    recorded = np.repeat(days + rng.integers(0, 10, len(who)), len(SECTIONS))
    occurred = np.repeat(days, len(SECTIONS))
    return events(
        p, np.repeat(who, len(SECTIONS)), occurred, recorded, kind="assessment",
        version=words(("OASYS", "SAN"), (occurred >= NEW_FORMS).astype(np.int64)),
        section=words(SECTIONS, section), score=whole(flat, flat == NEVER),
        linked_reoffending=yes_no(linked, flat == NEVER), linked_harm=yes_no(harm, flat == NEVER),
    )  # fmt: skip


def prob_predictor(p: Partnership, who: Ints, days: Ints) -> Rows:
    """A national score as context: from age, sex and record, which is why no feature may read it."""
    rng, s = p.draws("prob_predictor"), p.careers.sanctions
    line = np.sort(s["who"] * 2**20 + s["sanction"])
    priors = np.searchsorted(line, who * 2**20 + days) - np.searchsorted(line, who * 2**20)
    age = (days - p.people.born[who]) / YEAR_DAYS
    logit = -0.6 + 0.7 * np.log(priors) - 0.045 * (age - 30) - 0.25 * p.people.female[who]
    score = np.round(100 / (1 + np.exp(-logit - 0.2 * rng.standard_normal(len(who)))), 1)
    new = (days >= NEW_FORMS).astype(np.int64)
    return events(
        p, who, days, days + rng.integers(0, 10, len(who)), kind="assessment", name=words(("OGRS", "ARP"), new),
        score=pa.array(score), band=words(("LOW", "MEDIUM", "HIGH", "VERY_HIGH"), np.searchsorted([50, 75, 90], score)),
        static_dynamic=words(("static", "dynamic"), new), model_version=words(("OGRS4", "ARP1"), new),
    )  # fmt: skip


def appointments(p: Partnership) -> Appointments:
    """Appointments during supervision and reviews of those on the IOM list; the time ahead holds the next ones."""
    rng, supervised, listed = p.draws("contacts"), supervision_spells(p), listing_spells(p)
    s, parts = p.careers.sanctions, []
    orders = Foresight.of(s["who"], s["supervised_start"], s["supervised_end"])
    adoptions = Foresight.of(s["who"], s["list_start"], s["list_end"])
    for spells, foresight, gap, offset, review in (
        (supervised, orders, CONTACT_GAP, 3, False), (supervised, orders, REVIEW_GAP, 60, True),
        (listed, adoptions, LISTED_REVIEW_GAP, 20, True),
    ):  # fmt: skip
        place, days = spells.every(gap, offset)
        days = days + rng.integers(0, 10, len(days))
        notice = rng.integers(70, LISTED_REVIEW_GAP, len(days)) if review else rng.integers(7, 29, len(days))
        kind = np.full(len(days), 3) if review else np.searchsorted([0.7, 0.9], rng.random(len(days)))
        made = np.maximum(days - notice, spells.start[place])
        # Nobody books a day beyond the order of the moment: that would tell of a sanction still to come.
        made = np.where(foresight.reaches(spells.who[place], made, days), made, days)
        last = p.cut + (LISTED_REVIEW_GAP if review else PLANNED_AHEAD)
        keep = (days <= last) & (days >= p.begins) & (days < spells.end[place])
        parts.append((spells.who[place][keep], days[keep], kind[keep], made[keep]))
    who, days, kind, made = (np.concatenate(column) for column in zip(*parts, strict=True))
    free = ~custody_spells(p).holds(who, days)
    return Appointments(who[free], days[free], kind[free], made[free], _attendance(p, who[free]))


def _attendance(p: Partnership, who: Ints) -> Ints:
    """Kept, excused or missed: those more set on offending keep fewer appointments."""
    rng = p.draws("attendance")
    kept = 1 / (1 + np.exp(-1.7 + 0.9 * p.people.propensity[who]))
    draw = rng.random(len(who))
    return np.where(draw < kept, 0, np.where(draw < kept + (1 - kept) * 0.45, 1, 2))


def prob_contact(p: Partnership, booked: Appointments) -> Rows:
    """Appointments, entered when they are made; whether they were kept is entered in the days after."""
    told = booked.days + p.draws("told").integers(0, 4, len(booked.days))
    return events(
        p, booked.who, booked.days, booked.made, type=words(CONTACT_TYPES, booked.kind),
        attended=words(codes.ATTENDANCE, np.where(told <= p.cut, booked.attended, -1)),
        attended_recorded_on=known(told, told, p.cut),
    )  # fmt: skip


def breaches(p: Partnership, booked: Appointments) -> tuple[Ints, Ints, Ints]:
    """Who was taken back for missed appointments, on which day, and whether the court fined them for it."""
    rng = p.draws("breaches")
    missed = (booked.attended == 2) & (booked.days <= p.cut)
    rows = np.flatnonzero(missed & (rng.random(len(missed)) < 0.12))
    return booked.who[rows], booked.days[rows] + 5, (rng.random(len(rows)) < 0.3).astype(np.int64)


def prob_enforcement(p: Partnership, booked: Appointments) -> Rows:
    """Breaches after missed appointments, and recalls."""
    s, rng = p.careers.sanctions, p.draws("prob_enforcement")
    recalled = _sent(p, s["recall_start"])
    who, days, fined = breaches(p, booked)
    who = np.concatenate([who, s["who"][recalled]])
    days = np.concatenate([days, s["recall_start"][recalled]])
    kind = np.concatenate([np.zeros(len(fined), dtype=np.int64), np.ones(len(recalled), dtype=np.int64)])
    outcome = np.concatenate([fined, np.full(len(recalled), 2)])
    return events(
        p, who, days, days + 1 + rng.integers(0, 10, len(who)), type=words(codes.ENFORCEMENT, kind),
        outcome=words(("warning", "returned to court", "returned to custody"), outcome),
    )  # fmt: skip


def prob_allocation(p: Partnership) -> Rows:
    """Whose case it is while under supervision; one case in four changes hands half way."""
    rng, spells = p.draws("prob_allocation"), supervision_spells(p)
    handed = np.flatnonzero(rng.random(len(spells)) < 0.25)
    middle = (spells.start + spells.end) // 2
    first_end = spells.end.copy()
    first_end[handed] = middle[handed]
    who = np.concatenate([spells.who, spells.who[handed]])
    start, end = np.concatenate([spells.start, middle[handed]]), np.concatenate([first_end, spells.end[handed]])
    sent = end >= p.begins
    who, start, end = who[sent], start[sent], end[sent]
    area = borough().area[p.people.ward[who]]
    worker = area * 12 + rng.integers(0, 12, len(who))
    workers = [f"W{number:03d}" for number in range(12 * len(AREAS))]
    return events(
        p, who, start, start + rng.integers(0, 8, len(who)), worker_id=words(workers, worker),
        team=words(AREAS, area), **_ending(p, rng, end),
    )  # fmt: skip


def support_referral(p: Partnership) -> Rows:
    """Referrals for needs at the start of supervision. Not each leads to an offer, nor each offer to a start."""
    s, rng = p.careers.sanctions, p.draws("support_referral")
    rows = _sent(p, s["supervised_end"])
    base, owner = s["supervised_start"][rows], s["who"][rows]
    latent = np.zeros((len(rows), len(SECTIONS)))
    latent[:, [SECTIONS.index(name) for name in NEEDS]] = needs_on(p.people, owner, base)
    chance = np.where(latent > 0.3, 0.5, 0.03)
    row, section = np.nonzero(rng.random(chance.shape) < chance)
    count = len(row)
    referred = base[row] + rng.integers(14, 70, count)
    offered = np.where(rng.random(count) < 0.65, referred + rng.integers(5, 120, count), NEVER)
    started = np.where(rng.random(count) < 0.75, after(offered, rng.integers(3, 60, count)), NEVER)
    ended = after(started, rng.integers(40, 240, count))
    columns: dict[str, Any] = {}
    for name, days in (("offered", offered), ("started", started), ("ended", ended)):
        recorded = after(days, rng.integers(0, 15, count))
        columns[name], columns[f"{name}_recorded_on"] = known(days, recorded, p.cut), known(recorded, recorded, p.cut)
    return events(
        p, owner[row], np.where(referred >= p.begins, referred, NEVER), referred + rng.integers(0, 10, count),
        need=words(SECTIONS, section), service=words([SERVICES[name] for name in SECTIONS], section), **columns,
    )  # fmt: skip


def iom_cohort(p: Partnership) -> Rows:
    """Adoptions by the IOM panel and, once it is decided, their end."""
    s, rng = p.careers.sanctions, p.draws("iom_cohort")
    rows = _sent(p, s["list_end"])
    reasons = ("persistent neighbourhood crime", "other persistent offending", "agreed by the partners")
    return events(
        p, s["who"][rows], s["list_start"][rows], s["list_start"][rows] + rng.integers(0, 8, len(rows)),
        group=words(LISTS, s["list_group"][rows]), reason=words(reasons, s["list_group"][rows]),
        decision_id=pa.array([f"IOM-{row:06d}" for row in rows.tolist()], type=pa.string()),
        **_ending(p, rng, s["list_end"][rows]),
    )  # fmt: skip


def prob_person(p: Partnership, who: Ints) -> Rows:
    """The supervision status on the extract date, and whether only named staff may open the record."""
    s, rng = p.careers.sanctions, p.draws("prob_person")
    today = p.cut
    status = np.full(len(p.people), codes.SUPERVISION.index("NONE"))
    order = (s["supervised_start"] <= today) & (today < s["supervised_end"]) & (s["supervised_start"] != NEVER)
    for name, holds in (
        ("PSS", order & (s["licence_end"] != NEVER) & (s["licence_end"] <= today)),
        ("COMMUNITY_ORDER", order & (s["disposal"] == COMMUNITY)),
        ("SUSPENDED_SENTENCE", order & (s["disposal"] == SUSPENDED)),
        ("LICENCE", order & (s["disposal"] == CUSTODY) & (today < s["licence_end"])),
    ):
        status[s["who"][holds]] = codes.SUPERVISION.index(name)
    everybody = np.arange(len(p.people))
    status[custody_spells(p).holds(everybody, np.full(len(everybody), today))] = codes.SUPERVISION.index("CUSTODY")
    recorded = today - rng.integers(0, 60, len(who))
    limited = rng.random(len(p.people)) < 0.01
    return states(who, recorded, supervision_status=words(codes.SUPERVISION, status[who]), lao=yes_no(limited[who]))
