"""Dense heads trained on their exact population loss."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact, Key

from mesascope.models.diagonal_heads import DenseHeads
from mesascope.models.position_weights import LearnedWeights
from mesascope.studies._shared.measure import jit_once
from mesascope.studies._shared.training import seed_keys
from mesascope.studies.sander2024._shared.last_weights import mean_of_ratios
from mesascope.studies.sander2024.dense.tensors import leftovers
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.theory.dense_heads import dense_losses, mixing_tensor
from mesascope.training.exact import AbstractOptimiser, fit_exact

UNITARY, PAIRS = "unitary", "conjugate pairs"
LAWS = {UNITARY: "unitary", PAIRS: "orthogonal"}


class Dense(NamedTuple):
    """Losses per position [seeds records heads] after `steps` [records], and what the heads are in the end.

    `ratio` [seeds heads] is the mean over T = 3, 4, ... of p_{T-1} / p_T; the others, [seeds heads ...], are those of
    `Leftovers`.
    """

    losses: np.ndarray
    steps: np.ndarray
    ratio: np.ndarray
    energy: np.ndarray
    visible_energy: np.ndarray
    defect: np.ndarray
    mixing: np.ndarray
    visible_mixing: np.ndarray


Models = tuple[DenseHeads, ...]  # one for each number of heads


class DenseCell(AbstractConfig):
    """Trainings on one kind of dynamics, with each of some numbers of heads, each as if it were alone.

    Positions are T = 3, 4, ... (at T = 2 the query is s_1, which is always the same).
    """

    dynamics: str
    all_heads: tuple[int, ...]
    dim: int
    num_states: int
    init_std: float
    optimiser: AbstractOptimiser
    num_steps: int
    seeds: int
    first_seed: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`Dense`, in float64."""
        with jax.enable_x64(True):
            keys = seed_keys(self.first_seed, self.seeds)
            trained = fit_exact(self.losses, self.start, self.optimiser, keys=keys, num_steps=self.num_steps)
            found = np.asarray(jit_once(jax.vmap(tensors))(trained.params))
            left = leftovers(found, in_pairs=self.dynamics != UNITARY)
        weights = np.stack([np.asarray(model.positions.weights) for model in trained.params], axis=1)
        losses = np.asarray(trained.losses)
        workspace.report(1, 1, f"least loss {losses[:, -1].min():.4g}")
        return Dense(losses, trained.steps, mean_of_ratios(weights, first=3), **left._asdict())._asdict()

    def losses(self, models: Models) -> Float[Array, " heads"]:
        """For each number of heads the loss per position."""
        weights = jnp.stack([model.positions.matrix(self.num_states)[:-1] for model in models])

        def of_model(tensor: Inexact[Array, "d d d d"], rows: Float[Array, "q t"]) -> Float[Array, ""]:
            return dense_losses(LAWS[self.dynamics], tensor, rows)[1:].mean()

        return jax.vmap(of_model)(tensors(models), weights)

    def start(self, key: Key[Array, ""]) -> Models:
        """Normal entries for every number of heads, drawn at once."""
        matrices = (2, sum(self.all_heads), self.dim, self.dim)
        shapes = (matrices, (len(self.all_heads), self.num_states, self.num_states))
        ends = np.cumsum([np.prod(shape) for shape in shapes])
        drawn = jnp.split(jax.random.normal(key, (int(ends[-1]),)), ends[:-1])
        heads, positions = (each.reshape(shape) for each, shape in zip(drawn, shapes, strict=True))
        by_count = jnp.split(self.init_std * heads, np.cumsum(self.all_heads)[:-1], axis=1)
        return tuple(
            DenseHeads(a, b, LearnedWeights(self.init_std * p)) for (a, b), p in zip(by_count, positions, strict=True)
        )


def tensors(models: Models) -> Inexact[Array, "heads d d d d"]:
    """K of each model."""
    return jnp.stack([mixing_tensor(each.key_query, each.output_value) for each in models])
