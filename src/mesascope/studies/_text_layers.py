"""Layers whose query is the state before the last, trained on windows of text: what they learn."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float

from mesascope.algorithms.along_sequence import DescentAlongSequence, RidgeAlongSequence
from mesascope.data.orders import AsWritten, ShuffledInWindows, ShuffledThroughout
from mesascope.models.diagonal_heads import DenseHeads, DiagonalHeads
from mesascope.models.position_weights import LearnedWeights
from mesascope.predictor import AbstractSequencePredictor
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

    Losses and the rivals' are |error|^2 / |s|^2 over the states from the third on, `loss_k` by the order of trainings.
    `distance_step` and `distance_ridge` are |f - g|^2 / |f|^2, f the layer's predictions, g the rival's.
    """
    tuning, held_out = cell.windows.training(cell.num_windows), cell.windows.held_out(cell.num_windows)
    forecasts, found = rivals(tuning, held_out)
    for k, training in enumerate(cell.trainings):
        assert isinstance(training.task, TextWindows)
        model, windows = training.trained(workspace).model, training.task.held_out(cell.num_windows)
        found[f"loss_{k}"] = over_models(Partial(_loss_of_layer, windows), model)["loss"]
        if k == 0:
            found |= over_models(Partial(_distances, held_out, forecasts), model)
            found |= over_models(read_heads, model)
    return {name: np.asarray(value) for name, value in found.items()}


@jax.jit
def rivals(tuning: Sequence, held_out: Sequence) -> tuple[dict[str, Float[Array, "n t d"]], dict[str, Array]]:
    """What rivals predict of held-out windows from the third state on, tuned on others, and their losses.

    `step`: c sum_t s_{t+1} <s_t, s_T> with the best `coefficient` c, in closed form. `ridge`: with the best `penalty`
    of a grid. `common`: one matrix for all windows, by least squares, which learns nothing in context.
    """
    step = DescentAlongSequence(1.0)
    target, unscaled = _targets(tuning), _forecasts(tuning, step)
    coefficient = jnp.sum(unscaled * target) / jnp.sum(unscaled**2)
    grid = jnp.asarray(PENALTIES, target.dtype)
    losses = jax.lax.map(lambda penalty: _loss(_forecasts(tuning, RidgeAlongSequence(penalty)), tuning), grid)
    penalty = grid[jnp.argmin(losses)]
    moment, cross = (jnp.sum(each, axis=0) for each in moments(tuning.states))
    forecasts = {
        "step": coefficient * _forecasts(held_out, step),
        "ridge": _forecasts(held_out, RidgeAlongSequence(penalty)),
        "common": held_out.states[:, 1:-1] @ jnp.linalg.solve(moment, cross.T),
    }
    found = {name: _loss(each, held_out) for name, each in forecasts.items()}
    return forecasts, {**found, "coefficient": coefficient, "penalty": penalty}


def _targets(windows: Sequence) -> Float[Array, "n t d"]:
    return windows.states[:, 2:]


def _forecasts(windows: Sequence, predictor: AbstractSequencePredictor) -> Float[Array, "n t d"]:
    return jax.vmap(predictor.next_states)(windows)[:, 1:-1]


def _loss(forecasts: Float[Array, "n t d"], windows: Sequence) -> Float[Array, ""]:
    target = _targets(windows)
    return jnp.sum((forecasts - target) ** 2) / jnp.sum(target**2)


def _loss_of_layer(windows: Sequence, layer: AbstractSequencePredictor) -> dict[str, Array]:
    return {"loss": _loss(_forecasts(windows, layer), windows)}


def _distances(
    windows: Sequence, theirs: dict[str, Float[Array, "n t d"]], layer: AbstractSequencePredictor
) -> dict[str, Array]:
    ours = _forecasts(windows, layer)
    size = jnp.sum(ours**2)
    return {f"distance_{name}": jnp.sum((ours - theirs[name]) ** 2) / size for name in ("step", "ridge")}


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

    Also of as many windows shuffled, and of ridge regression at the `penalty` that forecasts best. Complex numbers come
    as two columns.
    """
    windows = cell.windows
    held_out = windows.held_out(cell.num_windows)
    shuffled = TextWindows(windows.num_states, windows.dim, ShuffledInWindows(), windows.source)
    penalty = float(rivals(windows.training(cell.num_windows), held_out)[1]["penalty"])
    written, other = (
        moments(np.asarray(each.states, float)) for each in (held_out, shuffled.held_out(cell.num_windows))
    )
    workspace.report(1, 1, "AR(1) fitted")
    return {
        "windows": _spectrum(written, 0.0),
        "ridge": _spectrum(written, penalty),
        "shuffled": _spectrum(other, 0.0),
        "together": _spectrum((written[0].sum(axis=0), written[1].sum(axis=0)), 0.0),
        "penalty": np.asarray(penalty),
    }


def moments(states: Any) -> tuple[Any, Any]:
    """sum_t s_t s_t^T and sum_t s_{t+1} s_t^T of every window [n d d], of states [n t d] of JAX or numpy."""
    before, after = states[:, :-1], states[:, 1:]
    return before.swapaxes(1, 2) @ before, after.swapaxes(1, 2) @ before


def _spectrum(sums: tuple[np.ndarray, np.ndarray], penalty: float) -> np.ndarray:
    """The eigenvalues of A = R S^{-1}, as (real, imaginary), the least-norm A where S has no inverse."""
    moment, cross = sums
    inverse = np.linalg.pinv(moment + penalty * np.eye(moment.shape[-1]), rcond=1e-10, hermitian=True)
    values = np.linalg.eigvals(cross @ inverse)
    return np.stack([values.real, values.imag], axis=-1)


def moduli(spectrum: np.ndarray) -> np.ndarray:
    """|eigenvalue| [..., d]."""
    return np.hypot(spectrum[..., 0], spectrum[..., 1])


def in_words(names: tuple[str, ...], layers: Arrays, fits: Arrays) -> tuple[str, ...]:
    """Losses, readings and eigenvalues, a sentence each."""

    def listed(name: str) -> str:
        return ", ".join(f"{each:.4g}" for each in layers[name])

    losses = "; ".join(f"{name}: {listed(f'loss_{k}')}" for k, name in enumerate(names))
    largest = {name: moduli(fits[name]).max(axis=-1).mean() for name in ("ridge", "shuffled", "together")}
    return (
        f"Losses by seed, {losses}; best gradient step {float(layers['step']):.4f} (c = "
        f"{float(layers['coefficient']):.4f}), ridge {float(layers['ridge']):.4f}, one matrix for all windows "
        f"{float(layers['common']):.4f}.",
        f"Diagonal heads by seed: p_{{T-1}} / p_T {listed('ratio')}; |off-diagonal C| / |C| {listed('defect')}; "
        f"|f - step|^2 / |f|^2 {listed('distance_step')}; |f - ridge|^2 / |f|^2 {listed('distance_ridge')}.",
        f"Largest |eigenvalue|: of ridge regression (penalty {float(fits['penalty']):.3g}), mean over windows, "
        f"{largest['ridge']:.3f}; of least squares in shuffled windows {largest['shuffled']:.3f}; of one fit to all "
        f"windows {largest['together']:.3f}.",
    )
