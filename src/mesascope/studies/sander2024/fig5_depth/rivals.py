"""What models of several depths are held against: as many steps of gradient descent, and least squares."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from mesascope.algorithms.along_sequence import DescentAlongSequence, RidgeAlongSequence
from mesascope.prompt import Sequence
from mesascope.studies.sander2024._shared.sequences import losses_along, validation_sequences
from mesascope.study.base import Arrays, Workspace
from mesascope.tasks._process import AbstractLinearProcess
from mesascope.training.exact import Adam, fit_exact

PENALTY = 1e-6  # of ridge regression that stands for least squares
GRID = np.geomspace(1e-3, 10.0, 241)
SPREAD = 0.5  # of the logarithms of coefficients that descent starts from, since equal ones have equal gradients


class RivalsCell(NamedTuple):
    """Gradient descent of up to `max_steps` steps, tuned and measured on as many sequences each.

    Coefficients of their own for every step are tuned by `tuning_steps` of Adam, on a quarter of the sequences.
    """

    process: AbstractLinearProcess
    max_steps: int
    num_validation: int
    tuning_steps: int = 200


class ScaledCell(NamedTuple):
    """One step of gradient descent whose answers all have one length, tuned and measured on as many sequences each."""

    process: AbstractLinearProcess
    num_validation: int


def measure_scaled(cell: ScaledCell, workspace: Workspace) -> Arrays:
    """Losses [states] of a step's answer scaled to the one length that is best, as a normalisation might, and that."""
    tuning, held_out = (validation_sequences(cell.process, cell.num_validation, tuning) for tuning in (True, False))
    length = best_length(tuning)
    each = jax.vmap(lambda sequence: losses_along(length * directions(sequence)[None], sequence)[0])(held_out)
    workspace.report(1, 1, "measured")
    return {"scaled": np.asarray(each.mean(axis=0)), "length": np.asarray(length)}


def directions(sequence: Sequence) -> Float[Array, "t d"]:
    """The answer of a step of gradient descent after every state, its length one; zero where there is no answer."""
    answers = DescentAlongSequence(1.0, 1).trajectory(sequence)[0]
    lengths = jnp.linalg.norm(answers, axis=-1, keepdims=True)
    return jnp.where(lengths > 0, answers / jnp.where(lengths > 0, lengths, 1.0), 0.0)


def best_length(sequences: Sequence) -> Float[Array, ""]:
    """c with the least mean of |c u - s|^2 / |s|^2 over directions u and next states s."""
    found, target = jax.vmap(directions)(sequences)[:, :-1], sequences.states[:, 1:]
    weights = 1 / jnp.sum(target**2, axis=-1, keepdims=True)
    return jnp.sum(weights * found * target) / jnp.sum(weights * found**2)


def measure_rivals(cell: RivalsCell, workspace: Workspace) -> Arrays:
    """Losses [steps, states] of 1, 2, ... steps of gradient descent, each number with its best coefficient [steps].

    The coefficient is the same for all steps and numbers of states, the best of a grid, fine by 4%, on other
    sequences. `each_loss` [steps, states] is that of steps with a coefficient each, `each` [steps, steps], row k - 1 of
    which holds those of k steps. `least_squares` is what can be known at all.
    """
    workspace.report(1, 3, "tuning")
    tuning, held_out = (validation_sequences(cell.process, cell.num_validation, tuning) for tuning in (True, False))

    def along(coefficient: Float[Array, ""], sequences: Sequence) -> Float[Array, "steps t"]:
        descent = DescentAlongSequence(coefficient, cell.max_steps)
        return jax.vmap(lambda each: losses_along(descent.trajectory(each), each))(sequences).mean(axis=0)

    totals = jax.jit(lambda grid: jax.lax.map(lambda c: along(c, tuning).mean(axis=1), grid))(jnp.asarray(GRID, float))
    best = GRID[np.argmin(np.nan_to_num(np.asarray(totals), nan=np.inf), axis=0)]
    losses = np.asarray(jax.jit(lambda grid: jax.lax.map(lambda c: along(c, held_out), grid))(jnp.asarray(best, float)))
    workspace.report(2, 3, "tuning every step")
    each = coefficients_of_steps(jax.tree.map(lambda states: states[::4], tuning), best, cell.tuning_steps)
    ridge = RidgeAlongSequence(PENALTY)
    exact = jax.jit(jax.vmap(lambda each: losses_along(ridge.trajectory(each), each)))(held_out).mean(axis=0)[0]
    steps = np.arange(cell.max_steps)
    return {
        "loss": losses[steps, steps],
        "coefficient": best,
        "each_loss": np.stack([jax.jit(last_losses)(row[: k + 1], held_out) for k, row in enumerate(each)]),
        "each": np.asarray(each),
        "least_squares": np.asarray(exact),
    }


def last_losses(coefficients: Float[Array, " steps"], sequences: Sequence) -> Float[Array, " t"]:
    """The losses along the sequence after steps with these coefficients."""
    descent = DescentAlongSequence(coefficients, len(coefficients))
    return jax.vmap(lambda each: losses_along(descent.trajectory(each)[-1:], each)[0])(sequences).mean(axis=0)


def coefficients_of_steps(sequences: Sequence, shared: np.ndarray, num_steps: int) -> Float[Array, "steps steps"]:
    """For 1, 2, ... steps the best coefficients of each, from the best that all share; the rest of a row is zero."""
    counts = range(1, len(shared) + 1)

    def start(key: Key[Array, ""]) -> tuple[Array, ...]:
        return tuple(SPREAD * jnp.linspace(-1.0, 1.0, k) if k > 1 else jnp.zeros(1) for k in counts)

    def losses(logarithms: tuple[Array, ...]) -> Array:
        rows = zip(logarithms, shared, strict=True)
        return jnp.stack([last_losses(c * jnp.exp(each), sequences).mean() for each, c in rows])

    tuned = fit_exact(losses, start, Adam(0.02), keys=jax.random.key(0)[None], num_steps=num_steps).params
    rows = [c * jnp.exp(each[0]) for each, c in zip(tuned, shared, strict=True)]
    return jnp.stack([jnp.pad(row, (0, len(shared) - len(row))) for row in rows])
