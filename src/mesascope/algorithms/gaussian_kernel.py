"""The Gaussian kernel of two inputs."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

from mesascope.validation import check_positive


class GaussianKernel(eqx.Module):
    """k(x, x') = exp(-|x - x'|^2 / (2 bandwidth^2)); inputs may be complex."""

    bandwidth: float | Float[Array, ""] = 1.0

    def __check_init__(self):
        check_positive("bandwidth", self.bandwidth)

    def __call__(self, first: Inexact[Array, " dx"], second: Inexact[Array, " dx"]) -> Float[Array, ""]:
        return jnp.exp(self.log(first, second))

    def log(self, first: Inexact[Array, " dx"], second: Inexact[Array, " dx"]) -> Float[Array, ""]:
        """-|x - x'|^2 / (2 bandwidth^2), the scores of softmax attention that smooths with this kernel."""
        distances = jnp.abs(first - second)
        return -jnp.sum((distances / jnp.asarray(self.bandwidth, distances.dtype)) ** 2) / 2


class LogGaussianKernel(eqx.Module):
    """The logarithm of a Gaussian kernel, as a kernel by itself."""

    kernel: GaussianKernel

    def __call__(self, first: Inexact[Array, " dx"], second: Inexact[Array, " dx"]) -> Float[Array, ""]:
        return self.kernel.log(first, second)
