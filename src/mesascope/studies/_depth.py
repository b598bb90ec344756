"""Trained models of several depths on sequences, and as many steps of gradient descent."""

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mesascope.algorithms.along_sequence import DescentAlongSequence, RidgeAlongSequence
from mesascope.models.sequence_transformer import SequenceTransformer
from mesascope.prompt import Sequence
from mesascope.random import data_key
from mesascope.studies._base import Arrays, Workspace
from mesascope.studies._measure import VALIDATION_SEED, over_models
from mesascope.studies._panels import REFERENCE, band
from mesascope.studies._training import Training
from mesascope.tasks._process import AbstractLinearProcess

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PENALTY = 1e-6  # of ridge regression that stands for least squares
GRID = np.geomspace(1e-3, 10.0, 241)


class DepthsCell(NamedTuple):
    """Trainings of some depths, and how many sequences they are measured on."""

    trainings: tuple[Training, ...]
    process: AbstractLinearProcess
    num_validation: int


def validation_sequences(process: AbstractLinearProcess, size: int, tuning: bool = False) -> Sequence:
    """The sequences that losses are measured on, or others to tune rivals on."""
    key = jax.random.key(VALIDATION_SEED - tuning)
    return eqx.filter_jit(lambda key: process.sample_batch(data_key(key), size))(key)


def losses_along(predictions: Float[Array, "k t d"], sequence: Sequence) -> Float[Array, "k u"]:
    """|error|^2 after every step and state but the last, relative to |s|^2."""
    target = sequence.states[None, 1:]
    return jnp.sum((predictions[:, :-1] - target) ** 2, axis=-1) / jnp.sum(target**2, axis=-1)


def measure_depths(cell: DepthsCell, workspace: Workspace) -> Arrays:
    """Losses [seeds, layers, states] of every training's model, by the order of trainings."""
    sequences, found = validation_sequences(cell.process, cell.num_validation), {}

    def losses(model: SequenceTransformer) -> dict[str, Array]:
        each = jax.vmap(lambda sequence: losses_along(model.trajectory(sequence), sequence))(sequences)
        return {"loss": each.mean(axis=0)}

    for i, training in enumerate(cell.trainings):
        found[f"loss_{i}"] = over_models(losses, training.trained(workspace).model)["loss"]
        workspace.report(i + 1, len(cell.trainings), "measured")
    return found


def measure_rivals(process: AbstractLinearProcess, max_steps: int, size: int) -> Arrays:
    """Losses [steps, states] of 1, 2, ... steps of gradient descent, each number with its best coefficient [steps].

    The coefficient is the same for all steps and numbers of states, the best of a grid, fine by 4%, on other
    sequences. `least_squares` is what can be known at all.
    """
    tuning, held_out = (validation_sequences(process, size, tuning) for tuning in (True, False))

    def along(coefficient: Float[Array, ""], sequences: Sequence) -> Float[Array, "steps t"]:
        descent = DescentAlongSequence(coefficient, max_steps)
        return jax.vmap(lambda each: losses_along(descent.trajectory(each), each))(sequences).mean(axis=0)

    totals = jax.jit(lambda grid: jax.lax.map(lambda c: along(c, tuning).mean(axis=1), grid))(jnp.asarray(GRID, float))
    best = GRID[np.argmin(np.nan_to_num(np.asarray(totals), nan=np.inf), axis=0)]
    losses = np.asarray(jax.jit(lambda grid: jax.lax.map(lambda c: along(c, held_out), grid))(jnp.asarray(best, float)))
    ridge = RidgeAlongSequence(PENALTY)
    exact = jax.jit(jax.vmap(lambda each: losses_along(ridge.trajectory(each), each)))(held_out).mean(axis=0)[0]
    steps = np.arange(max_steps)
    return {"loss": losses[steps, steps], "coefficient": best, "least_squares": np.asarray(exact)}


def model_training(
    process: AbstractLinearProcess, num_layers: int, normalise: bool, config, seeds: int, first_seed: int
) -> Training:
    """The authors' model on augmented tokens, or one without normalisation, as their theory has it."""
    shape = {"num_layers": num_layers, "normalise": normalise, "init_scale": 1.0 if normalise else 0.01}
    return Training(partial(SequenceTransformer.initialise, process.dim, **shape), process, config, seeds, first_seed)


def three_panels(depths: tuple[int, ...], models: list[np.ndarray], linear: np.ndarray, rivals: Arrays) -> "Figure":
    """Losses by depth; along the sequence; after each layer of the deepest model. `models` are [seeds, layers, t]."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.4), layout="constrained")
    by_depth, along, readout = figure.subplots(1, 3)
    band(by_depth, np.array(depths), np.stack([m[:, -1].mean(axis=-1) for m in models], 1), "trained", marker="o")
    steps = np.arange(1, len(rivals["loss"]) + 1)
    by_depth.plot(steps, rivals["loss"].mean(axis=1), label="gradient descent", **REFERENCE)
    by_depth.plot(np.ones(len(linear)), linear[:, -1].mean(axis=-1), "x", color="C1", label="one layer, not normalised")
    by_depth.set(xlabel="layers, or steps", ylabel="loss / $|s|^2$")
    states = np.arange(1, models[0].shape[-1] + 1)
    for i, (depth, of_depth) in enumerate(zip(depths, models, strict=True)):
        band(along, states, of_depth[:, -1], f"{depth} layers" if depth > 1 else "1 layer", color=f"C{i}")
    along.plot(states, rivals["loss"][0], label="1 step", **REFERENCE)
    along.plot(states, rivals["loss"][-1], label=f"{len(steps)} steps", **{**REFERENCE, "linestyle": ":"})
    along.set(xlabel="states seen", ylabel="loss / $|s|^2$")
    deepest = models[-1]
    band(readout, np.arange(1, deepest.shape[1] + 1), deepest.mean(axis=-1), "read after each layer", marker="o")
    readout.plot(steps, rivals["loss"].mean(axis=1), label="gradient descent", **REFERENCE)
    readout.set(xlabel=f"layer of {depths[-1]}, or step", ylabel="loss / $|s|^2$")
    for axes in (by_depth, along, readout):
        axes.set_ylim(0, None)
        axes.legend(fontsize="x-small")
    return figure
