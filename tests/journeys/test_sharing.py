"""Whole quarters of partnerships in which not every agency shares: nobody loses their place on the list."""

import re

import pytest

pytestmark = pytest.mark.slow


def page(folder):
    text = (folder / "reports" / "cases-to-review.html").read_text(encoding="utf-8")
    return re.sub(r"\s+", " ", text)


def test_the_demo_ends_well_without_any_treatment_data(quarter_of):
    folder, told = quarter_of("--people", 1500, "--seed", 4, "--sharing", "no_treatment")
    assert told["pages"]["withheld"] == [] and told["list"]["people"] > 150
    assert "No treatment data is shared with this partnership." in page(folder)


def test_without_police_data_for_one_area_its_people_keep_their_place_without_an_estimate(quarter_of):
    folder, told = quarter_of("--people", 1500, "--seed", 4, "--sharing", "no_police_in_one_area")
    without = told["list"]["without_estimate"]["too_little_data"]
    assert without > 0.1 * told["list"]["people"]
    shown = page(folder)
    assert shown.count("Not enough information") >= without
    assert "Too little is recorded to make an estimate." in shown


def test_the_demo_ends_well_with_probation_alone(quarter_of):
    folder, told = quarter_of("--people", 1500, "--seed", 4, "--sharing", "probation_only")
    assert told["list"]["people"] > 150 and sum(told["list"]["steps"].values()) > 150
    assert "No prison, police, treatment and council data is shared with this partnership." in page(folder)
