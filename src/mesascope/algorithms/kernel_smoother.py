"""Smoothers: predictions that are sums of the examples' outputs, weighted by a kernel of the inputs."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

from mesascope.algorithms.gaussian_kernel import GaussianKernel, LogGaussianKernel
from mesascope.candidate import AnyCandidate, Candidate, Parameter
from mesascope.contraction import masked_softmax
from mesascope.predictor import AbstractPredictor
from mesascope.prompt import Prompt, check_prompt
from mesascope.validation import check_callable, check_finite

_KERNELS = "It maps two inputs to a number, as `FeatureKernel()` does."
Features = Callable[[Inexact[Array, " dx"]], Inexact[Array, " features"]]
Kernel = Callable[[Inexact[Array, " dx"], Inexact[Array, " dx"]], Inexact[Array, ""]]


class FeatureKernel(eqx.Module):
    """The kernel k(x, x') = scale m(x)^T m(x') of a feature map m; None is m(x) = x. Real inputs."""

    features: Features | None = None
    scale: float | Float[Array, ""] = 1.0

    def __check_init__(self):
        if self.features is not None:
            check_callable("features", self.features, 1, "It maps an input to features, as `jnp.sin` does.")
        check_finite("scale", self.scale)

    def __call__(self, first: Inexact[Array, " dx"], second: Inexact[Array, " dx"]) -> Inexact[Array, ""]:
        if self.features is not None:
            first, second = self.features(first), self.features(second)
        return self.scale * jnp.sum(first * second)


class KernelSmoother(AbstractPredictor):
    """yhat = (learning_rate / n) sum_i y_i k(x_i, x).

    With k(x, x') = m(x)^T m(x') the first step of gradient descent from W = 0 on 1/(2 n) sum_i |W m(x_i) - y_i|^2 (von
    Oswald et al. 2023, equation 13, which lacks the factor learning_rate / n). `kernel` is any callable of two inputs.
    """

    kernel: Kernel
    learning_rate: float | Float[Array, ""] = 1.0

    def __check_init__(self):
        check_callable("kernel", self.kernel, 2, _KERNELS)
        check_finite("learning_rate", self.learning_rate)

    def __call__(self, prompt: Prompt) -> Inexact[Array, " dy"]:
        values = kernel_values(self.kernel, prompt)
        return self.learning_rate / prompt.divisor * values @ prompt.ys

    @classmethod
    def examples(cls) -> "tuple[KernelSmoother, ...]":
        """Tiny instances for tests and documentation."""
        return cls(FeatureKernel()), cls(FeatureKernel(scale=2.0), 0.5)


class NadarayaWatson(AbstractPredictor):
    """The kernel-weighted mean yhat = sum_i y_i k(x_i, x) / sum_i k(x_i, x), k = exp(log_kernel).

    It is what softmax attention of scores log k(x_i, x) computes (Nadaraya 1964, Watson 1964; von Oswald et al. 2023,
    section 4). Zero without examples, as attention to nothing is. ValueError for a kernel that gives complex numbers.
    """

    log_kernel: Kernel

    def __check_init__(self):
        check_callable("log_kernel", self.log_kernel, 2, _KERNELS)

    def __call__(self, prompt: Prompt) -> Inexact[Array, " dy"]:
        values = kernel_values(self.log_kernel, prompt)
        if jnp.iscomplexobj(values):
            raise ValueError("`prompt` must be real, or `log_kernel` give real numbers; got complex ones.")
        mask = jnp.ones(values.shape, bool) if prompt.mask is None else prompt.mask
        return masked_softmax(values, mask) @ prompt.ys

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """A softmax of inner products with the query, and of squared distances to it."""
        scale, bandwidth = Parameter("scale", 1e-2, 100.0, inputs=-2), Parameter("bandwidth", 0.05, 20.0, inputs=1)
        return (
            Candidate("softmax-smoother", "softmax attention from the query to the examples", _softmax, (scale,)),
            Candidate("nadaraya-watson", "Gaussian Nadaraya-Watson regression", _gaussian, (bandwidth,)),
        )

    @classmethod
    def examples(cls) -> "tuple[NadarayaWatson, ...]":
        """Tiny instances for tests and documentation."""
        return cls(FeatureKernel()), cls(FeatureKernel(scale=10.0)), cls(LogGaussianKernel(GaussianKernel(0.5)))


def kernel_values(kernel: Kernel, prompt: Prompt) -> Inexact[Array, " n"]:
    """k(x_i, x) for every example."""
    check_prompt(prompt)
    return jax.vmap(lambda x: kernel(x, prompt.query))(prompt.xs)


def _softmax(scale: float | Float[Array, ""]) -> NadarayaWatson:
    return NadarayaWatson(FeatureKernel(scale=scale))


def _gaussian(bandwidth: float | Float[Array, ""]) -> NadarayaWatson:
    return NadarayaWatson(LogGaussianKernel(GaussianKernel(bandwidth)))
