"""The store of results: every cell is computed once, kept in a file of its own, and never half-written."""

from collections.abc import Callable
from pathlib import Path

from mesascope.arrays import UnusableFile
from mesascope.runs.address import Address
from mesascope.runs.archive import Archive, Result, name_of
from mesascope.runs.directory import DirectoryError, set_aside
from mesascope.runs.place import AbstractPlace
from mesascope.runs.provenance import Stopwatch, provenance
from mesascope.stopping import unbroken
from mesascope.study.cell import Arrays, PlacedCell, Report, Workspace, place_shared
from mesascope.validation import check_class


class Store:
    """Results are read where they exist, else computed and written.

    They lie in a folder, or on a server that "sftp://host/path" or "s3://bucket/prefix" names. Each is written once,
    whole, under a lock, so that processes may share the place. What a cell keeps while it runs lets a stopped one
    continue: key.partial, beside its result or, for a place that is not local, in a local folder. A file that is
    damaged or cannot be read is set aside under another name and told of through `say`, never used, written over or
    deleted. With `force`, finished cells run again. The provenance of a result whose cell was resumed says so, and
    times the last stint.

    Raises `DirectoryError` at once when the place cannot be made or written to, and later when its disk is full, it can
    no longer be reached, or such a file cannot be set aside.
    """

    def __init__(
        self,
        directory: Address | AbstractPlace,
        force: bool = False,
        say: Callable[[str], None] = lambda message: None,
    ):
        if not isinstance(directory, AbstractPlace):
            check_class("directory", directory, (str, Path), "Name one: `Store('runs')`.")
        self.archive, self.force, self.say = Archive(directory), force, say
        self.fresh: set[str] = set()  # what this store has computed, which is not to be forced again
        self.archive.place.check_writable()

    def __repr__(self) -> str:
        number = self.archive.num_results()
        return f"Store({str(self.archive.directory)!r}, {number} result{'s' * (number != 1)})"

    def partial(self, cell: PlacedCell) -> Path:
        """The file in which an unfinished cell keeps what it has."""
        return self.archive.place.scratch(_partial(cell))

    def get_or_run(self, cell: PlacedCell, report: Report) -> Arrays:
        """The stored result of a cell, or that of running it now, stored."""
        return self._get(cell, report, again=self.force and cell.key not in self.fresh)

    def run_again(self, cell: PlacedCell, report: Report) -> Arrays:
        """The result of running a cell now, stored, whatever was stored before."""
        return self._get(cell, report, again=True)

    def _get(self, cell: PlacedCell, report: Report, again: bool) -> Arrays:
        waited, place = [], self.archive.place

        def on_wait() -> None:
            waited.append(True)
            self.say(f"{cell.owner}, {cell.label}: another process is at it. Waiting for its result.")

        with place.computing(), place.lock(f"{cell.owner}/{cell.key}.lock", on_wait):
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
            self._set_aside(error, lambda: self.archive.place.set_aside(name_of(cell)))
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
                self._set_aside(error, lambda: set_aside(partial))
                arrays = cell.compute(workspace)
        told = {"resumed": resumed, "seeds": cell.seeds, "settings": cell.settings}
        result = Result(arrays, {**provenance(stopwatch), **told})
        with unbroken():
            self.archive.write(cell, result)
            self.archive.place.clear_scratch(_partial(cell))
        self.fresh.add(cell.key)

    def _set_aside(self, error: UnusableFile, rename: Callable[[], str]) -> None:
        try:
            aside = rename()
        except OSError as failure:
            raise DirectoryError(
                f"{error.path} {error.reason}, and cannot be set aside: {failure.strerror or failure}. Move it away, "
                "then give the same command again."
            ) from failure
        self.say(f"{error.path} {error.reason}. It is kept as {aside}, and what it was for is computed again.")


def _partial(cell: PlacedCell) -> str:
    return f"{cell.owner}/{cell.key}.partial"
