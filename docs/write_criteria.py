"""Write docs/criteria.md, the log of criteria: what each claim asked before, what it asks now, and why it changed.

`docs/criteria.json` remembers the criteria of every claim, in order. A criterion that differs from the one remembered
last is added, and its reason is left for a hand to fill in; this command ends with exit code 1 until none is missing.
The reason `reworded` says that the bound, what is measured and who decides are the same: the new words take the place
of the old ones, and the page does not show them.
What was known of a claim when its criterion changed is taken from the verdicts in docs/results.
"""

import itertools
import json
import re
import sys
from pathlib import Path

from mesascope.studies import find_study, study_names

DOCS = Path(__file__).parent
KEPT = DOCS / "criteria.json"
GONE = {"criterion": "withdrawn", "statement": ""}
NONE = {"criterion": "no such claim", "statement": ""}
REWORDED = "reworded"
HEAD = """# Criteria that changed after a number was seen

Written by `docs/write_criteria.py`; the reasons are written by hand. A criterion stands before a study runs. Where one
was changed or withdrawn later, this page says what it asked, what was known by then, and why it changed. Criteria that
were only reworded stand in their newest words.
"""


def main() -> int:
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    known = known_numbers()
    for study, claims in criteria_now().items():
        first = [] if study not in kept else [NONE]  # a claim that joins an older study needs a reason, too
        remembered = kept.setdefault(study, {})
        for claim in sorted({*remembered, *claims}):
            history = remembered.setdefault(claim, [*first])
            remember(history, claims.get(claim, GONE), known.get(study, {}))
            remembered[claim] = without_rewordings(history)
    KEPT.write_text(f"{json.dumps(kept, indent=1, sort_keys=True, ensure_ascii=False)}\n")
    (DOCS / "criteria.md").write_text("\n".join([HEAD, *filter(None, map(section, kept.items()))]))
    missing = [
        f"{study}: {claim}" for study, claims in kept.items() for claim in claims if lacks_a_reason(claims[claim])
    ]
    print(
        "\n".join(
            ["A reason is missing in docs/criteria.json for:", *missing] if missing else ["docs/criteria.md written"]
        )
    )
    return bool(missing)


def criteria_now() -> dict[str, dict[str, dict[str, str]]]:
    """What every claim asks and says, by study and claim."""
    return {
        name: {each.id: {"criterion": each.criterion, "statement": each.statement} for each in find_study(name).claims}
        for name in study_names()
    }


def known_numbers() -> dict[str, dict[str, str]]:
    """The number that decided and the verdict, of all that docs/results hold, by study and statement."""
    found: dict[str, dict[str, str]] = {}
    for page in sorted((DOCS / "results").glob("*.md")):
        for part in page.read_text().split("\n## ")[1:]:
            rows = re.findall(r"^\| (.*?) \| .*?([✓✗?–∅]) ([a-z ]+) \| ([^|]+) \|", part, re.MULTILINE)
            found[part.split("\n")[0]] = {said.replace("\\", ""): f"{num}, {verdict}" for said, _, verdict, num in rows}
    return found


def remember(history: list[dict[str, str]], now: dict[str, str], known: dict[str, str]) -> None:
    """Add a criterion that is not the last one, with what was known of the claim until then."""
    if not history:
        history.append(now)
    elif history[-1]["criterion"] != now["criterion"]:
        number = known.get(history[-1]["statement"], "none")
        history.append({**now, "known": number, "reason": ""})
    elif now["statement"] in known:  # reworded, and written so into the results
        history[-1]["statement"] = now["statement"]


def without_rewordings(history: list[dict[str, str]]) -> list[dict[str, str]]:
    kept = history[:1]
    for each in history[1:]:
        if each["reason"] == REWORDED:
            kept[-1] |= {"criterion": each["criterion"], "statement": each["statement"]}
        else:
            kept.append(each)
    return kept


def lacks_a_reason(history: list[dict[str, str]]) -> bool:
    return any(not each["reason"] for each in history[1:])


def section(entry: tuple[str, dict[str, list[dict[str, str]]]]) -> str:
    """A study's criteria that changed; nothing where none did."""
    study, claims = entry
    rows = [
        " | ".join(
            ["", claim, *map(cell, (before["criterion"], after["known"], after["criterion"], after["reason"])), ""]
        )
        for claim, history in claims.items()
        for before, after in itertools.pairwise(history)
    ]
    if not rows:
        return ""
    head = (
        "| claim | criterion before | number known by then | criterion after | why |\n| --- | --- | --- | --- | --- |"
    )
    return "\n".join([f"## {study}\n", head, *rows, ""])


def cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
