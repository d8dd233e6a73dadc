"""Comparators that use age and sex: careers as known on the day, other people's outcomes, and no file of scores."""

import datetime as dt
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from desist.fairness.comparators.offences import OffenceCodes
from desist.intake.terms.ages import age_on
from desist.pipelines import national
from desist.pipelines.careers import NO_SANCTION, NOT_KNOWN, NOT_SHARED, Careers
from desist.pipelines.national import LEAST_ROWS, National, Nationals, age_alone, national_figures, read_tables
from desist.records.errors import Refused

CODES = OffenceCodes(
    categories={"04600": "THEFT_NON_MOTOR", "03401": "ACQUISITIVE_VIOLENCE"},
    groups={"04600": "Theft (non-motor)", "03401": "Robbery"},
    violent={"04600": False, "03401": True},
)
AS_OF = pd.Timestamp("2024-06-15")


class MadeUpVault:
    """Birth dates of made-up people."""

    def __init__(self, births):
        self.births = births

    def ages_on(self, people, days):
        born = np.array([self.births[person] for person in people], dtype="datetime64[D]")
        ages = [np.nan if day is None else age_on(born[[n]], day)[0] for n, day in enumerate(days)]
        return pd.Series(ages, index=people)

    def age_at(self, people, day):
        return self.ages_on(people, [day] * len(people))


def ground(sanctions, births, *, index_dates=None, shared=("police",), known=None):
    """What careers are told from: (person, code, sanction date, recorded date) rows of police sanctions."""
    table = pd.DataFrame(sanctions, columns=["person_id", "offence_code", "sanction_date", "recorded_on"])
    for name in ("sanction_date", "recorded_on"):
        table[name] = pd.to_datetime(table[name])
    table = table.assign(occurred_on=table["sanction_date"], sanction_type="conviction", disposal="fine")
    since = known or {person: dt.date(2000, 1, 1) for person in births}
    members = pd.DataFrame({"person_id": [*births], "as_of": AS_OF})
    members["index_date"] = pd.to_datetime([(index_dates or {}).get(person) for person in births])
    return SimpleNamespace(
        linked=SimpleNamespace(tables={"pol_sanction": table}, snapshots={"police": dt.date(2026, 9, 30)}),
        events=SimpleNamespace(
            shared=frozenset(shared),
            knows=lambda source, person, day: person in since and since[person] < day,
        ),
        vault=MadeUpVault(births),
        cohort=lambda day: SimpleNamespace(members=members),
    )


def rows(*people):
    table = pd.DataFrame({"person_id": people, "as_of": AS_OF})
    return table.assign(age=30.0)


EVERYTHING = dt.date(1900, 1, 1)


def test_a_career_is_what_was_recorded_before_the_as_of_date():
    found = Careers(
        ground(
            [
                ("A", "04600", "2010-03-01", "2010-03-02"),
                ("A", "04600", "2010-03-01", "2010-03-02"),  # two offences of one day are one sanction
                ("A", "04600", "2020-05-01", "2020-05-02"),
                ("A", "03401", "2020-05-01", "2020-05-02"),  # the graver offence of the last day is the current one
                ("A", "00001", "2021-01-01", "2021-01-02"),  # a breach is no sanction
                ("A", "03401", "2024-06-14", "2024-06-15"),  # recorded on the as-of date: not known yet
            ],
            {"A": "1994-02-10"},
            index_dates={"A": "2023-06-16"},
        ),
        CODES,
        EVERYTHING,
    ).inputs(rows("A"))
    told = found.iloc[0]
    assert (told["sanctions"], told["violent_sanctions"]) == (2, 1)
    assert (told["age_at_first_sanction"], told["age_at_conviction"], told["age_at_start"]) == (16, 26, 29)
    assert (told["offence_category"], told["offence_group"]) == ("ACQUISITIVE_VIOLENCE", "Robbery")
    assert told["offence_free_months"] == 11  # 16 June to 15 June is a day short of twelve
    assert told["why_unknown"] == ""


