"""The rule from distances to a verdict, on distances made by hand."""

import numpy as np
import pytest

from mesascope.identify.environments import IN_DISTRIBUTION
from mesascope.identify.mixture import Mixture, is_mixture
from mesascope.identify.score import Errors, Scores
from mesascope.identify.separate import Separation
from mesascope.identify.verdict import Kind, choose, decide, scope_of, tolerance_for
from mesascope.stats import Estimate

NUM = 400


def scores_of(deltas, spread=0.1, law=IN_DISTRIBUTION, others=()):
    """Candidates at given distances; a prompt's squared error varies by a share of itself, the same for all."""
    rng = np.random.default_rng(0)
    found = []
    for name, table in ((law, deltas), *others):
        noise = 1 + spread * rng.normal(size=NUM)
        rows = np.stack([delta**2 * noise for delta in table.values()])
        found.append(Errors(name, name, rows, np.ones(NUM)))
    return Scores(list(deltas), found)


def verdict(deltas, complexity=None, least=0.5, tolerance=0.05, **changes):
    scores = scores_of(deltas, **changes)
    complexity = dict.fromkeys(deltas, 1.0) | (complexity or {})
    choice, _ = choose(scores, complexity, IN_DISTRIBUTION)
    separations = [Separation(choice, name, IN_DISTRIBUTION, least, 2 * least) for name in deltas if name != choice]
    return decide(scores, complexity, IN_DISTRIBUTION, tolerance, separations)


def test_the_nearest_is_identified_where_rivals_are_far():
    found = verdict({"ridge": 0.3, "gd": 0.02, "zero": 1.0})
    assert (found.kind, found.members, found.runner_up) == (Kind.IDENTIFIED, ("gd",), "ridge")


def test_above_the_tolerance_it_is_approximate_and_beyond_that_none():
    assert verdict({"gd": 0.1, "ridge": 0.3}).kind is Kind.APPROXIMATELY
    assert verdict({"gd": 0.2, "ridge": 0.4}).kind is Kind.NONE


def test_a_rival_that_is_as_near_makes_a_tie_and_one_that_is_a_bit_farther_no_identification():
    found = verdict({"gd": 0.03, "ridge": 0.03, "zero": 1.0}, least=0.01)
    assert (found.kind, set(found.members)) == (Kind.TIE, {"gd", "ridge"})
    assert verdict({"gd": 0.030, "ridge": 0.044}).kind is not Kind.IDENTIFIED  # by .014, and by less than half
    assert verdict({"gd": 0.030, "ridge": 0.055}).kind is Kind.IDENTIFIED


def test_a_rival_that_is_far_but_not_far_enough_leaves_it_open():
    assert verdict({"gd": 0.12, "ridge": 0.17}).kind is Kind.INCONCLUSIVE  # by .05, and by less than half


def test_more_parameters_must_earn_their_place():
    found = verdict({"gd++": 0.020, "gd": 0.025, "zero": 1.0}, {"gd++": 2.0})
    assert (found.kind, found.members, found.no_gain) == (Kind.IDENTIFIED, ("gd",), ("gd++",))
    found = verdict({"gd++": 0.020, "gd": 0.060, "zero": 1.0}, {"gd++": 2.0})
    assert (found.members, found.no_gain) == (("gd++",), ())


def test_a_rival_with_more_parameters_that_is_farther_makes_no_tie():
    deltas = {"gd": 0.030, "gd++": 0.042}
    assert verdict(deltas, least=0.01).kind is Kind.TIE
    assert verdict(deltas, {"gd++": 2.0}, least=0.01).kind is Kind.IDENTIFIED
    assert verdict(deltas, {"gd": 2.0}, least=0.01).kind is Kind.TIE


def test_two_that_diverge_are_no_nearer_to_one_another():
    scores = scores_of({"a": np.inf, "b": np.inf})
    paired = scores.paired("a", "b", IN_DISTRIBUTION)
    assert np.isnan(paired.difference).all()
    assert paired.ratio.low == paired.ratio.high == 1


def test_a_tie_names_no_member_that_a_smaller_member_is_as_near_as():
    deltas, complexity = (
        {"matrix": 0.052, "momentum": 0.064, "gd": 0.066, "zero": 1.0},
        {"matrix": 9.0, "momentum": 2.0},
    )
    found = verdict(deltas, complexity, least=0.01)
    assert (found.kind, found.members, found.no_gain) == (Kind.TIE, ("matrix", "gd"), ("momentum",))
    deltas["momentum"] = 0.054  # which gains more than .01
    assert verdict(deltas, complexity, least=0.01).members == ("momentum", "gd")  # and makes the matrix needless
    outside = ("noise", {"matrix": 0.02, "momentum": 0.02, "gd": 0.3, "zero": 1.0})
    found = verdict(deltas | {"momentum": 0.064}, complexity, least=0.01, others=[outside])
    assert set(found.members) == {"matrix", "momentum", "gd"}  # momentum holds where gd breaks


