"""`runs export`: the numbers of all studies whose cells are stored, judged, as one table in Parquet."""

from collections.abc import Set

from mesascope.cli.console import print_json
from mesascope.cli.errors import InputError
from mesascope.cli.running import judge
from mesascope.cli.runs_arguments import ExportRuns
from mesascope.cli.runs_settings import settled
from mesascope.extras import ExtraError
from mesascope.files import write_atomically
from mesascope.report.rows import Judged, parquet
from mesascope.runs.archive import Archive, MissingResult, name_of
from mesascope.runs.catalogue import Catalogue, catalogue
from mesascope.runs.directory import check_writable, writing
from mesascope.runs.place import place_of
from mesascope.spelling import did_you_mean
from mesascope.studies import study_names
from mesascope.sweep.plan import PlannedStudy, plan


def export(command: ExportRuns) -> int:
    """Judge what is stored and write the table; 0. InputError where nothing is whole, or the file is there."""
    _check(command)
    archive = Archive(place_of(command.runs))
    found = catalogue(archive.place)
    judged, left_out = _judged(archive, found, command.studies)
    if not judged:
        told = "".join(f"\n{name}: {why}" for name, why in left_out.items())
        raise InputError(f"no study has all its results in {command.runs}. `mesascope runs list` lists them.{told}")
    content, num_rows = parquet(judged)
    check_writable("to", command.to.absolute().parent)
    with writing("to", command.to.absolute().parent):
        write_atomically(command.to, content)
    if command.json:
        studies = [{"study": each.result.study, "preset": each.result.preset} for each in judged]
        print_json({"written": str(command.to), "num_rows": num_rows, "studies": studies, "left_out": left_out})
        return 0
    for name, why in left_out.items():
        print(f"Left out: {name}, {why}.")
    print(
        f"Written: {command.to}, {num_rows} numbers of {len(judged)} studies at a preset or with settings of your own."
    )
    return 0


def _check(command: ExportRuns) -> None:
    for name in command.studies:
        if name not in study_names():
            raise InputError(f"there is no study {name!r}.{did_you_mean(name, study_names())} See `mesascope list`.")
    if command.to.suffix != ".parquet":
        raise InputError(f"`--to` must end in .parquet; got {str(command.to)!r}. Name another file.")
    if command.to.exists() and not command.force:
        raise InputError(
            f"`--to` must be a new file; got {str(command.to)!r}. Name another, or write over it: --force."
        )


def _judged(archive: Archive, found: Catalogue, names: tuple[str, ...]) -> tuple[list[Judged], dict[str, str]]:
    """The studies whose cells are all stored, and why the others with results of their own are left out."""
    held = {entry.file.name for entry in found.entries}
    judged: list[Judged] = []
    left_out = {
        entry.owner: "which this version does not know"
        for entry in found.entries
        if entry.owner not in (*study_names(), "shared") and not names
    }
    for name in names or study_names():
        settings = [entry.provenance.get("settings") for entry in found.entries if entry.owner == name]
        whole = [each for each in plan(settled(name, settings)) if _names(each) <= held]
        if settings and not whole:
            left_out[name] = "not all of whose cells are stored"
        for each in whole:
            try:
                judged.append(_judge(archive, each))
            except (InputError, MissingResult, ExtraError) as error:
                left_out[name] = f"which cannot be judged: {error}"
    return judged, left_out


def _names(planned: PlannedStudy) -> Set[str]:
    return {name_of(cell) for cell in planned.cells}


def _judge(archive: Archive, planned: PlannedStudy) -> Judged:
    stored = []
    for cell in planned.cells:
        archive.get_or_run(cell, lambda *_: None)  # says which is missing or damaged
        stored.append(archive.read(cell))
    seconds = sum(each.provenance["seconds"] for each in stored)
    result = judge(planned, [each.arrays for each in stored], seconds, archive)
    labels, keys = [cell.label for cell in planned.cells], [cell.key for cell in planned.cells]
    return Judged(planned.study, result, labels, keys, [each.provenance for each in stored])
