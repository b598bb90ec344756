"""Learners of features of the inputs instead of the inputs."""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Inexact

from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.algorithms.ridge import Ridge
from mesascope.predictor import AbstractStepwise
from mesascope.prompt import Prompt
from mesascope.validation import check_callable, check_class


class OnFeatures(AbstractStepwise):
    """`algorithm` on the examples (m(x_i), y_i) and the query m(x).

    Gradient descent then descends 1/(2 n) sum_i |W m(x_i) - y_i|^2 (von Oswald et al. 2023, proposition 2). `features`
    is any callable of one input; a model's are passed in, since an algorithm knows no model. Not a linear learner, even
    of one: its prediction is linear in m(x), not in x.
    """

    algorithm: AbstractStepwise
    features: Callable[[Inexact[Array, " dx"]], Inexact[Array, " features"]]

    def __check_init__(self):
        check_class("algorithm", self.algorithm, AbstractStepwise, "Take one: `GradientDescent(0.5)`.")
        check_callable("features", self.features, 1, "It maps one input to an array of features, as `jnp.sin` does.")

    def trajectory(self, prompt: Prompt) -> Inexact[Array, "steps dy"]:
        return self.algorithm.trajectory(prompt.mapped(self.features))

    @classmethod
    def examples(cls) -> "tuple[OnFeatures, ...]":
        """Tiny instances for tests and documentation."""
        return cls(GradientDescent(0.5, num_steps=3), _WithSquares()), cls(Ridge(0.1), _WithSquares())


class _WithSquares(eqx.Module):
    """m(x) = (x, x^2), entry by entry."""

    def __call__(self, x: Inexact[Array, " dx"]) -> Inexact[Array, " features"]:
        return jnp.concatenate([x, x**2])
