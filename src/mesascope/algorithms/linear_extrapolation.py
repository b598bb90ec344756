"""The straight line through the last two states of a sequence."""

import jax.numpy as jnp
from jaxtyping import Array, Inexact

from mesascope.candidate import AnyCandidate, Candidate
from mesascope.predictor import AbstractSequencePredictor
from mesascope.prompt import Sequence


class LinearExtrapolation(AbstractSequencePredictor):
    """s_{T+1} = 2 s_T - s_{T-1}: the last change, once more.

    Exact for states on a straight line, passed at a constant speed. On a smooth curve sampled every h the error
    s_{T+1} - (2 s_T - s_{T-1}) is h^2 s'' + O(h^4), with s'' at the last state: of order two. From one state alone that
    state is kept. Real or complex; linear in the length of the sequence.
    """

    def predictions(self, sequence: Sequence) -> Inexact[Array, "t d"]:
        states = sequence.states
        before = jnp.concatenate([states[:1], states[:-1]])
        return 2 * states - before

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """It has nothing free."""
        return (Candidate("linear-extrapolation", "linear extrapolation of the last two states", cls),)

    @classmethod
    def examples(cls) -> "tuple[LinearExtrapolation, ...]":
        """Tiny instances for tests and documentation."""
        return (cls(),)
