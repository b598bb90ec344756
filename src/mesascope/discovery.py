"""A file is the registry: find the concrete classes a package's files define."""

import importlib
import inspect
import pkgutil
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


def submodules(package: ModuleType) -> tuple[str, ...]:
    """Names of the files of a package, sorted, without importing them; those with a leading underscore left out."""
    found = (module.name for module in pkgutil.iter_modules(package.__path__))
    return tuple(sorted(name for name in found if not name.startswith("_")))


def concrete_classes_of(module: ModuleType, base: type[T]) -> tuple[type[T], ...]:
    """Every class below `base` that this file defines and that can be instantiated, by name."""
    members = (member for _, member in inspect.getmembers(module, inspect.isclass))
    return tuple(
        member
        for member in members
        if issubclass(member, base) and not inspect.isabstract(member) and member.__module__ == module.__name__
    )


def concrete_classes(package: ModuleType, base: type[T]) -> tuple[type[T], ...]:
    """Every such class of every file of a package, by file and name."""
    modules = [importlib.import_module(f"{package.__name__}.{name}") for name in submodules(package)]
    return tuple(found for module in modules for found in concrete_classes_of(module, base))
