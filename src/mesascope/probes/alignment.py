"""How closely one predictor follows another, on one prompt."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

from mesascope.leaks import check_leaks_once
from mesascope.linalg import length
from mesascope.predictor import AbstractPredictor
from mesascope.printing import in_short
from mesascope.prompt import Prompt, check_prompt


class Alignment(NamedTuple):
    """Two predictors compared on one prompt."""

    prediction_distance: Float[Array, ""]
    sensitivity_cosine: Float[Array, ""]
    sensitivity_distance: Float[Array, ""]

    __repr__ = in_short


def sensitivity(predictor: AbstractPredictor, prompt: Prompt) -> Inexact[Array, "dy inputs"]:
    """The derivative of the prediction with respect to the query, [dy dx]: for a linear learner, its weights.

    Of a complex query [dy 2 dx], the derivatives with respect to the query and to its conjugate side by side (Wirtinger
    1927), of which the second is zero for a holomorphic predictor: together the real derivative of any other.
    """
    check_prompt(prompt)
    check_leaks_once(predictor, prompt)

    def answer(query: Inexact[Array, " dx"]) -> Inexact[Array, " dy"]:
        return predictor(prompt.with_query(query))

    if not jnp.iscomplexobj(prompt.query):
        is_complex = jnp.issubdtype(jax.eval_shape(answer, prompt.query).dtype, jnp.complexfloating)
        return (jax.jacfwd if is_complex else jax.jacrev)(answer)(prompt.query)
    along_real, along_imaginary = jax.jacfwd(
        lambda parts: answer(jax.lax.complex(parts[0], parts[1])).astype(prompt.query.dtype)
    )((prompt.query.real, prompt.query.imag))
    return jnp.concatenate([along_real - 1j * along_imaginary, along_real + 1j * along_imaginary], axis=1) / 2


def alignment(predictor: AbstractPredictor, reference: AbstractPredictor, prompt: Prompt) -> Alignment:
    """The measures of von Oswald et al. 2023, section 3, for one prompt; a study averages them over prompts.

    |yhat - yhat_ref|, the cosine of the angle between the sensitivities, the real part of their inner product over
    their lengths, and the length of their difference; sensitivities are flattened when there is more than one output.
    The cosine is nan where a sensitivity is zero.
    """
    check_prompt(prompt)
    check_leaks_once(predictor, prompt)
    check_leaks_once(reference, prompt, "reference")
    ours, theirs = (sensitivity(each, prompt) for each in (predictor, reference))
    first, second = (each / length(each).astype(each.dtype) for each in (ours, theirs))
    return Alignment(
        length(predictor(prompt) - reference(prompt)),
        jnp.sum(first * jnp.conj(second)).real,
        length(ours - theirs),
    )
