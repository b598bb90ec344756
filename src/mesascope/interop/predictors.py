"""This package's predictors, and any function of JAX's from a prompt to its prediction, as subjects."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from mesascope.interop.redrawn import can_be_redrawn, redrawn
from mesascope.models.transformer import Transformer
from mesascope.predictor import AbstractSequencePredictor, AbstractStepwise, check_predictor
from mesascope.prompt import Prompt, Sequence
from mesascope.subject import AbstractSequenceSubject, AbstractSubject
from mesascope.validation import check_callable, check_seed


class PredictorSubject(AbstractSubject):
    """A predictor, or a function of JAX's that maps one `Prompt` to [dy]: compiled once a shape, `vmap`ped.

    The queries of a prompt share its context. Batches are filled up to a power of two, so that few shapes are compiled.
    Arrays are in the precision that JAX is set to. Derivatives are real ones: a complex question has none.
    """

    def __init__(self, predictor: Callable[[Prompt], Any], *, name: str | None = None):
        if isinstance(predictor, type):
            check_predictor("predictor", predictor)
        check_callable("predictor", predictor, 1, "It maps one prompt to its prediction: `lambda prompt: ...`.")
        self.predictor, self.name = predictor, name or _name_of(predictor)
        if isinstance(predictor, Transformer):
            sizes: Any = predictor.tokens
            self.dim_x, self.dim_y = (getattr(sizes, each, None) for each in ("dim_x", "dim_y"))

    def predictions(self, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray:
        return _asked(self.predictor, xs, ys, queries)

    def layers(self, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray | None:
        if not isinstance(self.predictor, AbstractStepwise):
            return None
        return np.moveaxis(_asked(self.predictor.trajectory, xs, ys, queries), 2, 0)

    def hidden(self, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray | None:
        if not isinstance(self.predictor, Transformer):
            return None
        return np.moveaxis(_asked(_QueryTokens(self.predictor), xs, ys, queries), 2, 0)

    def jacobian(self, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray | None:
        if any(map(np.iscomplexobj, (xs, ys, queries))):
            return None
        return _asked(_Derivative(self.predictor), xs, ys, queries)

    def untrained(self, seed: int) -> "PredictorSubject | None":
        copy = _redrawn(self.predictor, seed)
        return None if copy is None else PredictorSubject(copy, name=f"{self.name}, untrained")


class SequencePredictorSubject(AbstractSequenceSubject):
    """A model of sequences of this package: every prefix in one pass; layers where it has a `trajectory`."""

    def __init__(self, predictor: AbstractSequencePredictor, *, name: str | None = None):
        check_predictor("predictor", predictor, AbstractSequencePredictor)
        self.predictor, self.name, self.dim = predictor, name or _name_of(predictor), predictor.dim_state

    def next_states(self, states: np.ndarray) -> np.ndarray:
        return _walked(self.predictor.next_states, states)

    def layers(self, states: np.ndarray) -> np.ndarray | None:
        trajectory = getattr(self.predictor, "trajectory", None)
        return None if trajectory is None else np.moveaxis(_walked(trajectory, states), 1, 0)

    def untrained(self, seed: int) -> "SequencePredictorSubject | None":
        copy = _redrawn(self.predictor, seed)
        return None if copy is None else SequencePredictorSubject(copy, name=f"{self.name}, untrained")


class _QueryTokens(eqx.Module):
    model: Transformer

    def __call__(self, prompt: Prompt):
        return self.model.token_trajectory(prompt)[1]


class _Derivative(eqx.Module):
    """Of the answer by its query [dy dx]: by columns or by rows, whichever are fewer."""

    predictor: Callable[[Prompt], Any]

    def __call__(self, prompt: Prompt):
        by = jax.jacrev if prompt.dim_y <= prompt.dim_x else jax.jacfwd
        return by(lambda query: self.predictor(prompt.with_query(query)))(prompt.query)


@eqx.filter_jit
def _answers(predictor, xs, ys, queries):
    def of_prompt(xs, ys, queries):
        target = jnp.zeros(ys.shape[1:], ys.dtype)
        return jax.vmap(lambda query: predictor(Prompt(xs, ys, query, target)))(queries)

    return jax.vmap(of_prompt)(xs, ys, queries)


@eqx.filter_jit
def _steps(predictor, states):
    return jax.vmap(lambda states: predictor(Sequence(states)))(states)


def _asked(predictor, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """For every prompt and query what `predictor` gives [b m ...]."""
    arrays = (jnp.asarray(_filled_up(each)) for each in (xs, ys, queries))
    return np.asarray(_answers(predictor, *arrays))[: len(xs)]


def _walked(predictor, states: np.ndarray) -> np.ndarray:
    return np.asarray(_steps(predictor, jnp.asarray(_filled_up(states))))[: len(states)]


def _filled_up(batch: np.ndarray) -> np.ndarray:
    """With the last entry again up to a power of two."""
    missing = (1 << (len(batch) - 1).bit_length()) - len(batch)
    return np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)])


def _redrawn(predictor, seed: int):
    """A copy with other weights; None where there are none to draw."""
    check_seed("seed", seed)
    generator = np.random.default_rng(seed)
    weights, rest = eqx.partition(predictor, eqx.is_inexact_array)
    if not any(can_be_redrawn(np.asarray(leaf)) for leaf in jax.tree.leaves(weights)):
        return None
    return eqx.combine(jax.tree.map(lambda leaf: jnp.asarray(redrawn(np.asarray(leaf), generator)), weights), rest)


def _name_of(predictor: Any) -> str:
    return getattr(predictor, "__name__", type(predictor).__name__)
