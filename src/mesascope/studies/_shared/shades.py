"""Tints of one colour, for lines that differ in size only."""

from typing import Any


def shades(role: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """`number` styles of a role, its colour from pale to full; the last one is the role's own."""
    from matplotlib.colors import to_hex, to_rgb

    weights = [1.0] if number == 1 else [0.4 + 0.6 * i / (number - 1) for i in range(number)]
    colours = [to_hex([1 - weight * (1 - part) for part in to_rgb(role["color"])]) for weight in weights]
    return [{**role, "color": colour} for colour in colours]
