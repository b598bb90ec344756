"""Proposition 1 of von Oswald et al. 2023: one linear attention layer is one gradient step."""

import dataclasses
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.constructions.gradient_descent import GradientDescentConstruction
from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import LINE, shades
from mesascope.models.transformer import Transformer
from mesascope.prompt import Prompt
from mesascope.studies.oswald2023._shared.proposition import (
    AbstractComparison,
    AbstractProposition,
    exactly,
    largest_by_step,
    shape_label,
    visible,
)
from mesascope.study.base import Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


OVER = "in float64, over all K and sizes"


class DescentErrors(NamedTuple):
    """Largest absolute errors and changes [seeds steps].

    Errors of predictions and of context tokens against gradient descent; and, with the query among the keys, of
    predictions against gradient descent with one more example. Changes of a prediction when the query is among the
    keys, from random initial weights and from zero.
    """

    query: np.ndarray
    context: np.ndarray
    one_more: np.ndarray
    change: np.ndarray
    change_from_zero: np.ndarray


class DescentComparison(AbstractComparison):
    """Layers of proposition 1 against gradient descent, from initial weights of each seed's own."""

    def errors(self, key: Key[Array, ""]) -> dict[str, Array]:
        """`DescentErrors` of one seed."""
        weights_key, prompt_key = jax.random.split(key)
        start = jax.random.normal(weights_key, (self.dim_y, self.dim_x))
        sizes = self.num_steps, self.num_examples, self.dim_x, self.dim_y
        construction = GradientDescentConstruction(1.0, *sizes, initial_weights=start)
        prompts = construction.holds_on().sample_batch(prompt_key, self.num_prompts)
        model = construction.build()
        contexts, _ = jax.vmap(model.token_trajectory)(prompts)
        predictions, among = (
            jax.vmap(each)(prompts) for each in (model.trajectory, lambda each: attended(model, each))
        )
        one_more = jax.vmap(lambda each: with_one_more(construction, each))(prompts)
        from_zero = dataclasses.replace(construction, initial_weights=None).build()
        change_from_zero = jax.vmap(lambda each: attended(from_zero, each) - from_zero.trajectory(each))(prompts)
        return {
            "query": largest_by_step(predictions - jax.vmap(construction.emulates().trajectory)(prompts)),
            "context": largest_by_step(contexts - jax.vmap(construction.emulated_context)(prompts)),
            "one_more": largest_by_step(among - one_more),
            "change": largest_by_step(among - predictions),
            "change_from_zero": largest_by_step(change_from_zero),
        }


def attended(model: Transformer, prompt: Prompt) -> Float[Array, "steps dy"]:
    """Predictions of a model of one repeated layer after each step, the query's token among the keys and values."""
    context, query = model.tokens.embed(prompt)
    (layer,) = model.layers

    def step(tokens: Float[Array, "m d"], _: None) -> tuple[Float[Array, "m d"], Float[Array, " d"]]:
        tokens = tokens + layer(tokens, tokens)
        return tokens, tokens[-1]

    _, queries = jax.lax.scan(step, jnp.concatenate([context, query[None]]), length=model.num_repeats)
    return jax.vmap(model.tokens.read)(queries)


def with_one_more(construction: GradientDescentConstruction, prompt: Prompt) -> Float[Array, "steps dy"]:
    """Predictions of gradient descent on N + 1 examples, the last (x, -W_0 x), x the query, with rate eta (N + 1) / N.

    The layer's sum over tokens takes the query's token (x, -W_0 x) as it takes any example's.
    """
    start, num_examples = construction.initial_weights, construction.num_examples
    assert start is not None
    rate = construction.learning_rate * (num_examples + 1) / num_examples
    xs = jnp.concatenate([prompt.xs, prompt.query[None]])
    ys = jnp.concatenate([prompt.ys, -(start @ prompt.query)[None]])
    longer = Prompt(xs, ys, prompt.query, prompt.target)
    return GradientDescent(rate, construction.num_steps, start).trajectory(longer)


