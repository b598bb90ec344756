"""Where a plateau of the loss ends: at the step at which half of the way down is done."""

import numpy as np
from jaxtyping import Float
from numpy.lib.stride_tricks import sliding_window_view


def plateau_ends(
    losses: Float[np.ndarray, "seeds steps"], half_way: Float[np.ndarray, " #seeds"], window: int = 20
) -> np.ma.MaskedArray:
    """The step [seeds] at which training losses, averaged over `window` steps, fall below `half_way`.

    Masked where they never do; nan where the loss was lost.
    """
    window = min(window, losses.shape[1])
    below = smoothed(losses, window) < half_way[:, None]
    steps = np.where(np.isfinite(losses[:, -1]), below.argmax(axis=1) + window // 2, np.nan)
    return np.ma.masked_array(steps, np.isfinite(steps) & ~below.any(axis=1))


def smoothed(losses: Float[np.ndarray, "seeds steps"], window: int = 20) -> Float[np.ndarray, "seeds windows"]:
    """Losses averaged over `window` steps, or over all there are."""
    return sliding_window_view(losses, min(window, losses.shape[1]), axis=1).mean(axis=-1)
