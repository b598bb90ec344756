"""The studies of propositions 1 to 3: precision, what they see where there is an error, and what they read."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.constructions.deep_features import DeepFeatureConstruction
from mesascope.models.mlp import MLP
from mesascope.prompt import Prompt
from mesascope.studies.oswald2023._shared.proposition import AbstractComparison, largest_by_step
from mesascope.studies.oswald2023.prop1 import DescentErrors, Proposition1, Summary
from mesascope.studies.oswald2023.prop2 import study as prop2
from mesascope.studies.oswald2023.prop2.cells import FeatureComparison, FeatureErrors, softmax_smoother
from mesascope.studies.oswald2023.prop3 import study as prop3
from mesascope.studies.oswald2023.prop3.cells import CopyingErrors, SoftmaxErrors
from mesascope.study.cell import Workspace
from mesascope.study.claim import Outcome

EPS = np.finfo(np.float64).eps


class Drawn(AbstractComparison):
    """A number of each seed's own, and how exact numbers are."""

    def errors(self, key):
        x = jax.random.uniform(key)
        return {"x": x, "eps": jnp.asarray(jnp.finfo(x.dtype).eps)}


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_comparison_is_made_in_its_precision_for_every_seed(precision):
    found = Drawn(seeds=3, precision=precision).compute(Workspace())
    assert found["x"].dtype == found["eps"].dtype == precision
    assert len(set(found["x"])) == 3
    np.testing.assert_array_equal(found["eps"], np.full(3, np.finfo(precision).eps))


def test_the_largest_error_is_of_its_step():
    errors = np.array([[[1.0], [-4.0]], [[-2.0], [3.0]]])  # two prompts, two steps
    assert jax.jit(largest_by_step)(errors).tolist() == [2.0, 4.0]


def test_the_worst_shape_and_seed_decide_and_nan_is_not_hidden():
    small, large = np.full((2, 3), 1e-15), np.full((2, 3), 1e-15)
    large[1, 2] = 1e-11
    first, second = DescentErrors(small, small, small), DescentErrors(small, large, large * np.nan)
    study = Proposition1()
    verdicts = study.verdicts(Summary((first, second), ()))
    assert [verdict.outcome for verdict in verdicts] == [Outcome.REPRODUCED, *[Outcome.NOT_REPRODUCED] * 2]
    assert verdicts[1].measured == 1e-11
    readings = study.readings(Summary((first,), (first, second)))
    assert readings["largest error of a prediction in float32"] == 1e-15


def test_of_deep_features_the_worst_shape_seed_and_step_decide():
    """Two shapes, two seeds, two steps; every number differs."""
    chain, context = np.array([[1.0, 2.0], [3.0, 7.0]]), np.array([[9.0, 4.0], [5.0, 6.0]])
    one = FeatureErrors(chain, context, *(np.array(pair) for pair in ([0.1, 0.2], [0.6, 0.5], [8.0, 3.0], [0.0, 1.0])))
    other = FeatureErrors(*(each / 2 for each in one))._replace(kernel=np.array([0.3, 0.0]))
    readings = prop2.Proposition2().readings(prop2.Summary((other, one), (other,)))
    assert [readings[name] for name in ("chain", "context", "kernel", "softmax")] == [7.0, 9.0, 0.3, 0.6]
    assert readings["largest error of equation 13 as printed, without eta/N, by shape"] == [4.0, 8.0]
    assert readings["largest error of a prediction in float32"] == 3.5


def test_one_copying_curve_is_read_at_its_ends():
    """Of each scale the worst seed: 4, 1, 0.5."""
    copying = tuple(CopyingErrors(*(np.array([error, 0.0]) for error in of)) for of in ([1, 2, 3], [3, 1, 2]))
    softmax = SoftmaxErrors(np.array([[4.0, 0.5, 0.5], [2.0, 1.0, 0.1]]), np.array([0.2, 0.7]))
    readings = prop3.Proposition3().readings(prop3.Summary(copying, softmax))
    expected = {
        "linear": 3,
        "softmax": 0.5,
        "unit-scale": 4,
        "cleared": 2,
        "descent": 3,
        "junk": 0.7,
    }
    assert {name: readings[name] for name in expected} == expected


def test_softmax_attention_of_the_stated_weights_is_the_smoother_and_its_rate_is_one():
    rng = np.random.default_rng(0)
    mlp = MLP(*jax.device_put([rng.normal(size=shape) for shape in ((5, 3), (5,), (3, 5), (3,))]))
    prompt = Prompt(*jax.device_put([rng.normal(size=shape) for shape in ((6, 3), (6, 2), (3,), (2,))]))

    @jax.jit
    def found():
        features = DeepFeatureConstruction(mlp, num_examples=6, dim_y=2).features
        return jax.vmap(features)(prompt.xs), features(prompt.query), softmax_smoother(mlp, 2)(prompt)

    rows, query, answer = map(np.asarray, found())
    weights = np.exp(rows @ query - (rows @ query).max())
    expected = weights @ np.asarray(prompt.ys) / weights.sum()
    np.testing.assert_allclose(answer, expected, rtol=0, atol=1e4 * EPS * np.abs(rows @ query).max())


def test_proposition_2_sees_errors_where_there_are_some():
    """Equation 13 as printed is N / eta times the prediction: its error is N / eta - 1 times the largest."""
    errors = FeatureComparison(2, 1, 4, 1, 10, 1, dim_hidden=3).compute(Workspace())
    assert max(errors[name].max() for name in ("kernel", "chain", "context", "softmax")) < 1e-14
    np.testing.assert_allclose(errors["printed"], (4 / 0.8 - 1) * errors["printed_size"], rtol=1e-12)
