"""Pictures of an identification: the distance under every law, the spectral response, layers against steps."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from mesascope.drawing import roles
from mesascope.drawing.grid import panel_grid
from mesascope.drawing.style import in_house_style
from mesascope.identify.result import Identification
from mesascope.probes.layer_map import NEAR
from mesascope.probes.spectral_response import SpectralResponse
from mesascope.stats import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEAST, MOST = 1e-4, 10.0  # of the distances that are drawn
FAR = "0.5"


def figure(found: Identification, width: float) -> "Figure":
    """All that there is to draw, in one row where the page is wide enough."""
    return in_house_style(lambda: {"identification": _draw(found)}, width)["identification"]


def _draw(found: Identification) -> "Figure":
    parts = [_ranking, _distances]
    parts += [_response] * (found.symmetries.response is not None)
    if found.layers is not None:
        parts += [_layers] + [_filters] * bool(found.layers.filters)
    figure, [panels] = panel_grid(1, len(parts), narrowest=7.0)
    places = panels[0].get_gridspec()
    places.set_height_ratios([1.5] + [1] * (places.nrows - 1))  # the lists of candidates and laws are long
    for part, axes in zip(parts, panels, strict=True):
        part(axes, found)
    return figure


def _ranking(axes: "Axes", found: Identification) -> None:
    """Every candidate's distance in distribution, the nearest on top."""
    rows = found.rows[:12]
    for i, row in enumerate(rows):
        _interval(axes, i, row.delta, color=_colour(row.name) if row.name in found.verdict.members else FAR)
    axes.axvline(found.verdict.tolerance, color="0.3", linestyle=":", linewidth=0.8)
    axes.set(xscale="log", xlim=_range(row.delta for row in rows), xlabel="distance in distribution")
    axes.set_title("dotted: tolerance; at an edge: off scale", fontsize=7)
    axes.set(yticks=range(len(rows)), yticklabels=[row.name for row in rows], ylim=(len(rows) - 0.5, -0.5))


def _distances(axes: "Axes", found: Identification) -> None:
    """The distances of the choice and of the runner-up under every law, parameters kept."""
    colours = _colour(found.choice.name), _beside(found.choice.name, found.verdict.runner_up)
    for i, law in enumerate(found.laws):
        _interval(axes, i, law.choice, color=colours[0])
        if law.runner_up is not None:
            _interval(axes, i, law.runner_up, color=colours[1], marker="s")
    handles = [axes.plot([], [], marker, color=colour)[0] for marker, colour in zip("os", colours, strict=True)]
    axes.legend(handles, [found.choice.name, found.verdict.runner_up or "runner-up"], loc="lower right")
    axes.axvline(2 * found.verdict.tolerance, color="0.3", linestyle=":", linewidth=0.8)
    axes.set_title("dotted: twice the tolerance", fontsize=7)
    num = len(found.laws)
    shown = [each for law in found.laws for each in (law.choice, law.runner_up) if each is not None]
    axes.set(xscale="log", xlim=_range(shown), xlabel="distance, same parameters")
    axes.set(yticks=range(num), yticklabels=[law.law for law in found.laws], ylim=(num - 0.5, -0.5))


def _response(axes: "Axes", found: Identification) -> None:
    """The filter that the subject applies to the spectrum of its inputs, with its band."""
    response = found.symmetries.response
    assert response is not None
    subject = roles.TRAINED["color"]
    axes.plot(response.knots, response.psi, color=subject, label=found.subject)
    axes.fill_between(response.knots, response.low, response.high, color=subject, alpha=0.2, linewidth=0)
    for name, each in found.responses.items():
        chosen = name == found.choice.name
        colour, line = (_colour(name), "--") if chosen else (_beside(found.choice.name, found.verdict.runner_up), ":")
        axes.plot(each.knots, each.psi, color=colour, linestyle=line, label=name)
    _on_the_spectrum(axes, response)


def _layers(axes: "Axes", found: Identification) -> None:
    """The distance of every layer from every step of a candidate; what is not near is grey."""
    import matplotlib as mpl
    from matplotlib.ticker import MaxNLocator

    assert found.layers is not None
    distances = found.layers.map.distances
    num_layers, num_steps = distances.shape
    colours = mpl.colormaps["viridis_r"].with_extremes(over="0.85")
    extent = (0.5, num_steps + 0.5, num_layers + 0.5, 0.5)
    image = axes.imshow(distances, extent=extent, aspect="auto", cmap=colours, vmin=0, vmax=NEAR)
    axes.figure.colorbar(image, ax=axes, label="distance", extend="max")
    axes.set(xlabel=f"step of {found.layers.candidate}", ylabel="layer", yticks=range(1, num_layers + 1))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(False)


def _filters(axes: "Axes", found: Identification) -> None:
    """The response after every layer, read out by the model's own head, late layers dark."""
    assert found.layers is not None
    filters = found.layers.filters
    for i, each in enumerate(filters, 1):
        axes.plot(each.knots, each.psi, color=str(0.85 * (1 - i / len(filters))), label=f"layer {i}")
    _on_the_spectrum(axes, filters[-1])


def _on_the_spectrum(axes: "Axes", response: SpectralResponse) -> None:
    """Axes of a response, as high as it is where prompts tell it."""
    from matplotlib.ticker import NullLocator

    known = response.high - response.low < 0.5 * np.abs(response.psi)
    low, high = np.quantile(response.psi[known] if known.any() else response.psi, (0, 1))
    axes.set_ylim(min(0, 1.2 * low), max(0, 1.2 * high) or 1.0)
    ticks = response.knots[[0, len(response.knots) // 2, -1]]
    axes.set(xscale="log", xlabel="eigenvalue $s$ of $X^T X / N$", ylabel=r"response $\psi(s)$")
    axes.set_xticks(ticks, [f"{tick:.2g}" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.legend()


def _colour(name: str) -> str:
    return roles.of_algorithm(name)["color"]


def _beside(choice: str, runner_up: str | None) -> str:
    """The colour of the runner-up; grey where it would be that of the choice."""
    colour = _colour(runner_up or "")
    return FAR if colour == _colour(choice) else colour


def _range(estimates: Iterable[Estimate]) -> tuple[float, float]:
    """Of an axis: from the power of ten below the smallest, one at least."""
    least = min((each.mean for each in estimates if each.mean > 0), default=1.0)
    return float(np.clip(10.0 ** np.floor(np.log10(least)), LEAST, 0.1)), MOST


def _interval(axes: "Axes", i: int, estimate: Any, color: str, marker: str = "o") -> None:
    mean, low, high = np.clip(np.nan_to_num(np.array(estimate, float), posinf=MOST), LEAST, MOST)
    axes.plot([low, high], [i, i], color=color)
    axes.plot([mean], [i], marker, color=color)
