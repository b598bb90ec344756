"""The answer first: how many claims came out how, by whose they are and by paper; which models were identified."""

from mesascope.report.page.section import Contents, Section, anchor_of, paper_of, rendered
from mesascope.report.tables import SYMBOLS, tallies
from mesascope.study.claim import Outcome, Verdict


def section(contents: Contents) -> Section:
    """Tallies, sentences about models, and what is not stored."""
    results = [entry.result for entry in contents.entries]
    by_paper: dict[str, list[Verdict]] = {}
    for result in results:
        by_paper.setdefault(paper_of(result.study), []).extend(result.verdicts)
    outcomes = [o for o in Outcome if any(v.outcome is o for found in by_paper.values() for v in found)]
    counts = {
        paper: {outcome: sum(v.outcome is outcome for v in found) for outcome in outcomes}
        for paper, found in by_paper.items()
    }
    of_studies = [(anchor_of(result.study), sentence) for result in results for sentence in result.identified]
    of_files = [(f"model-{i}", found.sentence) for i, found in enumerate(contents.identifications.values(), 1)]
    html = rendered(
        "answers.html",
        tallies=tallies(results),
        counts=counts,
        outcomes=outcomes,
        symbols=SYMBOLS,
        identified=[*of_files, *of_studies],
        missing=contents.missing,
        preset=contents.preset,
    )
    return Section("answer", "The answer", html)
