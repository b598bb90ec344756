"""Layers against the steps of gradient descent that they are made of, and readouts against normal equations."""

import numpy as np
import pytest

from mesascope.probes.distance import position_sums
from mesascope.probes.layer_map import layer_filters, layer_map_of
from mesascope.probes.layer_readout import PENALTIES, ridge_readout

EPS = np.finfo(np.float64).eps
RATE = 0.2


def descent(asked, num_steps):
    """The answers after each step, [s b m dy], by the recursion of the residuals."""
    xs, ys, queries = asked
    answers, weights = [], np.zeros((len(xs), xs.shape[2], ys.shape[2]))
    for _ in range(num_steps):
        weights = weights + RATE / xs.shape[1] * np.swapaxes(xs, 1, 2) @ (ys - xs @ weights)
        answers.append(queries @ weights)
    return np.stack(answers)


@pytest.fixture(scope="module")
def asked(drawn):
    """Too few for a rule about the largest prompts, so that distances are plain sums."""
    return drawn(99, 10, 4, 2)


@pytest.fixture(scope="module")
def steps(asked):
    return descent(asked, 40)


def test_distances_are_those_of_every_pair(asked, steps):
    layers = steps[[3, 0]] + 0.1
    found = layer_map_of(layers, steps[:5]).distances
    for layer in range(2):
        for step in range(5):
            gap = np.linalg.norm(layers[layer] - steps[step]) / np.linalg.norm(layers[layer])
            np.testing.assert_allclose(found[layer, step], gap, rtol=1e3 * EPS)
    along = layer_map_of(layers, steps[:5], position_sums).distances
    gaps = np.linalg.norm(layers[0] - steps[1], axis=(0, 2)) / np.linalg.norm(layers[0], axis=(0, 2))
    np.testing.assert_allclose(along[0, 1], np.sqrt(np.mean(gaps**2)), rtol=1e3 * EPS)


def test_two_steps_a_layer_are_a_line_and_doubling_an_exponential(steps):
    line = layer_map_of(steps[[1, 3, 5, 7, 9]], steps[:12])
    assert line.best_step.tolist() == [2, 4, 6, 8, 10]
    assert not line.at_last_step.any()
    np.testing.assert_allclose(line.best_distance, 0.0, atol=1e3 * EPS)
    np.testing.assert_allclose(line.linear_r2, 1.0, rtol=1e3 * EPS)
    doubling = layer_map_of(steps[[0, 1, 3, 7, 15]], steps[:16])
    assert doubling.best_step.tolist() == [1, 2, 4, 8, 16]
    assert doubling.at_last_step.tolist() == [False, False, False, False, True]
    np.testing.assert_allclose(doubling.exponential_r2, 1.0, rtol=1e-8)
    fitted = np.polyval(np.polyfit(range(5), [1, 2, 4, 8, 16], 1), range(5))
    residual = np.sum((fitted - [1, 2, 4, 8, 16]) ** 2) / np.sum((np.array([1, 2, 4, 8, 16]) - 6.2) ** 2)
    np.testing.assert_allclose(doubling.linear_r2, 1 - residual, rtol=1e4 * EPS)
    assert line.exponential_r2 < 0.97


def test_the_exponential_is_the_nearest_and_not_the_line_of_logarithms(steps):
    from scipy.optimize import minimize

    counts = np.array([1, 3, 4, 8, 18])
    found = layer_map_of(steps[counts - 1], steps[:18])

    def unexplained(parameters):
        return np.sum((parameters[0] * np.exp(parameters[1] * np.arange(5)) - counts) ** 2) / np.sum(
            (counts - counts.mean()) ** 2
        )

    slope, start = np.polyfit(range(5), np.log(counts), 1)
    best = minimize(unexplained, (np.exp(start), slope), method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-14})
    np.testing.assert_allclose(found.exponential_r2, 1 - best.fun, rtol=1e-7)
    assert unexplained((np.exp(start), slope)) > 1.2 * best.fun


