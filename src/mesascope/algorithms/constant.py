"""The best constant: what a model predicts that reads nothing."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

from mesascope.candidate import AnyCandidate, LinearCandidate
from mesascope.predictor import AbstractPredictor
from mesascope.prompt import Prompt, check_prompt
from mesascope.validation import check_finite


class Constant(AbstractPredictor):
    """yhat = value, whatever the prompt: one number for all outputs, or one for each."""

    value: float | Float[Array, ""] | Float[Array, " dy"] = 0.0

    def __check_init__(self):
        check_finite("value", self.value)

    def __call__(self, prompt: Prompt) -> Inexact[Array, " dy"]:
        check_prompt(prompt)
        prompt = prompt.alike()
        return jnp.broadcast_to(jnp.asarray(self.value, prompt.ys.dtype), (prompt.dim_y,))

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """One constant for each output, fitted."""
        return (LinearCandidate("constant", "a constant, whatever the prompt", _one_an_output, cls),)

    @classmethod
    def examples(cls) -> "tuple[Constant, ...]":
        """Tiny instances for tests and documentation."""
        return cls(0.5), cls(jnp.array([0.5, -1.0]))


def _one_an_output(prompt: Prompt) -> Inexact[Array, "dy dy"]:
    prompt = prompt.alike()
    return jnp.eye(prompt.dim_y, dtype=prompt.ys.dtype)
