"""Trained stacks of layers, the algorithms they should have learned, and both changed, away from the training task."""

import dataclasses
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from mesascope.algorithms.gdpp import GDPlusPlus
from mesascope.constructions.gdpp_blocks import only_gdpp_blocks
from mesascope.models.transformer import Transformer
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.best_rates import best_of_family, stacked
from mesascope.studies.oswald2023._shared.shifts import Shifts, losses_of_models, shifted_prompts
from mesascope.studies.oswald2023._shared.stacks import cut_off
from mesascope.studies.oswald2023._shared.trained_gdpp import trained_gdpp
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.linear_regression import LinearRegression


class StackLosses(NamedTuple):
    """Losses of trained stacks [seeds shifts], of the rival that they are held against and of the best one [shifts].

    One layer is held against the best gradient step, more against GD++ as the authors train it. Two tied layers have
    losses "restricted" [seeds shifts] to the weights that GD++ has. Five layers that cut their tokens off, as their
    rivals do, have losses of the same weights "unclipped" [seeds shifts]. None where there are none.
    """

    trained: np.ndarray
    rival: np.ndarray
    best: np.ndarray
    restricted: np.ndarray | None = None
    unclipped: np.ndarray | None = None


class ShiftCell(AbstractConfig):
    """A training of a stack, and of GD++ if there is one, measured on `num_validation` prompts of each shifted task."""

    training: Training[LinearRegression]
    gdpp: Training[LinearRegression] | None
    num_validation: int
    shifts: Shifts

    def compute(self, workspace: Workspace) -> Arrays:
        """`StackLosses`, without those that are None."""
        task, model = self.training.task, self.training.trained(workspace).model
        workspace.report(1, 2, "best rival")
        best = best_rival(task, len(model.layers), model.num_repeats)
        rival = best if self.gdpp is None else trained_gdpp(self.gdpp, workspace)
        workspace.report(2, 2, "losses on shifted tasks")
        prompts = shifted_prompts(task, self.shifts, self.num_validation)
        rivals = losses_of_models(cut_off(stacked((rival, best)), task, model.token_bound), prompts)
        found = {name: losses_of_models(each, prompts) for name, each in self.changed(model).items()}
        return {"trained": losses_of_models(model, prompts), "rival": rivals[0], "best": rivals[1], **found}

    def changed(self, model: Transformer) -> dict[str, Transformer]:
        """The trained stack with weights set to zero that GD++ has not, or without cutting its tokens off."""
        if model.num_repeats > 1:
            dim_x = self.training.task.dim_x
            return {"restricted": eqx.filter_jit(jax.vmap(lambda each: only_gdpp_blocks(each, dim_x)))(model)}
        return {} if model.token_bound is None else {"unclipped": dataclasses.replace(model, token_bound=None)}


def best_rival(task: LinearRegression, num_layers: int, num_repeats: int) -> GDPlusPlus:
    """The best gradient step for one layer; GD++ with one pair of rates for tied layers, with a pair a step else."""
    depth = num_layers * num_repeats
    family = "GD" if depth == 1 else "GD++" if num_layers == 1 else "GD++, rates per step"
    best = best_of_family(family, task, depth)
    return GDPlusPlus(jnp.asarray(best.learning_rate), jnp.asarray(best.curvature), depth)
