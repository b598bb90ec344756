"""Layers trained on windows of text: what they learn, and the forms they are held against."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Key

from mesascope.data.orders import AsWritten, ShuffledInWindows
from mesascope.models.augmented import DiagonalAugmentedLayer
from mesascope.models.diagonal_heads import DiagonalHeads
from mesascope.models.position_weights import LearnedWeights
from mesascope.predictor import AbstractSequencePredictor
from mesascope.prompt import Sequence
from mesascope.studies._shared.measure import over_models
from mesascope.studies._shared.training import Training
from mesascope.studies.sander2024._shared.last_weights import ratio_of_sums
from mesascope.studies.sander2024._shared.text import PenaltyGrid, forecasts_of, rivals, targets
from mesascope.studies.sander2024.text_mechanism.forms import orthogonal_heads
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.text import TextWindows
from mesascope.training.config import FitConfig

AUGMENTED, PLAIN, SHUFFLED = "augmented", "plain", ", words shuffled"
LAYERS = {
    AUGMENTED: (DiagonalAugmentedLayer, AsWritten()),
    AUGMENTED + SHUFFLED: (DiagonalAugmentedLayer, ShuffledInWindows()),
    PLAIN: (DiagonalHeads, AsWritten()),
    PLAIN + SHUFFLED: (DiagonalHeads, ShuffledInWindows()),
}
RIVALS = ("best gradient step", "ridge regression", "one matrix for all", "figure 3's form")


class TextLayers(NamedTuple):
    """Losses [layers seeds], |error|^2 / |s|^2 over held-out windows of a layer's own order from the third state on.

    `rival_losses` [rivals], in the order of `RIVALS`; what these are tuned to. Cosines <f, g> / |f| |g| [seeds rivals]
    of the `augmented` and the `plain` layer f with every rival g; `own` [seeds] that of the augmented layer with its A2
    and B1 alone. Of the plain layer C (`mixing`) [seeds d d], P without its last row [seeds t-1 t], `defect`,
    |off-diagonal C| / |C|, and `ratio`, sum p_{T-1} / sum p_T [seeds].
    """

    losses: np.ndarray
    rival_losses: np.ndarray
    coefficient: np.ndarray
    penalty: np.ndarray
    augmented: np.ndarray
    plain: np.ndarray
    own: np.ndarray
    mixing: np.ndarray
    positions: np.ndarray
    defect: np.ndarray
    ratio: np.ndarray


class TextLayersCell(AbstractConfig):
    """A training of each of `LAYERS`, and how many windows are used to measure on and to tune rivals on."""

    trainings: tuple[Training[TextWindows], ...]
    windows: TextWindows
    num_windows: int
    penalties: PenaltyGrid = PenaltyGrid()

    def compute(self, workspace: Workspace) -> Arrays:
        """`TextLayers`."""
        tuning, held_out = self.windows.training(self.num_windows), self.windows.held_out(self.num_windows)
        learners, losses, tuned = rivals(tuning, held_out, self.penalties)
        form = orthogonal_heads(tuning, held_out)
        theirs = np.stack([*map(np.asarray, learners), np.asarray(form)])
        models, own_losses = {}, []
        for name, training in zip(LAYERS, self.trainings, strict=True):
            models[name], windows = training.trained(workspace).model, training.task.held_out(self.num_windows)
            own_losses.append(losses_of(forecasts_by_seed(windows, models[name]), windows))
        augmented, alone, plain = (
            forecasts_by_seed(held_out, model)
            for model in (models[AUGMENTED], jax.vmap(a2_and_b1)(models[AUGMENTED]), models[PLAIN])
        )
        workspace.report(1, 1, "measured")
        return TextLayers(
            np.stack(own_losses),
            np.array([*losses, losses_of(theirs[-1:], held_out)[0]]),
            *map(np.asarray, tuned),
            augmented=cosines(augmented, theirs),
            plain=cosines(plain, theirs),
            own=np.diagonal(cosines(augmented, alone)),
            **read_heads(models[PLAIN]),
        )._asdict()


def layer_training(
    name: str, windows: TextWindows, start: float, config: FitConfig, seeds: int, first_seed: int
) -> Training[TextWindows]:
    """A layer on the windows of its order; a plain one has as many heads as coordinates."""
    kind, order = LAYERS[name]
    ordered = TextWindows(windows.num_states, windows.dim, order, windows.source)
    if kind is DiagonalAugmentedLayer:
        make_model = partial(augmented_layer, windows.dim, start=start, std=start / 10)
    else:
        make_model = partial(kind.initialise, windows.dim, windows.dim, windows.num_states, std=0.1)
    return Training(make_model, ordered, config, seeds, first_seed)


def augmented_layer(dim: int, *, start: float, std: float, key: Key[Array, ""]) -> DiagonalAugmentedLayer:
    """A layer of normal entries, those of A2 and B1 about `start`: they have one sign."""
    drawn = DiagonalAugmentedLayer.initialise(dim, std=std, key=key)
    return DiagonalAugmentedLayer(drawn.scores.at[1].add(start), drawn.values.at[0].add(start))


def a2_and_b1(layer: DiagonalAugmentedLayer) -> DiagonalAugmentedLayer:
    """The same layer with all blocks zero but A2 and B1."""
    only_a2, only_b1 = jnp.eye(4, dtype=layer.scores.dtype)[1], jnp.eye(2, dtype=layer.values.dtype)[0]
    return DiagonalAugmentedLayer(only_a2[:, None] * layer.scores, only_b1[:, None] * layer.values)


def forecasts_by_seed(windows: Sequence, layers: AbstractSequencePredictor) -> np.ndarray:
    """What layers on a leading axis say of windows from the third state on [seeds n t d]."""
    return over_models(Partial(_forecasts, windows), layers)["forecasts"]


def _forecasts(windows: Sequence, layer: AbstractSequencePredictor) -> dict[str, Array]:
    return {"forecasts": forecasts_of(windows, layer)}


def losses_of(forecasts: np.ndarray, windows: Sequence) -> np.ndarray:
    """|error|^2 / |s|^2 of forecasts [seeds n t d], by seed."""
    target = np.asarray(targets(windows), float)
    return np.sum((forecasts - target) ** 2, axis=(1, 2, 3)) / np.sum(target**2)


def cosines(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """<f, g> / |f| |g| of each of our forecasts f and each of theirs [ours theirs]."""
    f, g = (each.reshape(len(each), -1).astype(float) for each in (ours, theirs))
    return f @ g.T / np.outer(np.linalg.norm(f, axis=1), np.linalg.norm(g, axis=1))


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
