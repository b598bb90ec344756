"""Trained stacks of layers, the algorithms they should have learned, and both changed, away from the training task."""

import dataclasses
from typing import NamedTuple

import numpy as np
from jaxtyping import Array

from mesascope.constructions.gdpp_blocks import only_gdpp_blocks
from mesascope.models.transformer import Transformer
from mesascope.predictor import AbstractPredictor
from mesascope.studies._shared.measure import over_models
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.best_rates import best_rivals
from mesascope.studies.oswald2023._shared.shifts import INPUT_LAWS, shifted_losses
from mesascope.studies.oswald2023._shared.stacks import stack_of
from mesascope.study.base import Arrays, Workspace

INPUT_SCALES = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
WEIGHT_SCALES = (1.0, 2.0, 4.0, 8.0)
LAW_SCALES = (0.5, 1.0, 2.0, 3.0)


class ShiftCell(NamedTuple):
    """A training, and how many prompts each of its losses is over."""

    training: Training
    num_validation: int


def measure_shifts(cell: ShiftCell, workspace: Workspace) -> Arrays:
    """Losses [seeds, amounts] by "kind_predictor".

    Besides "trained" and its "rival", two tied layers are "restricted" to the weights that GD++ has; of five layers
    that clip their tokens there are the same weights "unclipped", and the rival's stack clipped as they are.
    """
    task, model = cell.training.task, cell.training.trained(workspace).model
    depth, tied = len(model.layers) * model.num_repeats, len(model.layers) == 1
    workspace.report(1, 2, "best rival")
    rivals = best_rivals(task, depth)
    rival = rivals.gd if depth == 1 else rivals.gdpp_tied if tied else rivals.gdpp
    shifts = {
        "input_scale": INPUT_SCALES,
        "weight_scale": WEIGHT_SCALES,
        "corrupted": tuple(range(task.num_examples + 1)),
        **{f"law_{law}": LAW_SCALES for law in INPUT_LAWS},
    }

    def losses(model: Transformer) -> dict[str, Array]:
        predictors: dict[str, AbstractPredictor] = {"trained": model, "rival": rival}
        if tied and depth > 1:
            predictors["restricted"] = only_gdpp_blocks(model, task.dim_x)
        if model.token_bound is not None:
            predictors["unclipped"] = dataclasses.replace(model, token_bound=None)
            predictors["clipped_rival"] = stack_of(rivals.gdpp, task, model.token_bound)
        return shifted_losses(predictors, task, shifts, cell.num_validation)

    return over_models(losses, model)


def remarks(tied: Arrays, untied: Arrays) -> tuple[str, ...]:
    """What weights that GD++ has not do to two tied layers, and a rare prompt to the rival of five untied ones."""
    names = {"trained": "trained", "restricted": "without the weights that GD++ has not", "rival": "GD++"}
    scaled = (f"{text} {_row(tied[f'weight_scale_{name}'][:, -1])}" for name, text in names.items())
    names = {"trained": "trained", "rival": "GD++", "clipped_rival": "GD++, clipped as they are"}
    plain = (f"{text} {_row(untied[f'corrupted_{name}'][:, 0])}" for name, text in names.items())
    return (
        f"Two tied layers, losses at teacher scale {WEIGHT_SCALES[-1]:g}: {'; '.join(scaled)}.",
        f"Five untied layers, losses on the last column's prompts with no target replaced: {'; '.join(plain)}.",
    )


def _row(losses: np.ndarray) -> str:
    return ", ".join(dict.fromkeys(f"{loss:.3g}" for loss in losses))
