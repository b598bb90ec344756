"""Proposition 1 of von Oswald et al. 2023: one linear attention layer is one gradient step."""

from typing import TYPE_CHECKING, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from mesascope.constructions.gradient_descent import GradientDescentConstruction
from mesascope.studies._shared.measure import jit_once
from mesascope.studies.oswald2023._shared.proposition import (
    CONTEXT_ERROR,
    ERROR,
    EXACT,
    AbstractProposition,
    shape_label,
)
from mesascope.study.base import Arrays, Cell, Workspace
from mesascope.study.claim import Claim, Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SHAPES = ((10, 1, 10), (3, 4, 7), (5, 2, 1), (20, 3, 40))  # dim_x, dim_y, number of examples
GAUGE_CHANGE = "largest change of a prediction in float64 when the gauge is fixed"


class Shape(NamedTuple):
    """Sizes of one comparison; every seed draws its own prompts and initial weights."""

    dim_x: int
    dim_y: int
    num_examples: int
    num_steps: int
    num_prompts: int
    seeds: int


class Summary(NamedTuple):
    """Largest absolute errors [shapes, seeds, steps], by what is compared and in which precision."""

    query: np.ndarray
    context: np.ndarray
    gauge: np.ndarray
    query_single: np.ndarray


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
        Claim("query", "The prediction is gradient descent's, for any dim_y, W_0, N and K.", ERROR, "at most", EXACT),
        Claim("context", "Every context token becomes (x_j, y_j - dW x_j).", CONTEXT_ERROR, "at most", EXACT),
        Claim("gauge", "Only W_KQ and P W_V matter, up to one scale.", GAUGE_CHANGE, "at most", EXACT),
    )

    def cells(self) -> tuple[Cell, ...]:
        return tuple(
            Cell(shape_label(shape), Shape(*shape, self.num_steps, self.num_prompts, self.seeds)) for shape in SHAPES
        )

    def run_cell(self, cell: Cell, workspace: Workspace) -> Arrays:
        with jax.enable_x64(True):
            double = compare(cell.config)
        workspace.report(1, 2, "float64")
        with jax.enable_x64(False):
            single = compare(cell.config)
        workspace.report(2, 2, "float32")
        return {**double, "query_single": single["query"]}

    def summarise(self, results: list[Arrays]) -> Summary:
        return Summary(*(np.stack([result[name] for result in results]) for name in Summary._fields))

    def verdicts(self, summary: Summary) -> tuple[Verdict, ...]:
        return tuple(claim.judge_exact(float(getattr(summary, claim.id).max())) for claim in self.claims)

    def notes(self, summary: Summary) -> tuple[str, ...]:
        return (f"In float32 the largest error of the prediction is {summary.query_single.max():.2g}.",)

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 3))
        panels = figure.subplots(1, 2, sharex=True)
        titles = ("float64", "float32")
        for axes, title, errors in zip(panels, titles, (summary.query, summary.query_single), strict=True):
            for (dim_x, dim_y, num_examples), of_shape in zip(SHAPES, errors, strict=True):
                largest = np.maximum(of_shape.max(axis=0), np.finfo(float).tiny)
                label = f"{dim_x} to {dim_y}, N = {num_examples}"
                axes.semilogy(np.arange(1, self.num_steps + 1), largest, "o-", label=label)
            axes.set(title=title, xlabel="layers = gradient steps", ylabel="largest error of the prediction")
        panels[0].axhline(self.claims[0].bound, color="black", linestyle="--", label="criterion")
        panels[0].legend()
        return {"errors": figure}


def compare(shape: Shape) -> Arrays:
    """Largest absolute errors [seeds, steps], in the precision JAX is set to."""

    def of_seed(key: Key[Array, ""]) -> dict[str, Array]:
        weights_key, prompt_key = jax.random.split(key)
        start = jax.random.normal(weights_key, (shape.dim_y, shape.dim_x))
        sizes = {"num_examples": shape.num_examples, "dim_x": shape.dim_x, "dim_y": shape.dim_y}
        construction = GradientDescentConstruction(1.0, shape.num_steps, initial_weights=start, **sizes)
        model = construction.build()
        prompts = construction.holds_on().sample_batch(prompt_key, shape.num_prompts)
        predictions = jax.vmap(model.trajectory)(prompts)
        contexts, _ = jax.vmap(model.token_trajectory)(prompts)
        errors = {
            "query": predictions - jax.vmap(construction.emulates().trajectory)(prompts),
            "context": contexts - jax.vmap(construction.emulated_context)(prompts),
            "gauge": predictions - jax.vmap(model.canonical().trajectory)(prompts),
        }
        return {name: jnp.moveaxis(jnp.abs(e), 1, 0).reshape(shape.num_steps, -1).max(1) for name, e in errors.items()}

    keys = jax.random.split(jax.random.key(0), shape.seeds)
    return jax.tree.map(np.asarray, jit_once(jax.vmap(of_seed))(keys))
