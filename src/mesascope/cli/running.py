"""`run` and `reproduce`: run studies with progress, judge, draw, and say where everything lies."""

import contextlib
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from mesascope.cli.arguments import Running
from mesascope.cli.console import messages, output, print_json
from mesascope.cli.errors import InputError, Interrupted
from mesascope.cli.parsing import Request
from mesascope.cli.progress import Display
from mesascope.configuration import describe, fingerprint
from mesascope.extras import ExtraError
from mesascope.report.tables import tally, verdict_table
from mesascope.runs.directory import DirectoryError, writing
from mesascope.runs.store import Store
from mesascope.study.base import AbstractStudy, Arrays, Cell, Report
from mesascope.study.result import StudyResult


class WatchedStore:
    """A store whose cells are shown as they run, and that knows what is kept when it is stopped."""

    def __init__(self, store: Store, display: Display):
        self.store, self.display = store, display
        self.num_finished, self.running = 0, ""

    def get_or_run(self, study: AbstractStudy, cell: Cell, report: Report) -> Arrays:
        """The result of a cell, shown."""
        partial = self.store.partial(study, cell)
        try:
            with self.display.cell(f"{study.name()}: {cell.label}") as shown:
                arrays = self.store.get_or_run(study, cell, shown)
        except KeyboardInterrupt:
            self.running = cell.label if partial.exists() else ""
            raise
        self.num_finished += 1
        return arrays

    def kept(self) -> str:
        """What is kept, in a sentence."""
        unfinished = f", and {self.running!r} up to its last checkpoint" if self.running else ""
        finished = "1 finished cell is" if self.num_finished == 1 else f"{self.num_finished} finished cells are"
        return f"{finished} kept in {self.store.archive.directory}{unfinished}."


class Outcomes(NamedTuple):
    """Studies that ran, each with its figures, and by name why others could not."""

    done: list[tuple[StudyResult, list[Path]]]
    not_run: dict[str, str]


def run(request: Request) -> int:
    """Run the request's studies; 0 when all their claims are reproduced, else 1.

    Studies whose extra is not installed are left out, and told of when the others are done, by an `InputError`.
    """
    from mesascope.training.runtime import set_up_runtime

    set_up_runtime()
    command: Running = request.command
    started = time.perf_counter()
    try:
        done, not_run = _run_all(request.studies, command)
    except DirectoryError as error:
        raise InputError(str(error)) from error
    results = [result for result, _ in done]
    if results and command.json:
        print_json({"studies": [as_json(result, figures) for result, figures in done], "not_run": not_run})
    elif results and not command.quiet:
        print(f"{tally(results)}, {time.perf_counter() - started:.1f} s.")
    if not_run:
        raise InputError("\n".join(f"{name} was not run: it {reason}" for name, reason in not_run.items()))
    return 0 if all(result.reproduced for result in results) else 1


def _run_all(studies: tuple[AbstractStudy, ...], command: Running) -> Outcomes:
    outcomes = Outcomes([], {})
    display = Display(messages(), command.quiet)
    store = WatchedStore(Store(command.runs, command.force, display.say), display)
    check_cells(studies)
    try:
        with contextlib.redirect_stdout(sys.stderr) if command.json else contextlib.nullcontext():
            for study in studies:
                try:
                    outcomes.done.append(_run_one(study, store, command))
                except ExtraError as error:
                    outcomes.not_run[study.name()] = str(error)
            return outcomes
    except KeyboardInterrupt:
        again = "runs finished cells again, as --force says" if command.force else "continues"
        raise Interrupted(f"stopped. {store.kept()} The same command {again}.") from None


def check_cells(studies: tuple[AbstractStudy, ...]) -> None:
    """Lay out every study's cells before anything runs, so that impossible settings are told at once."""
    try:
        for study in studies:
            for cell in study.cells():
                cell.key(study.name())
    except ValueError as error:
        raise InputError(str(error)) from error


def as_json(result: StudyResult, figures: list[Path]) -> dict[str, Any]:
    """A result's JSON with the figures written."""
    return {**result.to_json(), "figures": [str(path) for path in figures]}


def figure_directory(runs: Path, study: AbstractStudy) -> Path:
    """Where a study's figures lie; settings that are no preset have a directory of their own."""
    name = study.preset_name
    tag = f"custom-{fingerprint(describe(study))[:8]}" if name == "custom" else name
    return runs / study.name() / f"figures-{tag}"


def _run_one(study: AbstractStudy, store: WatchedStore, command: Running) -> tuple[StudyResult, list[Path]]:
    with store.display:
        result = study.run(store)
    if command.quiet and not command.json:
        print(f"{study.name()}: {tally([result])}")
    elif not command.json:
        console = output()
        console.print(verdict_table(result))
        for note in result.notes:
            console.print(note, markup=False)
    directory = figure_directory(command.runs, study)
    with writing("runs", directory):
        from mesascope.report.figures import save_figures

        figures = save_figures(result, directory)
    if not (command.quiet or command.json):
        print(f"\nFigures: {directory}\n")
    return result, figures