def test_follow_up_starts_on_the_conviction_where_no_later_index_event_is_known():
    sanctions = [("A", "04600", "2024-05-15", "2024-05-16"), ("B", "04600", "2024-05-16", "2024-05-16")]
    births = {"A": "1994-02-10", "B": "1994-02-10"}
    found = Careers(ground(sanctions, births, index_dates={"B": "2020-01-01"}), CODES, EVERYTHING).inputs(
        rows("A", "B")
    )
    assert found["offence_free_months"].tolist() == [1, 0]


def test_sanctions_before_the_extracts_begin_are_unknown_and_not_none():
    sanctions = [("old", "04600", "2020-05-01", "2020-05-02"), ("young", "04600", "2020-05-01", "2020-05-02")]
    births = {"old": "2002-05-01", "young": "2002-05-02"}
    careers = Careers(ground(sanctions, births), CODES, dt.date(2012, 5, 1))
    assert careers.inputs(rows("old", "young"))["why_unknown"].tolist() == [
        "sanctions before 2012-05-01 are not in the extracts, and the person was ten or older then", ""
    ]  # fmt: skip


def test_where_nothing_says_since_when_they_are_complete_the_first_sanction_held_is_the_beginning():
    sanctions = [("A", "04600", "2020-05-01", "2020-05-02")]
    why = Careers(ground(sanctions, {"A": "2001-01-01"}), CODES, None).inputs(rows("A"))["why_unknown"].iloc[0]
    assert why.startswith("sanctions before 2020-05-01")


def test_nobody_known_to_police_and_nobody_sanctioned_are_told_apart_and_neither_is_nought():
    world = ground(
        [("C", "04600", "2020-05-01", "2020-05-02")],
        {"A": "1994-02-10", "B": "1994-02-10", "C": "1994-02-10"},
        known={"A": AS_OF.date(), "B": dt.date(2020, 1, 1), "C": dt.date(2020, 1, 1)},
    )
    found = Careers(world, CODES, EVERYTHING).inputs(rows("A", "B", "C"))
    assert found["why_unknown"].tolist() == [NOT_KNOWN, NO_SANCTION, ""]
    assert np.isnan(found["sanctions"].iloc[1])


def test_without_police_data_probations_convictions_are_no_whole_career():
    world = ground([("A", "04600", "2020-05-01", "2020-05-02")], {"A": "1994-02-10"}, shared=("probation",))
    assert Careers(world, CODES, EVERYTHING).inputs(rows("A"))["why_unknown"].tolist() == [NOT_SHARED]


def test_an_offence_code_without_a_meaning_leaves_the_number_of_violent_sanctions_unknown():
    codes = OffenceCodes({}, {}, {"04600": False})
    sanctions = [("A", "03401", "2020-05-01", "2020-05-02"), ("B", "04600", "2020-05-01", "2020-05-02")]
    found = Careers(ground(sanctions, {"A": "1994-02-10", "B": "1994-02-10"}), codes, EVERYTHING).inputs(rows("A", "B"))
    assert np.isnan(found["violent_sanctions"].iloc[0]) and found["violent_sanctions"].iloc[1] == 0


def aged(people, as_of, ages, outcome):
    return pd.DataFrame({"person_id": people, "as_of": pd.to_datetime(as_of), "age": ages, "y": outcome})


def test_age_alone_learns_only_from_outcomes_that_were_known_by_then():
    past = aged(["A", "B"], ["2022-01-01", "2023-01-01"], [20.0, 20.0], [1.0, 0.0])
    asked = aged(["C", "D", "E"], ["2022-12-31", "2023-01-01", "2024-01-01"], [20.0] * 3, [0.0] * 3)
    scores, why = age_alone(asked, past, "y", 365, seed=1)
    assert np.isnan(scores[0]) and why[0] == national.NOTHING_EARLIER
    assert scores[1] == 1.0  # A alone
    assert scores[2] == pytest.approx(0.5)


