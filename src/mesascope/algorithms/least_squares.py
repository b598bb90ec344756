"""Least squares on a prompt's examples."""

import jax.numpy as jnp
from jaxtyping import Array, Inexact

from mesascope.predictor import AbstractLinearLearner
from mesascope.prompt import Prompt


class LeastSquares(AbstractLinearLearner):
    """The W of least norm among the minimisers of sum_i |W x_i - y_i|^2.

    Singular values below 10 max(n, dx) machine epsilons of the largest count as zero.
    """

    def weight_trajectory(self, prompt: Prompt) -> Inexact[Array, "1 dy dx"]:
        return (jnp.linalg.pinv(prompt.xs) @ prompt.ys).T[None]

    @classmethod
    def examples(cls) -> "tuple[LeastSquares, ...]":
        """Tiny instances for tests and documentation."""
        return (cls(),)
