"""Who belongs to which group, and a join in which nobody is lost."""

import pandas as pd
import pytest

from desist.fairness.groups import age_band, group_rows, join_rows
from desist.features.tables import Outcomes, Scores
from desist.records.errors import Refused

DAY, LATER = pd.Timestamp("2024-01-01"), pd.Timestamp("2025-01-01")


def _rows(*keys):
    return pd.DataFrame(keys, columns=["person_id", "as_of"])


def test_people_without_characteristics_are_not_stated_and_never_dropped():
    rows = _rows(("A", DAY), ("B", DAY), ("C", DAY))
    told = pd.DataFrame({"person_id": ["A", "C"], "ethnicity": ["Black", None], "sex": ["Female", "Male"]})
    ages = rows[rows["person_id"] != "C"].assign(age=[20.0, 50.0])
    found = group_rows(rows, told, ages)
    assert found["person_id"].tolist() == ["A", "B", "C"]
    assert found["ethnicity"].tolist() == ["Black", "Not stated", "Not stated"]
    assert found["sex"].tolist() == ["Female", "Not stated", "Male"]
    assert found["age_band"].tolist() == ["18-20", "50 and over", "Not stated"]
    assert found["sex_x_ethnicity"].tolist() == ["Female, Black", "Not stated, Not stated", "Male, Not stated"]


def test_a_person_moves_to_the_next_age_band_on_a_later_date():
    rows = _rows(("A", DAY), ("A", LATER))
    told = pd.DataFrame({"person_id": ["A"], "ethnicity": ["White"], "sex": ["Male"]})
    found = group_rows(rows, told, rows.assign(age=[20, 21]))
    assert found["age_band"].tolist() == ["18-20", "21-24"]


@pytest.mark.parametrize(
    ("age", "band"),
    [(18, "18-20"), (20, "18-20"), (20.9, "18-20"), (21, "21-24"), (24, "21-24"), (25, "25-29"), (30, "30-39"),
     (49, "40-49"), (50, "50 and over"), (97, "50 and over"), (None, "Not stated")],
)  # fmt: skip
def test_age_bands_begin_and_end_where_the_code_list_says(age, band):
    assert age_band(pd.Series([age], dtype=float)).tolist() == [band]


def test_a_child_among_the_rows_is_refused():
    with pytest.raises(Refused, match="1 rows are of people under 18"):
        age_band(pd.Series([17.0, 30.0]))


def test_disability_and_religion_are_compared_where_they_are_held():
    rows = _rows(("A", DAY))
    told = pd.DataFrame(
        {"person_id": ["A"], "ethnicity": ["White"], "sex": ["Male"], "disability": ["yes"], "ethnicity_officer": ["1"]}
    )
    found = group_rows(rows, told, rows.assign(age=30))
    assert found["disability"].tolist() == ["yes"]
    assert "ethnicity_officer" not in found  # never a group by itself, never mixed in


def test_two_records_of_one_person_do_not_make_two_rows():
    rows = _rows(("A", DAY))
    told = pd.DataFrame({"person_id": ["A", "A"], "ethnicity": ["White", "Black"], "sex": ["Male", "Male"]})
    with pytest.raises(ValueError, match="two rows for one person"):
        group_rows(rows, told, rows.assign(age=30))


def _joinable():
    rows = _rows(("A", DAY), ("A", LATER), ("B", DAY), ("C", DAY))
    scores = Scores(rows.assign(score=[0.1, 0.2, 0.3, 0.4]), "m")
    labels = _rows(("A", DAY), ("A", LATER), ("B", DAY), ("D", DAY))
    outcomes = Outcomes(
        labels.assign(proven=[1.0, float("nan"), 0.0, 1.0], why_missing=["", "not mature", "", ""]), ("proven",), {}
    )
    return scores, outcomes, rows.assign(sex=["F", "F", "M", "Not stated"])


def test_scored_rows_are_judged_or_counted_with_the_reason():
    joined = join_rows(*_joinable()[:2], "proven", _joinable()[2])
    assert joined.y.tolist() == [1, 0] and joined.score.tolist() == [0.1, 0.3]
    assert joined.unknown == {"not mature": 1, "no row among the outcomes": 1}
    assert joined.rows_scored == len(joined.y) + joined.rows_without_outcome == 4
    assert (joined.people_scored, joined.outcome_rows_without_score) == (3, 1)
    assert joined.unknown_in("sex") == {"F": 1, "Not stated": 1}
    assert joined.stated("sex") == pytest.approx(2 / 3)


def test_a_person_dropped_from_the_groups_is_noticed():
    scores, outcomes, groups = _joinable()
    with pytest.raises(Refused, match="1 of 4 scored rows have no row in the groups"):
        join_rows(scores, outcomes, "proven", groups.iloc[:3])


def test_a_person_twice_in_the_groups_is_noticed():
    scores, outcomes, groups = _joinable()
    with pytest.raises(ValueError, match="several rows"):
        join_rows(scores, outcomes, "proven", pd.concat([groups, groups.iloc[:1]]))


def test_an_empty_group_an_unknown_outcome_and_an_identifier_are_refused():
    scores, outcomes, groups = _joinable()
    with pytest.raises(Refused, match="1 rows have no sex"):
        join_rows(scores, outcomes, "proven", groups.assign(sex=["F", "F", "M", None]))
    with pytest.raises(Refused, match="There is no outcome arrest"):
        join_rows(scores, outcomes, "arrest", groups)
    rows = _rows(*((f"P{number}", DAY) for number in range(61)))
    with pytest.raises(Refused, match="61 groups"):
        join_rows(
            Scores(rows.assign(score=0.5), "m"), Outcomes(rows.assign(proven=1.0), ("proven",), {}), "proven",
            rows.assign(number=rows["person_id"]),
        )  # fmt: skip


def test_nothing_to_judge_is_refused_not_passed():
    scores, outcomes, groups = _joinable()
    table = outcomes.table.assign(proven=float("nan"))
    with pytest.raises(Refused, match="nothing to judge"):
        join_rows(scores, Outcomes(table, ("proven",), {}), "proven", groups)


def test_the_order_of_rows_changes_nothing():
    scores, outcomes, groups = _joinable()
    turned = Scores(scores.table.iloc[::-1], "m")
    one, other = (join_rows(given, outcomes, "proven", groups) for given in (scores, turned))
    assert one.score.tolist() == other.score.tolist() and one.people.tolist() == other.people.tolist()


@pytest.mark.parametrize("other", ["F ", " f", "F\u00a0"])
def test_two_spellings_of_one_group_are_refused_not_judged_as_two(other):
    scores, outcomes, groups = _joinable()
    with pytest.raises(Refused, match="differ in spaces or capitals only"):
        join_rows(scores, outcomes, "proven", groups.assign(sex=["F", other, "M", "M"]))


def test_the_latest_date_is_the_latest_whose_outcomes_are_known():
    """A's later row is not mature: with it as the latest date nobody at all would be on it."""
    assert join_rows(*_joinable()[:2], "proven", _joinable()[2]).latest.tolist() == [True, True]
