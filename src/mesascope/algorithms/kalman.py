"""The Kalman filter of a known linear system."""

from functools import reduce
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Inexact

from mesascope.linalg import few, least_norm, root_of
from mesascope.predictor import AbstractSequencePredictor
from mesascope.prompt import Sequence
from mesascope.validation import check_count, check_covariance, check_finite, check_numbers, check_shape


class KalmanForecaster(AbstractSequencePredictor):
    """E[s_{T+1} | s_1..s_T] = C A m_T where z_{t+1} = A z_t + N(0, Q), s_t = C z_t + N(0, R), z_1 ~ N(0, P).

    A is `transition`, C `observation`, Q `process_noise`, R `observation_noise`, P `initial_covariance`. The means
    m_t = A m_{t-1} + K_t (s_t - C A m_{t-1}), from K_1 s_1, have gains that no state changes, with P_1 = P:

        K_t = P_t C* (C P_t C* + R)^{-1},  P_{t+1} = A ((I - K_t C) P_t (I - K_t C)* + K_t R K_t*) A* + Q.

    P_t is that of z_t before s_t is seen (Kalman 1960; the second in the form of Joseph, computed by roots of P_t).
    A singular C P_t C* + R takes the inverse of least norm. The best forecast of a Gaussian system, and the best linear
    one of any system with these second moments. Complex noise is circular: E n n^T = 0. The cost is t (k^3 + d^3) once
    for a batch, t k d for each sequence. ValueError unless shapes fit and Q, R and P are covariances.
    """

    transition: Inexact[Array, "k k"]
    observation: Inexact[Array, "d k"]
    process_noise: Inexact[Array, "k k"]
    observation_noise: Inexact[Array, "d d"]
    initial_covariance: Inexact[Array, "k k"]

    def __check_init__(self):
        check_numbers("observation", self.observation, "[d k]")
        if self.observation.ndim != 2:
            raise ValueError(f"`observation` must be a matrix [d k]; got shape {self.observation.shape}.")
        dim, dim_hidden = self.observation.shape
        check_numbers("transition", self.transition, "[k k]")
        check_shape("transition", self.transition, (dim_hidden, dim_hidden))
        for name in ("observation", "transition"):
            check_finite(name, getattr(self, name))
        for name in ("process_noise", "initial_covariance"):
            check_covariance(name, getattr(self, name), dim_hidden)
        check_covariance("observation_noise", self.observation_noise, dim)

    @property
    def dim_state(self) -> int:
        return self.observation.shape[0]

    def gains(self, num_states: int) -> Inexact[Array, "t k d"]:
        """K_1, ..., K_t."""
        check_count("num_states", num_states)
        return _gains(self._system(reduce(np.promote_types, (each.dtype for each in self._matrices()))), num_states)

    def predictions(self, sequence: Sequence) -> Inexact[Array, "t d"]:
        dtype = sequence.states.dtype
        if any(jnp.iscomplexobj(each) for each in self._matrices()):
            dtype = np.promote_types(dtype, np.complex64)
        system = self._system(dtype)

        def observe(expected: Inexact[Array, " k"], seen: tuple[Inexact[Array, " d"], Inexact[Array, "k d"]]):
            state, gain = seen
            expected = system.transition @ (expected + gain @ (state - system.observation @ expected))
            return expected, expected

        start = jnp.zeros(len(system.transition), dtype)
        observed = sequence.states.astype(dtype), _gains(system, len(sequence.states))
        return lax.scan(observe, start, observed)[1] @ system.observation.T

    def _matrices(self) -> tuple[Inexact[Array, "_ _"], ...]:
        return self.transition, self.observation, self.process_noise, self.observation_noise, self.initial_covariance

    def _system(self, dtype: Any) -> "_System":
        return _System(*(jnp.asarray(each, dtype) for each in self._matrices()))

    @classmethod
    def examples(cls) -> "tuple[KalmanForecaster, ...]":
        """Tiny instances for tests and documentation."""
        turn, identity = jnp.array([[0.6, -0.7], [0.7, 0.6]]), jnp.eye(2)
        seen = jnp.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.5, -1.0]])
        of_two = cls(turn, seen, 0.1 * identity, 0.2 * jnp.eye(4), identity)
        every = jnp.eye(4)
        return of_two, cls(0.9 * every, every, 0.5 * every, 0.1 * every, 2 * every)


class _System(NamedTuple):
    """The matrices, all of one type."""

    transition: Inexact[Array, "k k"]
    observation: Inexact[Array, "d k"]
    process_noise: Inexact[Array, "k k"]
    observation_noise: Inexact[Array, "d d"]
    initial_covariance: Inexact[Array, "k k"]


def _gains(system: _System, num_states: int) -> Inexact[Array, "t k d"]:
    """K_t for every t, by way of roots U_t with U_t* U_t = P_t: their condition is the root of that of P_t.

    K_t* is the V that minimises |U_t C* V - U_t|^2 + |U V|^2 with U* U = R. The residuals' product with themselves is
    what stands between A and A* in P_{t+1}. None of this is LAPACK's, so that systems may stand in a batch.
    """
    a, c, q, r, prior = system
    root_of_process, root_of_noise = root_of(q), root_of(r)

    def observe(root: Inexact[Array, "k k"], _: None) -> tuple[Inexact[Array, "k k"], Inexact[Array, "k d"]]:
        inputs = jnp.concatenate([root @ _adjoint(c), root_of_noise])
        labels = jnp.pad(root, ((0, len(c)), (0, 0)))
        gain = least_norm(inputs, labels)
        rows = jnp.concatenate([(labels - inputs @ gain) @ _adjoint(a), root_of_process])
        return few(rows, rows[:, :0]).rows, _adjoint(gain)

    return lax.scan(observe, root_of(prior), length=num_states)[1]


def _adjoint(matrix: Inexact[Array, "n m"]) -> Inexact[Array, "m n"]:
    """The transpose, conjugated."""
    return jnp.conj(matrix.T)
