"""Layers trained on windows of text: what they learn, and the forms they are held against."""

from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float, Key

from mesascope.data.orders import AsWritten, ShuffledInWindows
from mesascope.models.augmented import DiagonalAugmentedLayer
from mesascope.models.diagonal_heads import DenseHeads, DiagonalHeads
from mesascope.models.position_weights import LearnedWeights
from mesascope.predictor import AbstractSequencePredictor
from mesascope.prompt import Sequence
from mesascope.studies._shared.measure import over_models
from mesascope.studies._shared.training import Training
from mesascope.studies.sander2024._shared.last_weights import ratio_of_sums
from mesascope.studies.sander2024._shared.text import PenaltyGrid, forecasts_of, relative_loss, rivals
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
    "plain, dense heads": (DenseHeads, AsWritten()),
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
    """A training each of `names` in `LAYERS`, and how many windows are used to measure on and to tune rivals on."""

    names: tuple[str, ...]
    trainings: tuple[Training[TextWindows], ...]
    windows: TextWindows
    num_windows: int
    penalties: PenaltyGrid = PenaltyGrid()

    def compute(self, workspace: Workspace) -> Arrays:
        """`TextLayers`."""
        tuning, held_out = self.windows.training(self.num_windows), self.windows.held_out(self.num_windows)
        learners, losses, tuned = rivals(tuning, held_out, self.penalties)
        form = orthogonal_heads(tuning, held_out)
        forecasts = jnp.stack([*learners, form])
        models = [training.trained(workspace).model for training in self.trainings]
        orders = [training.task.held_out(self.num_windows) for training in self.trainings]
        each = [over_models(Partial(_loss_of, of), model)["loss"] for of, model in zip(orders, models, strict=True)]
        by_name = dict(zip(self.names, models, strict=True))
        cosines = {
            name: over_models(Partial(cosines_of, held_out, forecasts), by_name[name])["cosine"]
            for name in (AUGMENTED, PLAIN)
        }
        own = over_models(Partial(own_cosine, held_out), by_name[AUGMENTED])
        workspace.report(1, 1, "measured")
        return TextLayers(
            np.stack(each),
            np.array([*losses, relative_loss(form, held_out)]),
            *map(np.asarray, tuned),
            **cosines,
            **own,
            **read_heads(by_name[PLAIN]),
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


def own_cosine(windows: Sequence, layer: DiagonalAugmentedLayer) -> dict[str, Array]:
    """`own`, the cosine of a layer's forecasts and those of its blocks A2 and B1 alone."""
    alone = DiagonalAugmentedLayer(
        jnp.zeros_like(layer.scores).at[1].set(layer.scores[1]),
        jnp.zeros_like(layer.values).at[0].set(layer.values[0]),
    )
    return {"own": cosines_of(windows, forecasts_of(windows, alone)[None], layer)["cosine"][0]}


def _loss_of(windows: Sequence, layer: AbstractSequencePredictor) -> dict[str, Array]:
    return {"loss": relative_loss(forecasts_of(windows, layer), windows)}


def cosines_of(
    windows: Sequence, theirs: Float[Array, "rivals n t d"], layer: AbstractSequencePredictor
) -> dict[str, Array]:
    """`cosine` [rivals] of a layer's forecasts and those of each rival."""
    ours = forecasts_of(windows, layer)
    sizes = jnp.linalg.norm(ours) * jnp.sqrt(jnp.sum(theirs**2, axis=(1, 2, 3)))
    return {"cosine": jnp.einsum("nti,rnti->r", ours, theirs) / sizes}


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
