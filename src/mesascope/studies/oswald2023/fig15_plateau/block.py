"""A block with a perceptron trained on finitely many tasks: when it learns those, and when fresh ones."""

import dataclasses
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import equinox as eqx
import numpy as np
from jaxtyping import Array

from mesascope.models.transformer import Transformer
from mesascope.prompt import Prompt
from mesascope.studies._shared.measure import mean_error, over_models, validation
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.blocks import initialise_blocks
from mesascope.study.base import Arrays, Workspace
from mesascope.tasks.pool import FinitePool
from mesascope.training.config import FitConfig

if TYPE_CHECKING:
    pass


NUM_HEADS = 4  # figure 8's
STEPS_BETWEEN = 20  # snapshots


class BlockCell(NamedTuple):
    """The training of a block, and how many prompts each of its losses is over."""

    training: Training[FinitePool]
    num_prompts: int


def block_training(
    pool: FinitePool, dim_x: int, config: FitConfig, seeds: int, first_seed: int
) -> Training[FinitePool]:
    """One block of figure 8, four linear heads and a perceptron, trained on a pool of tasks."""
    make_model = partial(initialise_blocks, dim_x, num_blocks=1, num_heads=NUM_HEADS)
    return Training(make_model, pool, dataclasses.replace(config, chunk_size=STEPS_BETWEEN), seeds, first_seed)


def measure_block(cell: BlockCell, workspace: Workspace) -> Arrays:
    """Losses on fresh tasks and on as many of the pool's own [seeds, snapshots]."""
    trained, pool = cell.training.trained(workspace), cell.training.task
    fresh, own = validation(pool.task, cell.num_prompts), eqx.filter_jit(_first_prompts)(pool, cell.num_prompts)

    def losses(model: Transformer) -> dict[str, Array]:
        return {"fresh": mean_error(model, fresh), "own": mean_error(model, own)}

    return {"steps": trained.snapshot_steps, **over_models(losses, trained.snapshots, 2)}


def half_way(steps: np.ndarray, losses: np.ndarray, level: float) -> np.ndarray:
    """The step at which losses [seeds, snapshots] first fall below `level`, between snapshots in proportion.

    inf where they never do.
    """
    below, row = losses < level, np.arange(len(losses))
    after = np.maximum(below.argmax(axis=1), 1)
    high, low = losses[row, after - 1], losses[row, after]
    fall = np.where(below.any(axis=1) & ~below[:, 0], high - low, np.inf)
    crossing = steps[after - 1] + (high - level) / fall * (steps[after] - steps[after - 1])
    return np.where(below.any(axis=1), crossing, np.inf)


def _first_prompts(pool: FinitePool, num_prompts: int) -> Prompt:
    """That many of the pool's prompts, all of them where it has no more."""
    return dataclasses.replace(pool, num_tasks=min(num_prompts, pool.num_tasks)).prompts()
