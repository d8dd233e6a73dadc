"""How well people are linked, and for whom worse: python benchmarks/linkage_quality.py [--people 20000] [--kept FOLDER]

A made-up partnership whose agencies write the same people with the noise of ``Noise.stated()``; every identifier is
removed of 40 % of the people, at every agency. Linked as ``desist link`` links, without any label. Then the noise is
multiplied until linkage fails; and the next quarter's records are linked after this quarter's. The report is Markdown
on standard output. With FOLDER each part is kept as it is done, and a second run goes on from there.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from desist.fairness.linkage_quality import linkage_quality
from desist.intake.linking.join import join
from desist.intake.linking.pseudonyms import pseudonyms
from desist.intake.linking.settings import LinkageSettings
from desist.simulation.linkage_worlds import LinkageWorld
from desist.simulation.noise import Noise

REMOVED, SEED = 0.4, 1
#: Multiples of the stated noise; the name slips of World grow with it.
TIMES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
PRECISION, RECALL, KEPT = 0.995, 0.95, 0.999
FIELDS = ("forename", "surname", "dob", "postcode")
KEY = b"a made-up key"
#: Treatment sends initials and a birth date: these never link by themselves (DOMAIN section 2).
NAMED = "records with a name"


#: Shares of people of whom every identifier is removed, at the stated noise.
SHARES = (0.0, 0.2, 0.6, 0.8, 1.0)


def noise_of(times: float, removed: float = REMOVED) -> Noise:
    return replace(Noise.stated(), identifiers_removed=removed).times(times)


def linked(records: pd.DataFrame, on: dt.date, before: pd.DataFrame | None = None) -> tuple[pd.DataFrame, Any]:
    """The records with their cluster, and everything else that joining gives."""
    sent = records.drop(columns=["person", "unchanged"], errors="ignore")
    done = join(sent, LinkageSettings(), before=before, on=on)
    return done.records.assign(person=records["person"]), done


def measured(world: LinkageWorld, times: float, removed: float = REMOVED) -> dict[str, Any]:
    """Linkage quality at one multiple of the noise, with how much the records differ and what waits."""
    say(f"{len(world.p.people):,} people at {times:g} times the stated noise, identifiers removed of {removed:.0%}")
    records = world.records(noise_of(times, removed))
    began = time.process_time()
    found, done = linked(records, world.until)
    seconds = time.process_time() - began
    found = found.assign(person_id=found["cluster"].astype(str))
    named = (found["source"] != "treatment").to_numpy()
    groups = world.characteristics()
    return {
        "times": times, "removed": removed, "trained": done.model.trained, "seconds": round(seconds),
        "differ": differ(records[named]),
        "named": linkage_quality(found[named], groups).as_json(), "all": linkage_quality(found, groups).as_json(),
        "queue": found_in_queue(done.queue, records),
        "unconfirmed": float(1 - done.records["confirmed"].mean()),
    }  # fmt: skip


def differ(records: pd.DataFrame) -> dict[str, float]:
    """Of pairs of one person's records, the share in which each field differs (empty is a value of its own)."""
    plain = records[["person", *FIELDS]].fillna("")
    pairs = plain.merge(plain, on="person", suffixes=("", "_other"))
    # Each record meets itself as well: those pairs are equal in everything.
    ordered = len(pairs) - len(plain)
    return {name: float((pairs[name] != pairs[f"{name}_other"]).sum() / ordered) for name in FIELDS}


def found_in_queue(queue: pd.DataFrame, records: pd.DataFrame) -> dict[str, list[int]]:
    """By kind: how many pairs wait for a steward, and how many of them are one person."""
    person = records.set_index(["source", "agency_person"])["person"]
    ends = [person.loc[list(zip(queue[f"{side}_source"], queue[f"{side}_number"], strict=True))].to_numpy()
            for side in ("left", "right")]  # fmt: skip
    same = ends[0] == ends[1]
    return {str(kind): [int((queue["kind"] == kind).sum()), int(same[(queue["kind"] == kind).to_numpy()].sum())]
            for kind in sorted(set(queue["kind"]))}  # fmt: skip


