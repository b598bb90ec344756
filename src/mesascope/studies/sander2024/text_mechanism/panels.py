"""The panels of layers trained on text."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.studies._shared.panels import REFERENCE, map_of_positions, signed_map
from mesascope.studies.sander2024._shared.text import Rivals
from mesascope.studies.sander2024.text_mechanism.cells import TextLayers
from mesascope.studies.sander2024.text_mechanism.fits import Spectra, moduli
from mesascope.studies.sander2024.text_mechanism.readings import NAMES, left_over

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


COLORS = Rivals("C1", "C2", "C3")


def six_panels(names: tuple[str, ...], layers: TextLayers, fits: Spectra) -> "Figure":
    """Losses; C and P of the first seed; what rivals explain of a layer; eigenvalues of AR(1) fits, and the largest."""
    figure, [[losses, mixing, positions, likeness, spectra, largest]] = panel_grid(1, 6, narrowest=7.0)
    _losses(losses, names, layers)
    signed_map(mixing, layers.mixing[0], "$C = B^T A$")
    map_of_positions(positions, layers.positions[0], "P: queries by keys")
    _likeness(likeness, layers)
    _spectra(spectra, fits)
    _largest(largest, fits)
    return figure


def _losses(axes: "Axes", names: tuple[str, ...], layers: TextLayers) -> None:
    for k, losses in enumerate(layers.losses):
        axes.plot(losses, np.full(len(losses), -k), "o", color="C0", alpha=0.6, label=None if k else "layers, by seed")
    ends = 0.5 - len(names), 0.5
    for label, color, loss in zip(NAMES, COLORS, layers.rival_losses, strict=True):
        axes.vlines(loss, *ends, color=color, linewidth=1.2, label=label)
    axes.vlines(1.0, *ends, label="predicting zero", **REFERENCE)
    axes.set_yticks([-k for k in range(len(names))], [name.replace(", ", ",\n") for name in names])
    axes.set(xlabel="loss / $|s|^2$", title="held-out windows", ylim=(0.4 - len(names), 0.6))
    axes.locator_params(axis="x", nbins=5)
    axes.legend()


def _likeness(axes: "Axes", layers: TextLayers) -> None:
    """A dot a seed."""
    for k, (shares, color) in enumerate(zip(1 - left_over(layers.cosine).T, COLORS, strict=True)):
        axes.plot(shares, np.full(len(shares), -k), "o", color=color, alpha=0.6)
    axes.set_yticks([-k for k in range(len(NAMES))], [label.replace(" ", "\n", 1) for label in NAMES])
    axes.set(xlim=(-0.02, 1.02), ylim=(0.5 - len(NAMES), 0.5), title="the diagonal layer, as written")
    axes.set_xlabel("share explained by a rival, best scale")


def _spectra(axes: "Axes", fits: Spectra) -> None:
    angles = np.linspace(0, 2 * np.pi, 200)
    axes.plot(np.cos(angles), np.sin(angles), label="unit circle", **{**REFERENCE, "linewidth": 0.8})
    for spectrum, label, color, size in (
        (fits.windows, "a window", "C0", 1.5),
        (fits.ridge, "a window, ridge", "C2", 1.5),
        (fits.together, "all windows at once", "C1", 4.0),
    ):
        real, imaginary = spectrum.reshape(-1, 2)[:2000].T
        axes.plot(real, imaginary, "o", color=color, markersize=size, markeredgewidth=0, alpha=0.6, label=label)
    axes.set(aspect="equal", xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), xlabel="real part", ylabel="imaginary part")
    axes.set_title("eigenvalues of AR(1) fits")
    axes.legend()


def _largest(axes: "Axes", fits: Spectra) -> None:
    """Of least squares in every window, as written and shuffled."""
    bins, top = np.linspace(0, 1.2, 49), 1
    for spectrum, label, color in ((fits.windows, "as written", "C0"), (fits.shuffled, "words shuffled", "C1")):
        largest = moduli(spectrum).max(axis=-1)
        counts = np.histogram(largest[largest <= bins[-1]], bins)[0]
        axes.stairs(counts, bins, color=color, linewidth=1.5, label=label)
        top = max(top, counts.max())
    axes.vlines(1.0, 0, top, label="orthogonal dynamics", **REFERENCE)
    axes.set(
        ylim=(0, 1.05 * top),
        xlabel="largest |eigenvalue| in a window",
        ylabel="windows",
        title="least squares, shuffled or not",
    )
    axes.legend()
