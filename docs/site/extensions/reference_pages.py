"""The reference: every public name on the page of its room, and the closed forms."""

import inspect
import typing
from collections import defaultdict
from collections.abc import Iterator

from docstring_text import inline

import mesascope as ms
import mesascope.theory
from mesascope.discovery import submodules

GROUPS = {  # a page of the reference, and the rooms of the package whose public names it lists
    "prompts": ("Prompts and predictors", ("prompt", "predictor", "leaks")),
    "tasks": ("Tasks", ("tasks",)),
    "models": ("Models", ("models",)),
    "algorithms": ("Algorithms", ("algorithms",)),
    "constructions": ("Constructions", ("constructions",)),
    "training": ("Training and best rates", ("training", "theory")),
    "probes": ("Probes", ("probes",)),
    "identify": ("Identify", ("identify", "interop", "subject")),
    "studies": ("Studies", ("study", "studies")),
    "stores": ("Stores and reports", ("runs", "report")),
}


def reference_pages() -> dict[str, str]:
    """The text of every page, by its file's name; KeyError for a room that no page is for."""
    of_room = {room: group for group, (_, rooms) in GROUPS.items() for room in rooms}
    names: defaultdict[str, list[str]] = defaultdict(list)
    for name in ms.__all__:
        names[of_room[getattr(ms, name).__module__.split(".")[1]]].append(name)
    pages = {f"{group}.rst": reference_page(title, names[group]) for group, (title, _) in GROUPS.items()}
    return {"index.rst": index(), "theory.rst": theory_page(), **pages}


def index() -> str:
    names = "".join(f"   {group}\n" for group in (*GROUPS, "theory"))
    told = "Every public name of `mesascope`, with its docstring. Formulas are shown as the source has them."
    return f"{heading('Reference', '=')}{inline(told)}\n\n.. toctree::\n\n{names}"


def reference_page(title: str, names: list[str]) -> str:
    """A line for each name, then each in full, then what is not public itself but is got from these."""
    rows = "".join(f"   * - :py:obj:`{name} <mesascope.{name}>`\n     - {summary(name)}\n" for name in names)
    entries = "".join(f".. {directive(name)}:: {name}\n\n" for name in names)
    got = sorted({path for name in names for path in returned(getattr(ms, name))})
    others = "".join(f".. autoclass:: {path}\n\n" for path in got)
    head = f"{heading(title, '=')}.. py:currentmodule:: mesascope\n\n"
    tail = f"{heading('What these return', '-')}.. py:currentmodule:: None\n\n{others}" if got else ""
    return f"{head}.. list-table::\n   :widths: 30 70\n\n{rows}\n{entries}{tail}"


def theory_page() -> str:
    """What the closed forms are, and where they come from: a section a file."""
    files = submodules(mesascope.theory)
    entries = (f"{heading(name.replace('_', ' '), '-')}.. automodule:: mesascope.theory.{name}\n\n" for name in files)
    return f"{heading('Theory', '=')}{inspect.getdoc(mesascope.theory)}\n\n{''.join(entries)}"


def heading(text: str, line: str) -> str:
    return f"{text}\n{line * len(text)}\n\n"


def returned(of: object) -> Iterator[str]:
    """The classes of the package, not public themselves, that a function or the methods of a class return."""
    functions = (getattr(each, "__func__", each) for each in (vars(of).values() if inspect.isclass(of) else (of,)))
    annotations = (getattr(each, "__annotations__", {}).get("return") for each in functions if callable(each))
    for each in filter(inspect.isclass, (part for annotation in annotations for part in parts(annotation))):
        elsewhere = each.__name__ in ms.__all__ or each.__module__.startswith("mesascope.theory")
        if each.__module__.startswith("mesascope.") and not (elsewhere or each.__name__.startswith(("_", "Abstract"))):
            yield f"{each.__module__}.{each.__name__}"


def parts(annotation: object) -> Iterator[object]:
    yield annotation
    for argument in typing.get_args(annotation):
        yield from parts(argument)


def summary(name: str) -> str:
    """The first paragraph of a docstring, on one line."""
    first = (inspect.getdoc(getattr(ms, name)) or "").split("\n\n")[0]
    return inline(" ".join(first.split()))


def directive(name: str) -> str:
    return "autoclass" if inspect.isclass(getattr(ms, name)) else "autofunction"
