"""The attention layers of GD++ against the update of its tokens, and against the filter of eigenvalues that it is."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mesascope.constructions.gdpp import GDPlusPlusConstruction
from mesascope.prompt import Prompt
from mesascope.studies._shared.measure import jit_once
from mesascope.study.base import Arrays
from mesascope.theory import gdpp as theory


class Shape(NamedTuple):
    """Sizes of one comparison of layers with the token update; every seed draws its own prompts."""

    dim_x: int
    dim_y: int
    num_examples: int
    num_steps: int
    num_prompts: int
    seeds: int

    def measure(self) -> Arrays:
        """Largest absolute errors in float64, one a seed."""
        with jax.enable_x64(True):
            found = [self._of_seed(seed) for seed in range(self.seeds)]
        return {name: np.array([each[name] for each in found]) for name in found[0]}

    def _of_seed(self, seed: int) -> dict[str, float]:
        sizes = self.num_examples, self.dim_x, self.dim_y
        rising = jnp.linspace(0.05, 0.15, self.num_steps)
        start = jnp.asarray(np.random.default_rng(seed).standard_normal((self.dim_y, self.dim_x)))
        constructions = (
            GDPlusPlusConstruction(1.5, 0.1, self.num_steps, *sizes, start),
            GDPlusPlusConstruction(1.5, 0.1, self.num_steps, *sizes),
            GDPlusPlusConstruction(20 * rising[::-1], rising, self.num_steps, *sizes),
        )
        prompts = _prompts(seed, self.num_prompts, *sizes)
        walked = [jax.tree.map(np.asarray, _walk(construction, prompts)) for construction in constructions]
        from_zero = [
            np.abs(walk["predictions"] - _filtered(construction, prompts))
            for construction, walk in zip(constructions[1:], walked[1:], strict=True)
        ]
        return {
            "stack": max(float(walk["error"]) for walk in walked),
            "filter": max(float(each.max()) for each in from_zero),
            "hessian": _hessian_error(np.asarray(prompts.xs), 0.1),
        }


def _prompts(seed: int, num_prompts: int, num_examples: int, dim_x: int, dim_y: int) -> Prompt:
    """Uniform inputs and normal teachers: drawn here, since compiling a task takes longer than everything else."""
    rng = np.random.default_rng(seed)
    xs = rng.uniform(-0.5, 0.5, (num_prompts, num_examples + 1, dim_x))
    ys = xs @ rng.standard_normal((num_prompts, dim_x, dim_y))
    return jax.vmap(Prompt)(*map(jnp.asarray, (xs[:, 1:], ys[:, 1:], xs[:, 0], ys[:, 0])))


def _walk(construction: GDPlusPlusConstruction, prompts: Prompt) -> dict[str, Array]:
    """The layers' predictions, and their largest distance from the algorithm's, context tokens included."""

    def walk(prompts):
        model, algorithm = construction.build(), construction.emulates()
        contexts, queries = jax.vmap(model.token_trajectory)(prompts)
        predictions = jax.vmap(jax.vmap(model.tokens.read))(queries)
        errors = (
            predictions - jax.vmap(algorithm.trajectory)(prompts),
            contexts - jax.vmap(construction.emulated_context)(prompts),
        )
        return {"predictions": predictions, "error": jnp.maximum(*(jnp.abs(error).max() for error in errors))}

    return jit_once(walk)(prompts)


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
        theory.filters(rates[:k] / construction.num_examples, curvatures[:k], spectra).readout
        for k in range(1, construction.num_steps + 1)
    ]
    return np.einsum("pyi,kpi,pi->pky", read, np.array(readouts), asked)


def _hessian_error(xs: np.ndarray, curvature: float) -> float:
    """How far the eigenvalues of (I - curvature H) H (I - curvature H) are from l (1 - curvature l)^2."""
    hessians = xs.transpose(0, 2, 1) @ xs
    shrink = np.eye(xs.shape[-1]) - curvature * hessians
    found = np.linalg.eigvalsh(shrink @ hessians @ shrink)
    expected = np.sort(theory.effective_eigenvalue(np.linalg.eigvalsh(hessians), curvature), axis=-1)
    return float(np.abs(found - expected).max())
