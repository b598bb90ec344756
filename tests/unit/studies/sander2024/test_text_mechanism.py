"""What a layer trained on text has in common with its rivals, and eigenvalues of AR(1) fits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.data.sources import OwnText
from mesascope.models.diagonal_heads import DiagonalHeads
from mesascope.models.position_weights import LearnedWeights
from mesascope.studies.sander2024._shared.text import Rivals, forecasts_of, moments
from mesascope.studies.sander2024.text_mechanism.cells import TextLayers, likeness_of, read_heads
from mesascope.studies.sander2024.text_mechanism.fits import FitsCell, Spectra, moduli, spectrum
from mesascope.studies.sander2024.text_mechanism.readings import left_over, ordered_less_shuffled, readings
from mesascope.study.cell import Workspace
from mesascope.tasks.orthogonal import RotationProcess
from mesascope.tasks.text import TextWindows

EPS = np.finfo(np.float64).eps


def test_heads_that_are_orthogonal_have_no_defect_and_positions_their_ratio():
    weights = LearnedWeights(jnp.asarray(2 * np.eye(5, k=1) - np.eye(5)))
    read = read_heads(DiagonalHeads(jnp.asarray(np.eye(4)), jnp.asarray(3 * np.eye(4)), weights))
    assert read["defect"] == 0
    assert read["ratio"] == pytest.approx(-0.5)
    np.testing.assert_array_equal(read["mixing"], 3 * np.eye(4))
    assert read["positions"].shape == (4, 5)
    mixed = DiagonalHeads(jnp.ones((1, 2)), jnp.ones((1, 2)), weights)
    assert read_heads(mixed)["defect"] == pytest.approx(0.5**0.5)


def test_size_makes_a_rival_distant_but_leaves_nothing_over():
    """A layer's likeness to three times its own predictions, to their negative, and to nothing."""

    @jax.jit
    def likeness():
        windows = RotationProcess(8, 4).sample_batch(jax.random.key(0), 5)
        layer = DiagonalHeads.initialise(4, 2, 8, std=0.5, key=jax.random.key(1))
        own = forecasts_of(windows, layer)
        return likeness_of(windows, Rivals(3 * own, -own, jnp.zeros_like(own)), layer)

    found = likeness()
    np.testing.assert_allclose(found["distance"], [4, 4, 1], rtol=1e3 * EPS)
    np.testing.assert_allclose(left_over(np.asarray(found["cosine"])[:2]), [0, 1], atol=1e3 * EPS)


def test_what_is_left_over_is_the_least_distance_over_all_scales():
    ours, other = np.random.default_rng(0).normal(size=(2, 50)) + 0.5
    cosine = np.array([ours @ other / np.sqrt(ours @ ours * (other @ other))])
    scales = np.linspace(0, 2, 20_001)
    least = min(np.sum((ours - a * other) ** 2) for a in scales) / np.sum(ours**2)
    assert left_over(cosine) == pytest.approx(np.array([least]), rel=1e-6)
    assert np.isnan(left_over(np.array([np.nan])))


def test_the_fit_to_a_rotation_has_its_angles():
    start = np.array([1.0, 0.0, 0.5, 0.5])
    states = np.asarray(jax.jit(RotationProcess(8, 4).sequence)((np.array([0.3, 1.1]), start, None)).states)
    found = spectrum(*moments(states[None]), 1e-10)
    np.testing.assert_allclose(moduli(found), 1, atol=1e-9)
    angles = np.sort(np.arctan2(found[0, :, 1], found[0, :, 0]))
    np.testing.assert_allclose(angles, [-1.1, -0.3, 0.3, 1.1], atol=1e-9)
    assert moduli(spectrum(*moments(states[None]), 1e-10, 5.0)).max() < 0.9


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
        np.array([[0.9, 0.8], [1.0, 1.0]]),
        np.array([0.7, 0.6, 0.5]),
        np.array(0.1),
        np.array(10.0),
        np.array([[0.6, 0.8, 0.0], [0.8, 0.6, -1.0]]),
        np.ones((2, 3)),
        np.zeros((2, 4, 4)),
        np.zeros((2, 5, 6)),
        np.array([0.5, 0.6]),
        np.array([-0.5, 1.5]),
    )
    found = readings(("diagonal", "shuffled"), layers, Spectra(turn, turn / 4, turn / 2, turn[0] / 8, np.array(10.0)))
    np.testing.assert_allclose(found["order"], [0.1, 0.2])
    np.testing.assert_allclose(found["positions"], [0.0, 2.0])
    np.testing.assert_allclose(found["step"], [0.64, 0.36])
    np.testing.assert_allclose(found["ridge-part"], [0.36, 0.64])
    np.testing.assert_allclose(found["nearer"], [0.36 / 0.64, 0.64 / 0.36])
    np.testing.assert_allclose(found["modulus"], 0.5)
    np.testing.assert_allclose(found["loss, ridge regression"], 0.6)
    np.testing.assert_allclose(found["share of windows' eigenvalues that are real"], 0.5)
    np.testing.assert_allclose(found["median turn of the others, in pi a step"], 0.5)
    np.testing.assert_allclose(found["largest |eigenvalue|, one fit to all windows"], 0.125)
