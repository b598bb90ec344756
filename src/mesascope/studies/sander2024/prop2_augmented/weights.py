"""What the weights of a trained layer on augmented tokens are, and how far it is from the best gradient step."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact

from mesascope.models.augmented import AbstractAugmentedLayer, DiagonalAugmentedLayer, pair_with_previous
from mesascope.random import VALIDATION_SEED, seed_key
from mesascope.tasks.unitary import UnitaryProcess
from mesascope.theory.augmented import one_step_optimum


class LayerWeights(NamedTuple):
    """What the weights are, one number a seed [seeds], but for the products b1 a2^T [seeds d d].

    `num_flipped` counts the coordinates whose sign is the rarer of the two. `rest` is the largest of a1, a3, a4 and b2,
    each relative to the largest of its kind. Distances to the best gradient step are relative, of predictions
    (`map_distance`) and of in-context maps (`gamma_distance`); the unflipped ones are with all signs made equal.
    """

    product: np.ndarray
    num_flipped: np.ndarray
    rest: np.ndarray
    map_distance: np.ndarray
    gamma_distance: np.ndarray
    unflipped_distance: np.ndarray
    unflipped_gamma: np.ndarray


def read(scores: np.ndarray, values: np.ndarray, num_pairs: int, num_sequences: int) -> LayerWeights:
    """What rows a1 to a4 [seeds 4 d] and b1, b2 [seeds 2 d] are, distances in JAX's precision."""
    a1, a2, a3, a4 = np.moveaxis(scores, 1, 0)
    b1, b2 = np.moveaxis(values, 1, 0)
    of_scores, of_values = (np.abs(each).max(axis=1) for each in (a2, b1))
    rests = (np.abs(each).max(axis=1) / of_scores for each in (a1, a3, a4))
    rest = np.max([*rests, np.abs(b2).max(axis=1) / of_values], axis=0)
    signs, negative = np.sign(a2)[:, None], np.sum(a2 < 0, axis=1)
    both = (jnp.asarray(np.concatenate([each, each * signs])) for each in (scores, values))
    predicted, maps = (np.split(np.asarray(each), 2) for each in map_distances(*both, num_pairs, num_sequences))
    distances = (predicted[0], maps[0], predicted[1], maps[1])
    return LayerWeights(b1[:, :, None] * a2[:, None, :], np.minimum(negative, a2.shape[1] - negative), rest, *distances)


@partial(jax.jit, static_argnums=(2, 3), compiler_options={"xla_backend_optimization_level": 0})  # it runs once
def map_distances(
    scores: Float[Array, "seeds 4 d"], values: Float[Array, "seeds 2 d"], num_pairs: int, num_sequences: int
) -> tuple[Float[Array, " seeds"], Float[Array, " seeds"]]:
    """|layer - best gradient step| / |best gradient step| of every seed: of predictions, and of in-context maps.

    Root mean squares over sequences of `num_pairs` + 1 states, maps in the Frobenius norm.
    """
    process = UnitaryProcess(num_pairs + 1, scores.shape[-1])
    sequences = process.sample_batch(seed_key(VALIDATION_SEED), num_sequences)
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
