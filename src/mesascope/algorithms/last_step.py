"""Forecasts from the last two states of a sequence alone, exact where all W commute."""

import jax.numpy as jnp
from jaxtyping import Array, Inexact

from mesascope.candidate import AnyCandidate, Candidate
from mesascope.predictor import AbstractForecaster, AbstractLinearLearner
from mesascope.prompt import Prompt


class LastPhases(AbstractForecaster, AbstractLinearLearner):
    """W = diag(s_T / s_{T-1}), entry by entry: the last step, taken again.

    The in-context map that a layer of d diagonal heads learns; exact for unitary diagonal W (Sander et al. 2024,
    proposition 3). Zero where there is no earlier state, or where an entry of it is zero.
    """

    def weight_trajectory(self, prompt: Prompt) -> Inexact[Array, "1 dy dx"]:
        before, last = self.last_two(prompt)
        ratio = jnp.where(before == 0, jnp.zeros_like(last), last / jnp.where(before == 0, jnp.ones_like(last), before))
        return jnp.diag(ratio)[None]

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """It has nothing free."""
        return (Candidate("last-phases", "the last step taken again, entry by entry", cls),)

    @classmethod
    def examples(cls) -> "tuple[LastPhases, ...]":
        """Tiny instances for tests and documentation."""
        return (cls(),)


class TrigonometricRecursion(AbstractForecaster):
    """s_{T+1} = 2 cos(theta) s_T - s_{T-1} in each pair of entries (2k - 1, 2k), each for its own angle.

    cos(theta) is Re <s_{T-1}, s_T> / |s_{T-1}|^2 in the pair. Exact for rotations of these planes, since
    2 cos(theta) R_theta - I = R_{2 theta}, and for conjugate pairs: what d / 2 diagonal heads compute (Sander et al.
    2024, proposition 5). Where there is no earlier state, or a pair of it is zero, the last state is kept. Raises
    ValueError for an odd number of entries.
    """

    def __call__(self, prompt: Prompt) -> Inexact[Array, " dy"]:
        before, last = self.last_two(prompt)
        if len(last) % 2:
            raise ValueError(f"`prompt` must have states of even size, for pairs of entries; got {len(last)}.")
        before, last = before.reshape(-1, 2), last.reshape(-1, 2)
        norms = jnp.sum(jnp.abs(before) ** 2, axis=1, keepdims=True)
        cosines = jnp.sum(jnp.conj(before) * last, axis=1, keepdims=True).real / jnp.where(norms == 0, 1.0, norms)
        return jnp.where(norms == 0, last, (2 * cosines).astype(last.dtype) * last - before).ravel()

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """It has nothing free."""
        says = "the recursion of a rotation, an angle for each pair of entries"
        return (Candidate("trigonometric-recursion", says, cls),)

    @classmethod
    def examples(cls) -> "tuple[TrigonometricRecursion, ...]":
        """Tiny instances for tests and documentation."""
        return (cls(),)
