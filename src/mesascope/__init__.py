"""mesascope: which learning algorithm does a sequence model run in its forward pass?

The names that `__init__.pyi` lists are loaded when first used; that is also when JAX is given one device a core and its
cache on disk.
"""

import sys

from mesascope.stopping import is_the_command

if is_the_command():
    from mesascope.cli import stopped

    stopped.begin()  # the command, which a signal may stop at any time; not a process that it has started

import types
from typing import Any

import lazy_loader

from mesascope.version import __version__ as __version__

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name in __all__:
        from mesascope.training.runtime import set_up_runtime

        set_up_runtime()
    try:
        return _load(name)
    except AttributeError:
        from mesascope.spelling import did_you_mean

        advice = did_you_mean(name, __all__) or " `dir(mesascope)` lists what there is."
        raise AttributeError(f"mesascope has no {name!r}.{advice}", name=name) from None


class _Front(types.ModuleType):
    """This package. `study` and `identify` stay the functions, though rooms bear these names, too."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in __all__ and isinstance(value, types.ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Front
