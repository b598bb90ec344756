"""The stacks of attention layers that several figures of von Oswald et al. 2023 are about."""

import dataclasses
from functools import partial
from typing import Any

import jax

from mesascope.algorithms.gdpp import GDPlusPlus
from mesascope.constructions.gdpp import GDPlusPlusConstruction
from mesascope.models.transformer import Transformer
from mesascope.studies._shared.measure import jit_once
from mesascope.studies._shared.training import Training
from mesascope.tasks._base import AbstractTask
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.training.config import FitConfig


def stack_training(
    num_layers: int = 1,
    num_repeats: int = 1,
    *,
    num_steps: int,
    seeds: int,
    batch_size: int = 2048,
    learning_rate: float | None = None,
    task: AbstractTask | None = None,
    first_seed: int = 0,
    **model: Any,
) -> Training:
    """The training of `num_layers` attention layers, applied `num_repeats` times, as the authors' code sets it up.

    Learning rate, clipping of gradients and clipping of tokens depend on the depth K = num_layers x num_repeats: 0.001,
    else 0.0005 for K > 3; a norm of 0.001, else 10 for K > 2; none, else 10 for K > 3 (appendix A.12 says the same but
    for a gradient norm of 10 always, and the two changes at K = 3). Another learning rate may be given; `model` goes to
    `Transformer.initialise`.
    """
    depth = num_layers * num_repeats
    task = LinearRegression() if task is None else task
    learning_rate = (1e-3 if depth <= 3 else 5e-4) if learning_rate is None else learning_rate
    config = FitConfig(num_steps, batch_size, learning_rate, clip_norm=1e-3 if depth <= 2 else 10.0)
    shape = {"num_layers": num_layers, "num_repeats": num_repeats, "token_bound": 10.0 if depth > 3 else None}
    make_model = partial(Transformer.initialise, task.dim_x, task.dim_y, **{**shape, **model})
    return Training(make_model, task, config, seeds, first_seed)


def stack_of(algorithm: GDPlusPlus, task: LinearRegression, token_bound: float | None = None) -> Transformer:
    """The layers that make this algorithm's steps, with tokens cut off at `token_bound` as a trained stack's are."""
    rates = algorithm.learning_rate, algorithm.curvature
    construction = GDPlusPlusConstruction(*rates, algorithm.num_steps, task.num_examples, task.dim_x, task.dim_y)
    return dataclasses.replace(construction.build(), token_bound=token_bound)


def cut_off(algorithms: GDPlusPlus, task: LinearRegression, token_bound: float | None) -> GDPlusPlus | Transformer:
    """Algorithms on a leading axis, rates for each step, their tokens cut off as a trained stack's are.

    The algorithms themselves where nothing is cut off, else the layers that make their steps.
    """
    if token_bound is None:
        return algorithms
    return jit_once(jax.vmap(lambda each: stack_of(each, task, token_bound)))(algorithms)
