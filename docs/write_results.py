"""Write the verdicts of stored paper-size runs, and their figures, into the documents: no number is typed by hand.

Run the studies first (`mesascope reproduce --preset paper`), then `python docs/write_results.py [RUNS]`. For every
paper it writes docs/results/PAPER.md and the figures it shows; into the README it writes the tally of each study. A
study without stored results keeps what an earlier run wrote of it, or is named as not run.
"""

import inspect
import re
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from mesascope.report.figures import save_figures
from mesascope.report.markdown import as_markdown
from mesascope.report.tables import numbers_markdown, tally, verdicts_markdown
from mesascope.runs.archive import Archive, MissingResult
from mesascope.studies import find_study, study_names
from mesascope.study.base import AbstractStudy
from mesascope.study.claim import Outcome
from mesascope.study.result import StudyResult

DOCS = Path(__file__).parent
README = DOCS.parent / "README.md"
MARKERS = ("<!-- verdicts: written by docs/write_results.py -->", "<!-- end of verdicts -->")
HEAD = """# {paper}: every claim at the paper's sizes

Written by `docs/write_results.py` from the stored results of `mesascope reproduce --paper {paper} --preset paper`.
Each verdict has the number that decides and its 95% interval or, where every seed decides, the range over seeds.
Seconds are those of computing on one or two cores, other work beside; what several studies train is counted in each.
"""


def main(runs: str = "runs") -> None:
    archive = Archive(runs)
    results = {name: judge(find_study(name).preset("paper"), archive) for name in study_names()}
    for paper in sorted({name.split("-")[0] for name in results}):
        of_paper = {name: result for name, result in results.items() if name.startswith(paper)}
        path = DOCS / "results" / f"{paper}.md"
        path.parent.mkdir(exist_ok=True)
        kept = sections_of(path)
        sections = [section(name, *each) if each else kept.get(name, missing(name)) for name, each in of_paper.items()]
        path.write_text("\n".join([HEAD.format(paper=paper), total(sections), *sections]))
    before, after = MARKERS
    pattern = re.compile(f"{re.escape(before)}.*?{re.escape(after)}", re.DOTALL)
    README.write_text(pattern.sub(lambda _: f"{before}\n{summary(results)}{after}", README.read_text()))


def sections_of(path: Path) -> dict[str, str]:
    """The sections of a page that was written earlier, by study."""
    parts = path.read_text().split("\n## ")[1:] if path.exists() else []
    return {part.split("\n")[0]: f"## {part.rstrip()}\n" for part in parts}


def judge(study: AbstractStudy, archive: Archive) -> tuple[StudyResult, float] | None:
    """The verdicts on what is stored and the seconds it took; None where something is not stored."""
    try:
        result = study.run(archive)
    except MissingResult as error:
        print(f"{study.name()}: {error}")
        return None
    return result, sum(archive.read(cell).provenance["seconds"] for cell in study.placed())


def section(name: str, result: StudyResult, seconds: float) -> str:
    """A study's page: what it is, verdicts, figures, what the study says of itself, and numbers."""
    shown = []
    with tempfile.TemporaryDirectory() as drawn:
        for path in save_figures(result.figures(), drawn):
            target = f"{name}-{path.name}"
            shutil.copy(path, DOCS / "figures" / target)
            shown.append(f"![{name}, {path.stem}](../figures/{target})\n")
    study = find_study(name)
    title, kind = as_markdown(f"{study.title}."), "" if study.kind == "paper" else f" ({study.kind})"
    head = f"## {name}\n\n**{title}** {study.source}{kind}.\n\n{tally([result])}, {seconds:.0f} s.\n"
    text = as_markdown(inspect.getdoc(study) or "")
    notes = "".join(f"- {as_markdown(note)}\n" for note in result.notes)
    table = f"{notes}\n{numbers_markdown(result)}"
    numbers = [f"<details><summary>Numbers, one a seed</summary>\n\n{table}\n</details>\n"]
    return "\n".join([head, verdicts_markdown([result], with_study=False), *shown, f"{text}\n", *numbers])


def missing(name: str) -> str:
    return f"## {name}\n\n**{as_markdown(find_study(name).title)}.** Not run at the paper's sizes yet.\n"


def total(sections: list[str]) -> str:
    """The sum of the tallies of all sections."""
    tallies = [found for each in sections if (found := tally_of(each))]
    pairs = [tuple(map(int, re.match(r"(\d+) of (\d+)", each).groups())) for each in tallies]
    reproduced, of = (sum(column) for column in zip(*pairs, strict=True)) if pairs else (0, 0)
    rest = Counter()
    for number, outcome in re.findall(r", (\d+) ([a-z ]+)", "".join(tallies)):
        rest[outcome] += int(number)
    others = "".join(f", {rest[outcome]} {outcome}" for outcome in Outcome if rest[outcome])
    return f"In all: {reproduced} of {of} claims reproduced{others}, in {len(tallies)} of {len(sections)} studies.\n"


def tally_of(text: str) -> str:
    """ "5 of 11 claims reproduced, 4 not reproduced" of a study's section or its row; nothing where it was not run."""
    found = re.search(r"\d+ of \d+ claims reproduced(, \d+ [a-z ]+?)*(?=,? \d+ s\.| \|)", text)
    return found[0] if found else ""


def summary(results: dict[str, tuple[StudyResult, float] | None]) -> str:
    """One row a study, for the README."""
    earlier = {row.split("]")[0][3:]: row for row in README.read_text().splitlines() if row.startswith("| [")}
    rows = ["| study | what it claims | at the paper's sizes |\n| --- | --- | --- |\n"]
    for name, found in results.items():
        study = find_study(name)
        outcome = tally([found[0]]) if found else tally_of(earlier.get(name, "")) or "not run yet"
        page, kind = f"docs/results/{name.split('-')[0]}.md#{name}", "" if study.kind == "paper" else f" ({study.kind})"
        rows.append(f"| [{name}]({page}) | {as_markdown(study.title)}{kind} | {outcome} |\n")
    return "".join(rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
