"""Dense heads trained on their exact population loss, and what is left in them of diagonal ones."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Inexact, Key

from mesascope.models.diagonal_heads import DenseHeads
from mesascope.models.position_weights import LearnedWeights
from mesascope.studies._shared.training import seed_keys
from mesascope.studies.sander2024.dense.readings import LAWS, ROTATIONS, read_tensors, read_weights
from mesascope.study.base import Arrays, Workspace
from mesascope.theory.dense_heads import dense_losses, mixing_tensor
from mesascope.training.exact import AbstractOptimiser, fit_exact


class DenseCell(NamedTuple):
    """Trainings on one kind of dynamics, with each of some numbers of heads."""

    dynamics: str
    all_heads: tuple[int, ...]
    dim: int
    num_states: int
    init_std: float
    optimiser: AbstractOptimiser
    num_steps: int
    seeds: int
    first_seed: int


Params = tuple[tuple[DenseHeads, ...], Inexact[Array, "d d"]]  # a model for each number of heads; the basis


def train_dense(cell: DenseCell, workspace: Workspace) -> Arrays:
    """Losses a position [seeds records heads] and readings [seeds heads ...] in the eigenbasis of W, in float64.

    Each number of heads is trained as if it were alone; positions are T = 3, 4, ... (at T = 2 the query is s_1, which
    is always the same).
    """
    with jax.enable_x64(True):
        trained = fit_exact(
            losses_fn(cell),
            lambda key: _initialise(cell, key),
            cell.optimiser,
            keys=seed_keys(cell.first_seed, cell.seeds),
            num_steps=cell.num_steps,
        )
        mixing = np.asarray(jax.jit(jax.vmap(_tensors))(trained.params))
        read = read_tensors(mixing, cell.dynamics)
        weights = np.stack([np.asarray(model.positions.weights) for model in trained.params[0]], axis=1)
    losses = np.asarray(trained.losses)
    workspace.report(1, 1, f"least loss {losses[:, -1].min():.4g}")
    return {"losses": losses, "steps": trained.steps, **read, **read_weights(weights)}


def losses_fn(cell: DenseCell) -> Callable[[Params], Float[Array, " heads"]]:
    """For each number of heads the loss a position."""
    law = LAWS[cell.dynamics]

    def losses(params: Params) -> Float[Array, " heads"]:
        weights = jnp.stack([model.positions.matrix(cell.num_states)[:-1] for model in params[0]])
        each = jax.vmap(lambda mixing, rows: dense_losses(law, mixing, rows)[1:])(_tensors(params), weights)
        return each.mean(axis=1)

    return losses


def eigenbasis(dynamics: str, basis: Float[Array, "d d"]) -> Inexact[Array, "d d"]:
    """The columns V in which W is diagonal: for rotations Q U, each plane's vectors (1, -i) and (1, i) / sqrt(2) in U.

    A layer's matrices there are V^* A V and V^* B V; s_1 is V 1.
    """
    if dynamics != ROTATIONS:
        return jnp.eye(len(basis))
    plane = jnp.asarray(np.array([[1, 1], [-1j, 1j]]) / np.sqrt(2))
    return basis.astype(plane.dtype) @ jnp.kron(jnp.eye(len(basis) // 2, dtype=plane.dtype), plane)


def _initialise(cell: DenseCell, key: Key[Array, ""]) -> Params:
    """Normal entries for every number of heads, and a random orthonormal basis, if there is one; drawn at once."""
    matrices = (2, sum(cell.all_heads), cell.dim, cell.dim)
    shapes = (matrices, (len(cell.all_heads), cell.num_states, cell.num_states), (cell.dim, cell.dim))
    ends = np.cumsum([np.prod(shape) for shape in shapes])
    drawn = jnp.split(jax.random.normal(key, (int(ends[-1]),)), ends[:-1])
    heads, positions, basis = (each.reshape(shape) for each, shape in zip(drawn, shapes, strict=True))
    by_count = jnp.split(cell.init_std * heads, np.cumsum(cell.all_heads)[:-1], axis=1)
    models = tuple(
        DenseHeads(a, b, LearnedWeights(cell.init_std * p)) for (a, b), p in zip(by_count, positions, strict=True)
    )
    return models, eigenbasis(cell.dynamics, jnp.linalg.qr(basis)[0] if cell.dynamics == ROTATIONS else basis)


def _tensors(params: Params) -> Inexact[Array, "heads d d d d"]:
    """K of each model in the eigenbasis of W."""
    models, basis = params
    basis = lax.stop_gradient(basis)
    turned = (
        [jnp.conj(basis.T) @ each.astype(basis.dtype) @ basis for each in (model.key_query, model.output_value)]
        for model in models
    )
    return jnp.stack([mixing_tensor(*each) for each in turned])
