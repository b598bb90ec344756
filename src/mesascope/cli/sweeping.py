"""`sweep`: many settings of one study, planned, run, put into one table and drawn."""

import contextlib
import io
import math
import sys
import time
from pathlib import Path
from typing import Any

from rich.text import Text

from mesascope.arrays import UnusableFile
from mesascope.cli.arguments import Sweep
from mesascope.cli.console import messages, output, print_json
from mesascope.cli.engines import engine
from mesascope.cli.errors import InputError, reason
from mesascope.cli.figures import width_in_cm
from mesascope.cli.progress import Display
from mesascope.cli.running import farewell_of
from mesascope.cli.stopped import farewell
from mesascope.cli.sweeps import Opened, opened
from mesascope.extras import ExtraError
from mesascope.files import write_atomically
from mesascope.report.sweeps import Row, SweepResult, as_json, as_text, points_table
from mesascope.runs.directory import DirectoryError
from mesascope.runs.store import Store
from mesascope.studies import seconds_of_cells
from mesascope.study.claim import Outcome
from mesascope.sweep.cluster import SchedulerLost
from mesascope.sweep.forecast import Forecast, Seconds, forecast, seconds_from
from mesascope.sweep.grid import in_words
from mesascope.sweep.outlook import in_words as time_in_words
from mesascope.sweep.plan import UNKNOWN_SECONDS
from mesascope.sweep.run import Done

FIGURES, TABLES = (".pdf", ".svg", ".png"), (".csv", ".json")


def sweep(command: Sweep) -> int:
    """Carry the command out; 0 where every point is there, 1 where one failed or has numbers that are not finite."""
    from mesascope.training.runtime import set_up_runtime

    if command.list:
        from mesascope.cli.listing import print_sweeps

        return print_sweeps(command.json)
    set_up_runtime()
    try:
        check_targets(command)
        found = opened(command)
        return _carry_out(found, command)
    except (DirectoryError, UnusableFile, SchedulerLost, ValueError) as error:
        raise InputError(str(error)) from error
    except ExtraError as error:
        raise InputError(f"this command {error}.") from error


def check_targets(command: Sweep) -> None:
    """Raise ValueError, before anything runs, where a file cannot be written."""
    for name, endings in (("to", TABLES), ("figure", FIGURES)):
        path: Path | None = getattr(command, name)
        if path is not None and path.suffix not in endings:
            raise ValueError(f"`--{name}` must end in {' or '.join(endings)}; got {str(path)!r}.")
        if path is not None and not path.absolute().parent.is_dir():
            raise ValueError(f"`--{name}` must lie in a folder that is there; got {str(path)!r}.")
    width_in_cm(command.width)


def _carry_out(found: Opened, command: Sweep) -> int:
    console = messages()
    display = Display(console, command.quiet, len(found.points), "points")
    store = Store(command.runs, command.force, display.say)
    planned = [point.planned for point in found.points]
    if command.figure is not None:
        from mesascope.report.sweep_figures import check_drawable

        check_drawable(found.axes)
    seconds = seconds_from(store, [*planned, *found.others], seconds_of_cells())
    coming = forecast(planned, store, seconds)
    if command.dry_run and command.json:
        print_json({"sweep": found.name, "workers": command.workers, **coming._asdict()})
    elif command.dry_run or not command.quiet:
        (output() if command.dry_run else console).print(Text(_plan_in_words(found, coming, command)), soft_wrap=True)
    if command.dry_run:
        return 0
    started = time.perf_counter()
    result = SweepResult(found.name, found.axes, _rows(found, store, display, seconds, command))
    _tell(found, result, command, time.perf_counter() - started)
    _write(found, result, command)
    return 1 if _failed(result) else 0


