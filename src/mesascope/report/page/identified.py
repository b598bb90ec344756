"""What `identify` found of models: the sentence, the ranked table, other laws, layers, and the pictures."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mesascope.identify.result import Identification
from mesascope.identify.words import layer_table, ranking, remarks, scope_table
from mesascope.report.page.pictures import picture
from mesascope.report.page.section import Contents, Section, beside, rendered

if TYPE_CHECKING:
    from rich.table import Table

WIDTH = 17.0  # cm


def section(contents: Contents) -> Section | None:
    """Every identification that is kept."""
    found = contents.identifications
    if not found:
        return None
    parts = [_model(f"model-{i}", name, each) for i, (name, each) in enumerate(found.items(), 1)]
    links = {f"model-{i}": each.subject for i, each in enumerate(found.values(), 1)}
    return Section(
        "models", "Identified models", "\n".join(parts), scripts=(beside("pictures.js"),), links=links, plotly=True
    )


def _model(anchor: str, name: str, found: Identification) -> str:
    tables = [ranking(found, most=len(found.rows))]
    tables += [scope_table(found)] if len(found.laws) > 1 else []
    tables += [layer_table(found.layers)] if found.layers is not None else []
    return rendered(
        "identified.html",
        **{"anchor": anchor, "name": name, "found": found, "remarks": remarks(found)},
        tables=[_cells(table) for table in tables],
        picture=picture(found.figure(WIDTH), "identification", f"{anchor}-identification"),
        origin={key: _plain(value) for key, value in _origin(found).items()},
    )


def _origin(found: Identification) -> Mapping[str, Any]:
    asked = {"task": found.task, "budget": found.budget, "prompts": found.num_prompts, "floor": found.floor}
    return {**asked, **found.made_with}


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value))
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _cells(table: "Table") -> tuple[str, list[str], list[list[str]]]:
    """The title, the heads and the rows of a table for the terminal."""
    columns = [[str(cell) for cell in column.cells] for column in table.columns]
    return (
        str(table.title),
        [str(column.header) for column in table.columns],
        [list(row) for row in zip(*columns, strict=True)],
    )
