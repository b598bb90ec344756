"""Tasks away from the training task, and the losses of predictors on them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float, Key

from mesascope.predictor import AbstractPredictor
from mesascope.prompt import Prompt
from mesascope.random import VALIDATION_SEED, jit_draws, seed_key
from mesascope.studies._shared.measure import mean_error, over_models
from mesascope.tasks._base import AbstractTeacherTask
from mesascope.tasks.corrupted import CorruptedTargets
from mesascope.tasks.shifted import AbstractInputLaw, Exponential, Laplace, Normal, Shifted

INPUT_LAWS = {"normal": Normal(), "exponential": Exponential(), "laplace": Laplace()}
SampleFn = Callable[[Key[Array, ""], Any], Prompt]


class ShiftedLosses(NamedTuple):
    """Losses [... amounts] by the kind of shift; `law` [... laws amounts] has a row for each of `INPUT_LAWS`."""

    input_scale: np.ndarray
    weight_scale: np.ndarray
    law: np.ndarray
    corrupted: np.ndarray


class Shifts(eqx.Module):
    """The amounts of every kind of shift: scales of inputs, of teachers and of inputs of other laws, counts of targets
    that are noise. One after the other, in this order, they are the axis "shifts".
    """

    input_scales: tuple[float, ...] = ()
    weight_scales: tuple[float, ...] = ()
    law_scales: tuple[float, ...] = ()
    num_corrupted: tuple[int, ...] = ()

    def prompts(self, task: AbstractTeacherTask, num_prompts: int) -> Prompt:
        """Prompts [shifts prompts] of the shifted tasks, drawn from the same keys for every shift."""
        keys = jax.random.split(seed_key(VALIDATION_SEED), num_prompts)

        def drawn(sample: SampleFn, amounts: tuple[int, ...] | tuple[float, ...]) -> Prompt:
            def at(amount: Array) -> Prompt:
                return jax.vmap(lambda key: sample(jax.random.clone(key), amount))(keys)  # used again on purpose

            return jax.vmap(at)(jnp.asarray(amounts))

        def of_law(law: AbstractInputLaw) -> SampleFn:
            return lambda key, by: Shifted(task, input_scale=by, input_law=law).sample(key)

        kinds: list[tuple[SampleFn, tuple[int, ...] | tuple[float, ...]]] = [
            (lambda key, by: Shifted(task, input_scale=by).sample(key), self.input_scales),
            (lambda key, by: Shifted(task, weight_scale=by).sample(key), self.weight_scales),
            *((of_law(law), self.law_scales) for law in INPUT_LAWS.values()),
            (lambda key, by: CorruptedTargets(task, by).sample(key), self.num_corrupted),
        ]
        parts = [drawn(*kind) for kind in kinds if kind[1]]
        return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *parts)

    def by_kind(self, losses: Float[np.ndarray, "*models shifts"]) -> ShiftedLosses:
        """Losses at every shift, by the kind of shift."""
        num_laws, num_scales = len(INPUT_LAWS), len(self.law_scales)
        counts = len(self.input_scales), len(self.weight_scales), num_laws * num_scales
        inputs, weights, laws, corrupted = np.split(losses, np.cumsum(counts), axis=-1)
        return ShiftedLosses(inputs, weights, laws.reshape(*laws.shape[:-1], num_laws, num_scales), corrupted)


@jit_draws
def shifted_prompts(task: AbstractTeacherTask, shifts: Shifts, num_prompts: int) -> Prompt:
    """Prompts [shifts prompts] of the shifted tasks, drawn by one program."""
    return shifts.prompts(task, num_prompts)


def losses_at(prompts: Prompt, predictor: AbstractPredictor) -> dict[str, Float[Array, " shifts"]]:
    """The mean loss at every shift, as "loss"."""
    return {"loss": jax.lax.map(lambda at: mean_error(predictor, at), prompts)}


_compiled_losses_at = eqx.filter_jit(losses_at)


def losses_of_models(models: AbstractPredictor, prompts: Prompt) -> Float[np.ndarray, "models shifts"]:
    """The mean loss of each of a stack of models at every shift."""
    return over_models(Partial(losses_at, prompts), models)["loss"]


def losses_of(predictor: AbstractPredictor, prompts: Prompt) -> Float[np.ndarray, " shifts"]:
    """The mean loss of one predictor at every shift."""
    return np.asarray(_compiled_losses_at(prompts, predictor)["loss"])


def gaps(trained: ShiftedLosses, rival: ShiftedLosses) -> ShiftedLosses:
    """|trained loss / rival's loss - 1| by the kind of shift."""
    return ShiftedLosses(*map(relative_gap, trained, rival))


def relative_gap(losses: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """|loss / reference's loss - 1|."""
    return np.abs(losses / capped(reference) - 1)


def capped(losses: np.ndarray) -> np.ndarray:
    """Losses, those beyond the range of floats as the largest of them."""
    return np.where(np.isfinite(losses), losses, np.finfo(losses.dtype).max)
