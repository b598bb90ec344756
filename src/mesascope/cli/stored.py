"""Reading what is stored of studies: their verdicts, and the presets at which all of it is there."""

from collections.abc import Sequence

from mesascope.cli.running import judge
from mesascope.runs.archive import Archive
from mesascope.study.base import AbstractStudy
from mesascope.study.claim import PRESETS
from mesascope.study.result import StudyResult
from mesascope.sweep.plan import PlannedStudy


def judged(planned: PlannedStudy, archive: Archive) -> StudyResult:
    """The verdicts on what is stored; their seconds are those that computing it took.

    Raises `MissingResult` where something is not there.
    """
    results = [archive.get_or_run(cell, lambda *_: None) for cell in planned.cells]
    seconds = sum(archive.read(cell).provenance["seconds"] for cell in planned.cells)
    return judge(planned, results, seconds, archive)


def stored_presets(kinds: Sequence[type[AbstractStudy]], archive: Archive) -> list[str]:
    """The presets at which every cell of all these studies is stored."""
    common = [name for name in PRESETS if all(name in kind.presets for kind in kinds)]
    cells = {name: [cell for kind in kinds for cell in kind.preset(name).placed()] for name in common}
    return [name for name in common if all(archive.holds(cell) for cell in cells[name])]
