"""How two sets of results differ: the claims that moved, and how both came about."""

from typing import NamedTuple

from mesascope.report.moved import Moves
from mesascope.report.page.claims import spread_or_why_not
from mesascope.report.page.provenance import Cells, origin
from mesascope.report.page.section import Section, rendered
from mesascope.report.tables import SYMBOLS, measured


class Side(NamedTuple):
    """One of the two: its name, how its cells came about, and why studies are not in it, by their names."""

    name: str
    cells: Cells
    missing: dict[str, str]


def sections(found: Moves, sides: tuple[Side, Side]) -> list[Section]:
    """The claims that moved; how both sides came about; what is in one of them only."""
    told = {"found": found, "sides": sides, "symbols": SYMBOLS, "measured": measured, "spread": spread_or_why_not}
    origins = [origin(side.cells) for side in sides]
    names = list(dict.fromkeys(name for each in origins for name in each))
    rows = [(name, *(each.get(name, "") for each in origins)) for name in names]
    parts = [
        Section("moved", "What moved", rendered("moved.html", **told)),
        Section("origins", "How both came about", rendered("origins.html", sides=sides, rows=rows)),
    ]
    if any(side.missing for side in sides):
        parts.append(Section("missing", "Not in both", rendered("missing.html", sides=sides)))
    return parts
