"""`report`: stored results as one HTML page, or how those of two places differ. No study is run."""

import os
import webbrowser
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from shlex import join
from typing import TYPE_CHECKING

from rich.text import Text

from mesascope.arrays import UnusableFile
from mesascope.cli.arguments import Report
from mesascope.cli.console import messages
from mesascope.cli.errors import InputError
from mesascope.cli.figures import RUN, words_of
from mesascope.cli.running import planned
from mesascope.cli.stored import judged, stored_presets
from mesascope.extras import ExtraError, check_extra
from mesascope.files import write_atomically
from mesascope.report.page.section import Contents, Entry, Section
from mesascope.runs.address import Address
from mesascope.runs.archive import Archive, MissingResult
from mesascope.runs.directory import DirectoryError
from mesascope.runs.store import Store
from mesascope.studies import find_study, study_names
from mesascope.study.base import AbstractStudy
from mesascope.study.claim import PRESETS
from mesascope.study.store import Memory
from mesascope.sweep.plan import PlannedStudy

if TYPE_CHECKING:
    from mesascope.identify.result import Identification


def report(command: Report) -> int:
    """Write the page that the command asks for; 0. `InputError` for what cannot be read or written."""
    try:
        check_extra("report")
    except ExtraError as error:
        raise InputError(f"the report {error}.") from error
    if command.compare:
        from mesascope.cli.comparing import compare

        return compare(command)
    studies = planned(studies_of(command))
    if is_missing(command.runs):
        raise InputError(_nothing(command))
    beside = command.runs if isinstance(command.runs, Path) else Path()
    target = target_of(command, beside / "report.html")
    contents = _contents(command, studies)
    if not contents.entries and not contents.identifications:
        raise InputError(_nothing(command))
    if contents.missing:
        names = ", ".join(contents.missing) if contents.entries else "any study that was asked for"
        messages().print(Text(f"Not stored at preset {command.preset}: {names}."), soft_wrap=True)
    from mesascope.report.page import whole

    title = f"mesascope report: preset {command.preset}"
    write_page(command, target, title, whole.lead(contents), (*whole.sections(contents, _followed), _bench(command)))
    return 0


def _bench(command: Report) -> Section:
    """The section to play with; its layer is kept with the results where these can be written to."""
    from mesascope.report.bench import layer, section
    from mesascope.training.runtime import set_up_runtime

    set_up_runtime()
    try:
        return section(layer(Store(command.runs)))
    except DirectoryError:
        return section(layer(Memory()))


def studies_of(command: Report) -> tuple[AbstractStudy, ...]:
    """The studies that are asked for, with their settings; InputError for what there is not."""
    names = command.studies or study_names()
    for twice in (name for i, name in enumerate(names) if name in names[:i]):
        raise InputError(f"a study must be named once; got {twice!r} twice. Leave one out.")
    changes = {} if command.seeds is None else {"seeds": command.seeds}
    try:
        return tuple(find_study(name).preset(command.preset, **changes) for name in names)
    except ValueError as error:
        raise InputError(str(error)) from error


def target_of(command: Report, default: Path) -> Path:
    """Where the page goes; InputError, before anything is read, for a file that is no report or cannot be one."""
    from mesascope.report.page.whole import MARK

    target = command.to or default
    if target.suffix not in (".html", ".htm"):
        raise InputError(f"`--to` must end in .html; got {str(target)!r}. Name another file.")
    if not os.path.isdir(target.absolute().parent):
        raise InputError(
            f"`--to` must lie in a folder that is there; got {str(target)!r}. Make it, or name another one."
        )
    if os.path.isdir(target):
        raise InputError(f"`--to` must be a file; got {str(target)!r}, a folder. Name another one.")
    if os.path.exists(target) and not _begins_with(target, MARK.encode()):
        raise InputError(f"`--to` must not be a file of other content; got {str(target)!r}. Name another one.")
    return target


def _begins_with(path: Path, mark: bytes) -> bool:
    """Whether a file is empty or begins so; not where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(mark)) in (b"", mark)
    except OSError:
        return False


def write_page(command: Report, target: Path, title: str, told: str, sections: Iterable[Section]) -> None:
    """Write the page, all of it or nothing, say where it lies, and open it where that is asked for."""
    from mesascope.report.page import whole

    content = whole.page(title, told, sections).encode()
    try:
        write_atomically(target, content)
    except OSError as error:
        raise InputError(f"the report cannot be written: {error}. Name another file.") from error
    print(f"The report lies in {target} ({_size(len(content))}). It opens in a browser and needs no other file.")
    if command.open and not webbrowser.open(target.absolute().as_uri()):
        messages().print("No browser could be started. Open the file in one.")


def _followed(entries: Iterable[Entry]) -> Iterable[Entry]:
    """The entries one by one, with a bar on a terminal: most of the time goes into drawing."""
    from rich.progress import track

    console = messages()
    return track(list(entries), "report", console=console, transient=True, disable=not console.is_terminal)


def _size(num_bytes: int) -> str:
    return f"{num_bytes / 1e6:.1f} MB" if num_bytes >= 1e5 else f"{num_bytes / 1e3:.0f} kB"


def _contents(command: Report, studies: tuple[PlannedStudy, ...]) -> Contents:
    """All that is stored of these studies, and all identifications."""
    archive = Archive(command.runs)
    entries, missing = [], {}
    for study in studies:
        try:
            entries.append(_entry(study, archive))
        except MissingResult as error:
            why = f"{error.__cause__}" if isinstance(error.__cause__, UnusableFile) else "Not stored."
            missing[study.name] = f"{why} This computes it: {join([*RUN, *words_of(study.study)])}"
        except ExtraError as error:
            missing[study.name] = f"It {error}."
    return Contents(command.preset, tuple(entries), missing, identifications(archive))


def _entry(planned: PlannedStudy, archive: Archive) -> Entry:
    result = judged(planned, archive)
    cells = tuple((cell.label, archive.read(cell).provenance) for cell in planned.cells)
    return Entry(planned.study, result, cells, join([*RUN, *words_of(planned.study)]))


def is_missing(runs: Address) -> bool:
    """Whether results would lie in a folder that is not there; a server says so when it is asked."""
    return isinstance(runs, Path) and not runs.is_dir()


def identifications(archive: Archive) -> "dict[str, Identification]":
    """What `identify` has found of models, in files in a place of results or in its folders, by their names."""
    from mesascope.identify.saving import load_identification

    found = {}
    names = sorted(file.name for file in archive.place.files())
    for name in (name for name in names if name.endswith(".safetensors") and name.count("/") < 2):
        if len(PurePosixPath(name).stem) != 64:  # the name of a cell's result
            try:
                with archive.place.opened(name) as path:
                    found[name] = load_identification(path)
            except (UnusableFile, FileNotFoundError):  # a model, or something else
                continue
    return found


def _nothing(command: Report) -> str:
    """That there is nothing to report, and what there is at other presets."""
    archive, kinds = Archive(command.runs), [type(study) for study in studies_of(command)]
    stored = [name for name in PRESETS if any(name in stored_presets([kind], archive) for kind in kinds)]
    told = f"there is nothing to report: {command.runs} has no result of these studies at preset {command.preset}."
    if stored:
        return f"{told} Some are stored at preset {', '.join(stored)}: add --preset {stored[-1]}."
    return f"{told} Run one first: {join([*RUN, kinds[0].name()])}"
