"""The linear regression task of von Oswald et al. 2023."""

import jax
from jaxtyping import Array, Float, Key

from mesascope.tasks._linear import AbstractLinearRegression


class LinearRegression(AbstractLinearRegression):
    """y = W x with x uniform on [-input_scale, input_scale]^dim_x and the entries of W standard normal.

    The defaults are the paper's settings as its code runs them (von Oswald et al. 2023, appendix A.12): the text
    says U(-1, 1), the code draws U(-1/2, 1/2), and every number in the figures belongs to the latter.
    """

    input_scale: float | Array = 0.5

    def unit_inputs(self, key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
        return jax.random.uniform(key, shape, minval=-1.0)

    @classmethod
    def examples(cls) -> "tuple[LinearRegression, ...]":
        return (
            cls(num_examples=3, dim_x=2),
            cls(num_examples=2, dim_x=4, dim_y=3, input_scale=1.5),
            cls(num_examples=5, dim_x=1, noise_std=0.3),
        )
