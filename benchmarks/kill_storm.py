"""What a kill leaves behind: python benchmarks/kill_storm.py --kills 50 [--people 300] [--seed 1]

A made-up partnership is taken in and linked; then the next quarter's extracts come. An undisturbed reading and linking
of them says how everything must end. After that, again and again from the same beginning, a process that reads or links
is killed (SIGKILL) at a random moment, or finds the disk full (no file may grow beyond a random size). Each time:

    verify finds nothing wrong, and the store holds the old snapshot or the new one;
    the step, run again and finished, leaves what the undisturbed one left: every stored file byte for byte, every row
    of vault and equality store, the links, and no other file.

Processes are forked from one that has everything loaded, so that the moments fall into the work and not into imports.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib
import json
import os
import random
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desist.intake.holding.store import Store
from desist.pipelines.cli import guarded
from desist.pipelines.session import Session
from desist.pipelines.steps import link_people, open_for, take_in
from desist.pipelines.verify import verify_workspace
from desist.records.hashing import hash_file, hash_json

STEPS = ("intake", "linkage")
#: What a process answers that could not write, as a user is answered: said in a sentence, no traceback.
ENDED, SAID = 0, 2


class Server:
    """A process that has everything loaded and has run nothing: what it forks has no thread that is not its own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(
        self, step: str, root: Path, sent: Path, *, kill_after: float | None = None, largest_file: int | None = None
    ) -> tuple[int, float]:
        """The exit code of one step in a fork, minus the signal where one ended it, and how long it took in seconds."""
        ask = {"step": step, "root": str(root), "sent": str(sent), "kill_after": kill_after, "largest": largest_file}
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(ask) + "\n")
        self._process.stdin.flush()
        code, seconds = json.loads(self._process.stdout.readline())
        return code, seconds

    def close(self) -> None:
        self._process.communicate()


def serve() -> None:
    """Fork for each line asked; what the steps load when they first need it is loaded once, here."""
    for name in ("splink", "duckdb", "pyarrow.parquet", "numba"):
        importlib.import_module(name)
    for line in sys.stdin:
        ask, began = json.loads(line), time.monotonic()
        process = os.fork()
        if not process:
            _work_and_leave(ask)
        if ask["kill_after"] is not None:
            time.sleep(ask["kill_after"])
            os.kill(process, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        print(json.dumps([code, time.monotonic() - began]), flush=True)


def _work_and_leave(ask: dict[str, Any]) -> None:
    code = 1
    try:
        if ask["largest"] is not None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # the limit would hold for a file that takes what is said, too
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (ask["largest"], ask["largest"]))
        code = guarded(lambda: _step(ask["step"], Path(ask["root"]), Path(ask["sent"])))
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(code)


def _step(name: str, root: Path, sent: Path) -> None:
    """Read or link, as the command does."""
    session = opened(root)
    if name == "intake":
        take_in(session, sent)
    else:
        link_people(session)


@dataclass
class Storm:
    """A partnership at the beginning of each step of a quarter (``base``), and how the step must end."""

    sent: Path
    server: Server
    base: dict[str, Path] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    ends: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    snapshots: tuple[str, str] = ("", "")


def opened(root: Path) -> Session:
    return open_for(root, "an.alyst", lambda text: None)


def prepare(folder: Path, *, people: int, seed: int) -> Storm:
    """The made-up partnership with one quarter taken in and linked, the next one sent, and its undisturbed end."""
    from desist.pipelines.demo import open_made_up
    from desist.simulation.write import simulate

    simulate(folder / "first", people=people, seed=seed)
    shutil.copytree(folder / "first", folder / "second")
    for note in (folder / "second" / "extracts").glob("*/delivery.toml"):
        next_quarter(note)
    base, after = folder / "base", folder / "after-intake"
    open_made_up(base, folder / "first", seed, lambda text: None)
    storm = Storm(folder / "second" / "extracts", Server())
    for name in STEPS:
        if storm.server.run(name, base, folder / "first" / "extracts")[0] != ENDED:
            raise SystemExit(f"the first {name} did not end")
    for name, before, to in (("intake", base, after), ("linkage", after, folder / "after-linkage")):
        shutil.copytree(before, to)
        storm.base[name] = before
        code, storm.seconds[name] = storm.server.run(name, to, storm.sent)
        if code != ENDED:
            raise SystemExit(f"an undisturbed {name} did not end")
        storm.ends[name] = content(to)
        storm.sizes[name] = max(path.stat().st_size for path in to.rglob("*") if path.is_file())
    storm.snapshots = snapshot(base), snapshot(after)
    return storm


