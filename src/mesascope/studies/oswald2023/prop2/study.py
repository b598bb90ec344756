"""Proposition 2 of von Oswald et al. 2023: a perceptron and attention are a gradient step on deep features."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from mesascope.studies.oswald2023._shared.proposition import AbstractProposition, exactly
from mesascope.studies.oswald2023.prop2.cells import FeatureComparison, FeatureErrors
from mesascope.studies.oswald2023.prop2.panels import two_panels
from mesascope.studies.oswald2023.prop2.readings import Summary, readings
from mesascope.study.base import Readings
from mesascope.study.cell import Arrays, Cell

if TYPE_CHECKING:
    from matplotlib.figure import Figure


# What is read, in the words of a criterion: errors are absolute, of numbers of order 1, the largest over all shapes.
CHAIN = "largest |prediction of k layers - that of k gradient steps on m(x)|, k up to K, float64"
CONTEXT = (
    "largest |context token after k layers - (m(x), y - ΔW_k m(x))|, ΔW_k the change in k gradient steps,"
    " k up to K, float64"
)
KERNEL = "largest |prediction of one block - (η/N) Σ y_i m(x_i)ᵀ m(x)|, float64"
SOFTMAX = "largest |prediction of one softmax block - Σ y_i k_i / Σ k_i|, k_i = exp(m(x_i)ᵀ m(x)), float64"


class Proposition2(AbstractProposition):
    """Linear attention after a perceptron makes exact gradient steps on the perceptron's features.

    **Question.** Proposition 2 gives weights with which a block makes a gradient step on deep features. Do they do so
    exactly, and over several layers?

    **Setting.** A perceptron maps (x, y) to (m(x), y), m(x) = x + mlp(x). Linear attention with the weights of
    proposition 1 follows: W_K = W_Q = [[I, 0], [0, 0]], W_V = [[0, 0], [0, -I]], P = (η/N) I. Perceptrons and prompts
    are random, of several shapes. The loss is L(W) = 1/(2N) Σ |W m(x_i) - y_i|², from W = 0.

    **What the paper says.** Proposition 2: a block makes a gradient step on L. Equation 13: the block is a kernel
    smoother with k(x, x') = m(x)ᵀ m(x'). With softmax attention the block is the Nadaraya-Watson smoother.

    **What we measure.** The largest absolute error of predictions, and of context tokens, against these algorithms. The
    query's token starts as (x, 0); the prediction is minus its last entry.

    **Differences.** Equation 13 leaves out the factor η/N; the error of this is among the numbers. The paper gives no
    weights for the softmax. Ours are P = I and W_K = W_Q = b [[I, 0], [0, 0]]; b = d^(1/4) undoes the layer's division
    by √d. Only the first block (perceptron, then attention) has a perceptron.

    **Limits.** The perceptron leaves y alone, and W = 0 at the start; otherwise the query's token must hold -W m(x).
    """

    title: ClassVar = "A perceptron and attention are gradient descent on deep features"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), proposition 2 and equation 13"
    claims: ClassVar = (
        exactly(
            "chain",
            "K linear attention layers after a perceptron predict as K gradient steps on its features.",
            CHAIN,
            "proposition 2",
        ),
        exactly(
            "context",
            "K layers leave in every context token the label's residual after K gradient steps.",
            CONTEXT,
            "proposition 2, the transformed tokens",
        ),
        exactly(
            "kernel",
            "One block predicts as the kernel smoother of equation 13 times η/N.",
            KERNEL,
            "equation 13, with the factor that it leaves out",
        ),
        exactly(
            "softmax",
            "A perceptron and softmax attention predict as the Nadaraya-Watson smoother.",
            SOFTMAX,
            "the remark on softmax attention at proposition 2",
        ),
    )

    presets: ClassVar = {
        "smoke": {"seeds": 1, "num_steps": 2, "num_prompts": 20, "shapes": ((3, 2, 4, 5),)},
        "quick": {},
        "paper": {
            "seeds": 5,
            "num_steps": 8,
            "num_prompts": 1000,
            "shapes": ((10, 1, 10, 40), (3, 4, 7, 12), (5, 2, 1, 8), (20, 3, 40, 30)),
            "single": ((10, 1, 10, 40),),
        },
    }

    shapes: tuple[tuple[int, int, int, int], ...] = ((3, 4, 7, 12),)
    """Sizes of an input and of an output, examples in a prompt, and hidden units, of every comparison."""
    single: tuple[tuple[int, int, int, int], ...] = ()
    """Sizes of the comparisons that are made in float32, too."""

    def cells(self) -> tuple[Cell, ...]:
        return tuple(Cell(each.label, each) for each in self._comparisons())

    def _comparisons(self) -> Iterator[FeatureComparison]:
        sizes = self.num_steps, self.num_prompts, self.seeds
        for precision, shapes in (("float64", self.shapes), ("float32", self.single)):
            for dim_x, dim_y, num_examples, dim_hidden in shapes:
                yield FeatureComparison(dim_x, dim_y, num_examples, *sizes, precision, dim_hidden=dim_hidden)

    def summarise(self, results: list[Arrays]) -> Summary:
        errors = tuple(FeatureErrors(**result) for result in results)
        return Summary(errors[: len(self.shapes)], errors[len(self.shapes) :])

    def readings(self, summary: Summary) -> Readings:
        return readings(summary, self.claims)

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"errors": two_panels(summary, self.claims[0].bound)}
