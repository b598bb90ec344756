"""What stacks and their rivals lost away from the training task, in numbers."""

import numpy as np

from mesascope.studies.oswald2023._shared.shifts import Shifts, capped, gaps
from mesascope.studies.oswald2023.fig6_shift.cells import StackLosses
from mesascope.study.base import Readings

LARGEST_NEAR = 1.5  # the input scale up to which the claims speak of "near"


def readings(stacks: dict[str, StackLosses], shifts: Shifts) -> Readings:
    """The numbers that claims are about, and losses of weights set to zero and of clipped rivals."""
    one, two, five = stacks.values()
    trained, unclipped = (shifts.by_kind(each).input_scale for each in (five.trained, capped(_given(five.unclipped))))
    return {
        **_gaps("one", one, shifts),
        **_gaps("two", two, shifts),
        "five-far": gaps(shifts.by_kind(five.trained), shifts.by_kind(five.rival)).input_scale.max(axis=1),
        "plateau": trained[:, -1] / trained[:, -2],
        "clipping": unclipped[:, -1] / trained[:, -1],
        **{
            f"loss of two tied layers at the largest teachers, {name}": shifts.by_kind(losses).weight_scale[..., -1]
            for name, losses in (
                ("trained", two.trained),
                ("with GD++'s weights only", _given(two.restricted)),
                ("GD++", two.rival),
            )
        },
        **{
            f"loss of five layers with no target noise, {name}": shifts.by_kind(losses).corrupted[..., 0]
            for name, losses in (
                ("trained", five.trained),
                ("GD++", five.rival),
                ("GD++ clipped as they are", _given(five.clipped_rival)),
            )
        },
    }


def _gaps(word: str, stack: StackLosses, shifts: Shifts) -> Readings:
    """The largest gap to the rival, seed by seed, for each kind of shift."""
    by_kind = gaps(shifts.by_kind(stack.trained), shifts.by_kind(stack.rival))
    near = np.array(shifts.input_scales) <= LARGEST_NEAR
    return {
        f"{word}-near": by_kind.input_scale[:, near].max(axis=1),
        f"{word}-weights": by_kind.weight_scale.max(axis=1),
        f"{word}-laws": by_kind.law.max(axis=(1, 2)),
        f"{word}-noise": by_kind.corrupted.max(axis=1),
    }


def _given(losses: np.ndarray | None) -> np.ndarray:
    assert losses is not None
    return losses
