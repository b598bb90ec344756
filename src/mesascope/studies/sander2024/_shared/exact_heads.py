"""Diagonal heads trained on their exact population loss (Sander et al. 2024, figure 3)."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from mesascope.models.diagonal_heads import DiagonalHeads
from mesascope.models.position_weights import LearnedWeights
from mesascope.studies._shared.training import seed_keys
from mesascope.study.cell import AbstractShared, Arrays, Workspace
from mesascope.theory.diagonal_heads import orthogonal_losses, unitary_losses
from mesascope.training.exact import AbstractOptimiser, fit_exact

LOSSES = {"unitary": unitary_losses, "orthogonal": orthogonal_losses}


class Heads(NamedTuple):
    """A and B [seeds heads d] and P [seeds t t] at the end; losses [seeds records] after so many steps [records].

    A loss is a sum over positions T = 2, 3, ... `DiagonalHeadsCell` gives every array but `steps` one axis more, over
    numbers of heads: of losses the last, else behind the seeds. Fewer heads than the most: A and B have rows of zeros.
    """

    key_query: np.ndarray
    output_value: np.ndarray
    positions: np.ndarray
    losses: np.ndarray
    steps: np.ndarray


class DiagonalHeadsCell(AbstractShared):
    """Trainings of every seed with each of some numbers of heads: the law of W, sizes, and how they are optimised."""

    law: str
    dim: int
    all_heads: tuple[int, ...]
    num_states: int
    init_std: float
    optimiser: AbstractOptimiser
    num_steps: int
    seeds: int = 5
    first_seed: int = 0
    num_records: int = 200

    @property
    def label(self) -> str:
        return f"diagonal heads on {self.law} dynamics, {self.num_steps} steps"

    def compute(self, workspace: Workspace) -> Arrays:
        """`Heads` of all numbers of heads, in float64.

        All trainings run at once, each as if it were alone: rows of zeros have no gradient and stay zero.
        """
        with jax.enable_x64(True):
            keys = seed_keys(self.first_seed, self.seeds)
            trained = fit_exact(
                jax.vmap(self.total_loss),
                self.start,
                self.optimiser,
                keys=keys,
                num_steps=self.num_steps,
                num_records=self.num_records,
            )
            model: Any = trained.params
            arrays = model.key_query, model.output_value, model.positions.weights, trained.losses, trained.steps
            found = Heads(*map(np.asarray, arrays))
        workspace.report(1, 1, f"least loss {found.losses[:, -1].min():.4g}")
        return found._asdict()

    def by_heads(self, arrays: Arrays) -> dict[int, Heads]:
        """The results by number of heads, each without the rows of zeros."""
        a, b, positions, losses, steps = Heads(**arrays)
        return {
            heads: Heads(a[:, i, :heads], b[:, i, :heads], positions[:, i], losses[:, :, i], steps)
            for i, heads in enumerate(self.all_heads)
        }

    def total_loss(self, model: DiagonalHeads) -> Float[Array, ""]:
        """The exact loss summed over the positions that the weights of positions serve."""
        assert isinstance(model.positions, LearnedWeights)
        return LOSSES[self.law](model.mixing, model.positions.weights[:-1]).sum()

    def start(self, key: Key[Array, ""]) -> DiagonalHeads:
        """A model for each number of heads on a leading axis, all drawn from the same key."""
        most = max(self.all_heads)
        drawn = DiagonalHeads.initialise(self.dim, most, self.num_states, std=self.init_std, key=key)

        def first_heads(num_heads: Array) -> DiagonalHeads:
            # Heads are drawn one after the other: what a model of fewer would draw are the first of these.
            own = (jnp.arange(most) < num_heads)[:, None]
            a, b = (jnp.where(own, each, 0.0) for each in (drawn.key_query, drawn.output_value))
            return DiagonalHeads(a, b, drawn.positions)

        return jax.vmap(first_heads)(jnp.array(self.all_heads))
