"""Verdicts and their numbers as tables: for a terminal, as Markdown, as CSV."""

import csv
import io
import math
from collections.abc import Iterable, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from mesascope.report.markdown import as_markdown
from mesascope.study.claim import KINDS, Outcome, Verdict
from mesascope.study.result import StudyResult

SYMBOLS = {
    Outcome.REPRODUCED: "✓",
    Outcome.NOT_REPRODUCED: "✗",
    Outcome.INCONCLUSIVE: "?",
    Outcome.NOT_DECIDED: "–",
    Outcome.NOT_MEASURED: "∅",
}
_STYLES = {
    Outcome.REPRODUCED: "green",
    Outcome.NOT_REPRODUCED: "bold red",
    Outcome.INCONCLUSIVE: "yellow",
    Outcome.NOT_DECIDED: "dim",
    Outcome.NOT_MEASURED: "yellow",
}
_CSV_COLUMNS = (
    *("study", "preset", "claim", "kind", "restates", "statement", "criterion"),
    *("measured", "low", "high", "low_and_high_are", "per_seed", "verdict", "sentence"),
)


def verdict_table(result: StudyResult) -> Table:
    """The verdicts of one study, for a terminal of 80 columns or more; colour only repeats what the words say."""
    kind = "" if result.kind == "paper" else f", {result.kind}"
    title = f"{result.study}, preset {result.preset}{kind}"
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.add_column("verdict")
    table.add_column("claim,\nwhose", overflow="fold")
    table.add_column("measured,\ninterval or range")
    table.add_column("criterion")
    for verdict in result.verdicts:
        outcome = Text(f"{SYMBOLS[verdict.outcome]} {verdict.outcome}", style=_STYLES[verdict.outcome])
        number = "\n".join(filter(None, (measured(verdict), spread(verdict))))
        claim = Text.assemble(verdict.claim.id, "\n", (verdict.claim.whose, "dim"))
        table.add_row(outcome, claim, Text(number), Text(verdict.claim.criterion))
    return table


