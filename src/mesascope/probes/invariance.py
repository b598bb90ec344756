"""A symmetry that a learner may have, and what a subject does with it."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Inexact

from mesascope.printing import in_short
from mesascope.probes.distance import root_share
from mesascope.probes.floor import tolerance


class Invariance(NamedTuple):
    """How much the answers change under a change of the question that a learner may be blind to."""

    name: str
    breaks: str
    """What it means where the answers do change: one plain sentence."""
    value: float | None
    """The relative root mean square change; None where the question could not be asked."""
    holds: bool | None
    """Whether the value is at most the tolerance."""
    reason: str = ""
    """Why the question could not be asked."""

    __repr__ = in_short


class Check(NamedTuple):
    """`change` gives the relative change, or why there is none; `allowed(floor)` what is still no change."""

    name: str
    breaks: str
    change: Callable[..., float | str]
    allowed: Callable[[float], float] = tolerance

    def found(self, change: float | str, floor: float) -> Invariance:
        """The reading of a change."""
        if isinstance(change, str):
            return Invariance(self.name, self.breaks, None, None, change)
        return Invariance(self.name, self.breaks, change, change <= self.allowed(floor))


def leak_tolerance(floor: float) -> float:
    """What a causal subject may change by: three floors, and rounding of sums in another order in single precision."""
    return max(3 * floor, 1e-5)


def same_size_normals(rng: np.random.Generator, like: Inexact[np.ndarray, "..."]) -> Inexact[np.ndarray, "..."]:
    """Normal numbers of the same shape, kind and root mean square."""
    drawn = rng.normal(size=like.shape)
    if np.iscomplexobj(like):
        drawn = drawn + 1j * rng.normal(size=like.shape)
    return drawn * root_share(like, drawn)
