"""Trained deep stacks beside the best gradient descent and the best GD++ of as many steps, rates the same for all."""

from typing import NamedTuple

import numpy as np
from jax.tree_util import Partial

from mesascope.algorithms.gdpp import GDPlusPlus
from mesascope.studies._shared.measure import errors_of_each, over_models
from mesascope.studies._shared.training import Training, every
from mesascope.studies.oswald2023._shared.best_rates import best_gdpp, best_gradient_descent, stacked
from mesascope.studies.oswald2023._shared.stack_measure import along, depth_of, prompts_at, validation_keys
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.linear_regression import LinearRegression


class DeepLosses(NamedTuple):
    """Losses [seeds snapshots] after `steps` [snapshots], and [] of the best gradient descent and GD++ as deep."""

    steps: np.ndarray
    loss: np.ndarray
    descent: np.ndarray
    gdpp: np.ndarray


class DeepCell(AbstractConfig):
    """The training of a deep stack, its losses measured along the way."""

    training: Training[LinearRegression]
    num_validation: int
    num_snapshots: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`DeepLosses`."""
        task, trained = self.training.task, self.training.trained(workspace)
        depth, prompts = depth_of(trained.model), prompts_at(task, validation_keys(self.num_validation))
        rates = best_gradient_descent(task, depth), best_gdpp(task, depth)
        rivals = stacked(tuple(GDPlusPlus(each.learning_rate, each.curvature, depth) for each in rates))
        workspace.report(1, 2, "best GD++")
        snapshots, steps = every(trained, self.num_snapshots)
        losses = errors_of_each(snapshots, prompts, 2).mean(axis=-1)
        return DeepLosses(steps, losses, *errors_of_each(rivals, prompts).mean(axis=-1))._asdict()


class DeepCosine(NamedTuple):
    """The mean cosine [seeds] between the sensitivities of trained stacks and of the best GD++ as deep."""

    cosine: np.ndarray


class DeepCosineCell(AbstractConfig):
    """The training of a deep stack, held against GD++ at its end."""

    training: Training[LinearRegression]
    num_validation: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`DeepCosine`."""
        task, model = self.training.task, self.training.trained(workspace).model
        depth = depth_of(model)
        best = best_gdpp(task, depth)
        gdpp = stacked((GDPlusPlus(best.learning_rate, best.curvature, depth),))
        found = over_models(Partial(along, gdpp, prompts_at(task, validation_keys(self.num_validation))), model)
        workspace.report(1, 1, "cosine")
        return DeepCosine(found["sensitivity_cosine"][:, 0])._asdict()
