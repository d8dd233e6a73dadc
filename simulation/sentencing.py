"""What follows a detected offence: the sanction, the sentence, and the help and listing that come with it.

All of it is drawn when the offence is detected and begins on the day of the sanction at the earliest (31 days after the
offence), so a detected offence changes nothing before its sanction. The sizes are invented.
"""

from __future__ import annotations

import numpy as np

from desist.simulation.people import NEVER, YEAR_DAYS, People, needs_on
from desist.simulation.schedules import HOUSING_DAYS, Schedules
from desist.simulation.world import NEEDS, Flags, Floats, Ints, offending

Sanctions = dict[str, Ints]

DISPOSALS = ("CAUTION", "CONDITIONAL_CAUTION", "DISCHARGE", "FINE", "COMMUNITY_ORDER", "SUSPENDED_SENTENCE", "CUSTODY")
CAUTION, CONDITIONAL, DISCHARGE, FINE, COMMUNITY, SUSPENDED, CUSTODY = range(7)
LISTS = ("FIXED", "FLEX", "FREE")

#: Days from offence to sanction: the shortest, and the scale of the rest, for less serious and serious offences.
SHORTEST_DELAY = 31
DELAY_SCALE = (34.0, 75.0)
LONGEST_DELAY = 1500

#: Months in custody as sentenced, lowest and highest, by severity band 1 to 5.
CUSTODY_MONTHS = ((1, 6), (2, 10), (4, 20), (12, 54), (30, 108))
CHOICE_LIMITS = (-2.0, -1.1, 1.9, 2.8)
#: A first sanction is more often an order, because it made the person known to probation.
FIRST_SHIFT = 0.9
DAYS = 30.44

COLUMNS = (
    "disposal", "sentence_end", "supervised_start", "supervised_end", "custody_start", "custody_end", "licence_end",
    "pss_end", "recall_start", "recall_end", "treat_referral", "treat_triage", "treat_start", "treat_end",
    "treat_planned", "treat_alcohol", "housing_start", "housing_duty", "programme_referral", "programme_start",
    "programme_end", "programme_done", "list_start", "list_end", "list_group",
)  # fmt: skip


def delay_reached(days: Ints, serious: int) -> Floats:
    """Chance that the sanction comes within ``days`` of the offence: 31 days, then an Erlang-2 wait, cut at 1,500."""
    wait = np.clip(days - SHORTEST_DELAY + 1, 0, LONGEST_DELAY) / DELAY_SCALE[serious]
    reached = 1 - (1 + wait) * np.exp(-wait)
    return np.asarray(np.where(days >= LONGEST_DELAY, 1.0, reached))


def draw_delay(serious: Ints, chance: Floats) -> Ints:
    """Days from offence to sanction whose distribution is ``delay_reached``, from uniform draws."""
    days = np.arange(SHORTEST_DELAY, LONGEST_DELAY + 1)
    found = [np.searchsorted(delay_reached(days, kind), chance, side="right") for kind in (0, 1)]
    return SHORTEST_DELAY + np.minimum(np.where(serious == 1, found[1], found[0]), LONGEST_DELAY - SHORTEST_DELAY)


def sentence(
    people: People, schedules: Schedules, offences: Sanctions, priors: Ints, now: int, rng: np.random.Generator
) -> Sanctions:
    """Columns of what each sanction brings (COLUMNS; NEVER for none), with its intervals put into ``schedules``.

    One offence a person at most. ``offences`` holds who, occurred, kind, sanction and first (1 for the sanction that
    made the person known). A sentence for which no place is free becomes a fine.
    """
    who = offences["who"]
    draws = rng.random((24, len(who)))
    after = {name: np.full(len(who), NEVER, dtype=np.int64) for name in COLUMNS}
    after["disposal"] = _disposal(people, offences, priors, draws[:3])
    room = schedules.has_room("custody", who, now, 2) & schedules.has_room("supervised", who, now)
    after["disposal"][(after["disposal"] >= COMMUNITY) & ~room] = FINE
    _orders(offences, after, draws[3:7])
    _custody(offences, after, draws[7:11])
    base = np.where(after["custody_end"] != NEVER, after["custody_end"], offences["sanction"])
    supervised = after["supervised_start"] != NEVER
    needs = needs_on(people, who, offences["sanction"])
    _treatment(after, base, supervised, needs, draws[11:15])
    _housing(after, base, supervised, needs, draws[15:17])
    _programme(after, base, supervised, draws[17:21])
    adult = offences["sanction"] >= _eighteen(people, who)
    _listing(offences, after, base, adult, priors, draws[21:24])
    _schedule(schedules, who, after, now)
    return after


