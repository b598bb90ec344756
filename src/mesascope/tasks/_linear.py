"""What linear regression is, whatever law its inputs have."""

from abc import abstractmethod

import equinox as eqx
import jax
from jaxtyping import Array, Float, Key

from mesascope.contraction import matmul
from mesascope.random import normal
from mesascope.tasks._base import AbstractTeacherTask
from mesascope.validation import check_count, check_non_negative, check_positive


class AbstractLinearRegression(AbstractTeacherTask):
    """y = W x, the entries of W standard normal, inputs of the law of `unit_inputs` times `input_scale`.

    Noise of standard deviation `noise_std` is added to the labels of the examples, never to the target.
    """

    num_examples: int = eqx.field(static=True, default=10)
    dim_x: int = eqx.field(static=True, default=10)
    dim_y: int = eqx.field(static=True, default=1)
    input_scale: float | Array = 1.0
    noise_std: float | Array = 0.0

    def __check_init__(self):
        for name in ("num_examples", "dim_x", "dim_y"):
            check_count(name, getattr(self, name))
        check_positive("input_scale", self.input_scale)
        check_non_negative("noise_std", self.noise_std)

    @abstractmethod
    def unit_inputs(self, key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
        """Inputs at an `input_scale` of 1."""

    def sample_inputs(self, key: Key[Array, ""]) -> tuple[Float[Array, "n dx"], Float[Array, " dx"]]:
        xs_key, query_key = jax.random.split(key)
        xs = self.unit_inputs(xs_key, (self.num_examples, self.dim_x))
        return self.input_scale * xs, self.input_scale * self.unit_inputs(query_key, (self.dim_x,))

    def sample_teacher(self, key: Key[Array, ""]) -> Float[Array, "dy dx"]:
        return normal(key, (self.dim_y, self.dim_x))

    def label(self, teacher: Float[Array, "dy dx"], inputs: Float[Array, "m dx"]) -> Float[Array, "m dy"]:
        return matmul(inputs, teacher.T)
