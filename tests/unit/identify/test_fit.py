"""Candidates as programs for all their parameters, and the parameters that are nearest to a subject."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.gdpp import GDPlusPlus
from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.algorithms.least_squares import LeastSquares
from mesascope.algorithms.ridge import Ridge
from mesascope.candidate import Candidate, LinearCandidate, Parameter, Scale
from mesascope.identify.environments import draw, environments_of, scale_of
from mesascope.identify.fit import Asked, Search, fit
from mesascope.identify.mixture import mixture, simplest
from mesascope.identify.profile import WITHIN, profile
from mesascope.identify.score import predictions, score
from mesascope.identify.separate import most_controversial, separation
from mesascope.identify.trial import Trial, made
from mesascope.prompt import Prompt
from mesascope.tasks.linear_regression import LinearRegression

RATE = Parameter("learning_rate", 0.01, 10.0, inputs=-2)
RIDGE = Candidate("ridge", "ridge regression", Ridge, (Parameter("penalty", 1e-5, 1e2, inputs=2, num_examples=1),))
DESCENT = Candidate("gradient-descent", "{num_steps} steps", GradientDescent, (RATE,), (1, 2, 3, 4))
CURVATURE = Parameter("curvature", 1e-3, 1.0, inputs=-2, num_examples=-1)
GDPP = Candidate("gdpp", "{num_steps} steps", GDPlusPlus, (RATE, CURVATURE), (1, 2, 3))
LEAST_SQUARES = Candidate("least-squares", "least squares", LeastSquares)
FEATURES = LinearCandidate(
    "step", "one step", lambda prompt: (prompt.query @ prompt.xs.T @ prompt.ys / prompt.divisor)[None], GradientDescent
)
NUM_FIT = 60


@pytest.fixture(scope="module")
def scene():
    """Prompts of two lengths, and candidates compiled for them."""
    material = draw(LinearRegression(9, 3, 2), jax.random.key(1), 150, 2, 9)
    found = environments_of(material, (5, 9))
    candidates = (RIDGE, DESCENT, GDPP, LEAST_SQUARES, FEATURES)
    return found, scale_of(found), {each.name: Trial(each, 9, NUM_FIT) for each in candidates}


def answers_of(predictor, environment):
    """By each prompt itself, unpadded."""

    def one(xs, ys, queries):
        prompt = Prompt(xs, ys, queries[0], jnp.zeros(ys.shape[1]))
        return jax.vmap(lambda query: predictor(prompt.with_query(query)))(queries)

    return np.asarray(jax.jit(jax.vmap(one))(*environment[2:5]))


def asked(predictor, environments, which=slice(0, NUM_FIT)):
    parts = [each.part(which) for each in environments]
    return [Asked(each, answers_of(predictor, each)) for each in parts]


def test_a_trial_answers_as_the_predictor_does_whatever_the_length_and_the_number_of_prompts(scene):
    environments, _, trials = scene
    for environment in environments:
        found = trials["gradient-descent"].answers({"learning_rate": 2.0}, environment)
        assert found.shape == (4, 150, 2, 2)
        for k in (1, 4):
            np.testing.assert_allclose(found[k - 1], answers_of(GradientDescent(2.0, k), environment), atol=1e-12)


@pytest.mark.parametrize(("name", "predictor", "parameters", "num_steps"), [
    ("ridge", Ridge(0.3), {"penalty": 0.3}, None),
    ("gradient-descent", GradientDescent(3.0, 3), {"learning_rate": 3.0}, 3),
    ("gdpp", GDPlusPlus(4.0, 0.2, 2), {"learning_rate": 4.0, "curvature": 0.2}, 2),
    ("least-squares", LeastSquares(), {}, None),
    ("step", GradientDescent(3.5), {"coefficients": [3.5]}, None),
])  # fmt: skip
def test_a_member_of_a_family_is_found_with_its_parameters(name, predictor, parameters, num_steps, scene):
    environments, scale, trials = scene
    questions = asked(predictor, environments)
    found = fit(trials[name], questions, scale)
    assert found.num_steps == num_steps
    assert found.delta < 1e-3
    for each, value in parameters.items():
        np.testing.assert_allclose(found.parameters[each], value, rtol=8e-3)
    assert found.at_bound == ()
    fresh = asked(predictor, environments, slice(NUM_FIT, None))
    assert score({name: trials[name]}, {name: found}, fresh).delta(name, "in distribution").high < 2e-3
    made_of = made(trials[name].candidate, found.parameters, found.num_steps)
    np.testing.assert_allclose(answers_of(made_of, fresh[0].environment), fresh[0].answers, rtol=0.05, atol=5e-3)


def test_a_member_whose_answers_few_prompts_hold_most_of_is_found(scene):
    """Where distances are of medians and descents are of sums."""
    environments, scale, _ = scene
    parts = [each.part(slice(0, 120)) for each in environments[1:]]
    asked_of = [Asked(each, answers_of(GDPlusPlus(0.3, 1.0, 3), each)) for each in parts]
    trial = Trial(GDPP, 9, 120)
    assert Search(trial, asked_of, scale).heavy
    found = fit(trial, asked_of, scale)
    assert (found.num_steps, list(found.parameters.values())) == (3, pytest.approx([0.3, 1.0], rel=1e-3))


def test_rates_of_steps_are_found_the_largest_first(scene):
    environments, scale, _ = scene
    two = next(each for each in GradientDescent.candidates() if each.name == "gradient-descent-2-rates")
    found = fit(Trial(two, 9, NUM_FIT), asked(GradientDescent(jnp.array([1.0, 3.0]), 2), environments), scale)
    assert list(found.parameters.values()) == pytest.approx([3.0, 1.0], rel=0.01)


def test_an_interval_is_where_the_distance_has_risen_by_a_hundredth(scene):
    environments, scale, trials = scene
    questions = asked(Ridge(0.3), environments)
    found = fit(trials["ridge"], questions, scale)
    interval = profile(trials["ridge"], questions, scale, found).intervals["penalty"]
    assert interval.low < 0.3 < interval.high
    search = Search(trials["ridge"], questions, scale)
    for end in interval:
        share = np.log(end / search.bounds[0][0]) / np.log(search.bounds[0][1] / search.bounds[0][0])
        assert search.deltas(np.array([share]))[0] == pytest.approx(found.delta + WITHIN, abs=1e-4)
    assert WITHIN == 0.01


def test_counts_that_are_as_near_widen_the_interval(scene):
    """Small steps: four at one rate are two at twice that rate, all but for the square of it."""
    environments, scale, trials = scene
    few = [each.part(slice(0, NUM_FIT)) for each in environments]
    for rate, expected in ((0.15, (2, 3, 4)), (8.0, (4,))):
        questions = [Asked(each, answers_of(GradientDescent(rate, 4), each)) for each in few]
        near = profile(trials["gradient-descent"], questions, scale, fit(trials["gradient-descent"], questions, scale))
        assert near.counts == expected
        low, high = near.intervals["learning_rate"]
        assert low < rate < high
        assert (high > 1.9 * rate) == (len(expected) > 1)


def test_a_parameter_that_would_lie_beyond_its_range_is_told(scene):
    environments, scale, trials = scene
    found = fit(trials["ridge"], asked(Ridge(1e4), environments), scale)
    assert found.at_bound == ("penalty",)


def test_a_count_that_would_lie_beyond_its_range_is_told(scene):
    environments, scale, trials = scene
    for num_steps, expected in ((4, ("num_steps",)), (3, ())):
        questions = asked(GradientDescent(3.0, num_steps), environments[1:])
        assert fit(trials["gradient-descent"], questions, scale).at_bound == expected


def test_one_set_of_parameters_serves_all_environments(scene):
    """A rate on sums over examples is another rate on means at each length."""
    environments, scale, trials = scene
    parts = [each.part(slice(0, NUM_FIT)) for each in environments]
    questions = [Asked(each, answers_of(GradientDescent(0.4 * each.num_examples), each)) for each in parts]
    together = fit(trials["gradient-descent"], questions, scale)
    alone = fit(trials["gradient-descent"], questions[:1], scale)
    assert (together.delta > 0.1, alone.delta < 1e-3) == (True, True)


def test_two_candidates_are_as_far_apart_as_the_better_fitted_one_says(scene):
    environments, scale, trials = scene
    fits = {"ridge": fit(trials["ridge"], asked(Ridge(0.3), environments), scale)}
    fits["gdpp"] = fit(trials["gdpp"], asked(GDPlusPlus(4.0, 0.2, 2), environments), scale)
    fits["gradient-descent"] = fit(trials["gradient-descent"], asked(GradientDescent(3.0), environments), scale)
    parts = [each.part(slice(0, NUM_FIT)) for each in environments]
    nested = separation(trials, fits, ("gradient-descent", "gdpp"), parts, scale)
    assert nested.least < 0.01 < nested.backward  # GD++ without curvature is gradient descent, not the other way round
    for pair, expected in (
        (("gradient-descent", "gdpp"), nested.forward),
        (("gdpp", "gradient-descent"), nested.backward),
    ):
        one_way = separation(
            trials, fits, pair, parts, scale, one_way=True
        )  # whether the second can do what the first does
        assert one_way.least == one_way.forward == expected
    apart = separation(trials, fits, ("ridge", "gdpp"), parts, scale)
    assert apart.least == min(apart.forward, apart.backward) > 0.03
    gaps = np.abs(predictions(trials["ridge"], fits["ridge"], parts[0]) - answers_of(LeastSquares(), parts[0]))
    which = most_controversial(gaps, np.zeros_like(gaps))
    assert which.tolist() == np.argsort(-np.sum(gaps**2, axis=(1, 2)))[:3].tolist()


def test_a_mixture_is_found_with_its_weights(scene):
    environments, scale, trials = scene
    names = ("ridge", "gradient-descent", "least-squares")
    members = (Ridge(0.3), GradientDescent(3.0), LeastSquares())
    fits = {
        name: fit(trials[name], asked(member, environments), scale) for name, member in zip(names, members, strict=True)
    }
    parts = [each.part(slice(0, NUM_FIT)) for each in environments]
    shares = dict(zip(members, (0.5, 0.3, 0.2), strict=True))
    mixed = [Asked(each, sum(share * answers_of(member, each) for member, share in shares.items())) for each in parts]
    found = mixture(trials, fits, names, mixed, mixed)
    assert [each.mean for each in found.weights.values()] == pytest.approx([0.5, 0.3, 0.2], abs=0.02)
    assert found.delta < 0.01
    halves = [Asked(each, (answers_of(members[0], each) + answers_of(members[1], each)) / 2) for each in parts]
    assert set(simplest(trials, fits, names, halves, halves, least=0.2).weights) == set(names[:2])
    assert set(simplest(trials, fits, names, mixed, mixed, least=0.0).weights) == set(names)  # no pair is a mixture


def test_environments_of_several_lengths_are_named_by_them(scene):
    environments, _, _ = scene
    assert [each.name for each in environments] == ["in distribution, N = 5", "in distribution, N = 9"]
    assert [each.num_examples for each in environments] == [5, 9]


def test_bounds_are_in_units_of_the_prompts():
    assert RIDGE.parameters[0].bounds(Scale(2.0, 5.0, 10.0)) == pytest.approx((40e-5, 40e2))
    assert RATE.bounds(Scale(2.0, 5.0, 10.0)) == pytest.approx((0.0025, 2.5))
