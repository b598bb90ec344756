"""Descent on one row of position weights, by its law and step by step (Sander et al. 2024, section 4.3)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.random import clone
from jaxtyping import Array, Float, Key

from mesascope.studies._shared.training import seed_keys
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.theory.position_only import descent_losses, moment_matrix, steps_to
from mesascope.training.exact import Descent, ExactTraining, fit_exact


class Descents(NamedTuple):
    """Descent on every law, and what its law says.

    `losses` [mus records] after `steps` [records] from zero, and `early_losses` [mus steps] after each of the first;
    `law` [mus points] is what should be lost after `law_steps` [points]. `deviation` [mus starts] is the largest
    |loss / law - 1| from each of the starts, zero first. `spectrum` [mus t] are the eigenvalues of H, and `steps_to`
    [mus tolerances] the steps that the law takes to a loss.
    """

    steps: np.ndarray
    losses: np.ndarray
    early_losses: np.ndarray
    law_steps: np.ndarray
    law: np.ndarray
    deviation: np.ndarray
    spectrum: np.ndarray
    steps_to: np.ndarray


class RowDescentCell(AbstractConfig):
    """Descent on every law for `num_steps`, from zero and from a random start a seed, and by its law.

    From zero every one of the first `num_early` losses is kept. Losses below `least_loss` are held against no law: they
    are differences of numbers near one.
    """

    mus: tuple[float, ...]
    num_positions: int
    learning_rate: float
    num_steps: int
    num_early: int
    seeds: int
    first_seed: int
    start_std: float = 0.1
    least_loss: float = 1e-9
    tolerances: tuple[float, ...] = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
    num_records: int = 2000
    num_points: int = 200

    def compute(self, workspace: Workspace) -> Arrays:
        """`Descents`."""
        moments = np.stack([moment_matrix(self.num_positions, mu) for mu in self.mus])
        keys = seed_keys(self.first_seed, self.seeds)
        with jax.enable_x64(True):
            found = jax.jit(lambda moments, keys: self.step_by_step(moments, keys))(moments, keys)
        steps, early, losses, starts = map(np.asarray, found)
        workspace.report(1, 1, "descended")
        points = np.unique(np.geomspace(1, self.num_steps, self.num_points).round())
        return Descents(
            steps,
            losses[:, 0],
            early,
            points,
            np.stack([self.law(mu, points) for mu in self.mus]),
            np.stack([self.deviation(mu, steps, *each) for mu, *each in zip(self.mus, starts, losses, strict=True)]),
            np.stack([np.linalg.eigvalsh(each) for each in moments]),
            np.array([[steps_to(each, *self.of_law(mu)) for each in self.tolerances] for mu in self.mus]),
        )._asdict()

    def of_law(self, mu: float) -> tuple[int, float, float]:
        """What the law of descent depends on."""
        return self.num_positions, mu, self.learning_rate

    def law(self, mu: float, steps: np.ndarray, starts: np.ndarray | None = None) -> np.ndarray:
        """The losses that the law gives [*starts steps]."""
        return descent_losses(*self.of_law(mu), steps, starts)

    def deviation(self, mu: float, steps: np.ndarray, starts: np.ndarray, losses: np.ndarray) -> np.ndarray:
        """The largest |loss / law - 1| from each start, where the law is not too small [starts]."""
        law = self.law(mu, steps, starts)
        seen = law > self.least_loss
        return np.max(np.abs(np.where(seen, losses, 1) / np.where(seen, law, 1) - 1), axis=1)

    def step_by_step(self, moments: Float[Array, "mus t t"], keys: Key[Array, " seeds"]) -> tuple[Array, ...]:
        """The steps recorded, early losses from zero, losses from all starts, and these."""

        def of_law(moments: Float[Array, "t t"]) -> tuple[Array, ...]:
            early = self.descend(moments, clone(keys)[:1], 0.0, self.num_early)
            zero = self.descend(moments, clone(keys)[:1], 0.0, self.num_steps)
            drawn = self.descend(moments, clone(keys), self.start_std, self.num_steps)
            starts = jax.vmap(lambda key: self.start(key, self.start_std))(clone(keys))
            starts = jnp.concatenate([jnp.zeros_like(starts[:1]), starts])
            return jnp.asarray(zero.steps), early.losses[0], jnp.concatenate([zero.losses, drawn.losses]), starts

        steps, *found = lax.map(of_law, moments)
        return steps[0], *found

    def descend(
        self, moments: Float[Array, "t t"], keys: Key[Array, " seeds"], std: float, num_steps: int
    ) -> ExactTraining:
        """Descent on p^T H p - 2 h^T p + 1 from random starts of this size."""
        return fit_exact(
            lambda p: p @ moments @ p - 2 * p @ moments[:, -1] + 1,
            lambda key: self.start(key, std),
            Descent(self.learning_rate),
            keys=keys,
            num_steps=num_steps,
            num_records=self.num_records,
        )

    def start(self, key: Key[Array, ""], std: float) -> Float[Array, " t"]:
        """Weights to start from."""
        return std * jax.random.normal(key, (self.num_positions,))
