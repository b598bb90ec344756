"""A study's figures: where they lie, and drawing them from what is stored."""

import dataclasses
import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mesascope.configuration import describe, fingerprint
from mesascope.drawing.style import CM_PER_INCH, TWO_COLUMNS, check_width
from mesascope.files import write_atomically
from mesascope.report.drawn import digest, record
from mesascope.runs.address import Address
from mesascope.runs.archive import Archive
from mesascope.runs.directory import writing
from mesascope.study.base import AbstractStudy
from mesascope.study.cell import Arrays, PlacedCell
from mesascope.study.result import StudyResult

RUN = ("mesascope", "run")


def figure_root(runs: Address) -> Path:
    """The folder of all studies' figures: that of the results, or ./runs where those are not in a local folder."""
    return runs if isinstance(runs, Path) else Path("runs")


def figure_directory(runs: Address, study: AbstractStudy) -> Path:
    """Where a study's figures lie; settings that are no preset have a directory of their own."""
    name = study.preset_name
    tag = f"custom-{fingerprint(describe(study))[:8]}" if name == "custom" else name
    return figure_root(runs) / study.name() / f"figures-{tag}"


def digest_of(study: AbstractStudy, results: list[Arrays]) -> str:
    """What the figures are drawn from, as a digest."""
    return digest(results, json.dumps(describe(study), sort_keys=True))


class Drawing(NamedTuple):
    """The figures of a study whose cells are stored in `runs`, to be drawn into `directory`, here or in a pool."""

    study: AbstractStudy
    cells: tuple[PlacedCell, ...]
    runs: Address
    directory: Path
    digest: str

    def __call__(self, report: object = None, say: object = None) -> list[Path]:
        """Draw them; what was written. It has nothing to report on its way."""
        archive = Archive(self.runs)
        with writing("runs", self.directory):
            results = [archive.read(cell).arrays for cell in self.cells]
            written = save_with_captions(self.study, self.study.result(results, 0.0), self.directory)
            record(self.directory, self.digest, written)
            return written


def save_with_captions(
    study: AbstractStudy,
    result: StudyResult,
    directory: Path,
    formats: Sequence[str] = ("png",),
    width: float = TWO_COLUMNS,
) -> list[Path]:
    """Write a study's figures, `width` cm wide, and NAME.txt with a caption beside each; the figures written."""
    from mesascope.report.captions import caption
    from mesascope.report.figures import save_figures

    figures = result.figures(width)
    written = save_figures(figures, directory, formats)
    for name, figure in figures.items():
        text = caption(study, result, name, figure, commands(study, width))
        write_atomically(directory / f"{name}.txt", text.encode())
    return written


def commands(study: AbstractStudy, width: float) -> str:
    """The command lines that compute a study's results and draw its figures."""
    run, export = [*RUN, *words_of(study)], ["mesascope", "export", *words_of(study)]
    return f"{shlex.join(run)} && {shlex.join([*export, '--to', 'figures', '--width', f'{width:g}cm'])}"


def words_of(study: AbstractStudy) -> list[str]:
    """A study and its settings as words of a command line."""
    preset = study.preset_name
    base = type(study).preset("quick" if preset == "custom" else preset)
    words = [study.name(), "--preset", base.preset_name]
    for field in dataclasses.fields(study):
        value = getattr(study, field.name)
        if value != getattr(base, field.name):
            words += [f"--{field.name.replace('_', '-')}", *_words(value)]
    return words


def _words(value: object) -> list[str]:
    """A setting as a command line has it, one word a number."""
    return [word for each in value for word in _words(each)] if isinstance(value, tuple) else [str(value)]


def width_in_cm(text: str) -> float:
    """The width that a text such as 8.5cm, 85mm or 3.35in tells; ValueError for another, or one that no page has."""
    match = re.fullmatch(r"(\d+\.?\d*|\.\d+) ?(cm|mm|in)", text.strip())
    if not match:
        raise ValueError(f"`width` must be a number with cm, mm or in; got {text!r}. Take 8.5cm or 17cm.")
    width = float(match[1]) * {"cm": 1.0, "mm": 0.1, "in": CM_PER_INCH}[match[2]]
    check_width(width)
    return width
