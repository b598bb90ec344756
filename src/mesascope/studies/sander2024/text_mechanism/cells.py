"""Layers whose query is the state before the last, trained on windows of text: what they learn."""

from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array

from mesascope.data.orders import AsWritten, ShuffledInWindows, ShuffledThroughout
from mesascope.models.diagonal_heads import DenseHeads, DiagonalHeads
from mesascope.models.position_weights import LearnedWeights
from mesascope.predictor import AbstractSequencePredictor
from mesascope.prompt import Sequence
from mesascope.studies._shared.measure import over_models
from mesascope.studies._shared.training import Training
from mesascope.studies.sander2024._shared.last_weights import ratio_of_sums
from mesascope.studies.sander2024._shared.text import PenaltyGrid, Rivals, forecasts_of, relative_loss, rivals
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.text import TextWindows
from mesascope.training.config import FitConfig

LAYERS = {
    "diagonal": (DiagonalHeads, AsWritten()),
    "diagonal, shuffled in windows": (DiagonalHeads, ShuffledInWindows()),
    "diagonal, shuffled throughout": (DiagonalHeads, ShuffledThroughout()),
    "dense": (DenseHeads, AsWritten()),
}


class TextLayers(NamedTuple):
    """Losses [layers seeds], |error|^2 / |s|^2 over held-out windows of a layer's own order from the third state on.

    Of the rivals `rival_losses` [rivals], in the order of `Rivals`, and what they are tuned to. Of the first layer f
    and every rival g `cosine` <f, g> / |f| |g| and `distance` |f - g|^2 / |f|^2 [seeds rivals]; of the first layer C
    (`mixing`) [seeds d d], P without its last row [seeds t-1 t], and `defect`, |off-diagonal C| / |C|, and `ratio`,
    sum p_{T-1} / sum p_T over T = 2, 3, ... [seeds].
    """

    losses: np.ndarray
    rival_losses: np.ndarray
    coefficient: np.ndarray
    penalty: np.ndarray
    cosine: np.ndarray
    distance: np.ndarray
    mixing: np.ndarray
    positions: np.ndarray
    defect: np.ndarray
    ratio: np.ndarray


class TextLayersCell(AbstractConfig):
    """One training a layer, and how many windows are used to measure on and to tune rivals on."""

    trainings: tuple[Training[TextWindows], ...]
    windows: TextWindows
    num_windows: int
    penalties: PenaltyGrid = PenaltyGrid()

    def compute(self, workspace: Workspace) -> Arrays:
        """`TextLayers`."""
        tuning, held_out = self.windows.training(self.num_windows), self.windows.held_out(self.num_windows)
        forecasts, losses, tuned = rivals(tuning, held_out, self.penalties)
        models = [training.trained(workspace).model for training in self.trainings]
        orders = [training.task.held_out(self.num_windows) for training in self.trainings]
        each = [over_models(Partial(_loss_of, of), model)["loss"] for of, model in zip(orders, models, strict=True)]
        likeness = over_models(Partial(likeness_of, held_out, forecasts), models[0])
        workspace.report(1, 1, "measured")
        return TextLayers(
            np.stack(each), np.array(losses), *map(np.asarray, tuned), **likeness, **read_heads(models[0])
        )._asdict()


def layer_training(
    name: str, windows: TextWindows, config: FitConfig, seeds: int, first_seed: int
) -> Training[TextWindows]:
    """A layer of as many heads as coordinates on the windows of its order."""
    kind, order = LAYERS[name]
    ordered = TextWindows(windows.num_states, windows.dim, order, windows.source)
    make = partial(kind.initialise, windows.dim, windows.dim, windows.num_states, std=0.1)
    return Training(make, ordered, config, seeds, first_seed)


def _loss_of(windows: Sequence, layer: AbstractSequencePredictor) -> dict[str, Array]:
    return {"loss": relative_loss(forecasts_of(windows, layer), windows)}


def likeness_of(windows: Sequence, theirs: Rivals, layer: AbstractSequencePredictor) -> dict[str, Array]:
    """`cosine` and `distance` [rivals] of a layer's forecasts f and those of each rival g."""
    ours = forecasts_of(windows, layer)
    size = jnp.linalg.norm(ours)
    return {
        "cosine": jnp.stack([jnp.sum(ours * other) / (size * jnp.linalg.norm(other)) for other in theirs]),
        "distance": jnp.stack([jnp.sum((ours - other) ** 2) / size**2 for other in theirs]),
    }


def read_heads(layers: DiagonalHeads) -> Arrays:
    """`mixing`, `positions`, `defect` and `ratio` of trained layers, on a leading axis over seeds."""
    assert isinstance(layers.positions, LearnedWeights)
    outputs, scores, weights = map(np.asarray, (layers.output_value, layers.key_query, layers.positions.weights))
    mixing = outputs.swapaxes(-1, -2) @ scores
    off_diagonal = np.where(np.eye(mixing.shape[-1], dtype=bool), 0, mixing)
    sizes = (np.linalg.norm(each, axis=(-2, -1)) for each in (off_diagonal, mixing))
    return {
        "mixing": mixing,
        "positions": weights[..., :-1, :],
        "defect": np.divide(*sizes),
        "ratio": ratio_of_sums(weights),
    }
