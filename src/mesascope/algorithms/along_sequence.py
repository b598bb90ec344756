"""Linear learners that answer after every state of a sequence, from running sums: linear in its length."""

from abc import abstractmethod
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Inexact

from mesascope.candidate import AnyCandidate, Candidate, Parameter
from mesascope.linalg import factors_along, ridge
from mesascope.predictor import AbstractSequencePredictor
from mesascope.prompt import Prompt, Sequence
from mesascope.validation import check_count, check_finite, check_positive


class AbstractAlongSequence(AbstractSequencePredictor):
    """After s_1, ..., s_t a matrix W_t, learned from the pairs (s_j, s_{j+1}), j < t, and the prediction W_t s_t."""

    @abstractmethod
    def weights(self, states: Inexact[Array, "t d"]) -> Inexact[Array, "t steps d d"]:
        """W_t after each step, for every t; the first has no pair to learn from."""

    @final
    def trajectory(self, sequence: Sequence) -> Inexact[Array, "steps t d"]:
        """The predictions after each step."""
        self.check(sequence)
        return jnp.einsum("tkij,tj->kti", self.weights(sequence.states), sequence.states)

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

    def weights(self, states: Inexact[Array, "t d"]) -> Inexact[Array, "t steps d d"]:
        before = jnp.conj(states[:-1])
        pairs = (jnp.einsum("ti,tj->tij", each, before) for each in (states[:-1], states[1:]))
        moments, crosses = (jnp.pad(jnp.cumsum(each, axis=0), ((1, 0), (0, 0), (0, 0))) for each in pairs)
        return jax.vmap(self._descend)(moments, crosses)

    def __call__(self, prompt: Prompt) -> Inexact[Array, " dy"]:
        self.states(prompt)  # refuses what comes from no sequence
        prompt = prompt.alike()
        moment, cross = (each.T @ jnp.conj(prompt.xs) for each in (prompt.xs, prompt.ys))
        return self._descend(moment, cross)[-1] @ prompt.query  # one descent, where all prefixes take t

    def _descend(self, moment: Inexact[Array, "d d"], cross: Inexact[Array, "d d"]) -> Inexact[Array, "steps d d"]:
        def step(weights, coefficient):
            weights = weights - coefficient * (weights @ moment - cross)
            return weights, weights

        coefficients = jnp.broadcast_to(jnp.asarray(self.coefficient, moment.dtype), (self.num_steps,))
        return lax.scan(step, jnp.zeros_like(cross), coefficients)[1]

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """With one coefficient for all steps, and their number, free."""
        coefficient = Parameter("coefficient", 1e-3, 30.0, inputs=-2, num_examples=-1)
        says = "{num_steps} steps of gradient descent on the sum over pairs of states"
        return (Candidate("gradient-descent-along-sequence", says, cls, (coefficient,), tuple(range(1, 7))),)

    @classmethod
    def examples(cls) -> "tuple[GradientDescentAlongSequence, ...]":
        """Tiny instances for tests and documentation."""
        return cls(0.2), cls(0.1, num_steps=3), cls(jnp.array([0.1, 0.3]), num_steps=2)


class RidgeAlongSequence(AbstractAlongSequence):
    """W = R (S + penalty I)^{-1}; a small penalty makes it least squares."""

    penalty: float | Float[Array, ""] = 1e-3

    def __check_init__(self):
        check_positive("penalty", self.penalty)

    def weights(self, states: Inexact[Array, "t d"]) -> Inexact[Array, "t 1 d d"]:
        factors = factors_along(states[:-1], states[1:])
        return jax.vmap(lambda factor: ridge(factor.rows, factor.right, self.penalty).T[None])(factors)

    def __call__(self, prompt: Prompt) -> Inexact[Array, " dy"]:
        self.states(prompt)  # refuses what comes from no sequence
        prompt = prompt.alike()
        return prompt.query @ ridge(prompt.xs, prompt.ys, self.penalty)  # one solve, where all prefixes take t

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """With the penalty free."""
        penalty = Parameter("penalty", 1e-6, 1e2, inputs=2, num_examples=1)
        says = "ridge regression of each state on the one before it, VAR(1)"
        return (Candidate("ridge-along-sequence", says, cls, (penalty,), twins=("ridge",)),)

    @classmethod
    def examples(cls) -> "tuple[RidgeAlongSequence, ...]":
        """Tiny instances for tests and documentation."""
        return (cls(),)
