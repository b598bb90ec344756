"""Trained stacks of layers, the algorithms they should have learned, and both changed, away from the training task."""

import dataclasses
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from mesascope.algorithms.gdpp import GDPlusPlus
from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.constructions.gdpp_blocks import only_gdpp_blocks
from mesascope.models.transformer import Transformer
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.best_rates import best_of_family
from mesascope.studies.oswald2023._shared.shifts import Shifts, losses_of, losses_of_models, shifted_prompts
from mesascope.studies.oswald2023._shared.stacks import stack_of
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.linear_regression import LinearRegression


class StackLosses(NamedTuple):
    """Losses of a trained stack [seeds shifts] and of its rival [shifts], the algorithm that it should have learned.

    Two tied layers have losses "restricted" [seeds shifts] to the weights that GD++ has. Five layers that clip their
    tokens have losses of the same weights "unclipped" [seeds shifts], and of the rival's stack clipped as they are
    [1 shifts]. None where there are none.
    """

    trained: np.ndarray
    rival: np.ndarray
    restricted: np.ndarray | None = None
    unclipped: np.ndarray | None = None
    clipped_rival: np.ndarray | None = None


class ShiftCell(AbstractConfig):
    """A training of a stack, measured on `num_validation` prompts of each shifted task."""

    training: Training[LinearRegression]
    num_validation: int
    shifts: Shifts

    def compute(self, workspace: Workspace) -> Arrays:
        """`StackLosses`, without those that are None."""
        model: Transformer = self.training.trained(workspace).model
        workspace.report(1, 2, "best rival")
        rival = best_rival(self.training.task, len(model.layers), model.num_repeats)
        workspace.report(2, 2, "losses on shifted tasks")
        prompts = shifted_prompts(self.training.task, self.shifts, self.num_validation)
        alike = self.models_alike(model, rival)
        losses = losses_of_models(jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *alike.values()), prompts)
        ends = np.cumsum([jax.tree.leaves(each)[0].shape[0] for each in alike.values()])
        found = dict(zip(alike, np.split(losses, ends[:-1]), strict=True))
        if model.token_bound is not None:
            found["unclipped"] = losses_of_models(dataclasses.replace(model, token_bound=None), prompts)
        return {"rival": losses_of(rival, prompts), **found}

    def models_alike(self, model: Transformer, rival: GradientDescent | GDPlusPlus) -> dict[str, Transformer]:
        """The trained stack and others of its shape, arrays with a leading axis: one program measures all of them."""
        task, models = self.training.task, {"trained": model}
        if model.num_repeats > 1:
            models["restricted"] = eqx.filter_jit(jax.vmap(lambda each: only_gdpp_blocks(each, task.dim_x)))(model)
        if model.token_bound is not None and isinstance(rival, GDPlusPlus):
            clipped = stack_of(rival, task, model.token_bound)
            models["clipped_rival"] = jax.tree.map(lambda leaf: leaf[None], clipped)
        return models


def best_rival(task: LinearRegression, num_layers: int, num_repeats: int) -> GradientDescent | GDPlusPlus:
    """The best gradient step for one layer; GD++ with one pair of rates for tied layers, with a pair a step else."""
    depth = num_layers * num_repeats
    if depth == 1:
        return GradientDescent(jnp.asarray(best_of_family("GD, a rate per step", task, 1).learning_rate))
    tied = num_layers == 1
    best = best_of_family("GD++" if tied else "GD++, rates per step", task, depth)
    pick = 0 if tied else slice(None)
    return GDPlusPlus(jnp.asarray(best.learning_rate[pick]), jnp.asarray(best.curvature[pick]), depth)
