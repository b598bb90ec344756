"""Tasks as a command line names them, their settings as typed flags."""

import dataclasses
import inspect
from typing import Annotated, Any, Literal

import tyro

import mesascope.tasks
from mesascope.discovery import concrete_classes
from mesascope.spelling import did_you_mean
from mesascope.tasks._base import AbstractTask
from mesascope.tasks._process import AbstractProcess
from mesascope.tasks.initial_state import AbstractInitialState

Task = AbstractTask | AbstractProcess
_NUMBERS = (bool, int, float)
_HELP = {
    "num_examples": "Examples in a prompt.",
    "dim_x": "Size of an input.",
    "dim_y": "Size of a label.",
    "input_scale": "What inputs are multiplied by.",
    "noise_std": "Standard deviation of the noise on labels or states.",
    "min_amplitude": "The smallest amplitude of a wave.",
    "max_amplitude": "The largest amplitude of a wave.",
    "num_states": "States in a sequence.",
    "dim": "Size of a state.",
    "initial": "The law of the first state.",
    "mu": "Phases are uniform on [0, 2 pi / mu].",
    "turning": "How far planes are turned from sequence to sequence.",
}


def all_tasks() -> dict[str, type[Task]]:
    """Tasks and processes whose settings are numbers, by name; one that wraps another is for Python."""
    classes = [*concrete_classes(mesascope.tasks, AbstractTask), *concrete_classes(mesascope.tasks, AbstractProcess)]
    return {name_of(cls): cls for cls in classes if flags_of(cls) is not None}


def find_task(name: str) -> type[Task]:
    """The class of this name; ValueError, with the nearest, for what there is not."""
    known = all_tasks()
    if name not in known:
        raise ValueError(f"`--task` must be one of {', '.join(known)}; got {name!r}.{did_you_mean(name, known)}")
    return known[name]


def name_of(cls: type) -> str:
    """The class's name in lower case with dashes: linear-regression."""
    name = cls.__name__.removesuffix("Process")
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")


def says(cls: type[Task]) -> str:
    """The first sentence of its page."""
    page = " ".join((inspect.getdoc(cls) or "").split())
    return page.split(". ")[0].rstrip(".") + "."


def flags_of(cls: type[Task]) -> list[tuple[str, Any, Any]] | None:
    """Name, type and default of every setting that a flag can hold; None where one without a default cannot."""
    found: list[tuple[str, Any, Any]] = []
    for field in dataclasses.fields(cls):
        if isinstance(field.default, _NUMBERS):
            found.append((field.name, type(field.default), field.default))
        elif isinstance(field.default, AbstractInitialState):
            found.append((field.name, _initial_states(), name_of(type(field.default))))
        elif field.default is dataclasses.MISSING:
            return None
    return found


def options(cls: type[Task]) -> type:
    """A dataclass of the task's settings, for a command line."""
    fields = [
        (name, Annotated[kind, tyro.conf.arg(help=_HELP.get(name, f"See `ms.{cls.__name__}`."))], default)
        for name, kind, default in flags_of(cls) or ()
    ]
    return dataclasses.make_dataclass(f"{cls.__name__}Settings", fields, frozen=True, kw_only=True)


def make(cls: type[Task], flags: dict[str, Any]) -> Task:
    """The task with these settings; ValueError for those that it refuses."""
    states = {name_of(each): each for each in AbstractInitialState.__subclasses__()}
    return cls(**{name: states[value]() if name == "initial" else value for name, value in flags.items()})


def _initial_states() -> Any:
    names = tuple(name_of(each) for each in AbstractInitialState.__subclasses__())
    return Literal[names]
