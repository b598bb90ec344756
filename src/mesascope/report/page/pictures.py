"""A figure as the page shows it: interactive panels, and the static picture, which can be downloaded."""

import base64
import io
from typing import TYPE_CHECKING, Any, NamedTuple

from mesascope.drawing.style import house_style
from mesascope.report.captions import panels_in_words
from mesascope.report.interactive.figure import spoken, translate
from mesascope.report.interactive.words import as_html, as_plain

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.figure import Figure

DOTS, NUM_COLOURS = 200, 128  # an inch; more colours than this show in no figure of lines or of one map


class Picture(NamedTuple):
    """A figure: its name, the words beside it, its panels as JSON, what they lack, and the static picture."""

    name: str
    file_name: str
    caption: "Markup"
    alternative: str
    panels: tuple[tuple[str, str, dict[str, Any]], ...]
    untranslated: tuple[str, ...]
    source: str
    width: int


def picture(figure: "Figure", name: str, file_name: str) -> Picture:
    """The figure, translated and drawn."""
    from markupsafe import Markup

    told = as_html(panels_in_words(figure))
    translated = translate(figure)
    panels = tuple((Markup(panel.title), spoken(panel), panel.to_json()) for panel in translated.panels)
    width = round(96 * figure.get_figwidth())
    return Picture(
        name, file_name, Markup(told), as_plain(told), panels, translated.untranslated, _png(figure), width
    )  # fmt: skip


def _png(figure: "Figure") -> str:
    """PNG of few colours as a data URI: of every figure that was tried, smaller than its SVG."""
    from PIL import Image

    drawn, small = io.BytesIO(), io.BytesIO()
    with house_style():
        figure.savefig(drawn, format="png", dpi=DOTS)
    with Image.open(drawn) as image:
        few = image.convert("RGB").quantize(NUM_COLOURS, dither=Image.Dither.NONE)
        few.save(small, "png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(small.getvalue()).decode()}"
