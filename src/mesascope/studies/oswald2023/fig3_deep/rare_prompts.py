"""A trained stack and GD++ on far more prompts than it was tuned on: what rare tasks do to a mean."""

from typing import NamedTuple

import jax
import numpy as np

from mesascope.random import VALIDATION_SEED, seed_key
from mesascope.studies._shared.measure import jit_once
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.best_rates import best_algorithm, stacked
from mesascope.studies.oswald2023._shared.stack_measure import depth_of, errors_on_parts, prompts_at
from mesascope.studies.oswald2023._shared.stacks import stack_of
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.linear_regression import LinearRegression


class RareLosses(NamedTuple):
    """Mean and largest losses of the trained stacks [seeds], and [] of GD++ with the best rates for each step.

    `gdpp` is the algorithm itself; `clipped` the stack that makes its steps and cuts its tokens off where the trained
    one does. The residual of K steps is a polynomial of degree (3^K - 1) / 2 in an eigenvalue: beyond the interval its
    rates were made for it grows so fast that one prompt in a hundred thousand can decide the mean.
    """

    trained: np.ndarray
    gdpp: np.ndarray
    clipped: np.ndarray
    largest_trained: np.ndarray
    largest_gdpp: np.ndarray
    largest_clipped: np.ndarray


class RareCell(AbstractConfig):
    """A training of untied layers, and the number of prompts, none of them a validation prompt, in `num_parts`."""

    training: Training[LinearRegression]
    num_prompts: int
    num_parts: int = 10

    def compute(self, workspace: Workspace) -> Arrays:
        """`RareLosses`."""
        task, models = self.training.task, self.training.trained(workspace).model
        workspace.report(1, 2, "best GD++")
        gdpp = best_algorithm("GD++, rates per step", task, depth_of(models))
        clipped = jit_once(jax.vmap(lambda each: stack_of(each, task, models.token_bound)))(stacked((gdpp,)))
        sizes = self.num_parts, self.num_prompts // self.num_parts
        parts = [prompts_at(task, keys) for keys in jax.random.split(seed_key(VALIDATION_SEED - 1), sizes)]
        trained, (exact,), (cut,) = (errors_on_parts(each, parts) for each in (models, stacked((gdpp,)), clipped))
        largest = trained.max(axis=(1, 2)), exact.max(), cut.max()
        return RareLosses(trained.mean(axis=(1, 2)), exact.mean(), cut.mean(), *largest)._asdict()
