"""How a study's results came about, in words: configuration, versions, seeds, time and machine."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from mesascope.configuration import describe
from mesascope.report.page.section import Entry

Cells = Iterable[tuple[str, Mapping[str, Any]]]


def settings(entry: Entry) -> dict[str, str]:
    """The study's settings, by name."""
    described = {name: value for name, value in describe(entry.study).items() if name != "class"}
    return {name: json.dumps(value) for name, value in described.items()}


def facts(entry: Entry) -> dict[str, str]:
    """Seeds, preset, and what is told of the cells."""
    return {"Seeds": str(entry.study.seeds), "Preset": entry.result.preset, **origin(entry.cells)}


def origin(cells: Cells) -> dict[str, str]:
    """Time, machine and versions of all cells; where they differ, each of them."""
    of_cells = [told for _, told in cells]
    finished = sorted(str(told["finished"]) for told in of_cells if told.get("finished"))
    seconds = sum(float(told.get("seconds", 0)) for told in of_cells)
    compiling = sum(float(told.get("compile_seconds", 0)) for told in of_cells)
    found = {
        "Finished": " to ".join(dict.fromkeys([*finished[:1], *finished[-1:]])),
        "Time": f"{seconds:.1f} s in all cells, {compiling:.1f} s of it compiling",
        "Machine": _each(of_cells, _machine),
        "Versions": _each(of_cells, lambda told: _pairs(told.get("versions"))),
        "Commit": _each(of_cells, lambda told: told.get("commit")),
        "Precision": _each(of_cells, lambda told: told.get("precision")),
        "Random numbers": _each(of_cells, lambda told: _pairs(told.get("generators"))),
    }
    return {name: text for name, text in found.items() if text}


def _machine(told: Mapping[str, Any]) -> str:
    cores, devices = told.get("num_cpus"), told.get("num_devices")
    parts = (told.get("platform"), f"{cores} cores" if cores else "", told.get("device"))
    return ", ".join([str(part) for part in parts if part] + ([f"{devices} JAX devices"] if devices else []))


def _pairs(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {each}" for name, each in value.items() if each is not None)
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def _each(cells: list[Mapping[str, Any]], tell: Any) -> str:
    return "; ".join(dict.fromkeys(str(text) for told in cells if (text := tell(told))))
