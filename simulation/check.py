"""Recomputes the stated truths of a made-up partnership by other means, and names what does not hold.

Chances: people are put back into the state of an as-of date and live on many times, with the same rules but without
the formula. Detection: each offence's chance again from the knobs, and how often it came about. Files: what police
hold against what was detected; numbers, identifiers and birth dates against the true links.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from desist.records import codes
from desist.records.identifiers import CHECKS
from desist.simulation.careers import Drivers, State, offend, punish, turn
from desist.simulation.identifiers_made import is_made_up_identifier
from desist.simulation.misspelt import could_be_slip
from desist.simulation.noise import Noise
from desist.simulation.other_files import BREACH_CODE
from desist.simulation.people import NEVER, People
from desist.simulation.schedules import Schedules
from desist.simulation.sentencing import SHORTEST_DELAY
from desist.simulation.truth import FOLLOW_UP_DAYS, MONTHS, WAITING_DAYS
from desist.simulation.truth_read import Truth, days, read_truth, state_on
from desist.simulation.world import MOST_DETECTED, Flags, Floats, Ints, day, offending

#: A sum further from what is stated than so many standard errors is an error: by chance one in 150,000.
TOO_FAR = 4.5
#: People whose futures are counted at one time.
BATCH = 40_000


def check_truth(folder: Path, *, seed: int, people: int = 300, futures: int = 300, dates: int = 3) -> list[str]:
    """One sentence for each stated truth that does not hold; none if all do.

    ``people`` on each of ``dates`` as-of dates (the list date among them) live through ``futures`` follow-ups.
    """
    truth = read_truth(folder)
    problems = [*_chances_against_what_happened(truth), *_detection(truth), *_waits(truth)]
    problems += _chances_against_futures(truth, np.random.default_rng(seed), people, futures, dates)
    return [*problems, *_links(truth, folder), *_recorded_is_detected(truth, folder)]


def _distance(found: Floats | Flags, stated: Floats) -> float:
    """How many standard errors the sum of independent yes/no results lies from the sum of their chances."""
    spread = float(np.sqrt((stated * (1 - stated)).sum()))
    gap = float(np.asarray(found, dtype=float).sum() - stated.sum())
    return gap / spread if spread > 0 else (0.0 if gap == 0 else np.inf)


def _outcomes(offences: pd.DataFrame, persons: pd.Series[str], as_of: int) -> tuple[Flags, Flags]:
    """Who had a proven, and who any offence in the follow-up."""
    occurred, sanction = days(offences["occurred_on"]), days(offences["sanction_date"])
    inside = (occurred >= as_of) & (occurred < as_of + FOLLOW_UP_DAYS)
    proven = inside & (sanction != NEVER) & (sanction < as_of + FOLLOW_UP_DAYS + WAITING_DAYS)
    return persons.isin(offences["person"][proven]).to_numpy(), persons.isin(offences["person"][inside]).to_numpy()


def _chances_against_what_happened(truth: Truth) -> Iterator[str]:
    """On each as-of date whose follow-up lies in the past, as many people offended as their chances say."""
    end = day(truth.calendar.extract_date) + 1
    for as_of, rows in truth.chances.groupby("as_of"):
        if days(pd.Series([as_of]))[0] + FOLLOW_UP_DAYS > end:
            continue
        found = _outcomes(truth.offences, rows["person"], int(days(pd.Series([as_of]))[0]))
        for name, happened in zip(("p_proven", "p_any"), found, strict=True):
            distance = _distance(happened, rows[name].to_numpy())
            if abs(distance) > TOO_FAR:
                yield (
                    f"chances: on {as_of} {name} adds up to {rows[name].sum():.1f} people, and it came about for "
                    f"{int(happened.sum())}, {distance:+.1f} standard errors away"
                )


def _chances_against_futures(
    truth: Truth, rng: np.random.Generator, people: int, futures: int, dates: int
) -> Iterator[str]:
    """Live on from the stated state many times and count: in all, by group, and person by person."""
    as_of_months = truth.calendar.as_of_months
    chosen = np.unique(np.linspace(0, len(as_of_months) - 1, dates).round().astype(int))
    for month in (as_of_months[place] for place in chosen):
        as_of = int(truth.calendar.starts[month])
        rows = truth.chances[days(truth.chances["as_of"]) == as_of]
        rows = rows.iloc[np.sort(rng.permutation(len(rows))[:people])]
        counted = count_futures(truth, rows, month, futures, rng)
        group = truth.persons.set_index("person")["group"][rows["person"]].to_numpy()
        parts = {"everybody": np.ones(len(rows), dtype=bool)}
        parts |= {str(name): group == name for name in np.unique(group)}
        for name, count in zip(("p_proven", "p_any"), counted, strict=True):
            stated = rows[name].to_numpy()
            where = f"chances: {name} on {rows['as_of'].iloc[0]}"
            for part, member in parts.items():
                gap = (count[member] - futures * stated[member]).sum()
                distance = gap / np.sqrt(max(1e-9, (futures * stated * (1 - stated))[member].sum()))
                if abs(distance) > TOO_FAR:
                    yield (
                        f"{where} is {stated[member].mean():.4f} on average for {part}, and {futures} futures of "
                        f"{member.sum()} people give {count[member].mean() / futures:.4f}"
                    )
            if (spread := _scatter(count, stated, futures)) > TOO_FAR:
                yield f"{where} differs from {futures} futures person by person, {spread:.1f} standard errors too much"


def _scatter(count: Ints, stated: Floats, futures: int) -> float:
    """How far the sum of squared standardised gaps lies above what chances as stated would give."""
    variance = stated * (1 - stated)
    some = futures * variance > 1
    if not some.any():
        return 0.0
    squares = (count - futures * stated)[some] ** 2 / (futures * variance[some])
    expected_variance = 2 + (1 - 6 * variance[some]) / (futures * variance[some])
    return float((squares - 1).sum() / np.sqrt(expected_variance.sum()))


def count_futures(
    truth: Truth, rows: pd.DataFrame, month: int, futures: int, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """In how many of so many follow-ups each row's person had a proven, and any, offence."""
    who, state = state_on(truth, rows, int(truth.calendar.starts[month]))
    proven, any_offence = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=np.int64)
    left = futures
    while left:
        copies = min(left, max(1, BATCH // len(rows)))
        left -= copies
        owner = np.tile(np.arange(len(rows)), copies)
        found = _follow_up(truth, truth.people.take(who[owner]), _copied(state, owner), month, rng)
        proven += np.bincount(owner[found[0]], minlength=len(rows))
        any_offence += np.bincount(owner[found[1]], minlength=len(rows))
    return proven, any_offence


def _copied(state: State, owner: Ints) -> State:
    schedules = Schedules(state.schedules.start[:, owner], state.schedules.end[:, owner])
    return State(schedules, state.active[owner], state.sanctions[owner])


def _follow_up(truth: Truth, people: People, state: State, month: int, rng: np.random.Generator) -> tuple[Flags, Flags]:
    """Who of the copies had a proven, and any, offence. New sanctions act, as they do in the partnership's history."""
    drivers, everybody = Drivers.of(people, truth.world), np.arange(len(people))
    proven, any_offence = np.zeros(len(people), dtype=bool), np.zeros(len(people), dtype=bool)
    starts, as_of = truth.calendar.starts, int(truth.calendar.starts[month])
    for step in range(MONTHS):
        first, after = int(starts[month + step]), int(starts[month + step + 1])
        if step:
            turn(people, truth.world, state, first, everybody, rng)
        done, _ = offend(people, drivers, truth.world, state, (first, after), everybody, rng)
        inside = done["occurred"] < as_of + FOLLOW_UP_DAYS
        in_time = (done["sanction"] != NEVER) & (done["sanction"] < as_of + FOLLOW_UP_DAYS + WAITING_DAYS)
        any_offence[done["who"][inside]] = True
        proven[done["who"][inside & in_time]] = True
        detected = {name: values[done["sanction"] != NEVER] for name, values in done.items()}
        punish(people, state, detected, first, rng)
    return proven, any_offence


def _detection(truth: Truth) -> Iterator[str]:
    """Each chance follows from the knobs, and offences were detected as often as their chances say."""
    found = truth.offences[~truth.offences["first"]].merge(truth.persons, on="person", validate="many_to_one")
    for kind, column in (("supervised", "supervised"), ("listed", "listed")):
        held = _inside(truth, found, kind) & ~_inside(truth, found, "custody")
        if wrong := int((held != found[column].to_numpy()).sum()):
            yield f"offences: {wrong} say {column} where schedules do not, or the other way round"
    stated = found["chance"].to_numpy()
    if wrong := int((np.abs(stated - _plain_chances(truth, found)) > 1e-9).sum()):
        yield f"offences: the detection chance of {wrong} does not follow from the knobs"
    custody = _inside(truth, found, "custody")
    if truth.world.custody_stops == 1 and custody.any():
        yield f"offences: {int(custody.sum())} happened in custody, which stops all"
    parts = {"all": np.ones(len(found), dtype=bool)}
    for column in ("group", "area", "supervised", "listed"):
        parts |= {f"{column} {value}": (found[column] == value).to_numpy() for value in found[column].unique()}
    for part, member in parts.items():
        distance = _distance(found["detected"].to_numpy()[member], stated[member])
        if abs(distance) > TOO_FAR:
            yield f"offences: detection of {part} is {distance:+.1f} standard errors from the stated chances"


def _waits(truth: Truth) -> Iterator[str]:
    """No sanction, and nothing else that an offence brings, comes in the month of the offence (careers.py says why)."""
    o = truth.offences[truth.offences["detected"]]
    if soon := int((days(o["sanction_date"]) - days(o["occurred_on"]) < SHORTEST_DELAY).sum()):
        yield f"offences: {soon} have a sanction less than {SHORTEST_DELAY} days after"
    s = truth.schedules
    if soon := int((days(s["start"]) - days(s["drawn_on"]) < SHORTEST_DELAY).sum()):
        yield f"schedules: {soon} intervals begin less than {SHORTEST_DELAY} days after what brought them"


def _inside(truth: Truth, offences: pd.DataFrame, kind: str) -> Flags:
    """Whether an interval of the kind, of the same person, covers the day of each offence: by plain comparison."""
    spells = truth.schedules[truth.schedules["kind"] == kind][["person", "start", "end"]]
    pairs = offences[["person", "occurred_on"]].reset_index(names="row").merge(spells, on="person")
    covers = (pairs["start"] <= pairs["occurred_on"]) & (pairs["occurred_on"] < pairs["end"])
    return np.asarray(offences.index.isin(pairs["row"][covers]))


def _plain_chances(truth: Truth, offences: pd.DataFrame) -> Floats:
    world, kinds = truth.world, offending()
    table = dict(zip(kinds.code, kinds.detection, strict=True))
    flat = float(np.average(kinds.detection, weights=kinds.weight))
    basic = offences["offence_code"].map(lambda code: flat + world.offence_detection * (table[code] - flat))
    factor = 1 + world.enforcement_gap * offences["group"].isin(world.over_policed)
    factor = factor * (1 + world.area_enforcement * offences["area"].isin(world.over_policed_areas))
    factor = factor * (1 + world.supervision_detection * offences["supervised"])
    factor = factor * (1 + world.listing_detection * offences["listed"])
    return np.asarray(np.minimum(MOST_DETECTED, basic * factor), dtype=np.float64)


def _sent(folder: Path, source: str, table: str) -> pd.DataFrame | None:
    path = folder / "extracts" / source / f"{table}.csv"
    return pd.read_csv(path, dtype=str, keep_default_na=False) if path.exists() else None


def _recorded_is_detected(truth: Truth, folder: Path) -> Iterator[str]:
    """The police hold every offence detected and entered by the extract date, and no other."""
    sent = _sent(folder, "police", "pol_sanction")
    if sent is None:
        return
    counts = sent["offence_code"].map(lambda code: codes.offences()[code].counts)
    sent = sent[counts & (sent["offence_code"] != BREACH_CODE) & (sent["subject_category"] == "convicted")]
    links = truth.links[truth.links["source"] == "police"]
    sent = sent.merge(links, on="agency_person", how="left")
    o = truth.offences[truth.offences["detected"] & truth.offences["person"].isin(links["person"])]
    entered = days(o["recorded_on"]) <= day(truth.calendar.extract_date)
    o = o[entered & (days(o["sanction_date"]) >= day(truth.calendar.history_start))]
    keys = ["person", "offence_code", "occurred_on", "sanction_date", "recorded_on"]
    true_rows = o[keys].astype(str).value_counts()
    sent_rows = sent[keys].astype(str).value_counts()
    gap = sent_rows.sub(true_rows, fill_value=0)
    if (gap < 0).any():
        yield f"pol_sanction lacks {int(-gap[gap < 0].sum())} detected offences"
    if (gap > 0).any():
        yield f"pol_sanction holds {int(gap[gap > 0].sum())} sanctions that are of no detected offence"


def _links(truth: Truth, folder: Path) -> Iterator[str]:
    """Numbers, identifiers, sex and birth dates in the identity tables agree with the stated links, but for the slips
    that the stated noise allows."""
    identities = []
    for source in codes.SOURCES:
        sent = _sent(folder, source, "identity")
        if sent is None:
            continue
        sent = sent[sent["subject_category"] == "convicted"].assign(source=source)
        linked = set(truth.links["agency_person"][truth.links["source"] == source])
        if odd := set(sent["agency_person"]) ^ linked:
            yield f"links: {source} has {len(odd)} numbers without a link or without an identity row"
        identities.append(sent)
    held = pd.concat(identities).merge(truth.links, on=["source", "agency_person"])
    held = held.merge(truth.persons[["person", "born", "sex"]], on="person", suffixes=("", "_true"))
    if sexes := int((held["sex"] != held["sex_true"]).sum()):
        yield f"links: {sexes} identity rows have another sex than the linked person"
    noise = truth.world.noise
    stated = held["dob"].str.endswith("-01-01") if noise.no_birth_day else False
    other = held[(held["dob"] != held["born"].astype(str)) & (held["dob"] != "") & ~np.asarray(stated, dtype=bool)]
    born, written = days(other["born"]).tolist(), days(other["dob"]).tolist()
    if strange := sum(not could_be_slip(one, two) for one, two in zip(born, written, strict=True)):
        yield f"links: {strange} identity rows have a birth date that no slip makes of the linked person's"
    wrong = len(other) + int((held["dob"] == "").sum())
    if wrong > _most_slips(len(held), noise, noise.day_month + noise.birth_digit + noise.birth_missing):
        yield f"links: {wrong} identity rows have another birth date than the linked person, more than the noise says"
    for kind in ("pnc", "crn", "prison_number", "nhs_number", "postcode"):
        yield from _identifiers(held[held[kind] != ""], kind, noise)


def _most_slips(rows: int, noise: Noise, rate: float) -> float:
    """More slips than this among so many rows hardly happen: six standard deviations, at the worst community's rate."""
    worst = max([1.0, *(times for _, times in noise.more_for)])
    mean = rows * min(1.0, rate * worst)
    return float(mean + 6 * math.sqrt(mean))


def _identifiers(held: pd.DataFrame, kind: str, noise: Noise) -> Iterator[str]:
    values = held[kind].tolist()
    right = np.array([CHECKS[kind](value) if kind in CHECKS else True for value in values], dtype=bool)
    real = right & ~np.array([is_made_up_identifier(kind, value) for value in values], dtype=bool)
    if real.any():
        yield f"links: {int(real.sum())} values of {kind} lie outside the made-up range"
    if kind == "postcode":
        return
    pairs: Any = held[right][["person", kind]].drop_duplicates()
    several = int(pairs[kind].duplicated().sum() + pairs["person"].duplicated().sum())
    if several > 2 * _most_slips(len(held), noise, noise.identifier_typo):
        yield f"links: one {kind} stands for several people, or one person has several"
