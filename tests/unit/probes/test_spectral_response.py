"""The spectral response against filters in closed form, and against learners that have none."""

import numpy as np
import pytest

from mesascope.probes.questions import Questions
from mesascope.probes.spectral_response import filter_of, spectral_response_of

EPS = np.finfo(np.float64).eps
KNOTS = np.array([0.05, 0.2, 0.5, 1.0, 2.0, 5.0])
PSI = np.array([3.0, 4.0, -1.0, 2.0, 0.5, 0.7])


def filtered(asked, psi):
    """sum_j psi(s_j) B v_j v_j^* q by the singular values of the inputs, one prompt at a time."""
    answers = []
    for xs, ys, queries in zip(*asked, strict=True):
        left, sizes, right = np.linalg.svd(xs / np.sqrt(len(xs)), full_matrices=False)
        labels = left.conj().T @ ys / np.sqrt(len(xs))
        answers.append(queries @ right.conj().T @ ((sizes * psi(sizes**2))[:, None] * labels))
    return np.stack(answers)


def on_lines(eigenvalues):
    return np.interp(np.log(eigenvalues), np.log(KNOTS), PSI)


@pytest.mark.parametrize(
    ("shape", "is_complex"), [((200, 10, 4, 1, 1), False), ((100, 3, 5, 4, 2), False), ((100, 6, 3, 2, 2), True)]
)
def test_a_filter_of_straight_lines_is_found_exactly(drawn, shape, is_complex):
    """Also for more dimensions than examples, whose eigenvalues of zero must drop out, several labels, and complex."""
    asked = drawn(*shape, is_complex)
    found = filter_of(filtered(asked, on_lines), asked, KNOTS)
    np.testing.assert_allclose(found.psi, PSI, rtol=1e6 * EPS)
    assert found.delta_spec < 1e6 * EPS
    np.testing.assert_allclose(found.at(np.array([0.01, 0.3, 9.0])), on_lines([0.01, 0.3, 9.0]), rtol=1e6 * EPS)


def test_knots_reach_from_the_least_to_the_largest_eigenvalue_above_zero(drawn):
    """Of single precision inputs whose eigenvalues of zero are rounding of single precision."""
    asked = drawn(200, 8, 5)
    flat = (asked.xs[..., :3] @ np.random.default_rng(0).normal(size=(3, 5))).astype(np.float32)
    eigenvalues = np.linalg.svd(flat.astype(float) / np.sqrt(8), compute_uv=False)[:, :3] ** 2
    knots = filter_of(np.zeros((200, 1, 1)), Questions(flat, asked.ys, asked.queries), 20).knots
    assert len(knots) == 20
    np.testing.assert_allclose(knots[[0, -1]], [eigenvalues.min(), eigenvalues.max()], rtol=1e-9)


def test_imaginary_parts_count(drawn):
    """Re f is f / 2 and a rest as large: half of |Re f|^2 is explained."""
    asked = drawn(2000, 6, 3, 1, 1, True)
    found = filter_of(filtered(asked, on_lines).real + 0j, asked, KNOTS)
    np.testing.assert_allclose(found.delta_spec, np.sqrt(0.5), rtol=5 / np.sqrt(2000))


@pytest.fixture(scope="module")
def responses(drawn, learner, learners):
    asked = drawn(1500, 10, 5)
    return {name: spectral_response_of(learner(answer), asked) for name, answer in learners.items()}


def test_what_is_a_fixed_filter_is_told_from_what_is_none(responses):
    """Filters that are no straight lines are off by what 20 knots leave; every other learner by far more."""
    found = {name: response.delta_spec for name, response in responses.items()}
    assert found["one step"] < 1e4 * EPS
    assert max(found[name] for name in ("five steps", "ridge", "least squares", "gdpp")) < 0.015
    assert min(found[name] for name in ("newton", "conjugate gradient")) > 0.1
    assert min(found[name] for name in ("lasso", "delta rule")) > 0.15
    assert min(found[name] for name in ("smoother", "nearest")) > 0.5


@pytest.mark.parametrize(
    ("name", "psi"),
    [
        ("five steps", lambda s: (1 - (1 - 0.3 * s) ** 5) / s),
        ("ridge", lambda s: 1 / (s + 0.1)),
        ("least squares", lambda s: 1 / s),
    ],
)
def test_known_filters_are_found(responses, drawn, name, psi):
    """Over the eigenvalues of other prompts: a root mean square of 2%."""
    eigenvalues = np.linalg.svd(drawn(1600, 10, 5).xs / np.sqrt(10), compute_uv=False).ravel() ** 2
    errors = responses[name].at(eigenvalues) / psi(eigenvalues) - 1
    assert np.sqrt(np.mean(errors**2)) < 0.02


def test_bands_hold_the_filter_when_the_queries_of_a_prompt_err_together(drawn):
    """Four queries with one error: an error for each query apart would make the bands half as wide, and hold 67%."""
    asked = drawn(200, 10, 4)
    asked = Questions(asked.xs, asked.ys, np.repeat(asked.queries, 4, axis=1))
    exact, held = filtered(asked, on_lines), []
    rng = np.random.default_rng(1)
    for _ in range(60):
        found = filter_of(exact + rng.normal(size=(200, 1, 1)), asked, KNOTS[1:])
        held.append((found.low <= PSI[1:]) & (found.high >= PSI[1:]))
    assert 0.95 - 5 * np.sqrt(0.95 * 0.05 / 60) < np.mean(held)
    assert np.mean(held) < 1.0


@pytest.mark.usefixtures("as_installed")
def test_answers_to_other_questions_are_refused(drawn):
    with pytest.raises(ValueError, match=r"`answers` must have shape \(30, 1, 1\); got \(30, 2, 1\)"):
        filter_of(np.zeros((30, 2, 1)), drawn(30, 4, 2), 3)


def test_what_cannot_be_fitted_is_refused(drawn, learner):
    asked = drawn(30, 4, 2)
    answers = np.zeros((30, 1, 1))
    with pytest.raises(ValueError, match="`answers` must be to 40 prompts or more; got 30"):
        filter_of(answers, asked)
    with pytest.raises(ValueError, match="`knots` must be increasing"):
        filter_of(answers, asked, KNOTS[::-1].copy())
    with pytest.raises(ValueError, match="`asked` must have examples with inputs that are not all zero"):
        filter_of(answers, Questions(asked.xs * 0, *asked[1:]), 3)
    broken = learner(lambda xs, ys, queries: np.where(queries[..., :1] > 0, np.nan, 0.0))
    with pytest.raises(ValueError, match="`subject` must answer with finite numbers") as caught:
        spectral_response_of(broken, asked)
    assert len(caught.value.question["xs"]) == np.sum(asked.queries[..., 0] > 0)


def test_zero_answers_have_a_filter_of_zero_and_one_eigenvalue_one_knot(drawn):
    asked = drawn(30, 1, 1)
    asked = Questions(np.ones_like(asked.xs), *asked[1:])
    found = filter_of(np.zeros((30, 1, 1)), asked)
    assert (found.knots.tolist(), found.psi.tolist(), found.delta_spec) == ([1.0], [0.0], 0.0)
