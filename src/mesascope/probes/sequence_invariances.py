"""Which symmetries a subject has that predicts next states."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Inexact

from mesascope.probes.distance import root_share
from mesascope.probes.invariance import Check, Invariance, leak_tolerance, same_size_normals
from mesascope.probes.orthonormal import orthonormal
from mesascope.probes.questions import in_double
from mesascope.subject import AbstractSequenceSubject, SubjectError

NUM_CUTS = 8
FACTORS = (0.5, 2.0)


class _Asked(NamedTuple):
    """The subject, what it was asked, what it predicted, and random numbers."""

    subject: AbstractSequenceSubject
    states: np.ndarray
    base: np.ndarray
    rng: np.random.Generator

    def change(self, *found: Inexact[np.ndarray, "b t d"]) -> float:
        """Per position, then the root of the mean square over positions."""
        bases = np.broadcast_to(self.base, (len(found), *self.base.shape))
        changes = np.stack(found) - bases
        by_position = [root_share(changes[:, :, row], bases[:, :, row]) for row in range(bases.shape[2])]
        return float(np.sqrt(np.mean(np.square(by_position))))


@np.errstate(over="ignore", invalid="ignore")
def sequence_invariances_of(
    subject: AbstractSequenceSubject, states: Inexact[np.ndarray, "b t d"], floor: float = 0.0, seed: int = 0
) -> tuple[Invariance, ...]:
    """The relative root mean square change of the predictions, at each position, then over positions.

    Causality comes first: the largest change, over eight cuts and over positions before a cut, by other states after
    the cut; any is a leak, and holds is false above max(3 floor, 1e-5). Rotation is an orthogonal change of basis,
    unitary for complex states, which predictions must follow; so they must a scale of 1/2 and 2. These two hold up to
    max(3 floor, .01). SubjectError for predictions of another shape; predictions that are not finite are infinitely
    far from any.
    """
    base = _next_states(subject, states)
    return tuple(
        check.found(check.change(_Asked(subject, states, base, np.random.default_rng([seed, place]))), floor)
        for place, check in enumerate(CHECKS)
    )


def _next_states(subject: AbstractSequenceSubject, states: Inexact[np.ndarray, "b t d"]) -> np.ndarray:
    found = np.asarray(subject.next_states(states))
    if found.shape != states.shape or found.dtype.kind not in "fc":
        raise SubjectError(
            f"`subject` must predict floating numbers of shape {states.shape}; got {found.shape} of {found.dtype}.",
            {"states": states},
        )
    return in_double(found)


def _causality(asked: _Asked) -> float | str:
    num_states = asked.states.shape[1]
    if num_states < 2:
        return "One state has none after it: give two or more."
    worst = 0.0
    for cut in np.unique(np.linspace(1, num_states - 1, NUM_CUTS).astype(int)):
        others = asked.states.copy()
        others[:, cut:] = same_size_normals(asked.rng, in_double(asked.states[:, cut:]))
        found = _next_states(asked.subject, others)
        worst = max(worst, *(root_share((found - asked.base)[:, row], asked.base[:, row]) for row in range(cut)))
    return worst


def _rotation(asked: _Asked) -> float:
    states = asked.states
    turns = orthonormal(asked.rng, states.shape[2], np.iscomplexobj(states), len(states))
    turned = _next_states(asked.subject, (states @ turns).astype(states.dtype))
    return asked.change(turned @ np.swapaxes(turns.conj(), 1, 2))


def _scale(asked: _Asked) -> float:
    scaled = [(factor, (factor * asked.states).astype(asked.states.dtype)) for factor in FACTORS]
    return asked.change(*(_next_states(asked.subject, states) / factor for factor, states in scaled))


CHECKS = (
    Check("causality", "A prediction reads states that come later: a leak.", _causality, leak_tolerance),
    Check("rotation of states", "Some directions of states are preferred: a forecast by coordinate.", _rotation),
    Check(
        "scale of states",
        "Predictions do not scale with states: a learning rate or a penalty, and not least squares.",
        _scale,
    ),
)