def next_quarter(note: Path) -> None:
    """The same extract cut a day later, with every twentieth row of its tables of events gone."""
    text = note.read_text(encoding="utf-8")
    cut = dt.date.fromisoformat(re.search(r"extract_date = (\S+)", text)[1])  # type: ignore[index]
    note.write_text(text.replace(cut.isoformat(), (cut + dt.timedelta(days=1)).isoformat()), encoding="utf-8")
    for path in note.parent.glob("*.csv"):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        if path.stem not in ("identity", "equality", "trt_client", "prob_person"):
            lines = [line for place, line in enumerate(lines) if place % 20 != 19]
        path.write_text("".join(lines), encoding="utf-8")


# --- what must hold


def snapshot(root: Path) -> str:
    return Store(root / "store").snapshot_hash()


def content(root: Path) -> str:
    """A hash of all that a reading and a linking leave: files of store and quarantine, rows of vault and equality."""
    store = Store(root / "store")
    files = sorted([*(root / "store" / "data").rglob("*"), *(root / "quarantine").rglob("*"),
                    *(root / "store" / "links").rglob("*")])  # fmt: skip
    held: dict[str, object] = {
        str(path.relative_to(root)): hash_file(path) for path in files if path.is_file()
    }
    held["current"] = store.snapshot_hash()
    held["manifest"] = {key: value for key, value in store.manifest().items() if key not in ("previous", "because")}
    held["linking"] = store.linking.exists()
    for name in ("vault.db", "equality.db"):
        with sqlite3.connect(root / name) as database:
            tables = [row[0] for row in database.execute("select name from sqlite_master where type = 'table'")]
            for table in sorted(tables):
                held[f"{name}:{table}"] = sorted(map(repr, database.execute(f"select * from {table}")))
    return hash_json(held)


def wrong_with(root: Path) -> list[str]:
    """What `desist verify` says is wrong."""
    return list(verify_workspace(opened(root)).wrong)


def disturbed(storm: Storm, name: str, root: Path, **how: float | int) -> tuple[int, str, list[str]]:
    """One step ended badly, then run again: its exit code, which snapshot it left, and what was not as it must be."""
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(storm.base[name], root)
    code, _ = storm.server.run(name, root, storm.sent, **how)  # type: ignore[arg-type]
    faults = wrong_with(root)
    left = snapshot(root)
    if left not in storm.snapshots:
        faults.append("neither the old snapshot nor the new one")
    if storm.server.run(name, root, storm.sent)[0] != ENDED:
        faults.append("the step could not be run again")
    elif content(root) != storm.ends[name]:
        faults.append("the step run again ended otherwise")
    faults += wrong_with(root)
    return code, "old" if left == storm.snapshots[0] else "new", faults


def storm_of(storm: Storm, kills: int, full: int, seed: int, say: Callable[[str], None]) -> int:
    """Kill and fill up; print what was found, and return how often something was not as it must be.

    A step that ended before its kill came is counted apart, and another is killed in its place.
    """
    draw, failures = random.Random(seed), 0
    found: Counter[tuple[str, str, str]] = Counter()

    def one(name: str, root: Path, **how: float | int) -> bool:
        nonlocal failures
        code, left, faults = disturbed(storm, name, root, **how)
        kind = {-signal.SIGKILL: "killed", ENDED: "ended first", SAID: "disk full, said so"}.get(code)
        found[name, kind or f"ended with {code}", left] += 1
        if faults or kind is None:
            failures += 1
            say(f"{name}, {how}: exit {code}; {'; '.join(faults) or 'not said in a sentence'}")
        return kind == "killed"

    with tempfile.TemporaryDirectory() as folder:
        killed = 0
        while killed < kills:
            name = STEPS[killed % 2]
            killed += one(name, Path(folder) / "w", kill_after=draw.uniform(0, storm.seconds[name]))
        for number in range(full):
            name = STEPS[number % 2]
            one(name, Path(folder) / "w", largest_file=int(draw.random() ** 3 * storm.sizes[name]))
    say("| step | how it ended | snapshot it left | times |\n|---|---|---|---|")
    for (name, how_ended, left), times in sorted(found.items()):
        say(f"| {name} | {how_ended} | {left} | {times} |")
    say(f"\n{sum(found.values())} disturbed runs, {failures} with something wrong")
    return failures


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--kills", type=int, default=50)
    reader.add_argument("--full", type=int, default=20)
    reader.add_argument("--people", type=int, default=300)
    reader.add_argument("--seed", type=int, default=1)
    reader.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    asked = reader.parse_args()
    if asked.serve:
        serve()
        return
    with tempfile.TemporaryDirectory() as folder:
        storm = prepare(Path(folder), people=asked.people, seed=asked.seed)
        print(f"undisturbed: {storm.seconds['intake']:.2f} s intake, {storm.seconds['linkage']:.2f} s linkage")
        failures = storm_of(storm, asked.kills, asked.full, asked.seed, lambda text: print(text, flush=True))
        storm.server.close()
    raise SystemExit(1 if failures else 0)


if __name__ == "__main__":
    main()
