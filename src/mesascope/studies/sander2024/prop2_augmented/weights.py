"""What the weights of a trained layer on augmented tokens are, and how far it is from the best gradient step."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mesascope.constructions.forecasters import AugmentedDescent
from mesascope.models.augmented import DiagonalAugmentedLayer
from mesascope.random import VALIDATION_SEED, seed_key
from mesascope.tasks.unitary import UnitaryProcess
from mesascope.theory.augmented import one_step_optimum


class LayerWeights(NamedTuple):
    """What the weights are, one number a seed [seeds], but for the products b1 a2^T [seeds d d].

    `num_flipped` counts the coordinates whose sign is the rarer of the two. `rest` is the largest of a1, a3, a4 and b2,
    each relative to the largest of its kind. Distances of predictions to the best gradient step's are relative; the
    unflipped ones are with all signs made equal.
    """

    product: np.ndarray
    num_flipped: np.ndarray
    rest: np.ndarray
    map_distance: np.ndarray
    unflipped_distance: np.ndarray


def read(scores: np.ndarray, values: np.ndarray, num_pairs: int, num_sequences: int) -> LayerWeights:
    """What rows a1 to a4 [seeds 4 d] and b1, b2 [seeds 2 d] are, distances in JAX's precision."""
    a1, a2, a3, a4 = np.moveaxis(scores, 1, 0)
    b1, b2 = np.moveaxis(values, 1, 0)
    of_scores, of_values = (np.abs(each).max(axis=1) for each in (a2, b1))
    rests = (np.abs(each).max(axis=1) / of_scores for each in (a1, a3, a4))
    rest = np.max([*rests, np.abs(b2).max(axis=1) / of_values], axis=0)
    signs, negative = np.sign(a2)[:, None], np.sum(a2 < 0, axis=1)
    both = (jnp.asarray(np.concatenate([each, each * signs])) for each in (scores, values))
    distances = np.split(np.asarray(map_distances(*both, num_pairs, num_sequences)), 2)
    return LayerWeights(b1[:, :, None] * a2[:, None, :], np.minimum(negative, a2.shape[1] - negative), rest, *distances)


@partial(jax.jit, static_argnums=(2, 3), compiler_options={"xla_backend_optimization_level": 0})  # it runs once
def map_distances(
    scores: Float[Array, "seeds 4 d"], values: Float[Array, "seeds 2 d"], num_pairs: int, num_sequences: int
) -> Float[Array, " seeds"]:
    """|layer - best gradient step| / |best gradient step| of every seed, root mean squares of predictions.

    Predictions are those after the last state of sequences of `num_pairs` + 1 states.
    """
    dim = scores.shape[-1]
    process = UnitaryProcess(num_pairs + 1, dim)
    sequences = process.sample_batch(seed_key(VALIDATION_SEED), num_sequences)

    def last(layer: DiagonalAugmentedLayer) -> Array:
        return jax.vmap(lambda sequence: layer.next_states(sequence)[-1])(sequences)

    best = last(AugmentedDescent(one_step_optimum(dim, num_pairs).coefficient, dim).build())

    def distance(weights: tuple[Array, Array]) -> Array:
        return jnp.linalg.norm(last(DiagonalAugmentedLayer(*weights)) - best) / jnp.linalg.norm(best)

    return jax.lax.map(distance, (scores, values))
