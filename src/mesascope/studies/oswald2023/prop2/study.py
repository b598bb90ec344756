"""Proposition 2 of von Oswald et al. 2023: a perceptron and attention are a gradient step on deep features."""

from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from mesascope.studies.oswald2023._shared.proposition import (
    CONTEXT_ERROR,
    ERROR,
    EXACT,
    AbstractProposition,
    shape_label,
)
from mesascope.studies.oswald2023.prop2.cells import LEARNING_RATE, Shape, compare
from mesascope.study.base import Arrays, Cell, Workspace
from mesascope.study.claim import Claim, Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SHAPES = ((10, 1, 10, 40), (3, 4, 7, 12), (5, 2, 1, 8), (20, 3, 40, 30))  # dim_x, dim_y, N, hidden units


class Summary(NamedTuple):
    """Largest absolute errors by what is compared: of every shape, and of the first one in single precision."""

    double: Arrays
    single: Arrays


class Proposition2(AbstractProposition):
    """A perceptron on the inputs and linear self-attention make exactly a step of gradient descent on its features.

    For every shape, with random perceptrons, the first block maps (x_j, y_j) to (m(x_j), y_j), m(x) = x + mlp(x), and
    goes on with the weights of proposition 1. Its prediction is held against gradient descent on
    1/(2N) sum_i |W m(x_i) - y_i|^2 from W = 0 and against the kernel smoother (eta/N) sum_i y_i k(x_i, x) with
    k(x, x') = m(x)^T m(x'); and a chain of such attention layers, the perceptron in the first block only, against as
    many steps. Errors are absolute; predictions are of order 1. The perceptron must leave y alone, and W_0 must be
    zero: the query token holds -W_0 x and would have to hold -W_0 m(x).

    Equation 13 of the paper prints the smoother without the factor eta/N, so that its prediction is N/eta times too
    large; the notes give the error. That softmax attention smooths in the manner of Nadaraya and Watson,
    sum_i y_i k(x_i, x) / sum_i k(x_i, x), is stated without weights; these are ours. With
    W_K = W_Q = b [[I, 0], [0, 0]] and W_V = [[0, 0], [0, -I]] the scores are b^2 m(x_i)^T m(x) / sqrt(d), d the size
    of a key, and minus the query's y-entry becomes P times the softmax mean of the y_i. It is the smoother of kernel
    exp(b^2 m(x)^T m(x') / sqrt(d)) if P = I: the softmax divides by its own sum, so that eta/N has no place in it.
    b = d^(1/4) makes the kernel exp(m(x)^T m(x')); without the factor 1/sqrt(d), which is the code's, b = 1 does.
    """

    title: ClassVar = "A perceptron and attention are gradient descent on deep features"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), proposition 2 and equation 13"
    claims: ClassVar = (
        Claim("step", "One block is one step of gradient descent on m(x).", ERROR, "at most", EXACT),
        Claim("kernel", "One block is the kernel smoother with eta/N.", ERROR, "at most", EXACT),
        Claim("chain", "K layers, the perceptron in the first, are K steps.", ERROR, "at most", EXACT),
        Claim("context", "Every context token becomes (m(x), y - dW m(x)).", CONTEXT_ERROR, "at most", EXACT),
        Claim("softmax", "Softmax attention is the Nadaraya-Watson smoother.", ERROR, "at most", EXACT),
    )

    def cells(self) -> tuple[Cell, ...]:
        runs = [*((shape, "float64") for shape in SHAPES), (SHAPES[0], "float32")]
        return tuple(
            Cell(
                f"{shape_label(shape)}, {precision}",
                Shape(*shape, self.num_steps, self.num_prompts, self.seeds, precision),
            )
            for shape, precision in runs
        )

    def run_cell(self, cell: Cell, workspace: Workspace) -> Arrays:
        errors = compare(cell.config)
        workspace.report(1, 1, cell.label)
        return errors

    def summarise(self, results: list[Arrays]) -> Summary:
        *double, single = results
        return Summary({name: np.stack([result[name] for result in double]) for name in single}, single)

    def verdicts(self, summary: Summary) -> tuple[Verdict, ...]:
        return tuple(claim.judge_exact(float(summary.double[claim.id].max())) for claim in self.claims)

    def notes(self, summary: Summary) -> tuple[str, ...]:
        single = max(float(summary.single[name].max()) for name in ("kernel", "chain", "softmax"))
        by_shape = (summary.double[name].max(axis=1) for name in ("printed", "printed_size"))
        printed = (
            f"{error:.3g} where the largest prediction is {size:.2g} (N = {shape[2]})"
            for shape, error, size in zip(SHAPES, *by_shape, strict=True)
        )
        return (
            f"In float32 the largest error of a prediction is {single:.2g} (N = {SHAPES[0][2]}).",
            f"Equation 13 as printed, without eta/N, errs by up to {', '.join(printed)}; eta = {LEARNING_RATE:g}.",
        )

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9, 3.6), layout="constrained")
        chain, block = figure.subplots(1, 2, sharey=True)
        steps = np.arange(1, self.num_steps + 1)
        names = ("step", "kernel", "softmax", "printed")
        one_block = np.stack([summary.double[name].max(axis=1) for name in names], axis=1)
        for shape, errors, of_block in zip(SHAPES, summary.double["chain"], one_block, strict=True):
            label = f"{shape[0]} to {shape[1]}, N = {shape[2]}"
            chain.semilogy(steps, _visible(errors.max(axis=0)), "o-", label=label)
            block.semilogy(range(len(names)), _visible(of_block), "o", label=label)
        chain.semilogy(
            steps, _visible(summary.single["chain"].max(axis=0)), "o:", color="C0", label="the first, float32"
        )
        chain.set(xlabel="layers = gradient steps", ylabel="largest error of the prediction", title="K layers")
        block.set_title("one block")
        block.set_xticks(
            range(len(names)),
            ("gradient\nstep", "kernel\nsmoother", "softmax:\nNadaraya-\nWatson", "equation 13\nas printed"),
        )
        for axes in (chain, block):
            axes.axhline(EXACT, color="black", linestyle="--", label="criterion")
        chain.legend(fontsize=8)
        return {"errors": figure}


def _visible(errors: np.ndarray) -> np.ndarray:
    """Errors on a logarithmic axis: an exact zero at machine precision."""
    return np.maximum(errors, 1e-17)
