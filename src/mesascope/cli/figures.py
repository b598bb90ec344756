"""A study's figures: where they lie, and drawing them from what is stored."""

import json
from pathlib import Path
from typing import NamedTuple

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


class Drawing(NamedTuple):
    """The figures of a study whose cells are stored in `runs`, to be drawn into `directory`, here or in a pool."""

    study: AbstractStudy
    cells: tuple[PlacedCell, ...]
    runs: Path
    directory: Path
    digest: str

    def __call__(self, report: object = None, say: object = None) -> list[Path]:
        """Draw them; what was written. It has nothing to report on its way."""
        from mesascope.report.figures import save_figures

        archive = Archive(self.runs)
        with writing("runs", self.directory):
            results = [archive.read(cell).arrays for cell in self.cells]
            figures = save_figures(lambda: self.study.figures(self.study.summarise(results)), self.directory)
            record(self.directory, self.digest, figures)
            return figures
