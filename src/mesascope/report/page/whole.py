"""The page as a whole: its sections in order, styles and scripts once each, Plotly once where it is needed."""

import base64
import gzip
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.resources import files

from mesascope.report.page import answers, claims, identified, studies
from mesascope.report.page.section import Contents, Section, beside, rendered
from mesascope.report.tables import tally
from mesascope.version import __version__

MARK = "<!doctype html>\n<!-- mesascope report -->"  # how a report of ours begins


def sections(contents: Contents, following: studies.Following = iter) -> Iterator[Section]:
    """Those of a report on stored results that have something to show; `following` as of the section of studies."""
    yield answers.section(contents)
    others = (claims.section(contents), studies.section(contents, following), identified.section(contents))
    yield from filter(None, others)


def lead(contents: Contents) -> str:
    """The sentence under the page's heading."""
    results = [entry.result for entry in contents.entries]
    if not results:
        return "No study is stored."
    return f"{len(results)} {'studies' if len(results) > 1 else 'study'} at preset {contents.preset}: {tally(results)}."


def page(title: str, told: str, parts: Iterable[Section]) -> str:
    """The HTML of a page with this heading, this sentence under it, and these sections."""
    from markupsafe import Markup

    parts = list(parts)
    styles = dict.fromkeys([beside("page.css"), *(style for part in parts for style in part.styles)])
    scripts = dict.fromkeys([beside("page.js"), *(script for part in parts for script in part.scripts)])
    body = rendered(
        "page.html",
        title=title,
        lead=told,
        version=__version__,
        sections=[part._replace(html=Markup(part.html)) for part in parts],
        styles=[Markup(_inside("style", style)) for style in styles],
        scripts=[Markup(_inside("script", script)) for script in scripts],
        early=Markup(_inside("script", beside("early.js"))),
        plotly=_plotly() if any(part.plotly for part in parts) else "",
    )
    return f"{MARK}\n{body}"


def _inside(element: str, text: str) -> str:
    """Text that ends no such element before its time."""
    return text.replace(f"</{element}", f"<\\/{element}")


@lru_cache
def _plotly() -> str:
    """The one file of plotly's JavaScript, compressed: as it is, it is larger than all else of a page together."""
    code = files("plotly").joinpath("package_data/plotly.min.js").read_bytes()
    return base64.b64encode(gzip.compress(code, mtime=0)).decode()
