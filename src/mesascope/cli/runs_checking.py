"""`runs verify` and `runs gc`: what is damaged, and what nothing uses."""

from rich import box
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from mesascope.cli.console import output, print_json
from mesascope.cli.errors import InputError
from mesascope.cli.runs import file_json
from mesascope.cli.runs_arguments import AbstractRuns, CollectRuns
from mesascope.cli.runs_settings import settled
from mesascope.report.bench.trained import BenchTraining
from mesascope.runs.archive import name_of
from mesascope.runs.catalogue import Catalogue, Finding, catalogue
from mesascope.runs.place import place_of
from mesascope.runs.unused import remove, unused
from mesascope.runs.verify import verify
from mesascope.studies import study_names
from mesascope.study.cell import place_shared
from mesascope.sweep.plan import with_shared


def check(command: AbstractRuns) -> int:
    """Print what is damaged, what cannot be told and what is left over; 1 if anything is damaged."""
    found = verify(place_of(command.runs))
    parts = {
        "damaged": found.damaged,
        "without a checksum": found.without_checksum,
        "without a list of arrays": found.without_list,
        "left over": found.left_over,
    }
    if command.json:
        told = {name.replace(" ", "_"): file_json(files) for name, files in parts.items()}
        print_json({"runs": str(command.runs), "num_results": found.num_results, **told})
        return int(bool(found.damaged))
    for name, files in parts.items():
        if files:
            _print(name, files)
    plural = "s" * (found.num_results != 1)
    counts = "".join(f", {len(files)} {name}" for name, files in parts.items() if files)
    print(f"{found.num_results} result{plural} in {command.runs}{counts or ', all whole'}.")
    if found.damaged:
        print("A run that needs a damaged result sets it aside and computes it again.")
    return int(bool(found.damaged))


def collect(command: CollectRuns) -> int:
    """Print what nothing uses, and with --yes delete it; 0."""
    for name in command.studies:
        if name in study_names():
            raise InputError(f"`runs gc` takes only studies that this version does not know; it knows {name!r}.")
    place = place_of(command.runs)
    found = unused(place, used_names(catalogue(place)), {*study_names(), "shared", *command.studies})
    gone = remove(place, found.removable) if command.yes else []
    if command.json:
        told = {"unused": found.removable, "kept": found.kept, "deleted": gone}
        print_json({"runs": str(command.runs), **{name: file_json(files) for name, files in told.items()}})
        return 0
    if found.removable:
        _print("unused", found.removable)
    if found.kept:
        _print("kept", found.kept)
        print("To delete those of a study as well, name it: `mesascope runs gc STUDY`.")
    number, size = len(found.removable), _size(found.removable)
    if not number:
        print(f"There is nothing to delete in {command.runs}.")
    elif command.yes:
        print(f"Deleted: {len(gone)} of {number} files, {_size(gone)}.")
    else:
        print(f"Nothing was deleted. `--yes` deletes these {number} files, {size}.")
    return 0


def used_names(found: Catalogue) -> set[str]:
    """The files that this version uses: of any study at a preset or as it was asked for, and of what reports hold."""
    settings = {
        name: [entry.provenance.get("settings") for entry in found.entries if entry.owner == name]
        for name in study_names()
    }
    studies = (study for name in study_names() for study in settled(name, settings[name]))
    used = {name_of(cell) for study in studies for cell, _ in with_shared(study.placed())}
    return used | {name_of(place_shared(BenchTraining()))}


def _print(title: str, findings: list[Finding]) -> None:
    table = Table(box=box.SIMPLE_HEAD, title=title[0].upper() + title[1:], title_justify="left")
    table.add_column("file", overflow="fold")
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("what", overflow="fold")
    for each in sorted(findings, key=lambda each: each.file.name):
        table.add_row(Text(each.file.name), decimal(each.file.size), Text(each.what))
    output().print(table)


def _size(findings: list[Finding]) -> str:
    return decimal(sum(each.file.size for each in findings))
