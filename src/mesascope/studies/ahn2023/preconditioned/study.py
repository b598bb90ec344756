"""Theorem 1 of Ahn et al. 2023: the best linear attention layer makes a preconditioned gradient step."""

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from mesascope.models.attention import LinearSelfAttention
from mesascope.studies._shared.head_training import HeadTraining, TrainedHeads
from mesascope.studies._shared.training import Training
from mesascope.studies.ahn2023.preconditioned.cells import LayerMeasured, PreconditionedCell
from mesascope.studies.ahn2023.preconditioned.endings import Endings, EndingsCell
from mesascope.studies.ahn2023.preconditioned.panels import three_panels
from mesascope.studies.ahn2023.preconditioned.readings import Summary, equal, readings
from mesascope.studies.ahn2023.preconditioned.start import corner_head, corner_layer
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks.anisotropic_regression import AnisotropicRegression
from mesascope.training.config import FitConfig
from mesascope.training.exact import Adam
from mesascope.validation import check_count, check_positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure


MATRIX = "|A - A*| / |A*|, A read from the trained weights, Frobenius norm"
EVERY: dict[str, Any] = {"over": "every seed"}
ONE: dict[str, Any] = {"over": "one number"}
TINY = {"num_steps": 50, "batch_size": 32, "num_exact_steps": 200, "num_validation": 100, "num_starts": 4}


