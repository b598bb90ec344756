"""All that algorithms offer to be tried as: names, bounds, units, and that each is what it says."""

import dataclasses
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import mesascope.algorithms
from mesascope.candidate import Candidate, LinearCandidate, Parameter, Scale
from mesascope.discovery import concrete_classes
from mesascope.predictor import AbstractForecaster, AbstractPredictor, AbstractStepwise
from mesascope.prompt import Prompt

EPS = np.finfo(np.float64).eps
CLASSES = [
    cls
    for cls in concrete_classes(mesascope.algorithms, AbstractPredictor)
    if hasattr(cls, "candidates") and not issubclass(cls, AbstractForecaster)
]
CANDIDATES = [candidate for cls in CLASSES for candidate in cls.candidates()]
SEARCHED = [each for each in CANDIDATES if isinstance(each, Candidate)]
FITTED = [each for each in CANDIDATES if isinstance(each, LinearCandidate)]
IN_ORDER = ("last-label", "delta-rule", "kalman", "recursive", "nearest")  # what repeats of the examples change
SCALE = Scale(1.0, 1.0, 8.0)


def prompt_of(num_examples=8, dim_x=3):
    rng = np.random.default_rng(5)
    return Prompt(*(jnp.asarray(rng.normal(size=shape)) for shape in ((num_examples, dim_x), (8, 2), (dim_x,), (2,))))


def values(candidate, share, scale=SCALE):
    """The parameters at a share of the way between their bounds."""
    found = {}
    for parameter in candidate.parameters:
        low, high = parameter.bounds(scale)
        found[parameter.name] = low + share * (high - low) if parameter.linear else low * (high / low) ** share
    return found


def answer_to(candidate, parameters, prompt):
    return candidate.predictor(parameters, max(candidate.counts) if candidate.counts else None)(prompt)


def test_names_bounds_and_sentences():
    names = [each.name for each in CANDIDATES]
    assert len(set(names)) == len(names) >= 20
    assert [name for name in names if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)] == []
    for each in CANDIDATES:
        assert each.says.format(num_steps=3)
    for each in SEARCHED:
        assert ("{num_steps}" in each.says) == bool(each.counts), each.name
        assert list(each.counts) == sorted(set(each.counts)), each.name
        assert len({parameter.name for parameter in each.parameters}) == len(each.parameters), each.name
        for parameter in each.parameters:
            low, high = parameter.bounds(SCALE)
            assert low < high, each.name
            assert parameter.linear or low > 0, each.name


@pytest.mark.parametrize("candidate", SEARCHED, ids=lambda each: each.name)
def test_a_predictor_is_made_within_a_program_and_follows_the_units(candidate):
    """At both bounds and between; and where inputs, labels and their number change, so do the parameters.

    The answer's unit is the labels': examples c x and e y with parameters of their units answer e times as much. Twice
    the examples with parameters of their units answer the same, where the order of the examples counts for nothing.
    """
    prompt, c, e = prompt_of(), 3.0, 0.5
    scaled = Prompt(c * prompt.xs, e * prompt.ys, c * prompt.query, prompt.target)
    twice = dataclasses.replace(prompt, xs=jnp.tile(prompt.xs, (2, 1)), ys=jnp.tile(prompt.ys, (2, 1)))
    cases = [(values(candidate, share), prompt) for share in (0.0, 0.5, 1.0)]
    cases.append((values(candidate, 0.5, Scale(c, e, 8.0)), scaled))
    cases.append((values(candidate, 0.5, Scale(1.0, 1.0, 16.0)), twice))
    answers = jax.jit(lambda cases: [answer_to(candidate, *case) for case in cases])(jax.device_put(cases))
    low, middle, high, of_scaled, of_twice = map(np.asarray, answers)
    assert all(each.shape == (2,) for each in (low, middle, high))
    assert np.isfinite(middle).all()
    tolerance = 1e6 * EPS * max(1.0, np.abs(middle).max())
    np.testing.assert_allclose(of_scaled, e * middle, rtol=0, atol=tolerance)
    if not candidate.name.startswith(IN_ORDER) and "delta" not in candidate.name:
        np.testing.assert_allclose(of_twice, middle, rtol=0, atol=tolerance)
    if candidate.parameters:
        assert np.abs(low - middle).max() > 1e-6


@pytest.mark.parametrize("candidate", [each for each in SEARCHED if each.counts], ids=lambda each: each.name)
def test_a_trajectory_holds_every_count(candidate):
    """The longest predictor's rows are the answers of the shorter ones."""
    counts, parameters, prompt = candidate.counts, values(candidate, 0.4), prompt_of()
    longest = candidate.predictor(parameters, counts[-1])
    assert isinstance(longest, AbstractStepwise)
    shown = sorted({counts[0], counts[len(counts) // 2], counts[-1]})
    rows, alone = jax.jit(
        lambda: (longest.trajectory(prompt), [candidate.predictor(parameters, count)(prompt) for count in shown])
    )()
    assert len(rows) == counts[-1]
    for count, answer in zip(shown, alone, strict=True):
        np.testing.assert_allclose(rows[count - 1], answer, rtol=0, atol=1e3 * EPS * max(1, np.abs(answer).max()))


@pytest.mark.parametrize("candidate", FITTED, ids=lambda each: each.name)
@pytest.mark.parametrize("dim_x", [1, 3])
def test_a_linear_candidate_predicts_the_sum_of_its_vectors(candidate, dim_x):
    prompt = prompt_of(dim_x=dim_x)
    vectors = np.asarray(jax.jit(candidate.features)(prompt))
    coefficients = np.random.default_rng(1).normal(size=len(vectors))
    found = jax.jit(lambda coefficients: candidate.make(coefficients)(prompt))(jax.device_put(coefficients))
    np.testing.assert_allclose(found, coefficients @ vectors, rtol=0, atol=1e3 * EPS * np.abs(vectors).max())
    assert np.linalg.matrix_rank(vectors.reshape(len(vectors), -1)) == min(len(vectors), vectors[0].size)


def test_bounds_are_powers_of_the_sizes():
    rate = Parameter("penalty", 0.5, 2.0, inputs=2, labels=-1, num_examples=1)
    assert rate.bounds(Scale(3.0, 4.0, 10.0)) == (0.5 * 9 / 4 * 10, 2.0 * 9 / 4 * 10)
