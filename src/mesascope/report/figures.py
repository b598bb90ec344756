"""Figures in one house style, saved as PNG, SVG and PDF, the same bytes for the same numbers."""

import io
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesascope.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart with any colour vision; their yellow is left out, too pale for a line on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")

# No dates, so that equal figures are equal files.
_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": "mesascope"},
    "svg": {"Creator": "mesascope", "Date": None},
    "pdf": {"Creator": "mesascope", "Producer": "mesascope", "CreationDate": None},
}

FORMATS = tuple(_METADATA)


@contextmanager
def house_style() -> Iterator[None]:
    """Draw and save figures in the house style; matplotlib's settings are the user's own again afterwards."""
    import matplotlib
    from cycler import cycler

    style: Any = {
        "axes.grid": True,
        "axes.labelsize": 9,
        "axes.prop_cycle": cycler(color=COLOURS),
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlesize": 10,
        "figure.constrained_layout.use": True,
        "figure.dpi": 100,
        "font.family": "DejaVu Sans",  # comes with matplotlib
        "font.size": 9,
        "grid.alpha": 0.3,
        "grid.linewidth": 0.5,
        "legend.fontsize": 8,
        "legend.frameon": False,
        "lines.linewidth": 1.6,
        "lines.markersize": 4,
        "pdf.fonttype": 42,  # text stays text
        "savefig.dpi": 200,
        "svg.fonttype": "none",
        "svg.hashsalt": "mesascope",
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
    }
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(style)
        yield


def save_figures(
    draw: "Callable[[], Mapping[str, Figure]]", directory: Path | str, formats: Sequence[str] = ("png",)
) -> list[Path]:
    """Draw figures in the house style and write each to `directory` as PNG (200 dpi), SVG or PDF; what was written.

    Raises OSError when the files cannot be written.
    """
    with house_style():
        return write_figures(draw(), Path(directory), formats)


def write_figures(figures: "Mapping[str, Figure]", directory: Path, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write figures, each under its name, in every format asked for."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name, figure in figures.items():
        for extension in formats:
            buffer = io.BytesIO()
            with _without_font_warnings():
                figure.savefig(buffer, format=extension, metadata=_METADATA[extension])
            path = directory / f"{name}.{extension}"
            write_atomically(path, buffer.getvalue())
            written.append(path)
    return written


@contextmanager
def _without_font_warnings() -> Iterator[None]:
    """The fonts of formulas bear dates of long ago, of which every PDF would warn."""
    logger = logging.getLogger("fontTools")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