def test_nobodys_own_earlier_outcome_is_in_their_chance():
    people = [f"P{number}" for number in range(30)]
    past = aged(people, "2022-01-01", 20.0, [1.0] * 30)
    asked = aged(people, "2024-01-01", 20.0, [0.0] * 30)
    before, _ = age_alone(asked, past, "y", 365, seed=1)
    for person in range(0, 30, 5):
        changed, _ = age_alone(asked, past.assign(y=past["y"].where(past.index != person, 0.0)), "y", 365, seed=1)
        assert changed[person] == before[person]


def one(scores, same_question=True):
    return National("a comparator", "words", same_question, {"unknown: legal sex": 1}, pd.Series(scores))


def test_what_can_be_written_of_a_comparator_holds_no_score_and_no_person():
    found = Nationals((one([0.123456, np.nan]),), "")
    assert "0.123456" not in repr(found) and "123456" not in str(found.as_json())
    assert found.as_json()["comparators"]["a comparator"]["rows_scored"] == 1
    assert "never shown for a person" in found.as_json()["words"]


def test_figures_are_of_the_rows_that_the_comparator_knows():
    draw = np.random.default_rng(3)
    y = np.tile([0.0, 1.0], LEAST_ROWS)
    its = np.where(draw.random(2 * LEAST_ROWS) < 0.5, np.nan, 0.3 + 0.4 * y)
    its[:LEAST_ROWS] = 0.3 + 0.4 * y[:LEAST_ROWS]
    people = np.arange(2 * LEAST_ROWS)
    figures = national_figures(Nationals((one(its),), ""), y, np.full(len(y), 0.5), people, replicates=100, seed=1)
    told = figures["a comparator"]
    assert told["its"]["auc"]["value"] == 1.0 and told["model_less_it"]["auc"]["value"] == -0.5
    other = national_figures(
        Nationals((one(its, same_question=False),), ""), y, np.full(len(y), 0.5), people, replicates=100, seed=1
    )["a comparator"]
    assert set(other["its"]) == set(other["model_less_it"]) == {"auc"}  # its chances are of another question


def test_too_few_rows_tell_nothing_of_a_comparator():
    scores = [0.5] * (LEAST_ROWS - 1) + [np.nan] * LEAST_ROWS
    y = np.tile([0.0, 1.0], LEAST_ROWS)[: len(scores)]
    figures = national_figures(Nationals((one(scores),), ""), y, y / 2, np.arange(len(y)), replicates=100, seed=1)
    assert figures == {"a comparator": {}}


def session(folder):
    return SimpleNamespace(workspace=SimpleNamespace(root=folder), today=dt.date(2026, 10, 1))


def test_without_a_folder_of_tables_there_is_age_alone(tmp_path):
    assert read_tables(session(tmp_path)) is None


def test_the_day_since_when_sanctions_are_complete_is_read_and_not_guessed(tmp_path):
    (tmp_path / "instruments").mkdir()
    for text in ("", "sanctions_complete_from = 2030-01-01", "complete_from = 2000-01-01", "sanctions ="):
        (tmp_path / "instruments" / "extent.toml").write_text(text, encoding="utf-8")
        with pytest.raises(Refused, match=r"extent\.toml"):
            read_tables(session(tmp_path))


def test_tables_in_the_workspace_are_read_and_checked_against_their_own_cases(tmp_path, shared_data):
    folder = tmp_path / "instruments"
    folder.mkdir()
    for name in ("uk_risk_instruments", "uk_offence_codes"):
        for path in shared_data(name).iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
    (folder / "extent.toml").write_text("sanctions_complete_from = 1975-01-01\n", encoding="utf-8")
    found = read_tables(session(tmp_path))
    assert found.complete_from == dt.date(1975, 1, 1) and ("ARP", "static") in found.instruments.predictors
    path = folder / "ogrs3_coefficients.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("25-29,-1.166679288", "25-29,-1.2"), encoding="utf-8")
    with pytest.raises(Refused, match="do not give the published answers"):
        read_tables(session(tmp_path))
