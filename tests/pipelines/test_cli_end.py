"""How the process ends: with the command's own exit code, whatever a library's threads do at the end."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: A library that ends the process its own way after the command is done, as Arrow's threads now and then do.
ENDS_BADLY = """
import atexit, os, sys
from desist.pipelines import cli
class Last:
    def __del__(self):
        os.abort()
last = Last()
atexit.register(lambda: print("python's own end"))
sys.argv = ["desist", *{words!r}]
cli.run()
"""


@pytest.mark.parametrize(("words", "code"), [(["--help"], 0), (["verify", "-W", "nowhere"], 2)])
def test_a_library_that_aborts_at_the_end_changes_no_exit_code(words, code, tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ran = subprocess.run([sys.executable, "-c", ENDS_BADLY.format(words=words)], cwd=tmp_path, env=environment,
                         capture_output=True, text=True, check=False)  # fmt: skip
    assert ran.returncode == code, ran.stderr
    assert "python's own end" in ran.stdout
    assert (code == 0) == ("Usage" in ran.stdout) and (code == 0) == ("not a desist workspace" not in ran.stderr)


def test_the_installed_command_ends_that_way():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert scripts == {"desist": "desist.pipelines.cli:run"}
