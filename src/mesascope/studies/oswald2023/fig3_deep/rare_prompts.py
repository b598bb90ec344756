"""A trained stack and GD++ on far more prompts than it was tuned on: what rare tasks do to a mean."""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array

from mesascope.models.transformer import Transformer
from mesascope.probes.error import squared_error
from mesascope.random import VALIDATION_SEED
from mesascope.studies._shared.measure import over_models
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.best_rates import best_rivals
from mesascope.studies.oswald2023._shared.stacks import stack_of
from mesascope.study.base import Arrays, Workspace


class RareCell(NamedTuple):
    """A training of untied layers, and the number of prompts, none of them a validation prompt."""

    training: Training
    num_prompts: int


def measure_rare(cell: RareCell, workspace: Workspace) -> Arrays:
    """Mean and largest losses [seeds] of the trained stacks and of GD++ with the best rates for each step.

    "gdpp" is the algorithm itself; "clipped" the stack that makes its steps and cuts its tokens off where the trained
    one does. The residual of K steps is a polynomial of degree (3^K - 1) / 2 in an eigenvalue: beyond the interval its
    rates were made for it grows so fast that one prompt in a hundred thousand can decide the mean.
    """
    task, model = cell.training.task, cell.training.trained(workspace).model
    workspace.report(1, 2, "best GD++")
    gdpp = best_rivals(task, len(model.layers)).gdpp
    rivals = {"gdpp": gdpp, "clipped": stack_of(gdpp, task, model.token_bound)}

    def losses(model: Transformer) -> dict[str, Array]:
        prompts = task.sample_batch(jax.random.key(VALIDATION_SEED - 1), cell.num_prompts)
        predictors = {"trained": model, **rivals}
        errors = {name: jax.vmap(lambda p, of=of: squared_error(of, p))(prompts) for name, of in predictors.items()}
        means = {f"mean_{name}": each.mean() for name, each in errors.items()}
        return means | {f"largest_{name}": each.max() for name, each in errors.items()}

    return {**over_models(losses, model), "num_prompts": np.asarray(cell.num_prompts)}


def remark(arrays: Arrays) -> str:
    """All of it in words, the trained stacks seed by seed."""
    texts = {"trained": "trained", "gdpp": "best GD++", "clipped": "best GD++, clipped as they are"}
    found = []
    for name, text in texts.items():
        mean, largest = arrays[f"mean_{name}"], arrays[f"largest_{name}"]
        of = slice(None) if name == "trained" else slice(1)  # a rival is the same for all seeds
        found.append(f"{text} {_row(mean[of])} (largest {_row(largest[of])})")
    return f"Mean losses on {arrays['num_prompts']} other prompts: {'; '.join(found)}."


def _row(values: np.ndarray) -> str:
    return ", ".join(f"{value:.3g}" for value in values)
