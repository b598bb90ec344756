"""What a colour means, the same in every figure: whose line it is."""

from typing import Any

from mesascope.drawing.style import COLOURS

TRAINED: dict[str, Any] = {"color": COLOURS[0], "linestyle": "-"}  # the model that a figure is about
TRAINED_TOO: dict[str, Any] = {"color": COLOURS[5], "linestyle": "-"}  # a second trained model beside it
GRADIENT_DESCENT: dict[str, Any] = {"color": COLOURS[1], "linestyle": "--"}
GDPP: dict[str, Any] = {"color": COLOURS[2], "linestyle": "--"}
LEAST_SQUARES: dict[str, Any] = {"color": COLOURS[3], "linestyle": "--"}  # and ridge, and the Bayes predictor
HALFWAY: dict[str, Any] = {"color": COLOURS[4], "linestyle": "-."}  # between the weights of two models
LINE: dict[str, Any] = {"color": "0.35", "linestyle": ":", "linewidth": 1.0}  # a closed form, a bound, zero
OTHER: dict[str, Any] = {"color": COLOURS[6], "linestyle": "-."}  # an algorithm that few figures have


def of_algorithm(name: str) -> dict[str, Any]:
    """The role of a candidate by its name: gradient descent whatever its rates, GD++, ridge and least squares."""
    by_start = {
        "gradient-descent": GRADIENT_DESCENT,
        "gd-plus-plus": GDPP,
        "ridge": LEAST_SQUARES,
        "least-squares": LEAST_SQUARES,
    }
    return next((role for start, role in by_start.items() if name.startswith(start)), OTHER)


def shades(num: int) -> "list[tuple[float, ...]]":
    """Colours for the levels of one quantity, from the least, dark, to the largest, light."""
    from matplotlib import colormaps

    return [colormaps["viridis"](0.85 * i / max(num - 1, 1)) for i in range(num)]
