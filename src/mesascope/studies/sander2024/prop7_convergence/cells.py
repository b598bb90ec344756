"""Descent on one row of position weights, by its law and step by step (Sander et al. 2024, section 4.3)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, Key

from mesascope.studies._shared.training import seed_keys
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.theory.position_only import descent_losses, moment_matrix, steps_to


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
        between = -(-self.num_steps // self.num_records)
        steps = np.minimum(np.arange(-(-self.num_steps // between) + 1) * between, self.num_steps)
        recorded = np.union1d(steps, np.arange(self.num_early + 1))
        with jax.enable_x64(True):
            run = jax.jit(lambda *arrays: self.step_by_step(*arrays))
            found = run(moments, seed_keys(self.first_seed, self.seeds), np.diff(recorded))
        losses, starts = map(np.asarray, found)
        spaced = losses[:, :, np.isin(recorded, steps)]
        workspace.report(1, 1, "descended")
        points = np.unique(np.geomspace(1, self.num_steps, self.num_points).round())
        return Descents(
            steps,
            spaced[:, 0],
            losses[:, 0, recorded <= self.num_early],
            points,
            np.stack([self.law(mu, points) for mu in self.mus]),
            np.stack([self.deviation(mu, steps, starts, each) for mu, each in zip(self.mus, spaced, strict=True)]),
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

    def step_by_step(
        self, moments: Float[Array, "mus t t"], keys: Key[Array, " seeds"], lengths: Int[Array, " stretches"]
    ) -> tuple[Float[Array, "mus starts records"], Float[Array, "starts t"]]:
        """Losses from every start before and after each of some stretches of steps, and the starts, zero first."""
        drawn = jax.vmap(lambda key: self.start_std * jax.random.normal(key, (self.num_positions,)))(keys)
        starts = jnp.concatenate([jnp.zeros_like(drawn[:1]), drawn])

        def of_law(moments: Float[Array, "t t"]) -> Float[Array, "starts records"]:
            return jax.vmap(lambda start: self.descend(moments, start, lengths))(starts)

        return lax.map(of_law, moments), starts

    def descend(
        self, moments: Float[Array, "t t"], start: Float[Array, " t"], lengths: Int[Array, " stretches"]
    ) -> Float[Array, " records"]:
        """The losses of descent on p^T H p - 2 h^T p + 1."""

        def loss(p: Float[Array, " t"]) -> Float[Array, ""]:
            return p @ moments @ p - 2 * p @ moments[:, -1] + 1

        def stretch(p: Float[Array, " t"], length: Int[Array, ""]) -> tuple[Float[Array, " t"], Float[Array, ""]]:
            p = lax.fori_loop(0, length, lambda _, p: p - self.learning_rate * jax.grad(loss)(p), p)
            return p, loss(p)

        return jnp.concatenate([loss(start)[None], lax.scan(stretch, start, lengths)[1]])
