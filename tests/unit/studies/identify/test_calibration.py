"""The calibration of `identify`: disguises, networks, what is taken away, and the readings on numbers set by hand."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.identify.candidates import all_candidates
from mesascope.identify.environments import IN_DISTRIBUTION
from mesascope.identify.verdict import Kind
from mesascope.random import seed_key
from mesascope.studies.identify.calibration.cells import KINDS, NOBODY, Instrument, Known, Said
from mesascope.studies.identify.calibration.disguises import (
    Disguised,
    Plausible,
    asked,
    disguised,
    draw_member,
    draw_pair,
    family_of,
    size,
)
from mesascope.studies.identify.calibration.networks import FlatNetwork, ShuffledTargets
from mesascope.studies.identify.calibration.readings import Summary, confusion, mistakes, readings
from mesascope.studies.identify.calibration.study import Calibration
from mesascope.tasks.linear_regression import LinearRegression

TRIED = ("ridge", "nadaraya-watson")
TASK = LinearRegression(num_examples=5, dim_x=3)


@pytest.fixture(scope="module")
def instrument():
    return Instrument(TASK, TRIED, num_fit=40, num_score=40, num_queries=1, num_rivals=1)


@pytest.fixture(scope="module")
def scene(instrument):
    with jax.numpy_dtype_promotion("standard"):
        return instrument.scene(NOBODY, 0)


def first_coordinate(xs, ys, queries):
    assert {each.dtype for each in (xs, ys, queries)} == {np.dtype("float32")}
    return queries[..., :1]


def test_a_disguise_permutes_adds_its_noise_and_answers_a_question_in_one_way():
    rng = np.random.default_rng(0)
    xs, ys, queries = (rng.normal(size=(5000, *shape)) for shape in ((4, 3), (4, 1), (2, 3)))
    plain = Disguised(first_coordinate, np.array([2, 0, 1]), 0.0)
    np.testing.assert_array_equal(plain.predictions(xs, ys, queries), queries[..., 2:].astype(np.float32))
    noisy = Disguised(first_coordinate, np.array([2, 0, 1]), 0.1)
    answers = noisy.predictions(xs, ys, queries)
    noise = (answers - queries[..., 2:]).ravel() / 0.1
    assert abs(noise.mean()) < 5 / np.sqrt(noise.size)
    assert abs(noise.var() - 1) < 5 * np.sqrt(2 / noise.size)
    assert abs(np.corrcoef(noise[::2], noise[1::2])[0, 1]) < 5 / np.sqrt(noise.size / 2)
    some = [7, 3]
    np.testing.assert_array_equal(noisy.predictions(xs[some], ys[some], queries[some]), answers[some])
    for changed in ((-xs, ys, queries), (xs, -ys, queries)):
        assert not np.isclose(noisy.predictions(*changed), answers).all(axis=(1, 2)).any()


def test_noise_is_a_share_of_the_answers_in_distribution(scene):
    subject = disguised(first_coordinate, scene, 0.02, np.random.default_rng(0))
    queries = scene.inside()[-1].queries
    np.testing.assert_allclose(subject.noise_std, 0.02 * np.sqrt(np.mean(queries[..., 0] ** 2)), rtol=1e-6)
    assert sorted(subject.order) == [0, 1, 2]


def test_noise_is_of_the_median_answer_where_few_are_large(instrument):
    with jax.numpy_dtype_promotion("standard"):
        scene = dataclasses.replace(instrument, num_fit=120, num_score=150).scene(NOBODY, 0)

    def heavy(xs, ys, queries):
        return np.exp(20 * queries[..., :1])

    parts = [*scene.inside(), *(each for each in scene.scored if each.law == "in distribution")]
    squares = np.concatenate([np.mean(heavy(None, None, each.queries) ** 2, axis=(1, 2)) for each in parts])
    found = disguised(heavy, scene, 0.02, np.random.default_rng(0)).noise_std
    assert found == pytest.approx(0.02 * np.sqrt(np.median(squares)), rel=1e-4)
    assert found < 0.001 * np.sqrt(np.mean(squares))


@pytest.mark.usefixtures("as_installed")
def test_members_are_drawn_between_bounds_until_they_are_plausible(scene):
    rng, inside = np.random.default_rng(0), scene.inside()[-1]
    ridge, step = (all_candidates("prompts")[name] for name in ("ridge", "preconditioned-step"))
    low, high = ridge.parameters[0].bounds(scene.scale)
    labels = size(inside.ys)
    for plausible in (Plausible(0.1, 0.5, 50), Plausible(0.6, 3.0, 50)):
        for candidate in (ridge, step):
            member = draw_member(candidate, scene, plausible, rng)
            found = size(asked(member.answer, inside)) / labels
            assert plausible.smallest * (1 - 1e-5) <= found <= plausible.largest * (1 + 1e-5)
        assert np.all(np.linalg.eigvalsh(symmetric(member.fit.parameters["coefficients"])) > 0)
    drawn = [draw_member(ridge, scene, Plausible(0.0, 99.0, 1), rng).fit.parameters["penalty"] for _ in range(50)]
    assert low <= min(drawn) < np.sqrt(low * high) < max(drawn) <= high
    assert draw_member(ridge, scene, Plausible(50.0, 99.0, 3), rng) is None


def symmetric(coefficients):
    matrix = np.zeros((3, 3))
    matrix[np.triu_indices(3)] = coefficients
    return matrix + np.triu(matrix, 1).T


@pytest.mark.usefixtures("as_installed")
def test_halves_of_a_mixture_are_of_two_families_and_apart(scene, instrument):
    rng, inside = np.random.default_rng(1), scene.inside()[-1]
    learners = tuple(each for each in instrument.candidates if each.name not in ("zero", "constant"))
    for _ in range(5):
        first, second = draw_pair(learners, scene, Plausible(0.1, 3.0, 50), 0.3, rng)
        assert family_of(first.trial.candidate.name) != family_of(second.trial.candidate.name)
        one, other = (asked(member.answer, inside) for member in (first, second))
        mean = (one + other) / 2
        assert min(size(one - mean), size(other - mean)) >= 0.3 * size(mean) * (1 - 1e-6)
    alike = [all_candidates("prompts")[name] for name in ("ridge", "least-squares")]
    assert draw_pair(tuple(alike), scene, Plausible(0.1, 3.0, 5), 0.0, rng) is None


@pytest.mark.usefixtures("as_installed")
def test_the_second_verdict_is_that_of_an_instrument_without_these_candidates(instrument, scene):
    """Against one that is made without them from the start."""
    member = draw_member(all_candidates("prompts")["ridge"], scene, Plausible(0.1, 3.0, 50), np.random.default_rng(0))
    subject = disguised(member.answer, scene, 0.02, np.random.default_rng(0))
    evidence, tolerance, judgement = instrument.verdict(subject, scene)
    assert judgement.verdict.members == ("ridge",)
    fewer = dataclasses.replace(instrument, tried=("nadaraya-watson",))
    other, _, second = fewer.verdict(subject, scene)
    kind, distance = instrument.without(evidence, ["ridge", "unknown"], tolerance)
    assert KINDS[int(kind)] is second.verdict.kind
    assert distance == other.scores.delta(second.verdict.members[0], IN_DISTRIBUTION).mean
    assert np.isnan(instrument.without(evidence, evidence.trials, tolerance)).all()


def test_a_prompt_has_the_target_of_another():
    task = ShuffledTargets(TASK)
    draws = task.draw(seed_key(0))
    own, other, found = TASK.prompt(draws[0]), TASK.prompt(draws[1]), task.prompt(draws)
    for name, origin in (("xs", own), ("ys", own), ("query", own), ("target", other)):
        np.testing.assert_array_equal(getattr(found, name), getattr(origin, name))
    assert not np.allclose(own.target, other.target)


def test_a_flat_network_reads_all_numbers_of_a_prompt():
    network, prompt = (
        FlatNetwork.initialise(5, 3, num_layers=1, dim_hidden=4, key=seed_key(0)),
        TASK.sample(seed_key(1)),
    )
    numbers = np.concatenate([np.ravel(prompt.xs), np.ravel(prompt.ys), prompt.query])
    first, last = network.perceptron.layers
    by_hand = last.weight @ jnp.asarray(np.tanh(first.weight @ numbers + first.bias)) + last.bias
    np.testing.assert_allclose(network(prompt), by_hand, rtol=1e-12)


NAMES = ("zero", "constant", "mean-label", "last-label", "ridge", "lasso")


def test_every_reading_has_one_possible_origin():
    """Four members of ridge, one of the lasso: one wrong, one right under a simpler name."""
    identified, approximately, none = (KINDS.index(each) for each in (Kind.IDENTIFIED, Kind.APPROXIMATELY, Kind.NONE))
    nan = np.nan
    said = {
        "ridge": Said(
            np.array([identified, identified, none, identified]),
            np.array([4.0, 2, 4, 4]),
            np.ones(4),
            np.array([0.02, 0.9, 0.03, 0.1]),
        ),
        "lasso": Said(*map(np.array, ([float(identified)], [4.0], [3.0], [0.7]))),
    }
    known = {
        "ridge": Known(
            named=np.array([1.0, 0, 1, 1]), idle=np.array([0.0, 1, 0, 0]), separable=np.array([1.0, 0, 1, 1]),
            kind_without=np.array([none, identified, nan, none]), distance_without=np.array([1.0, 0, nan, 1]),
            steps=np.array([[3.0, 3], [nan, nan], [3, 4], [nan, nan]]), true=np.ones((4, 1)),
            gaps=np.array([[0.04], [nan], [-0.06], [0]]), covered=np.array([[1.0], [nan], [0.0], [1.0]]),
            widths=np.array([[0.1], [nan], [0.3], [0.1]]),
        ),
        "lasso": Known(
            named=np.array([0.0]), idle=np.array([0.0]), separable=np.array([1.0]), kind_without=np.array([none]),
            distance_without=np.array([1.0]), steps=np.full((1, 2), nan), true=np.ones((1, 1)),
            gaps=np.full((1, 1), nan), covered=np.full((1, 1), nan), widths=np.full((1, 1), nan),
        ),
    }  # fmt: skip
    mixtures = Said(*map(np.array, ([identified, approximately, none], [4.0, 4, 4], [1.0, 1, 1], [0.0, 0.1, 1])))
    kinds = np.array([identified, identified, identified, none])
    networks = {"random": Said(kinds, np.array([1.0, 4, 4, 4]), np.ones(4), np.zeros(4))}
    summary = Summary(NAMES, said, known, mixtures, networks, 0.02)
    found = readings(summary)
    expected = {
        "named": 1 / 2, "inversion": 3 / 4, "untrained": 2, "mixtures": 1, "parameters": 2 / 3, "intervals": 2 / 3,
        "distance": np.log(0.03 / 0.02), "none": 3 / 4, "ties": 1.4, "cases": 12,
        "share of members that can be told apart": 4 / 5, "share of all members that are named": 2 / 5,
        "share of identified members under their own name": 1 / 2, "share of true numbers of steps": 0.5,
        "share of parameters within 5%, of intervals below 0.2": 1, "members: none": 1, "mixtures: approximately": 1,
        "share of parameters within 5%, where the number of steps is true": 1,
        "share of intervals that hold the parameter, where the number of steps is true": 1,
        "ridge: share of its members it is chosen for": 3 / 4,
        "ridge: share that are its members of those it is chosen for": 3 / 4,
        "ridge: median of |log(found / true)|": 0.04,
    }  # fmt: skip
    assert {name: float(found[name]) for name in expected} == pytest.approx(expected, rel=1e-12)
    assert mistakes(summary) == (
        "ridge, 2 of 4 not named: mean-label, simpler and as near; none, nearest ridge.",
        "lasso, 1 of 1 not named: ridge.",
    )
    np.testing.assert_array_equal(confusion(summary), [[0, 0, 1, 0, 3, 0], [0, 0, 0, 0, 1, 0]])


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize(("changes", "message"), [
    ({"truths": ("rigde",)}, "`truths` must be one of"),
    ({"largest": 0.1}, "`largest` must be above `smallest`, 0.1; got 0.1"),
    ({"num_heads": 3}, "`dim_token` must be a multiple of `num_heads`, 3; got 16"),
])  # fmt: skip
def test_settings_that_make_no_study_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Calibration.preset("quick", **changes)
