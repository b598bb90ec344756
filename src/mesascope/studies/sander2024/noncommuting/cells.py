"""Layers on augmented tokens, trained on dynamics that commute or not, against what least squares predicts of them."""

from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float

from mesascope.models.augmented import AugmentedLayer, ScalarAugmentedLayer
from mesascope.prompt import Sequence
from mesascope.random import data_key
from mesascope.random import VALIDATION_SEED
from mesascope.studies._shared.measure import over_models
from mesascope.studies._shared.training import Training
from mesascope.studies.sander2024.noncommuting.six_scalars import six_scalars
from mesascope.study.base import Arrays, Workspace
from mesascope.tasks._process import AbstractLinearProcess
from mesascope.training.config import FitConfig

LAYERS = {"dense": AugmentedLayer, "scalar": ScalarAugmentedLayer}


class LayersCell(NamedTuple):
    """A law of dynamics, trainings of both kinds of layers on it or none, and numbers of sequences.

    `num_validation` are to measure on, `num_fitted` for the best six scalars to be fitted to.
    """

    process: AbstractLinearProcess
    trainings: tuple[Training, ...]
    num_validation: int
    num_fitted: int


def layer_training(kind: str, process: AbstractLinearProcess, config: FitConfig, seeds: int, first: int) -> Training:
    """One layer, its blocks dense or scalar, on fresh sequences."""
    return Training(partial(LAYERS[kind].initialise, process.dim, std=0.1), process, config, seeds, first)


def measure_layers(cell: LayersCell, workspace: Workspace) -> Arrays:
    """What least squares gives, and losses and readings of both layers, in terms of |s_{T+1}|^2, T = 2, 3, ...

    `one` and `two` are the losses of the best c sum_t s_{t+1} <s_t, s_T>, and of that with a second term
    c' sum_t s_t <s_t, s_{T-1}>; `ratio` is c' / c. `commutator` is the mean of |W W' - W' W| (Frobenius) over pairs.
    Names with `six_` are what is read of the best layer of scalar blocks.
    """
    sequences, commutator = sample(cell.process, cell.num_validation)
    step, fitted = least_squares(sequences)
    best, compared = six_scalars(cell.process, cell.num_fitted)
    readings = read_layer(sequences, step, best)
    found = {"commutator": commutator, **fitted, **compared, **{f"six_{name}": readings[name] for name in readings}}
    for kind, training in zip(LAYERS, cell.trainings, strict=False):
        readings = over_models(Partial(read_layer, sequences, step), training.trained(workspace).model)
        found |= {f"{kind}_{name}": value for name, value in readings.items()}
    return {name: np.asarray(value) for name, value in found.items()}


@eqx.filter_jit
def sample(process: AbstractLinearProcess, num_sequences: int) -> tuple[Sequence, Float[Array, ""]]:
    """Sequences for validation, and the mean commutator of as many independent pairs of W."""
    sequences_key, pairs_key = jax.random.split(data_key(jax.random.key(VALIDATION_SEED)))
    sequences = process.sample_batch(sequences_key, num_sequences)
    keys = jax.random.split(pairs_key, 2 * num_sequences)
    first, second = jnp.split(jax.vmap(lambda key: process.matrix(process.sample_dynamics(key)))(keys), 2)
    return sequences, jnp.linalg.norm(first @ second - second @ first, axis=(1, 2)).mean()


@jax.jit
def least_squares(sequences: Sequence) -> tuple[Float[Array, "n t d"], dict[str, Array]]:
    """The best gradient step's predictions; the best coefficients of one term and of two, and their losses."""
    terms, target = jax.vmap(both_terms)(sequences), sequences.states[:, 2:]
    size, found = jnp.sum(target**2), {}
    for name, chosen in (("one", terms[:1]), ("two", terms)):
        gram = jnp.array([[jnp.sum(a * b) for b in chosen] for a in chosen])
        overlap = jnp.array([jnp.sum(a * target) for a in chosen])
        coefficients = jnp.linalg.solve(gram, overlap)
        found |= {f"{name}_coefficients": coefficients, name: 1 - coefficients @ overlap / size}
    return found["one_coefficients"][0] * terms[0], {**found, "ratio": coefficients[1] / coefficients[0]}


def both_terms(sequence: Sequence) -> tuple[Float[Array, "t d"], Float[Array, "t d"]]:
    """sum_{t < T} s_{t+1} <s_t, s_T> and sum_{t <= T} s_t <s_t, s_{T-1}>, for T = 2, ..., the last that has a next."""
    states = sequence.states
    steps = jnp.cumsum(jnp.einsum("ti,tj->tij", states[1:-1], states[:-2]), axis=0)
    moments = jnp.cumsum(jnp.einsum("ti,tj->tij", states[:-1], states[:-1]), axis=0)[1:]
    return jnp.einsum("tij,tj->ti", steps, states[1:-1]), jnp.einsum("tij,tj->ti", moments, states[:-2])


def read_layer(
    sequences: Sequence, step: Float[Array, "n t d"], layer: AugmentedLayer | ScalarAugmentedLayer
) -> dict[str, Array]:
    """A layer's loss and its squared distance to a step's predictions, relative to |s|^2, and what its blocks are.

    `first` and `second` are the coefficients of the two terms in it, were A2, A3 and B1 multiples of the identity;
    `rest` is the largest of the norms of A1 and A4 in terms of A2's, and of B2 in terms of B1's.
    """
    predictions, target = jax.vmap(layer.next_states)(sequences)[:, 1:-1], sequences.states[:, 2:]
    dense = layer if isinstance(layer, AugmentedLayer) else layer.dense()
    dim, size = target.shape[-1], jnp.mean(jnp.sum(target**2, axis=-1))
    (a1, a3), (a2, a4) = (jnp.split(half, 2, axis=1) for half in jnp.split(dense.scores, 2))
    b1, b2 = dense.values[:, :dim], dense.values[:, dim:]
    ratios = [(a1, a2), (a4, a2), (b2, b1)]
    return {
        "loss": jnp.mean(jnp.sum((predictions - target) ** 2, axis=-1)) / size,
        "distance": jnp.mean(jnp.sum((predictions - step) ** 2, axis=-1)) / size,
        "first": jnp.trace(a2) * jnp.trace(b1) / dim**2,
        "second": jnp.trace(a3) * jnp.trace(b1) / dim**2,
        "rest": jnp.max(jnp.array([jnp.linalg.norm(small) / jnp.linalg.norm(large) for small, large in ratios])),
    }
