"""Write the verdicts of stored paper-size runs, and their figures, into the documents: no number is typed by hand.

Run the studies first (`mesascope reproduce --preset paper`), then `python docs/write_results.py [RUNS]`. For every
paper it writes docs/results/PAPER.md and the figures it shows; into the README it writes the tallies of each study, and
into docs/figures.md all figures. A study without stored results keeps what an earlier run wrote of it, which
docs/results/tallies.json remembers, or is named as not run.

Why a claim is not reproduced is written by hand, a sentence each, in docs/results/reasons.json; the command ends with
exit code 1 until none is missing.
"""

import inspect
import json
import re
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from mesascope.report.figures import save_figures
from mesascope.report.markdown import as_markdown
from mesascope.report.tables import in_words, numbers_markdown, verdicts_markdown
from mesascope.runs.archive import Archive, MissingResult
from mesascope.studies import find_study, study_names
from mesascope.study.base import AbstractStudy
from mesascope.study.claim import KINDS, Outcome
from mesascope.study.result import StudyResult

DOCS = Path(__file__).parent
README, FIGURES = DOCS.parent / "README.md", DOCS / "figures"
TALLIES, REASONS = DOCS / "results" / "tallies.json", DOCS / "results" / "reasons.json"
MARKERS = ("<!-- verdicts: written by docs/write_results.py -->", "<!-- end of verdicts -->")
TOLD = dict(zip(KINDS, ("Stated by the paper", "Found here", "Open question"), strict=True))
HEAD = """# {paper}: every claim at the paper's sizes

Written by `docs/write_results.py` from the stored results of `mesascope reproduce --paper {paper} --preset paper`.
Each verdict has the number that decides and its 95% interval or, where every seed decides, the range over seeds.
Seconds are those of computing on one or two cores, other work beside; what several studies train is counted in each.
"""
GALLERY = """# Every figure

Drawn by `docs/write_results.py` from stored results at the papers' sizes, 17 cm wide. `mesascope export STUDY` writes
them as SVG and PDF, at any width, with captions.
"""

Tallies = dict[str, dict[str, dict[str, int]]]  # by study, kind and outcome


def main(runs: str = "runs") -> int:
    archive = Archive(runs)
    reasons = json.loads(REASONS.read_text()) if REASONS.exists() else {}
    tallies: Tallies = json.loads(TALLIES.read_text()) if TALLIES.exists() else {}
    missing: list[str] = []
    by_paper: dict[str, list[str]] = {}
    for name in study_names():
        by_paper.setdefault(name.split("-")[0], []).append(name)
    tallies = {name: tally for name, tally in tallies.items() if name in study_names()}
    for paper, names in by_paper.items():
        path = DOCS / "results" / f"{paper}.md"
        kept, sections = sections_of(path), []
        for name in names:
            found = judge(find_study(name).preset("paper"), archive)
            if found:
                tallies[name] = tally_of(found[0])
                sections.append(section(name, *found, reasons.get(name, {}), missing))
            else:
                sections.append(kept.get(name, "") if name in tallies else not_run(name))
        of_paper = {name: tally for name, tally in tallies.items() if name in names}
        path.write_text("\n".join([HEAD.format(paper=paper), *total(of_paper), "", *sections]))
    TALLIES.write_text(f"{json.dumps(tallies, indent=1, sort_keys=True)}\n")
    write_readme(tallies)
    write_gallery()
    print("\n".join(["docs/results/reasons.json says nothing of:", *missing] if missing else ["documents written"]))
    return bool(missing)


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


def tally_of(result: StudyResult) -> dict[str, dict[str, int]]:
    """How many claims of each kind came out how."""
    found: dict[str, Counter] = {}
    for verdict in result.verdicts:
        found.setdefault(verdict.claim.kind, Counter())[str(verdict.outcome)] += 1
    return {kind: dict(counts) for kind, counts in found.items()}


def words_of(counts: dict[str, int]) -> str:
    """ "5 of 7 claims reproduced, 2 not reproduced"."""
    return in_words([Outcome(outcome) for outcome, number in counts.items() for _ in range(number)])


