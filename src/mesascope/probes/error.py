"""The error of a prediction, at the end and along the way."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from mesascope.leaks import check_leaks_once
from mesascope.predictor import AbstractPredictor, AbstractStepwise, check_predictor
from mesascope.prompt import Prompt, check_prompt


def half_squared_error(predictor: AbstractPredictor, prompt: Prompt) -> Float[Array, ""]:
    """1/2 |prediction - target|^2: the unit of every loss here (von Oswald et al. 2023, eq. 5, with the code's 1/2)."""
    check_prompt(prompt)
    check_leaks_once(predictor, prompt)
    return jnp.sum(jnp.abs(predictor(prompt) - prompt.target) ** 2) / 2


def half_squared_errors_by_step(predictor: AbstractStepwise, prompt: Prompt) -> Float[Array, " steps"]:
    """The same after each step or layer: what a layer applied many times does to the error."""
    check_prompt(prompt)
    check_predictor("predictor", predictor, AbstractStepwise)
    check_leaks_once(predictor, prompt)
    errors = predictor.trajectory(prompt) - prompt.target[None, :]
    return jnp.sum(jnp.abs(errors) ** 2, axis=-1) / 2
