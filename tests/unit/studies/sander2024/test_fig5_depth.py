"""Depth: the numbers that claims are about, from losses set by hand; and the rivals that models are held against."""

import jax
import numpy as np
import pytest

from mesascope.studies.sander2024._shared.sequences import ModelLosses, validation_sequences
from mesascope.studies.sander2024.fig5_depth.cells import (
    Rivals,
    RivalsCell,
    ScaledCell,
    ScaledStep,
    best_length,
    directions,
)
from mesascope.studies.sander2024.fig5_depth.readings import Reached, Summary, readings
from mesascope.studies.sander2024.fig5_depth.study import Figure5
from mesascope.study.cell import Workspace
from mesascope.tasks.haar import HaarProcess
from mesascope.tasks.initial_state import Ones, Sphere

STEPS, EACH = (0.5, 0.4), (0.5, 0.2)
DIM = 2
PROCESS = HaarProcess(8, 2, Sphere())


def constant(*losses):
    """The same loss at all of four states, one a seed, read after a single layer."""
    return ModelLosses(np.broadcast_to(np.array(losses)[:, None, None], (len(losses), 1, 4)))


def reached(one, two, linear):
    """What depths 1 and 2 and the layer without normalisation reached by seed, against the rivals above."""
    steps, each = (np.broadcast_to(np.array(losses)[:, None], (2, 4)) for losses in (STEPS, EACH))
    rivals = Rivals(steps, np.ones(2), each, np.eye(2), np.full(4, 0.1))
    scaled = ScaledStep(np.full(4, 0.25), np.array(0.9))
    return Reached((1, 2), rivals, scaled, (constant(*one), constant(*two)), constant(*linear))


@pytest.fixture
def summary():
    fixed = reached((0.25, 0.3), (0.9, 0.3), linear=(0.4, 0.6))
    return Summary(fixed, reached((0.45, 0.6), (0.5, 9.0), linear=(0.5, 0.4)))


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("linear", [-0.2, 0.2]),  # .4 and .6 against a step's .5
        ("steps", 0.75),  # .25 / .5 and .3 / .4, the best seeds'
        ("deeper", 1.2),  # .3 / .25
        ("linear-any", [0.0, 0.2]),
        ("scaled", [0.0, 0.2]),  # .25 and .3 against .25
        ("steps-each", 1.5),  # .3 / .2
        ("each-any", 2.5),  # .5 / .2
    ],
)
def test_each_claim_is_about_the_losses_it_names(summary, claim, expected):
    np.testing.assert_allclose(readings(summary, DIM)[claim], expected, rtol=1e-12, atol=1e-12)


def test_depths_are_held_against_as_many_steps(summary):
    """A depth that is not trained has no place among the ratios: depth 2 alone against the second rival."""
    alone = summary.fixed._replace(depths=(2,), models=summary.fixed.models[1:])
    np.testing.assert_allclose(alone.over_steps(alone.by_steps()), 0.75)
    np.testing.assert_allclose(alone.over_steps(alone.by_steps_each()), 1.5)


def test_one_depth_has_none_before_it(summary):
    here = summary.fixed._replace(depths=(1,), models=summary.fixed.models[:1])
    assert np.ma.getmaskarray(readings(summary._replace(fixed=here), DIM)["deeper"]).all()


def test_a_seed_that_diverged_is_not_the_best_and_none_is_where_all_did():
    some = reached((np.nan, 0.3), (np.inf, np.nan), linear=(0.5, 0.5))
    np.testing.assert_array_equal(some.best(), [0.3, np.nan])


def test_length_compares_the_last_state_with_the_one_after_d_plus_1(summary):
    falling = ModelLosses(np.tile([[[9.0, 9.0, 9.0, 9.0], [0.5, 0.4, 0.2, 0.05]]], (2, 1, 1)))
    here = summary.fixed._replace(models=(summary.fixed.models[0], falling))
    np.testing.assert_allclose(readings(summary._replace(fixed=here), DIM)["length"], [0.25, 0.25])


