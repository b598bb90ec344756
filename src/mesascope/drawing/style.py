"""The house style of figures, for a place of some width on a page."""

import base64
import html
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from mesascope.drawing.layout import lay_out

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart with any colour vision; their yellow is left out, too pale for a line on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")

CM_PER_INCH = 2.54
TWO_COLUMNS = 17.0  # cm, of a journal's page
NARROWEST, WIDEST = 8.0, 40.0  # cm: a column, and a slide


@contextmanager
def house_style(width: float = TWO_COLUMNS) -> Iterator[None]:
    """Draw and save figures `width` cm wide in the house style; matplotlib's settings are the user's own afterwards.

    Raises ValueError for a width that no page has.
    """
    import matplotlib
    from cycler import cycler

    check_width(width)
    style: Any = {
        "axes.grid": True,
        "axes.labelsize": 8,
        "axes.prop_cycle": cycler(color=COLOURS),
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlesize": 8,
        "figure.constrained_layout.use": True,
        "figure.constrained_layout.h_pad": 0.06,
        "figure.constrained_layout.hspace": 0.0,
        "figure.constrained_layout.w_pad": 0.06,
        "figure.dpi": 100,
        "figure.figsize": (width / CM_PER_INCH, 2.5),
        "font.family": "DejaVu Sans",  # comes with matplotlib
        "font.size": 8,
        "grid.alpha": 0.3,
        "grid.linewidth": 0.5,
        "legend.fontsize": 7,
        "legend.frameon": False,
        "lines.linewidth": 1.3,
        "lines.markersize": 3.5,
        "pdf.fonttype": 42,  # the font is in the file, and text stays text
        "savefig.dpi": 200,
        "svg.fonttype": "path",  # a reader need not have the font
        "svg.hashsalt": "mesascope",
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
    }
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(style)
        yield


def check_width(width: float) -> None:
    """Raise ValueError for a width, in cm, that no page has."""
    if not NARROWEST <= width <= WIDEST:
        raise ValueError(
            f"`width` must be between {NARROWEST:g} and {WIDEST:g} cm; got {width:g} cm. "
            "Take 8.5 for a journal's column, 17 for two columns."
        )


def in_house_style(draw: "Callable[[], Mapping[str, Figure]]", width: float = TWO_COLUMNS) -> "dict[str, Figure]":
    """What `draw` gives, drawn in the house style and laid out for a place `width` cm wide."""
    with house_style(width):
        figures = dict(draw())
        for name, figure in figures.items():
            lay_out(figure)
            figure._repr_html_ = partial(picture, figure, name)  # a notebook shows it, with or without pyplot
        return figures


def picture(figure: "Figure", name: str) -> str:
    """A figure as an HTML image that needs no other file, as large as on the page."""
    buffer = io.BytesIO()
    with house_style():
        figure.savefig(buffer, format="png")
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        f'<img alt="{html.escape(name)}" width="{96 * figure.get_figwidth():.0f}" src="data:image/png;base64,{data}">'
    )
