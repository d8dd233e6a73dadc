"""How tables are taken in: what each column is told to be, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators import calibration
from desist.models.estimators.base import CannotFit, learn_columns, read_matrix
from desist.models.estimators.logistic import fit_line
from desist.models.estimators.spline import SplineLogistic

ONE = FeatureSet((FeatureInfo("x"),))
TWO = FeatureSet((FeatureInfo("x"), FeatureInfo("y", missing_as=0.0)))


def test_columns_are_told_by_range_and_median_and_an_empty_one_is_0():
    columns = learn_columns(
        np.array([[1.0, np.nan, 5.0], [2.0, np.nan, np.nan], [4.0, np.nan, 5.0], [9.0, np.nan, 7.0]])
    )
    assert columns.low.tolist() == [1, 0, 5] and columns.high.tolist() == [9, 0, 7]
    assert columns.neutral.tolist() == columns.typical.tolist() == [3, 0, 5]
    assert not columns.missing_counts.any()


@pytest.mark.parametrize(
    ("rows", "missing", "counts"), [(600, 19, False), (600, 20, True), (300_000, 29, False), (300_000, 30, True)]
)
def test_missing_counts_from_twenty_rows_and_one_in_ten_thousand_on(rows, missing, counts):
    values = np.zeros((rows, 1))
    values[:missing] = np.nan
    assert learn_columns(values).missing_counts.tolist() == [counts]


def test_a_column_mostly_missing_has_no_typical_value():
    values = np.r_[np.full(40, np.nan), np.ones(39)][:, None]
    assert np.isnan(learn_columns(values).typical).all()
    assert learn_columns(values[1:]).typical.tolist() == [1.0]  # half of them is not most of them


def test_a_matrix_has_the_stated_meaning_of_missing_and_leaves_the_table_alone():
    table = pd.DataFrame({"y": pd.array([1, None], dtype="Int64"), "x": [True, False], "z": ["not", "used"]})
    assert read_matrix(table, TWO).tolist() == [[1, 1], [0, 0]]
    assert table["y"].isna().tolist() == [False, True]


@pytest.mark.parametrize("wrong", [pd.to_datetime(["2026-01-01", None]), pd.to_timedelta([1, 2], unit="D"), ["a", "b"]])
def test_dates_are_not_taken_for_numbers(wrong):
    with pytest.raises(CannotFit, match="columns y hold text or dates"):
        read_matrix(pd.DataFrame({"x": [1.0, 2.0], "y": wrong}), TWO)


def test_a_column_that_stands_twice_is_refused():
    with pytest.raises(CannotFit, match="columns x stand in the table more than once"):
        read_matrix(pd.DataFrame([[1.0, 2.0, 3.0]], columns=["x", "y", "x"]), TWO)


def threads_of_linear_algebra():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_models_and_lines_are_fitted_on_one_thread_so_that_their_hash_hangs_on_no_machine(made_up, monkeypatch):
    seen = []

    class Watched(SplineLogistic):
        def _learn(self, *told):
            seen.append(threads_of_linear_algebra())
            super()._learn(*told)

    def watched(*told):
        seen.append(threads_of_linear_algebra())
        return fit_line(*told)

    monkeypatch.setattr(calibration, "fit_line", watched)
    with threadpool_limits(2, user_api="blas"):
        assert threads_of_linear_algebra() == {2}
        model = Watched(ONE, shrinkage=1.0).fit(made_up.table.rename(columns={"sanctions": "x"}), made_up.outcome)
        calibration.Calibrated(model).fit(made_up.table.rename(columns={"sanctions": "x"}), made_up.outcome)
        assert threads_of_linear_algebra() == {2}
    assert seen == [{1}, {1}]
