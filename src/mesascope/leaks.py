"""Whether a predictor reads what it has to predict: the target of a prompt, or later states of a sequence."""

import contextlib
import functools
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import equinox as eqx
import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Inexact

from mesascope.lengths import check_lengths
from mesascope.predictor import AbstractPredictor, AbstractSequencePredictor, AbstractStepwise, check_predictor
from mesascope.prompt import Prompt, Sequence, check_prompt
from mesascope.random import jit_draws
from mesascope.validation import check_class

NUM_STATES = 2**16  # that are read in all: of a long sequence, few places are asked about
ROUNDING = 16  # times eps of the largest answer: what a causal model by Fourier transforms changes, which reads nothing


def check_leaks(predictor: AbstractPredictor, observed: Prompt | Sequence, name: str = "predictor") -> None:
    """Raise ValueError where another target, or other states after position t, change an answer, up to t, of a model.

    One program answers with all values, so that answers are equal, bit for bit, where nothing is read; values are
    exchanged, as derivatives are blind to what reads a sign or a largest entry. Of sequences of more than 128 states,
    some positions are asked about. A weight of zero hides what it reads: ask again after training, as `fit` does.

    A model whose weights are traced is not asked. Where `observed` is traced, or made of shapes, normal numbers take
    its place; padding is taken for examples, or states. Answers that are not finite tell nothing. ValueError as well
    for an answer that has not the target's shape, for a model that answers the same prompt in two ways, and, where
    `observed` has padding, for one that answers a padded prompt otherwise than the short one (`check_lengths`).
    """
    check_predictor(name, predictor)
    check_class("observed", observed, (Prompt, Sequence), "Take `task.sample(key)`, of a task or a process.")
    if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(predictor)):
        return
    whole = _whole(observed)
    prompt, states = _asked_about(predictor, whole)
    if prompt is not None:
        check_prompt(prompt)
        _check_target(predictor, prompt, name)
    if states is not None:
        _check_later(predictor, states, name)
    if observed.length is not None:
        check_lengths(predictor, whole, name)


def check_leaks_once(predictor: AbstractPredictor, observed: Prompt | Sequence, name: str = "predictor") -> None:
    """`check_leaks`, unless this same object has been asked about what has these shapes."""
    check_predictor(name, predictor)
    asked = (id(predictor), str(jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), observed)))
    if _ASKED.get(asked) is not predictor:
        check_leaks(predictor, observed, name)
        _ASKED[asked] = predictor


_ASKED: weakref.WeakValueDictionary[tuple[int, str], AbstractPredictor] = weakref.WeakValueDictionary()


def _check_target(predictor: AbstractPredictor, prompt: Prompt, name: str) -> None:
    with _asking(name, prompt):
        trace = jax.make_jaxpr(functools.partial(_answers, predictor), return_shape=True)
        program, (answer, _) = trace(prompt.target, prompt)
    _check_shape(name, answer, prompt.target.shape)
    read = [*program.jaxpr.outvars, *(variable for each in program.jaxpr.eqns for variable in each.invars)]
    if not any(variable is program.jaxpr.invars[0] for variable in read):
        return  # most models are cleared without a program to compile
    target = np.asarray(prompt.target)
    targets = _between(target, _others(target))
    change = max(_changes(answers, name).max() for answers in _numbers_of(_by_target, predictor, prompt, targets))
    if change > 0:
        raise ValueError(
            f"`{name}` must not read the target, which it has to predict; its answer changes by up to {change:.3g} "
            "with `prompt.target` alone. Predict from `xs`, `ys` and `query`."
        )


def _check_later(predictor: Any, states: np.ndarray, name: str) -> None:
    num_states = len(states)
    with _asking(name, states):
        answer = jax.eval_shape(functools.partial(_predictions, predictor), states)[0]
    _check_shape(name, answer, states.shape)
    if num_states == 1:
        return
    cuts, position = _cuts(num_states), np.arange(num_states)[:, None]
    variants = [np.where(position < cut, states, other) for cut in cuts for other in _others(states)]
    found = _numbers_of(_by_states, predictor, _between(states, np.stack(variants)))
    changed = np.any([_changes(answers, name).any(axis=2) for answers in found], axis=0)
    changed = changed.reshape(len(cuts), -1, num_states).any(axis=1) & (np.array(cuts)[:, None] > position.T)
    if changed.any():
        row = int(changed.any(axis=0).argmax())
        last = int(np.flatnonzero(changed[:, row])[-1])
        first_read, last_read = cuts[last] + 1, [*cuts, num_states][last + 1]
        read = f"state {first_read}" if first_read == last_read else f"one of the states {first_read} to {last_read}"
        raise ValueError(
            f"`{name}` must predict the next state from those before; its prediction after state {row + 1} reads "
            f"{read}, and at least {changed.any(axis=0).sum()} of {num_states} predictions read ahead. Mask what comes "
            "later."
        )


@contextlib.contextmanager
def _asking(name: str, observed: Any) -> Iterator[None]:
    """A TypeError, which is what JAX raises for sizes that do not fit, told with the sizes that were asked about."""
    try:
        yield
    except TypeError as error:
        shapes = ", ".join(str(leaf.shape) for leaf in jax.tree.leaves(observed))
        raise ValueError(
            f"`{name}` must take what it is asked about, arrays of shapes {shapes}; got its error '{error}'. "
            "Make it for these sizes."
        ) from error


