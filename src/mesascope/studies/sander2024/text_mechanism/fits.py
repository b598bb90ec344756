"""AR(1) fitted to windows of text by least squares: its eigenvalues."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from mesascope.data.orders import ShuffledInWindows
from mesascope.studies.sander2024._shared.text import moments
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.text import TextWindows


class Spectra(NamedTuple):
    """Eigenvalues of AR(1) by least squares, as (real, imaginary).

    Of `windows` one by one [windows d 2], of the same windows with their words `shuffled`, and of all windows
    `together` [d 2].
    """

    windows: np.ndarray
    shuffled: np.ndarray
    together: np.ndarray


class FitsCell(AbstractConfig):
    """How many windows AR(1) is fitted to, one by one and all together."""

    windows: TextWindows
    num_windows: int
    rcond: float = 1e-10

    def compute(self, workspace: Workspace) -> Arrays:
        """`Spectra`."""
        windows = self.windows
        shuffled = TextWindows(windows.num_states, windows.dim, ShuffledInWindows(), windows.source)
        (moment, cross), other = (
            moments(np.asarray(each.held_out(self.num_windows).states, float)) for each in (windows, shuffled)
        )
        workspace.report(1, 1, "AR(1) fitted")
        return Spectra(
            spectrum(moment, cross, self.rcond),
            spectrum(*other, self.rcond),
            spectrum(moment.sum(axis=0), cross.sum(axis=0), self.rcond),
        )._asdict()


def spectrum(
    moment: Float[np.ndarray, "*n d d"], cross: Float[np.ndarray, "*n d d"], rcond: float
) -> Float[np.ndarray, "*n d 2"]:
    """The eigenvalues of A = R S^{-1}, the least-norm A where S has no inverse."""
    values = np.linalg.eigvals(cross @ np.linalg.pinv(moment, rcond=rcond, hermitian=True))
    return np.stack([values.real, values.imag], axis=-1)


def moduli(spectrum: Float[np.ndarray, "*n d 2"]) -> Float[np.ndarray, "*n d"]:
    """|eigenvalue|."""
    return np.hypot(spectrum[..., 0], spectrum[..., 1])
