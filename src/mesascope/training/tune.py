"""`tune`: the rates that make an algorithm best on a task, so that a model is held against its best rival."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float, Int, Key

from mesascope.leaks import check_leaks
from mesascope.predictor import AbstractPredictor, check_predictor
from mesascope.printing import in_short
from mesascope.prompt import Prompt
from mesascope.random import data_key
from mesascope.tasks._base import AbstractTask
from mesascope.validation import check_class, check_count, check_key

TOLERANCE = 1e-6  # a relative gain of the loss below which the search is over
CHUNK = 250  # prompts whose backward pass is run at a time, as many as a cache holds; a remainder is compiled apart


class Tuned(NamedTuple):
    """An algorithm with its rates tuned, its loss on the prompts they were tuned on, and on others."""

    algorithm: Any
    loss: Float[Array, ""]
    held_out_loss: Float[Array, ""]

    __repr__ = in_short


def tune(
    algorithm: AbstractPredictor,
    task: AbstractTask,
    *,
    key: Key[Array, ""],
    num_prompts: int = 10_000,
    num_held_out: int = 10_000,
    num_steps: int = 100,
) -> Tuned:
    """The algorithm with the rates that minimise the mean of 1/2 |prediction - target|^2 over sampled prompts.

    The rates are all its floating numbers and arrays; the search starts from them. It is Levenberg and Marquardt's,
    scaled by the columns of the Jacobian and never worse than its start: where the prediction is linear in the rates,
    as for one gradient step, its first step is the exact minimiser, else it ends in a local one, at the latest after
    `num_steps` trials. The Jacobian has `num_prompts` x dy x rates entries: made for tens of rates.

    A deep algorithm can explode on a rare prompt, and then the minimiser for some prompts is none for others. The
    search descends on `num_prompts` and looks at `num_held_out` others: of the points it went through, the one best on
    all of them together is returned. held_out_loss has therefore had a say: measure again where that matters.

    Raises ValueError for an algorithm without rates, or one that reads the target (`check_leaks`). Where the loss is
    not finite at the start, the rates come back untouched, with losses that are infinite.
    """
    check_predictor("algorithm", algorithm)
    for name, count in (("num_prompts", num_prompts), ("num_held_out", num_held_out), ("num_steps", num_steps)):
        check_count(name, count)
    check_class("task", task, AbstractTask, "Prompts are drawn from it: take one, as LinearRegression(10, 10).")
    check_key("key", key)
    rates, rest = eqx.partition(algorithm, eqx.is_inexact_array_like)
    if not jax.tree.leaves(rates):
        raise ValueError(f"`algorithm` must have a floating number to tune; got {algorithm!r}. Write 1.0 for 1.")
    rates = jax.tree.map(lambda rate: jnp.asarray(rate, jnp.result_type(float)), rates)
    check_leaks(algorithm, eqx.filter_eval_shape(task.sample, key), "algorithm")
    prompts, held_out = tuning_prompts(task, key, num_prompts, num_held_out)
    return _tune(rates, rest, prompts, held_out, jnp.asarray(num_steps))


@eqx.filter_jit
def tuning_prompts(
    task: AbstractTask, key: Key[Array, ""], num_prompts: int = 10_000, num_held_out: int = 10_000
) -> tuple[Prompt, Prompt]:
    """The prompts that `tune` with this key tunes on, and those it holds out."""
    drawn = task.sample_batch(data_key(key), num_prompts + num_held_out)
    parts = np.s_[:num_prompts], np.s_[num_prompts:]
    prompts, held_out = (jax.tree.map(lambda leaf, part=part: leaf[part], drawn) for part in parts)
    return prompts, held_out


class _Best(NamedTuple):
    """The best point so far on all prompts together."""

    total: Float[Array, ""]
    rates: Float[Array, " p"]
    loss: Float[Array, ""]
    held_out_loss: Float[Array, ""]


class _Search(NamedTuple):
    """Where the search is, what it has seen, and how careful it is."""

    rates: Float[Array, " p"]
    loss: Float[Array, ""]
    gradient: Float[Array, " p"]
    curvature: Float[Array, "p p"]
    best: "_Best"
    damping: Float[Array, ""]
    done: Bool[Array, ""]
    num_steps: Int[Array, ""]


@eqx.filter_jit
def _tune(rates, rest, prompts: Prompt, held_out: Prompt, num_steps: Int[Array, ""]) -> Tuned:
    flat, unravel = ravel_pytree(rates)
    nowhere = jnp.asarray(jnp.inf, flat.dtype)  # the first trial is the start itself
    no_step = jnp.zeros_like(flat), jnp.eye(flat.size, dtype=flat.dtype)
    best = _Best(nowhere, flat, nowhere, nowhere)
    search = _Search(
        flat, nowhere, *no_step, best, _smallest_damping(flat), jnp.asarray(False), jnp.zeros((), jnp.int32)
    )

    def look(flat):
        return _look(lambda flat: eqx.combine(unravel(flat), rest), flat, prompts, held_out)

    search = lax.while_loop(lambda s: ~s.done & (s.num_steps <= num_steps), lambda s: _advance(s, look), search)
    best = search.best
    return Tuned(eqx.combine(unravel(best.rates), rest), best.loss, best.held_out_loss)


def _advance(search: _Search, look) -> _Search:
    trial = search.rates - _step(search.gradient, search.curvature, search.damping)
    loss, gradient, curvature, held_out_loss, total = look(trial)
    better = (loss < search.loss) & jnp.isfinite(gradient).all() & jnp.isfinite(curvature).all()
    rates, least, gradient, curvature = _choose(better, (trial, loss, gradient, curvature), search[:4])
    best = _choose(better & (total < search.best.total), _Best(total, trial, loss, held_out_loss), search.best)
    damping = jnp.where(better, search.damping / 10, 10 * jnp.maximum(search.damping, 1e-4))
    done = (damping > 1e8) | (better & (search.loss - loss <= TOLERANCE * loss))
    damping = jnp.maximum(damping, _smallest_damping(trial))
    return _Search(rates, least, gradient, curvature, best, damping, done, search.num_steps + 1)


def _look(algorithm_of, flat, prompts, held_out):
    """Loss, gradient and Gauss-Newton curvature on the prompts, the loss on those held out, and on all of them."""

    def error(flat, prompt):
        difference = algorithm_of(flat)(prompt) - prompt.target
        return jnp.concatenate([difference.real, difference.imag]) if jnp.iscomplexobj(difference) else difference

    errors, jacobian = lax.map(
        lambda prompt: _with_jacobian(lambda flat: error(flat, prompt), flat), prompts, batch_size=CHUNK
    )
    num_prompts, num_held_out = prompts.query.shape[0], held_out.query.shape[0]
    errors, jacobian = errors.ravel() / num_prompts**0.5, jacobian.reshape(-1, flat.size) / num_prompts**0.5
    loss = jnp.sum(errors**2) / 2
    held_out_loss = jnp.sum(jax.vmap(error, (None, 0))(flat, held_out) ** 2) / (2 * num_held_out)
    total = (num_prompts * loss + num_held_out * held_out_loss) / (num_prompts + num_held_out)
    return loss, jacobian.T @ errors, jacobian.T @ jacobian, held_out_loss, total


def _smallest_damping(flat):
    return jnp.asarray(100 * jnp.finfo(flat.dtype).eps, flat.dtype)


def _with_jacobian(function, point):
    """The value and its Jacobian, by as many reverse passes as there are entries in the value."""
    value, pull_back = jax.vjp(function, point)
    return value, jnp.stack([pull_back(cotangent)[0] for cotangent in jnp.eye(value.size, dtype=value.dtype)])


def _step(gradient, curvature, damping):
    """The damped Gauss-Newton step, in units in which every rate matters alike; zero for one that does not."""
    scale = jnp.sqrt(jnp.diagonal(curvature))
    scale = jnp.where(scale > 0, scale, 1.0)
    scaled = curvature / (scale[:, None] * scale[None, :])
    return jnp.linalg.solve(scaled + damping * jnp.eye(scale.size, dtype=scale.dtype), gradient / scale) / scale


def _choose(condition, yes, no):
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)