class Proposition1(AbstractProposition):
    """**Question.** Can one linear attention layer make exactly one step of gradient descent?

    **Setting.** Tokens (x_j, y_j) of N examples, and the query's token (x, -W_0 x); the prediction is minus its last
    entry. The weights are W_K = W_Q = diag(I, 0), W_V = [[0, 0], [W_0, -I]], P = (η/N) I. The step is
    ΔW = -(η/N) Σ (W_0 x_i - y_i) x_iᵀ, with η = 1.

    **What the paper says.** Proposition 1: the layer turns (x_j, y_j) into (x_j, y_j - ΔW x_j), and the query's token
    into (x, -(W_0 + ΔW) x): the prediction after a gradient step.

    **What we measure.** Largest errors in float64 of predictions and of context tokens after each of K layers, for
    several sizes, with W_0 of standard normals.

    **Found here.** The sum runs over the N examples; the query's token is not among the keys. If the query's token is a
    key, too, the layer still makes exact gradient steps, but on one more example: the query with the label -W_0 x, at
    the rate η(N + 1)/N. One layer's prediction changes by -(2η/N) ‖x‖² W_0 x. The change is visible where W_0 is not
    zero; where W_0 = 0, as in the paper's experiments, there is none.

    **Differences.** The proposition is about one step. That the same layer also makes the next steps is our derivation:
    an updated token's value is its residual at W_0 + ΔW.

    **Limits.** Trained weights are studied in oswald2023-fig2.
    """

    title: ClassVar = "One linear self-attention layer is one step of gradient descent"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), proposition 1"
    claims: ClassVar = (
        exactly(
            "query",
            "Layers with the weights of proposition 1 predict exactly what gradient steps predict.",
            f"largest |prediction of K layers - prediction of K gradient steps| {OVER}",
            "proposition 1",
        ),
        exactly(
            "context",
            "A layer subtracts from every label what the gradient step adds to its prediction.",
            "largest |entry of a context token - entry of (x_j, y_j - ΔW x_j)| in float64, ΔW the change in K "
            "gradient steps, over all K and sizes",
            "proposition 1",
        ),
        exactly(
            "one-more",
            "With the query as a key, layers make gradient steps on one more example.",
            "largest |prediction - prediction of gradient descent with one more example (x, -W_0 x) and rate "
            f"η (N + 1)/N| {OVER}",
        ),
        Claim(
            "change",
            "Making the query a key changes one layer's prediction where W_0 is not zero.",
            "least over sizes of the largest |change of one layer's prediction|, W_0 of standard normals",
            "at least",
            0.1,
            "one number",
        ),
        exactly(
            "no-change",
            "Making the query a key changes no prediction of one layer with W_0 = 0.",
            "largest |change of one layer's prediction| in float64, W_0 = 0, over all sizes",
        ),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 1, "num_steps": 2, "num_prompts": 20, "shapes": ((3, 2, 4),)},
        "quick": {},
        "paper": {
            "seeds": 5,
            "num_steps": 8,
            "num_prompts": 1000,
            "shapes": ((10, 1, 10), (3, 4, 7), (5, 2, 1), (20, 3, 40)),
        },
    }

    shapes: tuple[tuple[int, int, int], ...] = ((10, 1, 10), (3, 4, 7))
    """Sizes of an input and of an output, and examples in a prompt, of every comparison."""

    def cells(self) -> tuple[Cell, ...]:
        sizes = self.num_steps, self.num_prompts, self.seeds
        return tuple(Cell(each.label, each) for each in (DescentComparison(*shape, *sizes) for shape in self.shapes))

    def summarise(self, results: list[Arrays]) -> tuple[DescentErrors, ...]:
        return tuple(DescentErrors(**result) for result in results)

    def readings(self, summary: tuple[DescentErrors, ...]) -> Readings:
        first = [of_shape.change[:, 0].max() for of_shape in summary]
        return {
            "query": np.max([of_shape.query for of_shape in summary]),
            "context": np.max([of_shape.context for of_shape in summary]),
            "one-more": np.max([of_shape.one_more for of_shape in summary]),
            "change": np.min(first),
            "no-change": np.max([of_shape.change_from_zero[:, 0] for of_shape in summary]),
            "largest change of the last layer's prediction, W_0 = 0": np.max(
                [of_shape.change_from_zero[:, -1] for of_shape in summary]
            ),
            **{
                f"largest change of one layer's prediction, W_0 of standard normals, {shape_label(shape)}": change
                for shape, change in zip(self.shapes, first, strict=True)
            },
        }

    def figures(self, summary: tuple[DescentErrors, ...]) -> "dict[str, Figure]":
        figure, [panels] = panel_grid(1, 3, narrowest=7.0)
        titles = ("query not among the keys", "query among the keys, W_0 normal", "query among the keys, W_0 = 0")
        ylabels = ("largest |prediction - that of gradient descent|", *["largest |change of the prediction|"] * 2)
        of_panels = [[getattr(each, name) for each in summary] for name in ("query", "change", "change_from_zero")]
        for axes, title, ylabel, errors in zip(panels, titles, ylabels, of_panels, strict=True):
            self.by_layer(axes, errors)
            axes.set(title=title, ylabel=ylabel)
        panels[0].axhline(self.claims[0].bound, label="criterion", **LINE)
        panels[0].legend()
        return {"errors": figure}

    def by_layer(self, axes: "Axes", errors: list[np.ndarray]) -> None:
        """The largest over seeds after each layer, a line for each size."""
        from matplotlib.ticker import MaxNLocator

        steps = np.arange(1, self.num_steps + 1)
        colors = shades(len(self.shapes))
        for i, (shape, of_shape) in enumerate(zip(self.shapes, errors, strict=True)):
            style = {"color": colors[i], "marker": "osD^v<>"[i % 7], "label": shape_label(shape)}
            axes.plot(steps, visible(of_shape.max(axis=0)), **style)
        axes.set_xlabel("layers, gradient steps")
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
        if np.isfinite(errors).all():  # a logarithmic axis needs numbers
            axes.set_yscale("log")
