"""Schemes of position weights, trained with diagonal heads on exact losses."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mesascope.models.position_weights import visible_keys
from mesascope.studies._shared.measure import jit_once
from mesascope.studies._shared.training import seed_keys
from mesascope.studies.sander2024.position_schemes.schemes import Schemes, Starts
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.theory.diagonal_heads import orthogonal_losses, unitary_losses
from mesascope.theory.position_only import moment_matrix
from mesascope.training.exact import AbstractOptimiser, fit_exact


class TrainedSchemes(NamedTuple):
    """Losses per position and coordinate [seeds records laws schemes] after `steps` [records].

    `last_rows` [seeds laws schemes t] are the weights of the longest sequences at the end, times the mean of C_ii, so
    that the scale that heads and positions share is undone.
    """

    losses: np.ndarray
    last_rows: np.ndarray
    steps: np.ndarray


class SchemesCell(AbstractConfig):
    """All schemes on all laws, each with a number of heads.

    Diagonal heads on "unitary" or "orthogonal" W, or C = c I on "concentrated" phases.
    """

    laws: tuple[tuple[str, int], ...]
    mu: float
    dim: int
    num_states: int
    optimiser: AbstractOptimiser
    num_steps: int
    seeds: int
    first_seed: int
    starts: Starts = Starts()

    def compute(self, workspace: Workspace) -> Arrays:
        """`TrainedSchemes`, in float64: all trained by one program, each as if it were alone."""
        all_heads = tuple(num_heads for _, num_heads in self.laws)
        with jax.enable_x64(True):
            trained = fit_exact(
                self.losses,
                lambda key: self.starts.models(key, self.dim, all_heads, self.num_states),
                self.optimiser,
                keys=seed_keys(self.first_seed, self.seeds),
                num_steps=self.num_steps,
            )
            rows = np.asarray(jit_once(jax.vmap(self.last_rows))(trained.params))
            losses = np.asarray(trained.losses)
        workspace.report(1, 1, f"least loss {losses[:, -1].min():.4g}")
        return TrainedSchemes(losses, rows, trained.steps)._asdict()

    def losses(self, models: Schemes) -> Float[Array, "laws schemes"]:
        """The mean over positions and coordinates of every loss, as if each were trained alone."""
        mixing, weights = mixings_and_weights(models, self.num_states)
        of_laws = {
            "unitary": lambda mixing, rows: unitary_losses(mixing, rows).mean() / self.dim,
            "orthogonal": lambda mixing, rows: orthogonal_losses(mixing, rows).mean() / self.dim,
            "concentrated": self._concentrated(),
        }
        return jnp.stack([jax.vmap(of_laws[law])(mixing[k], weights[k]) for k, (law, _) in enumerate(self.laws)])

    def _concentrated(self) -> Callable[[Array, Array], Array]:
        """The loss where heads only give all positions one scale, the mean of C_ii."""
        loss_fn = concentrated_loss(self.num_states, self.mu)
        return lambda mixing, rows: loss_fn(jnp.trace(mixing) / self.dim * rows)

    def last_rows(self, models: Schemes) -> Float[Array, "laws schemes t"]:
        """The weights of positions of the longest sequences, times the mean of C_ii."""
        mixing, weights = mixings_and_weights(models, self.num_states)
        return jnp.trace(mixing, axis1=2, axis2=3)[..., None] / self.dim * weights[:, :, -1]


def concentrated_loss(num_states: int, mu: float) -> Callable[[Float[Array, "q t"]], Float[Array, ""]]:
    """Of rows of P the mean of p^T H p - 2 h^T p + 1 over rows, keys ahead not looked at."""
    moments = moment_matrix(num_states, mu)
    seen = visible_keys(num_states)[:-1]
    newest = moments[1:]

    def loss_fn(weights: Float[Array, "q t"]) -> Float[Array, ""]:
        rows = jnp.where(seen, weights, 0.0)
        squares = jnp.einsum("qt,tu,qu->q", rows, moments, rows)
        return jnp.mean(squares - 2 * jnp.einsum("qt,qt->q", newest, rows) + 1)

    return loss_fn


def mixings_and_weights(
    models: Schemes, num_states: int
) -> tuple[Float[Array, "laws schemes d d"], Float[Array, "laws schemes q t"]]:
    """C = B^T A, and all rows of P but the last, which has no next state."""
    outputs, scores = (jnp.stack([getattr(each, name) for each in models], 1) for name in ("output_value", "key_query"))
    rows = [jax.vmap(lambda model: model.positions.matrix(num_states)[:-1])(each) for each in models]
    return jnp.einsum("lshi,lshj->lsij", outputs, scores), jnp.stack(rows, axis=1)
