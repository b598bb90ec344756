"""Layers whose query is the state before the last, trained on windows of text: what they learn."""

from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float

from mesascope.data.orders import AsWritten, ShuffledInWindows, ShuffledThroughout
from mesascope.models.diagonal_heads import DenseHeads, DiagonalHeads
from mesascope.models.position_weights import LearnedWeights
from mesascope.predictor import AbstractSequencePredictor
from mesascope.prompt import Sequence
from mesascope.studies._shared.measure import over_models
from mesascope.studies._shared.training import Training
from mesascope.studies.sander2024._shared.last_weights import ratio_of_sums
from mesascope.studies.sander2024._shared.text import forecasts_of, relative_loss, rivals
from mesascope.study.base import Arrays, Workspace
from mesascope.tasks.text import TextWindows
from mesascope.training.config import FitConfig

WRITTEN = "diagonal"
LAYERS = {
    WRITTEN: (DiagonalHeads, AsWritten()),
    "diagonal, shuffled in windows": (DiagonalHeads, ShuffledInWindows()),
    "diagonal, shuffled throughout": (DiagonalHeads, ShuffledThroughout()),
    "dense": (DenseHeads, AsWritten()),
}


class TextLayersCell(NamedTuple):
    """One training a layer, and how many windows are used to measure on and to tune rivals on."""

    trainings: tuple[Training, ...]
    windows: TextWindows
    num_windows: int


def layer_training(name: str, windows: TextWindows, config: FitConfig, seeds: int, first_seed: int) -> Training:
    """A layer of as many heads as coordinates on the windows of its order."""
    kind, order = LAYERS[name]
    ordered = TextWindows(windows.num_states, windows.dim, order, windows.source)
    make = partial(kind.initialise, windows.dim, windows.dim, windows.num_states, std=0.1)
    return Training(make, ordered, config, seeds, first_seed)


def measure_layers(cell: TextLayersCell, workspace: Workspace) -> Arrays:
    """Losses of all layers on held-out windows of their order, and readings of the diagonal one as written [seeds].

    Losses and the rivals' are |error|^2 / |s|^2 over the states from the third on, `loss_k` by the order of trainings.
    Of every rival, `cosine_` is <f, g> / |f| |g| and `distance_` |f - g|^2 / |f|^2, f the layer's predictions of all
    held-out windows, g the rival's.
    """
    tuning, held_out = cell.windows.training(cell.num_windows), cell.windows.held_out(cell.num_windows)
    forecasts, found = rivals(tuning, held_out)
    for k, training in enumerate(cell.trainings):
        assert isinstance(training.task, TextWindows)
        model, windows = training.trained(workspace).model, training.task.held_out(cell.num_windows)
        found[f"loss_{k}"] = over_models(Partial(_loss_of_layer, windows), model)["loss"]
        if k == 0:
            found |= over_models(Partial(_likeness, held_out, forecasts), model)
            found |= over_models(read_heads, model)
    return {name: np.asarray(value) for name, value in found.items()}


def _loss_of_layer(windows: Sequence, layer: AbstractSequencePredictor) -> dict[str, Array]:
    return {"loss": relative_loss(forecasts_of(windows, layer), windows)}


def _likeness(
    windows: Sequence, theirs: dict[str, Float[Array, "n t d"]], layer: AbstractSequencePredictor
) -> dict[str, Array]:
    ours = forecasts_of(windows, layer)
    size, found = jnp.linalg.norm(ours), {}
    for name, other in theirs.items():
        found[f"cosine_{name}"] = jnp.sum(ours * other) / (size * jnp.linalg.norm(other))
        found[f"distance_{name}"] = jnp.sum((ours - other) ** 2) / size**2
    return found


def read_heads(layer: DiagonalHeads) -> dict[str, Array]:
    """C and P of a layer; |off-diagonal C| / |C|; sum p_{T-1} / sum p_T over T = 2, 3, ..."""
    assert isinstance(layer.positions, LearnedWeights)
    mixing, weights = layer.mixing, layer.positions.weights
    off_diagonal = mixing - jnp.diag(jnp.diagonal(mixing))
    return {
        "mixing": mixing,
        "positions": weights[:-1],
        "defect": jnp.linalg.norm(off_diagonal) / jnp.linalg.norm(mixing),
        "ratio": ratio_of_sums(weights),
    }
