"""Laws of W that commute or not: what least squares predicts, and layers trained on them."""

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
from mesascope.random import VALIDATION_SEED, data_key, seed_key
from mesascope.studies._shared.measure import one_of, over_models
from mesascope.studies._shared.training import Training, seed_keys
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks._process import AbstractLinearProcess
from mesascope.training.config import FitConfig
from mesascope.training.fit import fit

LAYERS = {"scalar": ScalarAugmentedLayer, "dense": AugmentedLayer}


class LawTerms(NamedTuple):
    """What least squares gives on one law, losses relative to |s_{T+1}|^2, T = 2, 3, ...

    `one` is the loss of the best c sum_t s_{t+1} <s_t, s_T>, `two` that with a second term c' sum_t s_t <s_t, s_{T-1}>,
    whose `coefficients` [2] are c and c'. `commutator` is the mean of |W W' - W' W| (Frobenius) over pairs.
    """

    commutator: np.ndarray
    one: np.ndarray
    two: np.ndarray
    coefficients: np.ndarray

    def ratio(self) -> float:
        """c' / c of two terms."""
        return float(self.coefficients[1] / self.coefficients[0])


class LayerReadings(NamedTuple):
    """A layer's loss and squared distance to the best step's predictions, relative to |s|^2, and its blocks [seeds].

    `first` and `second` are the coefficients of the two terms, were A2, A3 and B1 multiples of the identity; `rest` is
    the largest of the norms of A1 and A4 in terms of A2's, and of B2 in terms of B1's.
    """

    loss: np.ndarray
    distance: np.ndarray
    first: np.ndarray
    second: np.ndarray
    rest: np.ndarray

    def ratio(self) -> np.ndarray:
        """The second coefficient over the first."""
        return self.second / self.first


class LawCell(AbstractConfig):
    """A law of W, and how many sequences the best terms are fitted to and measured on."""

    process: AbstractLinearProcess
    num_validation: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`LawTerms`."""
        _, *found = least_squares(validation_sequences(self.process, self.num_validation))
        commutator = mean_commutator(self.process, self.num_validation)
        workspace.report(1, 1, "measured")
        return LawTerms(*map(np.asarray, (commutator, *found)))._asdict()


class LayersCell(AbstractConfig):
    """A training of layers on one law, and how many sequences the layers are measured on."""

    training: Training
    num_validation: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`LayerReadings`."""
        return read_layers(self.training.task, self.num_validation, self.training.trained(workspace).model)


class StartedLayersCell(AbstractConfig):
    """Layers of dense blocks that start as trained layers of `scalars` and are trained on, on other sequences."""

    scalars: Training
    config: FitConfig
    num_validation: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`LayerReadings`."""
        training = self.scalars
        scalars, keys = training.trained(workspace).model, seed_keys(training.first_seed, training.seeds)
        ends = []
        for seed in range(training.seeds):
            start, key = one_of(scalars, seed).dense(), jax.random.fold_in(keys[seed], 1)
            ends.append(fit(start, training.task, self.config, key=key).model)
            workspace.report(seed + 1, training.seeds, "dense layers trained from scalar ones")
        dense = jax.tree.map(lambda *leaves: jnp.stack(leaves), *ends)
        return read_layers(training.task, self.num_validation, dense)


def layer_training(kind: str, process: AbstractLinearProcess, config: FitConfig, seeds: int, first: int) -> Training:
    """One layer, its blocks scalar or dense, from random weights on fresh sequences."""
    return Training(partial(LAYERS[kind].initialise, process.dim, std=0.1), process, config, seeds, first)


@eqx.filter_jit
def validation_sequences(process: AbstractLinearProcess, size: int) -> Sequence:
    """The sequences that losses are measured on."""
    return process.sample_batch(jax.random.split(data_key(seed_key(VALIDATION_SEED)))[0], size)


@eqx.filter_jit
def mean_commutator(process: AbstractLinearProcess, num_pairs: int) -> Float[Array, ""]:
    """The mean of |W W' - W' W| over independent pairs."""
    keys = jax.random.split(jax.random.split(data_key(seed_key(VALIDATION_SEED)))[1], 2 * num_pairs)
    first, second = jnp.split(jax.vmap(lambda key: process.matrix(process.sample_dynamics(key)))(keys), 2)
    return jnp.linalg.norm(first @ second - second @ first, axis=(1, 2)).mean()


@jax.jit
def least_squares(sequences: Sequence) -> tuple[Array, Array, Array, Array]:
    """The best step's predictions [n t d], its loss, that of two terms, and the coefficients [2] of two terms."""
    terms, target = jax.vmap(both_terms)(sequences), sequences.states[:, 2:]
    size, losses = jnp.sum(target**2), []
    for chosen in (terms, terms[:1]):
        gram = jnp.array([[jnp.sum(a * b) for b in chosen] for a in chosen])
        overlap = jnp.array([jnp.sum(a * target) for a in chosen])
        coefficients = jnp.linalg.solve(gram, overlap)
        losses.append((coefficients, 1 - coefficients @ overlap / size))
    (of_two, two), (of_one, one) = losses
    return of_one[0] * terms[0], one, two, of_two


def both_terms(sequence: Sequence) -> tuple[Float[Array, "t d"], Float[Array, "t d"]]:
    """sum_{t < T} s_{t+1} <s_t, s_T> and sum_{t <= T} s_t <s_t, s_{T-1}>, for T = 2, ..., the last that has a next."""
    states = sequence.states
    steps = jnp.cumsum(jnp.einsum("ti,tj->tij", states[1:-1], states[:-2]), axis=0)
    moments = jnp.cumsum(jnp.einsum("ti,tj->tij", states[:-1], states[:-1]), axis=0)[1:]
    return jnp.einsum("tij,tj->ti", steps, states[1:-1]), jnp.einsum("tij,tj->ti", moments, states[:-2])


def read_layers(process: AbstractLinearProcess, size: int, layers: AugmentedLayer | ScalarAugmentedLayer) -> Arrays:
    """`LayerReadings` of layers on a leading axis, on so many sequences."""
    sequences = validation_sequences(process, size)
    step, *_ = least_squares(sequences)
    return over_models(Partial(read_layer, sequences, step), layers)


def read_layer(
    sequences: Sequence, step: Float[Array, "n t d"], layer: AugmentedLayer | ScalarAugmentedLayer
) -> dict[str, Array]:
    """`LayerReadings` of one layer, `step` the predictions that it is compared with."""
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
