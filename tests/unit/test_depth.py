"""The numbers that claims on depth are about, from losses set by hand."""

import jax
import numpy as np
import pytest

from mesascope.studies.sander2024._shared.sequences import validation_sequences
from mesascope.studies.sander2024.fig5_depth.readings import Reached, Summary, readings, remarks
from mesascope.studies.sander2024.fig5_depth.rivals import ScaledCell, best_length, directions, measure_scaled
from mesascope.study.base import Workspace
from mesascope.tasks.haar import HaarProcess
from mesascope.tasks.initial_state import Sphere

STEPS, EACH = (0.5, 0.4), (0.5, 0.2)
DIM = 2


def constant(*losses):
    """The same losses [layers] at all of four states, for one seed."""
    return np.broadcast_to(np.array(losses)[None, :, None], (1, len(losses), 4))


def reached(one, two, linear=0.6):
    """What depths 1 and 2 reached on a process, the last after each of its layers, against the rivals above."""
    rivals = {
        "loss": np.broadcast_to(np.array(STEPS)[:, None], (2, 4)),
        "each_loss": np.broadcast_to(np.array(EACH)[:, None], (2, 4)),
        "least_squares": np.full(4, 0.1),
        "coefficient": np.ones(2),
        "each": np.eye(2),
    }
    measured = {"loss_0": constant(one), "loss_1": constant(*two), "loss_2": constant(linear)}
    return Reached.of((1, 2), rivals, {"scaled": np.full(4, 0.35), "length": np.array(0.9)}, measured)


@pytest.fixture
def summary():
    return Summary(reached(0.25, (0.45, 0.3), linear=0.6), reached(0.45, (9.0, 0.5), linear=0.5))


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("linear", 0.2),  # .6 against a step's .5
        ("linear-any", 0.0),
        ("steps", 0.75),  # .25 / .5 and .3 / .4
        ("steps-each", 1.5),  # .3 / .2
        ("steps-any", 1.25),  # .5 / .4
        ("each-any", 2.5),  # .5 / .2
        ("least-squares", 1.5),  # .25 / .1 - 1: the best depth is the first
        ("deeper", 1.2),
        ("readout", 2 / 3),
        ("readout-steps", 0.9),  # .45 after the first layer, against a step's .5; .3 against .4 after the second
    ],
)
def test_each_claim_is_about_the_losses_it_names(summary, claim, expected):
    np.testing.assert_allclose(readings(summary, DIM)[claim], [expected], rtol=1e-12, atol=1e-12)


def test_depths_are_held_against_as_many_steps():
    """A depth that is not trained has no place among the ratios: depth 2 alone against the second rival."""
    whole = reached(0.25, (0.75, 0.3))
    alone = Reached.of((2,), whole.rivals, {}, {"loss_0": constant(0.75, 0.3), "loss_1": constant(0.6)})
    np.testing.assert_allclose(alone.over_steps(), [[0.75]])
    np.testing.assert_allclose(whole.over_steps("each_loss"), [[0.5, 1.5]])


def test_remarks_name_every_seed_and_layer(summary):
    text = " ".join(remarks(summary))
    for told in (
        "seed 0: 0.4500, 0.3000",
        "depth 1: 0.4500",
        "depth 1, not normalised: 0.5000",
        "0.5000, 1.5000",
        "length 0.9, 0.3500",
    ):
        assert told in text


def test_length_compares_the_last_state_with_the_one_after_d_plus_1(summary):
    falling = np.array([[[9.0, 9.0, 9.0, 9.0], [0.5, 0.4, 0.2, 0.05]]])
    here = summary.one_start._replace(models=(summary.one_start.models[0], falling))
    np.testing.assert_allclose(readings(summary._replace(one_start=here), DIM)["length"], [0.25])


def test_a_scaled_step_points_where_descent_does(key):
    """Against numpy: sum_j s_{j+1} <s_j, s_t> at length one; from the first state alone there is no answer."""
    sequence = HaarProcess(6, 3, Sphere()).sample(key)
    states, found = np.asarray(sequence.states), np.asarray(directions(sequence))
    for t in range(1, 6):
        answer = sum(states[j + 1] * (states[j] @ states[t]) for j in range(t))
        np.testing.assert_allclose(found[t], answer / np.linalg.norm(answer), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(found[0], 0.0)


def test_the_best_length_is_where_the_loss_is_least_and_is_measured_on_other_sequences():
    process, losses = HaarProcess(8, 2, Sphere()), {}
    best = best_length(validation_sequences(process, 400, tuning=True))
    for tuning in (True, False):
        sequences = validation_sequences(process, 400, tuning)
        found, target = np.asarray(jax.vmap(directions)(sequences))[:, :-1], np.asarray(sequences.states)[:, 1:]
        losses[tuning] = [np.sum((c * best * found - target) ** 2, axis=-1).mean(axis=0) for c in (0.99, 1.0, 1.01)]
    lower, least, higher = (each.mean() for each in losses[True])
    assert least < min(lower, higher)
    measured = measure_scaled(ScaledCell(process, 400), Workspace())
    np.testing.assert_allclose(measured["length"], best, rtol=1e-12)
    np.testing.assert_allclose(measured["scaled"], losses[False][1], rtol=1e-12)
