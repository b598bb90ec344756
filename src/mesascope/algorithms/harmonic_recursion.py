"""One frequency for all entries of a state, learned from the whole sequence."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

from mesascope.candidate import AnyCandidate, Candidate
from mesascope.predictor import AbstractSequencePredictor
from mesascope.prompt import Sequence


class HarmonicRecursion(AbstractSequencePredictor):
    """s_{T+1} = c s_T - s_{T-1} with c = 2 cos(theta) by least squares over the history.

    c minimises sum_{1<t<T} |s_{t+1} + s_{t-1} - c s_t|^2 over real c:

        c = sum_{1<t<T} Re <s_t, s_{t+1} + s_{t-1}> / sum_{1<t<T} |s_t|^2.

    Exact from three states on where every entry oscillates at one frequency, with any amplitude and phase, since
    cos(x + theta) + cos(x - theta) = 2 cos(theta) cos(x). `TrigonometricRecursion` has an angle for each pair of
    entries, from the last step alone, and needs planes that turn; here the angle is one for all entries. c is not kept
    between -2 and 2. With fewer than three states, or where the sum below is zero, no angle is known and the last state
    is kept. Real or complex; linear in the length of the sequence.
    """

    def predictions(self, sequence: Sequence) -> Inexact[Array, "t d"]:
        states = sequence.states
        before = jnp.pad(states, ((1, 0), (0, 0)))[:-1]
        above, below = (jnp.cumsum(each) for each in _products(states))
        cosines = above / jnp.where(below == 0, jnp.ones_like(below), below)
        forecasts = cosines[:, None].astype(states.dtype) * states - before
        return jnp.where(below[:, None] == 0, states, forecasts)

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """It has nothing free."""
        return (Candidate("harmonic-recursion", "the recursion of a rotation, one angle for all entries", cls),)

    @classmethod
    def examples(cls) -> "tuple[HarmonicRecursion, ...]":
        """Tiny instances for tests and documentation."""
        return (cls(),)


def _products(states: Inexact[Array, "t d"]) -> tuple[Float[Array, " t"], Float[Array, " t"]]:
    """Re <s_{t-1}, s_t + s_{t-2}> and |s_{t-1}|^2 for every t, zero before the third."""
    first, middle, last = states[:-2], states[1:-1], states[2:]
    above = jnp.sum(jnp.conj(middle) * (first + last), axis=1).real
    below = jnp.sum(jnp.conj(middle) * middle, axis=1).real
    missing = len(states) - len(above)
    return jnp.pad(above, (missing, 0)), jnp.pad(below, (missing, 0))
