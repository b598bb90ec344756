"""`run` and `reproduce`: run studies with progress, judge, draw, and say where everything lies."""

import contextlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from rich.text import Text

from mesascope.arrays import UnusableFile
from mesascope.cli.arguments import Reproduce, Running
from mesascope.cli.console import messages, output, print_json
from mesascope.cli.engines import engine
from mesascope.cli.errors import InputError
from mesascope.cli.figures import Drawing, digest_of, figure_directory, figure_root
from mesascope.cli.parsing import Request
from mesascope.cli.progress import Display
from mesascope.cli.stopped import farewell
from mesascope.extras import ExtraError
from mesascope.report.drawn import drawn
from mesascope.report.tables import numbers_table, studies_table, tallies, tally, verdict_table
from mesascope.runs.archive import Archive
from mesascope.runs.directory import DirectoryError
from mesascope.runs.store import Store
from mesascope.study.cell import Arrays
from mesascope.study.claim import Outcome
from mesascope.study.result import StudyResult
from mesascope.sweep.cluster import SchedulerLost
from mesascope.sweep.plan import PlannedStudy, plan, with_shared
from mesascope.sweep.pool import Job, Pool
from mesascope.sweep.run import Done


class Shown(NamedTuple):
    """A study that ran, where its figures lie, and what they are drawn from, as a digest."""

    result: StudyResult
    directory: Path
    digest: str

    def figures(self) -> list[Path]:
        """Those drawn by now."""
        return list(drawn(self.directory, self.digest) or ())


class Outcomes(NamedTuple):
    """Studies that ran, and by name why others could not."""

    done: list[Shown]
    not_run: dict[str, str]


def run(request: Request) -> int:
    """Run the request's studies; 0 when all their claims that this size decides are reproduced, else 1.

    Studies whose extra is not installed are left out, and told of when the others are done, by an `InputError`.
    """
    from mesascope.training.runtime import set_up_runtime

    set_up_runtime()
    command: Running = request.command
    started = time.perf_counter()
    try:
        done, not_run = _run_all(planned(request.studies), command)
    except (DirectoryError, UnusableFile, SchedulerLost) as error:
        raise InputError(str(error)) from error
    except ExtraError as error:
        raise InputError(f"this command {error}.") from error
    if done and command.json:
        print_json({"studies": [as_json(shown.result, shown.figures()) for shown in done], "not_run": not_run})
    elif done and not command.quiet:
        _print_end(done, command, time.perf_counter() - started)
    if not_run:
        raise InputError("\n".join(f"{name} was not run: it {reason}" for name, reason in not_run.items()))
    return 0 if all(shown.result.reproduced for shown in done) else 1


def planned(studies: tuple[Any, ...]) -> tuple[PlannedStudy, ...]:
    """Every study's cells, laid out before anything runs, so that impossible settings are told at once."""
    try:
        return plan(studies)
    except ValueError as error:
        raise InputError(str(error)) from error


def judge(planned: PlannedStudy, results: list[Arrays], seconds: float, archive: Archive) -> StudyResult:
    """The verdicts on stored arrays; InputError where that fails and a file may lack what its cell gave."""
    try:
        return planned.study.result(results, seconds)
    except Exception as error:
        doubtful = ", ".join(map(str, archive.unlisted(planned.cells)))
        if not doubtful:
            raise
        raise InputError(
            f"{planned.name} cannot be judged ({type(error).__name__}: {error}), and these files do not say which "
            f"arrays they should hold: {doubtful}. Move them away, then run it again."
        ) from error


def as_json(result: StudyResult, figures: list[Path]) -> dict[str, Any]:
    """A result's JSON with the figures written."""
    return {**result.to_json(), "figures": [str(path) for path in figures]}


def _run_all(studies: tuple[PlannedStudy, ...], command: Running) -> Outcomes:
    display = Display(messages(), command.quiet, len(studies))
    store = Store(command.runs, command.force, display.say)
    store.archive.place.remove_leftovers()
    outcomes = Outcomes([], {})
    with (
        contextlib.redirect_stdout(sys.stderr) if command.json else contextlib.nullcontext(),
        farewell(farewell_of(studies, store, display)),
        engine(studies, store, display, command) as (pool, finished),
        display,
    ):
        for done in finished:
            if done.error:
                outcomes.not_run[done.planned.name] = str(done.error)
            else:
                outcomes.done.append(_show(done, command, pool))
            display.study_done()
    return outcomes


def _show(done: Done, command: Running, pool: Pool | None) -> Shown:
    """Judge a study and print its verdicts; draw its figures, here or in the pool, unless they are drawn already."""
    study = done.planned.study
    result = judge(done.planned, done.results, done.seconds, Archive(command.runs))
    _print_verdicts(result, command)
    directory = figure_directory(command.runs, study)
    digest = digest_of(study, done.results)
    if drawn(directory, digest) is None:
        work = Drawing(study, done.planned.cells, command.runs, directory, digest)
        if pool is None:
            work()
        else:
            pool.add(Job(f"figures of {done.planned.name}", f"{done.planned.name}: figures", work))
    return Shown(result, directory, digest)


def _print_verdicts(result: StudyResult, command: Running) -> None:
    if command.quiet and not command.json:
        print(f"{result.study}: {tally([result])}")
    elif not command.json:
        console = output()
        console.print(verdict_table(result))
        if not isinstance(command, Reproduce):
            console.print(numbers_table(result))
        for note in result.notes:
            console.print(note, markup=False)


def _print_end(done: list[Shown], command: Running, seconds: float) -> None:
    """One table of all studies, and what to do next."""
    console, results = output(), [shown.result for shown in done]
    wide = console.width >= 100
    where = [str(shown.directory) if wide else shown.directory.name for shown in done]
    if isinstance(command, Reproduce):
        console.print(studies_table(results, where))
    if isinstance(command, Reproduce) and not wide:
        console.print(Text(f"Figures lie in {figure_root(command.runs)}/STUDY/."), soft_wrap=True)
    elif not isinstance(command, Reproduce):
        for shown in done:
            console.print(Text(f"Figures: {shown.directory}"), soft_wrap=True)
    for kind, found in tallies(results).items():
        print(f"{kind[0].upper()}{kind[1:]}: {found}.")
    print(f"In all: {tally(results)}, {seconds:.1f} s.")
    if isinstance(command, Reproduce):
        print(f"Next: `mesascope show {results[0].study}` explains a study and its claims.")
        if any(verdict.outcome is Outcome.NOT_DECIDED for result in results for verdict in result.verdicts):
            print("`mesascope run STUDY --preset paper` decides what this size does not.")


def farewell_of(studies: tuple[PlannedStudy, ...], store: Store, display: Display) -> Callable[[], str]:
    """What gives the sentence of a stop: what is kept, and what the same command does."""
    cells = [cell for cell, _ in with_shared(cell for study in studies for cell in study.cells)]
    again = "runs finished cells again, as --force says" if store.force else "continues"

    def text() -> str:
        where = store.archive.directory
        if not isinstance(where, Path):  # which may not answer in time
            kept = f"finished cells are kept in {where}; the same command {again}."
            return f"{display.after_bars}mesascope: stopped; {kept}\n"
        number = sum(map(store.archive.holds, cells))
        running = [repr(cell.label) for cell in cells if os.path.exists(store.partial(cell))]
        finished = "1 finished cell is" if number == 1 else f"{number} finished cells are"
        unfinished = f", and {' and '.join(running)} up to the last checkpoint" if running else ""
        kept = f"{finished} kept in {where}{unfinished}; the same command {again}."
        return f"{display.after_bars}mesascope: stopped; {kept}\n"

    return text
