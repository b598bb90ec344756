"""Descent on one row of position weights, by its law and step by step (Sander et al. 2024, section 4.3)."""

from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mesascope.studies._base import Arrays
from mesascope.theory.position_only import descent_losses, moment_matrix, steps_to
from mesascope.training.exact import Descent, fit_exact

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TOLERANCES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)


class DescentCell(NamedTuple):
    """Descent on one law: exactly, and step by step for `num_steps`."""

    mu: float
    num_positions: int
    learning_rate: float
    num_steps: int


def both_descents(cell: DescentCell) -> Arrays:
    """The law's losses, those of descent run step by step, and the steps to each of the tolerances."""
    moments = moment_matrix(cell.num_positions, cell.mu)
    with jax.enable_x64(True):
        trained = fit_exact(
            lambda p: p @ moments @ p - 2 * p @ moments[:, -1] + 1,
            lambda key: jnp.zeros(cell.num_positions),
            Descent(cell.learning_rate),
            keys=jax.random.split(jax.random.key(0), 1),
            num_steps=cell.num_steps,
        )
        losses = np.asarray(trained.losses)[0]
    law = descent_losses(cell.num_positions, cell.mu, cell.learning_rate, trained.steps)
    seen = law > 1e-9  # below, both are differences of numbers near one
    grid = np.unique(np.geomspace(1, cell.num_steps, 200).round())
    return {
        "steps": trained.steps,
        "losses": losses,
        "law_steps": grid,
        "law": descent_losses(cell.num_positions, cell.mu, cell.learning_rate, grid),
        "deviation": np.abs(losses[seen] / law[seen] - 1).max(),
        "spectrum": np.linalg.eigvalsh(moments),
        "steps_to": np.array([steps_to(t, cell.num_positions, cell.mu, cell.learning_rate) for t in TOLERANCES]),
    }


def two_panels(summary: dict[float, Arrays], drawn: tuple[float, ...], mus: tuple[float, ...]) -> "Figure":
    """Losses over steps for the laws `drawn`, and the steps to each tolerance against mu."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    losses, steps = figure.subplots(1, 2)
    for mu in drawn:
        of, shown = summary[mu], slice(1, None, 5)
        (line,) = losses.loglog(of["law_steps"], of["law"], label=f"mu = {mu:g}")
        losses.loglog(of["steps"][shown], of["losses"][shown], ".", color=line.get_color())
    losses.set(xlabel="step", ylabel="loss (dots: step by step)", ylim=(1e-10, 2))
    losses.legend(fontsize="small")
    for i, tolerance in enumerate(TOLERANCES):
        steps.loglog(mus, [summary[mu]["steps_to"][i] for mu in mus], "o-", label=f"to {tolerance:g}")
    steps.set(xlabel="mu", ylabel="steps", ylim=(0.5, 1e8))
    steps.legend(fontsize="small", ncols=3, loc="upper left")
    return figure
