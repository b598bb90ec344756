"""A page for every study, with what `mesascope show` prints, and a page that lists them."""

import inspect
import json
from pathlib import Path

from mesascope.configuration import describe
from mesascope.report.markdown import as_markdown
from mesascope.studies import find_study, study_names
from mesascope.study.base import AbstractStudy

RESULTS = Path(__file__).parents[2] / "results"


def study_pages() -> dict[str, str]:
    """The text of every page, by its file's name."""
    return {"index.md": index(), **{f"{name}.md": study_page(find_study(name)) for name in study_names()}}


def study_page(study: type[AbstractStudy]) -> str:
    """The study's docstring, its claims and its presets."""
    name = study.name()
    source = study.source if study.kind() == "paper" else f"{study.source}: {study.kind()}"
    claims = [(claim.id, claim.whose, claim.statement, claim.criterion) for claim in study.claims]
    settings = {preset: describe(study.preset(preset)) for preset in study.presets}
    names = [setting for setting in next(iter(settings.values())) if setting != "class"]
    presets = [
        (f"`--{each.replace('_', '-')}`", *(as_markdown(json.dumps(of[each])) for of in settings.values()))
        for each in names
    ]
    parts = [
        f"# {name}",
        f"**{as_markdown(study.title)}.** {as_markdown(source)}",
        as_markdown(inspect.getdoc(study) or ""),
        *results_of(name),
        "## Claims",
        table(("claim", "whose", "statement", "criterion"), [tuple(map(as_markdown, claim)) for claim in claims]),
        "## Presets",
        table(("setting", *settings), presets),
    ]
    return "\n\n".join(parts) + "\n"


def results_of(name: str) -> list[str]:
    """A link to its verdicts, where a run was written down."""
    path = RESULTS / f"{name.split('-')[0]}.md"
    if not path.exists() or f"\n## {name}\n" not in path.read_text():
        return []
    return [f"Verdicts and figures at the paper's size: [results](../../results/{path.name}#{name})."]


def index() -> str:
    """Every study by its name, with its title."""
    rows = [(f"[{name}]({name}.md)", as_markdown(find_study(name).title)) for name in study_names()]
    told = (
        "What each study asks, its claims with their criteria, and its presets: `mesascope show STUDY` prints the same."
    )
    tree = "```{toctree}\n:hidden:\n\n" + "\n".join(study_names()) + "\n```"
    return f"# Studies\n\n{told}\n\n{table(('study', 'what it finds or asks'), rows)}\n\n{tree}\n"


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    cells = [[cell.replace("|", r"\|") for cell in row] for row in (head, ("---",) * len(head), *rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)
