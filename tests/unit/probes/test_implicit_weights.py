"""Implicit weights against learners whose weights are known."""

import numpy as np
import pytest

from mesascope.probes.implicit_weights import compare_weights, implicit_weights
from mesascope.subject import AbstractSubject

EPS = np.finfo(np.float64).eps


def solved(xs, ys):
    return np.linalg.pinv(xs) @ ys


@pytest.mark.parametrize(("dims", "is_complex"), [((5, 2), False), ((1, 1), False), ((3, 2), True), ((1, 1), True)])
def test_weights_and_intercept_of_an_affine_learner(drawn, learner, dims, is_complex):
    asked = drawn(20, 8, dims[0], 1, dims[1], is_complex)
    subject = learner(lambda xs, ys, queries: queries @ solved(xs, ys) + ys[:, :1])
    found = implicit_weights(subject, asked)
    np.testing.assert_allclose(found.weights, np.swapaxes(solved(*asked[:2]), 1, 2), rtol=0, atol=1e4 * EPS)
    np.testing.assert_allclose(found.intercept, asked.ys[:, 0], rtol=0, atol=1e4 * EPS)
    assert found.nonlinearity < 1e4 * EPS
    assert not found.from_jacobian


def test_single_precision_keeps_its_digits(drawn, learner):
    """Answers of rms 100 in float32: the rounding of an answer, passed on by a regression of condition below 4."""
    asked = drawn(200, 10, 5)
    single = asked._replace(xs=np.float32(asked.xs), ys=np.float32(100 * asked.ys))
    subject = learner(lambda xs, ys, queries: np.float32(queries.astype(float) @ solved(*asked[:2]) * 100))
    found = implicit_weights(subject, single)
    exact = 100 * np.swapaxes(solved(*asked[:2]), 1, 2)
    assert compare_weights(exact, found.weights).distance < 4 * np.finfo(np.float32).eps
    assert found.nonlinearity < 4 * np.finfo(np.float32).eps


def test_a_jacobian_is_taken_where_there_is_one(drawn, learner):
    """The mean of W cos(q_1) over the queries, where the regression finds another matrix."""

    class Curved(AbstractSubject):
        def predictions(self, xs, ys, queries):
            return np.sin(queries)

        def jacobian(self, xs, ys, queries):
            return np.cos(queries)[..., None]

    asked, queries = drawn(3, 4, 1), np.array([[0.1], [0.5], [1.0], [-0.7]])
    found = implicit_weights(Curved(), asked, queries)
    assert found.from_jacobian
    np.testing.assert_allclose(found.weights, np.full((3, 1, 1), np.cos(queries).mean()), rtol=1e3 * EPS)
    rest = np.sin(queries) - np.cos(queries).mean() * queries
    np.testing.assert_allclose(found.intercept, np.full((3, 1), rest.mean()), rtol=1e3 * EPS)
    share = np.sqrt(np.sum((rest - rest.mean()) ** 2) / np.sum(np.sin(queries) ** 2) * 4 / 3)
    np.testing.assert_allclose(found.nonlinearity, share, rtol=1e3 * EPS)
    regressed = implicit_weights(learner(Curved().predictions), asked, queries)
    slope, intercept = np.polyfit(queries[:, 0], np.sin(queries[:, 0]), 1)
    np.testing.assert_allclose(regressed.weights, np.full((3, 1, 1), slope), rtol=1e4 * EPS)
    np.testing.assert_allclose(regressed.intercept, np.full((3, 1), intercept), rtol=0, atol=1e4 * EPS)


@pytest.mark.parametrize(
    "answer",
    [
        lambda queries: queries * np.linalg.norm(queries, axis=2, keepdims=True),
        lambda queries: queries**3,
        lambda queries: np.abs(queries),
    ],
    ids=["of the length", "odd", "even"],
)
def test_subjects_that_are_not_linear_in_the_query_are_told(drawn, learner, answer):
    """A product with |q| is linear on a sphere, an odd function on plus and minus a basis."""
    asked = drawn(5, 4, 3)
    subject = learner(lambda xs, ys, queries: answer(queries)[..., :1])
    assert implicit_weights(subject, asked).nonlinearity > 0.1


def test_noise_alone_has_a_nonlinearity_of_one(drawn, learner):
    """W and c take 5 of 10 answers of each of 4000 prompts: what is left, 20000 numbers, is scaled up again."""
    noise = np.random.default_rng(0).normal(size=(4000, 10, 1))
    found = implicit_weights(learner(lambda xs, ys, queries: noise), drawn(4000, 4, 4))
    np.testing.assert_allclose(found.nonlinearity**2, 1.0, rtol=5 * np.sqrt(2 / 20000))


def test_comparison_by_hand():
    """Rows (3, 4) and (4, -3) of one prompt, (0, 0) and (0, 5) of another."""
    ours, theirs = np.array([[[3.0, 4.0]], [[0.0, 0.0]]]), np.array([[[4.0, -3.0]], [[0.0, 5.0]]])
    found = compare_weights(ours, theirs)
    np.testing.assert_allclose(found, (np.sqrt(75 / 25), 0.0, np.sqrt(2)), atol=1e3 * EPS)
    twice = compare_weights(ours, 2j * ours)
    np.testing.assert_allclose(twice, (np.sqrt(5), 0.0, 2.0), atol=1e3 * EPS)
    assert np.isnan(compare_weights(ours, 0 * ours).cosine)
    np.testing.assert_allclose(compare_weights(1j * ours, 2j * ours), (1.0, 1.0, 2.0), atol=1e3 * EPS)
    squared = 1 + found.norm_ratio**2 - 2 * found.norm_ratio * found.cosine
    np.testing.assert_allclose(found.distance**2, squared, rtol=1e3 * EPS)


@pytest.mark.usefixtures("as_installed")
def test_shapes_are_checked(drawn):
    class Flat(AbstractSubject):
        def predictions(self, xs, ys, queries):
            return queries[..., :1]

        def jacobian(self, xs, ys, queries):
            return queries

    message = r"`subject` must have a jacobian of finite numbers of shape \(2, 6, 1, 2\); got \(2, 6, 2\)"
    with pytest.raises(ValueError, match=message):
        implicit_weights(Flat(), drawn(2, 3, 2))
    with pytest.raises(ValueError, match=r"`theirs` must have shape \(3, 1, 2\); got \(3, 1, 1\)"):
        compare_weights(np.ones((3, 1, 2)), np.ones((3, 1, 1)))


def test_queries_that_do_not_tell_are_refused(drawn, learner):
    subject, asked = learner(lambda xs, ys, queries: queries[..., :1]), drawn(2, 3, 2)
    with pytest.raises(ValueError, match=r"`queries` must tell 2 weights and an intercept; got shape \(3, 2\)"):
        implicit_weights(subject, asked, np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]))
    broken = learner(lambda xs, ys, queries: queries[..., :1] * np.nan)
    with pytest.raises(ValueError, match="`subject` must answer with finite numbers; 2 of 2 prompts got others"):
        implicit_weights(broken, asked)
