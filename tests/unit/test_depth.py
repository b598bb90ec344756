"""The numbers that claims on depth are about, from losses set by hand."""

import numpy as np
import pytest

from mesascope.studies._depth_readings import Reached, Summary, readings, remarks

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
    return Reached.of((1, 2), measured, rivals)


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
    alone = Reached.of((2,), {"loss_0": constant(0.75, 0.3), "loss_1": constant(0.6)}, whole.rivals)
    np.testing.assert_allclose(alone.over_steps(), [[0.75]])
    np.testing.assert_allclose(whole.over_steps("each_loss"), [[0.5, 1.5]])


def test_remarks_name_every_seed_and_layer(summary):
    text = " ".join(remarks(summary))
    for told in ("seed 0: 0.4500, 0.3000", "depth 1: 0.4500", "depth 1, not normalised: 0.5000", "0.5000, 1.5000"):
        assert told in text


def test_length_compares_the_last_state_with_the_one_after_d_plus_1(summary):
    falling = np.array([[[9.0, 9.0, 9.0, 9.0], [0.5, 0.4, 0.2, 0.05]]])
    here = summary.one_start._replace(models=(summary.one_start.models[0], falling))
    np.testing.assert_allclose(readings(summary._replace(one_start=here), DIM)["length"], [0.25])
