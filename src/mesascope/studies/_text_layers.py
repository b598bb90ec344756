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
from mesascope.studies._base import Arrays, Workspace
from mesascope.studies._last_weights import ratio_of_sums
from mesascope.studies._measure import over_models
from mesascope.studies._text_fits import moduli
from mesascope.studies._text_rivals import forecasts_of, relative_loss, rivals
from mesascope.studies._training import Training
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


def left_over(cosine: np.ndarray) -> np.ndarray:
    """|f - a g|^2 / |f|^2 at the best a >= 0, from the cosine of f and g: one where zero is as near as any a g."""
    return 1 - np.maximum(cosine, 0.0) ** 2


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


def in_words(names: tuple[str, ...], layers: Arrays, fits: Arrays) -> tuple[str, ...]:
    """Losses, readings and eigenvalues, a sentence each."""

    def listed(name: str) -> str:
        return ", ".join(f"{each:.4g}" for each in layers[name])

    losses = "; ".join(f"{name}: {listed(f'loss_{k}')}" for k, name in enumerate(names))
    largest = {name: moduli(fits[name]).max(axis=-1).mean() for name in ("windows", "ridge", "shuffled", "together")}
    real, imaginary = np.moveaxis(fits["windows"], -1, 0)
    turning, angles = np.abs(imaginary) > 1e-9, np.abs(np.arctan2(imaginary, real))
    median = np.median(angles[turning]) / np.pi if turning.any() else np.nan
    return (
        f"Losses by seed, {losses}; best gradient step {float(layers['step']):.4f} (c = "
        f"{float(layers['coefficient']):.4f}), ridge {float(layers['ridge']):.4f}, one matrix for all windows "
        f"{float(layers['common']):.4f}.",
        f"Diagonal heads by seed: sum p_{{T-1}} / sum p_T {listed('ratio')}; |off-diagonal C| / |C| "
        f"{listed('defect')}.",
        f"Cosine of the layer's predictions f with a rival's g, and |f - g|^2 / |f|^2 as g is, by seed: step "
        f"{listed('cosine_step')} and {listed('distance_step')}; ridge {listed('cosine_ridge')} and "
        f"{listed('distance_ridge')}; one matrix {listed('cosine_common')} and {listed('distance_common')}.",
        f"Largest |eigenvalue|, mean over windows: of least squares {largest['windows']:.3f}, with words shuffled "
        f"{largest['shuffled']:.3f}, of ridge regression (penalty {float(fits['penalty']):.3g}) "
        f"{largest['ridge']:.3f}; of one fit to all windows {largest['together']:.3f}. Of windows' eigenvalues "
        f"{1 - turning.mean():.1%} are real; others turn by "
        f"{median:.2f} pi a step in the median.",
    )