def section(name: str, result: StudyResult, seconds: float, reasons: dict[str, str], missing: list[str]) -> str:
    """A study's page, with the results where its text has measured, and the numbers at its end."""
    study = find_study(name)
    paragraphs = as_markdown(inspect.getdoc(study) or "").split("\n\n")
    heads = [i for i, text in enumerate(paragraphs) if text.startswith("**What we measure.**")]
    before = heads[0] + 1 if heads else len(paragraphs)
    told = [f"{TOLD[kind]}: {words_of(counts)}." for kind, counts in tally_of(result).items()]
    head = f"## {name}\n\n**{as_markdown(study.title)}.** {as_markdown(study.source)}."
    found = f"**Result.** {' '.join(told)} {seconds:.0f} s."
    why = explained(name, result, reasons, missing)
    notes = "".join(f"- {as_markdown(note)}\n" for note in result.notes)
    numbers = f"<details><summary>Numbers, one a seed</summary>\n\n{notes}\n{numbers_markdown(result)}\n</details>\n"
    table = verdicts_markdown([result], with_study=False)
    parts = [head, *paragraphs[:before], found, table, *why, *drawn(name, result), *paragraphs[before:], numbers]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def explained(name: str, result: StudyResult, reasons: dict[str, str], missing: list[str]) -> list[str]:
    """For every claim that is not reproduced, why."""
    lines = []
    for verdict in result.verdicts:
        if verdict.outcome in (Outcome.NOT_REPRODUCED, Outcome.INCONCLUSIVE, Outcome.NOT_MEASURED):
            why = reasons.get(verdict.claim.id, "")
            missing += [] if why else [f"{name}: {verdict.claim.id}: {verdict.sentence}"]
            lines.append(f"- *{as_markdown(verdict.claim.statement)}* {str(verdict.outcome).capitalize()}. {why}")
    return ["\n".join(lines)] if lines else []


def drawn(name: str, result: StudyResult) -> list[str]:
    """The study's figures, saved."""
    forget_figures(name)
    shown = []
    with tempfile.TemporaryDirectory() as folder:
        for path in save_figures(result.figures(), folder):
            shutil.copy(path, FIGURES / f"{name}-{path.name}")
            shown.append(f"![{name}, {path.stem}](../figures/{name}-{path.name})")
    return shown


def forget_figures(name: str) -> None:
    """Remove what an earlier run drew of a study."""
    for old in FIGURES.glob(f"{name}-*.png"):
        old.unlink()


def not_run(name: str) -> str:
    forget_figures(name)
    return f"## {name}\n\n**{as_markdown(find_study(name).title)}.** Not run at the paper's sizes yet.\n"


def total(tallies: Tallies) -> list[str]:
    """A line for each kind of claim: how many of all studies came out how."""
    sums: dict[str, Counter] = {kind: Counter() for kind in KINDS}
    for of_study in tallies.values():
        for kind, counts in of_study.items():
            sums[kind].update(counts)
    return [f"- {TOLD[kind]}: {words_of(counts)}." for kind, counts in sums.items() if counts]


def write_readme(tallies: Tallies) -> None:
    """The three tallies, and one row a study."""
    rows = [f"| study | what it asks | {' | '.join(TOLD.values()).lower()} |", f"|{' --- |' * (2 + len(TOLD))}"]
    for name in study_names():
        page, of_study = f"docs/results/{name.split('-')[0]}.md#{name}", tallies.get(name, {})
        cells = [short(of_study.get(kind, {})) for kind in KINDS] if of_study else ["not run yet", "", ""]
        rows.append(f"| [{name}]({page}) | {as_markdown(find_study(name).title)} | {' | '.join(cells)} |")
    before, after = MARKERS
    pattern = re.compile(f"{re.escape(before)}.*?{re.escape(after)}", re.DOTALL)
    text = "\n".join([before, *total(tallies), "", *rows, after])
    README.write_text(pattern.sub(lambda _: text, README.read_text()))


def short(counts: dict[str, int]) -> str:
    """ "5 of 7", and what is undecided."""
    if not counts:
        return ""
    words = words_of(counts).replace(" claims reproduced", "").split(", ")
    undecided = [each for each in words[1:] if "not reproduced" not in each]
    return ", ".join([words[0], *undecided])


def write_gallery() -> None:
    """All figures on one page, by study."""
    parts = [GALLERY]
    for name in study_names():
        pictures = sorted(FIGURES.glob(f"{name}-*.png"))
        if pictures:
            page = f"results/{name.split('-')[0]}.md#{name}"
            shown = [f"![{name}, {each.stem.removeprefix(f'{name}-')}](figures/{each.name})" for each in pictures]
            parts.append(
                "\n\n".join([f"## [{name}]({page})", as_markdown(find_study(name).title) + ".", *shown]) + "\n"
            )
    (DOCS / "figures.md").write_text("\n".join(parts))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
