"""What layers trained on text have in common with the forms they are held against, and eigenvalues of AR(1) fits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.data.sources import OwnText
from mesascope.models.diagonal_heads import DiagonalHeads
from mesascope.models.position_weights import LearnedWeights
from mesascope.prompt import Sequence
from mesascope.studies.sander2024._shared.text import forecasts_of, moments
from mesascope.studies.sander2024.text_mechanism.cells import (
    LAYERS,
    TextLayers,
    TextLayersCell,
    a2_and_b1,
    augmented_layer,
    cosines,
    forecasts_by_seed,
    layer_training,
    losses_of,
    read_heads,
)
from mesascope.studies.sander2024.text_mechanism.fits import FitsCell, Spectra, moduli, spectrum
from mesascope.studies.sander2024.text_mechanism.forms import orthogonal_heads
from mesascope.studies.sander2024.text_mechanism.readings import left_over, ordered_less_shuffled, readings
from mesascope.study.cell import Workspace
from mesascope.tasks.orthogonal import RotationProcess
from mesascope.tasks.text import TextWindows
from mesascope.training.config import FitConfig

EPS = np.finfo(np.float64).eps


def two_weights(num_states):
    """P with 2 on the last state and -1 on the one before."""
    return LearnedWeights(jnp.asarray(2 * np.eye(num_states, k=1) - np.eye(num_states)))


def test_heads_that_are_orthogonal_have_no_defect_and_positions_their_ratio():
    read = read_heads(DiagonalHeads(jnp.asarray(np.eye(4)), jnp.asarray(3 * np.eye(4)), two_weights(5)))
    assert read["defect"] == 0
    assert read["ratio"] == pytest.approx(-0.5)
    np.testing.assert_array_equal(read["mixing"], 3 * np.eye(4))
    assert read["positions"].shape == (4, 5)
    mixed = DiagonalHeads(jnp.ones((1, 2)), jnp.ones((1, 2)), two_weights(5))
    assert read_heads(mixed)["defect"] == pytest.approx(0.5**0.5)


def test_a_layer_of_figure_3s_form_is_what_the_form_predicts():
    """States follow a layer with a diagonal C and P on two states, so that the form fits them without error."""
    scales, starts = np.array([0.5, -0.7]), np.random.default_rng(0).normal(size=(40, 2, 2))
    states = [starts[:, 0], starts[:, 1]]
    for _ in range(3):
        states.append(scales * states[-2] * (2 * states[-1] ** 2 - states[-2] ** 2) / 3)
    windows = jax.vmap(Sequence)(jnp.asarray(np.stack(states, axis=1)))
    layer = DiagonalHeads(jnp.asarray(np.diag(scales / 3)), jnp.asarray(np.eye(2)), two_weights(5))
    expected = jax.jit(forecasts_of)(windows, layer)
    np.testing.assert_allclose(expected, windows.states[:, 2:], atol=1e3 * EPS)
    np.testing.assert_allclose(orthogonal_heads(windows, windows), expected, atol=1e-9)


def test_cosines_know_no_size_and_what_is_left_over_no_sign_below_zero():
    ours = np.random.default_rng(0).normal(size=(2, 3, 4, 2))
    found = cosines(ours, np.stack([3 * ours[0], -ours[1]]))
    np.testing.assert_allclose(np.diagonal(found), [1, -1], rtol=1e3 * EPS)
    f, g = ours[0].ravel(), -ours[1].ravel()
    assert found[0, 1] == pytest.approx(f @ g / np.sqrt(f @ f * (g @ g)))
    np.testing.assert_allclose(left_over(np.diagonal(found)), [0, 1], atol=1e3 * EPS)


def test_what_is_left_over_is_the_least_distance_over_all_scales():
    ours, other = np.random.default_rng(0).normal(size=(2, 50)) + 0.5
    cosine = np.array([ours @ other / np.sqrt(ours @ ours * (other @ other))])
    scales = np.linspace(0, 2, 20_001)
    least = min(np.sum((ours - a * other) ** 2) for a in scales) / np.sum(ours**2)
    assert left_over(cosine) == pytest.approx(np.array([least]), rel=1e-6)
    assert np.isnan(left_over(np.array([np.nan])))


def test_augmented_layers_start_with_a2_and_b1_of_one_sign_and_are_read_with_them_alone():
    keys = jax.random.split(jax.random.key(0), 2)
    layers = jax.vmap(lambda key: augmented_layer(3, start=0.3, std=0.03, key=key))(keys)
    assert float(min(layers.scores[:, 1].min(), layers.values[:, 0].min())) > 0.15
    assert float(jnp.abs(layers.scores[:, 0]).max()) < 0.15
    alone = jax.vmap(a2_and_b1)(layers)
    np.testing.assert_array_equal(alone.scores[:, 1], layers.scores[:, 1])
    np.testing.assert_array_equal(alone.values[:, 0], layers.values[:, 0])
    assert np.count_nonzero(alone.scores) == np.count_nonzero(alone.values) == 6


def test_forecasts_of_every_seed_and_their_losses():
    windows = jax.jit(lambda key: RotationProcess(6, 2).sample_batch(key, 3))(jax.random.key(1))
    one = augmented_layer(2, start=0.3, std=0.0, key=jax.random.key(0))
    layers = jax.tree.map(lambda leaf: jnp.stack([0 * leaf, leaf]), one)
    found, expected = forecasts_by_seed(windows, layers), np.asarray(jax.jit(forecasts_of)(windows, one))
    np.testing.assert_allclose(found, np.stack([0 * expected, expected]), atol=1e3 * EPS)
    target = np.asarray(windows.states[:, 2:])
    error = np.sum((expected - target) ** 2) / np.sum(target**2)
    np.testing.assert_allclose(losses_of(found, windows), [1, error])


def test_every_layer_is_measured_on_windows_of_its_own_order(circle):
    """The alphabet in a circle: what no training is needed for is known of all layers and rivals."""
    windows, config = TextWindows(8, 3, source=circle(960)), FitConfig(1, 4, 1e-9)
    trainings = tuple(layer_training(name, windows, 0.3, config, 2, 0) for name in LAYERS)
    assert [type(each.task.order) for each in trainings] == [type(order) for _, order in LAYERS.values()]
    with jax.numpy_dtype_promotion("standard"):
        found = TextLayers(**TextLayersCell(trainings, windows, 30).compute(Workspace()))
    assert found.losses.shape == (4, 2)
    assert found.rival_losses.shape == (4,)
    assert found.augmented.shape == found.plain.shape == (2, 4)
    assert found.own.shape == (2,)
    assert (found.own > 0.5).all()
    assert not np.allclose(found.losses[0], found.losses[1])  # shuffled


def test_the_fit_to_a_rotation_has_its_angles():
    start = np.array([1.0, 0.0, 0.5, 0.5])
    states = np.asarray(jax.jit(RotationProcess(8, 4).sequence)((np.array([0.3, 1.1]), start, None)).states)
    found = spectrum(*moments(states[None]), 1e-10)
    np.testing.assert_allclose(moduli(found), 1, atol=1e-9)
    angles = np.sort(np.arctan2(found[0, :, 1], found[0, :, 0]))
    np.testing.assert_allclose(angles, [-1.1, -0.3, 0.3, 1.1], atol=1e-9)


def test_fits_are_of_held_out_windows_one_by_one_and_together(circle):
    found = Spectra(**FitsCell(TextWindows(20, 5, source=circle(960)), 50).compute(Workspace()))
    assert found.windows.shape == found.shuffled.shape == (12, 5, 2)
    np.testing.assert_allclose(moduli(found.windows), 1, atol=1e-9)
    np.testing.assert_allclose(moduli(found.together), 1, atol=1e-9)
    assert moduli(found.shuffled).mean() < 0.8
    expected = 1 - moduli(found.shuffled).max(axis=1)
    np.testing.assert_allclose(ordered_less_shuffled(found), expected, atol=1e-9)
    assert expected.mean() > 0.1


def test_order_that_says_nothing_moves_no_eigenvalue():
    """Words drawn independently: the difference over windows is as likely below zero as above."""
    letters = tuple("abcdef")
    drawn = np.random.default_rng(1).choice(list(letters), 12_000)
    source = OwnText(" ".join(drawn), letters, np.eye(len(letters)))
    found = Spectra(**FitsCell(TextWindows(20, 3, source=source), 1000).compute(Workspace()))
    difference = ordered_less_shuffled(found)
    assert abs(difference.mean()) < 5 * difference.std() / len(difference) ** 0.5
    assert difference.std() > 0.01


def test_readings_of_layers_and_fits_set_by_hand():
    """Two seeds; every window's eigenvalues are those of a quarter turn, of the shuffled ones half as large."""
    turn = np.broadcast_to(np.array([[0.0, 1.0], [0.0, -1.0], [0.25, 0.0], [0.25, 0.0]]), (30, 4, 2))
    layers = TextLayers(
        losses=np.array([[0.9, 0.8], [1.0, 1.0], [0.95, 0.7], [1.0, 1.0]]),
        rival_losses=np.array([0.75, 0.6, 0.5, 0.4]),
        coefficient=np.array(0.1),
        penalty=np.array(10.0),
        augmented=np.array([[0.6, 0.8, 0.0, 0.1], [0.8, 0.6, -1.0, 0.1]]),
        plain=np.array([[0.1, 0.1, 0.0, 0.8], [0.1, 0.1, 0.0, -0.6]]),
        own=np.array([1.0, 0.6]),
        mixing=np.zeros((2, 4, 4)),
        positions=np.zeros((2, 5, 6)),
        defect=np.array([0.5, 0.6]),
        ratio=np.array([-0.5, 1.5]),
    )
    found = readings(layers, Spectra(turn, turn / 2, turn[0] / 8))
    expected = {
        "order": [0.05, 0.2],
        "small": [0.1, 0.3],
        "beats": [1.2, 0.8 / 0.75],
        "step": [0.64, 0.36],
        "nearer": [0.36 / 0.64, 0.64 / 0.36],
        "form": [0.36, 1.0],
        "heads": [0.5, 0.6],
        "positions": [0.0, 2.0],
        "loss, ridge regression": 0.6,
        "loss, plain layer": [0.95, 0.7],
        "share of the augmented layer explained, A2 and B1 alone": [1.0, 0.36],
        "largest |eigenvalue|, one fit to all windows": 0.125,
    }
    for name, numbers in expected.items():
        np.testing.assert_allclose(found[name], numbers, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(found["modulus"], 0.5)
