"""Linear learners that answer after every state of a sequence, from running sums: linear in its length."""

from abc import abstractmethod
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Inexact

from mesascope.linalg import solve_positive
from mesascope.predictor import AbstractSequencePredictor
from mesascope.prompt import Sequence
from mesascope.validation import check_count, check_finite, check_positive


class AbstractAlongSequence(AbstractSequencePredictor):
    """After s_1, ..., s_t a matrix W_t, learned from the pairs (s_j, s_{j+1}), j < t, and the prediction W_t s_t.

    W_t depends on S = sum_j s_j s_j^* and R = sum_j s_{j+1} s_j^* alone.
    """

    @abstractmethod
    def weights(self, moment: Inexact[Array, "d d"], cross: Inexact[Array, "d d"]) -> Inexact[Array, "steps d d"]:
        """W after each step, from S and R."""

    @final
    def trajectory(self, sequence: Sequence) -> Inexact[Array, "steps t d"]:
        """The predictions after each step."""
        self.check(sequence)
        states = sequence.states
        before = jnp.conj(states[:-1])
        pairs = (jnp.einsum("ti,tj->tij", each, before) for each in (states[:-1], states[1:]))
        moments, crosses = (jnp.pad(jnp.cumsum(each, axis=0), ((1, 0), (0, 0), (0, 0))) for each in pairs)
        weights = jax.vmap(self.weights)(moments, crosses)
        return jnp.einsum("tkij,tj->kti", weights, states)

    @final
    def predictions(self, sequence: Sequence) -> Inexact[Array, "t d"]:
        return self.trajectory(sequence)[-1]


class GradientDescentAlongSequence(AbstractAlongSequence):
    """`num_steps` steps W <- W - c (W S - R) from W = 0, on 1/2 sum_j |s_{j+1} - W s_j|^2.

    The coefficient c is the same for every number of pairs, as a layer's weights are, one for all steps or one for
    each; `GradientDescent` with learning_rate c n makes the same steps on n pairs (Sander et al. 2024, proposition 2).
    So one class cannot serve both: a learning rate there is of the mean over examples, here of the sum over pairs.
    """

    coefficient: float | Float[Array, ""] | Float[Array, " steps"] = 0.1
    num_steps: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        check_count("num_steps", self.num_steps)
        check_finite("coefficient", self.coefficient)
        if jnp.shape(self.coefficient) not in {(), (self.num_steps,)}:
            raise ValueError(
                f"`coefficient` must be one number or {self.num_steps} of them, one a step; "
                f"got shape {jnp.shape(self.coefficient)}."
            )

    def weights(self, moment: Inexact[Array, "d d"], cross: Inexact[Array, "d d"]) -> Inexact[Array, "steps d d"]:
        coefficients = jnp.broadcast_to(jnp.asarray(self.coefficient, moment.dtype), (self.num_steps,))

        def step(weights, coefficient):
            weights = weights - coefficient * (weights @ moment - cross)
            return weights, weights

        return lax.scan(step, jnp.zeros_like(cross), coefficients)[1]

    @classmethod
    def examples(cls) -> "tuple[GradientDescentAlongSequence, ...]":
        """Tiny instances for tests and documentation."""
        return cls(0.2), cls(0.1, num_steps=3), cls(jnp.array([0.1, 0.3]), num_steps=2)


class RidgeAlongSequence(AbstractAlongSequence):
    """W = R (S + penalty I)^{-1}; a small penalty makes it least squares."""

    penalty: float | Float[Array, ""] = 1e-3

    def __check_init__(self):
        check_positive("penalty", self.penalty)

    def weights(self, moment: Inexact[Array, "d d"], cross: Inexact[Array, "d d"]) -> Inexact[Array, "steps d d"]:
        regularised = moment + self.penalty * jnp.eye(len(moment), dtype=moment.dtype)
        return solve_positive(regularised.T, cross.T).T[None]

    @classmethod
    def examples(cls) -> "tuple[RidgeAlongSequence, ...]":
        """Tiny instances for tests and documentation."""
        return (cls(),)
