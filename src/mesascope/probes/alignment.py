"""How closely one predictor follows another, on one prompt."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

from mesascope.predictor import AbstractPredictor
from mesascope.prompt import Prompt, check_prompt


class Alignment(NamedTuple):
    """Two predictors compared on one prompt."""

    prediction_distance: Float[Array, ""]
    sensitivity_cosine: Float[Array, ""]
    sensitivity_distance: Float[Array, ""]


def sensitivity(predictor: AbstractPredictor, prompt: Prompt) -> Inexact[Array, "dy dx"]:
    """The derivative of the prediction with respect to the query: for a linear learner, its weights."""
    check_prompt(prompt)
    return jax.jacrev(lambda query: predictor(prompt.with_query(query)))(prompt.query)


def alignment(predictor: AbstractPredictor, reference: AbstractPredictor, prompt: Prompt) -> Alignment:
    """The measures of von Oswald et al. 2023, section 3, for one prompt; a study averages them over prompts.

    |yhat - yhat_ref|, the cosine of the angle between the sensitivities d yhat / d query, and the norm of their
    difference; sensitivities are flattened when there is more than one output. The cosine is nan where a
    sensitivity is zero. Real predictions only.
    """
    ours, theirs = (sensitivity(each, prompt) for each in (predictor, reference))
    product = jnp.linalg.norm(ours) * jnp.linalg.norm(theirs)
    return Alignment(
        jnp.linalg.norm(predictor(prompt) - reference(prompt)),
        jnp.sum(ours * theirs) / product,
        jnp.linalg.norm(ours - theirs),
    )
