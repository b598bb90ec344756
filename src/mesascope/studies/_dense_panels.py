"""The panels of the study of dense heads."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.studies._base import Arrays
from mesascope.studies._dense_readings import ARRIVED, LAWS, UNITARY
from mesascope.studies._panels import REFERENCE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SMALLEST = 1e-8  # an energy that is drawn as zero


def by_heads(trained: dict[str, Arrays], heads: tuple[int, ...], dim: int) -> "Figure":
    """By dynamics and number of heads, a dot a seed: losses, what is not diagonal, and the mean ratio of positions."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 8), layout="constrained")
    rows = figure.subplots(3, len(trained), sharey="row", sharex=True)
    for (dynamics, of), (losses, energies, ratios) in zip(trained.items(), rows.T, strict=True):
        ends = of["losses"][:, -1]
        there = np.where(ends <= ARRIVED, 1.0, np.nan)
        each = np.broadcast_to(np.array(heads), ends.shape)
        losses.plot(each.ravel(), ends.ravel(), "o", color="C0", alpha=0.6, label="dense heads, by seed")
        counts, step = np.arange(1, max(heads) + 1), 1 if dynamics == UNITARY else 2
        losses.plot(counts, np.maximum(dim - step * counts, 0), label="least of diagonal heads", **REFERENCE)
        losses.set_title(dynamics)
        kinds = (("energy", "o", "C0", "of all of K"), ("visible_energy", "x", "C1", "of what predictions see"))
        for name, marker, color, label in kinds:
            energies.plot(
                each.ravel(), np.maximum(of[name] * there, SMALLEST).ravel(), marker, color=color, label=label
            )
        energies.set_yscale("log")
        ratios.plot(each.ravel(), (of["ratio"] * there).ravel(), "o", color="C0", alpha=0.6)
        ratios.axhline(-0.5, label="-1/2", **REFERENCE)
        ratios.set(xlabel="number of heads H", xticks=heads)
        ratios.set_yscale("symlog", linthresh=1)
        ratios.set_yticks([-(10.0**6), -(10.0**3), -1, 0, 1, 10.0**3, 10.0**6])
    for axes, label in zip(
        rows[:, 0],
        ("loss a position", f"energy off the diagonal, at least {SMALLEST:g}", "mean $p_{T-1} / p_T$"),
        strict=True,
    ):
        axes.set_ylabel(label)
        axes.legend(fontsize="small")
    return figure


def heat_maps(trained: dict[str, Arrays], heads: tuple[int, ...], dim: int) -> "Figure":
    """|C_ik| over its largest, of all of K and of what predictions see, of the best seed, in the eigenbasis of W."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), layout="constrained")
    columns = figure.subplots(2, len(LAWS)).T
    for (dynamics, of), column in zip(trained.items(), columns, strict=True):
        count = dim if dynamics == UNITARY else dim - 1
        at = heads.index(max(count, 1))
        best = np.argmin(of["losses"][:, -1, at])
        column[0].set_title(f"{dynamics}, {count} heads, loss {of['losses'][best, -1, at]:.1g}")
        for axes, name, text in zip(column, ("mixing", "visible_mixing"), ("all of K", "what is seen"), strict=True):
            image = axes.imshow(of[name][best, at], cmap="Blues", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[], xlabel="key k", ylabel=f"{text}: output i" if dynamics == UNITARY else "")
            axes.grid(False)
            figure.colorbar(image, ax=axes, shrink=0.8)
    return figure


def haar_panel(haar: Arrays) -> "Figure":
    """Losses on Haar dynamics by number of heads, and the least of any number."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.8, 3.4), layout="constrained")
    axes = figure.subplots()
    counts = [int(name.removeprefix("heads_")) for name in haar if name.startswith("heads_")]
    for i, count in enumerate(counts):
        losses = haar[f"heads_{count}"]
        label = "dense heads, by seed" if i == 0 else None
        axes.plot(np.full(len(losses), count), losses, "o", color="C0", alpha=0.6, label=label)
    axes.axhline(haar["floor"][0], label="least of any number", **REFERENCE)
    axes.set(xlabel="number of heads H", ylabel="loss / $|s|^2$", xticks=counts, ylim=(0, 1.1))
    axes.legend()
    return figure
