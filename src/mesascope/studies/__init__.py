"""Figures and claims of papers as executable studies. A file's name is its study's name, with dashes.

Names are read off the files, without importing them; a study is imported when it is asked for.
"""

import difflib
import importlib
from typing import TYPE_CHECKING

from mesascope import discovery

if TYPE_CHECKING:
    from mesascope.studies._base import AbstractStudy


def study_names() -> tuple[str, ...]:
    """Names of all studies, sorted."""
    package = importlib.import_module(__name__)
    return tuple(name.replace("_", "-") for name in discovery.submodules(package))


def find_study(name: str) -> "type[AbstractStudy]":
    """The study of this name; ValueError, with the nearest name there is, when there is none."""
    if name not in study_names():
        nearest = difflib.get_close_matches(name, study_names(), n=1, cutoff=0.0)
        raise ValueError(f"there is no study {name!r}. Did you mean {nearest[0]!r}? `mesascope list` names them all.")
    from mesascope.studies._base import AbstractStudy

    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    return discovery.concrete_classes_of(module, AbstractStudy)[0]