def next_quarter(world: LinkageWorld) -> dict[str, Any]:
    """How many unchanged people keep their id when the next quarter is linked after this one."""
    say("two quarters")
    earlier, later = world.quarters(noise_of(1.0))
    nobody = pd.DataFrame(columns=["source", "agency_person", "person_id"])
    first = linked(earlier, world.until)[0]
    first["person_id"] = pseudonyms(first, nobody, KEY)
    before = first[["source", "agency_person", "person_id"]].sort_values(["source", "agency_person"], ignore_index=True)
    second = linked(later, world.until, before)[0]
    second["person_id"] = pseudonyms(second, before, KEY)
    both = before.merge(second[["source", "agency_person", "person_id"]], on=["source", "agency_person"],
                        suffixes=("", "_now"))  # fmt: skip
    # Unchanged: no record of the person changed, and none is new; a new record may rightly put two people together.
    still = later.assign(unchanged=later.groupby("person")["unchanged"].transform("all"))
    both = both.merge(still[["source", "agency_person", "unchanged"]], on=["source", "agency_person"])
    by_id = pd.DataFrame({"same": both["person_id_now"] == both["person_id"], "unchanged": both["unchanged"]})
    by_id = by_id.groupby(both["person_id"]).all()
    lost = both[both["person_id"].isin(by_id.index[by_id["unchanged"] & ~by_id["same"]])]
    into = second.groupby("person_id")["person"].nunique()
    return {
        "merged_rightly": int((lost.groupby("person_id")["person_id_now"].first().map(into) == 1).sum()),
        "lost": int(lost["person_id"].nunique()),
        "people": len(by_id), "kept": float(by_id["same"].mean()),
        "unchanged_people": int(by_id["unchanged"].sum()),
        "unchanged_kept": float(by_id["same"][by_id["unchanged"]].mean()),
        "records_changed": float(1 - later["unchanged"].sum() / len(both)), "new_records": len(later) - len(earlier),
    }  # fmt: skip


# --- the report


def report(people: int, parts: Mapping[str, Any], of_sweep: int, sweep: Mapping[str, Any]) -> Iterator[str]:
    main, seed = parts["1"], f"seed {SEED}"
    yield f"# Linkage: how well, and for whom worse\n\n{people:,} made-up people, {seed}; "
    yield "`python benchmarks/linkage_quality.py`. Names, noise and truth are made up: this shows that the method "
    yield "works or fails, never how real files behave. With fewer than 5,000 records nothing is learned: the usual "
    yield "chances stand, which are this toolkit's own and were themselves rounded from what it learns on this made-up "
    yield "world. How well they fit a small partnership nobody has measured.\n"
    yield from _noise(main)
    yield from _quality(main)
    yield from _groups(main["named"])
    yield f"\n## Where it fails\n\n{of_sweep:,} made-up people; every rate of a slip multiplied, shares of people stay."
    yield f"Of {NAMED}.\n"
    yield from _sweep(sweep)
    yield from _shares(sweep)
    if "quarter" in parts:
        yield from _quarter(parts["quarter"])


def _noise(main: Mapping[str, Any]) -> Iterator[str]:
    told = ", ".join(f"{name} {100 * share:.1f} %" for name, share in main["differ"].items())
    yield "\n## The noise\n"
    yield f"Identifiers (PNC, CRN, prison and NHS number) are removed of {REMOVED:.0%} of the people at every agency. "
    yield "The other rates are those of `Noise.stated()` in `simulation/noise.py`, more of each for thirteen "
    yield "communities, and as shares of people what makes two of them one: papers that state 1 January (40 % of five "
    yield "communities), brothers and sisters at one address (4 %), father and son of one name (1 %), men whose first "
    yield "name is Mohammed and who are called by the second (30 % of three communities, half with a brother at home), "
    yield "one hostel's postcode (1 %); a mover's other postcode is another at each agency. All of it is chosen, none "
    yield f"of it measured. Of pairs of one person's records with a name these differ: {told}.\n"


