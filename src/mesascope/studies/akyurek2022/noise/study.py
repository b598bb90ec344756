"""Label noise decides the penalty of the ridge regression that a deep stack computes (Akyurek et al. 2022)."""

from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mesascope.models.transformer import Transformer
from mesascope.studies._shared.training import Training
from mesascope.studies.akyurek2022.noise.cells import PenaltyCell, PenaltyFit
from mesascope.studies.akyurek2022.noise.panels import two_panels
from mesascope.studies.akyurek2022.noise.readings import Summary, readings
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks.gaussian_regression import GaussianRegression
from mesascope.tasks.shifted import Shifted
from mesascope.training.config import FitConfig
from mesascope.validation import check_count, check_positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure


PENALTY = "largest factor, over pairs s^2, tau^2, between the nearest ridge penalty and s^2 / tau^2"
DISTANCE = "largest distance, over pairs s^2, tau^2, to ridge with penalty s^2 / tau^2"
OWN = (
    "largest, over pairs s^2, tau^2, (distance to ridge with its own s^2 / tau^2) / (least distance to "
    "ridge with another ratio)"
)
LEAST_SQUARES = (
    "largest, over pairs s^2, tau^2, (distance to ridge with penalty s^2 / tau^2) / (distance to least squares)"
)


