"""A sweep's results as one tidy table, a row a number, and as a short one for a terminal, a row a point."""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from rich import box
from rich.table import Table
from rich.text import Text

from mesascope.report.tables import SYMBOLS, all_numbers, measured, spread
from mesascope.study.result import StudyResult

Settings = dict[str, Any]


class Row(NamedTuple):
    """The settings of a point, and what is told of it: a number, a model, or the `error` that it failed with."""

    settings: Settings
    told: dict[str, Any]


class SweepResult(NamedTuple):
    """What was found at every point: tidy rows, one a number or one a model; a point that failed has one.

    `axes` are the settings of the grid with their values.
    """

    name: str
    axes: Mapping[str, tuple[Any, ...]]
    rows: Sequence[Row]

    @property
    def varied(self) -> dict[str, tuple[Any, ...]]:
        """The settings that take several values."""
        return {name: values for name, values in self.axes.items() if len(values) > 1}

    def points(self) -> "list[Point]":
        """Every point's settings, and what is told of it."""
        found: dict[tuple[Any, ...], Point] = {}
        for settings, told in self.rows:
            found.setdefault(tuple(settings.values()), Point(settings, [])).told.append(told)
        return list(found.values())


class Point(NamedTuple):
    """A point's settings, and all that is told of it."""

    settings: Settings
    told: list[dict[str, Any]]

    @property
    def error(self) -> str:
        """What it failed with; empty where it did not."""
        return next((told["error"] for told in self.told if "error" in told), "")

    def numbers(self, name: str) -> np.ndarray:
        """The values of one number."""
        return np.array([told["value"] for told in self.told if told.get("number") == name], float)


def number_rows(settings: Settings, result: StudyResult) -> list[Row]:
    """One row for every number of a study: of a claim, with its verdict, or of none."""
    verdicts = {verdict.claim.id: verdict for verdict in result.verdicts}
    rows = []
    for name, numbers in (dict.fromkeys(verdicts, ()) | all_numbers(result)).items():
        verdict_of: dict[str, Any] = {}
        if name in verdicts:
            verdict = verdicts[name]
            verdict_of = {
                "verdict": str(verdict.outcome),
                **{key: getattr(verdict, key) for key in ("measured", "low", "high")},
                "summary": f"{SYMBOLS[verdict.outcome]} {measured(verdict)} {spread(verdict)}".strip(),
            }
        for index, value in enumerate(numbers or (math.nan,) * bool(verdict_of)):
            rows.append(Row(settings, {"number": name, "index": index, "value": value, **verdict_of}))
    return rows


def as_csv(result: SweepResult) -> str:
    """Rows under the names of their columns; settings that are lists in brackets."""
    rows = flat(result.rows)
    buffer = io.StringIO()
    columns = dict.fromkeys(name for row in rows for name in row)
    writer = csv.DictWriter(buffer, list(columns), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: plain(value) if isinstance(value, tuple) else value for name, value in row.items()})
    return buffer.getvalue()


def as_json(result: SweepResult) -> dict[str, Any]:
    """Plain data; a number that is not finite is None, since JSON has no other word for it."""
    rows = [{name: _finite(value) for name, value in row.items()} for row in flat(result.rows)]
    return {"sweep": result.name, "axes": {name: list(values) for name, values in result.axes.items()}, "rows": rows}


def as_text(result: SweepResult, name: str) -> str:
    """The file of such a name: JSON or CSV."""
    if name.endswith(".json"):
        return json.dumps(as_json(result), indent=1, ensure_ascii=False) + "\n"
    return as_csv(result)


def flat(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Settings and what is told side by side; a setting with the name of a column is called so: "setting error"."""
    columns = {*_COLUMNS, *(name for row in rows for name in row.told)}
    return [
        {f"setting {name}" if name in columns else name: value for name, value in settings.items()}
        | {name: value for name, value in told.items() if name != "summary"}
        for settings, told in rows
    ]


_COLUMNS = ("number", "index", "value", "verdict", "measured", "low", "high", "error", "algorithm")


def points_table(result: SweepResult, shown: Sequence[str]) -> Table:
    """A row a point: its settings, and of the numbers shown the verdict or the mean over seeds."""
    table = Table(title=result.name, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    heads = shown or ("algorithm",)
    for name in (*result.axes, *heads):
        table.add_column(name, overflow="fold")
    for point in result.points():
        cells = [Text(plain(value)) for value in point.settings.values()]
        if point.error:
            table.add_row(*cells, Text(point.error.splitlines()[0], style="red"))
        else:
            table.add_row(*cells, *(Text(_in_short(point, name)) for name in heads))
    return table


def plain(value: Any) -> str:
    """A setting in few characters."""
    if isinstance(value, tuple):
        return f"[{','.join(map(plain, value))}]"
    short = f"{value:g}" if isinstance(value, float) else str(value)
    return repr(value) if isinstance(value, float) and float(short) != value else short


def _in_short(point: Point, name: str) -> str:
    if name == "algorithm":
        said = [_said(told) for told in point.told]
        times = {each: said.count(each) for each in dict.fromkeys(said)}
        return ", ".join(f"{each} x {number}" if number > 1 else each for each, number in times.items())
    summaries = [told["summary"] for told in point.told if told.get("number") == name and "summary" in told]
    values = point.numbers(name)
    return summaries[0] if summaries else f"{values.mean():.4g}" if len(values) else "none"


def _said(told: dict[str, Any]) -> str:
    """The verdict on one model: its algorithm, or the nearest where it runs none."""
    if told["verdict"] == "none":
        return f"none (nearest {told['algorithm']})"
    return f"{told['algorithm']} ({told['verdict']})".strip()


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
