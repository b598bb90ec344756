"""What models of several depths are held against: as many steps of gradient descent, and least squares."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from mesascope.algorithms.along_sequence import DescentAlongSequence, RidgeAlongSequence
from mesascope.prompt import Sequence
from mesascope.studies.sander2024._shared.sequences import losses_along, validation_sequences
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks._process import AbstractLinearProcess
from mesascope.training.exact import Adam, fit_exact


class Rivals(NamedTuple):
    """Losses of 1, 2, ... steps of gradient descent, each number with its best coefficient, and what can be known.

    `loss` [steps states] with one `coefficient` [steps] for all of them; `each_loss` [steps states] with one for every
    step, `each` [steps steps], row k - 1 of which holds those of k steps; `least_squares` [states].
    """

    loss: np.ndarray
    coefficient: np.ndarray
    each_loss: np.ndarray
    each: np.ndarray
    least_squares: np.ndarray


class ScaledStep(NamedTuple):
    """Losses [states] of a step's answer scaled to the one length that is best, as a normalisation might; that."""

    loss: np.ndarray
    length: np.ndarray


class RivalsCell(AbstractConfig):
    """Gradient descent of up to `max_steps` steps, tuned and measured on as many sequences each.

    The coefficient that all steps share is the best of a geometric grid, fine by 4%. Coefficients of their own for
    every step are tuned by `tuning_steps` of Adam on a quarter of the sequences, from logarithms spread by `spread`,
    since equal ones have equal gradients. Ridge regression of this `penalty` stands for least squares.
    """

    process: AbstractLinearProcess
    max_steps: int
    num_validation: int
    tuning_steps: int = 200
    tuning_rate: float = 0.02
    spread: float = 0.5
    lowest: float = 1e-3
    highest: float = 10.0
    grid_size: int = 241
    penalty: float = 1e-6

    def compute(self, workspace: Workspace) -> Arrays:
        """`Rivals`."""
        workspace.report(1, 3, "tuning")
        tuning, held_out = (validation_sequences(self.process, self.num_validation, tuning) for tuning in (True, False))
        best, losses = self.shared_coefficients(tuning, held_out)
        workspace.report(2, 3, "tuning every step")
        each = self.coefficients_of_steps(jax.tree.map(lambda states: states[::4], tuning), best)
        ridge = RidgeAlongSequence(self.penalty)
        exact = jax.jit(jax.vmap(lambda each: losses_along(ridge.trajectory(each), each)))(held_out).mean(axis=0)[0]
        each_loss = np.stack([jax.jit(last_losses)(row[: k + 1], held_out) for k, row in enumerate(each)])
        return Rivals(losses, best, each_loss, np.asarray(each), np.asarray(exact))._asdict()

    def shared_coefficients(self, tuning: Sequence, held_out: Sequence) -> tuple[np.ndarray, np.ndarray]:
        """The best coefficient [steps] on some sequences for each number of steps, and the losses on others."""

        def along(coefficient: Float[Array, ""], sequences: Sequence) -> Float[Array, "steps t"]:
            descent = DescentAlongSequence(coefficient, self.max_steps)
            return jax.vmap(lambda each: losses_along(descent.trajectory(each), each))(sequences).mean(axis=0)

        grid = np.geomspace(self.lowest, self.highest, self.grid_size)
        of_grid = jax.jit(lambda grid: jax.lax.map(lambda c: along(c, tuning).mean(axis=1), grid))
        totals = np.asarray(of_grid(jnp.asarray(grid, float)))
        best = grid[np.argmin(np.nan_to_num(totals, nan=np.inf), axis=0)]
        of_best = jax.jit(lambda best: jax.lax.map(lambda c: along(c, held_out), best))
        steps = np.arange(self.max_steps)
        return best, np.asarray(of_best(jnp.asarray(best, float)))[steps, steps]

    def coefficients_of_steps(self, sequences: Sequence, shared: np.ndarray) -> Float[Array, "steps steps"]:
        """For 1, 2, ... steps the best coefficients of each, from the best that all share; a row ends in zeros."""

        def start(key: Key[Array, ""]) -> tuple[Array, ...]:
            counts = range(1, len(shared) + 1)
            return tuple(self.spread * jnp.linspace(-1.0, 1.0, k) if k > 1 else jnp.zeros(1) for k in counts)

        def losses(logarithms: tuple[Array, ...]) -> Array:
            rows = zip(logarithms, shared, strict=True)
            return jnp.stack([last_losses(c * jnp.exp(each), sequences).mean() for each, c in rows])

        key = jax.random.key(0)[None]
        tuned = fit_exact(losses, start, Adam(self.tuning_rate), keys=key, num_steps=self.tuning_steps).params
        rows = [c * jnp.exp(each[0]) for each, c in zip(tuned, shared, strict=True)]
        return jnp.stack([jnp.pad(row, (0, len(shared) - len(row))) for row in rows])


class ScaledCell(AbstractConfig):
    """One step of gradient descent whose answers all have one length, tuned and measured on as many sequences each."""

    process: AbstractLinearProcess
    num_validation: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`ScaledStep`."""
        tuning, held_out = (validation_sequences(self.process, self.num_validation, tuning) for tuning in (True, False))
        length = best_length(tuning)
        each = jax.vmap(lambda sequence: losses_along(length * directions(sequence)[None], sequence)[0])(held_out)
        workspace.report(1, 1, "measured")
        return ScaledStep(np.asarray(each.mean(axis=0)), np.asarray(length))._asdict()


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


def last_losses(coefficients: Float[Array, " steps"], sequences: Sequence) -> Float[Array, " t"]:
    """The losses along the sequence after steps with these coefficients."""
    descent = DescentAlongSequence(coefficients, len(coefficients))
    return jax.vmap(lambda each: losses_along(descent.trajectory(each)[-1:], each)[0])(sequences).mean(axis=0)
