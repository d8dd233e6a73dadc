"""The fit beneath curves and points, against other solvers and sums by hand."""

import numpy as np
from scipy.optimize import minimize, nnls
from sklearn.linear_model import LogisticRegression

from desist.models.estimators.logistic import fit_bounded_logistic, fit_line, solve_bounded


def test_bounded_least_squares_agrees_with_scipys():
    draw = np.random.default_rng(0)
    for _ in range(30):
        design = draw.normal(size=(40, 8))
        wanted = design @ draw.normal(size=8) + draw.normal(size=40)
        expected, _ = nnls(design, wanted)
        found = solve_bounded(design.T @ design, design.T @ wanted, np.ones(8, dtype=bool))
        assert np.allclose(found, expected, atol=1e-8)


def test_an_unbounded_weight_may_be_negative_and_a_bounded_one_not():
    gram, target = np.eye(2), np.array([-3.0, -3.0])
    assert solve_bounded(gram, target, np.array([True, False])).tolist() == [0.0, -3.0]


def test_without_bounds_it_is_ordinary_ridge_logistic_regression():
    draw = np.random.default_rng(1)
    X = draw.normal(size=(300, 3))
    y = (draw.random(300) < 1 / (1 + np.exp(-X[:, 0] + 0.5 * X[:, 1]))).astype(float)
    theirs = LogisticRegression(C=1 / 2.0, tol=1e-10, max_iter=1000).fit(X, y)
    design = np.column_stack([X, np.ones(300)])
    ours = fit_bounded_logistic(
        design, np.ones(300), y, bounded=np.zeros(4, dtype=bool), penalty=np.array([2.0, 2.0, 2.0, 0.0]),
        start=np.zeros(4), within=1e-14,
    )  # fmt: skip
    assert np.allclose(ours, [*theirs.coef_[0], theirs.intercept_[0]], atol=1e-5)


def test_bounds_give_the_least_loss_a_general_optimiser_finds():
    draw = np.random.default_rng(2)
    X = draw.normal(size=(200, 4))
    y = (draw.random(200) < 1 / (1 + np.exp(-X @ [1.0, -1.0, 0.5, -0.2]))).astype(float)
    penalty = np.full(4, 0.5)

    def loss(weights):
        logit = X @ weights
        return np.logaddexp(0, logit).sum() - y @ logit + 0.5 * penalty @ weights**2

    theirs = minimize(loss, np.zeros(4), bounds=[(0, None)] * 4, method="L-BFGS-B", options={"ftol": 1e-14})
    ours = fit_bounded_logistic(
        X, np.ones(200), y, bounded=np.ones(4, dtype=bool), penalty=penalty, start=np.zeros(4), within=1e-14
    )
    assert (ours >= 0).all()
    assert loss(ours) <= theirs.fun + 1e-6


def test_a_line_through_two_groups_has_their_log_odds():
    # 1 of 4 at value 0: odds 1/3; 3 of 4 at value 2: odds 3. Slope = (ln 3 - ln 1/3) / 2 = ln 3
    line = fit_line(np.array([0.0, 2.0]), np.array([4.0, 4.0]), np.array([1.0, 3.0]))
    assert np.isclose(line.intercept, -np.log(3))
    assert np.isclose(line.slope, np.log(3))


def test_a_line_through_one_value_is_the_rate():
    line = fit_line(np.array([7.0]), np.array([5.0]), np.array([1.0]))
    assert line.slope == 0.0
    assert np.isclose(line.intercept, np.log(0.2 / 0.8))


def test_a_line_far_from_zero_is_the_same_line_moved():
    rows, events = np.array([10.0, 10.0, 10.0]), np.array([2.0, 4.0, 7.0])
    near = fit_line(np.array([0.0, 1.0, 2.0]), rows, events)
    far = fit_line(np.array([0.0, 1.0, 2.0]) + 10_000, rows, events)
    assert np.isclose(near.slope, far.slope)
    assert np.isclose(near.intercept, far.intercept + 10_000 * far.slope)
