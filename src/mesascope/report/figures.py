"""Figures saved as PNG, SVG and PDF, the same bytes for the same numbers."""

import io
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesascope.drawing.style import house_style
from mesascope.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# No dates, so that equal figures are equal files.
_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": "mesascope"},
    "svg": {"Creator": "mesascope", "Date": None},
    "pdf": {"Creator": "mesascope", "Producer": "mesascope", "CreationDate": None},
}

FORMATS = tuple(_METADATA)


def save_figures(
    figures: "Mapping[str, Figure]", directory: Path | str, formats: Sequence[str] = ("png",)
) -> list[Path]:
    """Write figures, each under its name, as PNG (200 dpi), SVG or PDF, fonts embedded; what was written.

    Raises OSError when the files cannot be written.
    """
    directory, written = Path(directory), []
    directory.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        for extension in formats:
            buffer = io.BytesIO()
            with house_style(), _without_font_warnings():
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
