"""Verdicts as tables: for a terminal, as Markdown, as CSV."""

import csv
import io
import math
from collections.abc import Iterable, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from mesascope.report.markdown import as_markdown
from mesascope.study.claim import Outcome, Verdict
from mesascope.study.result import StudyResult

SYMBOLS = {Outcome.REPRODUCED: "✓", Outcome.NOT_REPRODUCED: "✗", Outcome.INCONCLUSIVE: "?"}
_STYLES = {Outcome.REPRODUCED: "green", Outcome.NOT_REPRODUCED: "bold red", Outcome.INCONCLUSIVE: "yellow"}
_CSV_COLUMNS = (
    *("study", "preset", "claim", "statement", "criterion"),
    *("measured", "low", "high", "verdict", "sentence"),
)


def verdict_table(result: StudyResult) -> Table:
    """The verdicts of one study, for a terminal of 80 columns or more; colour only repeats what the words say."""
    title = f"{result.study.name()}, preset {result.study.preset_name}"
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.add_column("verdict", no_wrap=True)
    table.add_column("claim", overflow="fold")
    table.add_column("measured")
    table.add_column("criterion")
    for verdict in result.verdicts:
        outcome = Text(f"{SYMBOLS[verdict.outcome]} {verdict.outcome}", style=_STYLES[verdict.outcome])
        table.add_row(outcome, Text(verdict.claim.id), Text(measured(verdict, "\n")), Text(verdict.claim.criterion))
    return table


def measured(verdict: Verdict, separator: str = " ") -> str:
    """The number measured, with its confidence interval unless it has no sampling error."""
    if not math.isfinite(verdict.measured):
        return "not finite"
    low, high = verdict.interval
    interval = "" if low == high else f"{separator}[{low:.3g}, {high:.3g}]"
    return f"{verdict.measured:.3g}{interval}"


def tally(results: Sequence[StudyResult]) -> str:
    """How many claims came out how, in a few words."""
    outcomes = [verdict.outcome for result in results for verdict in result.verdicts]
    counts = {outcome: outcomes.count(outcome) for outcome in Outcome}
    rest = "".join(f", {counts[o]} {o}" for o in Outcome if o is not Outcome.REPRODUCED and counts[o])
    return f"{counts[Outcome.REPRODUCED]} of {len(outcomes)} claims reproduced{rest}"


def verdicts_markdown(results: Iterable[StudyResult], *, with_study: bool = True) -> str:
    """One table of the verdicts of all studies; `with_study=False` leaves out which study and preset they are of."""
    rows = [
        ("study", "preset", "claim", "verdict", "measured [95% interval]", "criterion"),
        ("---",) * 6,
        *(
            (
                result.study.name(),
                result.study.preset_name,
                verdict.claim.statement,
                f"{SYMBOLS[verdict.outcome]} {verdict.outcome}",
                measured(verdict),
                verdict.claim.criterion,
            )
            for result in results
            for verdict in result.verdicts
        ),
    ]
    first = 0 if with_study else 2
    cells = ([as_markdown(entry).replace("|", "\\|") for entry in row[first:]] for row in rows)
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)


def verdicts_csv(results: Iterable[StudyResult]) -> str:
    """One row a claim, numbers in full; those that are not finite read nan, inf or -inf."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(_CSV_COLUMNS)
    for result in results:
        for verdict in result.verdicts:
            claim = verdict.claim
            writer.writerow(
                [
                    *(result.study.name(), result.study.preset_name, claim.id, claim.statement, claim.criterion),
                    *(verdict.measured, *verdict.interval, str(verdict.outcome), verdict.sentence),
                ]
            )
    return buffer.getvalue()
