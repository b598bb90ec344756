"""The panels of the study of dense heads."""

from typing import TYPE_CHECKING, Any

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import LINE, TRAINED, TRAINED_TOO
from mesascope.studies._shared.panels import count_entries
from mesascope.studies.sander2024.dense.cells import UNITARY
from mesascope.studies.sander2024.dense.readings import ARRIVED, Summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SMALLEST = 1e-8  # an energy; what is smaller is drawn there
DOTS: dict[str, Any] = {"linestyle": "none", "alpha": 0.6}


def by_heads(summary: Summary) -> "Figure":
    """By dynamics and heads, a dot a seed: losses; and of seeds that arrived what is not diagonal."""
    heads, trained = np.array(summary.heads), summary.trained
    figure, rows = panel_grid(2, len(trained), narrowest=4.0, share_y=True)
    for (dynamics, of), (losses, energies) in zip(trained.items(), rows.T, strict=True):
        ends = of.losses[:, -1]
        there = np.where(ends <= ARRIVED, 1.0, np.nan)
        each = np.broadcast_to(heads, ends.shape)
        label = f"dense heads, {len(ends)} seeds"
        losses.plot(each.ravel(), ends.ravel(), marker="o", label=label, **{**TRAINED, **DOTS})
        counts, step = np.arange(1, max(heads) + 1), 1 if dynamics == UNITARY else 2
        losses.plot(counts, np.maximum(summary.dim - step * counts, 0), label="least of diagonal heads", **LINE)
        losses.set_title(dynamics)
        for energy, marker, style, label in (
            (of.energy, "o", TRAINED, "of all of K"),
            (of.visible_energy, "x", TRAINED_TOO, "of what predictions see"),
        ):
            shown = np.maximum(energy * there, SMALLEST)
            energies.semilogy(each.ravel(), shown.ravel(), marker=marker, label=label, **{**style, **DOTS})
        for axes in (losses, energies):
            axes.set(xlabel="number of heads H", xticks=heads)
            axes.legend()
    rows[0, 0].set_ylabel(f"loss per position (predicting zero: {summary.dim})")
    rows[1, 0].set_ylabel(f"share of $|K|^2$ off the diagonal (seeds with a loss of at most {ARRIVED:g})")
    return figure


def heat_maps(summary: Summary) -> "Figure":
    """|C_ik| over its largest, of all of K and of what predictions see, d heads, the best seed."""
    figure, rows = panel_grid(2, len(summary.trained), narrowest=4.0)
    at = summary.heads.index(summary.dim)
    for (dynamics, of), column in zip(summary.trained.items(), rows.T, strict=True):
        best = np.argmin(of.losses[:, -1, at])
        pictures = ((of.mixing, "whole"), (of.visible_mixing, "as predictions see it"))
        for axes, (mixing, text) in zip(column, pictures, strict=True):
            axes.imshow(mixing[best, at], cmap="Blues", vmin=0, vmax=1)
            count_entries(axes, "coordinate i", "coordinate k")
            axes.set_title(f"{dynamics}, {text}")
            axes.grid(False)
    label = f"$|C_{{ik}}|$ / its largest, best of {len(summary.haar.loss)} seeds, H = {summary.dim}"
    figure.colorbar(rows[0, 0].images[0], ax=list(rows.ravel()), label=label, shrink=0.8)
    return figure