def _quality(main: Mapping[str, Any]) -> Iterator[str]:
    yield "\n## At the stated noise\n"
    yield "| | records | true pairs | found | wrong | precision | recall | F1 |\n|---|---|---|---|---|---|---|---|"
    for name, key in ((NAMED, "named"), ("all, treatment's initials too", "all")):
        q = main[key]
        wrong = q["found_pairs"] - q["right_pairs"]
        yield (f"| {name} | {q['records']:,} | {q['true_pairs']:,} | {q['found_pairs']:,} | {wrong:,} | "
               f"{_share(q['precision'])} | {_share(q['recall'])} | {_share(q['f1'])} |")  # fmt: skip
    yield "\nTreatment sends initials and a birth date. These fit too many people and never link by themselves, so "
    yield "where the CRN is removed or was not noted its records stay apart, or wait: the second line lacks them."
    waits = "; ".join(f"{kind}: {count:,} pairs, {same:,} of them one person" for kind, (count, same) in
                      main["queue"].items())  # fmt: skip
    yield f"\nWaiting for a data steward: {waits}. Took {main['seconds']} CPU seconds.\n"
    named = main["named"]
    met = named["precision"]["value"] >= PRECISION and named["recall"]["value"] >= RECALL
    yield f"Asked for: precision {PRECISION}, recall {RECALL}, of {NAMED}: **{'met' if met else 'NOT met'}**.\n"


def _groups(named: Mapping[str, Any]) -> Iterator[str]:
    yield "\n## For whom worse\n"
    yield "Missed: of pairs of one person's records, those left apart. Wrong: of pairs put together, those of two "
    yield "people. Gaps are to everybody else, with intervals widened for the number of groups compared; **bold** "
    yield "where no difference lies outside.\n"
    yield "| | people | missed, % | gap, points | wrong, % | gap, points |\n|---|---|---|---|---|---|"
    for one in named["groups"]:
        label = f"{one['characteristic'].replace('_', ' ')}: {one['group']}"
        yield (f"| {label} | {one['people']:,} | {_share(one['missed'], 100)} | {_gap(one['missed_gap'])} | "
               f"{_share(one['wrong'], 100)} | {_gap(one['wrong_gap'])} |")  # fmt: skip


def _sweep(parts: Mapping[str, Any]) -> Iterator[str]:
    yield from _not_run(parts, [f"{times:g}" for times in TIMES])
    yield ("| noise | forename differs | birth date differs | precision | recall | waiting | worst community missed, % "
           "| |\n|---|---|---|---|---|---|---|---|")  # fmt: skip
    for times in TIMES:
        if f"{times:g}" not in parts:
            continue
        part = parts[f"{times:g}"]
        q, differs = part["named"], part["differ"]
        yield (f"| x {times:g} | {differs['forename']:.0%} | {differs['dob']:.1%} | {_share(q['precision'])} | "
               f"{_share(q['recall'])} | {sum(count for count, _ in part['queue'].values()):,} | "
               f"{_worst(q)} | "
               f"{_verdict(q)} |")  # fmt: skip


def _shares(parts: Mapping[str, Any]) -> Iterator[str]:
    yield "\n## With fewer and more identifiers\n"
    yield f"The same people at the stated noise; every identifier is removed of a share of them. Of {NAMED}.\n"
    yield from _not_run(parts, [f"removed {share:g}" for share in SHARES])
    yield "| removed of | precision | recall | wrong pairs | waiting | |\n|---|---|---|---|---|---|"
    for share in sorted({*SHARES, REMOVED}):
        name = "1" if share == REMOVED else f"removed {share:g}"
        if name not in parts:
            continue
        part = parts[name]
        q = part["named"]
        yield (f"| {share:.0%} | {_share(q['precision'])} | {_share(q['recall'])} | "
               f"{q['found_pairs'] - q['right_pairs']:,} | {sum(count for count, _ in part['queue'].values()):,} | "
               f"{_verdict(q)} |")  # fmt: skip


