"""How well people are linked, and for whom worse: python benchmarks/linkage_quality.py [--people 20000] [--kept FOLDER]

A made-up partnership whose agencies write the same people with the noise of ``Noise.stated()``; every identifier is
removed of 40 % of the people, at every agency. Linked as ``desist link`` links, without any label. Then the noise is
multiplied until linkage fails; and the next quarter's records are linked after this quarter's. The report is Markdown
on standard output. With FOLDER each part is kept as it is done, and a second run goes on from there.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
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


def noise_of(times: float) -> Noise:
    return replace(Noise.stated(), identifiers_removed=REMOVED).times(times)


def linked(records: pd.DataFrame, before: pd.DataFrame | None = None) -> tuple[pd.DataFrame, Any]:
    """The records with their cluster, and everything else that joining gives."""
    done = join(records.drop(columns=["person", "unchanged"], errors="ignore"), LinkageSettings(), before=before)
    return done.records.assign(person=records["person"]), done


def measured(world: LinkageWorld, times: float) -> dict[str, Any]:
    """Linkage quality at one multiple of the noise, with how much the records differ and what waits."""
    say(f"{len(world.p.people):,} people at {times:g} times the stated noise")
    records = world.records(noise_of(times))
    began = time.process_time()
    found, done = linked(records)
    seconds = time.process_time() - began
    found = found.assign(person_id=found["cluster"].astype(str))
    named = (found["source"] != "treatment").to_numpy()
    groups = world.characteristics()
    return {
        "times": times, "seconds": round(seconds), "differ": differ(records[named]),
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
    first = linked(earlier)[0]
    first["person_id"] = pseudonyms(first, nobody, KEY)
    before = first[["source", "agency_person", "person_id"]].sort_values(["source", "agency_person"], ignore_index=True)
    second = linked(later, before)[0]
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


def report(people: int, parts: Mapping[str, Any]) -> Iterator[str]:
    main, seed = parts["1"], f"seed {SEED}"
    yield f"# Linkage: how well, and for whom worse\n\n{people:,} made-up people, {seed}; "
    yield "`python benchmarks/linkage_quality.py`. Names, noise and truth are made up: this shows that the method "
    yield "works or fails, never how real files behave.\n"
    yield from _noise(main)
    yield from _quality(main)
    yield from _groups(main["named"])
    yield from _sweep(parts)
    yield from _quarter(parts["quarter"])


def _noise(main: Mapping[str, Any]) -> Iterator[str]:
    told = ", ".join(f"{name} {100 * share:.1f} %" for name, share in main["differ"].items())
    yield "\n## The noise\n"
    yield f"Identifiers (PNC, CRN, prison and NHS number) are removed of {REMOVED:.0%} of the people at every agency. "
    yield "The other rates are those of `Noise.stated()` in `simulation/noise.py`, more of each for thirteen "
    yield f"communities. Of pairs of one person's records with a name these differ: {told}.\n"


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
    yield f"\n## Where it fails\n\nThe same people; every rate multiplied. Of {NAMED}.\n"
    yield ("| noise | forename differs | birth date differs | precision | recall | waiting | worst community missed, % "
           "| |\n|---|---|---|---|---|---|---|---|")  # fmt: skip
    for times in TIMES:
        part = parts[f"{times:g}"]
        q, differs = part["named"], part["differ"]
        worst = max((one for one in q["groups"] if one["characteristic"] == "ethnicity"),
                    key=lambda one: one["missed"]["value"])  # fmt: skip
        fails = [name for name, least in (("precision", PRECISION), ("recall", RECALL)) if q[name]["value"] < least]
        yield (f"| x {times:g} | {differs['forename']:.0%} | {differs['dob']:.1%} | {_share(q['precision'])} | "
               f"{_share(q['recall'])} | {sum(count for count, _ in part['queue'].values()):,} | "
               f"{worst['group']} {100 * worst['missed']['value']:.1f} | "
               f"{'fails: ' + ', '.join(fails) if fails else 'holds'} |")  # fmt: skip


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
    parser.add_argument("--kept", type=Path)
    given = parser.parse_args()
    kept = given.kept / f"{given.people}.json" if given.kept else None
    parts: dict[str, Any] = json.loads(kept.read_text()) if kept and kept.exists() else {}
    world = LinkageWorld.settled(given.people, SEED)
    for name in ("1", "quarter", *(f"{times:g}" for times in TIMES)):
        if name not in parts:
            parts[name] = next_quarter(world) if name == "quarter" else measured(world, float(name))
            if kept:
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_text(json.dumps(parts, default=_plain))
    parts = json.loads(json.dumps(parts, default=_plain))
    print("\n".join(line.rstrip(" ") for line in report(given.people, parts)))


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(type(value).__name__)


if __name__ == "__main__":
    main()
