"""AR(1) fitted to windows of text by least squares: its eigenvalues."""

from typing import NamedTuple

import numpy as np

from mesascope.data.orders import ShuffledInWindows
from mesascope.studies.sander2024._shared.text import moments, rivals
from mesascope.study.base import Arrays, Workspace
from mesascope.tasks.text import TextWindows


class FitsCell(NamedTuple):
    """How many windows AR(1) is fitted to, one by one and all together."""

    windows: TextWindows
    num_windows: int


def measure_fits(cell: FitsCell, workspace: Workspace) -> Arrays:
    """Eigenvalues of AR(1) by least squares: of every window [windows d], and of all of them together [d].

    Also of the same windows with their words shuffled, and of ridge regression at the `penalty` that forecasts best.
    Complex numbers come as two columns.
    """
    windows = cell.windows
    held_out = windows.held_out(cell.num_windows)
    shuffled = TextWindows(windows.num_states, windows.dim, ShuffledInWindows(), windows.source)
    penalty = float(rivals(windows.training(cell.num_windows), held_out)[1]["penalty"])
    written, other = (
        moments(np.asarray(each.states, float)) for each in (held_out, shuffled.held_out(cell.num_windows))
    )
    workspace.report(1, 1, "AR(1) fitted")
    return {
        "windows": _spectrum(written, 0.0),
        "ridge": _spectrum(written, penalty),
        "shuffled": _spectrum(other, 0.0),
        "together": _spectrum((written[0].sum(axis=0), written[1].sum(axis=0)), 0.0),
        "penalty": np.asarray(penalty),
    }


def _spectrum(sums: tuple[np.ndarray, np.ndarray], penalty: float) -> np.ndarray:
    """The eigenvalues of A = R S^{-1}, as (real, imaginary), the least-norm A where S has no inverse."""
    moment, cross = sums
    inverse = np.linalg.pinv(moment + penalty * np.eye(moment.shape[-1]), rcond=1e-10, hermitian=True)
    values = np.linalg.eigvals(cross @ inverse)
    return np.stack([values.real, values.imag], axis=-1)


def ordered_less_shuffled(fits: Arrays) -> np.ndarray:
    """The largest |eigenvalue| of every window, less that of the same window with its words shuffled [windows]."""
    written, shuffled = (moduli(fits[name]).max(axis=-1) for name in ("windows", "shuffled"))
    return written - shuffled


def moduli(spectrum: np.ndarray) -> np.ndarray:
    """|eigenvalue| [..., d]."""
    return np.hypot(spectrum[..., 0], spectrum[..., 1])
