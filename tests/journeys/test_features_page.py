"""docs/features.md as a new analyst follows it: what it says to write is written, what it says to run is run."""

import json
import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "features.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, flags=re.S | re.M)
FEATURE, EXAMPLES, LOOKBACK = (block for language, block in BLOCKS if language == "toml")
COMMANDS = [block.strip() for language, block in BLOCKS if not language]


@pytest.fixture
def followed(quarter):
    """A workspace with data, in which the page's two files were written."""
    features = quarter.workspace / "features.toml"
    features.write_text(features.read_text(encoding="utf-8") + FEATURE, encoding="utf-8")
    (quarter.workspace / "definitions").mkdir()
    (quarter.workspace / "definitions" / "pace.toml").write_text(EXAMPLES, encoding="utf-8")
    return quarter


def run(quarter, command, *more):
    words = command.split()
    assert words[0] == "desist" and words[-2:] == ["-W", "my-partnership"]
    return quarter.do(*words[1:-2], *more)


def test_every_command_of_the_page_runs_and_shows_what_the_page_says(followed):
    assert len(COMMANDS) == 3
    answers = {command.split()[1]: run(followed, command, "--json") for command in COMMANDS}
    assert {name: ran.returncode for name, ran in answers.items()} == {"check": 0, "report": 0, "build": 0}
    checked, reported, built = (json.loads(answers[name].stdout) for name in ("check", "report", "build"))
    assert checked["differences"] == [] and checked["features_without_an_example"] == []
    assert reported["own"] == ["pace_of_offences"]
    assert built["features"] == reported["features"]


def test_the_page_quotes_the_feature_in_words_as_the_report_has_it(followed):
    followed.do("report", "features")
    quoted = re.search(r"^> (.*)$", PAGE, flags=re.M).group(1)
    assert quoted in (followed.workspace / "reports" / "features.html").read_text(encoding="utf-8")


def test_the_mistake_the_page_shows_is_told_as_the_page_shows_it(followed):
    features = followed.workspace / "features.toml"
    features.write_text(FEATURE.replace('count(offences, within="1y")', "count(ofences)"), encoding="utf-8")
    shown = next(block for language, block in BLOCKS if language == "text")
    ran = followed.do("check", "definitions")
    assert ran.returncode == 2 and shown.strip() in ran.stderr


def test_the_lookback_of_the_page_is_accepted_beside_its_feature(followed):
    features = followed.workspace / "features.toml"
    features.write_text(FEATURE + LOOKBACK, encoding="utf-8")
    assert followed.do("check", "definitions").returncode == 0
