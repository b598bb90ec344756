"""A study's page, as `mesascope show` prints it, in paragraphs with their heads."""

import inspect
import re
from typing import NamedTuple

from mesascope.study.base import AbstractStudy

AFTER_RESULTS = ("Differences", "Limits")


class Paragraph(NamedTuple):
    """A paragraph, and its head, which may be empty."""

    head: str
    text: str


def paragraphs(study: AbstractStudy) -> list[Paragraph]:
    """The paragraphs of a study's docstring."""
    parts = (inspect.getdoc(type(study)) or "").split("\n\n")
    found = [re.fullmatch(r"(?:\*\*([^*]+)\.\*\*)?\s*(.*)", part.strip(), re.DOTALL) for part in parts if part.strip()]
    return [Paragraph(match[1] or "", match[2]) for match in found if match]
