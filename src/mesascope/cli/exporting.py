"""`export`: stored results as figures, tables, arrays and provenance, for a paper or a page."""

import dataclasses
import io
import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np

from mesascope.cli.arguments import Export
from mesascope.cli.errors import InputError
from mesascope.cli.parsing import Request
from mesascope.cli.running import as_json, check_cells
from mesascope.configuration import describe
from mesascope.files import write_atomically
from mesascope.report.figures import save_figures
from mesascope.report.tables import verdicts_csv, verdicts_markdown
from mesascope.runs.archive import Archive, MissingResult, Result
from mesascope.runs.directory import DirectoryError, check_writable, writing
from mesascope.study.base import AbstractStudy
from mesascope.study.result import StudyResult


def export(request: Request) -> int:
    """Write everything stored about the request's studies; 0. Raises `InputError` when a result is not there."""
    command: Export = request.command
    check_cells(request.studies)
    archive = Archive(command.runs)
    try:
        results = [_judge(study, archive) for study in request.studies]
    except MissingResult as error:
        raise InputError(f"{error} This computes it: {_run_command(request.words)}") from error
    try:
        check_writable("to", command.to)
        with writing("to", command.to):
            _write_all(results, archive, command.to)
    except DirectoryError as error:
        raise InputError(str(error)) from error
    print(f"Written: {command.to}")
    return 0


def _judge(study: AbstractStudy, archive: Archive) -> StudyResult:
    """The verdicts on what is stored; their seconds are those that computing it took."""
    result = study.run(archive)
    seconds = sum(archive.read(study, cell).provenance["seconds"] for cell in study.cells())
    return dataclasses.replace(result, seconds=seconds)


def _write_all(results: list[StudyResult], archive: Archive, directory: Path) -> None:
    entries = []
    for result in results:
        of_study = directory / result.study.name()
        figures = save_figures(result, of_study / "figures")
        entries.append(as_json(result, [path.relative_to(directory) for path in figures]))
        _write_json(of_study / "provenance.json", _write_cells(result.study, archive, of_study))
    _write_json(directory / "verdicts.json", {"studies": entries})
    write_atomically(directory / "verdicts.md", verdicts_markdown(results).encode())
    write_atomically(directory / "verdicts.csv", verdicts_csv(results).encode())


def _write_cells(study: AbstractStudy, archive: Archive, directory: Path) -> dict[str, Any]:
    """Write every cell's arrays; how each came about."""
    (directory / "arrays").mkdir(parents=True, exist_ok=True)
    cells = []
    for cell in study.cells():
        result = archive.read(study, cell)
        name = f"arrays/{_file_name(cell.label)}-{cell.key(study.name())[:8]}.npz"
        write_atomically(directory / name, _npz(result))
        entry = {"label": cell.label, "file": name, "config": describe(cell.config), "provenance": result.provenance}
        cells.append(entry)
    return {"study": study.name(), "settings": describe(study), "cells": cells}


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
        if word == "--to":
            next(rest, None)
        elif not word.startswith("--to="):
            kept.append(word)
    return shlex.join(kept)
