"""The weights that any black box uses for a prompt, read off its answers."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Inexact

from mesascope.printing import in_short
from mesascope.probes.distance import root_share
from mesascope.probes.orthonormal import orthonormal
from mesascope.probes.questions import Questions, finite_answers, in_double
from mesascope.subject import AbstractSubject, SubjectError
from mesascope.validation import check_shape


class ImplicitWeights(NamedTuple):
    """f(q) = W q + c for each prompt, and what of f is not of this form."""

    weights: Inexact[np.ndarray, "b dy dx"]
    intercept: Inexact[np.ndarray, "b dy"]
    nonlinearity: float
    """sqrt(sum |f - W q - c|^2 / sum |f|^2), with the degrees of freedom that W and c take given back."""
    from_jacobian: bool

    __repr__ = in_short


class WeightComparison(NamedTuple):
    """Implicit weights W beside others V over a batch of prompts, each sum over all prompts and entries."""

    distance: float
    """sqrt(sum |W - V|^2 / sum |W|^2)."""
    cosine: float
    """Re sum W V^* / sqrt(sum |W|^2 sum |V|^2): blind to the learning rate; nan where either is zero."""
    norm_ratio: float
    """sqrt(sum |V|^2 / sum |W|^2)."""

    __repr__ = in_short


def implicit_weights(
    subject: AbstractSubject,
    asked: Questions,
    queries: Inexact[np.ndarray, "m dx"] | None = None,
    seed: int = 0,
) -> ImplicitWeights:
    """W and c of every prompt, by least squares on the answers to fresh queries (Akyurek et al. 2022).

    The 2 dx + 2 queries, or those given, are the same for all prompts: of random directions, two of them orthonormal
    bases, and of lengths from 1/2 to 3/2 of the inputs' root mean square length, since on one sphere |q| is a constant.
    So the regression's condition is below about 3, and W as exact as the answers. A subject with a `jacobian` of real
    queries gives W as its mean over the queries. A linear learner has W for its weights, c = 0 and no nonlinearity;
    for a subject that is no affine map of its query W is the nearest one on these queries only. SubjectError for
    answers that are not finite, ValueError for queries that do not tell W and c.
    """
    queries = _fresh(asked.xs, seed) if queries is None else queries
    num_queries, dim_x = _checked(queries, asked.xs.shape[2]).shape
    asked = asked._replace(queries=np.tile(queries.astype(asked.xs.dtype), (len(asked.xs), 1, 1)))
    answers, queries = finite_answers(subject, asked), in_double(asked.queries[0])
    jacobian = None if np.iscomplexobj(queries) else subject.jacobian(*asked)
    if jacobian is not None:
        weights, num_free = _checked_jacobian(np.asarray(jacobian), asked).mean(axis=1), 1
    else:
        weights, num_free = _regressed(answers, queries), dim_x + 1
    rest = answers - np.einsum("boi,mi->bmo", weights, queries)
    intercept = rest.mean(axis=1)
    given_back = np.sqrt(num_queries / (num_queries - num_free)) if num_queries > num_free else np.inf
    nonlinearity = root_share(given_back * (rest - intercept[:, None]), answers)
    return ImplicitWeights(weights, intercept, nonlinearity, jacobian is not None)


def compare_weights(ours: Inexact[np.ndarray, "b dy dx"], theirs: Inexact[np.ndarray, "b dy dx"]) -> WeightComparison:
    """Distance, cosine and ratio of norms; distance^2 = 1 + norm_ratio^2 - 2 norm_ratio cosine.

    `ours` are the subject's and the unit of all. The cosine and the ratio are pooled, so that prompts with large
    weights count more.
    """
    check_shape("theirs", theirs, ours.shape)
    norm_ratio = root_share(theirs, ours)
    with np.errstate(invalid="ignore"):
        cosine = np.sum(ours * theirs.conj()).real / np.sqrt(np.sum(np.abs(ours) ** 2) * np.sum(np.abs(theirs) ** 2))
    return WeightComparison(root_share(ours - theirs, ours), float(cosine), norm_ratio)


def _fresh(xs: Inexact[np.ndarray, "b n dx"], seed: int) -> Inexact[np.ndarray, "m dx"]:
    rng, dim_x = np.random.default_rng(seed), xs.shape[2]
    length = np.sqrt((np.abs(in_double(xs)) ** 2).sum(axis=-1).mean()) if xs.size else 1.0
    directions = orthonormal(rng, dim_x, np.iscomplexobj(xs), 4).reshape(-1, dim_x)[: 2 * dim_x + 2]
    return rng.permutation(np.linspace(0.5, 1.5, len(directions)))[:, None] * length * directions


def _checked(queries: Inexact[np.ndarray, "m dx"], dim_x: int) -> Inexact[np.ndarray, "m dx"]:
    with_one = np.concatenate([queries, np.ones((len(queries), 1))], axis=1)
    if queries.shape[1] != dim_x or np.linalg.matrix_rank(with_one) <= dim_x:
        raise ValueError(
            f"`queries` must tell {dim_x} weights and an intercept; got shape {queries.shape}, which does not. "
            f"Draw {2 * dim_x + 2} or more from a continuous law."
        )
    return queries


def _checked_jacobian(jacobian: np.ndarray, asked: Questions) -> Inexact[np.ndarray, "b m dy dx"]:
    wanted = (*asked.queries.shape[:2], asked.ys.shape[2], asked.xs.shape[2])
    if jacobian.shape != wanted or not np.isfinite(jacobian).all():
        raise SubjectError(
            f"`subject` must have a jacobian of finite numbers of shape {wanted}; got {jacobian.shape}.",
            asked._asdict(),
        )
    return in_double(jacobian)


def _regressed(
    answers: Inexact[np.ndarray, "b m dy"], queries: Inexact[np.ndarray, "m dx"]
) -> Inexact[np.ndarray, "b dy dx"]:
    centred = queries - queries.mean(axis=0)
    return np.einsum("im,bmo->boi", np.linalg.pinv(centred), answers)
