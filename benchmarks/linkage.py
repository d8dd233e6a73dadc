"""How long linking takes and how much memory it asks for: three agencies of so many made-up people each.

    python benchmarks/linkage.py 100000 [--sources 3] > docs/benchmarks/linkage_speed.md

Each agency writes the same people with slips, and four in ten without an identifier: the hardest case for time, since
the model must find them. What it finds is measured elsewhere (benchmarks/linkage_quality.py); here recall is printed
only to show that work was done.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from desist.intake.linking.join import join
from desist.records.identifiers import CHECK_LETTERS, CHECKS

SOURCES = ("police", "probation", "council", "prison", "treatment")
LETTERS = np.array(list("abdefgiklmnoprstuvz"))
VOWELS = np.array(list("aeiou"))
LIMIT_SECONDS, LIMIT_GB = 180, 8


def names(count: int, rng: np.random.Generator) -> np.ndarray:
    """Made-up names of four to nine letters."""
    made = []
    for _ in range(count):
        parts = rng.integers(2, 5)
        made.append("".join(str(rng.choice(LETTERS)) + str(rng.choice(VOWELS)) for _ in range(parts)))
    return np.array(made)


def town(people: int, sources: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Identity rows of all agencies, and the person behind each."""
    rng = np.random.default_rng(seed)
    common = lambda pool: pool[np.minimum((rng.pareto(1.0, people) * 20).astype(int), len(pool) - 1)]  # noqa: E731
    first, last = common(names(3_000, rng)), common(names(30_000, rng))
    born = np.datetime64("1950-01-01") + rng.integers(0, 20_000, people)
    area, street = rng.integers(0, 400, people), rng.integers(0, 4000, people)
    serial = rng.permutation(people)
    bare = rng.random(people) < 0.4
    tables = []
    for source in SOURCES[:sources]:
        moved = rng.random(people) < 0.15
        text = np.array([day if rng.random() > 0.01 else day[:8] + day[9] + day[8] for day in born.astype(str)])
        pnc = [f"20{90 + n % 10}/{n:07d}{CHECK_LETTERS[((90 + n % 10) * 10**7 + n) % 23]}" for n in serial.tolist()]
        tables.append(pd.DataFrame({
            "source": source, "agency_person": [f"{source[:2]}{n:08d}" for n in rng.permutation(people).tolist()],
            "pnc": np.where(bare, None, pnc),
            "forename": [_slip(name, rng) for name in first.tolist()],
            "surname": [_slip(name, rng) for name in last.tolist()],
            "dob": text,
            "postcode": [f"ZZ{a} {s % 10}{chr(65 + s // 10 % 20)}{chr(65 + s // 200)}"
                         for a, s in zip(area.tolist(), np.where(moved, street[::-1], street).tolist(), strict=True)],
        }))  # fmt: skip
    made = pd.concat(tables, ignore_index=True)
    for column in (*CHECKS, "other_names", "aliases", "sex"):
        if column not in made:
            made[column] = None
    return made.astype("str").where(made.notna(), None).astype("str"), np.tile(np.arange(people), sources)


def _slip(name: str, rng: np.random.Generator) -> str:
    if rng.random() > 0.05:
        return name
    place = int(rng.integers(0, len(name)))
    return name[:place] + str(rng.choice(LETTERS)) + name[place + 1 :]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("people", type=int)
    asked.add_argument("--sources", type=int, default=3)
    asked.add_argument("--seed", type=int, default=1)
    told = asked.parse_args()
    people, person = town(told.people, told.sources, told.seed)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    started, used = time.perf_counter(), time.process_time()
    joined = join(people)
    seconds, cpu = time.perf_counter() - started, time.process_time() - used
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    cluster = joined.records["cluster"].to_numpy()
    both = pd.DataFrame({"cluster": cluster, "person": person})
    pairs = lambda by: int((both.groupby(by).size() * (both.groupby(by).size() - 1) // 2).sum())  # noqa: E731
    right, found, true = pairs(["cluster", "person"]), pairs(["cluster"]), pairs(["person"])
    print(f"# Speed of linkage\n\n`python benchmarks/{Path(sys.argv[0]).name} {' '.join(sys.argv[1:])}`\n")
    print(
        "| records | agencies | pairs looked at | seconds | CPU seconds | peak GB | before | precision | recall |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    print(
        f"| {len(people):,} | {told.sources} | {sum(joined.model.blocking.values()):,} | {seconds:.0f} | {cpu:.0f} | "
        f"{memory:.1f} | {before:.1f} | {right / max(found, 1):.4f} | {right / true:.3f} |"
    )
    print(f"\nThe limits set for it: {LIMIT_SECONDS} s for 3 x 100,000 records, {LIMIT_GB} GB for 1,000,000.")


if __name__ == "__main__":
    main()
