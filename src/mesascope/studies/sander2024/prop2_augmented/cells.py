"""The layer on augmented tokens, trained on its exact loss and on samples, and what is read of its weights."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Inexact, Key

from mesascope.constructions.forecasters import AugmentedDescent
from mesascope.models.augmented import AbstractAugmentedLayer, DiagonalAugmentedLayer, pair_with_previous
from mesascope.random import VALIDATION_SEED
from mesascope.studies._shared.training import Training, seed_keys
from mesascope.study.base import Arrays, Workspace
from mesascope.tasks.unitary import UnitaryProcess
from mesascope.theory.augmented import AugmentedWeights, layer_losses, one_step_optimum
from mesascope.training.config import FitConfig
from mesascope.training.exact import AbstractOptimiser, fit_exact


class ExactCell(NamedTuple):
    """One training of every seed on the population loss of positions T = 2, ..., num_pairs + 1."""

    dim: int
    num_pairs: int
    init_std: float
    optimiser: AbstractOptimiser
    num_steps: int
    seeds: int
    first_seed: int


def train_exactly(cell: ExactCell, workspace: Workspace) -> Arrays:
    """The rows of A and B of every seed, and losses on the way, in float64."""
    with jax.enable_x64(True):
        trained = fit_exact(
            lambda layer: layer_losses(AugmentedWeights(*layer.scores, *layer.values), cell.num_pairs).sum(),
            lambda key: DiagonalAugmentedLayer.initialise(cell.dim, std=cell.init_std, key=key),
            cell.optimiser,
            keys=seed_keys(cell.first_seed, cell.seeds),
            num_steps=cell.num_steps,
        )
        arrays = {"scores": trained.params.scores, "values": trained.params.values, "losses": trained.losses}
        workspace.report(1, 1, f"loss {float(jnp.mean(trained.losses[:, -1])):.4g}")
        return {**jax.tree.map(np.asarray, arrays), "steps": trained.steps}


def sample_training(
    dim: int, num_pairs: int, init_std: float, config: FitConfig, seeds: int, first_seed: int
) -> Training:
    """The same layer on fresh sequences; the position before the first pair counts, too, which no layer can predict."""
    make_model = partial(DiagonalAugmentedLayer.initialise, dim, std=init_std)
    return Training(make_model, UnitaryProcess(num_pairs + 2, dim), config, seeds, first_seed)


class LongCell(NamedTuple):
    """Sequences of many pairs of states, `num_sequences` a seed."""

    dim: int
    num_pairs: int
    num_sequences: int
    seeds: int
    first_seed: int


def simulate_long(cell: LongCell, workspace: Workspace) -> Arrays:
    """The mean loss a step and coordinate of the best gradient step, one a seed."""
    layer = AugmentedDescent(one_step_optimum(cell.dim, cell.num_pairs).coefficient, cell.dim).build()
    process = UnitaryProcess(cell.num_pairs + 2, cell.dim)

    def loss(key: Key[Array, ""]) -> Array:
        sequence = process.sample(key)
        errors = (layer.next_states(sequence)[:-1] - sequence.states[1:])[1:]
        return jnp.mean(jnp.abs(errors) ** 2)

    keys = jax.vmap(lambda key: jax.random.split(key, cell.num_sequences))(seed_keys(cell.first_seed, cell.seeds))
    losses = np.asarray(jax.jit(lambda keys: jax.lax.map(loss, keys))(keys.ravel())).reshape(keys.shape)
    workspace.report(1, 1, f"loss {losses.mean():.4g}")
    return {"losses": losses.mean(axis=1)}


class Reading(NamedTuple):
    """What the weights are, one number a seed, but for the products b1 a2^T [seeds d d]."""

    product: np.ndarray
    num_flipped: np.ndarray  # coordinates whose sign is the rarer of the two
    rest: np.ndarray  # the largest of a1, a3, a4 and b2, each relative to the largest of its kind
    map_distance: np.ndarray  # to the best gradient step, relative, on sequences
    gamma_distance: np.ndarray  # of in-context maps, relative
    unflipped_distance: np.ndarray  # of predictions, with all signs of a2 and b1 made equal
    unflipped_gamma: np.ndarray  # of in-context maps, with these signs


def read(scores: np.ndarray, values: np.ndarray, num_pairs: int) -> Reading:
    """Read rows a1 to a4 [seeds 4 d] and b1, b2 [seeds 2 d]."""
    a1, a2, a3, a4 = np.moveaxis(scores, 1, 0)
    b1, b2 = np.moveaxis(values, 1, 0)
    of_scores, of_values = (np.abs(each).max(axis=1) for each in (a2, b1))
    rests = (np.abs(each).max(axis=1) / of_scores for each in (a1, a3, a4))
    rest = np.max([*rests, np.abs(b2).max(axis=1) / of_values], axis=0)
    signs, negative = np.sign(a2)[:, None], np.sum(a2 < 0, axis=1)
    distances = (
        np.asarray(each)
        for a, b in ((scores, values), (scores * signs, values * signs))
        for each in map_distances(jnp.asarray(a), jnp.asarray(b), num_pairs)
    )
    return Reading(b1[:, :, None] * a2[:, None, :], np.minimum(negative, a2.shape[1] - negative), rest, *distances)


@partial(jax.jit, static_argnums=2)
def map_distances(scores: Array, values: Array, num_pairs: int) -> tuple[Array, Array]:
    """|layer - best gradient step| / |best gradient step| of every seed: of predictions, and of in-context maps.

    Root mean squares over 200 sequences of `num_pairs` + 1 states, maps in the Frobenius norm.
    """
    sequences = UnitaryProcess(num_pairs + 1, scores.shape[-1]).sample_batch(jax.random.key(VALIDATION_SEED), 200)
    coefficient = one_step_optimum(scores.shape[-1], num_pairs).coefficient
    queries = sequences.states[:, -1]
    best = coefficient * jnp.einsum("nti,ntj->nij", sequences.states[:, 1:], jnp.conj(sequences.states[:, :-1]))

    def distances(weights: tuple[Array, Array]) -> tuple[Array, Array]:
        away = jax.vmap(partial(in_context_map, DiagonalAugmentedLayer(*weights)))(sequences.states) - best
        predicted = jnp.einsum("nij,nj->ni", best, queries)
        of_predictions = jnp.linalg.norm(jnp.einsum("nij,nj->ni", away, queries)) / jnp.linalg.norm(predicted)
        return of_predictions, jnp.linalg.norm(away) / jnp.linalg.norm(best)

    return jax.lax.map(distances, (scores, values))


def in_context_map(layer: AbstractAugmentedLayer, states: Inexact[Array, "t d"]) -> Inexact[Array, "d d"]:
    """Gamma: the layer predicts Gamma s_T from s_1, ..., s_T, where s_{t+1} = W s_t with a diagonal W.

    What asks with s_{T-1} asks with W^-1 s_T.
    """
    tokens, dim = pair_with_previous(states), states.shape[1]
    scores, values = (each.astype(states.dtype) for each in layer.matrices())
    whole = values @ (tokens.T @ jnp.conj(tokens)) @ scores
    return whole[:, :dim] + whole[:, dim:] * (states[0] / states[1])[None]
