"""Pages that are written at every build: one for every study, and the reference of every public name."""

from pathlib import Path

from reference_pages import reference_pages
from sphinx.application import Sphinx
from study_pages import study_pages


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", write_all)
    return {"parallel_read_safe": True}


def write_all(app: Sphinx) -> None:
    write(Path(app.confdir) / "studies", study_pages())
    write(Path(app.confdir) / "reference", reference_pages())


def write(folder: Path, pages: dict[str, str]) -> None:
    """These pages and no others; what is unchanged keeps its date."""
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        if path.name not in pages:
            path.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
