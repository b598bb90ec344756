"""Trained deep stacks beside gradient descent and GD++ of as many steps, rates the same for all."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from mesascope.algorithms.gdpp import GDPlusPlus
from mesascope.studies._shared.measure import errors_of_each, over_models
from mesascope.studies._shared.training import Training, every
from mesascope.studies.oswald2023._shared.best_rates import best_gdpp, best_gradient_descent, stacked
from mesascope.studies.oswald2023._shared.stack_measure import along, depth_of, prompts_at, validation_keys
from mesascope.studies.oswald2023._shared.stacks import cut_off
from mesascope.studies.oswald2023._shared.trained_gdpp import trained_gdpp
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
        rivals = cut_off(rivals, task, trained.model.token_bound)
        return DeepLosses(steps, losses, *errors_of_each(rivals, prompts).mean(axis=-1))._asdict()


class DeepRival(NamedTuple):
    """GD++ as the authors train it: its loss and rates [], and the mean cosine [seeds] of trained stacks to it."""

    loss: np.ndarray
    learning_rate: np.ndarray
    curvature: np.ndarray
    cosine: np.ndarray


class DeepRivalCell(AbstractConfig):
    """The trainings of a deep stack of tied layers and of GD++, held against each other at their ends."""

    training: Training[LinearRegression]
    gdpp: Training[LinearRegression]
    num_validation: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`DeepRival`."""
        task, model = self.training.task, self.training.trained(workspace).model
        gdpp, prompts = trained_gdpp(self.gdpp, workspace), prompts_at(task, validation_keys(self.num_validation))
        rival = cut_off(stacked((gdpp,)), task, model.token_bound)
        cosine = over_models(Partial(along, rival, prompts), model)["sensitivity_cosine"][:, 0]
        workspace.report(1, 1, "cosine")
        rate, curvature = (np.asarray(jnp.ravel(each)[0]) for each in (gdpp.learning_rate, gdpp.curvature))
        return DeepRival(np.asarray(errors_of_each(rival, prompts).mean()), rate, curvature, cosine)._asdict()
