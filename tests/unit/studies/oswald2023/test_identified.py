"""The study that asks identify: whose trainings it takes, how an answer becomes numbers, and what is read of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.along_sequence import GradientDescentAlongSequence
from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.cli.study_models import trainings_of
from mesascope.configuration import describe
from mesascope.identify.verdict import Kind
from mesascope.models.augmented import DiagonalAugmentedLayer
from mesascope.random import seed_key
from mesascope.studies.oswald2023.identified.cells import (
    AbstractIdentifyCell,
    Asking,
    BestTied,
    Identified,
    IdentifyAlikeCell,
    RarerSignsCell,
)
from mesascope.studies.oswald2023.identified.readings import Asked, Models, Summary, in_words, readings
from mesascope.studies.oswald2023.identified.study import IdentifiedModels
from mesascope.study.cell import Workspace
from mesascope.study.claim import PRESETS
from mesascope.tasks.unitary import UnitaryProcess

ASKING = Asking(("zero", "gradient-descent"), ("inputs x 2", "noise on labels"), 20, 20, 1)
EPS = np.finfo(np.float64).eps


class GivenCell(AbstractIdentifyCell):
    """Gradient steps of two rates, the first of which is no number."""

    def models(self, workspace):
        return jax.jit(jax.vmap(GradientDescent))(jnp.array([np.nan, 4.0]))


@pytest.mark.parametrize("preset", PRESETS)
def test_the_trainings_are_those_of_other_studies(preset):
    """Field by field, so that a store finds them."""
    cells = IdentifiedModels.preset(preset).cells()[:5]
    homes = ("oswald2023-fig2", "oswald2023-fig3-recurrent", "oswald2023-fig3-deep", "oswald2023-fig11-softmax")
    for cell, home in zip(cells, (*homes, "sander2024-prop2-augmented"), strict=True):
        assert describe(cell.config.training) in [describe(each) for each in trainings_of(home, preset)], cell.label


def test_more_seeds_than_were_trained_are_trained():
    cells = IdentifiedModels.preset("smoke", seeds=3).cells()
    assert [cell.config.training.seeds for cell in cells[:5]] == [3] * 5


def test_what_is_said_of_a_gradient_step_becomes_numbers_and_a_broken_model_leaves_none():
    told = []
    training = IdentifiedModels.preset("smoke").cells()[0].config.training
    workspace = Workspace(report=lambda done, total, text: told.append(text))
    found = Identified(**GivenCell(training, ASKING, 2).compute(workspace))
    kind, choice, runner_up, num_steps, parameters, distances, intervals, separation, at_laws, _ = (
        each[1] for each in found
    )
    assert told[1].startswith("seed 1 runs ")
    assert (kind, choice, runner_up, num_steps[1]) == (list(Kind).index(Kind.IDENTIFIED), 1, 0, 1)
    assert np.isnan([num_steps[0], *parameters[0], *parameters[1, 1:]]).all()
    assert parameters[1, 0] == pytest.approx(4.0, rel=1e-3)
    assert intervals[0, 0] < 4.0 < intervals[0, 1]
    np.testing.assert_allclose(distances[0], 1, atol=1e3 * EPS)  # the zero predictor
    assert max(distances[1].max(), at_laws.max()) < 1e-3
    assert separation == pytest.approx(1.0, abs=1e-3)
    assert all(np.isnan(each[0]).all() for each in found)
    assert in_words("a model", Asked(found, ASKING.candidates, ASKING.laws)) == (
        "a model, by seed: not asked; identified, 1 x gradient-descent."
    )


def test_signs_made_equal_leave_the_gradient_step():
    """b1 a2^T = c sigma sigma^T; two layers, one with two rarer signs of three negative ones, one with none."""
    signs = jnp.array([[-1.0, 1.0, -1.0, -1.0, 1.0], [-1.0, -1.0, -1.0, -1.0, -1.0]])
    zero = jnp.zeros_like(signs)
    scores, values = jnp.stack([zero, 0.5 * signs, zero, zero], axis=1), jnp.stack([0.2 * signs, zero], axis=1)
    training = IdentifiedModels.preset("smoke").cells()[4].config.training
    arrays = {"losses": np.zeros((2, 1)), "snapshot_steps": np.zeros(1)}
    weights = {f"weights_{i:03d}": np.asarray(each)[:, None] for i, each in enumerate((scores, values))}
    workspace = Workspace(need=lambda shared: {**arrays, **weights})
    np.testing.assert_array_equal(RarerSignsCell(training).compute(workspace)["rarer"], [2, 0])
    alike = IdentifyAlikeCell(training, ASKING, 2).models(workspace)
    sequence = UnitaryProcess(6, 5).sample(seed_key(0))
    expected = GradientDescentAlongSequence(0.1).next_states(sequence)
    for i in range(2):
        layer = DiagonalAugmentedLayer(alike.scores[i], alike.values[i])
        np.testing.assert_allclose(layer.next_states(sequence), expected, atol=1e3 * EPS)
    assert np.abs(DiagonalAugmentedLayer(scores[0], values[0]).next_states(sequence) - expected).max() > 0.1


def asked(candidates, kinds, choices, steps, parameters, distances):
    seeds = len(kinds)
    kind = np.array([list(Kind).index(each) for each in kinds], float)
    near = np.stack([distances, distances - 0.01, distances + 0.02], axis=-1)
    return Asked(
        Identified(
            kind,
            np.array(choices, float),
            np.zeros(seeds),
            np.array(steps, float),
            np.array(parameters, float),
            near,
            np.zeros((seeds, 3, 2)),
            np.zeros(seeds),
            np.zeros((seeds, 1)),
            np.full(seeds, np.nan),
        ),
        candidates,
        ("a law",),
    )


def test_the_claims_read_what_was_said():
    """Two seeds; of each model one seed is named as the claim wants, the other misses by one thing."""
    names = ("gradient-descent", "centred-gradient-descent", "gd-plus-plus")
    near = np.array([[0.05, 0.3, 0.4], [0.5, 0.2, 0.1]])
    rates = np.broadcast_to(np.array([[2.2, 0, 0], [1.0, 0, 0], [4.0, 0.3, 0]]), (2, 3, 3))
    both = (Kind.IDENTIFIED, Kind.APPROXIMATELY)
    layer = asked(names, both, (0, 0), [[1, 2, 2], [2, 2, 2]], rates, near)
    tied = asked(names, (Kind.TIE, Kind.APPROXIMATELY), (2, 2), [[1, 1, 2], [1, 1, 2]], rates, near)
    heads = asked(names, both, (1, 0), np.ones((2, 3)), rates, near)
    along = ("gradient-descent-along-sequence", "last-value")
    augmented = asked(along, (Kind.NONE, Kind.NONE), (0, 0), np.ones((2, 2)), np.ones((2, 2, 3)), near[:, :2])
    alike = augmented._replace(found=augmented.found._replace(kind=np.zeros(2)))
    rates_known = BestTied(np.asarray(5.0), np.asarray(0.25))
    summary = Summary(Models(layer, tied, tied, heads, augmented, alike), 2.0, rates_known, 1.0, np.array([0.0, 2.0]))
    numbers = readings(summary)
    expected = {
        "layer": [1, 0],
        "layer-eta": [0.1, 0.1],
        "tied": [0, 1],
        "tied-eta": [0.2, 0.2],
        "tied-gamma": [0.2, 0.2],
        "untied": [8, 0.2],
        "untied-rates": [0.04, 0.09],
        "heads": [1, 0],
        "alike": [1, 1],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(numbers[name], values, atol=1e3 * EPS, err_msg=name)
    assert numbers["signs"].tolist() == [None, 1]
    assert not any("no filter" in name for name in numbers)


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize(("changes", "message"), [
    ({"trained_at": "huge"}, "`trained_at` must be one of smoke, quick, paper; got 'huge'"),
    ({"num_fit": 19}, "`num_fit` must be an integer of at least 20"),
    ({"candidates": ("gradient-descent", "gd-plus-plus")}, "`candidates` must"),
    ({"sequence_candidates": ("zero",)}, "`sequence_candidates` must"),
])  # fmt: skip
def test_settings_that_make_no_study_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        IdentifiedModels.preset("quick", **changes)
