"""Text against shuffled text: the paper's statistic and what it counts, and forecasts."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.prompt import Sequence
from mesascope.studies.sander2024._shared.text import PenaltyGrid, common_matrix
from mesascope.studies.sander2024.fig4_text.forecasts import FORECASTS, ForecastCell, ForecastErrors, ar_error, measure
from mesascope.studies.sander2024.fig4_text.readings import KEPT, gains, kept_windows, mean_errors, ratio
from mesascope.studies.sander2024.fig4_text.repeats import (
    Repeats,
    RepeatsCell,
    ambiguous,
    pattern,
    rollout_errors,
    successors_apart,
    unit,
)
from mesascope.study.cell import Workspace

EPS = np.finfo(np.float64).eps
EVERY_WINDOW = np.array(list(itertools.product(range(3), repeat=5)))  # of three tokens
ALIKE = "errors kept, text / shuffled, repeats alike"


def rollout_error_of(window):
    """The paper's statistic of one window, by `numpy.linalg.lstsq`."""
    a = np.linalg.lstsq(window[:-1], window[1:], rcond=None)[0].T
    states = [window[0]]
    for _ in window[1:]:
        states.append(a @ states[-1])
    return np.mean((np.array(states) - window) ** 2)


def test_the_statistic_is_least_squares_rolled_out_from_the_first_token():
    table = np.random.default_rng(0).normal(size=(3, 8))
    errors = rollout_errors(table[EVERY_WINDOW])
    np.testing.assert_allclose(errors, [rollout_error_of(window) for window in table[EVERY_WINDOW]], atol=1e5 * EPS)


def test_the_statistic_of_a_token_with_two_successors_in_closed_form():
    """a, b, a, c, d: A a = (b + c) / 2, A b = a, A c = d, A d = 0, for orthonormal vectors."""
    table = np.eye(7)
    (error,) = rollout_errors(table[[[0, 1, 0, 2, 3]]])
    assert error == pytest.approx((0.5 + 0.5 + 0.625 + 0.625) / (5 * 7), abs=1e3 * EPS)


def test_a_token_is_ambiguous_where_its_successors_differ():
    def by_hand(window):
        after = {token: {b for a, b in itertools.pairwise(window) if a == token} for token in window}
        return any(len(successors) > 1 for successors in after.values())

    np.testing.assert_array_equal(ambiguous(EVERY_WINDOW), [by_hand(window) for window in EVERY_WINDOW])


def test_successors_of_one_token_lie_apart():
    """a, b, a, c, a: a goes on with b and c; and a, b, a, c, a, d with three."""
    vectors = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0], [5.0, 5.0]])
    np.testing.assert_allclose(successors_apart(np.array([[0, 1, 0, 2, 0], [0, 1, 2, 3, 1]]), vectors), [5, 0])
    np.testing.assert_allclose(successors_apart(np.array([[0, 1, 0, 1, 0]]), vectors), [0])
    three = successors_apart(np.array([[0, 1, 0, 2, 0, 3]]), vectors)
    np.testing.assert_allclose(three, [(5 + 41 + 34) / 3])


def test_windows_have_the_same_pattern_where_renaming_tokens_makes_them_equal():
    def by_hand(window):
        return tuple(list(window).index(token) for token in window)

    numbers = pattern(EVERY_WINDOW)
    assert len({(number, by_hand(window)) for number, window in zip(numbers, EVERY_WINDOW, strict=True)}) == 41
    assert len(set(numbers.tolist())) == 41  # partitions of five into at most three


def test_errors_are_kept_where_a_token_is_ambiguous_and_nowhere_else():
    table = unit(np.random.default_rng(0).normal(size=(3, 8)))
    errors = rollout_errors(table[EVERY_WINDOW])
    np.testing.assert_array_equal(errors > KEPT, ambiguous(EVERY_WINDOW))


def test_vectors_of_norm_one():
    np.testing.assert_allclose(unit(np.array([[3.0, 4.0], [0.0, 0.0]])), [[0.6, 0.8], [0.0, 0.0]])


def made_repeats(written, shuffled):
    """Arrays of one seed: errors by pattern, a row of (pattern, error, count) a kind, as many windows of either."""

    def of_kinds(of_row):
        return np.stack([np.concatenate([of_row(*row) for row in rows]) for rows in (written, shuffled)])[None]

    errors = of_kinds(lambda which, error, count: np.full(count, error))
    patterns = of_kinds(lambda which, error, count: np.full(count, which))
    return Repeats(errors, errors.copy(), errors > KEPT, patterns, np.where(errors > KEPT, 0.5, 0.0))


def test_where_repeats_are_alike_their_mix_does_not_count():
    """Each pattern's errors are twice as large in the text, but it has more of the pattern with small ones."""
    found = made_repeats(
        [(1, 2e-6, 90), (2, 2e-2, 10), (3, 1.0, 5), (4, 1e-15, 15)], [(1, 1e-6, 10), (2, 1e-2, 90), (4, 1e-15, 20)]
    )
    read = kept_windows(found)
    assert read[ALIKE] == pytest.approx(2)
    assert read["alike"] == pytest.approx(1)
    assert read["paper"] < 0.1
    assert read["repeats"] == pytest.approx(105 / 100)
    assert read["|b - c|^2 of a word's successors, shuffled text"] == pytest.approx(0.5)
    assert read["share of windows kept, text"] == pytest.approx(105 / 120)
    assert read["share of windows kept, shuffled text"] == pytest.approx(100 / 120)
    assert read["errors kept, text / shuffled, random vectors"] == read["paper"]


