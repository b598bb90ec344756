"""Training on a population loss that is known in closed form: exact gradients, no samples."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jaxtyping import Array, Float, Int, Key, PyTree

from mesascope.printing import in_short
from mesascope.random import RUNS_ONCE
from mesascope.training.runtime import set_up_runtime
from mesascope.validation import check_callable, check_class, check_count, check_key, check_numbers, check_positive


class AbstractOptimiser(eqx.Module):
    """A rule that turns gradients into changes of the parameters."""

    learning_rate: eqx.AbstractVar[float | Array]

    def __check_init__(self):
        check_positive("learning_rate", self.learning_rate)

    @abstractmethod
    def transformation(self) -> optax.GradientTransformation:
        """The rule, as optax writes it."""


class Descent(AbstractOptimiser):
    """params <- params - learning_rate gradient."""

    learning_rate: float | Array = 1e-2

    def transformation(self) -> optax.GradientTransformation:
        return optax.sgd(self.learning_rate)


class Adam(AbstractOptimiser):
    """Kingma and Ba 2015, with its usual constants."""

    learning_rate: float | Array = 1e-3

    def transformation(self) -> optax.GradientTransformation:
        return optax.adam(self.learning_rate)


class ExactTraining(NamedTuple):
    """What it leaves, on a leading axis over the keys: parameters, and the loss every so many steps.

    `losses[:, k]` is the loss after `steps[k]` steps, the first after none, the last that of `params`; where there are
    several losses, they are on axes behind.
    """

    params: Any
    losses: Float[Array, "seeds records *losses"]
    steps: Int[np.ndarray, " records"]

    __repr__ = in_short


def fit_exact(
    loss_fn: Callable[[PyTree], Float[Array, "*losses"]],
    make_params: Callable[[Key[Array, ""]], PyTree],
    optimiser: AbstractOptimiser,
    *,
    keys: Key[Array, " seeds"],
    num_steps: int,
    num_records: int = 100,
) -> ExactTraining:
    """Minimise `loss_fn` from `make_params(key)` for every key, all keys at once.

    `loss_fn` may return several losses, whose sum is minimised: losses of parameters of their own are then minimised
    independently, by a program that is compiled once.

    In the precision JAX is set to: where losses go to zero as differences of numbers of order one, that should be
    double. About `num_records` losses are kept, evenly spread.
    """
    check_callable("loss_fn", loss_fn, 1, "It gives the loss of parameters: `lambda params: jnp.sum(params**2)`.")
    check_callable(
        "make_params", make_params, 1, "It makes them for a key: `lambda key: jax.random.normal(key, (3,))`."
    )
    check_class("optimiser", optimiser, AbstractOptimiser, "Make one: `Adam(1e-3)`.")
    check_key("keys", keys, ndim=1)
    set_up_runtime()
    check_count("num_steps", num_steps)
    check_count("num_records", num_records)
    between = -(-num_steps // num_records)
    whole, rest = divmod(num_steps, between)
    transformation = optimiser.transformation()

    def step(state, _):
        params, memory = state
        gradient = jax.grad(lambda params: jnp.sum(loss_fn(params)))(params)
        change, memory = transformation.update(gradient, memory, params)
        return (optax.apply_updates(params, change), memory), None

    def stretch(state, _):
        state = lax.scan(step, state, length=between)[0]
        return state, loss_fn(state[0])

    def train(params):
        start = loss_fn(params)
        state, losses = lax.scan(stretch, (params, transformation.init(params)), length=whole)
        if rest == 0:
            return state[0], jnp.concatenate([start[None], losses])
        params = lax.scan(step, state, length=rest)[0][0]
        return params, jnp.concatenate([start[None], losses, loss_fn(params)[None]])

    # By itself, since many trainings start alike: it is compiled once.
    starts = jax.jit(jax.vmap(make_params), compiler_options=RUNS_ONCE)(keys)
    for leaf in jax.tree.leaves(starts):
        check_numbers("make_params", leaf[0], "or a tree of arrays")
    params, losses = jax.jit(jax.vmap(train))(starts)
    steps = np.minimum(np.arange(losses.shape[1]) * between, num_steps)
    return ExactTraining(params, losses, steps)
