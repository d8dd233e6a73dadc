"""The checker finds nothing in a partnership as written, and finds each error that is planted."""

import json
import shutil
from dataclasses import replace

import pandas as pd
import pyarrow.parquet as pq
import pytest

from desist.simulation.check import check_truth
from desist.simulation.world import World
from desist.simulation.write import simulate


def check(folder, **settings):
    return check_truth(folder, seed=1, **({"people": 200, "futures": 100, "dates": 2} | settings))


@pytest.fixture
def copy(small, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(small, folder)
    return folder


def change(folder, table, edit):
    path = folder / "truth" / f"{table}.parquet"
    frame = pd.read_parquet(path)
    frame.attrs = {}
    edited = edit(frame)
    edited.to_parquet(path, index=False)
    assert pq.read_table(path).num_rows == len(edited)


def change_csv(folder, source, table, edit):
    path = folder / "extracts" / source / f"{table}.csv"
    edit(pd.read_csv(path, dtype=str, keep_default_na=False)).to_csv(path, index=False)


def scaled(factor):
    """An edit of the offences: detection chances times a factor, but for first sanctions, which are certain."""
    return lambda rows: rows.assign(chance=rows["chance"].where(rows["first"], rows["chance"] * factor))


def test_everything_holds_in_a_partnership_as_written(small):
    assert check(small, people=300, futures=200, dates=3) == []


@pytest.mark.parametrize(
    "world",
    [
        World.null(),
        World.off(),
        replace(World(), enforcement_gap=2.0, listing_detection=3.0, supervision_detection=1.0),
        replace(World(), treatment_reduces=1.0, supervision_reduces=0.9, desistance=0.3, relapse=0.3),
    ],
    ids=["null", "off", "detection at its cap", "strong effects"],
)
def test_everything_holds_in_other_worlds(tmp_path, world):
    simulate(tmp_path, people=300, seed=3, world=world)
    assert check(tmp_path) == []


@pytest.mark.parametrize("sharing", ["no_treatment", "no_police_in_one_area", "probation_only"])
def test_everything_holds_however_little_is_shared(tmp_path, sharing):
    simulate(tmp_path, people=150, seed=4, sharing=sharing)
    assert check(tmp_path, people=100, futures=40) == []


@pytest.mark.parametrize("column", ["p_proven", "p_any"])
@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_a_chance_off_by_a_tenth_is_found(copy, column, factor):
    change(copy, "chances", lambda rows: rows.assign(**{column: (rows[column] * factor).clip(upper=1)}))
    assert any(column in problem for problem in check(copy))


def test_a_wrong_chance_on_the_list_date_alone_is_found_though_nothing_has_happened_since(copy):
    def edit(rows):
        last = rows["as_of"] == rows["as_of"].max()
        return rows.assign(p_proven=rows["p_proven"].where(~last, rows["p_proven"] * 1.1))

    change(copy, "chances", edit)
    assert any("2026-10-01" in problem for problem in check(copy))


def test_chances_that_are_right_on_average_but_not_for_each_person_are_found(copy):
    def edit(rows):
        rows = rows.copy()
        for _, part in rows.groupby("as_of"):
            rows.loc[part.index, "p_proven"] = part["p_proven"].mean()
        return rows

    change(copy, "chances", edit)
    assert any("person by person" in problem for problem in check(copy))


def test_the_true_state_of_who_has_stopped_is_part_of_what_is_checked(copy):
    change(copy, "chances", lambda rows: rows.assign(active=True))
    assert any("chances" in problem for problem in check(copy))


def test_custody_that_the_truth_forgets_is_found(copy):
    change(copy, "schedules", lambda rows: rows[rows["kind"] != "custody"])
    assert any("chances" in problem for problem in check(copy))


def test_an_offence_moved_into_custody_is_found(copy):
    def edit(offences):
        spells = pd.read_parquet(copy / "truth" / "schedules.parquet")
        spell = spells[spells["kind"] == "custody"].iloc[0]
        row = offences.index[(offences["person"] == spell["person"]) & ~offences["first"]]
        row = row if len(row) else offences.index[~offences["first"]]
        offences.loc[row[0], ["person", "occurred_on"]] = [spell["person"], spell["start"]]
        return offences

    change(copy, "offences", edit)
    assert any("in custody" in problem for problem in check(copy, people=20, futures=10))


def test_a_sentence_that_begins_before_its_sanction_is_found(copy):
    def edit(schedules):
        schedules.loc[0, "start"] = schedules.loc[0, "drawn_on"]
        return schedules

    change(copy, "schedules", edit)
    assert any("1 intervals begin less than 31 days" in problem for problem in check(copy, people=20, futures=10))


def test_detection_chances_that_do_not_follow_from_the_knobs_are_found(copy):
    change(copy, "offences", scaled(1.02))
    assert any("does not follow from the knobs" in problem for problem in check(copy, people=20, futures=10))


def test_offences_detected_more_often_than_their_chances_say_are_found(copy):
    settings = json.loads((copy / "truth" / "world.json").read_text())
    settings["world"]["enforcement_gap"] = 0.0
    settings["world"]["offence_detection"] = 0.0
    (copy / "truth" / "world.json").write_text(json.dumps(settings))
    change(copy, "offences", scaled(0.8))
    problems = check(copy, people=20, futures=10)
    assert any("standard errors from the stated chances" in problem for problem in problems)


def test_a_detected_offence_that_the_police_do_not_hold_is_found(copy):
    def edit(rows):
        usual = rows.index[(rows["subject_category"] == "convicted") & ~rows["offence_code"].isin(["00001", "01809"])]
        return rows.drop(usual[0])

    change_csv(copy, "police", "pol_sanction", edit)
    assert check(copy, people=20, futures=10) == ["pol_sanction lacks 1 detected offences"]


def test_a_sanction_that_nobody_was_detected_for_is_found(copy):
    def edit(rows):
        usual = rows[(rows["subject_category"] == "convicted") & ~rows["offence_code"].isin(["00001", "01809"])]
        return pd.concat([rows, usual.head(1).assign(occurred_on="2019-02-03")])

    change_csv(copy, "police", "pol_sanction", edit)
    assert check(copy, people=20, futures=10) == ["pol_sanction holds 1 sanctions that are of no detected offence"]


def test_two_people_whose_links_are_exchanged_are_found(copy):
    def edit(links):
        police = links.index[links["source"] == "police"][:2]
        links.loc[police, "person"] = links.loc[police[::-1], "person"].to_numpy()
        return links

    change(copy, "links", edit)
    assert any(problem.startswith("links:") for problem in check(copy, people=20, futures=10))


def test_an_identifier_that_could_be_real_is_found(copy):
    def edit(rows):
        rows.loc[0, "pnc"] = "2003/0000001W"  # the right letter, and a year in which numbers were given
        return rows

    change_csv(copy, "police", "identity", edit)
    assert any("outside the made-up range" in problem for problem in check(copy, people=20, futures=10))
