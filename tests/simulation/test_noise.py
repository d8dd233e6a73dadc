"""How one person comes to be written differently: at the stated rates, more for some, and never more than a slip."""

import json
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desist.simulation.misspelt import could_be_slip, digit_slip, exchanged, plain
from desist.simulation.noise import MORE_FOR, OF_PEOPLE, RATES, Noise
from desist.simulation.truth_read import world_of
from desist.simulation.world import OFF, World, date_of, day
from desist.simulation.write import simulate

DRAW = st.floats(0, 1, exclude_max=True)
NOBODY = replace(World.off(), yearly_offences=1.75)


def identities(folder):
    tables = {
        path.parent.name: pd.read_csv(path, dtype=str, keep_default_na=False)
        for path in sorted((folder / "extracts").glob("*/identity.csv"))
    }
    held = pd.concat(tables, names=["source"]).reset_index(level=0)
    links = pd.read_parquet(folder / "truth" / "links.parquet").astype(str)
    people = pd.read_parquet(folder / "truth" / "people.parquet")[["person", "born", "ethnicity"]].astype(str)
    return held.merge(links, on=["source", "agency_person"]).merge(people, on="person")


def made(tmp_path, noise, people=400, seed=3, name="made"):
    simulate(tmp_path / name, people=people, seed=seed, world=replace(NOBODY, noise=noise))
    return identities(tmp_path / name)


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """80 people whom every agency writes as they are."""
    return made(tmp_path_factory.mktemp("quiet"), Noise.none(), people=80)


def test_without_noise_every_agency_writes_a_person_alike(quiet):
    named = quiet[quiet["source"] != "treatment"]
    for column in ("forename", "surname", "other_names", "aliases", "dob", "postcode"):
        assert (named.groupby("person")[column].nunique() == 1).all(), column
    assert (quiet["dob"] == quiet["born"]).all()


@pytest.mark.parametrize(
    ("rate", "columns"),
    [
        ("nickname", {"forename"}), ("spelling", {"forename", "surname"}),
        ("order", {"forename", "other_names", "surname"}),
        ("forename_slip", {"forename"}), ("surname_changed", {"surname"}), ("one_surname", {"surname"}),
        ("alias_used", {"surname", "aliases"}), ("accents_lost", {"forename", "other_names", "surname", "aliases"}),
        ("day_month", {"dob"}), ("birth_digit", {"dob"}), ("birth_missing", {"dob"}), ("moved", {"postcode"}),
        ("identifier_missing", {"pnc", "crn", "prison_number", "nhs_number"}),
        ("identifier_typo", {"pnc", "crn", "prison_number", "nhs_number"}),
        ("identifiers_removed", {"pnc", "crn", "prison_number", "nhs_number"}),
    ],
)  # fmt: skip
def test_each_rate_changes_its_own_columns_and_no_other(tmp_path, quiet, rate, columns):
    loud = made(tmp_path, replace(Noise.none(), **{rate: 0.4}), people=80)
    differs = {name for name in quiet.columns if (quiet[name] != loud[name]).any()}
    assert differs and differs <= columns
    if rate not in ("spelling", "order", "alias_used", "accents_lost"):
        assert differs == columns


def test_birth_dates_slip_as_often_as_stated_and_only_by_a_slip(tmp_path):
    noise = replace(Noise.none(), birth_digit=0.2, more_for=())
    held = made(tmp_path, noise)
    slipped = held["dob"] != held["born"]
    assert abs(slipped.mean() - 0.2) < 4 * np.sqrt(0.2 * 0.8 / len(held))
    pairs = [[day(pd.Timestamp(one).date()) for one in pair] for pair in held[["born", "dob"]].to_numpy()]
    assert all(could_be_slip(*pair) for pair in pairs)


def test_some_communities_are_written_worse_unless_that_is_off(tmp_path):
    noise = replace(Noise.none(), birth_missing=0.2)
    bengali = {}
    for name, one in (("on", noise), ("off", noise.alike())):
        held = made(tmp_path, one, people=600, name=name)
        bengali[name] = (held["dob"] == "").groupby(held["ethnicity"]).mean()["A3"]
    times = dict(MORE_FOR)["bangladeshi"]
    assert abs(bengali["on"] - 0.2 * times) < 0.09 and abs(bengali["off"] - 0.2) < 0.09


