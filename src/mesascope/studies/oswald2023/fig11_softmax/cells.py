"""One layer of softmax heads trained on linear regression, measured against plain and centred gradient descent."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from mesascope.algorithms.centred_gradient_descent import CentredGradientDescent
from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.contraction import matvec
from mesascope.models.transformer import Transformer
from mesascope.predictor import AbstractPredictor
from mesascope.probes.alignment import alignment
from mesascope.prompt import Prompt
from mesascope.studies._shared.measure import mean_error, over_models, validation
from mesascope.studies._shared.training import Training, every
from mesascope.studies.oswald2023._shared.best_multiple import best_multiple
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.linear_regression import LinearRegression


class HeadMeasures(NamedTuple):
    """Softmax heads after `steps` [snapshots] of training: loss and cosines [seeds snapshots].

    At the end, the step each head takes: its matrix of learning rates [seeds heads dx dx] and its weight P W_V on y
    [seeds heads]. See `head_rates`.
    """

    steps: np.ndarray
    loss: np.ndarray
    cosine_gd: np.ndarray
    cosine_centred: np.ndarray
    rates: np.ndarray
    writes: np.ndarray


class BestSteps(NamedTuple):
    """Best rates and losses of a gradient step and of a centred one, their cosine, and the best single head's loss.

    `loss_smoother` is that of one softmax head of W_KQ = sharpness sqrt(k) I on x, with the best sharpness.
    """

    rate_gd: np.ndarray
    loss_gd: np.ndarray
    rate_centred: np.ndarray
    loss_centred: np.ndarray
    cosine_of_both: np.ndarray
    loss_smoother: np.ndarray
    sharpness: np.ndarray


class HeadsCell(AbstractConfig):
    """A training of softmax heads, and what is measured of it."""

    training: Training
    num_validation: int
    num_snapshots: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`HeadMeasures`."""
        prompts = validation(self.training.task, self.num_validation)
        snapshots, steps = every(self.training.trained(workspace), self.num_snapshots)

        def at(model: Transformer) -> dict[str, Array]:
            return {
                "loss": mean_error(model, prompts),
                "cosine_gd": mean_cosine(model, GradientDescent(1.0), prompts),
                "cosine_centred": mean_cosine(model, CentredGradientDescent(1.0), prompts),
                **head_rates(model),
            }

        found = over_models(at, snapshots, 2)
        workspace.report(1, 1, "measured")
        rates, writes = (found.pop(name)[:, -1] for name in ("rates", "writes"))
        return HeadMeasures(steps=steps, rates=rates, writes=writes, **found)._asdict()


class BestStepsCell(AbstractConfig):
    """What single steps reach with the rates that are best on the prompts they are measured on.

    A single head's sharpness is the best of a geometric grid.
    """

    task: LinearRegression
    num_validation: int
    lowest_sharpness: float = 0.5
    highest_sharpness: float = 64.0
    num_sharpnesses: int = 29

    def compute(self, workspace: Workspace) -> Arrays:
        """`BestSteps`."""
        found = jax.jit(self.best_steps)(validation(self.task, self.num_validation))
        workspace.report(1, 1, "measured")
        return jax.tree.map(np.asarray, found)

    def best_steps(self, prompts: Prompt) -> dict[str, Array]:
        """`BestSteps` on some prompts."""
        plain, centred = GradientDescent(1.0), CentredGradientDescent(1.0)
        rate_gd, loss_gd = best_multiple(jax.vmap(plain)(prompts), prompts)
        rate_centred, loss_centred = best_multiple(jax.vmap(centred)(prompts), prompts)
        grid = jnp.geomspace(self.lowest_sharpness, self.highest_sharpness, self.num_sharpnesses)
        losses = jax.lax.map(lambda sharpness: best_multiple(smoother(sharpness, prompts), prompts)[1], grid)
        return {
            "rate_gd": rate_gd,
            "loss_gd": loss_gd,
            "rate_centred": rate_centred,
            "loss_centred": loss_centred,
            "cosine_of_both": mean_cosine(plain, centred, prompts),
            "loss_smoother": losses.min(),
            "sharpness": grid[losses.argmin()],
        }


def mean_cosine(first: AbstractPredictor, second: AbstractPredictor, prompts: Prompt) -> Array:
    """The mean over prompts of the cosine of the angle between two predictors' sensitivities."""
    return jax.vmap(lambda prompt: alignment(first, second, prompt).sensitivity_cosine)(prompts).mean()


def smoother(sharpness: Array, prompts: Prompt) -> Array:
    """What one softmax head of W_KQ = sharpness sqrt(k) I on x reads: sum_i softmax_i(sharpness x_i^T x) y_i."""

    def read(prompt: Prompt) -> Array:
        weights = jax.nn.softmax(sharpness * matvec(prompt.xs, prompt.query))
        return matvec(prompt.ys.T, weights)

    return jax.vmap(read)(prompts)


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