def test_without_a_window_to_speak_of_nothing_is_measured_and_what_is_lost_is_nan():
    found = made_repeats([(1, 1e-3, 5)], [(1, 1e-15, 5)])
    assert ratio(found.words[0]) is None
    read = kept_windows(found)
    assert all(np.ma.getmaskarray(read[name]).all() for name in ("paper", "repeats", "alike", ALIKE))
    found.words[:] = np.nan
    assert np.isnan(kept_windows(found)["repeats"]).all()


def test_repeats_are_measured_on_windows_of_every_seed(circle):
    """The alphabet in a circle never goes on in two ways; shuffled, it does."""
    calls = []
    cell = RepeatsCell(circle(3000), 100, 2, 5)
    found = Repeats(**cell.compute(Workspace(None, lambda *call: calls.append(call))))
    assert [call[:2] for call in calls] == [(1, 2), (2, 2)]
    assert found.words.shape == found.pattern.shape == (2, 2, 100)
    assert not found.ambiguous[:, 0].any()
    assert found.words[:, 0].max() < KEPT
    assert 0.2 < np.mean(found.words[:, 1] > KEPT) < 0.8
    every = Repeats(**RepeatsCell(circle(3000), 10_000, 2, 5).compute(Workspace()))
    assert every.words.shape == (2, 2, 600)
    assert not np.array_equal(*np.sort(every.words[:, 1], axis=1))  # whichever way the windows are drawn


def test_ar_is_ridge_on_the_first_half_of_a_window_judged_on_the_second():
    states = np.random.default_rng(0).normal(size=(10, 3))
    x, y = states[:4], states[1:5]
    weights = np.linalg.solve(x.T @ x + 0.7 * np.eye(3), x.T @ y).T
    expected = np.mean(np.sum((states[4:9] @ weights.T - states[5:]) ** 2, axis=1))
    found = jax.jit(ar_error)(Sequence(jnp.asarray(states)), 0.7)
    assert float(found) == pytest.approx(expected, rel=1e4 * EPS)


def test_a_text_that_is_an_ar_process_is_found_to_be_one(circle):
    """All orders and forecasts of the alphabet in a circle; zero by hand."""
    found = ForecastErrors(**ForecastCell(circle(960), 20, 5, 50, 2, 0).compute(Workspace()))
    assert found.errors.shape == (12, 3, 4)
    assert found.penalty.shape == (2, 3)
    written = {name: found.of("as written", name).mean() for name in FORECASTS}
    assert written["ridge AR(1)"] < 0.01
    assert written["one W for all"] < 1e-20
    assert written["zero"] == pytest.approx(1, abs=1e3 * EPS)
    assert written["mean"] > 0.9
    assert found.of("shuffled in windows", "ridge AR(1)").mean() > 0.9
    assert found.of("shuffled throughout", "ridge AR(1)").mean() > 0.9
    assert found.explained == pytest.approx(1)


@pytest.fixture(scope="module")
def windows():
    return jax.vmap(Sequence)(jnp.asarray(np.random.default_rng(0).normal(size=(6, 8, 2))))


@pytest.fixture(scope="module")
def measured(windows):
    return measure(windows, windows, PenaltyGrid().values())


def test_the_mean_is_that_of_the_first_half_and_the_matrix_that_of_all_tuning_windows(windows, measured):
    states, errors = np.asarray(windows.states), measured[0]
    mean = states[:, :4].mean(axis=1, keepdims=True)
    np.testing.assert_allclose(errors[:, 1], np.mean(np.sum((mean - states[:, 4:]) ** 2, axis=2), axis=1))
    common = states[:, 3:-1] @ np.asarray(jax.jit(common_matrix)(windows)).T
    np.testing.assert_allclose(errors[:, 3], np.mean(np.sum((common - states[:, 4:]) ** 2, axis=2), axis=1))


def test_the_penalty_is_the_best_of_the_grid(windows, measured):
    by_penalty = jax.vmap(lambda penalty: jax.vmap(lambda each: ar_error(each, penalty))(windows).mean())
    grid = PenaltyGrid().values()
    assert float(measured[1]) == np.asarray(grid)[np.argmin(jax.jit(by_penalty)(grid))]


def test_gains_are_ratios_of_means_the_worst_of_all_sizes():
    """Errors that are the same in every window have no interval."""
    row = np.array([[0.9, 0.95, 1.0, 0.9], [1.0, 1.0, 1.0, 1.0], [1.2, 1.0, 1.0, 1.0]])
    rows = (row, row * np.array([0.9, 1.0, 1.0])[:, None])
    errors = tuple(ForecastErrors(np.broadcast_to(each, (20, 3, 4)), np.ones((2, 3)), np.array(0.5)) for each in rows)
    found = gains(errors)
    expected = {"order": 0.1, "text": 0.25, "small": 1 - 0.81 / 1.2, "mean": 0.9 / 0.95}
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e3 * EPS)
    np.testing.assert_allclose(mean_errors(errors)["error of ridge AR(1), as written, by d"], [0.9, 0.81])
