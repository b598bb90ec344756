"""Linear regression on Gaussian inputs whose coordinates have variances of their own."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from mesascope.contraction import matmul
from mesascope.random import normal
from mesascope.tasks._base import AbstractTeacherTask
from mesascope.validation import check_count, check_non_negative, check_positive


class AnisotropicRegression(AbstractTeacherTask):
    """y = W x with x ~ N(0, diag(variances)) and the entries of W standard normal; `dim_x` is their number.

    The query has the variances `query_variances`, by default those of the examples. Noise of standard deviation
    `noise_std` is added to the labels of the examples, never to the target. A covariance with other axes is the same
    task in turned coordinates: W has no preferred direction.
    """

    num_examples: int = eqx.field(static=True, default=12)
    variances: tuple[float, ...] = eqx.field(static=True, default=(2.0, 1.0, 0.5, 0.25, 0.1))
    query_variances: tuple[float, ...] | None = eqx.field(static=True, default=None)
    dim_y: int = eqx.field(static=True, default=1)
    noise_std: float | Array = 0.0

    def __check_init__(self):
        for name in ("num_examples", "dim_y"):
            check_count(name, getattr(self, name))
        for name in ("variances", "query_variances"):
            check_variances(name, self.variances if getattr(self, name) is None else getattr(self, name))
        if self.query_variances is not None and len(self.query_variances) != self.dim_x:
            raise ValueError(
                f"`query_variances` must be {self.dim_x} numbers, one for each of `variances`; "
                f"got {len(self.query_variances)}."
            )
        check_non_negative("noise_std", self.noise_std)

    @property
    def dim_x(self) -> int:
        return len(self.variances)

    def sample_inputs(self, key: Key[Array, ""]) -> tuple[Float[Array, "n dx"], Float[Array, " dx"]]:
        xs_key, query_key = jax.random.split(key)
        query_variances = self.variances if self.query_variances is None else self.query_variances
        spread, query_spread = (jnp.sqrt(jnp.asarray(each, float)) for each in (self.variances, query_variances))
        xs = spread[None] * normal(xs_key, (self.num_examples, self.dim_x))
        return xs, query_spread * normal(query_key, (self.dim_x,))

    def sample_teacher(self, key: Key[Array, ""]) -> Float[Array, "dy dx"]:
        return normal(key, (self.dim_y, self.dim_x))

    def label(self, teacher: Float[Array, "dy dx"], inputs: Float[Array, "m dx"]) -> Float[Array, "m dy"]:
        return matmul(inputs, teacher.T)

    @classmethod
    def examples(cls) -> "tuple[AnisotropicRegression, ...]":
        return (
            cls(num_examples=3, variances=(1.0, 0.1)),
            cls(2, variances=(2.0, 1.0, 0.5), query_variances=(0.5, 1.0, 2.0), dim_y=2, noise_std=0.3),
        )


def check_variances(name: str, value: tuple[float, ...]) -> None:
    """Raise ValueError unless these are one positive number or more, in a tuple."""
    if not isinstance(value, tuple) or not value:
        raise ValueError(f"`{name}` must be a tuple of one number or more; got {value!r}. One for each input.")
    for entry in value:
        check_positive(name, entry)
