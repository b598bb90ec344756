"""Claims whose verdict or number is another in a second set of results, beyond what seeds and rounding explain."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from rich import box
from rich.table import Table
from rich.text import Text

from mesascope.report.tables import SYMBOLS, measured, spread
from mesascope.study.claim import Verdict
from mesascope.study.result import StudyResult

ROUNDING = 1e-3  # of the larger number, or of the bound: machines and versions round otherwise


class Move(NamedTuple):
    """A claim of a study with both verdicts, and what moved: "verdict", "number" or both."""

    study: str
    first: Verdict
    second: Verdict
    what: str


class Moves(NamedTuple):
    """What moved, how many claims were compared, and which studies only one side has."""

    moves: tuple[Move, ...]
    num_claims: int
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """How many claims moved."""
        if not self.num_claims:
            return "No claim is in both."
        verdicts = sum("verdict" in move.what for move in self.moves)
        with_other = f", {verdicts} of them with another verdict" if self.moves else ""
        return f"{len(self.moves)} of {self.num_claims} claims moved beyond noise{with_other}."


def compare(first: Mapping[str, StudyResult], second: Mapping[str, StudyResult]) -> Moves:
    """What moved from the first results to the second, by the names of studies; claims go by their ids."""
    both = [name for name in first if name in second]
    pairs = [
        (name, before, after)
        for name in both
        for before in first[name].verdicts
        for after in second[name].verdicts
        if before.claim.id == after.claim.id
    ]
    found = (Move(name, before, after, what_moved(before, after)) for name, before, after in pairs)
    return Moves(
        tuple(move for move in found if move.what),
        len(pairs),
        tuple(name for name in first if name not in second),
        tuple(name for name in second if name not in first),
    )


def what_moved(first: Verdict, second: Verdict) -> str:
    """ "verdict", "number", "verdict and number", or "" for neither."""
    parts = ["verdict"] * (first.outcome is not second.outcome) + ["number"] * _beyond_noise(first, second)
    return " and ".join(parts)


def _beyond_noise(first: Verdict, second: Verdict) -> bool:
    """Whether each number lies outside of the other's interval or range, by more than rounding."""
    a, b = first.measured, second.measured
    if not (math.isfinite(a) and math.isfinite(b)):
        return math.isfinite(a) != math.isfinite(b)
    if abs(a - b) <= ROUNDING * max(abs(a), abs(b), abs(first.claim.bound)):
        return False
    return not (first.low <= b <= first.high or second.low <= a <= second.high)


def moves_table(found: Moves, names: tuple[str, str]) -> Table:
    """One row a claim that moved, for a terminal."""
    title = Text(f"first: {names[0]}\nsecond: {names[1]}")
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for head in ("claim", "first", "second", "moved"):
        table.add_column(head, overflow="fold")
    for move in found.moves:
        claim = Text.assemble(move.study, "\n", (move.first.claim.id, "dim"))
        table.add_row(claim, *(Text("\n".join(in_lines(each))) for each in (move.first, move.second)), move.what)
    return table


def in_lines(verdict: Verdict) -> list[str]:
    """The verdict, its number, and the interval or the range."""
    return list(filter(None, (f"{SYMBOLS[verdict.outcome]} {verdict.outcome}", measured(verdict), spread(verdict))))
