"""What nothing refers to any more, and removing it."""

import time
from collections.abc import Set
from typing import NamedTuple

from mesascope.runs.archive import is_result
from mesascope.runs.catalogue import UNFINISHED, Finding, being_written, key_of, left_over
from mesascope.runs.place import AbstractPlace, File

UNUSED = "no preset of this version and no settings of your own use it"
UNKNOWN = "of a study that this version does not know"


class Unused(NamedTuple):
    """What may be removed, and results that are kept since their study is not known here."""

    removable: list[Finding]
    kept: list[Finding]


def unused(place: AbstractPlace, used: Set[str], owners: Set[str]) -> Unused:
    """Results and leftovers without a use: `used` names the files that something refers to, `owners` known studies.

    Kept is what a living process writes, what an unfinished cell of a used result kept, and all of a study that is not
    known, with what is shared if there is such a study: it may need that.
    """
    files = {file.name: file for file in place.files()}
    found = Unused([], [])
    for each in left_over(place, files.values()):
        if each.what != UNFINISHED or (_result_of(each.file) not in used and _owner(each.file) in owners):
            found.removable.append(each)
    idle = [
        file
        for file in files.values()
        if is_result(file.name) and file.name not in used and not being_written(place, file.name, files)
    ]
    known = owners - ({"shared"} if any(_owner(file) not in owners for file in idle) else set())
    for file in idle:
        known_here = _owner(file) in known
        (found.removable if known_here else found.kept).append(Finding(file, UNUSED if known_here else _why_kept(file)))
    return found


def remove(place: AbstractPlace, findings: list[Finding]) -> list[Finding]:
    """Remove files, unless a process has begun to write one since; those that are gone."""
    gone = []
    for each in findings:
        locks = {file.name: file for file in [_lock_of(each.file)] if place.exists(file.name)}
        if not being_written(place, each.file.name, locks) and place.remove(each.file):
            gone.append(each)
    return gone


def _owner(file: File) -> str:
    return file.name.partition("/")[0]


def _why_kept(file: File) -> str:
    return "shared, and may be of use to such a study" if _owner(file) == "shared" else UNKNOWN


def _result_of(file: File) -> str:
    return f"{file.name.rpartition('/')[0]}/{key_of(file.name)}.safetensors"


def _lock_of(file: File) -> File:
    return File(f"{file.name.rpartition('/')[0]}/{key_of(file.name)}.lock", 0, time.time())
