"""Who was taken for whom, what was said of each group, and how parameters came back."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.studies.identify.calibration.cells import KINDS
from mesascope.studies.identify.calibration.readings import CLOSE, Summary, confusion, groups, is_kind

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SMALL = 6  # points: the least that is readable
COLOURS = ("C0", "C5", "C4", "C3", "0.6", "0.85")  # of the verdicts, in their order


def confusion_map(summary: Summary) -> "Figure":
    """Rows are true algorithms, columns what was chosen, the true ones first: what a truth is taken for, and what a
    choice was. Columns have the numbers of the rows, and those that are no truth follow."""
    counts = confusion(summary)
    true = [summary.names.index(name) for name in summary.said]
    chosen = [*true, *(i for i in np.flatnonzero(counts.any(axis=0)) if i not in true)]
    figure, panels = panel_grid(2, 1, narrowest=12.0)
    for axis, axes in zip((1, 0), panels[:, 0], strict=True):
        shares = counts / np.maximum(counts.sum(axis=axis, keepdims=True), 1)
        image = axes.imshow(shares[:, chosen], cmap="Blues", vmin=0, vmax=1, aspect="auto")
        marked = [i for i in range(len(chosen)) if i == 0 or i % 5 == 4]
        others = [f"{summary.names[i]} {place}" for place, i in enumerate(chosen, 1) if i not in true]
        axes.set_xticks(marked, [str(i + 1) for i in marked], fontsize=SMALL)
        axes.set_yticks(range(len(counts)), [f"{name} {i}" for i, name in enumerate(summary.said, 1)], fontsize=SMALL)
        axes.grid(False)
        axes.set(xlabel=", ".join(["chosen", *others]), ylabel="true algorithm")
        figure.colorbar(image, ax=axes, label=f"share of a {'row' if axis == 1 else 'column'}", shrink=0.6)
    return figure


def verdicts_and_parameters(summary: Summary) -> "Figure":
    """Shares of verdicts by group, and |log(found / true)| of all parameters in rising order."""
    figure, [[verdicts, parameters]] = panel_grid(1, 2, narrowest=7.0)
    shares_of_verdicts(verdicts, summary)
    recovery(parameters, summary)
    return figure


def shares_of_verdicts(axes: "Axes", summary: Summary) -> None:
    """One bar a group, the first one on top."""
    found = groups(summary)
    left = np.zeros(len(found))
    for kind, colour in zip(KINDS, COLOURS, strict=True):
        numbers = np.array([np.nansum(is_kind(kinds, kind)) / max(len(kinds), 1) for kinds in found.values()])
        axes.barh(range(len(found)), numbers, left=left, color=colour, label=kind.value)
        left = left + numbers
    axes.set_yticks(range(len(found)), list(found), fontsize=SMALL)
    axes.invert_yaxis()
    axes.set(xlabel="share of verdicts", xlim=(0, 1))
    axes.legend()


def recovery(axes: "Axes", summary: Summary) -> None:
    """The share of parameters that come back within a distance, for every candidate that has some."""
    gaps = [np.abs(known.gaps[np.isfinite(known.gaps)]) for known in summary.known.values()]
    together = np.sort(np.concatenate([np.zeros(0), *gaps]))
    if together.size:
        axes.step(np.maximum(together, 1e-5), np.arange(1, len(together) + 1) / len(together), where="post")
    axes.axvline(CLOSE, color="black", linestyle="--", linewidth=1.2, label="5%")
    axes.set(xscale="log", xlim=(1e-5, 10), ylim=(0, 1), xlabel="|log(found / true)|", ylabel="share of parameters")
    axes.legend()
