"""What stacks and their rivals lost away from the training task, in numbers."""

import numpy as np

from mesascope.studies.oswald2023._shared.shifts import Shifts, capped, gaps
from mesascope.studies.oswald2023.fig6_shift.cells import StackLosses
from mesascope.study.base import Readings

FAR = 1.5  # the input scale up to which one and two layers are judged, and from which on five are


def readings(one: StackLosses, two: StackLosses, five: StackLosses, shifts: Shifts) -> Readings:
    """The numbers that claims are about, and losses of rivals and of weights set to zero."""
    scales, at_largest_teacher = np.array(shifts.input_scales), len(shifts.input_scales) + len(shifts.weight_scales) - 1
    trained, rival = (shifts.by_kind(each).input_scale for each in (five.trained, five.rival))
    drift, at_home = np.abs(np.log(trained / rival)), list(scales).index(1.0)
    unclipped = shifts.by_kind(capped(_given(five.unclipped))).input_scale
    return {
        **_gaps("one", one, shifts),
        **_gaps("two", two, shifts),
        "five-drift": drift[:, scales >= FAR].max(axis=1) / drift[:, at_home],
        "clipping": unclipped[:, -1] / trained[:, -1],
        "loss of five layers at the largest input scale / at 1.5": trained[:, -1] / trained[:, list(scales).index(FAR)],
        **_losses("two tied layers at the largest teachers", two, at_largest_teacher),
        "loss of two tied layers at the largest teachers, only GD++'s weights": _given(two.restricted)[
            :, at_largest_teacher
        ],
        **_losses("two tied layers at input scale 1", two, at_home),
        **_losses("five untied layers at input scale 1", five, at_home),
    }


def _gaps(word: str, stack: StackLosses, shifts: Shifts) -> Readings:
    """The largest gap to the rival, seed by seed, for each kind of shift."""
    by_kind = gaps(shifts.by_kind(stack.trained), shifts.by_kind(stack.rival))
    near = np.array(shifts.input_scales) <= FAR
    return {
        f"{word}-near": by_kind.input_scale[:, near].max(axis=1),
        f"{word}-weights": by_kind.weight_scale.max(axis=1),
        f"{word}-laws": by_kind.law.max(axis=(1, 2)),
        f"{word}-noise": by_kind.corrupted.max(axis=1),
    }


def _losses(of: str, stack: StackLosses, shift: int) -> Readings:
    """What a stack and its rivals lose at one shift."""
    return {
        f"loss of {of}": stack.trained[:, shift],
        f"loss of GD++ as the authors train it, beside {of}": stack.rival[shift],
        f"loss of GD++ with the best rates, beside {of}": stack.best[shift],
    }


def _given(losses: np.ndarray | None) -> np.ndarray:
    assert losses is not None
    return losses
