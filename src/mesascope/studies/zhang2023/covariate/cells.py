"""Losses of trained heads on prompts of other lengths and of other laws."""

import itertools
from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from mesascope.models.transformer import Transformer
from mesascope.probes.error import half_squared_error
from mesascope.prompt import Prompt
from mesascope.random import VALIDATION_SEED, seed_key
from mesascope.studies._shared.head_training import HeadTraining
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.anisotropic_regression import AnisotropicRegression


class PromptLosses(NamedTuple):
    """Mean losses of trained heads [trainings lengths seeds]."""

    losses: np.ndarray


class PromptsCell(AbstractConfig):
    """The losses of the heads of some trainings on prompts of one law, for every number M of examples in `lengths`.

    All are asked on the same prompts, the shorter of them the first examples of the longest.
    """

    trainings: tuple[HeadTraining, ...]
    variances: tuple[float, ...]
    query_variances: tuple[float, ...]
    lengths: tuple[int, ...]
    num_prompts: int
    chunk: int = 100

    def compute(self, workspace: Workspace) -> Arrays:
        """`PromptLosses`."""
        heads = [training.trained(workspace) for training in self.trainings]
        layers = [_stack(each.layer(seed) for seed in range(len(each.losses))) for each in heads]
        pairs = list(itertools.product(range(len(heads)), self.lengths))
        rows = _stack(layers[i] for i, _ in pairs)
        scales = np.array([self.trainings[i].num_examples / length for i, length in pairs])
        lengths = jnp.asarray([length for _, length in pairs])
        keys = jax.random.split(seed_key(VALIDATION_SEED), self.num_prompts)
        errors = eqx.filter_jit(self._errors)(rows, jnp.asarray(scales, float), lengths, keys)
        losses = np.asarray(errors, float).mean(axis=0).reshape(len(heads), len(self.lengths), -1)
        workspace.report(1, 1, f"{self.num_prompts} prompts")
        return PromptLosses(losses)._asdict()

    def _errors(
        self,
        models: Transformer,
        scales: Float[Array, " rows"],
        lengths: Int[Array, " rows"],
        keys: Key[Array, " prompts"],
    ) -> Float[Array, "prompts rows seeds"]:
        task = AnisotropicRegression(max(self.lengths), self.variances, self.query_variances)

        def of_prompt(key: Key[Array, ""]) -> Float[Array, "rows seeds"]:
            return jax.vmap(partial(_of_row, task.sample(key)))(models, scales, lengths)

        return jax.lax.map(of_prompt, keys, batch_size=self.chunk)


def _of_row(
    prompt: Prompt, models: Transformer, scale: Float[Array, ""], length: Int[Array, ""]
) -> Float[Array, " seeds"]:
    shown = mean_over(prompt.shortened(length), scale)
    return jax.vmap(lambda model: half_squared_error(model, shown))(models)


def mean_over(prompt: Prompt, scale: Float[Array, ""]) -> Prompt:
    """The prompt with its sums over examples times `scale` = N / M.

    Heads here sum over examples and were trained on N of them; on M those of the paper divide by M.
    """
    root = jnp.sqrt(scale)
    return Prompt(root * prompt.xs, root * prompt.ys, prompt.query, prompt.target, prompt.length)


def _stack(trees):
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)
