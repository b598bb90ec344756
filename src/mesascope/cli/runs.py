"""`runs list` and `runs show`: what results there are, and everything of one; other actions are called from here."""

from typing import Any

from rich import box
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from mesascope.arrays import UnusableFile
from mesascope.cli.console import messages, output, print_json
from mesascope.cli.errors import InputError
from mesascope.cli.runs_arguments import AbstractRuns, CollectRuns, ExportRuns, ListRuns, ShowRun
from mesascope.configuration import describe
from mesascope.runs.archive import Archive, listing
from mesascope.runs.catalogue import Catalogue, Entry, Finding, catalogue
from mesascope.runs.place import place_of
from mesascope.spelling import did_you_mean
from mesascope.studies import find_study, study_names

SHORT = 12  # letters of a key that are shown
COLUMNS = ("key", "study", "preset", "label", "seeds", "finished", "seconds", "version", "size")


def answer(command: AbstractRuns) -> int:
    """Carry out an action on stored results; its exit code."""
    match command:
        case ListRuns():
            return _list(command)
        case ShowRun():
            return _show(command)
        case ExportRuns():
            from mesascope.cli.runs_exporting import export

            return export(command)
        case CollectRuns():
            from mesascope.cli.runs_checking import collect

            return collect(command)
        case _:
            from mesascope.cli.runs_checking import check

            return check(command)


def named(found: Catalogue, names: tuple[str, ...]) -> list[Entry]:
    """The results of these studies, or all; InputError for a name of which there is none."""
    owners = {entry.owner for entry in found.entries}
    for name in names:
        if name not in owners:
            raise InputError(
                f"there is no result of {name!r}.{did_you_mean(name, owners)} `mesascope runs list` lists all."
            )
    return [entry for entry in found.entries if not names or entry.owner in names]


def file_json(findings: list[Finding]) -> list[dict[str, Any]]:
    """Files and what is said of them."""
    return [{"file": each.file.name, "size": each.file.size, "what": each.what} for each in findings]


def preset_of(entry: Entry) -> str:
    """The preset of the study that asked for a result, "custom" for other settings, nothing where that is unknown."""
    if entry.owner not in study_names():
        return ""
    study, settings = find_study(entry.owner), entry.provenance.get("settings")
    return next((name for name in study.presets if describe(study.preset(name)) == settings), "custom")


def _list(command: ListRuns) -> int:
    found = catalogue(place_of(command.runs))
    entries = [_told(entry) for entry in named(found, command.studies)]
    if command.json:
        unreadable = file_json(found.unreadable)
        print_json({"runs": str(command.runs), "results": entries, "unreadable": unreadable})
        return 0
    output().print(_table(entries))
    size = decimal(sum(each["size"] for each in entries))
    print(f"{len(entries)} result{'s' * (len(entries) != 1)} in {command.runs}, {size}.")
    if found.unreadable:
        number = len(found.unreadable)
        told = f"{number} more file{'s' * (number > 1)} cannot be read: `mesascope runs verify` says why."
        messages().print(Text(told), soft_wrap=True)
    return 0


def _table(entries: list[dict[str, Any]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for head in COLUMNS:
        table.add_column(head, overflow="fold", justify="right" if head in ("seeds", "seconds", "size") else "left")
    for each in entries:
        finished = str(each["finished"] or "").replace("T", " ")[:16]
        words = {**each, "key": each["key"][:SHORT], "size": decimal(each["size"]), "finished": finished}
        table.add_row(*(Text("" if words[head] is None else str(words[head])) for head in COLUMNS))
    return table


def _told(entry: Entry) -> dict[str, Any]:
    told, header = entry.provenance, entry.header
    return {
        "key": entry.key,
        "study": entry.owner,
        "preset": preset_of(entry),
        "label": header.get("label"),
        "settings": told.get("settings"),
        "seeds": told.get("seeds"),
        "finished": told.get("finished"),
        "seconds": told["seconds"],
        "version": (told.get("versions") or {}).get("mesascope"),
        "commit": told.get("commit"),
        "size": entry.file.size,
    }


def _show(command: ShowRun) -> int:
    place = place_of(command.runs)
    entries = catalogue(place).entries
    chosen = [entry for entry in entries if entry.owner == command.result or entry.key.startswith(command.result)]
    if not chosen:
        meant = did_you_mean(command.result, {entry.owner for entry in entries})
        raise InputError(f"there is no result {command.result!r} in {command.runs}.{meant} See `mesascope runs list`.")
    pages = [_page(Archive(place), entry) for entry in chosen]
    if command.json:
        print_json({"runs": str(command.runs), "results": pages})
    else:
        for page in pages:
            _print_page(page)
    return 0


def _page(archive: Archive, entry: Entry) -> dict[str, Any]:
    try:
        arrays, header = archive.load(entry.file.name)
    except (UnusableFile, FileNotFoundError) as error:
        raise InputError(str(error)) from error
    forms = {name: {"dtype": form[0], "shape": form[1:]} for name, form in listing(arrays).items()}
    where = str(archive.place.located(entry.file.name))
    parts = {"config": header.get("config"), "provenance": header["provenance"], "arrays": forms}
    return {**_told(entry), "file": where, **parts}


def _print_page(page: dict[str, Any]) -> None:
    console = output()
    console.print(Text(f"{page['study']}, {page['label']}", style="bold"))
    console.print(Text(f"key {page['key']}\nfile {page['file']}, {decimal(page['size'])}"), soft_wrap=True)
    for head in ("config", "provenance"):
        table = Table(head, "", box=box.SIMPLE_HEAD)
        for name, value in (page[head] or {}).items():
            table.add_row(Text(name), Text(str(value)))
        console.print(table)
    table = Table("array", "type", "shape", box=box.SIMPLE_HEAD)
    for name, form in page["arrays"].items():
        table.add_row(Text(name), form["dtype"], str(form["shape"]))
    console.print(table)
