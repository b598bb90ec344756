"""A study's page, as `mesascope show` prints it, in paragraphs with their heads."""

import html
import inspect
import re
from typing import TYPE_CHECKING, NamedTuple

from mesascope.study.base import AbstractStudy

if TYPE_CHECKING:
    from markupsafe import Markup

AFTER_RESULTS = ("Differences", "Limits")


class Paragraph(NamedTuple):
    """A paragraph, and its head, which may be empty."""

    head: str
    html: "Markup"


def paragraphs(study: AbstractStudy) -> list[Paragraph]:
    """The paragraphs of a study's docstring."""
    parts = (inspect.getdoc(type(study)) or "").split("\n\n")
    found = [re.fullmatch(r"(?:\*\*([^*]+)\.\*\*)?\s*(.*)", part.strip(), re.DOTALL) for part in parts if part.strip()]
    return [Paragraph(match[1] or "", with_code(match[2])) for match in found if match]


def with_code(text: str) -> "Markup":
    """Text, escaped, with what stands between backticks as code."""
    from markupsafe import Markup

    parts = re.split(r"`([^`]+)`", text)
    return Markup("".join(f"<code>{html.escape(part)}</code>" if i % 2 else html.escape(part) for i, part in enumerate(parts)))