def _plan_in_words(found: Opened, coming: Forecast, command: Sweep) -> str:
    grid = ", ".join(f"{len(values)} of {name}" for name, values in found.axes.items()) or "no grid"
    lines = [f"{found.name}: {_counted(coming.num_points, 'point')} ({grid})."]
    lines.append(
        f"{_counted(coming.num_cells, 'cell')}: {coming.num_stored} stored in {command.runs}, "
        f"{coming.num_missing} to compute."
    )
    if coming.num_trainings:
        programs = _counted(coming.num_programs, "compiled program")
        lines.append(f"Of these, {_counted(coming.num_trainings, 'training')} by {programs}.")
    if coming.num_missing:
        cluster = command.scheduler or command.scheduler_file
        workers = f"with {_counted(command.workers, 'worker')}" if not cluster else "of one worker"
        lasts = time_in_words(coming.seconds if cluster else coming.seconds_with(command.workers))
        lines.append(f"Estimated time {workers}: {lasts}, from what such cells took before.")
        if unknown := coming.num_missing - coming.num_known:
            lines.append(f"No time is known of {_counted(unknown, 'cell')}: {UNKNOWN_SECONDS:g} s are taken for each.")
    return "\n".join(lines)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _rows(found: Opened, store: Store, display: Display, seconds: Seconds, command: Sweep) -> list[Row]:
    """The rows of all points, in the order of the grid, from their results as they come."""
    store.archive.place.remove_leftovers()
    planned = tuple(point.planned for point in found.points)
    rows: dict[str, list[Row]] = {}
    with (
        contextlib.redirect_stdout(sys.stderr) if command.json else contextlib.nullcontext(),
        farewell(farewell_of(planned, store, display)),
        engine(planned, store, display, command, seconds=seconds, keep_going=True) as (_, finished),
        display,
    ):
        for done in finished:
            rows[done.planned.point] = _rows_of(found, done, display)
            display.study_done()
    return [row for point in found.points for row in rows[point.planned.point]]


def _rows_of(found: Opened, done: Done, display: Display) -> list[Row]:
    settings = next(dict(point.settings) for point in found.points if point.planned is done.planned)
    error = done.error
    if error is None:
        try:
            return found.rows(settings, done)
        except InputError:
            raise
        except Exception as failure:  # one point cannot be judged: the others can
            error = failure
    told = reason(error) or f"{type(error).__name__}: {error}"
    display.say(f"{done.planned.name} at {in_words(settings)} failed: {told}")
    return [Row(settings, {"error": told})]


def _failed(result: SweepResult) -> list[str]:
    """The points without results, or with claims about numbers that are not finite, in words."""
    return [in_words(point.settings) for point in result.points() if point.error or any(map(_diverged, point.told))]


def _diverged(told: dict[str, Any]) -> bool:
    """Whether a claim is not reproduced for want of a finite number, as after a training that diverged."""
    return told.get("verdict") == Outcome.NOT_REPRODUCED and not math.isfinite(told["measured"])


def _tell(found: Opened, result: SweepResult, command: Sweep, seconds: float) -> None:
    failed = _failed(result)
    if command.json:
        print_json({**as_json(result), "failed": failed})
        return
    if not command.quiet:
        output().print(points_table(result, found.shown))
    points = _counted(len(found.points), "point")
    print(f"{points}, {len(failed)} failed or diverged, {seconds:.1f} s." if failed else f"{points}, {seconds:.1f} s.")
    for name in failed[:10]:
        print(f"Failed or diverged: {name}.")


def _write(found: Opened, result: SweepResult, command: Sweep) -> None:
    try:
        if command.to is not None:
            write_atomically(command.to, as_text(result, command.to.name).encode())
        if command.figure is not None:
            write_atomically(command.figure, _picture(found, result, command))
    except OSError as error:
        raise InputError(f"the result cannot be written: {error}. Name another file.") from error


def _picture(found: Opened, result: SweepResult, command: Sweep) -> bytes:
    from mesascope.report.sweep_figures import sweep_figure

    assert command.figure is not None
    buffer = io.BytesIO()
    figure = sweep_figure(result, found.shown, found.bounds, width_in_cm(command.width))
    figure.savefig(buffer, format=command.figure.suffix[1:])
    return buffer.getvalue()
