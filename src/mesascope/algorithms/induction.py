"""Copying what followed the last time: induction heads."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Inexact

from mesascope.candidate import AnyCandidate, Candidate, Parameter
from mesascope.contraction import masked_softmax
from mesascope.predictor import AbstractSequencePredictor
from mesascope.prompt import Sequence
from mesascope.validation import check_non_negative


class Induction(AbstractSequencePredictor):
    """s_{T+1} = s_{j+1} with j < T the earlier state nearest to s_T, the last one among equals.

    What an induction head does: it finds the present token earlier and copies what came after (Olsson et al. 2022,
    "In-context Learning and Induction Heads"). Nearest is by |s_j - s_T|, so that a match need not be exact. Exact for
    a sequence of any period, from its second round on, where no state stands twice in a period. Zero from one state
    alone, as attention to nothing is. Real or complex; the cost is quadratic in the length.
    """

    def predictions(self, sequence: Sequence) -> Inexact[Array, "t d"]:
        states = sequence.states
        distances = jnp.where(_earlier(states), _squared_distances(states), jnp.inf)
        nearest = len(states) - 1 - jnp.argmin(distances[:, ::-1], axis=1)
        followers = jnp.concatenate([states[1:], jnp.zeros_like(states[:1])])
        return followers[nearest]  # the first state, from which all others are infinitely far, takes the zeros

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """It has nothing free."""
        return (Candidate("induction", "copying what followed the nearest earlier state", cls),)

    @classmethod
    def examples(cls) -> "tuple[Induction, ...]":
        """Tiny instances for tests and documentation."""
        return (cls(),)


class SoftInduction(AbstractSequencePredictor):
    """s_{T+1} = sum_{j<T} p_j s_{j+1} with p = softmax_j(-sharpness |s_j - s_T|^2).

    An induction head of softmax attention. `sharpness` is per squared unit of the states. At zero the prediction is the
    mean of the states from the second on. As it grows the prediction becomes that of `Induction`, or the mean of
    several where states are equally near. It is `NadarayaWatson` with a Gaussian kernel on the pairs (s_j, s_{j+1}), of
    bandwidth h with sharpness = 1 / (2 h^2). Where all states have one length, it is softmax attention of logits
    2 sharpness <s_j, s_T>. Zero from one state alone. Real or complex; the cost is quadratic in the length.
    """

    sharpness: float | Float[Array, ""] = 1.0

    def __check_init__(self):
        check_non_negative("sharpness", self.sharpness)

    def predictions(self, sequence: Sequence) -> Inexact[Array, "t d"]:
        states, distances = sequence.states, _squared_distances(sequence.states)
        weights = masked_softmax(-jnp.asarray(self.sharpness, distances.dtype) * distances, _earlier(states))
        return weights[:, :-1].astype(states.dtype) @ states[1:]

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """With the sharpness free."""
        says = "a soft induction head: what followed earlier states, by a softmax of nearness"
        sharpness = Parameter("sharpness", 1e-3, 1e3, inputs=-2)
        return (Candidate("soft-induction", says, cls, (sharpness,), twins=("nadaraya-watson",)),)

    @classmethod
    def examples(cls) -> "tuple[SoftInduction, ...]":
        """Tiny instances for tests and documentation."""
        return cls(), cls(20.0)


def _squared_distances(states: Inexact[Array, "t d"]) -> Float[Array, "t t"]:
    """|s_i - s_j|^2, of the differences themselves: products would lose near ones to rounding."""
    between = states[:, None] - states[None]
    return jnp.sum((between * jnp.conj(between)).real, axis=-1)


def _earlier(states: Inexact[Array, "t d"]) -> Bool[Array, "t t"]:
    """True in row i at every j before i."""
    return jnp.asarray(np.tri(len(states), k=-1, dtype=bool))
