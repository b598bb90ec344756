"""A section of an HTML page that holds two benches to play on."""

import json
import math
from importlib.resources import files

from mesascope.drawing import roles
from mesascope.report.bench.trained import Layer
from mesascope.report.page.section import Section

SCRIPTS = (
    "predict.js",
    "random.js",
    "words.js",
    "plane.js",
    "controls.js",
    "drag.js",
    "lines.js",
    "points.js",
    "regression.js",
    "circle.js",
    "errors.js",
    "sequences.js",
    "start.js",
)


def section(trained: Layer) -> Section:
    """Points to drag under the lines of four learners, one of them `trained`, and a rotation to turn.

    Needs no network and no other file. Raises ValueError for weights that are not finite.
    """
    html = f"{asset('regression.html')}{asset('sequences.html')}{_embedded(trained)}"
    js = "".join(asset(name) for name in SCRIPTS)
    script = f'(() => {{\n"use strict";\n{js}}})();\n'  # which leaves no name behind
    return Section("bench", "Try it", html, (_colours() + asset("bench.css"),), (script,))


def asset(name: str) -> str:
    """One of the files that the page is made of."""
    return (files("mesascope.report.bench") / "assets" / name).read_text(encoding="utf-8")


def _embedded(trained: Layer) -> str:
    """The weights, for the script to read; no text in it can end the element."""
    for matrix in (trained.key_query, trained.output_value):
        if not all(math.isfinite(entry) for row in matrix for entry in row):
            raise ValueError(f"`trained` must have finite weights; got {matrix}. Train the layer again.")
    data = json.dumps(trained._asdict()).replace("<", "\\u003c")
    return f'<script type="application/json" id="bench-layer">{data}</script>\n'


def _colours() -> str:
    """What a colour means in every figure, with a little of the page's ink: seen on white paper and on black.

    An algorithm that the figures draw in black is drawn in that ink.
    """
    meant = {"trained": roles.TRAINED, "descent": roles.GRADIENT_DESCENT, "squares": roles.LEAST_SQUARES}
    variables = (
        f"--bench-{name}: color-mix(in srgb, {role['color']} 85%, var(--bench-ink));" for name, role in meant.items()
    )
    return f".bench {{ {' '.join(variables)} }}\n"