def _eighteen(people: People, who: Ints) -> Ints:
    return people.born[who] + np.int64(18 * YEAR_DAYS)


def _disposal(people: People, offences: Sanctions, priors: Ints, draws: Floats) -> Ints:
    """Caution for the little and new, else by severity and record; under 18 never anything that probation would run."""
    band = offending().band[offences["kind"]]
    logistic = np.log(draws[0] / (1 - draws[0]))
    score = 0.55 * (band - 2) + 0.2 * np.minimum(priors, 10) + 0.8 * logistic + FIRST_SHIFT * offences["first"]
    disposal = DISCHARGE + np.searchsorted(CHOICE_LIMITS, score)
    caution = (band <= 2) & (priors <= 1) & (draws[1] < np.where(offences["first"] == 1, 0.08, 0.30))
    disposal = np.where(caution, np.where(draws[2] < 0.3, CONDITIONAL, CAUTION), disposal)
    child = offences["sanction"] < _eighteen(people, offences["who"])
    disposal = np.where(child, np.where(draws[1] < 0.6, CAUTION, DISCHARGE), disposal)
    return np.where(people.handed_over[offences["who"]] & (offences["first"] == 1), COMMUNITY, disposal)


def _orders(offences: Sanctions, after: Sanctions, draws: Floats) -> None:
    """Community orders of 24 to 36 months, suspended sentences of 21 to 24; one in ten ends early."""
    disposal, start = after["disposal"], offences["sanction"]
    order = (disposal == COMMUNITY) | (disposal == SUSPENDED)
    months = np.where(disposal == COMMUNITY, 24 + 12 * draws[0], 21 + 3 * draws[0])
    length = np.floor(months * DAYS).astype(np.int64)
    served = np.where(draws[1] < 0.1, np.floor(length * (0.5 + 0.4 * draws[2])).astype(np.int64), length)
    after["sentence_end"][order] = (start + length)[order]
    after["supervised_start"][order] = start[order]
    after["supervised_end"][order] = (start + served)[order]


def _custody(offences: Sanctions, after: Sanctions, draws: Floats) -> None:
    """Half the sentence in custody, the rest on licence; under two years with supervision to 12 months from release."""
    prison = after["disposal"] == CUSTODY
    low, high = np.array(CUSTODY_MONTHS)[offending().band[offences["kind"]] - 1].T
    length = np.maximum(14, np.floor((low + (high - low) * draws[0] ** 2) * DAYS)).astype(np.int64)
    start = offences["sanction"]
    release, licence_end = start + (length + 1) // 2, start + length
    pss_end = np.where(length < 730, release + 365, licence_end)
    recalled = prison & (draws[1] < 0.2) & (licence_end - release >= 60)
    recall_start = release + 7 + np.floor(draws[2] * (licence_end - release - 45)).astype(np.int64)
    recall_end = np.minimum(recall_start + np.where(draws[3] < 0.7, 28, 90), licence_end)
    values = dict(
        custody_start=start, custody_end=release, licence_end=licence_end, sentence_end=licence_end,
        supervised_start=release, supervised_end=pss_end,
    )  # fmt: skip
    for name, value in values.items():
        after[name][prison] = value[prison]
    after["pss_end"][prison & (pss_end > licence_end)] = pss_end[prison & (pss_end > licence_end)]
    after["recall_start"][recalled] = recall_start[recalled]
    after["recall_end"][recalled] = recall_end[recalled]


def _days(low: int, high: int, draws: Floats) -> Ints:
    return low + np.floor((high - low) * draws).astype(np.int64)


