"""The filter that a learner applies to the spectrum of its inputs, whatever the learner is."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Inexact

from mesascope.printing import in_short
from mesascope.probes.distance import root_share
from mesascope.probes.questions import Questions, finite_answers, in_double
from mesascope.subject import AbstractSubject
from mesascope.validation import check_axis, check_count, check_finite_array, check_positive, check_shape

NUM_KNOTS = 20
NUM_FOLDS = 5
Z = 1.959963984540054  # the standard normal's quantile of .975


class SpectralResponse(NamedTuple):
    """psi at the knots, with bands of 95%, and what no fixed filter explains."""

    knots: Float[np.ndarray, " k"]
    psi: Float[np.ndarray, " k"]
    low: Float[np.ndarray, " k"]
    high: Float[np.ndarray, " k"]
    delta_spec: float
    """sqrt(sum |f - fitted|^2 / sum |f|^2) on prompts that psi was not fitted to."""

    __repr__ = in_short

    def at(self, eigenvalues: Float[np.ndarray, " s"]) -> Float[np.ndarray, " s"]:
        """psi between the knots, on straight lines in log s; beyond them that of the last knot."""
        return np.interp(np.log(eigenvalues), np.log(self.knots), self.psi)


def spectral_response_of(
    subject: AbstractSubject, asked: Questions, knots: Float[np.ndarray, " k"] | int = NUM_KNOTS
) -> SpectralResponse:
    """The spectral response of a subject to these prompts: `filter_of` its answers."""
    return filter_of(finite_answers(subject, asked), asked, knots)


def filter_of(
    answers: Inexact[np.ndarray, "b m dy"], asked: Questions, knots: Float[np.ndarray, " k"] | int = NUM_KNOTS
) -> SpectralResponse:
    """The psi of f = sum_j psi(s_j) (B v_j)(v_j^* q) that is nearest to any answers f; B = mean_i y_i x_i^*.

    (s_j, v_j) are the eigenpairs of S = mean_i x_i x_i^*. Every learner is of this form that is linear in labels and
    query, equivariant under permutation of examples and rotation of inputs, and whose filter does not depend on the
    prompt: psi = 1/s is least squares, 1/(s + penalty/n) ridge, (1 - (1 - rate s)^k)/s gradient descent.

    psi is real, and linear in log s between `knots`: eigenvalues, or how many to choose. It is found by least squares;
    each answer weighs the same, as in delta_spec; all labels share one psi. delta_spec comes from five folds of
    prompts, psi from all. The bands are psi +- 1.96 standard errors of the least squares, robust to residuals that
    belong to one prompt (Liang and Zeger 1986), and infinite where no prompt tells. The bands do not count that psi is
    no straight line between knots, which 20 knots make about 1% of psi. Eigenvalues of zero drop out: v_j is then
    orthogonal to all inputs, and B v_j = 0.

    Costs b eigenproblems and b m dy k^2. ValueError for answers of another shape or not finite, for no examples, for
    inputs of zero, and for fewer prompts than 5 or than twice the knots.
    """
    check_shape("answers", answers, (*asked.queries.shape[:2], asked.ys.shape[2]))
    check_finite_array("answers", answers)
    eigenvalues, projections = _spectrum(asked)
    knots = _chosen(eigenvalues, knots) if isinstance(knots, int) else _checked(knots)
    if len(answers) < max(NUM_FOLDS, 2 * len(knots)):
        raise ValueError(f"`answers` must be to {max(NUM_FOLDS, 2 * len(knots))} prompts or more; got {len(answers)}.")
    design = _real(np.einsum("bmoj,bjk->bkmo", projections, _hats(eigenvalues, knots)))
    design, wanted = np.swapaxes(design, 1, 2), _real(in_double(answers)[:, None])[:, 0]
    gram, product = _gram(design, wanted)
    inverse = _inverse(gram)
    psi = inverse @ product
    errors = Z * _standard_errors(design, wanted - np.einsum("bek,k->be", design, psi), inverse)
    return SpectralResponse(knots, psi, psi - errors, psi + errors, _unexplained(design, wanted))


def _spectrum(asked: Questions) -> tuple[Float[np.ndarray, "b j"], Inexact[np.ndarray, "b m dy j"]]:
    """The eigenvalues, nan where they are zero, and (B v_j)(v_j^* q), which is zero there."""
    xs, ys, queries = map(in_double, asked)
    num_examples = xs.shape[1]
    if num_examples == 0 or not xs.any(axis=(1, 2)).all():
        raise ValueError(f"`asked` must have examples with inputs that are not all zero; got {num_examples} examples.")
    eigenvalues, vectors = np.linalg.eigh(np.einsum("bni,bnj->bij", xs, xs.conj()) / num_examples)
    labels = np.einsum("bno,bni,bij->boj", ys, xs.conj(), vectors, optimize=True) / num_examples
    projections = np.einsum("boj,bmi,bij->bmoj", labels, queries, vectors.conj(), optimize=True)
    least = max(xs.shape[1:]) * np.finfo(asked.xs.dtype).eps * eigenvalues[:, -1:]
    return np.where(eigenvalues > least, eigenvalues, np.nan), projections


def _chosen(eigenvalues: Float[np.ndarray, "b j"], num_knots: int) -> Float[np.ndarray, " k"]:
    """Half of them where the eigenvalues are, the others evenly in log s: the lowest quantiles lie far apart."""
    check_count("knots", num_knots)
    logs = np.log(eigenvalues[~np.isnan(eigenvalues)])
    half = (num_knots + 1) // 2
    even = np.linspace(logs.min(), logs.max(), num_knots - half + 2)[1:-1]
    return np.exp(np.unique(np.concatenate([np.quantile(logs, np.linspace(0, 1, half)), even])))


def _checked(knots: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    check_axis("knots", knots)
    check_positive("knots", knots)
    if np.any(np.diff(knots) <= 0):
        raise ValueError(f"`knots` must be increasing; got {knots}. Sort them.")
    return knots


def _hats(eigenvalues: Float[np.ndarray, "b j"], knots: Float[np.ndarray, " k"]) -> Float[np.ndarray, "b j k"]:
    """The hat functions of log s: one at their own knot, zero at the others."""
    logs = np.log(np.where(np.isnan(eigenvalues), knots[0], eigenvalues))
    return np.stack([np.interp(logs, np.log(knots), row) for row in np.eye(len(knots))], axis=-1)


def _real(array: Inexact[np.ndarray, "b k m dy"]) -> Float[np.ndarray, "b k equations"]:
    """Real and imaginary parts side by side, as equations of one prompt."""
    flat = array.reshape(*array.shape[:2], -1)
    return np.concatenate([np.real(flat), np.imag(flat)], axis=-1) if np.iscomplexobj(flat) else flat


def _gram(
    design: Float[np.ndarray, "b e k"], wanted: Float[np.ndarray, "b e"]
) -> tuple[Float[np.ndarray, "k k"], Float[np.ndarray, " k"]]:
    """The normal equations: hats overlap with their neighbours alone, so their condition is small."""
    return np.einsum("bek,bel->kl", design, design), np.einsum("bek,be->k", design, wanted)


def _inverse(gram: Float[np.ndarray, "k k"]) -> Float[np.ndarray, "k k"]:
    """In units where each column has length one, as hats of small eigenvalues have tiny ones; zero for none."""
    sizes = np.sqrt(np.diagonal(gram))
    units = np.divide(1.0, sizes, out=np.zeros_like(sizes), where=sizes > 0)
    return units[:, None] * np.linalg.pinv(units[:, None] * gram * units, hermitian=True) * units


def _standard_errors(
    design: Float[np.ndarray, "b e k"], residuals: Float[np.ndarray, "b e"], inverse: Float[np.ndarray, "k k"]
) -> Float[np.ndarray, " k"]:
    """Roots of the diagonal of G^+ (sum_b g_b g_b^T) G^+, G the Gram matrix and g_b prompt b's gradient."""
    gradients = np.einsum("bek,be->bk", design, residuals)
    errors = np.sqrt((np.einsum("bk,kl->bl", gradients, inverse) ** 2).sum(axis=0))
    return np.where(np.diagonal(inverse) > 0, errors, np.inf)


def _unexplained(design: Float[np.ndarray, "b e k"], wanted: Float[np.ndarray, "b e"]) -> float:
    folds = [np.arange(len(wanted)) % NUM_FOLDS == fold for fold in range(NUM_FOLDS)]
    grams, products = zip(*(_gram(design[fold], wanted[fold]) for fold in folds), strict=True)
    residuals = np.empty_like(wanted)
    for fold, gram, product in zip(folds, grams, products, strict=True):
        psi = _inverse(sum(grams) - gram) @ (sum(products) - product)
        residuals[fold] = wanted[fold] - np.einsum("bek,k->be", design[fold], psi)
    return root_share(residuals, wanted)
