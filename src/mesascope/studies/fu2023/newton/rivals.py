"""What is answered after each step of Newton's iteration and of gradient descent, in double precision."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, PyTree

from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.algorithms.least_squares import LeastSquares
from mesascope.algorithms.newton_schulz import NewtonSchulz
from mesascope.prompt import Prompt


class Rivals(NamedTuple):
    """Answers to a batch of prompts, after each step, and those of least squares."""

    newton: Float[np.ndarray, "steps b 1 dy"]
    descent: Float[np.ndarray, "steps b 1 dy"]
    least_squares: Float[np.ndarray, "b 1 dy"]


def rivals_of(prompts: Prompt, num_newton: int, num_descent: int) -> Rivals:
    """Newton-Schulz from S / |S S^T|_F, gradient descent at the rate 1 / s_1, and least squares.

    S = X^T X / n with largest eigenvalue s_1, of each prompt: no step of either diverges on any prompt. Newton's
    iteration squares the condition number, so all is computed in double precision.
    """
    doubles = jax.tree.map(lambda leaf: np.asarray(leaf, float), prompts)
    rates = doubles.xs.shape[1] / np.linalg.norm(doubles.xs, ord=2, axis=(1, 2)) ** 2
    with jax.enable_x64(True):
        newton = _over_prompts(lambda prompt: NewtonSchulz(num_steps=num_newton).trajectory(prompt), doubles)
        descent = _over_prompts(
            lambda rate, prompt: GradientDescent(rate, num_descent).trajectory(prompt), rates, doubles
        )
        least_squares = _over_prompts(LeastSquares(), doubles)
    newton, descent = (each.swapaxes(0, 1)[:, :, None] for each in (newton, descent))
    return Rivals(newton, descent, least_squares[:, None])


def _over_prompts(function: Callable[..., Array], *batches: PyTree) -> np.ndarray:
    compiled: Any = eqx.filter_jit(jax.vmap(function))
    return np.asarray(compiled(*batches))
