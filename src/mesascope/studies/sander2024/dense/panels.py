"""The panels of the study of dense heads."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.studies._shared.panels import REFERENCE, count_entries
from mesascope.studies.sander2024.dense.cells import UNITARY
from mesascope.studies.sander2024.dense.readings import ARRIVED, Summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure


DECADES = range(-8, 1, 2)  # of energies; what is smaller is drawn at the least
RATIOS = {-1e6: "$-10^6$", -1e3: "$-10^3$", -1: "-1", 0: "0", 1: "1", 1e3: "$10^3$", 1e6: "$10^6$"}


def by_heads(summary: Summary) -> "Figure":
    """By dynamics and heads, a dot a seed: losses; of seeds that arrived what is not diagonal, ratios of positions."""
    heads, trained = np.array(summary.heads), summary.trained
    figure, rows = panel_grid(3, len(trained), narrowest=4.0, share_y=True)
    for (dynamics, of), (losses, energies, ratios) in zip(trained.items(), rows.T, strict=True):
        ends = of.losses[:, -1]
        there = np.where(ends <= ARRIVED, 1.0, np.nan)
        each = np.broadcast_to(heads, ends.shape)
        losses.plot(each.ravel(), ends.ravel(), "o", color="C0", alpha=0.6, label="dense heads, by seed")
        counts, step = np.arange(1, max(heads) + 1), 1 if dynamics == UNITARY else 2
        losses.plot(counts, np.maximum(summary.dim - step * counts, 0), label="least of diagonal heads", **REFERENCE)
        losses.set_title(dynamics)
        for energy, marker, label in ((of.energy, "oC0", "of all of K"), (of.visible_energy, "xC1", "of what is seen")):
            shown = np.maximum(energy * there, 10.0 ** DECADES[0])
            energies.plot(each.ravel(), shown.ravel(), marker, label=label)
        ratios.plot(each.ravel(), (of.ratio * there).ravel(), "o", color="C0", alpha=0.6)
        ratios.axhline(-0.5, label="-1/2", **REFERENCE)
        for axes in (losses, energies, ratios):
            axes.set(xlabel="number of heads H", xticks=heads)
        energies.set_yscale("log")
        ratios.set_yscale("symlog", linthresh=1, linscale=2)
    least, *others = [f"$10^{{{power}}}$" for power in DECADES]
    rows[1, 0].set_yticks([10.0**power for power in DECADES], [f"{least} or less", *others])
    rows[1, 0].minorticks_off()
    rows[2, 0].set_yticks(list(RATIOS), list(RATIOS.values()))
    arrived = f"where the loss is at most {ARRIVED:g}"
    labels = ("loss a position", f"share of $|K|^2$ off the diagonal,\n{arrived}", f"$p_{{T-1}} / p_T$,\n{arrived}")
    for axes, label in zip(rows[:, 0], labels, strict=True):
        axes.set_ylabel(label, linespacing=1.5)
        axes.legend()
    return figure


def heat_maps(summary: Summary) -> "Figure":
    """|C_ik| over its largest in the eigenbasis of W, of all of K and of what predictions see, of the best seed."""
    figure, rows = panel_grid(2, len(summary.trained), narrowest=4.0)
    for (dynamics, of), column in zip(summary.trained.items(), rows.T, strict=True):
        at = summary.heads.index(summary.dim if dynamics == UNITARY else summary.dim - 1)
        best = np.argmin(of.losses[:, -1, at])
        loss = of.losses[best, -1, at]
        column[0].set_title(f"{dynamics}, {summary.heads[at]} heads\nbest seed, its loss {loss:.2g}")
        pictures = ((of.mixing, "all of K"), (of.visible_mixing, "what predictions see"))
        for axes, (mixing, text) in zip(column, pictures, strict=True):
            axes.imshow(mixing[best, at], cmap="Blues", vmin=0, vmax=1)
            count_entries(axes, f"{text}\neigenvector i" if dynamics == UNITARY else "", "eigenvector k")
            axes.grid(False)
    figure.colorbar(rows[0, 0].images[0], ax=list(rows.ravel()), label="$|C_{ik}|$ / its largest", shrink=0.8)
    return figure
