"""A part of the page for each study: what it asks, its claims with their numbers, figures, limits, and its origin."""

from collections.abc import Callable, Iterable

from mesascope.report.page.claims import spread_or_why_not
from mesascope.report.page.pictures import picture
from mesascope.report.page.prose import AFTER_RESULTS, paragraphs
from mesascope.report.page.provenance import facts, settings
from mesascope.report.page.section import Contents, Entry, Section, anchor_of, beside, rendered
from mesascope.report.tables import SYMBOLS, in_a_row, measured, tally

Following = Callable[[Iterable[Entry]], Iterable[Entry]]


def section(contents: Contents, following: Following = iter) -> Section | None:
    """Every study that is stored; `following` gives the entries one by one, to tell how far it is."""
    if not contents.entries:
        return None
    html = "\n".join(_study(entry) for entry in following(contents.entries))
    links = {anchor_of(entry.result.study): entry.result.study for entry in contents.entries}
    return Section("studies", "Studies", html, scripts=(beside("pictures.js"),), links=links, plotly=True)


def _study(entry: Entry) -> str:
    result, told = entry.result, paragraphs(entry.study)
    rows = [(each, measured(each), spread_or_why_not(each), in_a_row(each.numbers)) for each in result.verdicts]
    pictures = [picture(figure, name, f"{result.study}-{name}") for name, figure in result.figures().items()]
    return rendered(
        "study.html",
        entry=entry,
        anchor=anchor_of(result.study),
        tally=tally([result]),
        symbols=SYMBOLS,
        before=[each for each in told if each.head not in AFTER_RESULTS],
        after=[each for each in told if each.head in AFTER_RESULTS],
        rows=rows,
        others={name: in_a_row(numbers) for name, numbers in result.others.items()},
        pictures=pictures,
        facts=facts(entry),
        settings=settings(entry),
    )