class RidgePenalty(AbstractStudy):
    """Stacks trained with noisy labels are held against ridge regression.

    **Question.** With noisy labels the best predictor is ridge regression of a known penalty. Does a trained model use
    this penalty?

    **Setting.** y = w^T x + e with x ~ N(0, I), w ~ N(0, tau^2 I) and e ~ N(0, s^2). The mean of the posterior is q^T
    (X^T X + lambda I)^-1 X^T y with lambda = s^2 / tau^2. One stack of linear attention layers is trained for each pair
    s^2, tau^2. Two pairs share one lambda. The loss is on clean targets.

    **What the paper says.** Section 4.3: trained models match the Bayes predictor, ridge regression with
    lambda = s^2 / tau^2, for each ratio of noise to weights.

    **What we measure.** The distance of a model f to an algorithm g is sqrt(sum |f - g|^2 / sum |f|^2) over fresh
    prompts; the zero predictor is at 1. The nearest penalty is the one of least distance. It is searched on a
    logarithmic axis.

    **Differences.** The paper trains a deeper Transformer in 8 dimensions and asks after every example. Here softmax
    and MLPs are left out, dimensions are fewer, and a prompt has one length. Tokens are clipped at 10 after each layer.

    **Limits.** Without noise there is no penalty to find: s = 0 is left out. Nothing is measured away from the training
    distribution. For the effect of depth see oswald2023-noise.
    """

    title: ClassVar = "Label noise sets the penalty of the ridge regression that a deep stack computes"
    source: ClassVar = "Akyurek et al. 2022 (arXiv 2211.15661), section 4.3"
    claims: ClassVar = (
        Claim(
            "penalty",
            "A trained stack's nearest ridge penalty is the Bayes penalty within a factor 1.5.",
            PENALTY,
            "at most",
            1.5,
            "every seed",
            "log",
            kind="paper",
            restates="section 4.3",
        ),
        Claim(
            "distance",
            "A trained stack predicts within 10% of ridge regression with the Bayes penalty.",
            DISTANCE,
            "at most",
            0.1,
            "every seed",
            kind="paper",
            restates="section 4.3",
        ),
        Claim(
            "own",
            "A stack is nearest to ridge regression with its own ratio of noise to weights.",
            OWN,
            "at most",
            1.0,
            "every seed",
            "log",
            kind="paper",
            restates="section 4.3",
        ),
        Claim(
            "least-squares",
            "Every stack is less than half as far from ridge as from least squares.",
            LEAST_SQUARES,
            "at most",
            0.5,
            "every seed",
            "log",
            kind="paper",
            restates="section 4.3",
        ),
    )
    presets: ClassVar = {
        "smoke": {
            "num_steps": 50,
            "batch_size": 32,
            "num_validation": 100,
            "num_layers": 2,
            "weight_variances": (1.0,),
        },
        "quick": {},
        "paper": {
            "seeds": 4,
            "num_steps": 8000,
            "num_validation": 20_000,
            "dim_x": 5,
            "num_examples": 10,
            "num_layers": 8,
            "noise_variances": (0.25, 0.5625, 1.0),
        },
    }

    seeds: int = 2
    """Trainings of each level, each from a key of its own."""
    num_steps: int = 3000
    """Training steps."""
    batch_size: int = 256
    """Prompts a training step."""
    learning_rate: float = 2e-3
    """Adam's rate."""
    num_layers: int = 6
    """Linear attention layers, each with weights of its own."""
    num_validation: int = 5000
    """Fresh prompts that distances are measured on."""
    num_curve: int = 25
    """Penalties in the figure's curves, from 1/16 of the least s^2 / tau^2 to 16 times the largest."""
    num_examples: int = 6
    """Examples in a prompt."""
    dim_x: int = 3
    """Size of an input."""
    noise_variances: tuple[float, ...] = (0.25, 1.0)
    """Each s^2, combined with each tau^2."""
    weight_variances: tuple[float, ...] = (1.0, 0.25)
    """Each tau^2."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("num_layers", "num_validation"):
            check_count(name, getattr(self, name))
        check_count("num_curve", self.num_curve, minimum=2)
        for name in ("noise_variances", "weight_variances"):
            for value in getattr(self, name):
                check_positive(name, value)
        if len(set(self._bayes_penalties())) < 2:
            raise ValueError(
                "`noise_variances` and `weight_variances` must have two ratios or more, so that stacks can differ; got "
                f"{self.noise_variances} and {self.weight_variances}."
            )
        self.cells()  # checks everything else

    def cells(self) -> tuple[Cell, ...]:
        return tuple(cell for noise, weight in self.levels for cell in self._of_level(noise, weight))

    def summarise(self, results: list[Arrays]) -> Summary:
        fits = [PenaltyFit(**result) for result in results[1::2]]
        return Summary(self.levels, self._curve(), PenaltyFit(*map(np.stack, zip(*fits, strict=True))))

    def readings(self, summary: Summary) -> Readings:
        return readings(summary)

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"penalty": two_panels(summary)}

    @property
    def levels(self) -> tuple[tuple[float, float], ...]:
        """Every pair s^2, tau^2."""
        return tuple((noise, weight) for noise in self.noise_variances for weight in self.weight_variances)

    def _bayes_penalties(self) -> tuple[float, ...]:
        return tuple(sorted({noise / weight for noise, weight in self.levels}))

    def _curve(self) -> tuple[float, ...]:
        penalties = self._bayes_penalties()
        return tuple(np.geomspace(penalties[0] / 16, 16 * penalties[-1], self.num_curve).tolist())

    def _of_level(self, noise: float, weight: float) -> tuple[Cell, ...]:
        """The training of a level, and what is measured there."""
        unit = GaussianRegression(self.num_examples, self.dim_x, noise_std=noise**0.5)
        shape = {"num_layers": self.num_layers, "init_scale": 0.5, "token_bound": 10.0}
        training = Training(
            partial(Transformer.initialise, self.dim_x, **shape),
            Shifted(unit, weight_scale=weight**0.5),
            FitConfig(self.num_steps, self.batch_size, self.learning_rate, b2=0.99, clip_norm=1.0),
            self.seeds,
            self.first_seed,
        )
        label = f"noise {noise:g}, weights {weight:g}"
        measured = PenaltyCell(training, noise / weight, self._bayes_penalties(), self._curve(), self.num_validation)
        return Cell(f"{label}: {training.label}", training), Cell(label, measured)
