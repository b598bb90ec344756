"""What a page is made of: sections, each a piece of HTML with the styles and scripts it needs."""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mesascope.identify.result import Identification
from mesascope.study.base import AbstractStudy
from mesascope.study.result import StudyResult

if TYPE_CHECKING:
    from markupsafe import Markup

HERE = Path(__file__).parent


class Section(NamedTuple):
    """A part of the page: an anchor, a heading, HTML, and texts of CSS and JavaScript that stand in the page once.

    Headings in `html` begin at level 3, below the section's own. What is not markup in it must
    be escaped: `rendered` does that. `links` are the entries under the section in the table of contents, by anchor.
    Scripts run when the page has been read; `mesascope.plotly()` gives them a promise of Plotly where `plotly` is true.
    """

    anchor: str
    heading: str
    html: str
    styles: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    links: Mapping[str, str] = {}
    plotly: bool = False


class Entry(NamedTuple):
    """A study with its result, how each of its cells came about, by label, and the command that makes it again."""

    study: AbstractStudy
    result: StudyResult
    cells: tuple[tuple[str, Mapping[str, Any]], ...]
    command: str


class Contents(NamedTuple):
    """All that a report is about: studies, why others are not in it, and identifications by the name of their file."""

    preset: str
    entries: tuple[Entry, ...]
    missing: Mapping[str, str]
    identifications: Mapping[str, Identification]


def beside(name: str, folder: Path = HERE) -> str:
    """The text of a style sheet or script that lies beside a section."""
    return (folder / name).read_text(encoding="utf-8")


def rendered(template: str, folder: Path = HERE, **told: Any) -> str:
    """A template that lies beside a section, filled in; whatever it is told is escaped, but for `Markup`."""
    return _environment(folder).get_template(template).render(**told)


@lru_cache
def _environment(folder: Path) -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader([folder, HERE])
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, loader=loader, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["code"] = with_code
    return environment


def with_code(text: str) -> "Markup":
    """Text, escaped, with what stands between backticks as code."""
    from markupsafe import Markup, escape

    parts = re.split(r"`([^`]+)`", text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if i % 2 else escape(part) for i, part in enumerate(parts)
    )


def anchor_of(name: str) -> str:
    """The anchor of a study's part of the page."""
    return f"study-{name}"


def paper_of(name: str) -> str:
    """The paper that a study belongs to, by the first word of the study's name."""
    return name.partition("-")[0]
