"""One layer, or one gradient step, applied many times with dampening."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.models.transformer import Transformer
from mesascope.predictor import AbstractStepwise
from mesascope.probes.error import rollout_errors
from mesascope.prompt import Prompt
from mesascope.studies._base import Arrays, Workspace
from mesascope.studies._measure import over_models, validation
from mesascope.studies._training import Training
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.linear_regression import initial_loss, one_step_optimum, sampled_gradient_descent_loss
from mesascope.theory.spectrum import sample_spectra

DAMPENINGS = (1.0, 0.9, 0.75, 0.5)
STEPS_JUDGED = (1, 2, 5, 10, 20, 50)
NUM_DOUBLINGS = 24  # 2^24 steps: a factor -1.000001 a step has then grown ten million times
EXPLODED = 100.0


class DescentCell(NamedTuple):
    """Gradient descent on the validation prompts, at every dampening, and its theory on spectra of their own."""

    task: LinearRegression
    num_steps: int
    num_prompts: int
    num_spectra: int
    dampenings: tuple[float, ...] = DAMPENINGS


class TrainedCell(NamedTuple):
    """A training of one layer, which is then applied to the validation prompts at every dampening."""

    training: Training
    task: LinearRegression
    num_steps: int
    num_prompts: int
    dampenings: tuple[float, ...] = DAMPENINGS


def best_rate(task: LinearRegression) -> float:
    """The learning rate that makes one gradient step best, in closed form."""
    return one_step_optimum(task.num_examples, task.dim_x, float(task.input_scale)).learning_rate


def errors_along(predictor: AbstractStepwise, prompts: Prompt) -> Float[Array, "prompts steps"]:
    """The error on every prompt after every step."""
    return jax.vmap(lambda prompt: rollout_errors(predictor, prompt))(prompts)


def measure_descent(cell: DescentCell, workspace: Workspace) -> Arrays:
    """Losses of dampened gradient descent with their standard errors, and which prompts it diverges on."""
    rates = best_rate(cell.task) * np.array(cell.dampenings)

    prompts = validation(cell.task, cell.num_prompts)

    @jax.jit
    def losses(rates: Float[Array, " dampenings"], prompts: Prompt) -> tuple[Array, Array]:
        def moments(rate: Float[Array, ""]) -> tuple[Array, Array]:
            errors = errors_along(GradientDescent(rate, cell.num_steps), prompts)
            return errors.mean(axis=0), errors.std(axis=0, ddof=1) / cell.num_prompts**0.5

        return jax.lax.map(moments, rates)

    means, standard_errors = map(np.asarray, losses(jnp.asarray(rates), prompts))
    workspace.report(1, 3, "gradient descent applied")
    xs, ys = (np.asarray(each, np.float64) for each in (prompts.xs, prompts.ys))
    steps = rates / cell.task.num_examples
    predicted = np.stack([step * largest_eigenvalues(xs) > 2 for step in steps])
    diverged = np.stack([diverges(step, xs, ys) for step in steps])
    workspace.report(2, 3, "divergence decided")
    theory = measure_theory(cell, rates)
    workspace.report(3, 3, "theory sampled")
    return {
        "loss": means,
        "standard_error": standard_errors,
        "diverged": diverged.mean(axis=1),
        "mismatches": (diverged != predicted).sum(axis=1).astype(float),
        **theory,
    }


def measure_theory(cell: DescentCell, rates: np.ndarray) -> Arrays:
    """Population losses at the steps judged, and the share of spectra that gradient descent diverges on."""
    task, scale = cell.task, float(cell.task.input_scale)
    sizes = {"num_examples": task.num_examples, "dim_x": task.dim_x, "input_scale": scale}
    steps = [step for step in STEPS_JUDGED if step <= cell.num_steps]
    losses = np.array(
        [
            [sampled_gradient_descent_loss(rate, step, num_samples=cell.num_spectra, **sizes) for step in steps]
            for rate in rates
        ]
    )
    spectra = sample_spectra(task.num_examples, task.dim_x, cell.num_spectra, seed=1)
    largest = scale**2 * np.concatenate([chunk.max(axis=1) for chunk in spectra])
    diverging = [(rate / task.num_examples * largest > 2).mean() for rate in rates]
    return {
        "theory_steps": np.array(steps),
        "theory_loss": losses[..., 0],
        "theory_standard_error": losses[..., 1],
        "theory_diverged": np.array(diverging),
        "zero_loss": np.array(initial_loss(task.dim_x, scale)),
    }


def largest_eigenvalues(xs: Float[np.ndarray, "prompts n dx"]) -> Float[np.ndarray, " prompts"]:
    """The largest eigenvalue of X^T X of each prompt."""
    return np.linalg.eigvalsh(xs.transpose(0, 2, 1) @ xs)[:, -1]


def diverges(
    step_size: float, xs: Float[np.ndarray, "prompts n dx"], ys: Float[np.ndarray, "prompts n dy"]
) -> Bool[np.ndarray, " prompts"]:
    """Whether 2^24 steps W <- W - step_size (W X^T - Y^T) X from zero leave a larger |Y - X W^T| than they found.

    Steps that expand no direction never do, so that a larger residual is proof of one that does. The steps are affine,
    (W, I) <- (W, I) [[I - step_size X^T X, 0], [step_size Y^T X, I]], and composed by squaring: no eigenvalue enters.
    A number beyond the range of floats is larger than any.
    """
    (num_prompts, _, dim_x), dim_y = xs.shape, ys.shape[2]
    steps = np.tile(np.eye(dim_x + dim_y), (num_prompts, 1, 1))
    steps[:, :dim_x, :dim_x] -= step_size * xs.transpose(0, 2, 1) @ xs
    steps[:, dim_x:, :dim_x] = step_size * ys.transpose(0, 2, 1) @ xs
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(NUM_DOUBLINGS):
            steps = steps @ steps
        residuals = ys - xs @ steps[:, dim_x:, :dim_x].transpose(0, 2, 1)
        return ~(np.linalg.norm(residuals, axis=(1, 2)) <= np.linalg.norm(ys, axis=(1, 2)))


def measure_trained(cell: TrainedCell, workspace: Workspace) -> Arrays:
    """Losses of the trained layers [seeds dampenings steps], as they are and silenced.

    "silenced" is the layer with the rows of P that write to x set to zero: the loss of one layer does not depend on
    them, so they stay as they were drawn, but a repeated layer lets x drift through them. "exploded" counts the prompts
    that end with an error above 100 times the zero predictor's loss. Dampening scales P, which is the same map as a
    dampened update, so that one program serves all dampenings.
    """
    trained = cell.training.trained(workspace)
    prompts = validation(cell.task, cell.num_prompts)
    limit = EXPLODED * initial_loss(cell.task.dim_x, float(cell.task.input_scale))
    writes_y = (jnp.arange(cell.task.dim_x + cell.task.dim_y) >= cell.task.dim_x).astype(float)

    def losses(model: Transformer) -> dict[str, Array]:
        def rolled(factor: Float[Array, " d"]) -> tuple[Array, Array]:
            layers = eqx.tree_at(lambda m: m.layers[0].output, model, replace_fn=lambda p: factor[None, :, None] * p)
            errors = errors_along(Transformer(layers.layers, model.tokens, cell.num_steps), prompts)
            return errors.mean(axis=0), jnp.sum(~(errors[:, -1] < limit))

        dampenings = jnp.asarray(cell.dampenings)[:, None]
        factors = jnp.concatenate([dampenings * jnp.ones_like(writes_y)[None], dampenings * writes_y[None]])
        means, exploded = jax.lax.map(rolled, factors)
        (raw, silenced), (raw_exploded, silenced_exploded) = (jnp.split(each, 2) for each in (means, exploded))
        return {
            "trained": raw,
            "silenced": silenced,
            "trained_exploded": raw_exploded,
            "silenced_exploded": silenced_exploded,
        }

    arrays = over_models(losses, trained.model)
    workspace.report(1, 1, "trained layers applied")
    return arrays
