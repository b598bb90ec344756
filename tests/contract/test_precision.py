"""Single precision answers as double precision does, up to what rounding of the prompt can change: every predictor.

The yardstick is the largest change of the answer in double precision, over eight draws, when every number of the prompt
is moved by an epsilon of single precision. A sum of a thousand terms in a row of roundings may add up to some hundred
of these, which is the factor. An answer too large for single precision may be infinite or no number, never a wrong one.
"""

import equinox as eqx
import jax
import numpy as np
import pytest

import mesascope.algorithms
import mesascope.models
from mesascope.algorithms.deep_features import OnFeatures
from mesascope.algorithms.ridge import Ridge
from mesascope.discovery import concrete_classes
from mesascope.predictor import AbstractForecaster, AbstractLinearLearner, AbstractPredictor
from mesascope.prompt import Prompt, Sequence

SINGLE = float(np.finfo(np.float32).eps)
FACTOR = 200
LARGEST = 1e30  # of an answer's sums, some orders below what single precision holds


def classes(base):
    return [cls for package in (mesascope.algorithms, mesascope.models) for cls in concrete_classes(package, base)]


def ordinary(n, seed=0, condition=1.0):
    """Four arrays: inputs with this condition of their columns, labels that they do not explain."""
    rng = np.random.default_rng(seed)
    xs = rng.uniform(-1, 1, (n, 3)) * np.geomspace(1, 1 / condition, 3) @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    return xs, rng.uniform(-1, 1, (n, 2)), rng.uniform(-1, 1, 3), np.zeros(2)


def deficient():
    """The third input is the sum of the first two, without rounding."""
    rng = np.random.default_rng(1)
    xs = rng.integers(-8, 8, (6, 2)) / 8
    return np.column_stack([xs, xs.sum(axis=1)]), *ordinary(6)[1:]


def scaled(factor):
    xs, ys, query, target = ordinary(6)
    return factor * xs, ys, factor * query, target


BY_SHAPE = [
    [ordinary(2)],
    [ordinary(6), ordinary(6, condition=1e3), deficient(), scaled(1e-12), scaled(1e12)],
    [ordinary(1000)],
]


def in_single(tree):
    """A predictor with every array of real numbers rounded to single precision."""
    return jax.tree.map(lambda leaf: leaf.astype(np.float32) if eqx.is_inexact_array(leaf) else leaf, tree)


def in_double(tree):
    return jax.tree.map(lambda leaf: leaf.astype(float) if eqx.is_inexact_array(leaf) else leaf, tree)


def assert_single_is_as_good(predictors, cases, make):
    """`cases` are arrays of one shape each; `make` makes of them what a predictor is asked."""
    short = [in_single(each) for each in predictors]
    wide = [in_double(each) for each in short]
    answer = jax.jit(jax.vmap(lambda arrays, of: [each(make(*arrays)) for each in of], in_axes=(0, None)))
    stacked = [np.stack(each) for each in zip(*cases, strict=True)]
    stacked = [each.astype(np.complex64 if np.iscomplexobj(each) else np.float32) for each in stacked]
    found = answer(stacked, short)
    rng = np.random.default_rng(0)
    exact, *moved = [
        answer([(each * (1 + move * SINGLE * rng.choice([-1, 1], each.shape))).astype(np.result_type(each, float))
                for each in stacked], wide)
        for move in (0, *[1] * 8)
    ]  # fmt: skip
    for i, predictor in enumerate(predictors):
        for j in range(len(cases)):
            ours, theirs = np.asarray(found[i])[j], np.asarray(exact[i])[j]
            changed = max(np.abs(np.asarray(each[i])[j] - theirs).max() for each in moved)
            error = np.abs(ours - theirs).max()
            fits = np.isfinite(theirs).all() and np.abs(theirs).max() < LARGEST
            close = error <= FACTOR * (changed + SINGLE * np.abs(theirs).max()) + 1e-37
            assert close or (not fits and not np.isfinite(ours).all()), (predictor, j, ours, theirs, error / changed)


@pytest.mark.parametrize("cls", [cls for cls in classes(AbstractPredictor) if not issubclass(cls, AbstractForecaster)])
def test_every_predictor(cls):
    for cases in BY_SHAPE:
        assert_single_is_as_good(cls.examples()[:4], cases, Prompt)


@pytest.mark.parametrize(
    "cls", [cls for cls in classes(AbstractLinearLearner) if not issubclass(cls, AbstractForecaster)]
)
def test_every_linear_learner_of_complex_prompts(cls):
    turned = [tuple((1 + 2j) * each for each in case) for case in BY_SHAPE[1]]
    assert_single_is_as_good(cls.examples()[:2], turned, Prompt)


def states(scale=1.0, parallel=1.0, num_states=6):
    """Each state near the one before, the nearer the smaller `parallel` is."""
    rng = np.random.default_rng(2)
    return (scale * (1 + parallel * rng.uniform(-1, 1, (num_states, 4))) * rng.uniform(-1, 1, 4),)


@pytest.mark.parametrize("cls", classes(AbstractForecaster))
def test_every_forecaster(cls):
    forecasters = eqx.filter_jit(cls.examples)()[:2]
    last = lambda states: Sequence(states).last_prompt()  # noqa: E731
    cases = [states(), states(parallel=1e-2), states(1e-6), states(1e6)]
    assert_single_is_as_good(forecasters, cases, last)
    assert_single_is_as_good(forecasters, [states(num_states=2)], last)


def test_ridge_regression_with_penalties_far_below_the_inputs_squares():
    learners = (Ridge(1e-7), Ridge(1e-7, intercept=True), OnFeatures(Ridge(1e-9), OnFeatures.examples()[0].features))
    for cases in BY_SHAPE[:2]:
        assert_single_is_as_good(learners, cases[:4], Prompt)
