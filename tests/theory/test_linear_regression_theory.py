"""Closed-form losses of gradient descent against simulated tasks, an optimiser and limits."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from mesascope.theory.linear_regression import initial_loss, one_step_optimum
from oracles.descent_loss import gradient_descent_loss, sampled_loss

Z = 5  # every statistical comparison: fixed seed, five standard errors
EPS = np.finfo(np.float64).eps
PAPER = {"num_examples": 10, "dim_x": 10, "input_scale": 0.5}
# Few examples, few dimensions, one dimension, one example; noise; several outputs.
TASKS = [
    {"num_examples": 6, "dim_x": 4, "input_scale": 0.5, "noise_std": 0.0, "dim_y": 1},
    {"num_examples": 3, "dim_x": 5, "input_scale": 1.0, "noise_std": 0.5, "dim_y": 2},
    {"num_examples": 4, "dim_x": 1, "input_scale": 1.5, "noise_std": 0.3, "dim_y": 1},
    {"num_examples": 1, "dim_x": 3, "input_scale": 0.8, "noise_std": 1.0, "dim_y": 3},
]


def simulated_losses(rates, num_tasks, *, num_examples, dim_x, input_scale, noise_std, dim_y):
    """Gradient descent, one weight update after the other, on `num_tasks` drawn tasks."""
    rng = np.random.default_rng(1)
    xs = rng.uniform(-input_scale, input_scale, (num_tasks, num_examples, dim_x))
    query = rng.uniform(-input_scale, input_scale, (num_tasks, dim_x, 1))
    teacher = rng.standard_normal((num_tasks, dim_y, dim_x))
    noise = noise_std * rng.standard_normal((num_tasks, num_examples, dim_y))
    ys = xs @ teacher.transpose(0, 2, 1) + noise
    weights = np.zeros_like(teacher)
    for rate in rates:
        residuals = xs @ weights.transpose(0, 2, 1) - ys
        weights = weights - rate / num_examples * residuals.transpose(0, 2, 1) @ xs
    return 0.5 * np.sum(((weights - teacher) @ query) ** 2, axis=(1, 2))


def best_learning_rate(task):
    return one_step_optimum(**task).learning_rate


def assert_mean(losses, expected):
    assert abs(losses.mean() - expected) < Z * losses.std(ddof=1) / math.sqrt(losses.size)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("fractions", [(1.0,), (0.5, 0.9), (0.9, 0.2, 0.6)])
def test_exact_loss_is_the_mean_over_simulated_tasks(task, fractions):
    rates = best_learning_rate(task) * np.array(fractions)
    losses = simulated_losses(rates, 40_000, **task)
    assert_mean(losses, gradient_descent_loss(rates, len(rates), **task))


@pytest.mark.parametrize("task", TASKS)
def test_sampled_loss_of_many_steps_is_the_mean_over_simulated_tasks(task):
    rates = best_learning_rate(task) * np.linspace(0.3, 0.6, 7)
    losses = simulated_losses(rates, 20_000, **task)
    sampled = sampled_loss(rates, 0.0, 7, num_samples=20_000, **task)
    simulated_error = losses.std(ddof=1) / math.sqrt(losses.size)
    assert abs(losses.mean() - sampled.mean) < Z * math.hypot(simulated_error, sampled.standard_error)


@pytest.mark.parametrize("task", [*TASKS, PAPER])
@pytest.mark.parametrize("num_steps", [1, 2, 3])
def test_sampled_loss_agrees_with_the_exact_one(task, num_steps):
    rate = best_learning_rate(task)
    sampled = sampled_loss(rate, 0.0, num_steps, num_samples=20_000, seed=2, **task)
    exact = gradient_descent_loss(rate, num_steps, **task)
    assert abs(sampled.mean - exact) < Z * sampled.standard_error
    assert sampled.standard_error < 0.02 * exact  # tight enough to tell


def test_standard_error_is_the_spread_of_the_mean_over_seeds():
    def sampled(seed):
        return sampled_loss(6.0, 0.0, 2, num_samples=200, seed=seed, **PAPER)

    results = [sampled(seed) for seed in range(200)]
    spread = np.std([result.mean for result in results], ddof=1)
    stated = math.sqrt(np.mean([result.standard_error**2 for result in results]))
    # A standard deviation from 200 nearly normal values has the relative error 1 / sqrt(2 199).
    assert abs(stated / spread - 1) < Z / math.sqrt(2 * 199)
    assert sampled(3) == results[3]


@pytest.mark.parametrize("task", [*TASKS, PAPER])
def test_one_step_optimum_lies_on_the_exact_loss_and_at_its_minimum(task):
    best = one_step_optimum(**task)

    def loss(rate):
        return gradient_descent_loss(rate, 1, **task)

    assert loss(best.learning_rate) == pytest.approx(best.loss, rel=1e3 * EPS)
    found = minimize_scalar(loss, bracket=(0.5 * best.learning_rate, 2 * best.learning_rate))
    # Comparing values places the minimum of a parabola to the root of the rounding error only.
    assert found.x == pytest.approx(best.learning_rate, rel=1e2 * math.sqrt(EPS))
    assert found.fun == pytest.approx(best.loss, rel=1e3 * EPS)


def test_numbers_of_the_paper_setting():
    """Computed once, independently, to the digits shown (inputs of scale 1/2, ten of ten)."""
    best = one_step_optimum(**PAPER)
    assert best.learning_rate == pytest.approx(6.0606, abs=5e-5)
    assert best.loss == pytest.approx(0.20623, abs=5e-6)
    noisy = one_step_optimum(**PAPER, noise_std=0.5)
    assert noisy.learning_rate == pytest.approx(5.263, abs=5e-4)
    assert noisy.loss == pytest.approx(0.2339, abs=5e-5)
    scales = {0.5: 0.0812, 0.75: 0.1387, 1.0: 0.2062, 1.25: 0.4263, 1.5: 1.204, 2.0: 8.40}
    for scale, expected in scales.items():
        loss = gradient_descent_loss(best.learning_rate, 1, num_examples=10, dim_x=10, input_scale=0.5 * scale)
        assert loss == pytest.approx(expected, rel=2e-3)
    found = minimize_scalar(lambda rate: gradient_descent_loss(rate, 2, **PAPER), bounds=(4, 8), method="bounded")
    assert (found.x, found.fun) == pytest.approx((5.99, 0.1567), rel=2e-3)


def test_losses_are_proportional_to_the_number_of_outputs():
    for num_steps in (1, 3):
        args = {"num_steps": num_steps, **PAPER, "noise_std": 0.4}
        one, four = (gradient_descent_loss(5.0, **args, dim_y=dim_y) for dim_y in (1, 4))
        assert four == pytest.approx(4 * one, rel=10 * EPS)
        one, four = (sampled_loss(5.0, 0.0, **args, dim_y=dim_y) for dim_y in (1, 4))
        assert four == pytest.approx((4 * one.mean, 4 * one.standard_error), rel=1e3 * EPS)
    assert one_step_optimum(**PAPER, dim_y=4) == pytest.approx(
        (best_learning_rate(PAPER), 4 * one_step_optimum(**PAPER).loss), rel=1e3 * EPS
    )


@pytest.mark.parametrize("num_steps", [1, 2, 3])
def test_inputs_of_another_scale_are_a_change_of_units(num_steps):
    """x -> t x is eta -> eta / t^2, with a loss t^2 larger, for noise s -> t s: powers of two are exact."""
    unit = gradient_descent_loss(1.25, num_steps, num_examples=5, dim_x=3, input_scale=1.0, noise_std=0.5)
    scaled = gradient_descent_loss(5.0, num_steps, num_examples=5, dim_x=3, input_scale=0.5, noise_std=0.25)
    assert scaled == unit / 4


def test_no_step_leaves_the_initial_loss():
    expected = initial_loss(10, 0.5)
    assert expected == pytest.approx(10 / 24, rel=10 * EPS)
    assert gradient_descent_loss(0.0, 3, **PAPER) == pytest.approx(expected, rel=10 * EPS)
    sampled = sampled_loss(0.0, 0.0, 8, num_samples=10, **PAPER)
    assert sampled.mean == pytest.approx(expected, rel=1e3 * EPS)


def test_many_steps_reach_least_squares_where_examples_abound():
    """r(s) -> 0 at every eigenvalue, which leaves the noise: 1/2 sigma^2 s^2 E tr S^-1."""
    task = {"num_examples": 30, "dim_x": 2, "input_scale": 1.0, "noise_std": 0.7}
    sampled = sampled_loss(1.5, 0.0, 400, num_samples=5_000, **task)
    xs = np.random.default_rng(3).uniform(-1.0, 1.0, (5_000, 30, 2))
    inverses = np.linalg.inv(xs.transpose(0, 2, 1) @ xs)
    losses = 0.5 / 3 * 0.7**2 * np.trace(inverses, axis1=1, axis2=2)
    error = losses.std(ddof=1) / math.sqrt(losses.size)
    assert abs(losses.mean() - sampled.mean) < Z * math.hypot(error, sampled.standard_error)


def test_divergence_is_a_value():
    assert gradient_descent_loss(1e200, 2, **PAPER) == math.inf
    sampled = sampled_loss(1e200, 0.0, 20, num_samples=5, **PAPER)
    assert sampled.mean == math.inf
    assert math.isnan(sampled.standard_error)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_examples", 0),
        ("dim_x", 0),
        ("dim_y", 0),
        ("input_scale", 0.0),
        ("input_scale", math.nan),
        ("noise_std", -0.1),
        ("noise_std", math.inf),
    ],
)
def test_invalid_numbers_are_named(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        one_step_optimum(**PAPER | {name: value})


def test_an_input_without_dimension_is_refused():
    with pytest.raises(ValueError, match="`dim_x` must be"):
        initial_loss(0, 1.0)
