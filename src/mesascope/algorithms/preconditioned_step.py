"""One gradient step, preconditioned: with a matrix for a rate."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Inexact

from mesascope.candidate import AnyCandidate, LinearCandidate
from mesascope.contraction import matmul
from mesascope.predictor import AbstractLinearLearner
from mesascope.prompt import Prompt
from mesascope.validation import check_numbers, check_shape


class PreconditionedStep(AbstractLinearLearner):
    """W = (1/n sum_i y_i x_i^T) A^T: one step from zero with a matrix A in place of gradient descent's rate.

    It predicts q^T A b for the query q, with b = X^T y / n, a mean over examples: the best one-layer linear Transformer
    for inputs of any covariance (Ahn et al., "Transformers learn to implement preconditioned gradient descent for
    in-context learning", 2023, theorem 1). Complex examples take x_i^* for x_i^T. ValueError for A of other sizes than
    the prompt's inputs. Costs O(n dx dy + dx^2 dy).
    """

    matrix: Inexact[Array, "dx dx"]

    def __check_init__(self):
        check_numbers("matrix", self.matrix, "[dx dx]")
        if self.matrix.ndim != 2 or self.matrix.shape[0] != self.matrix.shape[1]:
            raise ValueError(f"`matrix` must be square, inputs by inputs; got shape {self.matrix.shape}.")

    def weight_trajectory(self, prompt: Prompt) -> Inexact[Array, "1 dy dx"]:
        prompt = prompt.alike()
        check_shape("matrix", self.matrix, (prompt.dim_x, prompt.dim_x))
        dtype = np.promote_types(prompt.xs.dtype, self.matrix.dtype)
        return matmul(_correlation(prompt).astype(dtype), self.matrix.T.astype(dtype))[None]

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """A symmetric, its entries on and above the diagonal fitted, row by row.

        A without negative eigenvalues, else the step is none downhill: any layer of linear attention, untrained ones
        too, computes q^T A b with some matrix. The nearest such A replaces one that least squares finds.
        """
        says = "one preconditioned gradient step"
        return (LinearCandidate("preconditioned-step", says, _by_entry, _of_entries, _downhill),)

    @classmethod
    def examples(cls) -> "tuple[PreconditionedStep, ...]":
        """Tiny instances for tests and documentation."""
        return cls(0.5 * jnp.eye(3)), cls(jnp.array([[0.5, 0.1, -0.2], [0.3, 0.4, 0.0], [-0.1, 0.2, 0.6]]))


def _correlation(prompt: Prompt) -> Inexact[Array, "dy dx"]:
    """1/n sum_i y_i x_i^*."""
    return matmul(prompt.ys.T, jnp.conj(prompt.xs)) / prompt.divisor


def _by_entry(prompt: Prompt) -> Inexact[Array, "p dy"]:
    """q_i b_j + q_j b_i for i < j, and q_i b_i: what the prediction holds of each entry of A."""
    prompt = prompt.alike()
    products = prompt.query[:, None, None] * _correlation(prompt).T[None]
    rows, columns = np.triu_indices(prompt.dim_x)
    once = (rows == columns)[:, None]
    return products[rows, columns] + jnp.where(once, 0, products[columns, rows])


def _of_entries(coefficients: Inexact[Array, " p"]) -> PreconditionedStep:
    return PreconditionedStep(coefficients[_places(len(coefficients))])


def _downhill(coefficients: np.ndarray) -> np.ndarray:
    """The entries of the nearest real matrix, by the sum of squares, whose eigenvalues are not negative."""
    values, vectors = np.linalg.eigh(np.real(coefficients)[_places(len(coefficients))])
    matrix = (vectors * np.maximum(values, 0)) @ vectors.T
    return matrix[np.triu_indices(len(matrix))]


def _places(num: int) -> np.ndarray:
    """Which of `num` coefficients each entry [d d] of the symmetric matrix is."""
    dim = (int(np.sqrt(8 * num + 1)) - 1) // 2
    upper = np.zeros((dim, dim), int)
    upper[np.triu_indices(dim)] = np.arange(num)
    return upper + np.triu(upper, 1).T
