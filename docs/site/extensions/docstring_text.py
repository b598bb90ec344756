"""Docstrings as they are: plain text with formulas, of which indented parts are shown line by line.

autodoc reads reStructuredText, where W_0 |x|^2 and x_i^* are markup. Here all of it is text, but for `code`, which is a
link where it names something public, **bold**, lists, and indented parts.
"""

import re
import textwrap
from collections.abc import Iterator

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

import mesascope as ms

_CODE_OR_BOLD = re.compile(r"(`[^`]+`|\*\*[^*]+\*\*)")
_MARKUP = re.compile(r"[\\*_|`]")
_OF_JAX = re.compile(r"\bjax(lib)?(\.\w+)*\.(?=[A-Z])")
_ITEM = re.compile(r"([-*]|\d+\.) ")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", rewrite)
    app.connect("doctree-read", without_private_modules)
    return {"parallel_read_safe": True}


def rewrite(app: Sphinx, what: str, name: str, of: object, options: object, lines: list[str]) -> None:
    told = [] if lines[:1] and lines[0].startswith("Alias for field number") else lines  # Python's own, of a NamedTuple
    lines[:] = as_rst("\n".join(told)).split("\n")


def without_private_modules(app: Sphinx, document: nodes.document) -> None:
    """JAX's arrays are called `Array`, wherever JAX defines them today."""
    for signature in document.findall(addnodes.desc_signature):
        for text in list(signature.findall(nodes.Text)):
            if short := _OF_JAX.sub("", text):
                text.parent.replace(text, nodes.Text(short))


def as_rst(text: str) -> str:
    """The text as reStructuredText that shows it as it is."""
    return "\n\n".join(part for block in re.split(r"\n\s*\n", text.strip("\n")) for part in _parts(block.split("\n")))


def _parts(lines: list[str]) -> Iterator[str]:
    """Of lines without a blank one between: the indented are literal, where they continue no item of a list."""
    if _ITEM.match(lines[0]):
        yield inline("\n".join(lines))
        return
    while lines:
        indented = lines[0].startswith("  ")
        count = next((i for i, line in enumerate(lines) if line.startswith("  ") != indented), len(lines))
        part, lines = lines[:count], lines[count:]
        if indented:
            yield "::\n\n" + textwrap.indent(textwrap.dedent("\n".join(part)), "    ")
        else:
            yield inline("\n".join(part))


def inline(text: str) -> str:
    """`code` and **bold** kept, all other markup escaped."""
    parts = _CODE_OR_BOLD.split(text)
    parts[::2] = (_MARKUP.sub(lambda found: f"\\{found[0]}", part) for part in parts[::2])
    parts[1::2] = (part if part.startswith("**") else _code(part[1:-1]) for part in parts[1::2])
    return "".join(parts)


def _code(text: str) -> str:
    name = " ".join(text.split()).removesuffix("()").removeprefix("ms.").removeprefix("mesascope.")
    if name in ms.__all__:
        return rf"\ :py:obj:`{name} <mesascope.{name}>`\ "
    return rf"\ ``{' '.join(text.split())}``\ "
