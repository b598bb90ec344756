"""The numbers that the claims about GD++ are judged by, and what is worth saying besides."""

import numpy as np

from mesascope.study.base import Arrays
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.gdpp import chebyshev_rates, drawn_spectra, filter_degree, squared_error
from mesascope.theory.gdpp_optimum import FAMILIES

Comparisons = dict[tuple[str, int], Arrays]  # by family and number of steps
GD, GD_STEPS, SHARED, STEPS = FAMILIES


def largest_errors(exact: list[Arrays], degrees: np.ndarray) -> dict[str, float]:
    """What is exact: the largest error over shapes and seeds, by the claim's id."""
    expected = np.array([filter_degree(k) for k in range(1, len(degrees) + 1)])
    errors = {name: float(np.max([arrays[name] for arrays in exact])) for name in exact[0]}
    return {**errors, "degree": float(np.abs(degrees - expected).max())}


def per_seed(comparisons: Comparisons) -> dict[str, np.ndarray]:
    """The number each claim is about, by the claim's id, for every seed."""

    def worst(name: str, families: tuple[str, ...]) -> np.ndarray:
        return np.abs([each[name] for (family, _), each in comparisons.items() if family in families]).max(axis=0)

    def ratio(family: str, rival: str) -> np.ndarray:
        depths = [depth for name, depth in comparisons if name == family]
        ours, theirs = (
            np.array([comparisons[name, depth]["fitted_loss"] for depth in depths]) for name in (family, rival)
        )
        return np.max(ours / theirs, axis=0)

    return {
        "loss": worst("deviation", tuple(FAMILIES)),
        "best": worst("excess", (GD, SHARED)),
        "best-per-step": worst("excess", (GD_STEPS, STEPS)),
        "gain": ratio(SHARED, GD),
        "gain-per-step": ratio(STEPS, SHARED),
    }


def remarks(comparisons: Comparisons, task: LinearRegression) -> tuple[str, ...]:
    """Losses, disagreements and rates of every family, and what is certain of rates for each step."""
    losses = [
        f"{family}, K = {depth}: {each['fitted_loss'].mean():.4g}, {each['tuned_loss'].mean():.4g} "
        f"({np.abs(each['excess']).max():.2g})"
        for (family, depth), each in comparisons.items()
    ]
    depths = sorted({depth for _, depth in comparisons})
    bounded = [f"{loss:.3g} (K = {depth})" for depth, loss in zip(depths, bounded_losses(task, depths), strict=True)]
    return (
        "Loss on tasks held out at the theory's rates and at the tuned ones (largest disagreement on the tasks of "
        f"both). {'; '.join(losses)}.",
        *(_rates(comparisons[SHARED, depth], depth, task) for depth in depths if depth > 1),
        f"Chebyshev's rates for all eigenvalues up to N dim_x a^2 lose {', '.join(bounded)} and never explode.",
    )


def bounded_losses(task: LinearRegression, depths: list[int]) -> list[float]:
    """Losses of rates per step made for all eigenvalues up to N dim_x a^2, beyond which there are none."""
    scale = float(task.input_scale)
    spectra = drawn_spectra(task.num_examples, task.dim_x, scale, 2000, 0)
    rates = [chebyshev_rates(depth, task.num_examples * task.dim_x * scale**2) for depth in depths]
    return [scale**2 / 6 * float(squared_error(each, each, 0.0, spectra).sum(axis=1).mean()) for each in rates]


def _rates(arrays: Arrays, depth: int, task: LinearRegression) -> str:
    (rate, curvature), (tuned_rate, tuned_curvature) = (
        arrays[f"{who}_rates"].mean(axis=0)[:, 0] for who in ("fitted", "tuned")
    )
    return (
        f"K = {depth}, shared: eta {rate * task.num_examples:.3g} and gamma {curvature:.3g} by the theory, "
        f"{tuned_rate * task.num_examples:.3g} and {tuned_curvature:.3g} tuned."
    )
