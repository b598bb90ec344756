"""How exactly a subject answers: the floor below which no distance to it means anything."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Inexact

from mesascope.printing import in_short
from mesascope.probes.distance import root_share
from mesascope.probes.questions import Questions, in_double
from mesascope.subject import AbstractSequenceSubject, AbstractSubject

JITTER = 2.0**-20
STOCHASTIC = 1e-4  # far above rounding of sums in any order, far below noise that matters
NUM_ALONE = 8


class Floor(NamedTuple):
    """Relative to the root mean square of the answers."""

    repeat: float
    """sqrt(r2), r2 half the mean squared difference of two calls: the noise of one call."""
    jitter: float
    """sqrt(j2), j2 the same between answers to inputs and to inputs changed by up to 2^-20 of themselves."""
    batch: float
    """The largest root mean square change of answers: to prompts alone, to half a batch, and in reversed order."""
    dtype: str
    """The precision of the answers."""
    finite: bool

    __repr__ = in_short

    @property
    def value(self) -> float:
        """sqrt(max(r2, j2))."""
        return max(self.repeat, self.jitter)

    @property
    def stochastic(self) -> bool:
        """Whether two calls differ by more than rounding, 1e-4."""
        return self.repeat > STOCHASTIC

    @property
    def depends_on_batch(self) -> bool:
        """Whether the rest of the batch changes an answer."""
        return self.batch > tolerance(self.value)

    def noise_share(self, num_calls: int) -> float:
        """sigma^2 / R as a share of mean |f|^2: what the mean of R calls keeps, and what is taken off D."""
        return self.repeat**2 / num_calls


def tolerance(floor: float) -> float:
    """The relative change up to which two answers count as the same: three floors, and at least .01."""
    return max(3 * floor, 0.01)


@np.errstate(over="ignore", invalid="ignore")
def subject_floor(
    subject: AbstractSubject | AbstractSequenceSubject, asked: Questions | Inexact[np.ndarray, "b t d"], seed: int = 0
) -> Floor:
    """The floor for these prompts, or these sequences of states: asked again, jittered, and in other batches.

    Differences are root mean squares, divided by that of all answers of the first call. The change by the batch holds
    the noise of a stochastic subject, too: two calls differ by sqrt(2) repeat. Nothing is raised: where an answer is
    not finite the floor is infinite. Costs five calls for a batch and eight for one prompt each.
    """
    ask: Callable = subject.predictions if isinstance(subject, AbstractSubject) else subject.next_states
    arrays = tuple(asked) if isinstance(asked, Questions) else (asked,)
    found = np.asarray(ask(*arrays))
    first = in_double(found)
    rng = np.random.default_rng(seed)
    jittered = [(each * (1 + JITTER * rng.uniform(-1, 1, each.shape))).astype(each.dtype) for each in arrays]
    half_root = math.sqrt(0.5)
    return Floor(
        half_root * root_share(first - ask(*arrays), first),
        half_root * root_share(first - ask(*jittered), first),
        max(_change(change, first) for change in _by_batch(ask, arrays, first)),
        str(found.dtype),
        bool(np.isfinite(first).all()),
    )


def _change(differences: Inexact[np.ndarray, "some *axes"], answers: Inexact[np.ndarray, "b *axes"]) -> float:
    """Of some prompts, relative to all: an answer may happen to be near zero."""
    return root_share(differences, answers) * math.sqrt(len(answers) / len(differences))


def _by_batch(
    ask: Callable, arrays: tuple[np.ndarray, ...], first: Inexact[np.ndarray, "b *axes"]
) -> list[Inexact[np.ndarray, "some *axes"]]:
    """The differences of answers to prompts alone, to half of them and in reversed order."""
    num = len(first)
    alone = [slice(row, row + 1) for row in range(min(num, NUM_ALONE))]
    parts = [alone, [slice(0, (num + 1) // 2)], [slice(None, None, -1)]]
    return [np.concatenate([ask(*(each[rows] for each in arrays)) - first[rows] for rows in part]) for part in parts]
