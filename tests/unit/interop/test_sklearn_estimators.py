"""Estimators of scikit-learn as subjects."""

import numpy as np
import pytest

from mesascope.algorithms.ridge import Ridge
from mesascope.interop.predictors import PredictorSubject
from mesascope.interop.sklearn_estimators import EstimatorSubject
from mesascope.subject import SubjectError

pytest.importorskip("sklearn")

RNG = np.random.default_rng(0)
XS, YS, QUERIES = RNG.normal(size=(3, 6, 3)), RNG.normal(size=(3, 6, 2)), RNG.normal(size=(3, 4, 3))


@pytest.mark.parametrize("ys", [YS, YS[..., :1]])
def test_their_ridge_is_this_package_s(ys):
    from sklearn.linear_model import Ridge as TheirRidge

    estimator = TheirRidge(0.3, fit_intercept=False)
    found = EstimatorSubject(estimator).predictions(XS, ys, QUERIES)
    expected = PredictorSubject(Ridge(0.3)).predictions(XS, ys, QUERIES)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e3 * np.finfo(float).eps)
    assert not hasattr(estimator, "coef_")


def test_labels_of_one_number_have_one_axis():
    from sklearn.base import BaseEstimator

    seen = []

    class Mean(BaseEstimator):
        def fit(self, xs, ys):
            seen.append((xs.shape, ys.shape))
            self.mean = ys.mean(axis=0)
            return self

        def predict(self, xs):
            return np.broadcast_to(self.mean, (len(xs), *self.mean.shape))

    for ys in (YS, YS[..., :1]):
        found = EstimatorSubject(Mean()).predictions(XS, ys, QUERIES)
        np.testing.assert_allclose(found, np.broadcast_to(ys.mean(axis=1)[:, None], (3, 4, ys.shape[2])))
    assert seen == [((6, 3), (6, 2))] * 3 + [((6, 3), (6,))] * 3


def test_too_few_examples_are_told_with_the_prompt():
    from sklearn.neighbors import KNeighborsRegressor

    with pytest.raises(SubjectError, match=r"`KNeighborsRegressor` must be fitted .*n_neighbors") as error:
        EstimatorSubject(KNeighborsRegressor(7)).predictions(XS, YS, QUERIES)
    assert np.array_equal(error.value.question["xs"], XS[:1])
    assert error.value.question["queries"].shape == (1, 4, 3)


def test_a_class_and_what_is_no_estimator_are_refused():
    from sklearn.linear_model import Ridge as TheirRidge

    with pytest.raises(ValueError, match=r"`estimator` must be an estimator; got the class Ridge itself"):
        EstimatorSubject(TheirRidge)
    with pytest.raises(ValueError, match="`estimator` must have `fit`, `predict` and `get_params`; got int"):
        EstimatorSubject(3)
