"""Measurements of trained models that studies share: on the same validation prompts, one compiled program each."""

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.stages import Wrapped
from jaxtyping import Array, Float

from mesascope.predictor import AbstractPredictor, AbstractStepwise
from mesascope.probes.alignment import alignment
from mesascope.probes.error import half_squared_error, half_squared_errors_by_step
from mesascope.prompt import Prompt
from mesascope.random import VALIDATION_SEED, jit_draws, seed_key
from mesascope.study.cell import Arrays
from mesascope.tasks._base import AbstractTask


@jit_draws
def validation(task: AbstractTask, num_prompts: int) -> Prompt:
    """The prompts that losses are measured on."""
    return task.sample_batch(seed_key(VALIDATION_SEED), num_prompts)


def errors_of(predictor: AbstractPredictor, prompts: Prompt) -> Float[Array, " prompts"]:
    """The squared error on every prompt."""
    return jax.vmap(lambda prompt: half_squared_error(predictor, prompt))(prompts)


compiled_errors_of = eqx.filter_jit(errors_of)


def errors_of_each(models: Any, prompts: Prompt, num_axes: int = 1) -> Float[np.ndarray, "*models prompts"]:
    """The squared error of each of a stack of models on every prompt, as doubles, whose means do not overflow.

    The models' arrays have `num_axes` leading axes. The program is for one model: all stacks of such models share it.
    """
    arrays, static = eqx.partition(models, eqx.is_array)
    axes = jax.tree.leaves(arrays)[0].shape[:num_axes]
    merged = jax.tree.map(lambda leaf: np.asarray(leaf).reshape(-1, *leaf.shape[num_axes:]), arrays)
    each = (eqx.combine(jax.tree.map(lambda leaf, i=i: leaf[i], merged), static) for i in range(math.prod(axes)))
    errors = np.stack([np.asarray(compiled_errors_of(model, prompts), float) for model in each])
    return errors.reshape(*axes, -1)


def relative_distance(predictions: Float[np.ndarray, "prompts dy"], others: Float[np.ndarray, "prompts dy"]) -> float:
    """sqrt(sum |f - g|^2 / sum |f|^2) over prompts, f the first predictions: uncentred, the zero predictor is at 1."""
    return float(np.sqrt(np.sum((predictions - others) ** 2) / np.sum(predictions**2)))


@eqx.filter_jit
def compiled_predictions(predictor: AbstractPredictor, prompts: Prompt) -> Float[Array, "prompts dy"]:
    """The prediction for every prompt."""
    return jax.vmap(predictor)(prompts)


def one_of(models: Any, index: int) -> Any:
    """One of a stack of models."""
    arrays, static = eqx.partition(models, eqx.is_array)
    return eqx.combine(jax.tree.map(lambda leaf: leaf[index], arrays), static)


def errors_along(predictor: AbstractStepwise, prompts: Prompt) -> Float[Array, "prompts steps"]:
    """The squared error on every prompt after every step."""
    return jax.vmap(lambda prompt: half_squared_errors_by_step(predictor, prompt))(prompts)


def mean_error(model: AbstractPredictor, prompts: Prompt) -> Float[Array, ""]:
    """Mean over prompts of the squared error."""
    return errors_of(model, prompts).mean()


def mean_alignment(model: AbstractPredictor, reference: AbstractPredictor, prompts: Prompt) -> dict[str, Array]:
    """Means over prompts of the three measures of alignment.

    Where an answer does not depend on the query at all, as a clipped model's may not, there is no angle to measure: the
    cosine counts as 0 there, so that every mean is over all prompts.
    """
    aligned = jax.vmap(lambda prompt: alignment(model, reference, prompt))(prompts)
    cosine = aligned.sensitivity_cosine
    aligned = aligned._replace(sensitivity_cosine=jnp.where(jnp.isnan(cosine), 0, cosine))
    return {name: values.mean() for name, values in aligned._asdict().items()}


def over_models(function: Callable[[Any], dict[str, Array]], models: Any, num_axes: int = 1) -> Arrays:
    """`function` of each of a stack of models, in one compiled program, one after the other.

    The models' arrays have `num_axes` leading axes, one over seeds or two over seeds and snapshots; the results too.
    """
    return jax.tree.map(np.asarray, eqx.filter_jit(_map_models)(function, models, num_axes))


def _map_models(function: Callable[[Any], dict[str, Array]], models: Any, num_axes: int) -> dict[str, Array]:
    arrays, static = eqx.partition(models, eqx.is_array)
    merged = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[num_axes:]), arrays)
    results = jax.lax.map(lambda one: function(eqx.combine(one, static)), merged)
    axes = jax.tree.leaves(arrays)[0].shape[:num_axes]
    return jax.tree.map(lambda leaf: leaf.reshape(*axes, *leaf.shape[1:]), results)


def jit_once(function: Callable) -> Wrapped:
    """`function` compiled without optimisation."""
    return jax.jit(function, compiler_options={"xla_backend_optimization_level": 0})
