"""A sweep drawn: curves over one setting, maps over two, and maps whose colour is the algorithm that is identified."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import LINE, TRAINED, of_algorithm
from mesascope.drawing.style import in_house_style
from mesascope.report.sweeps import Point, SweepResult, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def check_drawable(axes: Mapping[str, tuple[Any, ...]]) -> None:
    """Raise ValueError for a grid that no figure here shows."""
    varied = [name for name, values in axes.items() if len(values) > 1]
    if not 1 <= len(varied) <= 3:
        raise ValueError(
            f"`--figure` must be of one to three settings with several values; got {len(varied)}. `--to` writes all."
        )


def sweep_figure(result: SweepResult, shown: Sequence[str], bounds: Mapping[str, float], width: float) -> "Figure":
    """One panel a number shown, `width` cm wide; without any, the algorithm at every point. `bounds` are of claims."""
    check_drawable(result.axes)
    return in_house_style(lambda: {"sweep": _drawn(result, shown, bounds)}, width)["sweep"]


def _drawn(result: SweepResult, shown: Sequence[str], bounds: Mapping[str, float]) -> "Figure":
    parts = _parts(result)
    figure, panels = panel_grid(max(1, len(shown)), len(parts), narrowest=6.0)
    for row, name in zip(panels, shown or ("",), strict=True):
        for axes, (title, part) in zip(row, parts, strict=True):
            if not name:
                algorithms(axes, part, result)
            else:
                (curve if len(part.varied) == 1 else number_map)(axes, part, name, bounds.get(name))
            if title:
                axes.set_title(f"{axes.get_title()}, {title}" if axes.get_title() else title)
    return figure


def _parts(result: SweepResult) -> list[tuple[str, SweepResult]]:
    """Of three settings that vary, a part for each value of the first; else all in one."""
    if len(result.varied) < 3:
        return [("", result)]
    first, values = next(iter(result.varied.items()))
    return [
        (
            f"{first}={plain(value)}",
            SweepResult(
                result.name,
                {**result.axes, first: (value,)},
                [row for row in result.rows if row.settings[first] == value],
            ),
        )
        for value in values
    ]


def curve(axes: "Axes", result: SweepResult, name: str, bound: float | None) -> None:
    """The mean over seeds as a line and their range as a band, over the one setting that varies; the claim's bound."""
    ((setting, values),) = result.varied.items()
    of_points = {point.settings[setting]: point.numbers(name) for point in result.points()}
    found = [of_points.get(value, np.array([])) for value in values]
    mean, low, high = (np.array([reduce(each) if len(each) else np.nan for each in found]) for reduce in _REDUCTIONS)
    x = _positions(axes.xaxis, setting, values)
    axes.plot(x, mean, marker="o", label=f"mean (n = {max(map(len, found))})", **TRAINED)
    axes.fill_between(x, low, high, color=TRAINED["color"], alpha=0.25, linewidth=0)
    if bound is not None:
        axes.axhline(bound, label="criterion", **LINE)
    axes.set(ylabel=name)
    axes.legend()


_REDUCTIONS = (np.mean, np.min, np.max)


def number_map(axes: "Axes", result: SweepResult, name: str, bound: float | None) -> None:
    """The mean over seeds as a colour, with contours: of the claim's bound where there is one."""
    grid = np.ma.masked_invalid(_on_grid(result, lambda point: _mean(point.numbers(name)), np.nan))
    image = axes.imshow(grid, origin="lower", aspect="auto", cmap="viridis")
    _name_axes(axes, result)
    axes.set_title(name)
    axes.figure.colorbar(image, ax=axes)
    inside = [bound] if bound is not None and grid.count() and grid.min() < bound < grid.max() else None
    if min(grid.shape) > 1 and grid.count() == grid.size and np.ptp(grid) > 0:
        lines = axes.contour(grid, levels=inside or 4, colors="white", linewidths=0.8)
        axes.clabel(lines, fmt="%.3g", fontsize=6)


def algorithms(axes: "Axes", result: SweepResult, everything: SweepResult) -> None:
    """The algorithm that most models of a point are said to run, as the colour that it has elsewhere.

    Paler where it is not said of all of them, grey where none is. All parts of a figure share colours: of `everything`.
    """
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Patch

    names = sorted(
        {told["algorithm"] for _, told in everything.rows if told.get("verdict") in _NAMED and "algorithm" in told}
    )
    colours = _colours(names)
    pictured = _on_grid(result, lambda point: _colour(point, colours), np.array(to_rgb("0.6")))
    axes.imshow(pictured, origin="lower", aspect="auto")
    _name_axes(axes, result)
    patches = [Patch(color=colours[name], label=name) for name in names]
    paler = _pale(colours[names[0]] if names else to_rgb("0.3"))
    patches += [Patch(color=paler, label="paler: not all models"), Patch(color="0.6", label="none")]
    axes.legend(handles=patches)


_NAMED = ("identified", "approximately", "tie")


def _colours(names: Sequence[str]) -> dict[str, Any]:
    """The colour of each algorithm's role; those that share one get lighter shades of it."""
    from matplotlib.colors import to_rgb

    taken: Counter[str] = Counter()
    found = {}
    for name in names:
        role = of_algorithm(name)["color"]
        found[name] = tuple(1 - (1 - part) * 0.65 ** taken[role] for part in to_rgb(role))
        taken[role] += 1
    return found


def _colour(point: Point, colours: Mapping[str, Any]) -> np.ndarray:
    from matplotlib.colors import to_rgb

    counts = Counter(told["algorithm"] for told in point.told if told.get("verdict") in _NAMED)
    if not counts:
        return np.array(to_rgb("0.6"))
    name, most = counts.most_common(1)[0]
    return np.array(colours[name] if most == len(point.told) else _pale(colours[name]))


def _pale(colour: Any) -> tuple[float, float, float]:
    red, green, blue = (1 - (1 - part) * 0.45 for part in colour)
    return red, green, blue


def _on_grid(result: SweepResult, of_point: Callable[[Point], Any], nothing: Any) -> np.ndarray:
    """What is found of each point, on the grid: the first setting upwards, the second, or the only one, rightwards."""
    *first, second = result.varied.items()
    rows, columns = first[0][1] if first else (None,), second[1]
    grid = np.empty((len(rows), len(columns), *np.shape(nothing)))
    grid[...] = nothing
    for point in result.points():
        row = rows.index(point.settings[first[0][0]]) if first else 0
        if not point.error:
            grid[row, columns.index(point.settings[second[0]])] = of_point(point)
    return grid


def _name_axes(axes: "Axes", result: SweepResult) -> None:
    *first, second = result.varied
    axes.grid(False)
    _ticks(axes.xaxis, second, result.varied[second])
    if first:
        _ticks(axes.yaxis, first[0], result.varied[first[0]])
    else:
        axes.set_yticks([])


def _ticks(axis: Any, name: str, values: tuple[Any, ...]) -> None:
    axis.set_ticks(range(len(values)), [plain(value) for value in values])
    axis.set_label_text(name)


def _positions(axis: Any, name: str, values: tuple[Any, ...]) -> np.ndarray:
    """Numbers where they are; other values side by side."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        axis.set_label_text(name)
        return np.array(values, float)
    _ticks(axis, name, values)
    return np.arange(len(values))


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else np.nan
