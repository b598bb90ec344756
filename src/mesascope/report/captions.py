"""The words to a figure: what its panels show, over how many seeds, by which criteria, with which command."""

from typing import TYPE_CHECKING

from mesascope.report.tables import measured, spread
from mesascope.study.base import AbstractStudy
from mesascope.study.claim import Verdict
from mesascope.study.result import StudyResult
from mesascope.version import __version__

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def caption(study: AbstractStudy, result: StudyResult, name: str, figure: "Figure", command: str) -> str:
    """The text that belongs beside the figure `name` of a study, which `command` draws."""
    seeds = f"n = {study.seeds} seed{'s' * (study.seeds > 1)}"
    of_bands = "; lines with a band are means over seeds, bands the range over seeds" if _has_bands(figure) else ""
    kind = "" if study.kind() == "paper" else f" ({study.kind()})"
    what = f"{study.title}{kind}. {panels_in_words(figure)}\n{seeds}{of_bands}. Preset {result.preset}."
    criteria = "\n".join(["Criteria:", *map(_criterion, result.verdicts)])
    made = f"Source: {study.source}.\nCommand: {command}\nDrawn by mesascope {__version__}."
    return f"{study.name()}, {name}\n\n{what}\n\n{criteria}\n\n{made}\n"


def _has_bands(figure: "Figure") -> bool:
    from matplotlib.collections import PolyCollection

    return any(isinstance(each, PolyCollection) for axes in figure.axes for each in axes.collections)


def _criterion(verdict: Verdict) -> str:
    numbers = ", ".join(filter(None, (measured(verdict), spread(verdict))))
    return f"- {verdict.claim.statement} {verdict.claim.criterion}; measured {numbers}: {verdict.outcome}."


def panels_in_words(figure: "Figure") -> str:
    """A phrase for each panel; two scales of one panel are told together."""
    panels: dict[tuple[int, int], list[Axes]] = {}
    for axes in figure.axes:
        if place := axes.get_subplotspec():
            panels.setdefault((place.num1, place.num2), []).append(axes)
    return " ".join(map(_panel, panels.values()))


def _panel(scales: "list[Axes]") -> str:
    first, *_ = scales
    letter, title = first.get_title("left"), first.get_title()
    ylabel = " and ".join(filter(None, (axes.get_ylabel() for axes in scales)))
    axis = " against ".join(filter(None, (ylabel, first.get_xlabel())))
    legend = first.get_legend()
    entries = ", ".join(text.get_text() for text in legend.get_texts()) if legend else ""
    told = ": ".join(filter(None, (title, axis))) + (f" ({entries})" if entries else "")
    return " ".join(f"{f'({letter}) ' if letter else ''}{told}.".split())
