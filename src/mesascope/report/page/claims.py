"""One table of all claims, which can be filtered and searched."""

from mesascope.report.page.section import Contents, Section, anchor_of, beside, paper_of, rendered
from mesascope.report.tables import SYMBOLS, measured, spread
from mesascope.study.claim import KINDS, Outcome, Verdict


def section(contents: Contents) -> Section | None:
    """A row a claim."""
    rows = [
        {
            **{"paper": paper_of(entry.result.study), "study": entry.result.study, "verdict": verdict},
            **{
                "anchor": anchor_of(entry.result.study),
                "measured": measured(verdict),
                "spread": spread_or_why_not(verdict),
            },
        }
        for entry in contents.entries
        for verdict in entry.result.verdicts
    ]
    if not rows:
        return None
    found = {row["verdict"].outcome for row in rows}
    html = rendered(
        "claims.html",
        rows=rows,
        papers=list(dict.fromkeys(row["paper"] for row in rows)),
        kinds=[kind for kind in KINDS if any(row["verdict"].claim.kind == kind for row in rows)],
        outcomes=[outcome for outcome in Outcome if outcome in found],
        symbols=SYMBOLS,
    )
    return Section("claims", "All claims", html, scripts=(beside("claims.js"),))


def spread_or_why_not(verdict: Verdict) -> str:
    """The interval or the range; where there is none, why."""
    return spread(verdict) or ("one number" if verdict.spread == "none" else "none")
