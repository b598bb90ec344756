"""Layers whose query is the state before the last, trained on windows of text: what they learn."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float

from mesascope.algorithms.along_sequence import DescentAlongSequence, RidgeAlongSequence
from mesascope.data.orders import AsWritten, ShuffledInWindows, ShuffledThroughout
from mesascope.models.diagonal_heads import DenseHeads, DiagonalHeads
from mesascope.models.position_weights import LearnedWeights
from mesascope.prompt import Sequence
from mesascope.studies._base import Arrays, Workspace
from mesascope.studies._measure import over_models
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
PENALTIES = np.geomspace(0.1, 1000.0, 13)  # in units of a state's mean squared norm


class LayersCell(NamedTuple):
    """One training a layer, and how many windows are used to measure on and to tune rivals on."""

    trainings: tuple[Training, ...]
    windows: TextWindows
    num_windows: int


class FitsCell(NamedTuple):
    """How many windows AR(1) is fitted to, one by one and all together."""

    windows: TextWindows
    num_windows: int


def layer_training(name: str, windows: TextWindows, config: FitConfig, seeds: int, first_seed: int) -> Training:
    """A layer of as many heads as coordinates on the windows of its order."""
    kind, order = LAYERS[name]
    ordered = TextWindows(windows.num_states, windows.dim, order, windows.source)
    make = partial(kind.initialise, windows.dim, windows.dim, windows.num_states, std=0.1)
    return Training(make, ordered, config, seeds, first_seed)


def measure_layers(cell: LayersCell, workspace: Workspace) -> Arrays:
    """Losses of all layers on held-out windows of their order, and readings of the diagonal one as written [seeds].

    Losses and the rivals' are |error|^2 / |s|^2 over the states from the third on, `loss_k` in the order of `LAYERS`.
    `distance_step` and `distance_ridge` are |f - g|^2 / |f|^2, f the layer's predictions, g the rival's.
    """
    tuning, held_out = cell.windows.training(cell.num_windows), cell.windows.held_out(cell.num_windows)
    rivals = tune_rivals(tuning)
    found = dict(zip(("step", "ridge"), _rival_losses(held_out, rivals), strict=True))
    for k, training in enumerate(cell.trainings):
        assert isinstance(training.task, TextWindows)
        model, windows = training.trained(workspace).model, training.task.held_out(cell.num_windows)
        found[f"loss_{k}"] = over_models(Partial(_loss, windows), model)["loss"]
        if k == 0:
            found |= over_models(Partial(_distances, held_out, rivals), model)
            found |= over_models(read_heads, model)
    return {**{name: np.asarray(value) for name, value in found.items()}, "coefficient": np.asarray(rivals[0])}


@jax.jit
def tune_rivals(windows: Sequence) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The coefficient of the best gradient step, in closed form, and the best ridge penalty of a grid."""
    step = jax.vmap(DescentAlongSequence(1.0).next_states)(windows)[:, 1:-1]
    target = windows.states[:, 2:]
    grid = jnp.asarray(PENALTIES, target.dtype)
    losses = jax.lax.map(lambda penalty: _loss(windows, RidgeAlongSequence(penalty))["loss"], grid)
    return jnp.sum(step * target) / jnp.sum(step**2), grid[jnp.argmin(losses)]


def _loss(windows: Sequence, predictor) -> dict[str, Array]:
    target = windows.states[:, 2:]
    predictions = jax.vmap(predictor.next_states)(windows)[:, 1:-1]
    return {"loss": jnp.sum((predictions - target) ** 2) / jnp.sum(target**2)}


@jax.jit
def _rival_losses(windows: Sequence, rivals: tuple[Float[Array, ""], Float[Array, ""]]) -> tuple[Array, Array]:
    step, ridge = _rivals(rivals)
    return _loss(windows, step)["loss"], _loss(windows, ridge)["loss"]


def _rivals(rates: tuple[Float[Array, ""], Float[Array, ""]]) -> tuple[DescentAlongSequence, RidgeAlongSequence]:
    return DescentAlongSequence(rates[0]), RidgeAlongSequence(rates[1])


def _distances(
    windows: Sequence, rates: tuple[Float[Array, ""], Float[Array, ""]], layer: DiagonalHeads
) -> dict[str, Array]:
    ours, *theirs = (jax.vmap(each.next_states)(windows)[:, 1:-1] for each in (layer, *_rivals(rates)))
    names = ("distance_step", "distance_ridge")
    return {name: jnp.sum((ours - other) ** 2) / jnp.sum(ours**2) for name, other in zip(names, theirs, strict=True)}


def read_heads(layer: DiagonalHeads) -> dict[str, Array]:
    """C and P of a layer; |off-diagonal C| / |C|; the sum of p_{T-1} over that of p_T, over T = 2, 3, ..."""
    assert isinstance(layer.positions, LearnedWeights)
    mixing, weights = layer.mixing, layer.positions.weights[:-1]
    queries = jnp.arange(len(weights))
    off_diagonal = mixing - jnp.diag(jnp.diagonal(mixing))
    return {
        "mixing": mixing,
        "positions": weights,
        "defect": jnp.linalg.norm(off_diagonal) / jnp.linalg.norm(mixing),
        "ratio": weights[queries, queries].sum() / weights[queries, queries + 1].sum(),
    }


def measure_fits(cell: FitsCell, workspace: Workspace) -> Arrays:
    """Eigenvalues of AR(1) by least squares: of every window [windows d], and of all of them together [d].

    Also of as many windows shuffled, and of ridge regression at the penalty that forecasts best. Complex numbers come
    as two columns.
    """
    windows = cell.windows
    shuffled = TextWindows(windows.num_states, windows.dim, ShuffledInWindows(), windows.source)
    written, other = (each.held_out(cell.num_windows) for each in (windows, shuffled))
    penalty = float(tune_rivals(windows.training(cell.num_windows))[1])
    (moment, cross), (moment_other, cross_other) = (_moments(each) for each in (written, other))
    workspace.report(1, 1, "AR(1) fitted")
    return {
        "windows": _spectrum(moment, cross, 0.0),
        "ridge": _spectrum(moment, cross, penalty),
        "shuffled": _spectrum(moment_other, cross_other, 0.0),
        "together": _spectrum(moment.sum(axis=0), cross.sum(axis=0), 0.0),
        "penalty": np.asarray(penalty),
    }


def _moments(windows: Sequence) -> tuple[np.ndarray, np.ndarray]:
    """sum_t s_t s_t^T and sum_t s_{t+1} s_t^T of every window [n d d], in float64."""
    states = np.asarray(windows.states, float)
    before, after = states[:, :-1], states[:, 1:]
    return np.swapaxes(before, 1, 2) @ before, np.swapaxes(after, 1, 2) @ before


def _spectrum(moment: np.ndarray, cross: np.ndarray, penalty: float) -> np.ndarray:
    """The eigenvalues of A = R S^{-1}, as (real, imaginary), the least-norm A where S has no inverse."""
    inverse = np.linalg.pinv(moment + penalty * np.eye(moment.shape[-1]), rcond=1e-10, hermitian=True)
    values = np.linalg.eigvals(cross @ inverse)
    return np.stack([values.real, values.imag], axis=-1)


def moduli(spectrum: np.ndarray) -> np.ndarray:
    """|eigenvalue| [..., d]."""
    return np.hypot(spectrum[..., 0], spectrum[..., 1])
