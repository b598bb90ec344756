"""The documentation site: what Sphinx reads, and what it makes of docstrings and formulas."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "extensions"), str(HERE.parents[1] / "src")]

from mesascope.version import __version__  # noqa: E402

project = "mesascope"
author = "The mesascope authors"
project_copyright = "the mesascope authors, Apache-2.0"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "docstring_text", "generated_pages", "mathml"]
include_patterns = ["index.md", "site/**", "results/*.md", "*.md"]
exclude_patterns = ["site/_build"]
nitpicky = True
# Annotations name classes of other packages, and of files that are not public: these are shown and not linked. What a
# page or a docstring links to is public, `mesascope.NAME`, and is checked.
nitpick_ignore_regex = [("py:.*", r"(?!mesascope\.).*"), ("py:class", r"mesascope\.\w+\.[\w.]+")]
smartquotes = False  # x' is a formula
highlight_language = "none"  # so is an indented part of a docstring

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
html_math_renderer = "mathml"

autodoc_default_options = {
    "members": True,
    "exclude-members": "examples, candidates",  # for tests and for `identify`: the same sentence in every class
    "member-order": "bysource",
    "show-inheritance": True,
}
autodoc_inherit_docstrings = False
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 90
toc_object_entries_show_parents = "hide"

html_theme = "furo"
pygments_dark_style = "monokai"
html_title = "mesascope"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_search_summary = False  # it is fetched, which a browser refuses to pages from disk
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
