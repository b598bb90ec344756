"""What a place of results holds: each result with what its header says, and what is left over of work that ended."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, NamedTuple

from mesascope.arrays import read_header
from mesascope.files import LEFTOVERS
from mesascope.runs.archive import is_provenance, is_result
from mesascope.runs.directory import DirectoryError
from mesascope.runs.place import AbstractPlace, File

TEMPORARY = "a temporary file whose writer is gone"
LOCK = "a lock whose holder is gone"
UNFINISHED = "what an unfinished cell kept, which no process is at"
SET_ASIDE = "a damaged file that was set aside"


class Entry(NamedTuple):
    """A result: its file and its header, whose label, configuration and provenance are read without its arrays."""

    file: File
    header: dict[str, Any]

    @property
    def owner(self) -> str:
        """The study's name, or "shared"."""
        return self.file.name.partition("/")[0]

    @property
    def key(self) -> str:
        """The hash that the file is named by."""
        return key_of(self.file.name)

    @property
    def provenance(self) -> dict[str, Any]:
        """How it came about."""
        return self.header["provenance"]


class Finding(NamedTuple):
    """A file and what is to be said of it."""

    file: File
    what: str


class Catalogue(NamedTuple):
    """All results whose header can be read, by study and time, and the files where it cannot."""

    entries: list[Entry]
    unreadable: list[Finding]


def key_of(name: str) -> str:
    """The part of a file's name that is a key, whatever follows it."""
    return name.rpartition("/")[2].partition(".")[0]


def has_key(name: str) -> bool:
    """Whether a file is named by a key, as all that belongs to a cell is."""
    return re.fullmatch("[0-9a-f]{64}", key_of(name)) is not None


def catalogue(place: AbstractPlace) -> Catalogue:
    """The results of a place; of each file only the header is read."""
    found = Catalogue([], [])
    for file in place.files():
        if not is_result(file.name):
            continue
        try:
            header, _ = read_header(partial(place.read, file.name)) if file.size else (None, False)
            if not isinstance(header, dict) or not is_provenance(header.get("provenance")):
                raise ValueError("it does not say how it came about")
            found.entries.append(Entry(file, header))
        except DirectoryError:
            raise
        except (ValueError, OSError) as error:
            found.unreadable.append(Finding(file, str(error)))
    found.entries.sort(key=lambda entry: (entry.owner, str(entry.provenance.get("finished")), entry.key))
    return found


def left_over(place: AbstractPlace, files: Iterable[File]) -> list[Finding]:
    """Of a place's files those that no result is and that no living process uses."""
    named = {file.name: file for file in files}
    return [Finding(file, what) for file in named.values() if (what := _left_over(place, file, named))]


def being_written(place: AbstractPlace, name: str, files: dict[str, File]) -> bool:
    """Whether a living process holds the lock of the cell that a file belongs to."""
    lock = files.get(f"{name.rpartition('/')[0]}/{key_of(name)}.lock")
    return lock is not None and place.in_use(lock)


def _left_over(place: AbstractPlace, file: File, files: dict[str, File]) -> str:
    base = file.name.rpartition("/")[2]
    if fnmatchcase(base, LEFTOVERS):
        return "" if place.in_use(file) else TEMPORARY
    if not has_key(file.name):
        return ""
    if base.endswith(".lock"):
        return "" if place.in_use(file) else LOCK
    if base.endswith(".partial"):
        return "" if being_written(place, file.name, files) else UNFINISHED
    return SET_ASIDE if re.search(r"\.damaged-\d+$", base) else ""
