"""Figures and claims of papers as executable studies: `<paper>/<study>.py`, or `<paper>/<study>/study.py`.

Names are read off files and folders, without importing them; a study is imported when it is asked for. Folders named
in `$MESASCOPE_STUDIES` hold papers of your own.
"""

import importlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesascope import discovery
from mesascope.spelling import did_you_mean

if TYPE_CHECKING:
    from mesascope.study.base import AbstractStudy
    from mesascope.study.sweep import AbstractSweep

__path__.extend(filter(None, os.environ.get("MESASCOPE_STUDIES", "").split(os.pathsep)))


def study_names() -> tuple[str, ...]:
    """Names of all studies, sorted: the paper's, a dash, and the study's, with dashes."""
    return tuple(sorted(_modules()))


def find_study(name: str) -> "type[AbstractStudy]":
    """The study of this name; ValueError, with the nearest name there is, when there is none."""
    modules = _modules()
    if not isinstance(name, str):
        raise ValueError(f"`name` must be a study's name; got {name!r}. `mesascope list` names them all.")
    if name not in modules:
        meant = did_you_mean(name, modules)
        raise ValueError(f"there is no study {name!r}.{meant} `mesascope list` names them all.")
    from mesascope.study.base import AbstractStudy

    return discovery.concrete_classes_of(importlib.import_module(modules[name]), AbstractStudy)[0]


def study(name: str, preset: str = "quick", **changes: Any) -> "AbstractStudy":
    """The study of this name at a preset, with settings changed; ValueError for what there is not."""
    return find_study(name).preset(preset, **changes)


def declared_sweeps() -> "dict[str, type[AbstractSweep]]":
    """The sweeps that are declared in `_sweeps`, a file each, by name."""
    from mesascope.study.sweep import AbstractSweep

    package = importlib.import_module(f"{__name__}._sweeps")
    return {each.name(): each for each in discovery.concrete_classes(package, AbstractSweep)}


def _modules() -> dict[str, str]:
    """The module of every study, by the study's name; ValueError where a folder of studies is none."""
    for folder in filter(lambda folder: not os.path.isdir(folder), __path__):
        raise ValueError(f"`MESASCOPE_STUDIES` must name folders of studies; got {folder!r}. Set it anew, or unset it.")
    return {
        f"{paper.name}-{room.stem}".replace("_", "-"): _module(paper, room)
        for folder in __path__
        for paper in Path(folder).iterdir()
        if not paper.name.startswith(("_", ".")) and paper.is_dir()
        for room in paper.iterdir()
        if not room.name.startswith(("_", ".")) and (room.suffix == ".py" or (room / "study.py").is_file())
    }


def _module(paper: Path, room: Path) -> str:
    return ".".join([__name__, paper.name, room.stem, *(["study"] if room.is_dir() else [])])


def seconds_of_cells() -> dict[str, dict[str, float]]:
    """What every study's cells took at preset quick, by label, as `benchmarks/everything.py` measured: to plan with."""
    return json.loads((Path(__file__).parent / "seconds.json").read_text())
