"""Words inside a panel."""

from matplotlib.text import Annotation, Text

from mesascope.report.interactive.canvas import Canvas
from mesascope.report.interactive.colours import css
from mesascope.report.interactive.lines import PIXELS, in_data_of
from mesascope.report.interactive.numbers import one
from mesascope.report.interactive.words import as_html

ACROSS = {"left": "right", "center": "center", "right": "left"}
ALONG = {"top": "bottom", "center": "middle", "center_baseline": "middle", "bottom": "top", "baseline": "top"}
ANCHORS = {"center": "middle", "center_baseline": "middle", "baseline": "bottom"}


def text(artist: Text, on: Canvas) -> None:
    """Words at a point of the data, which move with it; or at a place of the panel."""
    words = as_html(artist.get_text())
    if not words:
        return
    if isinstance(artist, Annotation) and artist.arrow_patch is not None:
        on.untranslated.append("an arrow")
    x, y = (one(place) for place in (artist.xyann if isinstance(artist, Annotation) else artist.get_position()))
    font = {"size": round(PIXELS * float(artist.get_fontsize())), "color": css(artist.get_color(), artist.get_alpha())}
    across, along = artist.get_horizontalalignment(), artist.get_verticalalignment()
    if all(in_data_of(artist, on)):
        place = f"{ALONG[along]} {ACROSS[across]}"
        on.trace(
            "scatter", Text(), x=[x], y=[y], mode="text", text=[words], textposition=place, textfont=font,
            hoverinfo="skip",
        )  # fmt: skip
    elif artist.get_transform() == on.axes.transAxes:
        told = {"xref": f"{on.x} domain", "yref": f"{on.y} domain", "x": x, "y": y, "text": words, "font": font}
        anchors = {"xanchor": across, "yanchor": ANCHORS.get(along, along)}
        on.annotations.append({**told, **anchors, "showarrow": False, "textangle": -artist.get_rotation()})
    else:
        on.leave_out(artist)
