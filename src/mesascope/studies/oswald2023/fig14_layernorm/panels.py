"""The panels of normalised layers, a row for each depth."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mesascope.drawing.grid import panel_grid
from mesascope.studies.oswald2023._shared.layer_panels import (
    alignment_over_training,
    loss_over_input_scale,
    loss_over_training,
)
from mesascope.studies.oswald2023.fig14_layernorm.cells import NormalisedLosses

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def rows_of_depths(losses: Mapping[int, NormalisedLosses], input_scales: tuple[float, ...]) -> "Figure":
    """Loss and alignment over training, and loss over input scales, by depth."""
    figure, rows = panel_grid(len(losses), 3)
    for (training, alignment, scales), (depth, of_depth) in zip(rows, losses.items(), strict=True):
        loss_over_training(training, of_depth.along, float(of_depth.away_descent[input_scales.index(1.0)]))
        alignment_over_training(alignment, of_depth.along)
        rivals = {"gradient descent": of_depth.away_descent, "zero predictor": of_depth.away_zero}
        loss_over_input_scale(scales, input_scales, of_depth.away_trained, rivals)
        training.set_title(f"K = {depth}")
    return figure
