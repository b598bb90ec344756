"""Where training on the population loss ends from random starts, and what kind of point the worst ending is."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mesascope.studies._shared.head_training import HeadTraining
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.theory.linear_head import head_loss


class Endings(NamedTuple):
    """Losses [starts records] after `steps` [records]; and of the worst ending, after Newton's method has met it:

    its loss, the norm of the gradient there, and the eigenvalues of the Hessian in all weights that the loss depends
    on, the direction of the scale gauge left out, in ascending order.
    """

    steps: np.ndarray
    losses: np.ndarray
    worst_loss: np.ndarray
    gradient: np.ndarray
    curvatures: np.ndarray


class EndingsCell(AbstractConfig):
    """The trainings of many random starts, and `num_newton` steps of Newton's method from the worst ending."""

    training: HeadTraining
    num_newton: int = 20
    cutoff: float = 1e-9  # eigenvalues below it, relative to the largest, are the gauge's

    def compute(self, workspace: Workspace) -> Arrays:
        """`Endings`."""
        heads = self.training.trained(workspace)
        worst = int(np.argmax(heads.losses[:, -1]))
        with jax.enable_x64(True):
            derivatives = jax.jit(lambda point: (self._loss(point), jax.grad(self._loss)(point), self._hessian(point)))
            point = _coordinates(heads.key_query[worst], heads.output_value[worst])
            for _ in range(self.num_newton):
                _, gradient, hessian = map(np.asarray, derivatives(point))
                point = point - np.linalg.pinv(hessian, rcond=self.cutoff, hermitian=True) @ gradient
            loss, gradient, hessian = map(np.asarray, derivatives(point))
        workspace.report(1, 1, "the worst ending, measured")
        size = len(self.training.variances) + 1
        gauge = np.concatenate([point[:size], -point[size:]])  # one product grows as the other shrinks
        free = np.linalg.svd(gauge[None])[2][1:]
        norm, curvatures = np.asarray(np.linalg.norm(gradient)), np.linalg.eigvalsh(free @ hessian @ free.T)
        return Endings(heads.steps, heads.losses, loss, norm, curvatures)._asdict()

    def _hessian(self, point: Float[Array, " weights"]) -> Float[Array, "weights weights"]:
        return jax.hessian(self._loss)(point)

    def _loss(self, point: Float[Array, " weights"]) -> Float[Array, ""]:
        dim = len(self.training.variances)
        output_value = jnp.zeros((dim + 1, dim + 1)).at[dim].set(point[: dim + 1])
        key_query = jnp.zeros((dim + 1, dim + 1)).at[:, :dim].set(point[dim + 1 :].reshape(dim + 1, dim))
        covariance = jnp.diag(jnp.asarray(self.training.variances, float))
        return head_loss(key_query, output_value, covariance, self.training.num_examples)


def _coordinates(key_query: Float[np.ndarray, "t t"], output_value: Float[np.ndarray, "t t"]) -> np.ndarray:
    """The y-row of P W_V and the x-columns of W_KQ in one vector, the scale gauge such that both have one norm."""
    row, columns = output_value[-1], key_query[:, :-1].ravel()
    scale = np.sqrt(np.linalg.norm(columns) / np.linalg.norm(row))
    return np.concatenate([row * scale, columns / scale])
