"""Layers trained on noisy linear regression, held against the best algorithms of their depth and against Bayes."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mesascope.algorithms.gdpp import GDPlusPlus
from mesascope.algorithms.least_squares import LeastSquares
from mesascope.algorithms.ridge import Ridge
from mesascope.predictor import AbstractPredictor
from mesascope.prompt import Prompt
from mesascope.studies._shared.measure import compiled_errors_of, validation
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.best_rates import BestRates, best_gdpp, best_gradient_descent
from mesascope.studies.oswald2023.noise.weights import learned_rates, unmatched
from mesascope.study.base import Arrays, Workspace
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.linear_regression import one_step_optimum


class LevelCell(NamedTuple):
    """One noise level: a training for each depth, and what the models are measured on."""

    task: LinearRegression
    depths: tuple[int, ...]
    trainings: tuple[Training, ...]
    num_validation: int


class DecayCell(NamedTuple):
    """One layer trained at several strengths of weight decay."""

    task: LinearRegression
    trainings: tuple[Training, ...]
    num_validation: int


def measure_level(cell: LevelCell, workspace: Workspace) -> Arrays:
    """Losses and rates at every depth [depths seeds], of the best algorithms [depths], and the Bayes predictor's loss.

    "unmatched" is the loss of the model with the entry of W_KQ that compares labels with labels set to zero.
    """
    task, prompts = cell.task, noisy_prompts(cell.task, cell.num_validation)
    ideal = compiled_errors_of(bayes(task), prompts)
    optimum = one_step_optimum(task.num_examples, task.dim_x, float(task.input_scale), float(task.noise_std))
    one_step = BestRates(optimum.learning_rate, 0.0, optimum.loss)
    rows = []
    for i, (depth, training) in enumerate(zip(cell.depths, cell.trainings, strict=True)):
        models = training.trained(workspace).model
        gd = one_step if depth == 1 else best_gradient_descent(task, depth)
        gdpp = one_step if depth == 1 else best_gdpp(task, depth)
        row = {
            **against(models, prompts, ideal),
            **learned_rates(models, task),
            "unmatched": against(unmatched(models, task.dim_x), prompts, ideal)["loss"],
            "gd_loss": _loss(gd, depth, prompts),
            "gdpp_loss": _loss(gdpp, depth, prompts),
            "gdpp_curvature": gdpp.curvature,
        }
        rows.append({name: np.asarray(value) for name, value in row.items()})
        workspace.report(i + 1, len(cell.depths), f"depth {depth} measured")
    return {
        **{name: np.stack([row[name] for row in rows]) for name in rows[0]},
        "best_step_size": np.asarray(optimum.learning_rate),
        "best_loss": np.asarray(optimum.loss),
        "bayes_loss": np.asarray(ideal.mean()),
    }


def measure_decay(cell: DecayCell, workspace: Workspace) -> Arrays:
    """Learned step size and loss [strengths seeds] at every strength of weight decay."""
    prompts = noisy_prompts(cell.task, cell.num_validation)
    ideal = jnp.zeros(cell.num_validation)
    models = [training.trained(workspace).model for training in cell.trainings]
    losses = [np.asarray(against(each, prompts, ideal)["loss"]) for each in models]
    sizes = [learned_rates(each, cell.task)["step_size"] for each in models]
    workspace.report(1, 1, "weight decay measured")
    return {"decay_step_size": np.stack(sizes), "decay_loss": np.stack(losses)}


def _loss(best: BestRates, num_steps: int, prompts: Prompt) -> Array:
    rates = jnp.asarray(best.learning_rate), jnp.asarray(best.curvature)
    return compiled_errors_of(GDPlusPlus(*rates, num_steps), prompts).mean()


@eqx.filter_jit
def against(models: Any, prompts: Prompt, ideal: Float[Array, " prompts"]) -> dict[str, Array]:
    """Of every seed's model the mean loss, its excess over the ideal errors, and the standard error of that."""
    arrays, static = eqx.partition(models, eqx.is_array)

    def one(weights: Any) -> dict[str, Array]:
        errors = compiled_errors_of(eqx.combine(weights, static), prompts)
        excess = errors - ideal
        return {
            "loss": errors.mean(),
            "excess": excess.mean(),
            "excess_error": excess.std(ddof=1) / excess.size**0.5,
        }

    return jax.lax.map(one, arrays)


def noisy_prompts(task: LinearRegression, num_prompts: int) -> Prompt:
    """The validation prompts: of all noise levels the same but for the size of the noise, by one program."""
    return validation(eqx.tree_at(lambda t: t.noise_std, task, jnp.asarray(task.noise_std, float)), num_prompts)


def bayes(task: LinearRegression) -> AbstractPredictor:
    """The mean of the posterior: ridge regression with the noise's variance for penalty, and least squares without."""
    variance = float(task.noise_std) ** 2
    return Ridge(jnp.asarray(variance)) if variance else LeastSquares()
