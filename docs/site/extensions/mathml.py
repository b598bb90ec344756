"""Formulas as MathML, which a browser draws by itself: no script and no network is needed.

Sphinx has no renderer of its own for it; docutils, which it stands on, translates LaTeX. Brackets grow and accents sit
right with a font made for formulas alone, which few machines have: STIX Two Math is taken from the package ziamath.
"""

import re
import shutil
from importlib.resources import as_file, files
from pathlib import Path

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

LOG = logging.getLogger(__name__)
_FENCE = re.compile(r"<mo[^>]*>([‖|⟨⟩])</mo>")
_QUIET_FENCE = r'<mo stretchy="false" lspace="0" rspace="0">\1</mo>'  # else some grow, and bars keep their distance
FONT = "STIXTwoMath-Regular.ttf"


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    app.connect("build-finished", copy_font)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def copy_font(app: Sphinx, error: Exception | None) -> None:
    static = Path(app.outdir) / "_static"
    if error is None and static.is_dir():
        with as_file(files("ziamath") / "fonts" / FONT) as font:
            shutil.copyfile(font, static / FONT)


def inline(writer: HTML5Translator, node: nodes.math) -> None:
    writer.body.append(drawn(node, as_block=False))
    raise nodes.SkipNode


def block(writer: HTML5Translator, node: nodes.math_block) -> None:
    writer.body.append(f'<div class="formula">{drawn(node, as_block=True)}</div>')
    raise nodes.SkipNode


def drawn(node: nodes.math | nodes.math_block, *, as_block: bool) -> str:
    """A formula that cannot be translated is a warning, and so ends a strict build."""
    try:
        return _FENCE.sub(_QUIET_FENCE, tex2mathml(node.astext(), as_block=as_block))
    except MathError as error:
        LOG.warning("formula not understood: %s (%s)", node.astext(), error, location=node)
        return ""
