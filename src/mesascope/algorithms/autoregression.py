"""Ridge regression of a state on several states before it, after every prefix of a sequence."""

from functools import partial
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact, Int

from mesascope.candidate import AnyCandidate, Candidate, Parameter
from mesascope.linalg import factors_along, ridge
from mesascope.predictor import AbstractSequencePredictor
from mesascope.prompt import Prompt, Sequence
from mesascope.validation import check_count, check_positive

PENALTY = Parameter("penalty", 1e-6, 1e2, inputs=2, num_examples=1)
Penalty = float | Float[Array, ""]


class VectorAutoregression(AbstractSequencePredictor):
    """VAR(p): s_{T+1} = sum_k W_k s_{T+1-k}, k = 1..order, where W_1, ..., W_p minimise

        sum_{p<=t<T} |s_{t+1} - sum_k W_k s_{t+1-k}|^2 + penalty sum_k |W_k|^2.

    Both are sums, over pairs and over entries. Only states that have `order` states before them count, so that a VAR(p)
    without noise is found from p d + p states on, as the penalty vanishes. With at most `order` states there is no such
    pair and the prediction is zero, as that of ridge regression without examples is. Order 1 is `RidgeAlongSequence`.
    No intercept. Real or complex. The cost is linear in the length, cubic in p d (Lütkepohl 2005, "New Introduction to
    Multiple Time Series Analysis", section 3.2, with a penalty).
    """

    penalty: Penalty = 1e-3
    order: int = eqx.field(static=True, default=2)

    candidate_orders: ClassVar = (2, 3, 4)

    def __check_init__(self):
        check_positive("penalty", self.penalty)
        check_count("order", self.order)

    def predictions(self, sequence: Sequence) -> Inexact[Array, "t d"]:
        return _forecasts(sequence.states, self.order, self.penalty)

    def __call__(self, prompt: Prompt) -> Inexact[Array, " dy"]:
        return _last_forecast(self.states(prompt), prompt.num_examples + 1, self.order, self.penalty)

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """One for each order above the first, with the penalty free."""
        return tuple(
            Candidate(
                f"var-{order}",
                f"ridge regression of a state on the {order} before it, VAR({order})",
                partial(cls, order=order),
                (PENALTY,),
            )
            for order in cls.candidate_orders
        )

    @classmethod
    def examples(cls) -> "tuple[VectorAutoregression, ...]":
        """Tiny instances for tests and documentation."""
        return cls(0.1), cls(0.01, order=3)


class CoordinateAutoregression(AbstractSequencePredictor):
    """AR(p) of each coordinate i on its own past: s_{T+1,i} = sum_k w_{k,i} s_{T+1-k,i}, k = 1..order.

    The w_{k,i} minimise sum_{p<=t<T} |s_{t+1,i} - sum_k w_{k,i} s_{t+1-k,i}|^2 + penalty sum_k |w_{k,i}|^2: the
    `VectorAutoregression` of one coordinate alone, with its conventions. An AR(p) without noise is found from 2 p
    states on, as the penalty vanishes. Real or complex. The cost is linear in the length and in d, cubic in p.
    """

    penalty: Penalty = 1e-3
    order: int = eqx.field(static=True, default=1)

    candidate_orders: ClassVar = (1, 2, 3, 4)

    def __check_init__(self):
        check_positive("penalty", self.penalty)
        check_count("order", self.order)

    def predictions(self, sequence: Sequence) -> Inexact[Array, "t d"]:
        coordinates = sequence.states.T[:, :, None]
        return jax.vmap(lambda states: _forecasts(states, self.order, self.penalty)[:, 0])(coordinates).T

    def __call__(self, prompt: Prompt) -> Inexact[Array, " dy"]:
        coordinates, num_states = self.states(prompt).T[:, :, None], prompt.num_examples + 1
        return jax.vmap(lambda states: _last_forecast(states, num_states, self.order, self.penalty)[0])(coordinates)

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """One for each order, with the penalty free."""
        return tuple(
            Candidate(
                f"ar-{order}-by-coordinate",
                f"ridge regression of each coordinate on its own last {order}, AR({order})",
                partial(cls, order=order),
                (PENALTY,),
            )
            for order in cls.candidate_orders
        )

    @classmethod
    def examples(cls) -> "tuple[CoordinateAutoregression, ...]":
        """Tiny instances for tests and documentation."""
        return cls(0.1), cls(0.01, order=2)


def _forecasts(states: Inexact[Array, "t d"], order: int, penalty: Penalty) -> Inexact[Array, "t d"]:
    """The prediction after each state, zero for the first `order` of them."""
    if len(states) <= order:
        return jnp.zeros_like(states)
    lagged = _lagged(states, order)
    factors = factors_along(lagged[:-1], states[order:])
    weights = jax.vmap(lambda factor: ridge(factor.rows, factor.right, penalty))(factors)
    return jnp.pad(jnp.einsum("tij,ti->tj", weights, lagged), ((order - 1, 0), (0, 0)))


def _last_forecast(
    states: Inexact[Array, "t d"], num_states: int | Int[Array, ""], order: int, penalty: Penalty
) -> Inexact[Array, " d"]:
    """The prediction after the state `num_states`, behind which all is padding: one solve, where `_forecasts` has t."""
    if len(states) <= order:
        return jnp.zeros_like(states[0])
    lagged = _lagged(states, order)
    counts = jnp.arange(order, len(states), dtype=jnp.int32) < num_states
    weights = ridge(jnp.where(counts[:, None], lagged[:-1], 0), states[order:], penalty)
    return lagged[num_states - order] @ weights


def _lagged(states: Inexact[Array, "t d"], order: int) -> Inexact[Array, "n lags"]:
    """A state and those before it, `order` in all, the latest first: from the first that has so many on."""
    num_rows = len(states) - order + 1
    return jnp.concatenate([states[order - k :][:num_rows] for k in range(1, order + 1)], axis=1)
