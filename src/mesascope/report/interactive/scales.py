"""The axes of a panel: linear or logarithmic, their range, their ticks and what they are called."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, NullLocator

from mesascope.report.interactive.numbers import one, plain
from mesascope.report.interactive.words import as_html

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

TRANSLATED = ("linear", "log")
MOST_TICKS = 7
SHORT = 2.5  # decades


def layout_of(axes: "Axes", which: str, untranslated: list[str]) -> dict[str, Any]:
    """An axis of plotly, `which` being "x" or "y"."""
    axis: Axis = getattr(axes, f"{which}axis")
    if axis.get_scale() not in TRANSLATED:
        untranslated.append(f"{axis.get_scale()} {which} axis (linear here)")
    limits = np.array(getattr(axes, f"get_{which}lim")(), float)
    logarithmic = axis.get_scale() == "log"
    kept = plain(np.log10(limits) if logarithmic else limits)
    told: dict[str, Any] = {"type": "log" if logarithmic else "linear", "range": kept}
    if title := _title(axes, which):
        told["title"] = {"text": as_html(title)}
    grid = any(line.get_visible() for line in axis.get_gridlines())
    return {**told, "showgrid": bool(grid), **_ticks(axis, limits)}


def _title(axes: "Axes", which: str) -> str:
    """The label; of a panel without one, that of a panel which shares this scale."""
    shared = getattr(axes, f"get_shared_{which}_axes")().get_siblings(axes)
    labels = [getattr(each, f"get_{which}label")() for each in [axes, *shared]]
    return next(filter(None, labels), "")


def _ticks(axis: "Axis", limits: np.ndarray) -> dict[str, Any]:
    """Ticks that were set are set; plotly places others."""
    locator, formatter = axis.get_major_locator(), axis.get_major_formatter()
    if isinstance(locator, NullLocator):
        return {"showticklabels": False, "ticks": ""}
    base = getattr(axis.get_transform(), "base", 10.0)
    named = isinstance(formatter, FixedFormatter | FuncFormatter)
    if axis.get_scale() not in TRANSLATED or not (isinstance(locator, FixedLocator) or named or base != 10.0):
        return {"nticks": MOST_TICKS} if axis.get_scale() != "log" else _powers(limits)
    places = np.asarray(axis.get_majorticklocs(), float)
    texts = [f"{place:g}" for place in places] if base != 10.0 else formatter.format_ticks(places.tolist())
    within = (places >= limits.min()) & (places <= limits.max())
    kept = [as_html(str(text)) for text, inside in zip(texts, within, strict=True) if inside]
    return {"tickmode": "array", "tickvals": plain(places[within]), "ticktext": kept}


def _powers(limits: np.ndarray) -> dict[str, Any]:
    """Powers of ten, not too many; on a short axis twice and five times of them, too."""
    decades = abs(np.diff(np.log10(limits)).item())
    step = "D2" if decades < SHORT else int(np.ceil(decades / MOST_TICKS))
    return {"exponentformat": "power", "tickmode": "linear", "dtick": step}


def may_be_logarithmic(values: list[Any], layout: dict[str, Any]) -> bool:
    """Whether an axis of these values has something to show on a logarithmic scale: all positive, a factor of 4 apart.

    Names in place of numbers have no other scale.
    """
    numbers = np.array([each for each in values if each is not None], float)
    named = any(not _is_number(text) for text in layout.get("ticktext", ()))
    return bool(len(numbers) and numbers.min() > 0 and numbers.max() >= 4 * numbers.min() and not named)


def _is_number(text: str) -> bool:
    try:
        return one(text.replace("−", "-")) is not None
    except ValueError:
        return False
