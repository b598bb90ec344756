"""Theorems 4.1 and 4.2 of Zhang et al. 2023: what gradient flow finds, and which shifts it stands."""

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mesascope.studies._shared.head_training import HeadTraining, TrainedHeads
from mesascope.studies.zhang2023.covariate.cells import PromptLosses, PromptsCell
from mesascope.studies.zhang2023.covariate.head import start
from mesascope.studies.zhang2023.covariate.panels import three_panels
from mesascope.studies.zhang2023.covariate.readings import LAWS, Summary, Trials, readings
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.training.exact import Descent
from mesascope.validation import check_count, check_positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure


EVERY: dict[str, Any] = {"over": "every seed"}


class Covariate(AbstractStudy):
    """**Question.** What does gradient flow make of one linear attention layer, and under which shifts does it work?

    **Setting.** Inputs x ~ N(0, Lambda), Lambda = diag(2, 1, 0.5, 0.25, 0.1), teacher w ~ N(0, I), y = w^T x, N
    examples. For a query q the layer predicts W_PV (1/N sum_i e_i e_i^T) W_KQ (q, 0), e_i = (x_i, y_i). Let Gamma = (1
    + 1/N) Lambda + (tr Lambda / N) I.

    **What the paper says.** Theorem 4.1: from a small start of a certain form gradient flow ends at W_KQ = s^-1
    diag(Gamma^-1, 0), W_PV = s diag(0, 1), s = tr(Gamma^-2)^(1/4). On a test prompt of M examples the layer predicts
    q^T Gamma^-1 (1/M) sum_i y_i x_i. Its error on long test prompts vanishes only as N grows. A shift of the query is
    tolerated on long prompts; covariate shift is not.

    **What we measure.** Gradient descent with small steps on the population loss itself, all entries free, for several
    N. Then the trained layers on prompts: of other lengths M; with Lambda reversed for the query; with Lambda reversed
    for examples and query. Losses are compared with closed forms and with the zero predictor's.

    **Differences.** The paper's layer also attends to the query, which changes nothing at its limit: there the query
    has no label to pass on.

    **Limits.** Flow is descent with finite steps. One start scale; random starts of all weights are in
    ahn2023-preconditioned. Prompts of random covariances are not tried.
    """

    title: ClassVar = "Gradient flow finds a fixed preconditioner, which covariate shift breaks"
    source: ClassVar = "Zhang et al. 2023 (arXiv 2306.09927), theorems 4.1 and 4.2 and section 4.2"
    claims: ClassVar = (
        Claim(
            "weights",
            "Gradient descent ends at the closed form of gradient flow's limit.",
            "largest relative Frobenius distance of W_KQ and W_PV to their limits, over N",
            "at most",
            0.01,
            **EVERY,
            kind="paper",
            restates="theorem 4.1",
        ),
        Claim(
            "lengths",
            "At every prompt length tried, the loss is within 5% of its closed form.",
            "largest |loss on prompts of M examples / closed form of theorem 4.2 - 1| over M",
            "at most",
            0.05,
            **EVERY,
            kind="paper",
            restates="theorem 4.2",
        ),
        Claim(
            "query",
            "Trained on long prompts, the layer still predicts well when the query's distribution shifts.",
            "layer's loss / zero predictor's loss, only the query's variances reversed, training and test prompts"
            " of the largest N",
            "at most",
            0.05,
            **EVERY,
            kind="paper",
            restates="section 4.2",
        ),
        Claim(
            "covariate",
            "If variances of examples and query are reversed, predicting zero is at least as good.",
            "layer's loss / zero predictor's loss, variances of examples and query reversed, largest training length N",
            "at least",
            1.0,
            **EVERY,
            kind="paper",
            restates="section 4.2",
        ),
    )
    presets: ClassVar = {
        "smoke": {
            "seeds": 2,
            "num_examples": 4,
            "variances": (1.0, 0.5),
            "other_sizes": (8,),
            "lengths": (3, 9),
            "num_test": 20,
            "num_prompts": 20,
            "num_shifted": 20,
            "num_steps": 200,
        },
        "quick": {},
        "paper": {
            "seeds": 5,
            "num_steps": 100_000,
            "num_prompts": 100_000,
            "num_shifted": 10_000,
            "learning_rate": 1e-2,
        },
    }

    seeds: int = 3
    """Trainings, each from a key of its own."""
    num_examples: int = 12
    """Examples N in a training prompt."""
    other_sizes: tuple[int, ...] = (48, 192)
    """Other numbers of examples in a training prompt, in ascending order, for the shifts."""
    variances: tuple[float, ...] = (2.0, 1.0, 0.5, 0.25, 0.1)
    """Variances of the coordinates of an input."""
    lengths: tuple[int, ...] = (6, 12, 50, 400)
    """Examples M in test prompts."""
    num_test: int = 2000
    """Examples in a test prompt of another law."""
    init_scale: float = 0.1
    """Norm of W_KQ and of W_PV at the start."""
    learning_rate: float = 2e-2
    """Size of a step of gradient descent."""
    num_steps: int = 40_000
    """Steps of gradient descent."""
    num_prompts: int = 40_000
    """Test prompts of each length."""
    num_shifted: int = 2000
    """Test prompts of each law."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("num_examples", "num_test", "num_steps", "num_prompts", "num_shifted"):
            check_count(name, getattr(self, name))
        for name in ("other_sizes", "lengths"):
            for entry in getattr(self, name):
                check_count(name, entry)
        if not self.lengths or tuple(sorted(self.sizes())) != self.sizes():
            raise ValueError(
                f"`lengths` must hold a number and `other_sizes` must ascend from {self.num_examples}; "
                f"got {self.lengths} and {self.other_sizes}. Sort them."
            )
        for name in ("init_scale", "learning_rate"):
            check_positive(name, getattr(self, name))
        self.cells()  # checks everything else

    def cells(self) -> tuple[Cell, ...]:
        trainings = tuple(map(self.training, self.sizes()))
        plain, reverse = self.variances, self.variances[::-1]
        laws = ((plain, plain), (plain, reverse), (reverse, reverse))
        shifts = (PromptsCell(trainings, *law, (self.num_test,), self.num_shifted) for law in laws)
        return (
            *(Cell(f"descent, N = {size}", each) for size, each in zip(self.sizes(), trainings, strict=True)),
            Cell("test lengths", PromptsCell(trainings[:1], plain, plain, self.lengths, self.num_prompts)),
            *(Cell(f"test law: {law}", each) for law, each in zip(LAWS, shifts, strict=True)),
        )

    def summarise(self, results: list[Arrays]) -> Summary:
        heads, tested = results[: len(self.sizes())], results[len(self.sizes()) :]
        lengths, *shifts = (PromptLosses(**each).losses for each in tested)
        return Summary(tuple(TrainedHeads(**each) for each in heads), lengths[0], np.stack(shifts)[:, :, 0])

    def readings(self, summary: Summary) -> Readings:
        return readings(summary, self.tests())

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"covariate": three_panels(summary, self.tests())}

    def sizes(self) -> tuple[int, ...]:
        """All numbers of examples in training, in ascending order."""
        return (self.num_examples, *self.other_sizes)

    def tests(self) -> Trials:
        """What the trained layers are tested on."""
        return Trials(self.variances, self.sizes(), self.lengths, self.num_test)

    def training(self, num_examples: int) -> HeadTraining:
        """The gradient descent of one number of examples."""
        make_head = partial(start, len(self.variances), num_examples, self.init_scale)
        sizes = self.num_steps, self.seeds, self.first_seed
        return HeadTraining(make_head, self.variances, num_examples, Descent(self.learning_rate), *sizes)
