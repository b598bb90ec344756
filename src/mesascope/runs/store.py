"""The store of results: every cell is computed once, kept in a file of its own, and never half-written."""

import os
from collections.abc import Callable
from pathlib import Path

from mesascope.arrays import UnusableFile
from mesascope.runs.archive import Archive, Result
from mesascope.runs.directory import DirectoryError, check_writable, writing
from mesascope.runs.lock import exclusive
from mesascope.runs.provenance import Stopwatch, provenance
from mesascope.stopping import unbroken
from mesascope.study.cell import Arrays, PlacedCell, Report, Workspace, place_shared
from mesascope.validation import check_class


class Store:
    """Results are read where they exist, else computed and written.

    Each is written once, whole, under a lock, so that processes may share the directory. What a cell keeps while it
    runs, key.partial beside its result, lets a stopped one continue. A file that is damaged or cannot be read is set
    aside under another name and told of through `say`, never used, written over or deleted. With `force`, finished
    cells run again. The provenance of a result whose cell was resumed says so, and times the last stint.

    Raises `DirectoryError` at once when the directory cannot be made or written to, and later when its disk is full or
    such a file cannot be set aside.
    """

    def __init__(self, directory: Path | str, force: bool = False, say: Callable[[str], None] = lambda message: None):
        check_class("directory", directory, (str, Path), "Name one: `Store('runs')`.")
        self.archive, self.force, self.say = Archive(directory), force, say
        self.fresh: set[Path] = set()  # what this store has computed, which is not to be forced again
        check_writable("runs", self.archive.directory)

    def __repr__(self) -> str:
        number = self.archive.num_results()
        return f"Store({str(self.archive.directory)!r}, {number} result{'s' * (number != 1)})"

    def partial(self, cell: PlacedCell) -> Path:
        """The file in which an unfinished cell keeps what it has."""
        return self.archive.path(cell).with_suffix(".partial")

    def get_or_run(self, cell: PlacedCell, report: Report) -> Arrays:
        """The stored result of a cell, or that of running it now, stored."""
        return self._get(cell, report, again=self.force and self.archive.path(cell) not in self.fresh)

    def run_again(self, cell: PlacedCell, report: Report) -> Arrays:
        """The result of running a cell now, stored, whatever was stored before."""
        return self._get(cell, report, again=True)

    def _get(self, cell: PlacedCell, report: Report, again: bool) -> Arrays:
        path, waited = self.archive.path(cell), []

        def on_wait() -> None:
            waited.append(True)
            self.say(f"{cell.owner}, {cell.label}: another process is at it. Waiting for its result.")

        with writing("runs", self.archive.directory):
            path.parent.mkdir(exist_ok=True)
            with exclusive(path.with_suffix(".lock"), on_wait):
                arrays = self._stored(cell)
                if arrays is not None and (waited or not again):
                    report(1, 1, "stored")
                    return arrays
                self._run(cell, report)
                return self.archive.read(cell).arrays

    def _stored(self, cell: PlacedCell) -> Arrays | None:
        try:
            return self.archive.read(cell).arrays
        except FileNotFoundError:
            return None
        except UnusableFile as error:
            self._set_aside(error)
            return None

    def _run(self, cell: PlacedCell, report: Report) -> None:
        partial = self.partial(cell)
        workspace, resumed = (
            Workspace(partial, report, lambda shared: self.get_or_run(place_shared(shared), report)),
            partial.exists(),
        )
        with Stopwatch() as stopwatch:
            try:
                arrays = cell.compute(workspace)
            except UnusableFile as error:
                if error.path != partial:
                    raise
                self._set_aside(error)
                arrays = cell.compute(workspace)
        told = {"resumed": resumed, "seeds": cell.seeds, "settings": cell.settings}
        result = Result(arrays, {**provenance(stopwatch), **told})
        with unbroken():
            self.archive.write(cell, result)
            partial.unlink(missing_ok=True)
        self.fresh.add(self.archive.path(cell))

    def _set_aside(self, error: UnusableFile) -> None:
        path, number = error.path, 1
        while os.path.lexists(aside := path.with_name(f"{path.name}.damaged-{number}")):
            number += 1
        try:
            path.rename(aside)
        except OSError as failure:
            raise DirectoryError(
                f"{path} {error.reason}, and cannot be set aside: {failure.strerror}. Move it away, then give the same "
                "command again."
            ) from failure
        self.say(f"{path} {error.reason}. It is kept as {aside.name}, and what it was for is computed again.")
