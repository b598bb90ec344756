"""The linear regression task of von Oswald et al. 2023."""

import equinox as eqx
import jax
from jaxtyping import Array, Float, Key

from mesascope.contraction import matmul
from mesascope.random import normal
from mesascope.tasks._base import AbstractTeacherTask
from mesascope.validation import check_count, check_non_negative, check_positive


class LinearRegression(AbstractTeacherTask):
    """y = W x with x uniform on [-input_scale, input_scale]^dim_x and the entries of W standard normal.

    The defaults are the paper's settings as its code runs them (von Oswald et al. 2023, appendix A.12): the text
    says U(-1, 1), the code draws U(-1/2, 1/2), and every number in the figures belongs to the latter. Noise of
    standard deviation `noise_std` is added to the labels of the examples, never to the target.
    """

    num_examples: int = eqx.field(static=True, default=10)
    dim_x: int = eqx.field(static=True, default=10)
    dim_y: int = eqx.field(static=True, default=1)
    input_scale: float | Array = 0.5
    noise_std: float | Array = 0.0

    def __check_init__(self):
        for name in ("num_examples", "dim_x", "dim_y"):
            check_count(name, getattr(self, name))
        check_positive("input_scale", self.input_scale)
        check_non_negative("noise_std", self.noise_std)

    def sample_inputs(self, key: Key[Array, ""]) -> tuple[Float[Array, "n dx"], Float[Array, " dx"]]:
        xs_key, query_key = jax.random.split(key)
        xs = jax.random.uniform(xs_key, (self.num_examples, self.dim_x), minval=-1.0)
        query = jax.random.uniform(query_key, (self.dim_x,), minval=-1.0)
        return self.input_scale * xs, self.input_scale * query

    def sample_teacher(self, key: Key[Array, ""]) -> Float[Array, "dy dx"]:
        return normal(key, (self.dim_y, self.dim_x))

    def label(self, teacher: Float[Array, "dy dx"], inputs: Float[Array, "m dx"]) -> Float[Array, "m dy"]:
        return matmul(inputs, teacher.T)

    @classmethod
    def examples(cls) -> "tuple[LinearRegression, ...]":
        return (
            cls(num_examples=3, dim_x=2),
            cls(num_examples=2, dim_x=4, dim_y=3, input_scale=1.5),
            cls(num_examples=5, dim_x=1, noise_std=0.3),
        )
