"""One loss and one alignment a snapshot: what becomes of models as they are trained."""

from typing import Any, NamedTuple

import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Int

from mesascope.predictor import AbstractPredictor
from mesascope.prompt import Prompt
from mesascope.studies._shared.measure import mean_alignment, mean_error, over_models


class AlongTraining(NamedTuple):
    """After `steps` [snapshots] of training, the loss of models and their alignment with a reference [seeds snapshots].

    See `probes.alignment` for the three measures, of which these are the means over prompts.
    """

    steps: np.ndarray
    loss: np.ndarray
    prediction_distance: np.ndarray
    sensitivity_cosine: np.ndarray
    sensitivity_distance: np.ndarray


def along_training(
    snapshots: Any, steps: Int[np.ndarray, " snapshots"], reference: AbstractPredictor, prompts: Prompt
) -> AlongTraining:
    """Measures models on axes of seeds and snapshots."""
    return AlongTraining(steps, **over_models(Partial(_measured, reference, prompts), snapshots, 2))


def _measured(reference: AbstractPredictor, prompts: Prompt, model: AbstractPredictor) -> dict[str, Array]:
    return {"loss": mean_error(model, prompts), **mean_alignment(model, reference, prompts)}
