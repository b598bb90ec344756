"""Whether the layers of a deep stack follow Newton's iterates or gradient steps (Fu et al. 2023)."""

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mesascope.models.transformer import Transformer
from mesascope.studies._shared.training import Training
from mesascope.studies.fu2023.newton.cells import IteratesCell, law_of
from mesascope.studies.fu2023.newton.panels import errors, maps_and_steps
from mesascope.studies.fu2023.newton.readings import Summary, readings
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks.anisotropic_regression import AnisotropicRegression
from mesascope.training.config import FitConfig
from mesascope.validation import check_between, check_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure


NEAREST = "largest distance of a layer f of the second half to its nearest Newton iterate"
NEARER = "(distance to nearest Newton iterate) / (to nearest gradient step), geometric mean past half depth"
STEP = "k* the nearest step's number, layers within 0.15 of it"
EVERY: dict[str, Any] = {"over": "every seed"}


class NewtonLayers(AbstractStudy):
    """**Question.** Do the layers of a trained stack follow Newton's iterates or gradient steps?

    **Setting.** y = w^T x, w ~ N(0, I), x ~ N(0, Sigma), Sigma = I or of condition number 100. With S = X^T X / n and b
    = X^T y / n, Newton's iterate is w_k = M_k b with M <- M (2I - S M), M_0 = S / |S S^T| (Frobenius). Gradient descent
    is w <- w + (b - S w) / s_1, s_1 the largest eigenvalue of S.

    **What the paper says.** The nearest iterate of Newton rises linearly, by about three a middle layer. Gradient
    descent needs exponentially many steps. Ill-conditioned inputs, on which gradient descent is slow, are learned too.

    **What we measure.** A layer's answers f are read by the model's output head, or by a ridge readout fitted to
    targets on other prompts. Their distance to answers g is sqrt(sum |f - g|^2 / sum |f|^2) over prompts. The relative
    error of f is sqrt(sum |f - y|^2 / sum y^2).

    **Differences.** The paper trains a GPT-2 with 12 layers, 20 dimensions and every position, and compares errors by
    their cosine. We train linear attention without MLPs on the last position. The ill-conditioned Sigma is the same for
    all prompts: layers may learn its axes.

    **Limits.** Any two sequences with one limit match if steps are renumbered: the distance is the stronger evidence.
    Gradient steps are the finer grid; at most 512 are tried.
    """

    title: ClassVar = "Whether the layers of a deep stack follow Newton's iterates or gradient steps"
    source: ClassVar = "Fu, Chen, Jia and Sharan 2023 (arXiv 2310.17086), section 4"
    claims: ClassVar = (
        Claim(
            "accurate",
            "The last layer predicts within 10% of least squares.",
            "distance of the last layer to least squares, Sigma = I",
            "at most",
            0.1,
            **EVERY,
            kind="paper",
            restates="deep layers converge to least squares",
        ),
        Claim(
            "near",
            "Read by the model's output head, layers past half depth are within 15% of Newton.",
            f"{NEAREST}, own head, Sigma = I",
            "at most",
            0.15,
            **EVERY,
        ),
        Claim(
            "fitted",
            "Read by fitted readouts, layers past half depth are within 15% of Newton iterates.",
            f"{NEAREST}, fitted readout, Sigma = I",
            "at most",
            0.15,
            **EVERY,
            kind="paper",
            restates="layers follow Newton's iterates",
        ),
        Claim(
            "nearer",
            "Layers past half depth are on average nearer to Newton's iterates than to gradient steps.",
            "(distance to nearest Newton iterate) / (to nearest gradient step), geometric mean past half depth, "
            "own head, Sigma = I",
            "at most",
            1.0,
            "every seed",
            "log",
            kind="paper",
            restates="layers follow Newton's iterates",
        ),
        Claim(
            "linear",
            "The number of the nearest Newton iterate rises linearly with the layer.",
            "R^2 of a line through k* against the layer, k* the number of the nearest Newton iterate, at least "
            "three layers within 0.15 of it, own head, Sigma = I",
            "at least",
            0.9,
            **EVERY,
            kind="paper",
            restates="the nearest Newton iterate rises linearly",
        ),
        Claim(
            "exponential",
            "An exponential fits the number of the nearest gradient step better than a line.",
            "R^2 of k* = a exp(c layer) minus R^2 of a line, k* the number of the nearest gradient step, at least"
            " three layers within 0.15 of it, own head, Sigma = I",
            "at least",
            0.0,
            **EVERY,
            kind="paper",
            restates="gradient descent needs exponentially many steps",
        ),
        Claim(
            "pace",
            "From one layer to the next the nearest Newton iterate advances by two to four.",
            "|slope - 3| of a line through k* against the layer, k* the number of the nearest Newton iterate, at "
            "least three layers within 0.15 of it, own head, Sigma = I",
            "at most",
            1.0,
            **EVERY,
            kind="paper",
            restates="a middle layer advances by about three iterates",
        ),
        Claim(
            "ill",
            "Ill-conditioned inputs at most double the relative error of the last layer.",
            "relative error of the last layer, condition number 100 / the same for Sigma = I",
            "at most",
            2.0,
            "every seed",
            "log",
            kind="paper",
            restates="ill-conditioned inputs are learned too",
        ),
        Claim(
            "ill-descent",
            "On ill-conditioned inputs one gradient step per layer has five times the stack's error.",
            "relative error of as many gradient steps as layers / relative error of the last layer, condition "
            "number 100",
            "at least",
            5.0,
            "every seed",
            "log",
        ),
        Claim(
            "ill-nearer",
            "On ill-conditioned inputs late layers are on average nearer to Newton than to gradient steps.",
            "(distance to nearest Newton iterate) / (to nearest gradient step), geometric mean past half depth, "
            "own head, condition number 100",
            "at most",
            1.0,
            "every seed",
            "log",
            kind="paper",
            restates="ill-conditioned inputs are learned too",
        ),
    )
    presets: ClassVar = {
        "smoke": {
            "seeds": 1,
            "num_steps": 20,
            "batch_size": 16,
            "num_validation": 50,
            "num_readout": 50,
            "num_examples": 4,
            "dim_x": 2,
            "num_layers": 3,
            "num_newton": 4,
            "num_descent": 8,
        },
        "quick": {},
        "paper": {
            "seeds": 3,
            "num_steps": 10_000,
            "num_validation": 10_000,
            "dim_x": 5,
            "num_examples": 15,
            "num_layers": 8,
        },
    }

    seeds: int = 2
    """Trainings on each law of inputs, each from a key of its own."""
    num_steps: int = 5000
    """Training steps."""
    batch_size: int = 256
    """Prompts a training step."""
    learning_rate: float = 1e-3
    """Adam's rate."""
    num_layers: int = 6
    """Linear attention layers, each with weights of its own."""
    num_validation: int = 2000
    """Prompts of each law that distances and errors are measured on."""
    num_readout: int = 2000
    """Other prompts, on which readouts are fitted."""
    num_examples: int = 9
    """Examples in a prompt."""
    dim_x: int = 3
    """Size of an input."""
    condition_number: float = 100.0
    """Largest over smallest variance of the ill-conditioned inputs, spaced geometrically, of sum dim_x."""
    num_newton: int = 24
    """Iterates of Newton's that layers are held against."""
    num_descent: int = 512
    """Gradient steps that layers are held against."""
    first_seed: int = 0
    """The first seed of trainings; the others follow."""

    def __check_init__(self):
        for name in ("num_validation", "num_readout", "num_newton"):
            check_count(name, getattr(self, name))
        check_count("num_layers", self.num_layers, minimum=2)
        check_count("dim_x", self.dim_x, minimum=2)
        check_count("num_descent", self.num_descent, minimum=self.num_layers)
        check_between("condition_number", self.condition_number, 1, 1e6)
        self.cells()  # checks everything else

    def cells(self) -> tuple[Cell, ...]:
        return (*self._of_law("equal variances", 1.0), *self._of_law("ill-conditioned", self.condition_number))

    def summarise(self, results: list[Arrays]) -> Summary:
        return Summary(*map(law_of, results[1::2]))

    def readings(self, summary: Summary) -> Readings:
        return readings(summary)

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {
            "equal": maps_and_steps(summary.well),
            "ill": maps_and_steps(summary.ill),
            "errors": errors(summary),
        }

    def _of_law(self, name: str, condition_number: float) -> tuple[Cell, ...]:
        """The training on inputs of a condition number, and what is measured of it."""
        variances = np.geomspace(1, 1 / condition_number, self.dim_x)
        shape = {"num_layers": self.num_layers, "init_scale": 0.5, "token_bound": 10.0}
        training = Training(
            partial(Transformer.initialise, self.dim_x, **shape),
            AnisotropicRegression(self.num_examples, tuple((self.dim_x * variances / variances.sum()).tolist())),
            FitConfig(self.num_steps, self.batch_size, self.learning_rate, b2=0.99, clip_norm=0.1),
            self.seeds,
            self.first_seed,
        )
        sizes = self.num_newton, self.num_descent, self.num_readout, self.num_validation
        return Cell(f"{name}: {training.label}", training), Cell(name, IteratesCell(training, *sizes))
