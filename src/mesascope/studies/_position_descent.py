"""Descent on one row of position weights, by its law and step by step (Sander et al. 2024, section 4.3)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from mesascope.studies._base import Arrays
from mesascope.studies._training import seed_keys
from mesascope.theory.position_only import descent_losses, moment_matrix, steps_to
from mesascope.training.exact import Descent, ExactTraining, fit_exact

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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


def three_panels(
    summary: dict[float, Arrays], drawn: tuple[float, ...], mus: tuple[float, ...], rate: float
) -> "Figure":
    """Losses over steps for the laws `drawn`, how long their directions take, and the steps to each tolerance by mu.

    A direction of eigenvalue l takes 1 / (2 rate l) steps; those that rounding hides, or that take longer than is
    drawn, are left out.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.5), layout="constrained")
    losses, directions, steps = figure.subplots(1, 3)
    for mu in drawn:
        of = summary[mu]
        shown = np.unique(np.geomspace(1, len(of["steps"]) - 1, 20).round().astype(int))
        (line,) = losses.loglog(of["law_steps"], of["law"], label=f"mu = {mu:g}")
        losses.loglog(of["steps"][shown], of["losses"][shown], ".", color=line.get_color())
        resolved = of["spectrum"][::-1][of["spectrum"][::-1] > 1e-13 * of["spectrum"].max()]
        times = 1 / (2 * rate * resolved)
        directions.semilogy(np.arange(1, len(times) + 1), times, "o-", label=f"mu = {mu:g}")
    losses.set(xlabel="steps k", ylabel="loss: lines its law, dots run step by step", ylim=(1e-10, 2))
    losses.set_title("(a) losses, cut at $10^{-10}$")
    directions.set(xlabel="rank of l among eigenvalues of H, largest first", ylabel="1 / (2 rate l)", ylim=(0.5, 1e8))
    directions.set_title("(b) steps to learn a direction, cut at $10^8$")
    for axes in (losses, directions):
        axes.legend(fontsize="small", loc="upper right")
    for i, tolerance in enumerate(TOLERANCES):
        steps.loglog(mus, [summary[mu]["steps_to"][i] for mu in mus], "o-", label=f"{tolerance:g}")
    steps.set(xlabel="mu", ylabel="steps", ylim=(0.5, 1e8), title="(c) steps to reach a loss")
    steps.legend(title="loss", fontsize="small", title_fontsize="small", ncols=3, loc="upper left")
    return figure
