"""The figures of layers trained on text, and of AR(1) fitted to text."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import GRADIENT_DESCENT, LEAST_SQUARES, LINE, TRAINED, TRAINED_TOO
from mesascope.studies._shared.panels import count_entries, map_of_positions, signed_map
from mesascope.studies.sander2024.text_mechanism.cells import LAYERS, RIVALS, TextLayers
from mesascope.studies.sander2024.text_mechanism.fits import Spectra, moduli
from mesascope.studies.sander2024.text_mechanism.readings import left_over

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def layer_panels(layers: TextLayers) -> "Figure":
    """Losses; what forms explain of layers; C and P of the first plain layer, the scale between them undone."""
    figure, [[losses, shares], [mixing, positions]] = panel_grid(2, 2, narrowest=8.0)
    _losses(losses, layers)
    _shares(shares, layers)
    scale = np.diagonal(layers.positions[0], offset=1).mean()
    signed_map(mixing, layers.mixing[0] * scale, "$p_T$ C, plain layer, first seed")
    count_entries(mixing, "coordinate i", "coordinate k")
    map_of_positions(positions, layers.positions[0] / scale, "P / $p_T$, plain layer, first seed")
    count_entries(positions, "length T", "key t", first_row=2)
    return figure


def spectrum_panels(fits: Spectra) -> "Figure":
    """Eigenvalues of AR(1) fits, and the largest of every window."""
    figure, [[spectra, largest]] = panel_grid(1, 2)
    _spectra(spectra, fits)
    _largest(largest, fits)
    return figure


def _losses(axes: "Axes", layers: TextLayers) -> None:
    for k, losses in enumerate(layers.losses):
        label = None if k else "trained layers, a dot a seed"
        axes.plot(losses, np.full(len(losses), -k), "o", color=TRAINED["color"], alpha=0.6, label=label)
    ends = 0.5 - len(LAYERS), 0.5
    roles = (GRADIENT_DESCENT, LEAST_SQUARES, {**LEAST_SQUARES, "linestyle": "-"})
    for name, role, loss in zip(RIVALS, roles, layers.rival_losses, strict=False):
        axes.vlines(loss, *ends, colors=role["color"], linestyles=role["linestyle"], label=name)
    axes.axvline(1.0, label="predicting zero", **LINE)
    axes.set_yticks([-k for k in range(len(LAYERS))], [name.replace(", ", ",\n") for name in LAYERS])
    axes.set(xlabel="loss, relative to |s|²", title="held-out windows", ylim=ends)
    axes.locator_params(axis="x", nbins=5)
    axes.legend()


def _shares(axes: "Axes", layers: TextLayers) -> None:
    augmented, plain = 1 - left_over(layers.augmented), 1 - left_over(layers.plain)
    step, ridge, _, form = range(len(RIVALS))
    rows = (
        ("augmented by\na gradient step", augmented[:, step], GRADIENT_DESCENT),
        ("augmented by\nridge regression", augmented[:, ridge], LEAST_SQUARES),
        ("augmented by its\nA2 and B1 alone", 1 - left_over(layers.own), TRAINED),
        ("plain by\nfigure 3's form", plain[:, form], TRAINED_TOO),
    )
    for k, (_, shares, role) in enumerate(rows):
        axes.plot(shares, np.full(len(shares), -k), "o", color=role["color"], alpha=0.6)
    axes.axvline(0.95, **LINE, label="asked of a gradient step and of figure 3's form")
    axes.set_yticks([-k for k in range(len(rows))], [label for label, *_ in rows])
    axes.set(xlim=(-0.02, 1.02), ylim=(0.5 - len(rows), 0.5), title="what explains a layer f, a dot a seed")
    axes.set_xlabel("share of |f|² that a form explains at its best size")
    axes.legend()


def _spectra(axes: "Axes", fits: Spectra) -> None:
    angles = np.linspace(0, 2 * np.pi, 200)
    axes.plot(np.cos(angles), np.sin(angles), **LINE, label="unit circle")
    for spectrum, label, color, size in (
        (fits.windows, "a window", TRAINED["color"], 1.5),
        (fits.together, "all windows at once", LEAST_SQUARES["color"], 4.0),
    ):
        real, imaginary = spectrum.reshape(-1, 2)[:2000].T
        axes.plot(real, imaginary, "o", color=color, markersize=size, markeredgewidth=0, alpha=0.6, label=label)
    axes.set(aspect="equal", xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), xlabel="real part", ylabel="imaginary part")
    axes.set_title("eigenvalues of AR(1) fits")
    axes.legend()


def _largest(axes: "Axes", fits: Spectra) -> None:
    bins, top = np.linspace(0, 1.2, 49), 1
    for spectrum, label, role in (
        (fits.windows, "as written", TRAINED),
        (fits.shuffled, "words shuffled", TRAINED_TOO),
    ):
        largest = moduli(spectrum).max(axis=-1)
        counts = np.histogram(largest[largest <= bins[-1]], bins)[0]
        axes.stairs(counts, bins, color=role["color"], linewidth=1.5, label=label)
        top = max(top, counts.max())
    axes.vlines(1.0, 0, top, colors=LINE["color"], linestyles=":", label="orthogonal dynamics")
    axes.set(ylim=(0, 1.05 * top), xlabel="largest |eigenvalue| in a window", ylabel="number of windows")
    axes.set_title("AR(1) fits, a window each")
    axes.legend()