def _put(after: Sanctions, where: Flags, **columns: Ints) -> None:
    for name, values in columns.items():
        after[name][where] = np.broadcast_to(values, where.shape)[where]


def _treatment(after: Sanctions, base: Ints, supervised: Flags, needs: Floats, draws: Floats) -> None:
    drugs, alcohol = needs[:, NEEDS.index("drugs")], needs[:, NEEDS.index("alcohol")]
    given = supervised & (np.maximum(drugs, alcohol) > 0.4) & (draws[0] < 0.45)
    referral = base + _days(3, 40, draws[1])
    triage = referral + _days(2, 30, draws[2])
    start = triage + _days(0, 15, draws[0] / 0.45)
    length = _days(30, 330, draws[3])
    _put(after, given, treat_referral=referral, treat_triage=triage, treat_start=start, treat_end=start + length,
         treat_planned=(length > 120).astype(np.int64), treat_alcohol=(alcohol > drugs).astype(np.int64))  # fmt: skip


def _housing(after: Sanctions, base: Ints, supervised: Flags, needs: Floats, draws: Floats) -> None:
    given = supervised & (needs[:, NEEDS.index("accommodation")] > 0.4) & (draws[0] < 0.4)
    _put(after, given, housing_start=base + _days(5, 90, draws[1]), housing_duty=_days(0, 3, draws[0] / 0.4))


def _programme(after: Sanctions, base: Ints, supervised: Flags, draws: Floats) -> None:
    referred = supervised & (draws[0] < 0.25)
    referral = base + _days(7, 45, draws[1])
    start = referral + _days(30, 150, draws[2])
    end = start + _days(50, 160, draws[3])
    started = referred & (draws[0] < 0.18)
    _put(after, referred, programme_referral=referral)
    _put(after, started, programme_start=start, programme_end=end, programme_done=(draws[3] > 0.4).astype(np.int64))


def _listing(offences: Sanctions, after: Sanctions, base: Ints, adult: Flags, priors: Ints, draws: Floats) -> None:
    """FIXED for neighbourhood crime, FLEX for other persistent offending under supervision, FREE for a few without."""
    neighbourhood = offending().neighbourhood[offences["kind"]]
    supervised = after["supervised_start"] != NEVER
    fixed = adult & supervised & neighbourhood & (priors >= 1) & (draws[0] < 0.65)
    flex = adult & supervised & ~fixed & (priors >= 2) & (draws[0] < 0.3)
    free = adult & ~supervised & (after["disposal"] >= DISCHARGE) & (priors >= 2) & (draws[0] < 0.3)
    start = base + _days(14, 60, draws[1])
    group = np.select([fixed, flex, free], [0, 1, 2], NEVER)
    _put(after, group != NEVER, list_start=start, list_end=start + _days(180, 720, draws[2]), list_group=group)


def _schedule(schedules: Schedules, who: Ints, after: Sanctions, now: int) -> None:
    """Put the intervals in place; what finds no place is struck from ``after`` too."""
    for kind, columns in INTERVALS.items():
        for first, last in columns:
            some = np.flatnonzero(after[first] != NEVER)
            end = after[first][some] + HOUSING_DAYS if kind == "housed" else after[last][some]
            placed = schedules.add(kind, who[some], after[first][some], end, now)
            for name in STRUCK_TOGETHER.get(kind, ()):
                after[name][some[~placed]] = NEVER


#: Columns that hold first and last day of the intervals of each kind.
INTERVALS = {
    "custody": (("custody_start", "custody_end"), ("recall_start", "recall_end")),
    "supervised": (("supervised_start", "supervised_end"),),
    "treated": (("treat_start", "treat_end"),),
    "housed": (("housing_start", "housing_start"),),
    "programme": (("programme_start", "programme_end"),),
    "listed": (("list_start", "list_end"),),
}
STRUCK_TOGETHER = {
    "treated": ("treat_referral", "treat_triage", "treat_start", "treat_end", "treat_planned", "treat_alcohol"),
    "housed": ("housing_start", "housing_duty"),
    "programme": ("programme_referral", "programme_start", "programme_end", "programme_done"),
    "listed": ("list_start", "list_end", "list_group"),
}
