"""One partnership written twice: the careers stay, the writing changes, and the truth says who is who."""

import pytest

from desist.simulation.linkage_worlds import MOVED, NEW_PEOPLE, NEW_RECORDS, REWRITTEN, LinkageWorld
from desist.simulation.noise import Noise

PLACE = ["source", "agency_person"]


@pytest.fixture(scope="module")
def world():
    return LinkageWorld.settled(400, 2)


@pytest.fixture(scope="module")
def quarters(world):
    return world.quarters(Noise.stated())


def test_the_records_are_the_same_people_at_any_noise(world):
    quiet, loud = world.records(Noise.none()), world.records(Noise.stated().times(3))
    assert quiet[[*PLACE, "person"]].equals(loud[[*PLACE, "person"]])
    assert (quiet["surname"].fillna("") != loud["surname"].fillna("")).mean() > 0.2
    assert not quiet.duplicated(PLACE).any()


def test_everybody_has_one_row_of_characteristics(world):
    told = world.characteristics()
    assert set(world.records(Noise.none())["person"]) <= set(told["person"]) and not told["person"].duplicated().any()
    assert {"Asian", "White"} <= set(told["ethnicity"]) and "50 and over" in set(told["age_band"])


def test_treatment_records_are_of_people_who_consent(world):
    client = world.tables["treatment"]["trt_client"]
    consent = int(client.table["consent"].to_pandas().sum())
    assert (world.records(Noise.none())["source"] == "treatment").sum() == consent < len(client)


def test_the_next_quarter_has_new_people_and_records_and_says_which_are_unchanged(quarters):
    earlier, later = quarters
    both = earlier.merge(later, on=PLACE, suffixes=("", "_now"), how="right", indicator=True)
    there = (both["_merge"] == "both").to_numpy()
    assert abs((1 - there.mean()) - (NEW_PEOPLE + NEW_RECORDS)) < 0.03
    columns = [name for name in earlier if name not in PLACE]
    same = (both[columns].fillna("").to_numpy() == both[[f"{name}_now" for name in columns]].fillna("").to_numpy()).all(
        1
    )
    assert (later["unchanged"].to_numpy() == (same & there)).all()
    assert 0.9 < later["unchanged"][there].mean() < 1 - (MOVED + REWRITTEN) / 3


def test_nobody_becomes_somebody_else_between_quarters(quarters):
    earlier, later = quarters
    both = earlier.merge(later, on=PLACE)
    assert (both["person_x"] == both["person_y"]).all() and (both["dob_x"].fillna("") == both["dob_y"].fillna("")).all()
