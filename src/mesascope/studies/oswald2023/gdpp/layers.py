"""The attention layers of GD++ against the update of its tokens, and against the filter of eigenvalues that it is."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mesascope.constructions.gdpp import GDPlusPlusConstruction
from mesascope.prompt import Prompt
from mesascope.studies._shared.measure import jit_once
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.theory.gdpp import effective_eigenvalue
from mesascope.theory.residual import filters


class LayerErrors(NamedTuple):
    """Largest absolute errors [seeds]: of the stack of layers, of the filter, and of the Hessian's eigenvalues."""

    stack: np.ndarray
    filter: np.ndarray
    hessian: np.ndarray


class Walk(NamedTuple):
    """Predictions [seeds starts prompts steps dy] of layers, and distances [seeds starts] from the update of tokens."""

    predictions: Array | np.ndarray
    error: Array | np.ndarray


class UpdateCell(AbstractConfig):
    """Sizes and rates of one comparison of layers with the update of tokens; every seed draws prompts of its own.

    Steps share `learning_rate` and `curvature`, or have curvatures that rise from `lowest_curvature` to
    `highest_curvature`, and the learning rates falling by `rate_per_curvature` times as much.
    """

    dim_x: int
    dim_y: int
    num_examples: int
    num_steps: int
    num_prompts: int
    seeds: int
    learning_rate: float = 1.5
    curvature: float = 0.1
    lowest_curvature: float = 0.05
    highest_curvature: float = 0.15
    rate_per_curvature: float = 20.0
    input_scale: float = 0.5

    def compute(self, workspace: Workspace) -> Arrays:
        """`LayerErrors`, in float64."""
        with jax.enable_x64(True):
            drawn = [self.prompts(seed) for seed in range(self.seeds)]
            any_start = np.stack([self.start(seed) for seed in range(self.seeds)])
            starts = np.stack([any_start, np.zeros_like(any_start)], axis=1)
            tied, untied = _walk(self.tied(), starts, drawn), _walk(self.untied(), starts[:, 1:], drawn)
            from_zero = [
                np.abs(walk.predictions[seed, -1] - _filtered(construction, prompts)).max()
                for seed, prompts in enumerate(drawn)
                for construction, walk in ((self.tied(), tied), (self.untied(), untied))
            ]
        stack = np.concatenate([tied.error, untied.error], axis=1).max(axis=1)
        hessian = [_hessian_error(np.asarray(prompts.xs), self.curvature) for prompts in drawn]
        workspace.report(1, 1, "layers compared")
        return LayerErrors(stack, np.reshape(from_zero, (self.seeds, 2)).max(axis=1), np.array(hessian))._asdict()

    def start(self, seed: int) -> Float[np.ndarray, "dy dx"]:
        """W_0."""
        return np.random.default_rng(seed).standard_normal((self.dim_y, self.dim_x))

    def tied(self) -> GDPlusPlusConstruction:
        """One layer, repeated."""
        return GDPlusPlusConstruction(
            self.learning_rate, self.curvature, self.num_steps, self.num_examples, self.dim_x, self.dim_y
        )

    def untied(self) -> GDPlusPlusConstruction:
        """Layers with rates of their own."""
        rising = jnp.linspace(self.lowest_curvature, self.highest_curvature, self.num_steps)
        rates = self.rate_per_curvature * rising[::-1], rising
        return GDPlusPlusConstruction(*rates, self.num_steps, self.num_examples, self.dim_x, self.dim_y)

    def prompts(self, seed: int) -> Prompt:
        """Uniform inputs and normal teachers: drawn here, since compiling a task takes longer than everything else."""
        rng, size = np.random.default_rng(seed), (self.num_prompts, self.num_examples + 1, self.dim_x)
        xs = rng.uniform(-self.input_scale, self.input_scale, size)
        ys = xs @ rng.standard_normal((self.num_prompts, self.dim_x, self.dim_y))
        return jax.vmap(Prompt)(*map(jnp.asarray, (xs[:, 1:], ys[:, 1:], xs[:, 0], ys[:, 0])))


def _walk(
    tied_or_not: GDPlusPlusConstruction, starts: Float[np.ndarray, "seeds starts dy dx"], drawn: list[Prompt]
) -> Walk:
    """The layers from every W_0 held against the algorithm, context tokens included."""

    def walk(start: Float[Array, "dy dx"], prompts: Prompt) -> Walk:
        construction = dataclasses.replace(tied_or_not, initial_weights=start)
        model, algorithm = construction.build(), construction.emulates()
        contexts, queries = jax.vmap(model.token_trajectory)(prompts)
        predictions = jax.vmap(jax.vmap(model.tokens.read))(queries)
        errors = (
            predictions - jax.vmap(algorithm.trajectory)(prompts),
            contexts - jax.vmap(construction.emulated_context)(prompts),
        )
        return Walk(predictions, jnp.maximum(*(jnp.abs(error).max() for error in errors)))

    def walk_all(starts: Float[Array, "starts dy dx"], prompts: Prompt) -> Walk:
        return jax.lax.map(lambda start: walk(start, prompts), starts)

    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *drawn)
    found = jit_once(lambda *each: jax.lax.map(lambda one: walk_all(*one), each))(jnp.asarray(starts), stacked)
    return jax.tree.map(np.asarray, found)


def _filtered(construction: GDPlusPlusConstruction, prompts: Prompt) -> Float[np.ndarray, "prompts steps dy"]:
    """sum_i y_i x_i^T q_k(S) x after each step, by the eigenvectors of S."""
    xs, ys, queries = (np.asarray(each) for each in (prompts.xs, prompts.ys, prompts.query))
    spectra, bases = np.linalg.eigh(xs.transpose(0, 2, 1) @ xs)
    read, asked = ys.transpose(0, 2, 1) @ xs @ bases, np.einsum("pij,pi->pj", bases, queries)
    rates, curvatures = (
        np.broadcast_to(np.asarray(each), construction.num_steps)
        for each in (construction.learning_rate, construction.curvature)
    )
    readouts = [
        filters(rates[:k] / construction.num_examples, curvatures[:k], spectra).readout
        for k in range(1, construction.num_steps + 1)
    ]
    return np.einsum("pyi,kpi,pi->pky", read, np.array(readouts), asked)


def _hessian_error(xs: Float[np.ndarray, "prompts n dx"], curvature: float) -> float:
    """How far the eigenvalues of (I - curvature H) H (I - curvature H) are from l (1 - curvature l)^2."""
    hessians = xs.transpose(0, 2, 1) @ xs
    shrink = np.eye(xs.shape[-1]) - curvature * hessians
    found = np.linalg.eigvalsh(shrink @ hessians @ shrink)
    expected = np.sort(effective_eigenvalue(np.linalg.eigvalsh(hessians), curvature), axis=-1)
    return float(np.abs(found - expected).max())