def test_a_parameter_earns_its_place_where_the_smaller_family_breaks():
    near, complexity = {"ridge": 0.010, "least squares": 0.012}, {"ridge": 1.0, "least squares": 0.0}
    for broken, expected in ((0.3, "ridge"), (0.08, "least squares")):
        scores = scores_of(near, others=[("noise", {"ridge": 0.02, "least squares": broken})])
        assert choose(scores, complexity, IN_DISTRIBUTION)[0] == expected


def test_an_interval_across_a_bound_decides_nothing_and_says_how_many_prompts_would():
    found = verdict({"gd": 0.15, "ridge": 0.5}, spread=3.0)
    assert found.kind is Kind.INCONCLUSIVE
    assert found.more_prompts >= 2


@pytest.mark.parametrize(("floor", "expected"), [(0.0, 0.05), (0.02, 0.05), (0.04, 0.08)])
def test_the_tolerance_is_never_below_twice_the_floor(floor, expected):
    assert tolerance_for(floor) == expected


def test_the_scope_holds_the_laws_where_the_choice_stays_within_twice_the_tolerance():
    scores = scores_of({"gd": 0.02}, others=[("inputs x 2", {"gd": 0.09}), ("noise", {"gd": 0.12})])
    assert scope_of(scores, "gd", 0.05) == (IN_DISTRIBUTION, "inputs x 2")


def test_a_distance_is_the_root_of_the_ratio_of_sums_and_differences_are_paired():
    rng = np.random.default_rng(1)
    sizes, first = rng.exponential(size=(2, NUM))
    scores = Scores(["a", "b"], [Errors(IN_DISTRIBUTION, IN_DISTRIBUTION, np.stack([first, 1.21 * first]), sizes)])
    mean = np.sqrt(first.sum() / sizes.sum())
    estimate = scores.delta("a", IN_DISTRIBUTION)
    assert estimate.mean == pytest.approx(mean)
    draws = [np.sqrt(first[i].sum() / sizes[i].sum()) for i in rng.integers(0, NUM, (4000, NUM))]
    assert np.allclose([estimate.low, estimate.high], np.quantile(draws, (0.025, 0.975)), rtol=0.02)
    paired = scores.paired("b", "a", IN_DISTRIBUTION)
    assert np.allclose(paired.ratio, 1.1)  # on every draw of prompts, whatever the spread of both
    assert paired.difference.mean == pytest.approx(0.1 * mean)


def test_noise_of_the_subject_is_taken_off():
    errors = Errors(IN_DISTRIBUTION, IN_DISTRIBUTION, np.full((1, NUM), 0.05), np.ones(NUM))
    assert Scores(["a"], [errors], noise=0.01).delta("a", IN_DISTRIBUTION).mean == pytest.approx(0.2)
    assert Scores(["a"], [errors], noise=0.06).delta("a", IN_DISTRIBUTION).mean == 0


def test_few_prompts_that_hold_most_of_the_answers_are_judged_by_medians():
    sizes = np.ones(NUM)
    sizes[:2] = 1e4
    errors = Errors(IN_DISTRIBUTION, IN_DISTRIBUTION, 0.04 * np.stack([np.ones(NUM), 4 * sizes]), sizes)
    scores = Scores(["a", "b"], [errors])
    assert scores.by_median[IN_DISTRIBUTION]
    assert scores.top_share(IN_DISTRIBUTION) > 0.9
    assert [scores.delta(name, IN_DISTRIBUTION).mean for name in "ab"] == pytest.approx([0.2, 0.4])


def test_what_is_no_number_is_infinitely_far():
    rows = np.full((1, NUM), 0.04)
    rows[0, 3] = np.inf
    heavy = np.ones(NUM)
    heavy[:2] = 1e4  # judged by medians, which one prompt does not move
    for sizes in (np.ones(NUM), heavy):
        scores = Scores(["a"], [Errors(IN_DISTRIBUTION, IN_DISTRIBUTION, rows, sizes)])
        assert scores.by_median[IN_DISTRIBUTION] == (sizes is heavy)
        estimate = scores.delta("a", IN_DISTRIBUTION)
        assert (estimate.mean, estimate.high) == (np.inf, np.inf)


@pytest.mark.parametrize(
    ("delta", "least", "low", "expected"),
    [(0.1, 0.4, 0.2, True), (0.1, 0.15, 0.2, False), (0.1, 0.4, 0.05, False), (0.3, 0.9, 0.2, False)],
)
def test_a_mixture_must_be_near_and_halve_the_distance_with_every_weight(delta, least, low, expected):
    weights = {"a": Estimate(0.5, 0.4, 0.6), "b": Estimate(0.5, low, 0.6)}
    assert is_mixture(Mixture(weights, delta), least) is expected
