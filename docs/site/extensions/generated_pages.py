"""Pages that are written at every build: one for every study, and the reference of every public name."""

import inspect
import json
import typing
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from docstring_text import inline
from sphinx.application import Sphinx

import mesascope as ms
import mesascope.theory
from mesascope.configuration import describe
from mesascope.discovery import submodules
from mesascope.report.markdown import as_markdown
from mesascope.studies import find_study, study_names
from mesascope.study.base import AbstractStudy

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


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True}


def write_pages(app: Sphinx) -> None:
    site = Path(app.confdir)
    pages = {f"studies/{name}.md": study_page(find_study(name)) for name in study_names()}
    pages |= {f"reference/{group}.rst": page for group, page in reference_pages().items()}
    pages |= {"studies/index.md": studies_index(), "reference/theory.rst": theory_page()}
    pages["reference/index.rst"] = reference_index()
    for name, text in pages.items():
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text() != text:  # what is unchanged is not read again
            path.write_text(text)


def study_page(study: type[AbstractStudy]) -> str:
    """What `mesascope show` prints."""
    name, paper = study.name(), study.name().split("-")[0]
    source = study.source if study.kind() == "paper" else f"{study.source}: {study.kind()}"
    claims = [(claim.id, claim.whose, claim.statement, claim.criterion) for claim in study.claims]
    settings = {preset: describe(study.preset(preset)) for preset in study.presets}
    names = [setting for setting in next(iter(settings.values())) if setting != "class"]
    presets = [
        (f"`--{each.replace('_', '-')}`", *(as_markdown(json.dumps(of[each])) for of in settings.values()))
        for each in names
    ]
    parts = [
        f"# {name}",
        f"**{as_markdown(study.title)}.** {as_markdown(source)}",
        as_markdown(inspect.getdoc(study) or ""),
        f"Verdicts and figures at the paper's size: [results](../../results/{paper}.md#{name}).",
        "## Claims",
        table(("claim", "whose", "statement", "criterion"), [tuple(map(as_markdown, claim)) for claim in claims]),
        "## Presets",
        table(("setting", *settings), presets),
    ]
    return "\n\n".join(parts) + "\n"


def studies_index() -> str:
    """Every study by its name, with its title."""
    rows = [(f"[{name}]({name}.md)", as_markdown(find_study(name).title)) for name in study_names()]
    told = "The page of each study: what it asks, claims with their criteria, presets. `mesascope show STUDY` prints it."
    tree = "```{toctree}\n:hidden:\n\n" + "\n".join(study_names()) + "\n```"
    return f"# Studies\n\n{told}\n\n{table(('study', 'what it finds or asks'), rows)}\n\n{tree}\n"


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    cells = [[cell.replace("|", r"\|") for cell in row] for row in (head, ("---",) * len(head), *rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def reference_index() -> str:
    names = "".join(f"   {group}\n" for group in (*GROUPS, "theory"))
    told = "Every public name of `mesascope`, with its docstring. Formulas are shown as the source has them."
    return f"{heading('Reference', '=')}{inline(told)}\n\n.. toctree::\n\n{names}"


def reference_pages() -> dict[str, str]:
    """Every public name is on the page of its room; KeyError for a room that no page is for."""
    of_room = {room: group for group, (_, rooms) in GROUPS.items() for room in rooms}
    names: defaultdict[str, list[str]] = defaultdict(list)
    for name in ms.__all__:
        names[of_room[getattr(ms, name).__module__.split(".")[1]]].append(name)
    return {group: reference_page(title, names[group]) for group, (title, _) in GROUPS.items()}


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
