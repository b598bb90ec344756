"""The panels of the study of dense heads."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.studies._shared.panels import REFERENCE, count_entries
from mesascope.studies.sander2024.dense.readings import ARRIVED, LAWS, UNITARY
from mesascope.study.base import Arrays

if TYPE_CHECKING:
    from matplotlib.figure import Figure


DECADES = range(-8, 1, 2)  # of energies; what is smaller is drawn at the least
RATIOS = {-1e6: "$-10^6$", -1e3: "$-10^3$", -1: "-1", 0: "0", 1: "1", 1e3: "$10^3$", 1e6: "$10^6$"}


def by_heads(trained: dict[str, Arrays], heads: tuple[int, ...], dim: int) -> "Figure":
    """By dynamics and heads, a dot a seed: losses; of seeds that arrived what is not diagonal, ratios of positions."""
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
            shown = np.maximum(of[name] * there, 10.0 ** DECADES[0])
            energies.plot(each.ravel(), shown.ravel(), marker, color=color, label=label)
        energies.set_yscale("log")
        ratios.plot(each.ravel(), (of["ratio"] * there).ravel(), "o", color="C0", alpha=0.6)
        ratios.axhline(-0.5, label="-1/2", **REFERENCE)
        ratios.set(xlabel="number of heads H", xticks=heads)
        ratios.set_yscale("symlog", linthresh=1, linscale=2)
    least, *others = [f"$10^{{{power}}}$" for power in DECADES]
    rows[1, 0].set_yticks([10.0**power for power in DECADES], [f"{least} or less", *others])
    rows[1, 0].minorticks_off()
    rows[2, 0].set_yticks(list(RATIOS), list(RATIOS.values()))
    arrived = f"where the loss is at most {ARRIVED:g}"
    labels = ("loss a position", f"share of $|K|^2$ off the diagonal,\n{arrived}", f"$p_{{T-1}} / p_T$,\n{arrived}")
    for axes, label in zip(rows[:, 0], labels, strict=True):
        axes.set_ylabel(label, linespacing=1.5)
        axes.legend(fontsize="small")
    return figure


def heat_maps(trained: dict[str, Arrays], heads: tuple[int, ...], dim: int) -> "Figure":
    """|C_ik| over its largest in the eigenbasis of W, of all of K and of what predictions see, of the best seed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6), layout="constrained")
    columns = figure.subplots(2, len(LAWS)).T
    for (dynamics, of), column in zip(trained.items(), columns, strict=True):
        count = dim if dynamics == UNITARY else dim - 1
        at = heads.index(max(count, 1))
        best = np.argmin(of["losses"][:, -1, at])
        loss = of["losses"][best, -1, at]
        column[0].set_title(f"{dynamics}, {heads[at]} heads\nbest seed, its loss {loss:.2g}")
        for axes, name, text in zip(
            column, ("mixing", "visible_mixing"), ("all of K", "what predictions see"), strict=True
        ):
            axes.imshow(of[name][best, at], cmap="Blues", vmin=0, vmax=1)
            count_entries(axes, f"{text}\neigenvector i" if dynamics == UNITARY else "", "eigenvector k")
            axes.grid(False)
    figure.colorbar(columns[0, 0].images[0], ax=list(columns.ravel()), label="$|C_{ik}|$ / its largest", shrink=0.8)
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
