"""Formulas as MathML, which a browser draws by itself: no script, no font and no network is needed.

Sphinx has no renderer of its own for it; docutils, which it stands on, translates LaTeX.
"""

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

LOG = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def inline(writer: HTML5Translator, node: nodes.math) -> None:
    writer.body.append(drawn(node, as_block=False))
    raise nodes.SkipNode


def block(writer: HTML5Translator, node: nodes.math_block) -> None:
    writer.body.append(f'<div class="formula">{drawn(node, as_block=True)}</div>')
    raise nodes.SkipNode


def drawn(node: nodes.math | nodes.math_block, *, as_block: bool) -> str:
    """A formula that cannot be translated is a warning, and so ends a strict build."""
    try:
        return tex2mathml(node.astext(), as_block=as_block)
    except MathError as error:
        LOG.warning("formula not understood: %s (%s)", node.astext(), error, location=node)
        return ""
