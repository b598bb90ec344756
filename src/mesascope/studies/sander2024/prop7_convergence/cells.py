"""Descent on one row of position weights, step by step (Sander et al. 2024, section 4.3)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, Key

from mesascope.studies._shared.training import seed_keys
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.theory.position_only import moment_matrix


class Descents(NamedTuple):
    """Descent on every law from every start, zero first.

    `losses` [mus starts records] after `steps` [records]; `steps_to` [mus starts tolerances], the steps before the loss
    is at most a tolerance, all that are run where it never is; `spectrum` [mus t], the eigenvalues of H.
    """

    steps: np.ndarray
    losses: np.ndarray
    steps_to: np.ndarray
    spectrum: np.ndarray


class RowDescentCell(AbstractConfig):
    """Descent on every law for `num_steps`, from zero and from a random start a seed."""

    mus: tuple[float, ...]
    num_positions: int
    learning_rate: float
    num_steps: int
    seeds: int
    first_seed: int
    start_std: float = 0.1
    tolerances: tuple[float, ...] = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
    num_records: int = 100

    def compute(self, workspace: Workspace) -> Arrays:
        """`Descents`, in float64."""
        moments = np.stack([moment_matrix(self.num_positions, mu) for mu in self.mus])
        steps = np.unique(np.append(0, np.geomspace(1, self.num_steps, self.num_records).round())).astype(int)
        with jax.enable_x64(True):
            run = jax.jit(lambda *arrays: self.from_every_start(*arrays))
            losses, taken = run(moments, seed_keys(self.first_seed, self.seeds), np.diff(steps))
        workspace.report(1, 1, "descended")
        spectrum = np.stack([np.linalg.eigvalsh(each) for each in moments])
        return Descents(steps, np.asarray(losses), np.asarray(taken), spectrum)._asdict()

    def from_every_start(
        self, moments: Float[Array, "mus t t"], keys: Key[Array, " seeds"], lengths: Int[Array, " stretches"]
    ) -> tuple[Float[Array, "mus starts records"], Float[Array, "mus starts tolerances"]]:
        """Losses before and after each of some stretches of steps, and the steps to each tolerance."""
        drawn = jax.vmap(lambda key: self.start_std * jax.random.normal(key, (self.num_positions,)))(keys)
        starts = jnp.concatenate([jnp.zeros_like(drawn[:1]), drawn])
        return lax.map(lambda each: jax.vmap(lambda start: self.descend(each, start, lengths))(starts), moments)

    def descend(
        self, moments: Float[Array, "t t"], start: Float[Array, " t"], lengths: Int[Array, " stretches"]
    ) -> tuple[Float[Array, " records"], Float[Array, " tolerances"]]:
        """Descent on p^T H p - 2 h^T p + 1, h the last row of H."""
        newest, tolerances = moments[-1], jnp.asarray(self.tolerances)

        def half_gradient_and_loss(p: Float[Array, " t"]) -> tuple[Float[Array, " t"], Float[Array, ""]]:
            image = moments @ p
            return image - newest, p @ image - 2 * p @ newest + 1

        def step(_: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
            p, taken = carry
            half_gradient, loss = half_gradient_and_loss(p)
            return p - 2 * self.learning_rate * half_gradient, taken + jnp.where(loss <= tolerances, 0.0, 1.0)

        def stretch(carry: tuple[Array, Array], length: Int[Array, ""]) -> tuple[tuple[Array, Array], Array]:
            carry = lax.fori_loop(0, length, step, carry)
            return carry, half_gradient_and_loss(carry[0])[1]

        (_, taken), losses = lax.scan(stretch, (start, jnp.zeros(len(self.tolerances))), lengths)
        return jnp.append(half_gradient_and_loss(start)[1], losses), taken
