"""Words inside a panel."""

from matplotlib.text import Annotation, Text

from mesascope.report.interactive.canvas import Canvas
from mesascope.report.interactive.colours import css
from mesascope.report.interactive.lines import PIXELS, in_data_of
from mesascope.report.interactive.numbers import one
from mesascope.report.interactive.words import as_html

ACROSS = {"left": "right", "center": "center", "right": "left"}
ALONG = {"top": "bottom", "center": "middle", "center_baseline": "middle", "bottom": "top", "baseline": "top"}
SMALLEST = 10  # pixels
ANCHORS = {"center": "middle", "center_baseline": "middle", "baseline": "bottom"}


def text(artist: Text, on: Canvas) -> None:
    """Words at a point of the data, which move with it; or at a place of the panel."""
    words = as_html(artist.get_text())
    if not words:
        return
    if isinstance(artist, Annotation) and artist.arrow_patch is not None:
        on.untranslated.append("an arrow")
    frame = artist.get_bbox_patch()
    x, y = (one(place) for place in (artist.xyann if isinstance(artist, Annotation) else artist.get_position()))
    font = {
        "size": max(round(PIXELS * float(artist.get_fontsize())), SMALLEST),
        "color": css(artist.get_color(), artist.get_alpha()),
    }
    across, along = artist.get_horizontalalignment(), artist.get_verticalalignment()
    anchors = {"xanchor": across, "yanchor": ANCHORS.get(along, along)}
    told = {"x": x, "y": y, "text": words, "font": font, **anchors, "showarrow": False}
    if all(in_data_of(artist, on)) and frame is not None and _is_linear(on):
        framed = {"bordercolor": css(frame.get_edgecolor()), "bgcolor": css(frame.get_facecolor()), "borderpad": 1}
        on.annotations.append({"xref": on.x, "yref": on.y, **told, **framed})
    elif all(in_data_of(artist, on)):
        if frame is not None:
            on.untranslated.append("a frame around words")
        place = f"{ALONG[along]} {ACROSS[across]}"
        on.trace(
            "scatter", Text(), x=[x], y=[y], mode="text", text=[words], textposition=place, textfont=font,
            hoverinfo="skip",
        )  # fmt: skip
    elif artist.get_transform() == on.axes.transAxes:
        place = {"xref": f"{on.x} domain", "yref": f"{on.y} domain", "textangle": -artist.get_rotation()}
        on.annotations.append({**place, **told})
    else:
        on.leave_out(artist)


def _is_linear(on: Canvas) -> bool:
    return on.axes.get_xscale() == on.axes.get_yscale() == "linear"