def test_layers_far_from_every_step_are_not_timed(steps):
    """Three layers far away, which would make another line, and steps that diverge."""
    layers = np.concatenate([-steps[:3], steps[[1, 3, 5]]])
    diverging = steps[:8].copy()
    diverging[7, 0] = np.nan
    found = layer_map_of(layers, diverging)
    np.testing.assert_allclose(found.linear_r2, 1.0, rtol=1e3 * EPS)
    assert np.isinf(found.distances[:, 7]).all()
    two = layer_map_of(np.concatenate([-steps[:3], steps[[1, 3]]]), steps[:8])
    assert np.isnan([two.linear_r2, two.exponential_r2]).all()
    still = layer_map_of(steps[[4, 4, 4]], steps[:8])
    assert np.isnan([still.linear_r2, still.exponential_r2]).all()


def test_each_layer_has_its_filter(asked, steps):
    knots = np.geomspace(0.3, 2.0, 6)
    for count, found in zip((1, 3), layer_filters(steps[[0, 2]], asked, 12), strict=True):
        np.testing.assert_allclose(found.at(knots), (1 - (1 - RATE * knots) ** count) / knots, rtol=0.02)
    first, second = layer_filters(steps[[0, 2]], asked)
    np.testing.assert_array_equal(first.knots, second.knots)


@pytest.mark.parametrize("is_complex", [False, True])
def test_a_readout_is_the_ridge_regression_of_least_cross_validation_error(is_complex):
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(2, 20, 3, 5)) * np.array([1, 1, 0.1, 0.01, 3]) + 2
    hidden = hidden + 1j * rng.normal(size=hidden.shape) if is_complex else hidden
    wanted = hidden[0] @ rng.normal(size=(5, 2)) + 3 * rng.normal(size=(20, 3, 2))
    found = ridge_readout(hidden, wanted)
    outputs = wanted.reshape(60, 2)
    for layer in range(2):
        rows = hidden[layer].reshape(60, 5)
        centred = rows - rows.mean(axis=0)
        gram, errors, answers = centred.conj().T @ centred, [], []
        for penalty in PENALTIES:
            inverse = np.linalg.inv(gram + penalty * np.linalg.eigvalsh(gram)[-1] * np.eye(5))
            smoother = centred @ inverse @ centred.conj().T + np.full((60, 60), 1 / 60)
            answers.append(smoother @ outputs)
            errors.append(np.linalg.norm(outputs - answers[-1]) / np.trace(np.eye(60) - smoother).real)
        assert found.penalty[layer] == PENALTIES[np.argmin(errors)]
        read = found.answers(hidden)[layer].reshape(60, 2)
        np.testing.assert_allclose(read, answers[np.argmin(errors)], rtol=0, atol=1e6 * EPS * np.abs(outputs).max())
    assert len(set(found.penalty)) > 1


def test_a_readout_has_a_scale_of_its_own(asked, steps):
    """What holds a hundredth of the answer, among others, is read out as the answer on other prompts."""
    rng = np.random.default_rng(1)
    hidden = np.concatenate([0.01 * steps[:2], rng.normal(size=(2, 99, 2, 4))], axis=3)
    readout = ridge_readout(hidden[:, :60], steps[1, :60])
    read = layer_map_of(readout.answers(hidden[:, 60:]), steps[:3, 60:])
    assert read.best_step[1] == 2
    assert read.best_distance[1] < 1e-6


def test_more_dimensions_than_rows_and_layers_that_hold_nothing_are_read_out(asked):
    rng = np.random.default_rng(2)
    wanted = rng.normal(size=(6, 1, 1))
    readout = ridge_readout(np.concatenate([rng.normal(size=(1, 6, 1, 20)), np.ones((1, 6, 1, 20))]), wanted)
    assert np.isfinite(readout.weights).all()
    np.testing.assert_allclose(readout.answers(np.ones((2, 3, 1, 20)))[1], wanted.mean(), rtol=1e3 * EPS)


@pytest.mark.usefixtures("as_installed")
def test_rows_that_do_not_belong_together_are_refused():
    with pytest.raises(ValueError, match=r"`wanted` must have a row for each of `hidden` \(2, 5, 1, 20\)"):
        ridge_readout(np.ones((2, 5, 1, 20)), np.ones((6, 1, 1)))
    with pytest.raises(ValueError, match="`hidden` must be finite"):
        ridge_readout(np.full((2, 5, 1, 20), np.nan), np.ones((5, 1, 1)))
