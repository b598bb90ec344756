"""Descent on one row of position weights, by its law and step by step (Sander et al. 2024, section 4.3)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from mesascope.studies._shared.training import seed_keys
from mesascope.study.base import Arrays
from mesascope.theory.position_only import descent_losses, moment_matrix, steps_to
from mesascope.training.exact import Descent, ExactTraining, fit_exact

if TYPE_CHECKING:
    pass


START_STD = 0.1
TOLERANCES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)


class DescentCell(NamedTuple):
    """Descent on one law: exactly, and step by step for `num_steps`, from zero and from a random start a seed.

    From zero every one of the first `num_early` losses is kept, too.
    """

    mu: float
    num_positions: int
    learning_rate: float
    num_steps: int
    num_early: int
    seeds: int
    first_seed: int


def both_descents(cell: DescentCell) -> Arrays:
    """The law's losses, those of descent run step by step, and the steps to each of the tolerances.

    `losses`, `early_losses` and `law` are from zero; `deviation` is the largest |loss / law - 1| from each of the
    starts, zero first.
    """
    moments = moment_matrix(cell.num_positions, cell.mu)
    settings = (cell.num_positions, cell.mu, cell.learning_rate)

    def zero(key: Key[Array, ""]) -> Array:
        return jnp.zeros(cell.num_positions)

    def descend(make_start: Callable[[Key[Array, ""]], Array], seeds: int, num_steps: int) -> ExactTraining:
        return fit_exact(
            lambda p: p @ moments @ p - 2 * p @ moments[:, -1] + 1,
            make_start,
            Descent(cell.learning_rate),
            keys=seed_keys(cell.first_seed, seeds),
            num_steps=num_steps,
            num_records=2000,
        )

    def random_start(key: Key[Array, ""]) -> Array:
        return START_STD * jax.random.normal(key, (cell.num_positions,))

    with jax.enable_x64(True):
        early = descend(zero, 1, cell.num_early)
        from_zero = descend(zero, 1, cell.num_steps)
        losses = np.concatenate([from_zero.losses, descend(random_start, cell.seeds, cell.num_steps).losses])
        starts = np.asarray(jax.vmap(random_start)(seed_keys(cell.first_seed, cell.seeds)))
    starts = np.concatenate([np.zeros((1, cell.num_positions)), starts])
    law = descent_losses(*settings, from_zero.steps, starts)
    seen = law > 1e-9  # below, both are differences of numbers near one
    grid = np.unique(np.geomspace(1, cell.num_steps, 200).round())
    return {
        "steps": from_zero.steps,
        "losses": losses[0],
        "early_losses": np.asarray(early.losses[0]),
        "law_steps": grid,
        "law": descent_losses(*settings, grid),
        "deviation": np.max(np.abs(np.where(seen, losses, 1) / np.where(seen, law, 1) - 1), axis=1),
        "spectrum": np.linalg.eigvalsh(moments),
        "steps_to": np.array([steps_to(tolerance, *settings) for tolerance in TOLERANCES]),
    }
