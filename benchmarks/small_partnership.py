"""What the gate says to a small partnership, with a region and without: python benchmarks/small_partnership.py [FOLDER]

A made-up region trains a points card, shares it, and packs what its audit found. A made-up partnership of its own
first makes its own model, then takes the region's card byte for byte with the pack. Each time the gate is asked what
it allows, and then for a release. Sizes: --people 3000 --region 50000. The report is Markdown on standard output.
With FOLDER the workspaces stay; a region that lies there already is used again.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from desist.fairness.approval.candidate import Candidate
from desist.fairness.policy import PRIMARY
from desist.pipelines.demo import HISTORY_START, PASSWORD, TODAY, TRAINER, open_made_up, sign_made_up
from desist.pipelines.gate import candidate_of, release_candidate
from desist.pipelines.region_run import pack_region, trust_region
from desist.pipelines.retrain import retrain
from desist.pipelines.session import Session
from desist.pipelines.shared_card import share_card
from desist.pipelines.steps import link_people, take_in
from desist.records.errors import Refused, Withheld
from desist.simulation.world import World
from desist.simulation.write import simulate

GAP = 0.3  # police find offences of the made-up world's minority communities that much more often, as in the demo
CHAIR = "Demo chair"
CARD, PACK = "card.json", "pack.json"


@dataclass(frozen=True)
class Told:
    """What the gate said to one candidate, and to the release that was asked for."""

    title: str
    candidate: Candidate
    released: str
    seconds: float

    def lines(self) -> Iterator[str]:
        evidence = self.candidate.evidence
        scopes = ", ".join(evidence.allowed.scopes) or "nothing: estimates are withheld"
        yield f"\n## {self.title}\n"
        yield f"- The gate allows: **{scopes}**."
        yield from (f"- Why: {why}." for why in evidence.allowed.why)
        yield f"- Questions to be answered in writing: {len(evidence.questions)}."
        yield f"- A release asked for with every question answered by the demo's keys: {self.released}"
        yield f"- Retrain and audit took {self.seconds:.0f} CPU seconds.\n"
        yield from _table(self.candidate)


def _table(candidate: Candidate) -> Iterator[str]:
    """Each group of each primary finding: the own answer, and the region's about the same file."""
    primaries = {rule.id for rule in candidate.policy.findings if rule.role == PRIMARY}
    yield "| finding | group | worth, rows | needed | own answer | the region's |"
    yield "|---|---|---|---|---|---|"
    for finding in candidate.audit.findings:
        for part in finding.parts if finding.id in primaries else ():
            there = candidate.region.get(finding.id, {}).get(part.group, "")
            needed = f"{part.needed:,}" if part.needed is not None else "none would do"
            answers = (text.replace("_", " ") for text in (part.answer, there))
            yield f"| {finding.id} | {part.group} | {part.effective:,.0f} | {needed} | {' | '.join(answers)} |"


def say(text: str) -> None:
    print(f"[{time.monotonic():9.0f}] {text}", file=sys.stderr, flush=True)


def opened(folder: Path, name: str, people: int, seed: int) -> Session:
    """A made-up partnership with its extracts taken in and linked."""
    extracts = folder / f"{name}-extracts"
    say(f"{name}: {people:,} people")
    simulate(
        extracts, people=people, seed=seed, world=World(enforcement_gap=GAP), sharing="full",
        history_start=HISTORY_START,
    )  # fmt: skip
    session = open_made_up(folder / name, extracts, seed, say)
    take_in(session, extracts / "extracts")
    link_people(session)
    return session


def region_files(folder: Path, people: int, seed: int) -> None:
    """The region's card and pack in ``folder``; they stay where they are there already."""
    if (folder / PACK).exists():
        return
    session = opened(folder, "region", people, seed)
    run = retrain(session, TODAY, trainer=TRAINER, password=PASSWORD, take="points card").run
    share_card(session, run, folder / CARD)
    pack_region(session, run, folder / PACK, holder=CHAIR, password=PASSWORD)


def asked(session: Session, title: str, **taken: Path) -> Told | str:
    """Retrain, then ask the gate; a refusal to train is what it says."""
    began = _cpu()
    try:
        run = retrain(session, TODAY, trainer=TRAINER, password=PASSWORD, **taken).run
    except Refused as refused:
        return f"\n## {title}\n\nNothing was trained: {refused.message}\n"
    seconds = _cpu() - began
    candidate = candidate_of(session, run)
    if not candidate.evidence.allowed.scopes:
        return Told(title, candidate, "not asked for: nothing is allowed", seconds)
    sign_made_up(session, run, say)
    try:
        made = release_candidate(session, run).made
        released = f"made, as `{made.scope}`, until {made.expires_on}."
    except Withheld as withheld:
        released = f"withheld ({withheld.state}): {'; '.join(withheld.causes)}."
    return Told(title, candidate, released, seconds)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Print what the gate said, without and with the region."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--people", type=int, default=3_000)
    parser.add_argument("--region", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        session = opened(folder, f"partnership-{given.seed + 1}", given.people, given.seed + 1)
        found = [asked(session, "Without a region: the partnership's own model")]
        region_files(folder, given.region, given.seed)
        pack = folder / PACK
        trust_region(session, pack, _key_of(pack))
        title = "With a region: its card byte for byte, and what its audit found"
        found.append(asked(session, title, shared=folder / CARD, region=pack))
        people = f"A partnership of {given.people:,} people and a region of {given.region:,}, both made up"
        print(f"# A small partnership, with a region and without\n\n{people}; seed {given.seed}.")
        for told in found:
            print(told if isinstance(told, str) else "\n".join(told.lines()))


def _key_of(pack: Path) -> str:
    """The region's key; a partnership asks for it by another way than the file."""
    from desist.fairness.approval.region import read_pack

    return read_pack(pack.read_bytes()).key_id


if __name__ == "__main__":
    main()
