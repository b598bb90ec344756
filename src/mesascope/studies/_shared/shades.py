"""Tints of one colour, for lines that differ in size only."""

from typing import Any


def shades(role: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """`number` styles of a role, its colour from pale to full; the last one is the role's own."""
    from matplotlib.colors import to_rgb

    red, green, blue = to_rgb(role["color"])
    weights = [1.0 - 0.6 * (number - 1 - i) / max(number - 1, 1) for i in range(number)]
    return [{**role, "color": tuple(1 - w * (1 - part) for part in (red, green, blue))} for w in weights]
