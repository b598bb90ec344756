"""Errors on noisy prompts, held against those of the Bayes predictor."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from mesascope.algorithms.least_squares import LeastSquares
from mesascope.algorithms.ridge import Ridge
from mesascope.predictor import AbstractPredictor
from mesascope.prompt import Prompt
from mesascope.studies._measure import compiled_errors_of, validation
from mesascope.tasks.linear_regression import LinearRegression


@eqx.filter_jit
def against(models: Any, prompts: Prompt, ideal: Float[Array, " prompts"]) -> dict[str, Array]:
    """Of every seed's model the mean loss, its excess over the ideal errors, and the standard error of that."""
    arrays, static = eqx.partition(models, eqx.is_array)

    def one(weights: Any) -> dict[str, Array]:
        errors = compiled_errors_of(eqx.combine(weights, static), prompts)
        excess = errors - ideal
        return {
            "loss": errors.mean(),
            "excess": excess.mean(),
            "excess_error": excess.std(ddof=1) / excess.size**0.5,
        }

    return jax.lax.map(one, arrays)


def noisy_prompts(task: LinearRegression, num_prompts: int) -> Prompt:
    """The validation prompts: of all noise levels the same but for the size of the noise, by one program."""
    return validation(eqx.tree_at(lambda t: t.noise_std, task, jnp.asarray(task.noise_std, float)), num_prompts)


def bayes(task: LinearRegression) -> AbstractPredictor:
    """The mean of the posterior: ridge regression with the noise's variance for penalty, and least squares without."""
    variance = float(task.noise_std) ** 2
    return Ridge(jnp.asarray(variance)) if variance else LeastSquares()
