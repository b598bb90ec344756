"""One layer of softmax heads trained on linear regression, measured against plain and centred gradient descent."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from mesascope.algorithms.centred_gradient_descent import CentredGradientDescent
from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.contraction import matvec
from mesascope.models.attention import SoftmaxSelfAttention
from mesascope.models.transformer import Transformer
from mesascope.predictor import AbstractPredictor
from mesascope.probes.alignment import alignment
from mesascope.prompt import Prompt
from mesascope.studies._shared.measure import mean_error, over_models, validation
from mesascope.studies._shared.training import Training, every
from mesascope.study.base import Arrays, Workspace
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.training.config import FitConfig

ALGORITHMS = {"gd": GradientDescent, "centred": CentredGradientDescent}


class HeadsCell(NamedTuple):
    """A training of softmax heads, and what is measured of it."""

    training: Training
    num_validation: int
    num_snapshots: int


def softmax_training(
    num_heads: int, task: LinearRegression, config: FitConfig, seeds: int, first_seed: int
) -> Training:
    """One layer of softmax heads, drawn as the authors' code draws them."""
    shape: dict[str, Any] = {"num_heads": num_heads, "attention": SoftmaxSelfAttention}
    return Training(partial(Transformer.initialise, task.dim_x, **shape), task, config, seeds, first_seed)


def measure(cell: HeadsCell, workspace: Workspace) -> Arrays:
    """Loss and cosines [seeds, snapshots] along the training, the algorithms' losses, and each head's rates."""
    trained = cell.training.trained(workspace)
    prompts = validation(cell.training.task, cell.num_validation)
    snapshots, steps = every(trained, cell.num_snapshots)

    def at(model: Transformer) -> dict[str, Array]:
        cosines = {f"cosine_{name}": mean_cosine(model, kind(1.0), prompts) for name, kind in ALGORITHMS.items()}
        return {"loss": mean_error(model, prompts), **cosines}

    best = {name: np.asarray(value) for name, value in references(prompts).items()}
    return {"steps": steps, **best, **over_models(at, snapshots, 2), **over_models(head_rates, trained.model)}


def mean_cosine(first: AbstractPredictor, second: AbstractPredictor, prompts: Prompt) -> Array:
    """The mean over prompts of the cosine of the angle between two predictors' sensitivities."""
    return jax.vmap(lambda prompt: alignment(first, second, prompt).sensitivity_cosine)(prompts).mean()


@jax.jit
def references(prompts: Prompt) -> dict[str, Array]:
    """Each algorithm's best learning rate on these prompts and its loss; their cosine; the best single head's loss."""
    results = {"cosine_of_both": mean_cosine(GradientDescent(1.0), CentredGradientDescent(1.0), prompts)}
    for name, kind in ALGORITHMS.items():
        rate, loss = best_multiple(jax.vmap(kind(1.0))(prompts), prompts)
        results |= {f"rate_{name}": rate, f"loss_{name}": loss}
    sharpnesses = jnp.geomspace(0.5, 64.0, 29)
    losses = jax.lax.map(lambda sharpness: best_multiple(smoother(sharpness, prompts), prompts)[1], sharpnesses)
    return {**results, "loss_smoother": losses.min(), "sharpness": sharpnesses[losses.argmin()]}


def smoother(sharpness: Array, prompts: Prompt) -> Array:
    """What one softmax head of W_KQ = sharpness sqrt(k) I on x reads: sum_i softmax_i(sharpness x_i^T x) y_i."""

    def read(prompt: Prompt) -> Array:
        weights = jax.nn.softmax(sharpness * matvec(prompt.xs, prompt.query))
        return matvec(prompt.ys.T, weights)

    return jax.vmap(read)(prompts)


def best_multiple(values: Array, prompts: Prompt) -> tuple[Array, Array]:
    """The c for which c values, one a prompt, are the best predictions, and their loss: a parabola's vertex."""
    factor = jnp.sum(values * prompts.target) / jnp.sum(values**2)
    return factor, jnp.sum((factor * values - prompts.target) ** 2) / (2 * len(values))


def head_rates(model: Transformer) -> dict[str, Array]:
    """The step each head takes: its matrix of learning rates [heads, dim_x, dim_x] and its weight P W_V on y [heads].

    For small scores a head adds P W_V,yy (ybar + 1/n sum_i y_i (z_i - zbar)) to the query's y-entry, with z_i =
    x_i^T W_KQ,xx x / sqrt(k) and k the key size; the prediction is minus that. So the heads' matrices
    -P W_V,yy W_KQ,xx / sqrt(k) add up to eta I where the layer is a step of centred gradient descent, and their
    P W_V,yy add up to zero.
    """
    key_query, output_value = (products[0] for products in model.products())
    dim_x = key_query.shape[-1] - 1
    writes = output_value[:, dim_x, dim_x]
    rates = -writes[:, None, None] * key_query[:, :dim_x, :dim_x] / model.tokens.dim_token**0.5
    return {"rates": rates, "writes": writes}
