"""A study's figures: where they lie, and drawing them from what is stored."""

import json
from collections.abc import Callable
from pathlib import Path

from mesascope.configuration import describe, fingerprint
from mesascope.report.drawn import digest, record
from mesascope.runs.archive import Archive
from mesascope.runs.directory import writing
from mesascope.study.base import AbstractStudy
from mesascope.study.cell import Arrays, PlacedCell


def figure_directory(runs: Path, study: AbstractStudy) -> Path:
    """Where a study's figures lie; settings that are no preset have a directory of their own."""
    name = study.preset_name
    tag = f"custom-{fingerprint(describe(study))[:8]}" if name == "custom" else name
    return runs / study.name() / f"figures-{tag}"


def digest_of(study: AbstractStudy, results: list[Arrays]) -> str:
    """What the figures are drawn from, as a digest."""
    return digest(results, json.dumps(describe(study), sort_keys=True))


def draw(
    study: AbstractStudy,
    cells: tuple[PlacedCell, ...],
    runs: Path,
    directory: Path,
    digest: str,
    report: object = None,
    say: Callable[[str], None] | None = None,
) -> list[Path]:
    """Draw the figures of a study whose cells are stored in `runs`; what was written."""
    from mesascope.report.figures import save_figures

    archive = Archive(runs)
    with writing("runs", directory):
        results = [archive.read(cell).arrays for cell in cells]
        figures = save_figures(lambda: study.figures(study.summarise(results)), directory)
        record(directory, digest, figures)
        return figures
