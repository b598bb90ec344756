"""Proposition 2 of von Oswald et al. 2023: a perceptron and attention are a gradient step on deep features."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from mesascope.studies.oswald2023._shared.proposition import (
    CONTEXT_ERROR,
    ERROR,
    AbstractProposition,
    exactly,
)
from mesascope.studies.oswald2023.prop2.cells import FeatureComparison, FeatureErrors
from mesascope.studies.oswald2023.prop2.panels import two_panels
from mesascope.studies.oswald2023.prop2.readings import Summary, readings
from mesascope.study.base import Readings
from mesascope.study.cell import Arrays, Cell

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Proposition2(AbstractProposition):
    """A perceptron on the inputs and linear self-attention make exactly a step of gradient descent on its features.

    For every shape, with random perceptrons, the first block maps (x_j, y_j) to (m(x_j), y_j), m(x) = x + mlp(x), and
    goes on with the weights of proposition 1. Its prediction is held against gradient descent on
    1/(2N) sum_i |W m(x_i) - y_i|^2 from W = 0 and against the kernel smoother (eta/N) sum_i y_i k(x_i, x) with
    k(x, x') = m(x)^T m(x'); and a chain of such attention layers, the perceptron in the first block only, against as
    many steps. Errors are absolute; predictions are of order 1. The perceptron must leave y alone, and W_0 must be
    zero: the query token holds -W_0 x and would have to hold -W_0 m(x).

    Equation 13 of the paper prints the smoother without the factor eta/N, so that its prediction is N/eta times too
    large; the error is among the numbers. That softmax attention smooths in the manner of Nadaraya and Watson,
    sum_i y_i k(x_i, x) / sum_i k(x_i, x), is stated without weights; these are ours. With
    W_K = W_Q = b [[I, 0], [0, 0]] and W_V = [[0, 0], [0, -I]] the scores are b^2 m(x_i)^T m(x) / sqrt(d), d the size
    of a key, and minus the query's y-entry becomes P times the softmax mean of the y_i. It is the smoother of kernel
    exp(b^2 m(x)^T m(x') / sqrt(d)) if P = I: the softmax divides by its own sum, so that eta/N has no place in it.
    b = d^(1/4) makes the kernel exp(m(x)^T m(x')); without the factor 1/sqrt(d), which is the code's, b = 1 does.
    """

    title: ClassVar = "A perceptron and attention are gradient descent on deep features"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), proposition 2 and equation 13"
    claims: ClassVar = (
        exactly("step", "One block is one step of gradient descent on m(x).", ERROR),
        exactly("kernel", "One block is the kernel smoother with eta/N.", ERROR),
        exactly("chain", "K layers, the perceptron in the first, are K steps.", ERROR),
        exactly("context", "Every context token becomes (m(x), y - dW m(x)).", CONTEXT_ERROR),
        exactly("softmax", "Softmax attention is the Nadaraya-Watson smoother.", ERROR),
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
        return {"errors": two_panels(summary, self.shapes, self.single, self.claims[0].bound)}
