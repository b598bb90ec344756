"""The loss over repeated application, drawn."""

from typing import TYPE_CHECKING

from mesascope.drawing.grid import panel_grid
from mesascope.studies.oswald2023._shared.layer_panels import applied_again_and_again
from mesascope.studies.oswald2023.fig10_rollout.readings import Summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOWEST, HIGHEST = 0.05, 1e4  # of what is shown, relative to predicting zero: an explosion leaves the panel


def a_panel_each(summary: Summary) -> "Figure":
    """The loss over repeated application, a panel for each dampening."""
    figure, [panels] = panel_grid(1, len(summary.dampenings), narrowest=7.0)
    for i, axes in enumerate(panels):
        applied_again_and_again(axes, summary.repeated, i, summary.zero_loss)
        top = 1.0 if summary.stable()[i] else HIGHEST
        axes.set(title=f"dampening {summary.dampenings[i]:g}", ylim=(LOWEST, top))
    panels[-1].legend()
    return figure