def test_identifiers_are_removed_of_people_and_everywhere(tmp_path):
    held = made(tmp_path, replace(Noise.none(), identifiers_removed=0.4))
    holds = (held[["pnc", "crn", "prison_number", "nhs_number"]] != "").any(axis=1)
    police = held["source"] == "police"
    share = holds[police].groupby(held["person"]).any().mean()
    assert 0.5 < share < 0.7
    without = set(held["person"][police & ~holds])
    assert not holds[held["person"].isin(without)].any()


def test_an_agencys_own_number_of_a_person_is_never_missing(tmp_path):
    held = made(tmp_path, replace(Noise.none(), identifier_missing=0.5)).set_index("source")
    assert (held.loc["probation", "crn"] != "").all()
    assert (held.loc["police", "pnc"] == "").mean() > 0.3


def test_the_stated_noise_is_written_with_the_truth_and_read_back(tmp_path):
    world = replace(NOBODY, noise=Noise.stated().times(2))
    simulate(tmp_path, people=5, seed=1, world=world)
    told = json.loads((tmp_path / "truth" / "world.json").read_text())["world"]
    assert told["noise"]["nickname"] == pytest.approx(0.12)
    assert world_of(told) == world


def test_a_multiple_leaves_shares_of_people_and_stops_at_one():
    stated = replace(Noise.stated(), identifiers_removed=0.4)
    thousandfold = stated.times(1000)
    assert {getattr(thousandfold, name) for name in RATES if name not in OF_PEOPLE} == {1.0}
    assert (thousandfold.twins, thousandfold.identifiers_removed) == (stated.twins, 0.4)
    assert stated.times(0) == replace(Noise.none(), **{name: getattr(stated, name) for name in OF_PEOPLE})
    assert OFF["noise"] == Noise.none() == World.off().noise


@pytest.mark.parametrize("name", RATES)
@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan"), "0.1"])
def test_a_rate_that_is_no_share_is_refused(name, value):
    with pytest.raises(ValueError, match=name):
        replace(Noise(), **{name: value})


def test_a_factor_below_zero_is_refused():
    with pytest.raises(ValueError, match="more_for"):
        Noise(more_for=(("polish", -1.0),))
    with pytest.raises(ValueError, match="times over"):
        Noise().times(float("nan"))


def test_the_usual_noise_is_milder_than_the_stated_one_in_everything():
    usual, stated = asdict(Noise()), asdict(Noise.stated())
    assert all(usual[name] <= stated[name] for name in RATES)


@pytest.mark.parametrize(
    ("born", "written"), [("1990-03-12", "1990-12-03"), ("1990-12-03", "1990-03-12"), ("1990-03-13", "1990-03-13")]
)
def test_day_and_month_are_exchanged_only_where_that_is_a_date(born, written):
    born, written = (day(pd.Timestamp(one).date()) for one in (born, written))
    assert exchanged(born) == written and could_be_slip(born, written)


@settings(deadline=None, max_examples=80)
@given(born=st.integers(-20000, 14000), which=DRAW, to=DRAW)
def test_a_digit_slip_is_another_date_near_by_and_never_makes_somebody_younger_by_a_year(born, which, to):
    written = digit_slip(born, which, to)
    one, other = date_of(born).isoformat(), date_of(written).isoformat()
    assert sum(a != b for a, b in zip(one, other, strict=True)) == 1 and could_be_slip(born, written)
    assert date_of(written).year <= date_of(born).year


def test_a_birth_date_ten_years_off_is_no_slip():
    assert not could_be_slip(day(pd.Timestamp("1990-03-12").date()), day(pd.Timestamp("1980-03-12").date()))


@pytest.mark.parametrize(("name", "written"), [("Łukasz", "Lukasz"), ("Ștefan", "Stefan"), ("Yıldız", "Yildiz")])
def test_accents_and_strokes_are_lost_letter_by_letter(name, written):
    assert plain(name) == written