class Preconditioned(AbstractStudy):
    """**Question.** Which algorithm does one linear attention layer learn on inputs of unequal variances?

    **Setting.** Inputs x ~ N(0, Sigma), Sigma = diag(2, 1, 0.5, 0.25, 0.1), teacher w ~ N(0, I), labels y = w^T x, n =
    12 examples, no noise. A step with a matrix A predicts q^T A (1/n) sum_i y_i x_i for the query q. With A* = [(1 +
    1/n) Sigma + (tr Sigma / n) I]^-1 its loss is least.

    **What the paper says.** Theorem 1: the global minimum of one layer is one step with A*, a matrix that adapts to
    the input law and to the few examples.

    **What we measure.** A layer is trained on prompts, and A is read from its weights. Its predictions and its loss are
    compared with those of the steps with A*, with one learning rate, and with the best multiple of Sigma^-1. Other
    layers descend the population loss itself, for several n, and from random starts.

    **Differences.** Training on prompts starts with P W_V (values) on labels and W_KQ (keys times queries) on inputs
    only. The authors' main code trains these blocks only; here all entries are trained. The theorem does not speak of
    training: that training finds its minimum is tested here.

    **Limits.** One layer, diagonal Sigma. Several layers, with w ~ N(0, Sigma^-1), are not tried.
    """

    title: ClassVar = "The best linear attention layer makes a gradient step with a matrix for a learning rate"
    source: ClassVar = "Ahn et al. 2023 (arXiv 2306.00297), theorem 1"
    claims: ClassVar = (
        Claim(
            "matrix",
            "The trained layer's weights hold the preconditioner of least loss within 5%.",
            MATRIX,
            "at most",
            0.05,
            **EVERY,
            kind="paper",
            restates="theorem 1",
        ),
        Claim(
            "predictions",
            "The trained layer predicts within 5% of the best preconditioned gradient step.",
            "rms of (layer's - step's predictions) / rms of the layer's predictions",
            "at most",
            0.05,
            **EVERY,
            kind="paper",
            restates="theorem 1",
        ),
        Claim(
            "scalar",
            "The best one-rate gradient step has at least a fifth more loss than the layer.",
            "loss of the best step with one learning rate / loss of the trained layer",
            "at least",
            1.2,
            **EVERY,
        ),
        Claim(
            "whitening",
            "The best step with c Sigma^-1 has a tenth more loss than the layer.",
            "loss of the best step with c Sigma^-1 / loss of the trained layer",
            "at least",
            1.1,
            **EVERY,
        ),
        Claim(
            "sizes",
            "Descent on the population loss finds the best preconditioner within 1% at every n tried.",
            f"largest over n of {MATRIX}",
            "at most",
            0.01,
            **EVERY,
            kind="paper",
            restates="theorem 1, at other lengths",
        ),
        Claim(
            "endings",
            "From at least a tenth of random starts training ends over 5% above least loss.",
            "share of random starts whose population loss ends above 1.05 times the least loss",
            "at least",
            0.1,
            **ONE,
        ),
        Claim(
            "minimum",
            "The random start that ends with most loss ends at a local minimum.",
            "smallest / largest Hessian eigenvalue there, without the direction that only rescales W_KQ against P W_V",
            "at least",
            1e-8,
            **ONE,
        ),
        Claim(
            "isotropic",
            "With equal variances every random start ends within 5% of the least loss.",
            "share of random starts whose population loss ends above 1.05 times the least, equal variances",
            "at most",
            0.0,
            **ONE,
        ),
    )
    presets: ClassVar = {
        "smoke": {**TINY, "seeds": 2, "num_examples": 4, "variances": (1.0, 0.5), "other_sizes": (8,)},
        "quick": {},
        "paper": {
            "seeds": 5,
            "num_steps": 5000,
            "num_exact_steps": 40_000,
            "num_starts": 200,
            "num_validation": 50_000,
        },
    }

    seeds: int = 3
    """Trainings on prompts, and on the exact loss of each size, each from a key of its own."""
    num_steps: int = 2500
    """Training steps on prompts."""
    batch_size: int = 2048
    """Prompts a training step."""
    learning_rate: float = 1e-3
    """Adam's rate, on prompts and on the exact loss."""
    num_validation: int = 10_000
    """Prompts that losses and predictions are measured on."""
    num_examples: int = 12
    """Examples in a prompt."""
    other_sizes: tuple[int, ...] = (4, 36)
    """Other numbers of examples, for training on the exact loss."""
    variances: tuple[float, ...] = (2.0, 1.0, 0.5, 0.25, 0.1)
    """Variances of the coordinates of an input."""
    corner: float = 0.3
    """The entry of W_V and of P on the label that training starts from."""
    init_std: float = 0.1
    """Standard deviation of the keys and queries on inputs that training starts from."""
    num_exact_steps: int = 20_000
    """Training steps on the exact loss."""
    num_starts: int = 50
    """Random starts of all weights."""
    init_scale: float = 0.002
    """Random starts draw weights with variance init_scale / size of a token."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("num_steps", "batch_size", "num_validation", "num_examples", "num_exact_steps", "num_starts"):
            check_count(name, getattr(self, name))
        for size in self.other_sizes:
            check_count("other_sizes", size)
        for name in ("learning_rate", "corner", "init_std", "init_scale"):
            check_positive(name, getattr(self, name))
        self.cells()  # checks everything else

    def cells(self) -> tuple[Cell, ...]:
        training = self.training()
        of_sizes = (Cell(f"exact loss, n = {size}", self.descent(size)) for size in self.sizes())
        return (
            Cell("layer, trained", training),
            Cell("layer, measured", PreconditionedCell(training, self.num_validation)),
            *of_sizes,
            Cell("random starts", EndingsCell(self.starts(self.variances))),
            Cell("random starts, equal variances", EndingsCell(self.starts(equal(self.variances)))),
        )

    def summarise(self, results: list[Arrays]) -> Summary:
        _, layer, *heads, random, other = results
        return Summary(
            LayerMeasured(**layer), tuple(TrainedHeads(**each) for each in heads), Endings(**random), Endings(**other)
        )

    def readings(self, summary: Summary) -> Readings:
        return readings(summary, self.variances, self.sizes())

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"preconditioned": three_panels(summary, self.variances, self.num_examples)}

    def sizes(self) -> tuple[int, ...]:
        """All numbers of examples, that of the main training first."""
        return (self.num_examples, *self.other_sizes)

    def training(self) -> Training[AnisotropicRegression]:
        """The training on prompts."""
        task = AnisotropicRegression(self.num_examples, self.variances)
        make_layer = partial(corner_layer, task.dim_x, self.corner, self.init_std)
        config = FitConfig(self.num_steps, self.batch_size, self.learning_rate, clip_norm=1.0)
        return Training(make_layer, task, config, self.seeds, self.first_seed)

    def descent(self, num_examples: int) -> HeadTraining:
        """The training on the exact loss of a size."""
        make_head = partial(corner_head, len(self.variances), self.corner, self.init_std)
        sizes = self.num_exact_steps, self.seeds, self.first_seed
        return HeadTraining(make_head, self.variances, num_examples, Adam(self.learning_rate), *sizes)

    def starts(self, variances: tuple[float, ...]) -> HeadTraining:
        """The trainings on the exact loss from random starts."""
        make_head = partial(LinearSelfAttention.initialise, len(variances) + 1, init_scale=self.init_scale)
        sizes = self.num_exact_steps, self.num_starts, self.first_seed
        return HeadTraining(make_head, variances, self.num_examples, Adam(self.learning_rate), *sizes)
