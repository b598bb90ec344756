"""Layers on augmented tokens, trained on dynamics that commute or not, against what least squares predicts of them."""

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mesascope.models.augmented import AugmentedLayer, ScalarAugmentedLayer
from mesascope.prompt import Sequence
from mesascope.studies._base import Arrays, Workspace
from mesascope.studies._measure import VALIDATION_SEED, over_models
from mesascope.studies._panels import REFERENCE
from mesascope.studies._training import Training
from mesascope.tasks._process import AbstractLinearProcess
from mesascope.training.config import FitConfig

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LAYERS = {"dense": AugmentedLayer, "scalar": ScalarAugmentedLayer}


class LawCell(NamedTuple):
    """The trainings of both kinds of layers on one law, and how many sequences they are measured on."""

    trainings: tuple[Training, ...]
    num_validation: int


def layer_training(kind: str, process: AbstractLinearProcess, config: FitConfig, seeds: int, first: int) -> Training:
    """One layer, its blocks dense or scalar, on fresh sequences."""
    return Training(partial(LAYERS[kind].initialise, process.dim, std=0.1), process, config, seeds, first)


def measure_law(cell: LawCell, workspace: Workspace) -> Arrays:
    """What least squares gives, and losses and readings of both layers, in terms of |s_{T+1}|^2, T = 2, 3, ...

    `one` and `two` are the losses of the best c sum_t s_{t+1} <s_t, s_T>, and of that with a second term
    c' sum_t s_t <s_t, s_{T-1}>; `ratio` is c' / c. Of a layer: its loss, the mean of its A2 B1 diagonals `first`, the
    size of the second term in it, and its distance to the best gradient step.
    """
    process = cell.trainings[0].task
    sequences = eqx.filter_jit(lambda: process.sample_batch(jax.random.key(VALIDATION_SEED), cell.num_validation))()
    terms, target = jax.jit(jax.vmap(both_terms))(sequences), sequences.states[:, 2:]
    found = {f"{name}": np.asarray(value) for name, value in jax.jit(least_squares)(terms, target).items()}
    step = found["one_coefficients"][0] * terms[0]

    def read(layer: AugmentedLayer | ScalarAugmentedLayer) -> dict[str, Array]:
        predictions = jax.vmap(layer.next_states)(sequences)[:, 1:-1]
        dense = layer if isinstance(layer, AugmentedLayer) else layer.dense()
        dim = process.dim
        blocks = [
            dense.scores[:dim, :dim],
            dense.scores[dim:, :dim],
            dense.scores[:dim, dim:],
            dense.scores[dim:, dim:],
        ]
        value, other = dense.values[:, :dim], dense.values[:, dim:]
        norms = {f"a{k + 1}": jnp.linalg.norm(block) for k, block in enumerate(blocks)}
        size = jnp.mean(jnp.sum(target**2, axis=-1))
        return {
            "loss": jnp.mean(jnp.sum((predictions - target) ** 2, axis=-1)) / size,
            "distance": jnp.mean(jnp.sum((predictions - step) ** 2, axis=-1)) / size,
            "first": jnp.trace(blocks[1]) * jnp.trace(value) / dim**2,
            "second": jnp.trace(blocks[2]) * jnp.trace(value) / dim**2,
            "b1": jnp.linalg.norm(value),
            "b2": jnp.linalg.norm(other),
            **norms,
        }

    for kind, training in zip(LAYERS, cell.trainings, strict=True):
        readings = over_models(read, training.trained(workspace).model)
        found |= {f"{kind}_{name}": value for name, value in readings.items()}
    return {**found, "commutator": np.asarray(commutator(process, cell.num_validation))}


def both_terms(sequence: Sequence) -> tuple[Float[Array, "t d"], Float[Array, "t d"]]:
    """sum_{t < T} s_{t+1} <s_t, s_T> and sum_{t <= T} s_t <s_t, s_{T-1}>, for T = 2, ..., the last that has a next."""
    states = sequence.states
    steps = jnp.cumsum(jnp.einsum("ti,tj->tij", states[1:-1], states[:-2]), axis=0)
    moments = jnp.cumsum(jnp.einsum("ti,tj->tij", states[:-1], states[:-1]), axis=0)[1:]
    return jnp.einsum("tij,tj->ti", steps, states[1:-1]), jnp.einsum("tij,tj->ti", moments, states[:-2])


def least_squares(terms: tuple[Array, Array], target: Array) -> dict[str, Array]:
    """The best coefficient of the first term, and of both, with their losses relative to |target|^2."""
    size, found = jnp.sum(target**2), {}
    for name, chosen in (("one", terms[:1]), ("two", terms)):
        gram = jnp.array([[jnp.sum(a * b) for b in chosen] for a in chosen])
        overlap = jnp.array([jnp.sum(a * target) for a in chosen])
        coefficients = jnp.linalg.solve(gram, overlap)
        found |= {f"{name}_coefficients": coefficients, name: 1 - coefficients @ overlap / size}
    return found


def commutator(process: AbstractLinearProcess, num_pairs: int) -> Float[Array, ""]:
    """The mean of |W W' - W' W| (Frobenius) over independent pairs."""
    keys = jax.random.split(jax.random.key(VALIDATION_SEED - 1), 2 * num_pairs)
    first, second = jnp.split(
        eqx.filter_jit(jax.vmap(lambda key: process.matrix(process.sample_dynamics(key))))(keys), 2
    )
    return jnp.linalg.norm(first @ second - second @ first, axis=(1, 2)).mean()


def two_panels(summary: dict[str, Arrays]) -> "Figure":
    """Losses, and the second coefficient over the first, against how little W commute; one dot a seed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    losses, ratios = figure.subplots(1, 2)
    commutators = [float(of["commutator"]) for of in summary.values()]
    for kind, color in zip(LAYERS, ("C0", "C1"), strict=True):
        by_seed = np.array([of[f"{kind}_loss"] for of in summary.values()])
        losses.plot(commutators, by_seed, "o", color=color, alpha=0.6)[0].set_label(f"{kind} blocks")
        ratio = np.array([of[f"{kind}_second"] / of[f"{kind}_first"] for of in summary.values()])
        ratios.plot(commutators, ratio, "o", color=color, alpha=0.6)[0].set_label(f"{kind} blocks")
    for name, label, style in (("one", "best gradient step", REFERENCE), ("two", "best two terms", {"color": "grey"})):
        losses.plot(commutators, [float(of[name]) for of in summary.values()], label=label, **style)
    predicted = [of["two_coefficients"][1] / of["two_coefficients"][0] for of in summary.values()]
    ratios.plot(commutators, predicted, color="grey", label="least squares")
    losses.set(xlabel="mean $|WW' - W'W|$", ylabel="loss / $|s|^2$")
    ratios.set(xlabel="mean $|WW' - W'W|$", ylabel="second coefficient / first")
    for axes in (losses, ratios):
        axes.legend(fontsize="small")
    return figure
