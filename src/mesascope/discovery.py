"""A file is the registry: find the concrete classes a package's files define."""

import importlib
import inspect
import pkgutil
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


def submodules(package: ModuleType) -> tuple[str, ...]:
    """Names of the files of a package, without importing them; names with a leading underscore are left out."""
    found = (module.name for module in pkgutil.iter_modules(package.__path__))
    return tuple(sorted(name for name in found if not name.startswith("_")))


def concrete_classes(package: ModuleType, base: type[T]) -> tuple[type[T], ...]:
    """Every class below `base` that a file of `package` defines and that can be instantiated, by name."""
    modules = [importlib.import_module(f"{package.__name__}.{name}") for name in submodules(package)]
    found = {
        member
        for module in modules
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, base) and not inspect.isabstract(member) and member.__module__ == module.__name__
    }
    return tuple(sorted(found, key=lambda cls: cls.__qualname__))
