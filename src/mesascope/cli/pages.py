"""`list` and `show`: what studies there are, and what each says of itself."""

import inspect
import json
import re
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from mesascope.cli.arguments import ListStudies, Show
from mesascope.cli.console import output, print_json
from mesascope.configuration import describe
from mesascope.studies import find_study, study_names
from mesascope.study.base import AbstractStudy
from mesascope.study.claim import KINDS


def answer(command: ListStudies | Show) -> int:
    """Print the list of studies or the page of one; 0."""
    if isinstance(command, ListStudies):
        studies = [find_study(name) for name in study_names()]
        print_json({"studies": [_entry(study) for study in studies]}) if command.json else _print_list(studies)
    else:
        study = find_study(command.study)
        print_json(_page(study)) if command.json else _print_page(study)
    return 0


def _entry(study: type[AbstractStudy]) -> dict[str, Any]:
    told = {"title": study.title, "source": study.source, "kind": study.kind()}
    return {"study": study.name(), **told, "num_claims": len(study.claims), "num_claims_by_kind": _by_kind(study)}


def _by_kind(study: type[AbstractStudy]) -> dict[str, int]:
    """How many claims of each kind a study makes, of those that there are."""
    return {kind: num for kind in KINDS if (num := sum(claim.kind == kind for claim in study.claims))}


def _page(study: type[AbstractStudy]) -> dict[str, Any]:
    claims = [{**_plain(claim), "criterion": claim.criterion} for claim in study.claims]
    presets = {name: _settings(study, name) for name in study.presets}
    return {**_entry(study), "notes": inspect.getdoc(study), "claims": claims, "presets": presets}


def _settings(study: type[AbstractStudy], preset: str) -> dict[str, Any]:
    return _plain(study.preset(preset))


def _plain(value: Any) -> dict[str, Any]:
    """The fields of a dataclass as JSON-ready data."""
    return {name: entry for name, entry in describe(value).items() if name != "class"}


def _print_list(studies: list[type[AbstractStudy]]) -> None:
    told = "Studies and their claims: of a paper, found here, of an open question"
    table = Table("study", box=box.SIMPLE_HEAD, title=told, title_justify="left")
    for kind in KINDS:
        table.add_column(kind.replace(" ", "\n"), justify="right")
    for study in studies:
        numbers = (str(_by_kind(study).get(kind, "")) for kind in KINDS)
        table.add_row(Text.assemble((study.name(), "bold"), "\n", study.title), *numbers)
    output().print(table)


def _text(study: type[AbstractStudy]) -> Text:
    """The study's docstring, a line a paragraph, for the console to wrap, with the heads of paragraphs bold."""
    paragraphs = (inspect.getdoc(study) or "").split("\n\n")
    text = "\n\n".join(paragraph.replace("\n", " ") for paragraph in paragraphs)
    parts = re.split(r"\*\*([^*]+\.)\*\*", text)
    return Text.assemble("\n", *((part, "bold" if i % 2 else "") for i, part in enumerate(parts)), "\n")


def _print_page(study: type[AbstractStudy]) -> None:
    console = output()
    source = study.source if study.kind() == "paper" else f"{study.source}: {study.kind()}"
    for text in (Text(study.title, style="bold"), Text(source, style="dim"), _text(study)):
        console.print(text)
    claims = Table(
        "claim", "whose", "statement", "criterion", box=box.SIMPLE_HEAD, title="Claims", title_justify="left"
    )
    for claim in study.claims:
        claims.add_row(Text(claim.id), Text(claim.whose), Text(claim.statement), Text(claim.criterion))
    console.print(claims)
    settings = {name: _settings(study, name) for name in study.presets}
    presets = Table("setting", *settings, box=box.SIMPLE_HEAD, title="Presets", title_justify="left")
    for name in next(iter(settings.values()), {}):
        presets.add_row(f"--{name.replace('_', '-')}", *(json.dumps(of[name]) for of in settings.values()))
    console.print(presets)
