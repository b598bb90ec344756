"""Formulas in Markdown."""

import pytest

from mesascope.report.markdown import as_markdown


@pytest.mark.parametrize(("text", "written"), [
    ("s*_{T,j} and s_t <s_t, s_{t-1}>", r"s\*\_{T,j} and s\_t \<s\_t, s\_{t-1}\>"),
    ("`theory/position_only.py` says p_T", r"`theory/position_only.py` says p\_T"),
    ("2 cos(theta)\n- 1", "2 cos(theta)\n\\- 1"),
    ("in\n2024. It", "in\n2024\\. It"),
    ("blocks [[1, r], [r, 1]](x)", r"blocks \[\[1, r\], \[r, 1\]\](x)"),
    ("**What is it.** A**B** = W*", r"**What is it.** A\*\*B\*\* = W\*"),
    ("plain words, 1e-3 - 2", "plain words, 1e-3 - 2"),
])  # fmt: skip
def test_what_would_be_markup_is_escaped(text, written):
    assert as_markdown(text) == written
