"""Layers on sequences that are a gradient step, the last step again, or the trigonometric recursion."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.algorithms.last_step import LastPhases, TrigonometricRecursion
from mesascope.constructions._base import AbstractSequenceConstruction
from mesascope.models.augmented import DiagonalAugmentedLayer
from mesascope.models.diagonal_heads import DiagonalHeads
from mesascope.models.position_weights import ToeplitzWeights
from mesascope.tasks.haar import HaarProcess
from mesascope.tasks.initial_state import Gaussian
from mesascope.tasks.orthogonal import ConjugatePairProcess
from mesascope.tasks.unitary import UnitaryProcess
from mesascope.validation import check_count, check_finite


class AugmentedDescent(AbstractSequenceConstruction):
    """a2 = coefficient, b1 = 1, all else zero: coefficient sum_{t < T} s_{t+1} <s_t, s_T>.

    One step from W = 0 on sum_t |s_{t+1} - W s_t|^2 / 2, which `GradientDescent` averages over its n pairs: its
    learning rate is n times the coefficient (Sander et al. 2024, proposition 2).
    """

    coefficient: float | Float[Array, ""] = 0.1
    dim: int = eqx.field(static=True, default=5)
    num_states: int = eqx.field(static=True, default=50)

    def __check_init__(self):
        check_finite("coefficient", self.coefficient)
        self.holds_on()  # checks the sizes

    def build(self) -> DiagonalAugmentedLayer:
        scores = jnp.zeros((4, self.dim)).at[1].set(self.coefficient)
        return DiagonalAugmentedLayer(scores, jnp.zeros((2, self.dim)).at[0].set(1.0))

    def emulates(self, num_examples: int) -> GradientDescent:
        return GradientDescent(self.coefficient * num_examples)

    def holds_on(self) -> HaarProcess:
        return HaarProcess(self.num_states, self.dim, Gaussian())

    @classmethod
    def examples(cls) -> "tuple[AugmentedDescent, ...]":
        return (cls(0.3, 3, 6),)


class UnitaryHeads(AbstractSequenceConstruction):
    """A = B = I with d heads, and one weight on the newest state: s_T s*_{T-1} s_T (proposition 3)."""

    dim: int = eqx.field(static=True, default=10)
    num_states: int = eqx.field(static=True, default=20)

    def __check_init__(self):
        self.holds_on()  # checks the sizes

    def build(self) -> DiagonalHeads:
        by_lag = jnp.zeros(self.num_states + 1).at[0].set(1.0)
        return DiagonalHeads(jnp.eye(self.dim), jnp.eye(self.dim), ToeplitzWeights(by_lag))

    def emulates(self, num_examples: int) -> LastPhases:
        return LastPhases()

    def holds_on(self) -> UnitaryProcess:
        return UnitaryProcess(self.num_states, self.dim)

    @classmethod
    def examples(cls) -> "tuple[UnitaryHeads, ...]":
        return (cls(3, 6),)


class OrthogonalHeads(AbstractSequenceConstruction):
    """Head h serves pair h, A^h = B^h = Pi_h, with weights 1 on the newest state and -1/2 on the one before.

    The score of a conjugate pair at t is 2 cos((t - T + 1) theta), so that the layer is 2 cos(theta) s_T - s_{T-1}; of
    a plane in real coordinates whose states have length one it is half of that (proposition 5).
    """

    dim: int = eqx.field(static=True, default=10)
    num_states: int = eqx.field(static=True, default=20)

    def __check_init__(self):
        check_count("dim", self.dim)
        self.holds_on()  # checks the sizes

    def build(self) -> DiagonalHeads:
        blocks = jnp.asarray(np.kron(np.eye(self.dim // 2), np.ones((1, 2))), float)
        by_lag = jnp.zeros(self.num_states + 1).at[0].set(1.0).at[1].set(-0.5)
        return DiagonalHeads(blocks, blocks, ToeplitzWeights(by_lag))

    def emulates(self, num_examples: int) -> TrigonometricRecursion:
        return TrigonometricRecursion()

    def holds_on(self) -> ConjugatePairProcess:
        return ConjugatePairProcess(self.num_states, self.dim)

    @classmethod
    def examples(cls) -> "tuple[OrthogonalHeads, ...]":
        return (cls(4, 6),)
