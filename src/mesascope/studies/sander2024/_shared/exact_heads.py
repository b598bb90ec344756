"""Diagonal heads trained on their exact population loss (Sander et al. 2024, figure 3)."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.random import clone
from jaxtyping import Array, Key

from mesascope.models.diagonal_heads import DiagonalHeads
from mesascope.models.position_weights import LearnedWeights
from mesascope.studies._shared.training import seed_keys
from mesascope.study.base import Arrays, Workspace
from mesascope.theory.diagonal_heads import orthogonal_losses, unitary_losses
from mesascope.training.exact import AbstractOptimiser, fit_exact

LOSSES = {"unitary": unitary_losses, "orthogonal": orthogonal_losses}


class HeadsCell(NamedTuple):
    """Trainings of every seed with each of some numbers of heads: the law of W, sizes, and how they are optimised."""

    law: str
    dim: int
    all_heads: tuple[int, ...]
    num_states: int
    init_std: float
    optimiser: AbstractOptimiser
    num_steps: int
    seeds: int
    first_seed: int


def train_heads(cell: HeadsCell, workspace: Workspace) -> Arrays:
    """A, B, P of every seed and number of heads at the end, and losses on the way [seeds records heads], in float64.

    A loss is a sum over positions T = 2, 3, ... All trainings run at once, each as if it were alone: those with fewer
    heads than the most have rows of zeros in A and B, which have no gradient and stay zero.
    """
    with jax.enable_x64(True):
        trained = fit_exact(
            jax.vmap(partial(total_loss, cell.law)),
            partial(_initialise, cell),
            cell.optimiser,
            keys=seed_keys(cell.first_seed, cell.seeds),
            num_steps=cell.num_steps,
            num_records=200,
        )
        model = trained.params
        arrays = {
            "key_query": model.key_query,
            "output_value": model.output_value,
            "positions": model.positions.weights,
            "losses": trained.losses,
            "steps": trained.steps,
        }
        workspace.report(1, 1, f"losses {', '.join(f'{loss:.4g}' for loss in trained.losses[:, -1].mean(axis=0))}")
        return jax.tree.map(np.asarray, arrays)


def with_each(cell: HeadsCell, arrays: Arrays) -> dict[int, Arrays]:
    """The results by number of heads, each without the rows of zeros."""
    return {
        heads: {
            "key_query": arrays["key_query"][:, i, :heads],
            "output_value": arrays["output_value"][:, i, :heads],
            "positions": arrays["positions"][:, i],
            "losses": arrays["losses"][:, :, i],
            "steps": arrays["steps"],
        }
        for i, heads in enumerate(cell.all_heads)
    }


def total_loss(law: str, model: DiagonalHeads) -> jax.Array:
    """The exact loss summed over the positions that the weights of positions serve."""
    assert isinstance(model.positions, LearnedWeights)
    return LOSSES[law](model.mixing, model.positions.weights[:-1]).sum()


def _initialise(cell: HeadsCell, key: Key[Array, ""]) -> DiagonalHeads:
    """A model for each number of heads on a leading axis, all drawn from the same key, rows of zeros below its own."""

    def padded(num_heads: int) -> DiagonalHeads:
        own = DiagonalHeads.initialise(cell.dim, num_heads, cell.num_states, std=cell.init_std, key=clone(key))
        rows = ((0, max(cell.all_heads) - num_heads), (0, 0))
        return DiagonalHeads(jnp.pad(own.key_query, rows), jnp.pad(own.output_value, rows), own.positions)

    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(padded, cell.all_heads))
