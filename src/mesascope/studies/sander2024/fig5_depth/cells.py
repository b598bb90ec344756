"""Models of several depths to train, and what they are held against: as many steps of descent, and least squares."""

from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mesascope.algorithms.along_sequence import AbstractAlongSequence, GradientDescentAlongSequence, RidgeAlongSequence
from mesascope.models.sequence_transformer import SequenceTransformer
from mesascope.prompt import Sequence
from mesascope.random import seed_key
from mesascope.studies.sander2024._shared.sequences import losses_along, validation_sequences
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks._process import AbstractLinearProcess
from mesascope.training.exact import Adam, fit_exact


def authors_model(dim: int, num_layers: int) -> partial:
    """What makes the authors' model on augmented tokens."""
    kind = {"norm": eqx.nn.LayerNorm, "init_scale": 1.0}
    return partial(SequenceTransformer.initialise, dim, num_layers=num_layers, **kind)


def layer_of_theory(dim: int) -> partial:
    """What makes one layer without normalisation, as the authors' theory has it."""
    return partial(SequenceTransformer.initialise, dim, num_layers=1, norm=None, init_scale=0.01)


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
        tuning, held_out = (validation_sequences(self.process, self.num_validation, tuning) for tuning in (True, False))
        workspace.report(1, 3, "tuning")
        best = self.shared_coefficients(tuning)
        workspace.report(2, 3, "tuning every step")
        each = self.coefficients_of_steps(jax.tree.map(lambda states: states[::4], tuning), best)
        alike = np.tril(np.broadcast_to(best[:, None], each.shape))
        losses, exact = (np.asarray(found) for found in jax.jit(self.measure)(np.concatenate([alike, each]), held_out))
        return Rivals(losses[: self.max_steps], best, losses[self.max_steps :], each, exact)._asdict()

    def shared_coefficients(self, sequences: Sequence) -> Float[np.ndarray, " steps"]:
        """For 1, 2, ... steps the best coefficient of all."""

        @jax.jit
        def along(grid: Float[Array, " c"]) -> Float[Array, "c steps"]:
            descents = partial(GradientDescentAlongSequence, num_steps=self.max_steps)
            return jax.lax.map(lambda each: mean_losses(descents(each), sequences).mean(axis=1), grid)

        grid = np.geomspace(self.lowest, self.highest, self.grid_size)
        totals = np.asarray(along(jnp.asarray(grid, float)))
        return grid[np.argmin(np.nan_to_num(totals, nan=np.inf), axis=0)]

    def coefficients_of_steps(self, sequences: Sequence, shared: np.ndarray) -> Float[np.ndarray, "steps steps"]:
        """For 1, 2, ... steps the best coefficients of each, from the best that all share; a row ends in zeros."""

        def losses(logarithms: Array) -> Array:
            each = jnp.tril(jnp.asarray(shared, logarithms.dtype)[:, None] * jnp.exp(logarithms))
            return last_losses(each, sequences).mean(axis=1)

        counts = np.arange(1, self.max_steps + 1)
        even = (np.linspace(-1.0, 1.0, k) if k > 1 else np.zeros(1) for k in counts)
        start = self.spread * np.stack([np.pad(row, (0, self.max_steps - len(row))) for row in even])
        tuned = fit_exact(
            losses,
            lambda key: jnp.asarray(start, float),
            Adam(self.tuning_rate),
            keys=seed_key(0)[None],  # nothing is drawn
            num_steps=self.tuning_steps,
        )
        return np.tril(shared[:, None] * np.exp(tuned.params[0]))

    def measure(self, coefficients: Float[Array, "c steps"], held_out: Sequence) -> tuple[Array, Array]:
        """Losses [c states] of steps with each row of coefficients, and [states] of least squares."""
        return last_losses(coefficients, held_out), mean_losses(RidgeAlongSequence(self.penalty), held_out)[0]


class ScaledCell(AbstractConfig):
    """One step of gradient descent whose answers all have one length, tuned and measured on as many sequences each."""

    process: AbstractLinearProcess
    num_validation: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`ScaledStep`."""
        tuning, held_out = (validation_sequences(self.process, self.num_validation, tuning) for tuning in (True, False))
        loss, length = _scaled(tuning, held_out)
        workspace.report(1, 1, "measured")
        return ScaledStep(np.asarray(loss), np.asarray(length))._asdict()


@jax.jit
def _scaled(tuning: Sequence, held_out: Sequence) -> tuple[Float[Array, " t"], Float[Array, ""]]:
    """The losses along held-out sequences of directions with the best length, and that length."""
    length = best_length(tuning)
    each = jax.vmap(lambda sequence: losses_along(length * directions(sequence)[None], sequence)[0])(held_out)
    return each.mean(axis=0), length


def directions(sequence: Sequence) -> Float[Array, "t d"]:
    """The answer of a step of gradient descent after every state, its length one; zero where there is no answer."""
    answers = GradientDescentAlongSequence(1.0, 1).trajectory(sequence)[0]
    lengths = jnp.linalg.norm(answers, axis=-1, keepdims=True)
    return jnp.where(lengths > 0, answers / jnp.where(lengths > 0, lengths, 1.0), 0.0)


def best_length(sequences: Sequence) -> Float[Array, ""]:
    """c with the least mean of |c u - s|^2 / |s|^2 over directions u and next states s."""
    found, target = jax.vmap(directions)(sequences)[:, :-1], sequences.states[:, 1:]
    weights = 1 / jnp.sum(target**2, axis=-1, keepdims=True)
    return jnp.sum(weights * found * target) / jnp.sum(weights * found**2)


def mean_losses(learner: AbstractAlongSequence, sequences: Sequence) -> Float[Array, "steps t"]:
    """The mean losses along sequences after each step of a learner."""
    return jax.vmap(lambda each: losses_along(learner.trajectory(each), each))(sequences).mean(axis=0)


def last_losses(coefficients: Float[Array, "c steps"], sequences: Sequence) -> Float[Array, "c t"]:
    """The losses along sequences after all steps, with each row of coefficients; a step with zero changes nothing."""
    steps = coefficients.shape[1]
    return jax.lax.map(lambda row: mean_losses(GradientDescentAlongSequence(row, steps), sequences)[-1], coefficients)
