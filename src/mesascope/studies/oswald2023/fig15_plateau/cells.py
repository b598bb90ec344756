"""Trainings that start from any scale of weights, and of a block with a perceptron on finitely many tasks."""

import dataclasses
import math
from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float, Key

from mesascope.models.attention import LinearSelfAttention
from mesascope.models.transformer import Transformer
from mesascope.prompt import Prompt
from mesascope.random import jit_draws
from mesascope.studies._shared.measure import mean_error, over_models, validation
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.blocks import initialise_blocks
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.tasks.pool import FinitePool
from mesascope.training.config import FitConfig


class LayerPlateaus(NamedTuple):
    """Losses [seeds steps] of one layer's training; the scale it starts from and the path it takes.

    `initial_std` [seeds] is the standard deviation of the entries of W_K, W_Q and W_V at the start, `swapped`
    [seeds snapshots] the `swapped_share` after `snapshot_steps` [snapshots].
    """

    losses: np.ndarray
    initial_std: np.ndarray
    snapshot_steps: np.ndarray
    swapped: np.ndarray


class BlockLosses(NamedTuple):
    """A block's losses [seeds snapshots] on its own tasks and on fresh ones, after `steps` [snapshots] of training."""

    steps: np.ndarray
    own: np.ndarray
    fresh: np.ndarray


class PlateauCell(AbstractConfig):
    """The training of one linear layer, and what its weights were along it."""

    training: Training[LinearRegression]

    def compute(self, workspace: Workspace) -> Arrays:
        """`LayerPlateaus`."""
        trained = self.training.trained(workspace)
        (layer,) = trained.snapshots.layers
        starts = [
            np.square(np.asarray(leaf)[:, 0]).mean(axis=(1, 2, 3)) for leaf in (layer.key, layer.query, layer.value)
        ]
        std = np.sqrt(np.mean(starts, axis=0))
        return LayerPlateaus(np.asarray(trained.losses), std, trained.snapshot_steps, swapped_share(layer))._asdict()


class BlockCell(AbstractConfig):
    """The training of a block on a pool of tasks, and how many prompts its losses are over."""

    training: Training[FinitePool]
    num_prompts: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`BlockLosses`."""
        trained, pool = self.training.trained(workspace), self.training.task
        own, fresh = first_prompts(pool, self.num_prompts), validation(pool.task, self.num_prompts)
        found = over_models(Partial(_own_and_fresh, own, fresh), trained.snapshots, 2)
        workspace.report(1, 1, "measured")
        return BlockLosses(trained.snapshot_steps, **found)._asdict()


def _own_and_fresh(own: Prompt, fresh: Prompt, model: Transformer) -> dict[str, Array]:
    return {"own": mean_error(model, own), "fresh": mean_error(model, fresh)}


def draw_of_any_scale(
    dim_x: int, *, num_heads: int, smallest: float, largest: float, key: Key[Array, ""]
) -> Transformer:
    """One layer whose `init_scale` is drawn too, log-uniformly from `smallest` to `largest`.

    One program then trains a whole sweep, a seed for each scale; a key's scale does not depend on the number of heads.
    """
    scale_key, model_key = jax.random.split(key)
    model = Transformer.initialise(dim_x, num_heads=num_heads, init_scale=1.0, key=model_key)
    log_scale = jax.random.uniform(scale_key, minval=math.log(smallest), maxval=math.log(largest))
    weights, static = eqx.partition(model, eqx.is_inexact_array)
    return eqx.combine(jax.tree.map(lambda leaf: jnp.exp(log_scale / 2) * leaf, weights), static)


def sweep(training: Training, smallest: float, largest: float, seeds: int) -> Training:
    """The same training, of `seeds` models that start from weights of any scale between the two."""
    num_heads = training.make_model.keywords["num_heads"]
    bounds = {"num_heads": num_heads, "smallest": smallest, "largest": largest}
    make_model = partial(draw_of_any_scale, training.task.dim_x, **bounds)
    return dataclasses.replace(training, make_model=make_model, seeds=seeds)


def block_training(
    pool: FinitePool, config: FitConfig, *, seeds: int, first_seed: int, num_heads: int = 4
) -> Training[FinitePool]:
    """One block of figure 8, four linear heads and a perceptron, trained on a pool of tasks."""
    make_model = partial(initialise_blocks, pool.dim_x, num_blocks=1, num_heads=num_heads)
    return Training(make_model, pool, config, seeds, first_seed)


@jit_draws
def first_prompts(pool: FinitePool, num_prompts: int) -> Prompt:
    """That many of the pool's prompts, all of them where it has no more."""
    return dataclasses.replace(pool, num_tasks=min(num_prompts, pool.num_tasks)).prompts()


def swapped_share(layer: LinearSelfAttention) -> Float[np.ndarray, "seeds snapshots"]:
    """How much of the step of a layer goes the swapped way: 0 for none, 1 for all; weights [seeds snapshots h d d].

    The y-entry that one linear head adds to the query is P W_V times sum_i e_i e_i^T times W_KQ, of which two parts are
    of the form y_i x_i: the value takes y_i and the key x_i, of strength |P W_V,yy| |W_KQ,xx|; or the value takes x_i
    and the key y_i, of strength |P W_V,yx| |W_KQ,yx|. The second is of rank one in x_i, the query: a head can
    learn one direction with it and no more. Strengths (Frobenius norms) are summed over heads.
    """
    key, query, value, output = map(np.asarray, (layer.key, layer.query, layer.value, layer.output))
    key_query, output_value = np.swapaxes(key, -1, -2) @ query, output @ value
    x, y = np.s_[: key_query.shape[-1] - 1], key_query.shape[-1] - 1
    straight = np.abs(output_value[..., y, y]) * np.linalg.norm(key_query[..., x, x], axis=(-2, -1))
    swapped = np.linalg.norm(output_value[..., y, x], axis=-1) * np.linalg.norm(key_query[..., y, x], axis=-1)
    return swapped.sum(axis=-1) / (swapped + straight).sum(axis=-1)
