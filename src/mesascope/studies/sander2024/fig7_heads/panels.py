"""The panels of figure 7 of Sander et al. 2024."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import LINE, TRAINED, TRAINED_TOO
from mesascope.studies._shared.panels import band
from mesascope.studies.sander2024.fig7_heads.readings import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOSS = "loss relative to $|s|^2$"


def three_panels(summary: Summary, dim: int) -> "Figure":
    """Losses by number of heads; by first state and query; and along the sequence."""
    figure, [[by_heads, compared, along]] = panel_grid(1, 3)
    losses = np.stack([each.mean(axis=-1) for each in summary.by_heads.values()], axis=1)
    fixed = summary.constant["fixed"]
    band(by_heads, np.array(list(summary.by_heads)), losses, f"trained, n = {len(losses)} seeds", marker="o", **TRAINED)
    by_heads.axhline(fixed.mean(), label="constant weights", **LINE)
    by_heads.axvline(dim, color="0.8", linewidth=0.8)
    by_heads.set_xscale("log", base=2)
    by_heads.xaxis.set_major_formatter("{x:g}")
    by_heads.set(xlabel=f"number of heads (grey: d = {dim})", ylabel=LOSS)
    _compare(compared, summary)
    states = np.arange(1, len(fixed) + 1)
    fewest, most = min(summary.by_heads), max(summary.by_heads)
    for count, style in ((fewest, "-."), (most, "-")):
        label = f"{count} head{'s' * (count > 1)}"
        band(along, states, summary.by_heads[count], label, **{**TRAINED, "linestyle": style})
    along.plot(states, fixed, label="constant weights", **LINE)
    along.set(xlabel="states seen", ylabel=LOSS)
    along.xaxis.get_major_locator().set_params(integer=True)
    for axes in (by_heads, compared, along):
        axes.set_ylim(0, None)
        axes.legend()
    return figure


def _compare(axes: "Axes", summary: Summary) -> None:
    """A dot a seed, by first state; the queries side by side."""
    starts = list(summary.constant)
    for query, role, aside, label in (
        ("last", TRAINED, -0.1, "query: last token"),
        ("before", TRAINED_TOO, 0.1, "query: token before"),
    ):
        losses = np.stack([summary.compared[query, start].mean(axis=-1) for start in starts])
        places = np.broadcast_to(np.arange(len(starts))[:, None] + aside, losses.shape)
        axes.plot(places.ravel(), losses.ravel(), "o", color=role["color"], label=label)
    for i, start in enumerate(starts):
        label = "constant weights" if i == 0 else None
        axes.plot([i - 0.3, i + 0.3], [summary.constant[start].mean()] * 2, label=label, **LINE)
    axes.set_xticks(range(len(starts)), [f"$s_1$ {start}" for start in starts])
    axes.set(ylabel=LOSS, xlabel=f"first state, {summary.num_compared} heads", xlim=(-0.6, len(starts) - 0.4))
