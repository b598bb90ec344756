"""What figure 7 rests on: parity, constant weights; its layers, and its readings from losses set by hand."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.models.asking import LastAsks, TokenBeforeAsks
from mesascope.models.causal_heads import CausalHeads
from mesascope.models.position_weights import SoftmaxWeights, WeightsByHead
from mesascope.studies.sander2024._shared.terms import least_squares_along
from mesascope.studies.sander2024.fig7_heads.cells import layer_of_heads, linear_terms
from mesascope.studies.sander2024.fig7_heads.readings import Summary, readings
from mesascope.studies.sander2024.fig7_heads.study import Figure7
from mesascope.tasks.haar import HaarProcess
from mesascope.tasks.initial_state import Ones, Sphere

EPS = np.finfo(np.float64).eps
Z = 5


def unit_states(seed):
    states = np.random.default_rng(seed).normal(size=(6, 3))
    return states / np.linalg.norm(states, axis=1, keepdims=True)


@pytest.mark.parametrize("before", [False, True])
def test_without_biases_the_sign_of_w_is_that_of_the_query(before):
    """f(-W) = (-1)^(T-1) f(W) with the last token as query, and the other sign with the one before it."""
    matrices = np.random.default_rng(0).normal(size=(4, 4, 3, 3))
    weights = [*np.pad(matrices[:3], [(0, 0)] * 3 + [(0, 1)]), matrices[3]]
    positions, asking = SoftmaxWeights(jax.device_put(np.ones((6, 6)))), TokenBeforeAsks() if before else LastAsks()
    layer = CausalHeads(*jax.device_put(weights), positions, asking=asking)
    biased = CausalHeads(*jax.device_put([np.ones_like(each) for each in weights]))
    states = unit_states(1)
    signs = (-1.0) ** np.arange(6)[:, None]
    found, turned, of_biased, biased_turned = (
        np.asarray(eqx.filter_jit(each)(jnp.asarray(tokens)))
        for each in (layer, biased)
        for tokens in (states, signs * states)
    )
    np.testing.assert_allclose(turned, (-signs if before else signs) * found, rtol=0, atol=1e3 * EPS)
    assert np.abs(biased_turned - signs * of_biased).max() > 0.1


def test_constant_weights_know_the_state_before_the_last():
    """E <s_3, s_1> = E tr W^2 / d = 1 / d for a uniform s_1: with it alone the loss is 1 - 1 / d^2."""
    batch = eqx.filter_jit(HaarProcess(3, 3, Sphere()).sample_batch)
    first, second = (np.asarray(batch(jax.random.key(i), 40_000).states) for i in (0, 1))
    losses = least_squares_along(linear_terms, first, second)
    np.testing.assert_allclose(losses, [1, 1 - 1 / 9], atol=Z * 2 / 200)


def test_each_head_of_the_layer_has_positions_of_its_own(key):
    model = eqx.filter_jit(layer_of_heads)(dim=2, num_states=5, num_heads=3, asking=LastAsks(), key=key)
    positions = model.layers[0].positions
    assert isinstance(positions, WeightsByHead)
    assert positions.each.scores.shape == (3, 5, 5)


def test_cells_have_the_query_the_first_state_and_the_heads_that_their_labels_name():
    study = Figure7.preset("smoke", heads=(1, 3, 4), num_compared=3)
    trained = {cell.label: cell.config.training for cell in study.cells() if hasattr(cell.config, "training")}
    expected = {
        "1 heads, query e_T, s_1 fixed": (1, LastAsks, Ones),
        "3 heads, query e_T, s_1 fixed": (3, LastAsks, Ones),
        "4 heads, query e_T, s_1 fixed": (4, LastAsks, Ones),
        "3 heads, query e_{T-1}, s_1 fixed": (3, TokenBeforeAsks, Ones),
        "3 heads, query e_T, s_1 random": (3, LastAsks, Sphere),
        "3 heads, query e_{T-1}, s_1 random": (3, TokenBeforeAsks, Sphere),
    }
    assert list(trained) == list(expected)
    for label, (num_heads, asking, start) in expected.items():
        settings = trained[label].make_model.keywords
        assert (settings["num_heads"], type(settings["asking"])) == (num_heads, asking)
        assert type(trained[label].task.initial) is start


def test_results_are_taken_in_the_order_of_the_cells():
    study = Figure7.preset("smoke", heads=(1, 3, 4), num_compared=3)
    numbers = {cell.label: float(i) for i, cell in enumerate(study.cells())}
    summary = study.summarise([{"loss": np.full((1, 1, 1), number)} for number in numbers.values()])
    for count in study.heads:
        assert summary.by_heads[count] == numbers[f"{count} heads, query e_T, s_1 fixed"]
    for (query, start), found in summary.compared.items():
        assert found == numbers[f"3 heads, query {'e_T' if query == 'last' else 'e_{T-1}'}, s_1 {start}"]
    for start, found in summary.constant.items():
        assert found == numbers[f"constant weights, s_1 {start}"]


def losses(*values):
    """The same losses at all of three states, one value a seed."""
    return np.broadcast_to(np.array(values)[:, None], (len(values), 3))


def test_readings_are_ratios_of_the_losses_that_claims_name():
    """Of two seeds each gives a number."""
    compared = {
        ("last", "fixed"): losses(0.4, 0.6),
        ("before", "fixed"): losses(0.3, 0.3),
        ("last", "random"): losses(0.8, 1.0),
        ("before", "random"): losses(0.6, 0.5),
    }
    constant = {"fixed": np.full(3, 0.9), "random": np.array([0.6, 0.8, 1.0])}
    by_heads = {1: losses(0.8, 1.0), 4: losses(0.4, 0.6), 8: losses(0.4, 0.5)}
    found = readings(Summary(by_heads, 4, compared, constant))
    expected = {
        "improves": [0.5, 0.5],
        "saturates": [1.0, 0.5 / 0.6],
        "uniform": [1.0, 1.25],
        "before": [0.75, 0.5],
        "known": [0.5, 0.6],
    }
    for claim, numbers in expected.items():
        np.testing.assert_allclose(found[claim], numbers, rtol=1e-12, atol=1e-12, err_msg=claim)
    alone = readings(Summary({1: by_heads[1], 4: by_heads[4]}, 4, compared, constant))
    assert np.ma.getmaskarray(alone["saturates"]).all()


@pytest.mark.parametrize("changes", [{"heads": (1, 2)}, {"num_compared": 1}, {"heads": (3,)}, {"heads": (3, 1)}])
def test_heads_start_at_one_and_go_beyond_the_dimension(changes):
    with pytest.raises(ValueError, match="must be"):
        Figure7.preset("smoke", **changes)