def numbers_table(result: StudyResult) -> Table:
    """Every claim's numbers, and those that no claim is about, one a seed."""
    table = Table(title="Numbers, one a seed", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("of", overflow="fold")
    table.add_column("numbers", overflow="fold")
    for name, found in all_numbers(result).items():
        table.add_row(Text(name), Text(in_a_row(found)))
    return table


def all_numbers(result: StudyResult) -> dict[str, tuple[float, ...]]:
    """The numbers of every claim that has some, by its id, then those that no claim is about."""
    of_claims = {verdict.claim.id: verdict.numbers for verdict in result.verdicts if verdict.numbers}
    return of_claims | result.others


def in_a_row(numbers: Sequence[float], most: int = 12) -> str:
    """Numbers side by side; of many, how many there are and between what they lie."""
    if len(numbers) <= most:
        return "  ".join(f"{number:.4g}" for number in numbers)
    finite = [number for number in numbers if math.isfinite(number)]
    if not finite:
        return f"{len(numbers)} numbers, none finite"
    return f"{len(numbers)} numbers from {min(finite):.4g} to {max(finite):.4g}"


def measured(verdict: Verdict) -> str:
    """The number that decides."""
    if verdict.outcome is Outcome.NOT_MEASURED:
        return "none"
    return f"{verdict.measured:.3g}" if math.isfinite(verdict.measured) else "not finite"


def spread(verdict: Verdict) -> str:
    """The interval or the range, called what it is; nothing for one number."""
    if verdict.spread == "none" or not math.isfinite(verdict.measured):
        return ""
    return f"{verdict.spread} {verdict.low:.3g} to {verdict.high:.3g}"


def tally(results: Sequence[StudyResult]) -> str:
    """How many claims came out how, in a few words."""
    return in_words([verdict.outcome for result in results for verdict in result.verdicts])


def in_words(outcomes: Sequence[Outcome]) -> str:
    """ "5 of 7 claims reproduced, 2 not reproduced" of a list of outcomes."""
    counts = {outcome: outcomes.count(outcome) for outcome in Outcome}
    rest = "".join(f", {counts[o]} {o}" for o in Outcome if o is not Outcome.REPRODUCED and counts[o])
    return f"{counts[Outcome.REPRODUCED]} of {len(outcomes)} claims reproduced{rest}"


def tallies(results: Sequence[StudyResult]) -> dict[str, str]:
    """A tally of each kind of claim that there is, by the kind in words."""
    found = {}
    for kind, told in zip(KINDS, ("stated by the papers", "found here", "open questions"), strict=True):
        outcomes = [each.outcome for result in results for each in result.verdicts if each.claim.kind == kind]
        if outcomes:
            found[told] = in_words(outcomes)
    return found


def studies_table(results: Sequence[StudyResult], figures: Sequence[str]) -> Table:
    """One row a study: how many claims came out how, seconds, where its figures are."""
    table = Table(box=box.SIMPLE_HEAD, show_footer=True)
    outcomes = [outcome for outcome in Outcome if any(v.outcome is outcome for each in results for v in each.verdicts)]
    counts = [[sum(v.outcome is outcome for v in each.verdicts) for outcome in outcomes] for each in results]
    table.add_column("study", Text("all"), overflow="fold")
    for i, outcome in enumerate(outcomes):
        table.add_column(f"{SYMBOLS[outcome]}", str(sum(row[i] for row in counts)), justify="right")
    table.add_column("seconds", f"{sum(each.seconds for each in results):.0f}", justify="right")
    table.add_column("figures", overflow="fold")
    for kind in ("paper", "open question"):
        for each, row, where in zip(results, counts, figures, strict=True):
            if each.kind == kind:
                shown = ("" if count == 0 else str(count) for count in row)
                table.add_row(Text(each.study), *shown, f"{each.seconds:.0f}", Text(where))
        table.add_section()
    table.caption = ", ".join(f"{SYMBOLS[outcome]} {outcome}" for outcome in outcomes)
    table.caption_justify = "left"
    return table


def verdicts_markdown(results: Iterable[StudyResult], *, with_study: bool = True) -> str:
    """One table of the verdicts of all studies; `with_study=False` leaves out which study and preset they are of."""
    rows = [
        ("study", "preset", "claim", "whose", "verdict", "measured", "95% interval", "range over seeds", "criterion"),
        ("---",) * 9,
        *(
            (
                *(result.study, result.preset, verdict.claim.statement, verdict.claim.whose),
                *(f"{SYMBOLS[verdict.outcome]} {verdict.outcome}", measured(verdict)),
                *(spread(verdict).removeprefix(kind).strip() if verdict.spread == kind else "" for kind in _SPREADS),
                verdict.claim.criterion,
            )
            for result in results
            for verdict in result.verdicts
        ),
    ]
    first = 0 if with_study else 2
    return _markdown(row[first:] for row in rows)


_SPREADS = ("interval", "range")


def numbers_markdown(result: StudyResult) -> str:
    """A table of every claim's numbers and of those that no claim is about."""
    rows = ((name, in_a_row(found).replace("  ", ", ")) for name, found in all_numbers(result).items())
    return _markdown([("of", "numbers, one a seed"), ("---", "---"), *rows])


def _markdown(rows: Iterable[Sequence[str]]) -> str:
    cells = ([as_markdown(entry).replace("|", "\\|") for entry in row] for row in rows)
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)


def verdicts_csv(results: Iterable[StudyResult]) -> str:
    """One row a claim, numbers in full, seeds apart by spaces; those that are not finite read nan, inf or -inf."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(_CSV_COLUMNS)
    for result in results:
        for verdict in result.verdicts:
            claim, numbers = verdict.claim, " ".join(map(repr, verdict.numbers))
            of_claim = (claim.id, claim.kind, claim.restates, claim.statement, claim.criterion)
            found = (verdict.measured, verdict.low, verdict.high, verdict.spread, numbers)
            told = (str(verdict.outcome), verdict.sentence)
            writer.writerow([result.study, result.preset, *of_claim, *found, *told])
    return buffer.getvalue()