def _not_run(parts: Mapping[str, Any], names: Sequence[str]) -> Iterator[str]:
    if missing := [name for name in names if name not in parts]:
        yield f"Not run in this edition: {', '.join(missing)}.\n"


def _worst(q: Mapping[str, Any]) -> str:
    """The community most of whose links are missed."""
    of = [one for one in q["groups"] if one["characteristic"] == "community" and one["missed"]["value"]]
    worst = max(of, key=lambda one: one["missed"]["value"], default=None)
    return f"{worst['group']} {100 * worst['missed']['value']:.1f}" if worst else "none"


def _verdict(q: Mapping[str, Any]) -> str:
    fails = [name for name, least in (("precision", PRECISION), ("recall", RECALL)) if q[name]["value"] < least]
    return f"fails: {', '.join(fails)}" if fails else "holds"


def _quarter(told: Mapping[str, Any]) -> Iterator[str]:
    met = "met" if told["unchanged_kept"] >= KEPT else "NOT met"
    yield "\n## The next quarter\n"
    yield f"{told['new_records']:,} records more, {told['records_changed']:.1%} of the others changed (moved, or"
    yield f"written another way). Of {told['unchanged_people']:,} people as last linked, with no record changed or new,"
    yield f"{told['unchanged_kept']:.3%} keep their id (asked for: {KEPT:.1%}: **{met}**);"
    yield f"of all {told['people']:,} {told['kept']:.2%}. Of the {told['lost']} that did not,"
    yield f"{told['merged_rightly']} had been left apart before and are now rightly with their own records.\n"


def _share(share: Mapping[str, float | None], scale: float = 1) -> str:
    if share["value"] is None or share["low"] is None or share["high"] is None:
        return "not known"
    digits = 1 if scale == 100 else 4
    value, low, high = (f"{scale * end:.{digits}f}" for end in (share["value"], share["low"], share["high"]))
    return f"{value} ({low} to {high})"


def _gap(share: Mapping[str, float | None]) -> str:
    if share["low"] is None or share["high"] is None or share["value"] is None:
        return ""
    told = f"{100 * share['value']:+.1f} ({100 * share['low']:+.1f} to {100 * share['high']:+.1f})"
    return f"**{told}**" if share["low"] > 0 or share["high"] < 0 else told


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--sweep-people", type=int, default=0, help="of the sweeps; as many as --people if not given")
    parser.add_argument("--kept", type=Path)
    parser.add_argument("--tell", action="store_true", help="report what is kept, and run nothing")
    given = parser.parse_args()
    # What matters most first: a run that is stopped is told as far as it came.
    times = sorted((f"{times:g}" for times in TIMES), key=lambda name: abs(float(name) - 1.6))
    shares = [f"removed {share:g}" for share in reversed(SHARES)]
    sweep = [one for both in zip_longest(times, shares) for one in both if one]
    of_sweep = given.sweep_people or given.people
    parts = _parts(given.people, ("1", "quarter"), given)
    print("\n".join(line.rstrip(" ") for line in report(given.people, parts, of_sweep, _parts(of_sweep, sweep, given))))


def _parts(people: int, names: Sequence[str], given: argparse.Namespace) -> dict[str, Any]:
    """The parts named, as kept or run now."""
    kept = given.kept / f"{people}.json" if given.kept else None
    parts: dict[str, Any] = json.loads(kept.read_text()) if kept and kept.exists() else {}
    missing = [] if given.tell else [name for name in names if name not in parts]
    world = LinkageWorld.settled(people, SEED) if missing else None
    for name in missing:
        assert world is not None
        if name == "quarter":
            parts[name] = next_quarter(world)
        elif name.startswith("removed "):
            parts[name] = measured(world, 1.0, float(name.removeprefix("removed ")))
        else:
            parts[name] = measured(world, float(name))
        if kept:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(parts, default=_plain))
    plain: dict[str, Any] = json.loads(json.dumps(parts, default=_plain))
    return plain


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(type(value).__name__)


if __name__ == "__main__":
    main()
