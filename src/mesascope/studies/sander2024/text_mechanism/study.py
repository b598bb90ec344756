"""A next check of Sander et al. 2024: what the layer without augmented tokens learns from real text."""

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from mesascope.studies.sander2024._shared.text import check_windows
from mesascope.studies.sander2024.text_mechanism.cells import LAYERS, TextLayers, TextLayersCell, layer_training
from mesascope.studies.sander2024.text_mechanism.fits import FitsCell, Spectra
from mesascope.studies.sander2024.text_mechanism.panels import six_panels
from mesascope.studies.sander2024.text_mechanism.readings import readings
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks.text import TextWindows
from mesascope.training.config import FitConfig
from mesascope.validation import check_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SHUFFLED = "1 - loss / loss of the layer trained on words shuffled in windows"
MODULUS = "largest |eigenvalue| of least squares in a window, less that of its words shuffled"
NEARER = "Order brings AR(1) fits nearer to the unit circle."
POSITIONS = "|sum of p_{T-1} / sum of p_T + 1/2|"
LEFT = "|f - a g|^2 / |f|^2 at the best a >= 0, g"
TWO = tuple(LAYERS)[:2]
TINY = {"num_steps": 10, "batch_size": 32, "num_windows": 60}
LARGE = {"num_steps": 2000, "batch_size": 256, "num_windows": 4000}


class Summary(NamedTuple):
    """What figures and readings are made from: trained layers, and AR(1) fits."""

    layers: TextLayers
    fits: Spectra


class TextMechanism(AbstractStudy):
    """Trained on real text, do heads become orthogonal, positions -1/2 to 1, and the layer a gradient step?

    On dynamics that commute the layer of figure 3 ends with orthogonal heads (C = B^T A is diagonal) where it has as
    many as coordinates, on orthogonal dynamics with fewer heads at p_{T-1} / p_T = -1/2, and on augmented tokens it is
    one step of gradient descent. Here the same layer, with a learned P and d heads, is trained on windows of the King
    James Bible in the first d principal components of GloVe's vectors (see `TextWindows`), and on the same windows
    shuffled; a layer of dense heads is trained, too. What AR(1) finds in a window, by least squares, has eigenvalues
    of modulus one where dynamics are orthogonal; windows are held against themselves with their words shuffled.

    The rivals are the best gradient step c sum_t s_{t+1} <s_t, s_T>, one c for all T, and ridge regression of one
    penalty, both tuned on training windows. Both ask with s_T, the layer with s_{T-1}. Losses are on held-out windows,
    over the states from the third on. So is what the layer has in common with a rival: since the layer's predictions f
    may be smaller than the rival's, g, it is told by what is left of f after the multiple of g that is nearest to it.

    What is found. The layer does gain from order, but less than a gradient step or ridge regression. Its weights of the
    last two states are of one sign, the larger on s_{T-1}, and its heads are not orthogonal. It has next to nothing of
    a step or of ridge, of whatever size, and of ridge a little more; zero is nearer to it than either is, unscaled.
    Order brings the eigenvalues of AR(1) fits a little nearer to the unit circle. One matrix for all windows, which
    learns nothing in context, does better than the layer, a step and ridge: on text what is common to windows is worth
    more than what these learn within one. Dense heads do a little better still.
    """

    title: ClassVar = "On text the layer gains little, and heads and positions are not those of orthogonal dynamics"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), discussion; not in the paper"
    kind: ClassVar = "open question"
    claims: ClassVar = (
        Claim("learns", "The layer predicts better than zero does.", "loss / that of zero", "at most", 1.0),
        Claim("order", "It learns from the order of words.", SHUFFLED, "at least", 0.0),
        Claim("small", "By little.", SHUFFLED, "at most", 0.1),
        Claim("modulus", NEARER, MODULUS, "at least", 0.0, "bootstrap"),
        Claim("positions", "The ratio of positions is not -1/2.", POSITIONS, "at least", 0.1),
        Claim("heads", "Heads become orthogonal.", "|off-diagonal C| / |C|", "at most", 0.01),
        Claim("step", "The layer f makes a gradient step of some size.", f"{LEFT} a step", "at most", 0.05),
        Claim("step-part", "Part of it is a gradient step.", f"{LEFT} a step", "at most", 0.95),
        Claim("ridge-part", "Part of it is ridge regression.", f"{LEFT} ridge regression", "at most", 0.95),
        Claim("nearer", "A step is nearer to it than ridge.", f"{LEFT} ridge / a step", "at least", 1.0),
    )
    presets: ClassVar = {
        "smoke": {**TINY, "seeds": 2, "dim": 4, "num_states": 12},
        "quick": {},
        "paper": {**LARGE, "seeds": 5, "layers": tuple(LAYERS), "num_states": 64},
    }

    seeds: int = 3
    """Trainings, each from a key of its own."""
    layers: tuple[str, ...] = TWO
    """Layers that are trained: diagonal, diagonal on words shuffled in windows or throughout, dense."""
    dim: int = 8
    """Size of a state."""
    num_states: int = 32
    """States in a sequence."""
    num_steps: int = 300
    """Training steps."""
    batch_size: int = 128
    """Sequences a training step."""
    num_windows: int = 1000
    """Sequences that losses are measured on."""
    learning_rate: float = 3e-3
    """Adam's rate."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("seeds", "dim", "num_states", "num_steps", "batch_size", "num_windows"):
            check_count(name, getattr(self, name))
        check_windows(self.num_states, self.dim)
        if self.layers[:2] != TWO or not set(self.layers) <= set(LAYERS):
            raise ValueError(f"`layers` must be the first two or more of {', '.join(LAYERS)}; got {self.layers}.")
        self.cells()  # checks everything else

    def cells(self) -> tuple[Cell, ...]:
        windows = TextWindows(self.num_states, self.dim)
        config = FitConfig(self.num_steps, self.batch_size, self.learning_rate, b2=0.999, clip_norm=10.0)
        trainings = tuple(layer_training(name, windows, config, self.seeds, self.first_seed) for name in self.layers)
        return (
            *(Cell(f"{name}, trained", each) for name, each in zip(self.layers, trainings, strict=True)),
            Cell("layers, measured", TextLayersCell(trainings, windows, self.num_windows)),
            Cell("AR(1) fits", FitsCell(windows, self.num_windows)),
        )

    def summarise(self, results: list[Arrays]) -> Summary:
        *_, layers, fits = results
        return Summary(TextLayers(**layers), Spectra(**fits))

    def readings(self, summary: Summary) -> Readings:
        return readings(self.layers, *summary)

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"layers": six_panels(self.layers, *summary)}