def test_trainings_decay_their_rate_and_go_with_the_labels_of_their_cells():
    study = Figure5.preset("smoke", depths=(1, 3), depths_any=(1,))
    trained = {cell.label: cell.config.training for cell in study.cells() if hasattr(cell.config, "training")}
    expected = {
        "depth 1, s_1 fixed": (1, Ones, True),
        "depth 3, s_1 fixed": (3, Ones, True),
        "not normalised, s_1 fixed": (1, Ones, False),
        "depth 1, s_1 random": (1, Sphere, True),
        "not normalised, s_1 random": (1, Sphere, False),
    }
    assert list(trained) == list(expected)
    for label, (depth, start, normalised) in expected.items():
        settings, rate = trained[label].make_model.keywords, trained[label].config.learning_rate
        assert (settings["num_layers"], settings["norm"] is not None) == (depth, normalised)
        assert type(trained[label].task.initial) is start
        np.testing.assert_allclose([rate(0), rate(study.num_steps)], [1e-2, 1e-3], rtol=1e-6)


def test_results_are_taken_in_the_order_of_the_cells():
    study = Figure5.preset("smoke", depths=(1, 3), depths_any=(1,))
    rivals = Rivals(*(np.zeros((3, 1)) for _ in Rivals._fields))._asdict()
    results = {}
    for i, cell in enumerate(study.cells()):
        kind = type(cell.config).__name__
        number = np.full((1, 1, 1), float(i))
        results[cell.label] = {
            "RivalsCell": {**rivals, "loss": number[0]},
            "ScaledCell": {"loss": number[0, 0], "length": number},
            "TrainedCell": {"loss": number},
        }[kind]
    summary = study.summarise(list(results.values()))
    for law, found in zip(("s_1 fixed", "s_1 random"), summary, strict=True):
        assert found.rivals.loss == results[f"gradient descent, {law}"]["loss"]
        assert found.scaled.loss == results[f"a scaled step, {law}"]["loss"]
        assert found.linear.loss == results[f"not normalised, {law}"]["loss"]
        for depth, model in zip(found.depths, found.models, strict=True):
            assert model.loss == results[f"depth {depth}, {law}"]["loss"]


def test_a_scaled_step_points_where_descent_does(key):
    """Against numpy: sum_j s_{j+1} <s_j, s_t> at length one; from the first state alone there is no answer."""

    @jax.jit
    def both(key):
        sequence = HaarProcess(6, 3, Sphere()).sample(key)
        return sequence.states, directions(sequence)

    states, found = map(np.asarray, both(key))
    for t in range(1, 6):
        answer = sum(states[j + 1] * (states[j] @ states[t]) for j in range(t))
        np.testing.assert_allclose(found[t], answer / np.linalg.norm(answer), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(found[0], 0.0)


def test_the_best_length_is_where_the_loss_is_least_and_is_measured_on_other_sequences():
    directions_of = jax.jit(jax.vmap(directions))
    losses, best = {}, float(jax.jit(best_length)(validation_sequences(PROCESS, 400, tuning=True)))
    for tuning in (True, False):
        sequences = validation_sequences(PROCESS, 400, tuning)
        found, target = np.asarray(directions_of(sequences))[:, :-1], np.asarray(sequences.states)[:, 1:]
        losses[tuning] = [np.sum((c * best * found - target) ** 2, axis=-1).mean(axis=0) for c in (0.99, 1.0, 1.01)]
    lower, least, higher = (each.mean() for each in losses[True])
    assert least < min(lower, higher)
    measured = ScaledStep(**ScaledCell(PROCESS, 400).compute(Workspace()))
    np.testing.assert_allclose(measured.length, best, rtol=1e-12)
    np.testing.assert_allclose(measured.loss, losses[False][1], rtol=1e-12)


def test_two_steps_of_their_own_beat_two_alike():
    """Tuned coefficients of each step do as well as the shared one at least; one step's is that of the grid."""
    with jax.numpy_dtype_promotion("standard"):  # optax counts its steps in 32 bits
        found = Rivals(**RivalsCell(PROCESS, 2, 1000).compute(Workspace()))
    shared, each = found.loss.mean(axis=1), found.each_loss.mean(axis=1)
    assert abs(each[0] / shared[0] - 1) < 0.02
    assert each[1] < 0.99 * shared[1]
    assert found.each[0, 1] == 0
    assert found.each[1, 0] < found.coefficient[1] < found.each[1, 1]
    assert found.least_squares.mean() < each[1]
