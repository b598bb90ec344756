"""`report --compare A B`: the claims that moved between two directories of results, in the terminal and as a page."""

from pathlib import Path
from typing import NamedTuple

from mesascope.cli.arguments import Report
from mesascope.cli.console import output
from mesascope.cli.errors import InputError
from mesascope.cli.reporting import is_missing, studies_of, target_of, write_page
from mesascope.cli.running import planned
from mesascope.cli.stored import judged
from mesascope.report.moved import compare as what_moved
from mesascope.report.moved import moves_table
from mesascope.report.page.moved import Side, sections
from mesascope.runs.address import Address
from mesascope.runs.any_version import AnyVersion
from mesascope.runs.archive import MissingResult
from mesascope.study.result import StudyResult
from mesascope.sweep.plan import PlannedStudy


class _Stored(NamedTuple):
    """The results in a directory, and what there is to say of it."""

    results: dict[str, StudyResult]
    side: Side


def compare(command: Report) -> int:
    """Print and write what moved; 0, whatever moved. InputError for a directory without results."""
    if len(command.compare) != 2:
        raise InputError(f"`--compare` must name two directories of results; got {len(command.compare)}. Name two.")
    for directory in command.compare:
        if is_missing(directory):
            raise InputError(
                f"`--compare` must name two directories of results; got {str(directory)!r}. Name another one."
            )
    target = target_of(command, Path("comparison.html"))
    studies = planned(studies_of(command))
    first, second = (_read(directory, studies) for directory in command.compare)
    for directory, stored in zip(command.compare, (first, second), strict=True):
        if not stored.results:
            raise InputError(
                f"`--compare` must name directories with results at preset {command.preset}; got {str(directory)!r}, "
                "which has none of these studies. Name another one, or another preset with --preset."
            )
    found = what_moved(first.results, second.results)
    if found.moves:
        output().print(moves_table(found, (first.side.name, second.side.name)))
    print(found.sentence)
    for stored, names in ((first, found.only_first), (second, found.only_second)):
        if names:
            print(f"Only in {stored.side.name}: {', '.join(names)}.")
    sides = (first.side, second.side)
    write_page(command, target, f"What moved: preset {command.preset}", found.sentence, sections(found, sides))
    return 0


def _read(directory: Address, studies: tuple[PlannedStudy, ...]) -> _Stored:
    """What a directory holds of studies, whichever version wrote it, judged by this version's criteria."""
    archive, results, cells, missing = AnyVersion(directory), {}, [], {}
    for study in studies:
        try:
            results[study.name] = judged(study, archive)
            cells += [(cell.label, archive.read(cell).provenance) for cell in study.cells]
        except MissingResult:
            missing[study.name] = "Not stored."
        except Exception as error:  # what another version stored may lack what this one judges
            missing[study.name] = f"This version cannot judge it ({type(error).__name__}: {error})."
    return _Stored(results, Side(str(directory), cells, missing))
