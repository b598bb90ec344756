"""Tasks away from the training task, and the losses of predictors on them."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from mesascope.predictor import AbstractPredictor
from mesascope.probes.generalisation import generalisation_errors
from mesascope.prompt import Prompt
from mesascope.random import VALIDATION_SEED
from mesascope.study.base import Arrays
from mesascope.tasks._base import AbstractTeacherTask
from mesascope.tasks.corrupted import CorruptedTargets
from mesascope.tasks.shifted import Exponential, Laplace, Normal, Shifted

INPUT_LAWS = {"normal": Normal(), "exponential": Exponential(), "laplace": Laplace()}
SampleFn = Callable[[Key[Array, ""], Any], Prompt]


def samplers(task: AbstractTeacherTask) -> dict[str, SampleFn]:
    """For each kind of shift, a function from a key and an amount to a prompt of the shifted task."""

    def of_law(law) -> SampleFn:
        return lambda key, by: Shifted(task, input_scale=by, input_law=law).sample(key)

    return {
        "input_scale": lambda key, by: Shifted(task, input_scale=by).sample(key),
        "weight_scale": lambda key, by: Shifted(task, weight_scale=by).sample(key),
        "corrupted": lambda key, by: CorruptedTargets(task, by).sample(key),
        **{f"law_{name}": of_law(law) for name, law in INPUT_LAWS.items()},
    }


def shifted_losses(
    predictors: Mapping[str, AbstractPredictor],
    task: AbstractTeacherTask,
    shifts: Mapping[str, tuple[float, ...]],
    num_prompts: int,
) -> dict[str, Array]:
    """Mean losses [amounts] by "kind_predictor", all predictors on the same prompts."""
    keys = jax.random.split(jax.random.key(VALIDATION_SEED), num_prompts)
    found = {}
    for kind, amounts in shifts.items():
        errors = generalisation_errors(predictors, samplers(task)[kind], jnp.asarray(amounts), keys)
        found |= {f"{kind}_{name}": each.mean(axis=-1) for name, each in errors.items()}
    return found


def largest_gaps(arrays: Arrays, num_near: int) -> dict[str, np.ndarray]:
    """The largest gap to the rival, seed by seed, for the first `num_near` input scales and for every other shift."""
    return {
        "near": gap(arrays, "input_scale")[:, :num_near].max(axis=1),
        "weights": gap(arrays, "weight_scale").max(axis=1),
        "laws": np.max([gap(arrays, f"law_{law}") for law in INPUT_LAWS], axis=(0, 2)),
        "noise": gap(arrays, "corrupted").max(axis=1),
    }


def gap(arrays: Arrays, kind: str) -> np.ndarray:
    """|trained loss / rival's loss - 1| by seed and amount."""
    return np.abs(arrays[f"{kind}_trained"] / capped(arrays[f"{kind}_rival"]) - 1)


def capped(losses: np.ndarray) -> np.ndarray:
    """Losses, those beyond the range of floats as the largest of them."""
    return np.where(np.isfinite(losses), losses, np.finfo(losses.dtype).max)
