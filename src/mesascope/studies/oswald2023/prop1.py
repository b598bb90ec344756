"""Proposition 1 of von Oswald et al. 2023: one linear attention layer is one gradient step."""

from typing import TYPE_CHECKING, ClassVar, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Key

from mesascope.constructions.gradient_descent import GradientDescentConstruction
from mesascope.drawing.grid import panel_grid
from mesascope.studies.oswald2023._shared.proposition import (
    CONTEXT_ERROR,
    ERROR,
    AbstractComparison,
    AbstractProposition,
    exactly,
    largest_by_step,
    visible,
)
from mesascope.study.base import Readings
from mesascope.study.cell import Arrays, Cell

if TYPE_CHECKING:
    from matplotlib.figure import Figure


GAUGE_CHANGE = "largest change of a prediction in float64 when the gauge is fixed"


class DescentErrors(NamedTuple):
    """Largest absolute errors [seeds steps]: of predictions, of context tokens, and of a change of the gauge."""

    query: np.ndarray
    context: np.ndarray
    gauge: np.ndarray


class DescentComparison(AbstractComparison):
    """Layers of proposition 1 against gradient descent, from initial weights of each seed's own."""

    def errors(self, key: Key[Array, ""]) -> dict[str, Array]:
        """`DescentErrors` of one seed."""
        weights_key, prompt_key = jax.random.split(key)
        start = jax.random.normal(weights_key, (self.dim_y, self.dim_x))
        sizes = self.num_steps, self.num_examples, self.dim_x, self.dim_y
        construction = GradientDescentConstruction(1.0, *sizes, initial_weights=start)
        model = construction.build()
        prompts = construction.holds_on().sample_batch(prompt_key, self.num_prompts)
        predictions = jax.vmap(model.trajectory)(prompts)
        contexts, _ = jax.vmap(model.token_trajectory)(prompts)
        return {
            "query": largest_by_step(predictions - jax.vmap(construction.emulates().trajectory)(prompts)),
            "context": largest_by_step(contexts - jax.vmap(construction.emulated_context)(prompts)),
            "gauge": largest_by_step(predictions - jax.vmap(model.canonical().trajectory)(prompts)),
        }


class Summary(NamedTuple):
    """Errors of every shape in float64, and of those that are looked at in float32."""

    double: tuple[DescentErrors, ...]
    single: tuple[DescentErrors, ...]


class Proposition1(AbstractProposition):
    """A linear self-attention layer with explicit weights makes exactly one step of gradient descent.

    For every shape (dim_x, dim_y, num_examples), with random initial weights W_0, a layer of the proposition's
    weights is compared with gradient descent on random prompts: its predictions after each of `num_steps` layers, and
    the context tokens it leaves, which must be (x_j, y_j - dW x_j). Errors are absolute; predictions are of order 1.

    The paper proves one step; that the same layer, applied again, makes the next step is our derivation: the value
    W_0 x_j - (y_j - dW x_j) of an updated token is the residual at W_0 + dW. Only the products W_KQ and P W_V matter,
    up to (s P W_V, W_KQ / s); the third claim fixes that gauge and finds the same map.
    """

    title: ClassVar = "One linear self-attention layer is one step of gradient descent"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), proposition 1"
    claims: ClassVar = (
        exactly("query", "The prediction is gradient descent's, for any dim_y, W_0, N and K.", ERROR),
        exactly("context", "Every context token becomes (x_j, y_j - dW x_j).", CONTEXT_ERROR),
        exactly("gauge", "Only W_KQ and P W_V matter, up to one scale.", GAUGE_CHANGE),
    )
    paper_shapes: ClassVar = ((10, 1, 10), (3, 4, 7), (5, 2, 1), (20, 3, 40))
    presets: ClassVar = {
        "smoke": {"seeds": 1, "num_steps": 2, "num_prompts": 20, "shapes": ((3, 2, 4),)},
        "quick": {},
        "paper": {"seeds": 5, "num_steps": 8, "num_prompts": 1000, "shapes": paper_shapes, "single": paper_shapes},
    }

    shapes: tuple[tuple[int, int, int], ...] = ((10, 1, 10), (3, 4, 7))
    """Sizes of an input and of an output, and examples in a prompt, of every comparison."""
    single: tuple[tuple[int, int, int], ...] = ()
    """Sizes of the comparisons that are made in float32, too."""

    def cells(self) -> tuple[Cell, ...]:
        sizes = self.num_steps, self.num_prompts, self.seeds
        double = (DescentComparison(*shape, *sizes, "float64") for shape in self.shapes)
        single = (DescentComparison(*shape, *sizes, "float32") for shape in self.single)
        return tuple(Cell(each.label, each) for each in (*double, *single))

    def summarise(self, results: list[Arrays]) -> Summary:
        errors = tuple(DescentErrors(**result) for result in results)
        return Summary(errors[: len(self.shapes)], errors[len(self.shapes) :])

    def readings(self, summary: Summary) -> Readings:
        double = {claim.id: np.max([getattr(each, claim.id) for each in summary.double]) for claim in self.claims}
        if not summary.single:
            return double
        return double | {"largest error of a prediction in float32": np.max([each.query for each in summary.single])}

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        figure, [[axes]] = panel_grid(1, 1)
        axes.axhline(self.claims[0].bound, color="black", linestyle="--", label="criterion")
        steps = np.arange(1, self.num_steps + 1)
        for name, line, shapes, errors in (
            ("", "o-", self.shapes, summary.double),
            (", float32", "o:", self.single, summary.single),
        ):
            for i, ((dim_x, dim_y, num_examples), of_shape) in enumerate(zip(shapes, errors, strict=True)):
                label = f"{dim_x} to {dim_y}, N = {num_examples}{name}"
                axes.semilogy(steps, visible(of_shape.query.max(axis=0)), line, color=f"C{i}", label=label)
        axes.set(xlabel="layers = gradient steps", ylabel="largest error of the prediction")
        axes.legend()
        return {"errors": figure}
