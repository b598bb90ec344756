"""A layer trained on prompts of anisotropic inputs, held against preconditioned gradient steps."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float

from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.models.transformer import Transformer
from mesascope.probes.weights import learned_preconditioner
from mesascope.prompt import Prompt
from mesascope.studies._shared.measure import over_models, validation
from mesascope.studies._shared.training import Training
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.anisotropic_regression import AnisotropicRegression
from mesascope.theory.linear_head import head_loss
from mesascope.theory.preconditioned_step import best_multiple, best_preconditioner


class LayerMeasured(NamedTuple):
    """What is measured of trained layers, an entry a seed.

    Read from weights: the step's `matrix` A [seeds d d], the `rest`. On prompts: the losses of the trained layer and of
    the steps with A*, with the best multiples of I and of Sigma^-1, and the `distance` to A*'s predictions relative to
    the layer's. Along the training, after `steps` [records]: the exact loss and |A - A*| / |A*| [seeds records].
    """

    matrix: np.ndarray
    rest: np.ndarray
    trained: np.ndarray
    best: np.ndarray
    scalar: np.ndarray
    whitening: np.ndarray
    distance: np.ndarray
    steps: np.ndarray
    exact_loss: np.ndarray
    matrix_distance: np.ndarray


class PreconditionedCell(AbstractConfig):
    """The training of one layer, measured after it on `num_validation` prompts, and along it."""

    training: Training[AnisotropicRegression]
    num_validation: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`LayerMeasured`."""
        trained, task = self.training.trained(workspace), self.training.task
        prompts = validation(task, self.num_validation)
        matrices = jnp.asarray(_matrices(np.diag(task.variances), task.num_examples), float)
        at_end = over_models(Partial(partial(_at_end, task), matrices, prompts), trained.model)
        along = over_models(Partial(partial(_along, task), matrices[0]), trained.snapshots, 2)
        workspace.report(1, 1, "measured")
        return LayerMeasured(**at_end, steps=trained.snapshot_steps, **along)._asdict()


def _matrices(covariance: np.ndarray, num_examples: int) -> np.ndarray:
    """A*, and the best multiples of the identity and of the inverse covariance [3 d d]."""
    directions = np.eye(len(covariance)), np.linalg.inv(covariance)
    multiples = [best_multiple(each, covariance, num_examples).coefficient * each for each in directions]
    return np.stack([best_preconditioner(covariance, num_examples), *multiples])


def step(matrix: Float[Array, "d d"], prompt: Prompt) -> Float[Array, " dy"]:
    """The prediction of one gradient step from zero with a matrix in the place of the learning rate."""
    return GradientDescent(1.0)(prompt.with_query(prompt.query @ matrix))


def _read(task: AnisotropicRegression, model: Transformer) -> tuple[Float[Array, "d d"], Float[Array, ""]]:
    key_query, output_value = model.products()
    return learned_preconditioner(key_query[0, 0], output_value[0, 0], task.dim_x, task.num_examples)


def _at_end(
    task: AnisotropicRegression, matrices: Float[Array, "3 d d"], prompts: Prompt, model: Transformer
) -> dict[str, Array]:
    layer = jax.vmap(model)(prompts)
    steps = [jax.vmap(partial(step, matrix))(prompts) for matrix in matrices]
    losses = [jnp.mean((each - prompts.target) ** 2) / 2 for each in (layer, *steps)]
    distance = jnp.sqrt(jnp.mean((layer - steps[0]) ** 2) / jnp.mean(layer**2))
    matrix, rest = _read(task, model)
    names = ("trained", "best", "scalar", "whitening")
    return {"matrix": matrix, "rest": rest, "distance": distance, **dict(zip(names, losses, strict=True))}


def _along(task: AnisotropicRegression, best: Float[Array, "d d"], model: Transformer) -> dict[str, Array]:
    key_query, output_value = model.products()
    covariance = jnp.diag(jnp.asarray(task.variances, best.dtype))
    loss = head_loss(key_query[0, 0], output_value[0, 0], covariance, task.num_examples)
    distance = jnp.linalg.norm(_read(task, model)[0] - best) / jnp.linalg.norm(best)
    return {"exact_loss": loss, "matrix_distance": distance}