def _check_shape(name: str, answer: Any, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless an answer, or what stands for its shape, is an array of numbers of this shape."""
    dtype = getattr(answer, "dtype", None)
    if dtype is None or answer.shape != shape or not jnp.issubdtype(dtype, jnp.inexact):
        got = type(answer).__name__ if dtype is None else f"shape {answer.shape} of {dtype}"
        raise ValueError(
            f"`{name}` must answer with real or complex numbers in the shape of what it predicts, {shape}; got {got}."
        )


def _answers(predictor: AbstractPredictor, target: Inexact[Array, " dy"], prompt: Prompt) -> tuple[Any, Any]:
    asked = eqx.tree_at(lambda prompt: prompt.target, prompt, target)
    if not isinstance(predictor, AbstractStepwise):
        return predictor(asked), ()
    steps = predictor.trajectory(asked)
    return steps[-1] if type(predictor).__call__ is AbstractStepwise.__call__ else predictor(asked), steps


def _predictions(predictor: AbstractSequencePredictor, states: Inexact[Array, "t d"]) -> tuple[Any, Any]:
    sequence, prepares = Sequence(states), type(predictor).prepared is not AbstractSequencePredictor.prepared
    # Training asks what is prepared.
    return predictor.next_states(sequence), predictor.prepared(len(states))(sequence) if prepares else ()


@jit_draws  # compiled as what runs once
def _by_target(predictor: AbstractPredictor, prompt: Prompt, targets: Inexact[Array, "v dy"]) -> Any:
    return lax.map(lambda target: _answers(predictor, target, prompt), targets)


@jit_draws
def _by_states(predictor: AbstractSequencePredictor, states: Inexact[Array, "v t d"]) -> Any:
    return lax.map(functools.partial(_predictions, predictor), states)


def _numbers_of(program: Callable[..., Any], *arguments: Any) -> list[np.ndarray]:
    with jax.ensure_compile_time_eval():  # also where another program is being traced
        return [np.asarray(leaf) for leaf in jax.tree.leaves(program(*arguments))]


def _changes(answers: np.ndarray, name: str) -> np.ndarray:
    """How far each answer but the first and the last, which are to the same, is from the first, beyond rounding."""
    finite = np.where(np.isfinite(answers), answers, 0)
    sizes = np.maximum(np.abs(finite), np.abs(finite[0])).reshape(len(answers), -1).max(axis=1)
    both = np.isfinite(answers) & np.isfinite(answers[0])
    gaps = np.where(both, np.abs(finite - finite[0]), 0)
    least = ROUNDING * np.finfo(answers.dtype).eps * sizes
    changes = np.where(gaps > least.reshape(-1, *[1] * (gaps.ndim - 1)), gaps, 0)
    if changes[-1].any():
        raise ValueError(
            f"`{name}` must give the same answer to the same prompt; got two that differ by {changes[-1].max():.3g}. "
            "Draw random numbers from a key that the model holds."
        )
    return changes[1:-1]


def _asked_about(predictor: AbstractPredictor, observed: Prompt | Sequence) -> tuple[Prompt | None, np.ndarray | None]:
    """A prompt whose target is not to be read, and the states of a sequence none of which is to be read too early."""
    with jax.ensure_compile_time_eval():
        if not isinstance(predictor, AbstractSequencePredictor):
            return observed if isinstance(observed, Prompt) else observed.last_prompt(), None
        if isinstance(observed, Sequence):
            return None, np.asarray(observed.states)
        if observed.dim_x != observed.dim_y:
            return observed, None  # of no sequence, as the predictor will say
        return observed, np.concatenate([observed.xs, observed.query[None], observed.target[None]])


def _whole(observed: Prompt | Sequence) -> Prompt | Sequence:
    """The same without padding, numbers in all places."""
    unpadded = eqx.tree_at(lambda asked: asked.length, observed, None, is_leaf=lambda leaf: leaf is None)
    with jax.ensure_compile_time_eval():
        return jax.tree.map(_numbers, unpadded)


def _numbers(leaf: Any) -> Array:
    """The array itself, where it has numbers; else normal ones."""
    if isinstance(leaf, (jax.Array, np.ndarray)) and not isinstance(leaf, jax.core.Tracer):
        return jnp.asarray(leaf)
    return jnp.asarray(_normals(0, leaf.shape, leaf.dtype))


def _normals(seed: int, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    rng = np.random.default_rng(seed)
    drawn = rng.normal(size=shape)
    return (drawn + 1j * rng.normal(size=shape) if np.issubdtype(dtype, np.complexfloating) else drawn).astype(dtype)


def _others(values: np.ndarray) -> list[np.ndarray]:
    """Other values: of other signs, other directions, and of other sizes."""
    drawn = [_normals(seed, values.shape, values.dtype) for seed in (1, 2)]
    return [-values, drawn[0], 1000 * drawn[1], -drawn[0]]


def _between(values: np.ndarray, variants: Any) -> np.ndarray:
    return np.concatenate([values[None], variants, values[None]])


def _cuts(num_states: int) -> list[int]:
    """Positions after which states are exchanged: all, or as many as there is room for, and the last."""
    num = min(num_states - 1, max(2, NUM_STATES // (4 * num_states)))
    some = np.random.default_rng(0).permutation(np.arange(1, num_states - 1))[: num - 1]
    return sorted([*some.tolist(), num_states - 1])
