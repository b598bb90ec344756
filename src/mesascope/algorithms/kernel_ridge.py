"""Kernel ridge regression: ridge regression of functions."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Inexact

from mesascope.algorithms.gaussian_kernel import GaussianKernel
from mesascope.candidate import AnyCandidate, Candidate, Parameter
from mesascope.predictor import AbstractPredictor
from mesascope.prompt import Prompt, check_prompt
from mesascope.validation import check_callable, check_positive

SHORT = 64  # equations that are eliminated one by one


class KernelRidge(AbstractPredictor):
    """yhat = k^T (K + penalty I)^{-1} y with K_ij = k(x_i, x_j) and k_i = k(x_i, x) for the query x.

    The f of least sum_i |f(x_i) - y_i|^2 + penalty |f|^2 in the kernel's space of functions, and the posterior mean of
    a Gaussian process with label noise of variance `penalty` (Saunders et al. 1998; Rasmussen and Williams 2006,
    equation 2.25). `kernel` is any positive callable of two inputs. Of k(x, x') = x^T x' it is `Ridge`; as the
    bandwidth h of a Gaussian one grows, penalty c / h^2 tends to `Ridge(c, intercept=True)`, by O(h^-2). No factor of K
    is known beforehand, so that K's own rounding counts: errors are about epsilon times |K| / penalty, |K| <= n where k
    <= 1. Costs O(n^2 (dx + n)).
    """

    kernel: Callable[[Inexact[Array, " dx"], Inexact[Array, " dx"]], Inexact[Array, ""]]
    penalty: float | Float[Array, ""] = 1.0

    def __check_init__(self):
        check_callable("kernel", self.kernel, 2, "It maps two inputs to a number, as `GaussianKernel()` does.")
        check_positive("penalty", self.penalty)

    def __call__(self, prompt: Prompt) -> Inexact[Array, " dy"]:
        check_prompt(prompt)
        prompt = prompt.alike()
        dtype = prompt.ys.dtype
        among = jax.vmap(lambda x: self._values(prompt.xs, x))(prompt.xs).astype(dtype)
        among = among if prompt.mask is None else jnp.where(prompt.mask[:, None] & prompt.mask[None], among, 0)
        penalty = jnp.asarray(self.penalty, dtype) * jnp.eye(len(among), dtype=dtype)
        return self._values(prompt.xs, prompt.query).astype(dtype) @ _solve(among + penalty, prompt.ys)

    def _values(self, xs: Inexact[Array, "n dx"], x: Inexact[Array, " dx"]) -> Inexact[Array, " n"]:
        """k(x, x_j) for every j."""
        return jax.vmap(lambda other: self.kernel(x, other))(xs)

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """Of a Gaussian kernel, from one that sees the nearest example alone to one that is nearly linear."""
        bandwidth, penalty = (
            Parameter("bandwidth", 0.1, 20.0, inputs=1),
            Parameter("penalty", 1e-5, 1.0, num_examples=1),
        )
        says = "kernel ridge regression with a Gaussian kernel"
        return (Candidate("kernel-ridge", says, _gaussian, (bandwidth, penalty)),)

    @classmethod
    def examples(cls) -> "tuple[KernelRidge, ...]":
        """Tiny instances for tests and documentation."""
        return cls(GaussianKernel()), cls(GaussianKernel(0.5), 0.1)


def _gaussian(bandwidth: float | Float[Array, ""], penalty: float | Float[Array, ""]) -> KernelRidge:
    return KernelRidge(GaussianKernel(bandwidth), penalty)


def _solve(matrix: Inexact[Array, "n n"], right: Inexact[Array, "n k"]) -> Inexact[Array, "n k"]:
    """V of matrix V = right for a positive definite matrix, which needs no pivots: half and half, by its complement."""
    half = len(matrix) // 2
    if len(matrix) <= SHORT:
        return _eliminate(matrix, right) if len(matrix) else right
    across = matrix[:half, half:]
    of_first = _solve(matrix[:half, :half], jnp.concatenate([across, right[:half]], axis=1))
    shift, first = of_first[:, : across.shape[1]], of_first[:, across.shape[1] :]
    below = jnp.conj(across).T
    last = _solve(matrix[half:, half:] - below @ shift, right[half:] - below @ first)
    return jnp.concatenate([first - shift @ last, last])


def _eliminate(matrix: Inexact[Array, "n n"], right: Inexact[Array, "n k"]) -> Inexact[Array, "n k"]:
    """The same by Gauss and Jordan, row by row."""

    def clear(table, i):
        row = table[i] / table[i, i]
        return (table - table[:, i, None] * row[None]).at[i].set(row), None

    places = jnp.arange(len(matrix))
    return lax.scan(clear, jnp.concatenate([matrix, right], axis=1), places)[0][:, len(matrix) :]
