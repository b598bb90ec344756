"""`export`: stored results as figures, tables, arrays and provenance, for a paper or a page."""

import io
import json
import re
import shlex
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from mesascope.cli.arguments import Export, default_runs
from mesascope.cli.errors import InputError
from mesascope.cli.figures import save_with_captions, width_in_cm
from mesascope.cli.parsing import Request
from mesascope.cli.running import as_json, planned
from mesascope.cli.stored import judged, stored_presets
from mesascope.configuration import describe
from mesascope.files import write_atomically
from mesascope.report.figures import FORMATS
from mesascope.report.tables import verdicts_csv, verdicts_markdown
from mesascope.runs.archive import Archive, MissingResult, Result
from mesascope.runs.directory import DirectoryError, check_writable, writing
from mesascope.study.result import StudyResult
from mesascope.sweep.plan import PlannedStudy


def export(request: Request) -> int:
    """Write everything stored about the request's studies; 0. Raises `InputError` when a result is not there."""
    command: Export = request.command
    try:
        width = width_in_cm(command.width)
    except ValueError as error:
        raise InputError(str(error)) from error
    studies, archive = planned(request.studies), Archive(command.runs)
    try:
        results = [judged(study, archive) for study in studies]
    except MissingResult as error:
        stored = stored_presets([type(study) for study in request.studies], archive)
        computes = f"This computes it: {_run_command(request.words)}"
        raise InputError(f"{error} {_offer(request, stored) if stored else computes}") from error
    try:
        check_writable("to", command.to)
        with writing("to", command.to), tempfile.TemporaryDirectory() as staging:
            _write_all(studies, results, archive, Path(staging), width)
            _place(Path(staging), command.to, command.force)
    except DirectoryError as error:
        raise InputError(str(error)) from error
    print(f"Written: {command.to}")
    return 0


def _offer(request: Request, stored: list[str]) -> str:
    """What there is to export, and the command that does."""
    command: Export = request.command
    names = [study.name() for study in request.studies]
    runs = [] if command.runs == default_runs() else ["--runs", str(command.runs)]
    words = ["mesascope", "export", *names, "--to", str(command.to), *runs, "--preset", stored[-1]]
    plural = "preset" if len(stored) == 1 else "presets"
    return f"Stored are all results of {plural} {', '.join(stored)}: {shlex.join(words)}"


def _place(staging: Path, directory: Path, force: bool) -> None:
    """Move files into place; InputError, with nothing written, for one that is there with other content."""
    paths = [path.relative_to(staging) for path in sorted(staging.rglob("*")) if path.is_file()]
    other = [path for path in paths if (directory / path).exists() and not _same(staging / path, directory / path)]
    if other and not force:
        more = f" and {len(other) - 1} more" if other[1:] else ""
        raise InputError(
            f"`to` must not hold other files of the same names; got {str(directory / other[0])!r}{more}, with other "
            "content. Name another directory, or write over them with --force."
        )
    for path in paths:
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(directory / path, (staging / path).read_bytes())


def _same(written: Path, there: Path) -> bool:
    return there.is_file() and there.read_bytes() == written.read_bytes()


def _write_all(
    studies: tuple[PlannedStudy, ...], results: list[StudyResult], archive: Archive, directory: Path, width: float
) -> None:
    entries = []
    for study, result in zip(studies, results, strict=True):
        of_study = directory / study.name
        figures = save_with_captions(study.study, result, of_study / "figures", FORMATS, width)
        entries.append(as_json(result, [path.relative_to(directory) for path in figures]))
        _write_json(of_study / "provenance.json", _write_cells(study, archive, of_study))
    _write_json(directory / "verdicts.json", {"studies": entries})
    write_atomically(directory / "verdicts.md", verdicts_markdown(results).encode())
    write_atomically(directory / "verdicts.csv", verdicts_csv(results).encode())


def _write_cells(planned: PlannedStudy, archive: Archive, directory: Path) -> dict[str, Any]:
    """Write every cell's arrays; how each came about."""
    (directory / "arrays").mkdir(parents=True, exist_ok=True)
    cells = []
    for cell in planned.cells:
        result = archive.read(cell)
        name = f"arrays/{_file_name(cell.label)}-{cell.key[:8]}.npz"
        write_atomically(directory / name, _npz(result))
        entry = {"label": cell.label, "file": name, "config": describe(cell.config), "provenance": result.provenance}
        cells.append(entry)
    return {"study": planned.name, "settings": describe(planned.study), "cells": cells}


def _npz(result: Result) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **result.arrays)  # pyright: ignore[reportArgumentType]
    return buffer.getvalue()


def _write_json(path: Path, document: Any) -> None:
    write_atomically(path, (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode())


def _file_name(label: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", label).strip("-")


def _run_command(words: list[str]) -> str:
    """The command that computes what this `export` looked for."""
    kept, rest = ["mesascope", "run"], iter(words[1:])
    for word in rest:
        if word in ("--to", "--width"):
            next(rest, None)
        elif not word.startswith(("--to=", "--width=")) and word != "--force":
            kept.append(word)
    return shlex.join(kept)
