"""One made-up quarter, run once for all journeys; each journey works on a copy of its workspace."""

import contextlib
import io
import json
import shutil
import sqlite3
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

PEOPLE = 1500
SEED = 4
#: Limits that so few people can be asked for; the made-up board's own would let nothing out.
POLICY = Path(__file__).with_name("policy.toml")


@dataclass
class Ran:
    """What a command answered: exit code, standard output, standard error."""

    returncode: int
    stdout: str
    stderr: str


def desist(*words):
    """Run the command line as a user does, in this process so that libraries load once.

    An error without a message of its own would be a traceback for the user: here it fails the test.
    """
    from desist.pipelines import cli

    out, err, code = io.StringIO(), io.StringIO(), 0
    before, sys.argv = sys.argv, ["desist", *map(str, words)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            cli.main()
    except SystemExit as ended:
        code = ended.code or 0
    finally:
        sys.argv = before
    return Ran(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session", name="desist")
def _desist():
    """The command line: desist("intake", folder, "-W", workspace)."""
    return desist


@pytest.fixture(scope="session")
def demo_options():
    """The size and the seed of ``finished_demo``."""
    return "--people", PEOPLE, "--seed", SEED


@pytest.fixture(scope="session")
def finished_demo(once, demo_options):
    """A whole demo: its folder and what it printed, as JSON and as progress. Never changed by a test."""

    def make(folder):
        ran = desist("demo", *demo_options, "--policy", POLICY, "--workspace", folder / "w", "--json")
        assert ran.returncode == 0, ran.stderr
        (folder / "stdout").write_text(ran.stdout, encoding="utf-8")
        (folder / "stderr").write_text(ran.stderr, encoding="utf-8")

    folder = once("demo", make)
    told, progress = ((folder / name).read_text(encoding="utf-8") for name in ("stdout", "stderr"))
    return folder, json.loads(told), progress


@pytest.fixture
def quarter(finished_demo, tmp_path):
    """A copy of the demo's workspace to do as one likes with."""
    folder, told, _ = finished_demo
    copy = tmp_path / "w"
    shutil.copytree(folder / "w", copy)
    return Quarter(copy, folder / "w-extracts", told)


class Quarter:
    """A workspace after a demo, and ways to act in it as its users do."""

    def __init__(self, workspace: Path, extracts: Path, told: dict) -> None:
        self.workspace = workspace
        self.extracts = extracts
        self.told = told
        self.run = told["run"]["run"]
        self.release = told["list"]["release"]

    def do(self, command, *words):
        return desist(command, *words, "-W", self.workspace)

    def score(self):
        return self.do("score", "--as-of", "2026-10-01")

    def page(self, name="cases-to-review.html"):
        return (self.workspace / "reports" / name).read_text(encoding="utf-8")

    def forget_lists(self):
        """Remove the lists that the release made while it was valid, so that a search finds only new estimates."""
        shutil.rmtree(self.workspace / "lists")

    def without_sign_offs(self):
        """The workspace as it was before anybody signed: no release, no list, no page."""
        for name in ("releases", "lists", "reports"):
            shutil.rmtree(self.workspace / name)
        shutil.rmtree(self.workspace / "runs" / self.run / "sign_offs")
        with sqlite3.connect(self.workspace / "desist.db") as connection:
            connection.executescript("""
                drop trigger event_is_not_removed;
                delete from event where number >=
                    (select min(number) from event where operation = 'sign_off.recorded');
            """)
            (head,) = connection.execute("select hash from event order by number desc limit 1").fetchone()
        (self.workspace / "desist.head").write_text(head + "\n", encoding="utf-8")

    def set_today(self, day):
        path = self.workspace / "partnership.toml"
        lines = path.read_text(encoding="utf-8").splitlines()
        changed = [f"today = {day}" if line.startswith("today = ") else line for line in lines]
        assert changed != lines
        path.write_text("\n".join(changed) + "\n", encoding="utf-8")


#: What a demo may end with: a list with estimates, or the gate letting nothing out.
RELEASED, WITHHELD = 0, 3


@pytest.fixture(scope="session")
def quarter_of(desist, tmp_path_factory):
    """A demo by its options; each combination is run once. Only ``evidence`` alone may end without a release."""
    made = {}

    def run(*options, evidence=False):
        if options not in made:
            folder = tmp_path_factory.mktemp("world") / "w"
            ran = desist("demo", *options, "--policy", POLICY, "--workspace", folder, "--json")
            assert ran.returncode in ((RELEASED, WITHHELD) if evidence else (RELEASED,)), ran.stderr
            made[options] = folder, json.loads(ran.stdout)
        return made[options]

    return run
