"""One attention layer trained on linear regression: its loss, its training, and its losses on scaled inputs."""

from functools import partial
from typing import NamedTuple

import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array

from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.constructions.gradient_descent import GradientDescentConstruction
from mesascope.models.transformer import Transformer
from mesascope.probes.interpolation import interpolate
from mesascope.probes.weights import learned_step_size
from mesascope.prompt import Prompt
from mesascope.studies._shared.measure import mean_error, over_models, validation
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.along_training import along_training
from mesascope.studies.oswald2023._shared.best_multiple import best_learning_rate
from mesascope.studies.oswald2023._shared.shifts import Shifts, losses_of, losses_of_models, shifted_prompts
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.linear_regression import LinearRegression


class LayerLosses(NamedTuple):
    """Losses [seeds] of trained layers, of the best gradient step, and of the models halfway between the two.

    `learning_rate` [] is that of the best step, `step_size` [seeds] are those that layers have learned.
    """

    learning_rate: np.ndarray
    trained: np.ndarray
    gradient_descent: np.ndarray
    halfway: np.ndarray
    step_size: np.ndarray


class AwayLosses(NamedTuple):
    """Losses of trained layers [seeds scales] and of the best gradient step [scales] on scaled inputs."""

    trained: np.ndarray
    gradient_descent: np.ndarray


class OneLayerCell(AbstractConfig):
    """The training of one layer, measured after it on `num_validation` prompts."""

    training: Training[LinearRegression]
    num_validation: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`LayerLosses`."""
        model, task = self.training.trained(workspace).model, self.training.task
        prompts = validation(task, self.num_validation)
        rate = best_learning_rate(prompts)
        reference = GradientDescentConstruction(
            rate, num_examples=task.num_examples, dim_x=task.dim_x, dim_y=task.dim_y
        ).build()
        found = over_models(Partial(partial(_at_end, task), reference, prompts), model)
        workspace.report(1, 1, "measured")
        return LayerLosses(np.asarray(rate), **found)._asdict()


class LayerAlongCell(AbstractConfig):
    """The training of one layer, measured along it."""

    training: Training[LinearRegression]
    num_validation: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`AlongTraining`, held against the best gradient step."""
        trained = self.training.trained(workspace)
        prompts = validation(self.training.task, self.num_validation)
        descent = GradientDescent(best_learning_rate(prompts))
        along = along_training(trained.snapshots, trained.snapshot_steps, descent, prompts)
        workspace.report(1, 1, "measured along the training")
        return along._asdict()


class LayerAwayCell(AbstractConfig):
    """The training of one layer, measured on scaled inputs; the gradient step is the best where it was trained."""

    training: Training[LinearRegression]
    num_validation: int
    input_scales: tuple[float, ...]

    def compute(self, workspace: Workspace) -> Arrays:
        """`AwayLosses`."""
        model, task = self.training.trained(workspace).model, self.training.task
        descent = GradientDescent(best_learning_rate(validation(task, self.num_validation)))
        prompts = shifted_prompts(task, Shifts(self.input_scales), self.num_validation)
        losses = AwayLosses(losses_of_models(model, prompts), losses_of(descent, prompts))
        workspace.report(1, 1, "measured on scaled inputs")
        return losses._asdict()


def _at_end(task: LinearRegression, reference: Transformer, prompts: Prompt, model: Transformer) -> dict[str, Array]:
    halfway = interpolate(model.canonical(), reference.canonical())
    models = {"trained": model, "gradient_descent": reference, "halfway": halfway}
    key_query, output_value = model.products()
    step_size = learned_step_size(key_query[0, 0], output_value[0, 0], task.dim_x, task.num_examples)
    return {**{name: mean_error(each, prompts) for name, each in models.items()}, "step_size": step_size}
