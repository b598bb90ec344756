"""What running a study gives: verdicts, numbers, remarks and figures, readable wherever it is shown."""

import dataclasses
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mesascope.drawing.style import TWO_COLUMNS, in_house_style, picture
from mesascope.study.claim import Outcome, Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True, repr=False)
class StudyResult:
    """A study's verdicts, with what they were made from; `seconds` of wall time.

    `others` are the numbers that no claim is about, by their names.
    """

    study: str
    preset: str
    kind: str
    summary: Any
    verdicts: tuple[Verdict, ...]
    others: dict[str, tuple[float, ...]]
    notes: tuple[str, ...]
    seconds: float
    draw: "Callable[[Any], dict[str, Figure]]"
    identified: tuple[str, ...] = ()

    @property
    def reproduced(self) -> bool:
        """Whether every claim was that this size decides."""
        return all(verdict.outcome in (Outcome.REPRODUCED, Outcome.NOT_DECIDED) for verdict in self.verdicts)

    def figures(self, width: float = TWO_COLUMNS) -> "dict[str, Figure]":
        """The study's figures by name, in the house style, for a place `width` cm wide on a page."""
        return in_house_style(lambda: self.draw(self.summary), width)

    def to_json(self) -> dict[str, Any]:
        """Plain data; a number that is not finite becomes None, since JSON has no other word for it."""
        return {
            "study": self.study,
            "preset": self.preset,
            "kind": self.kind,
            "seconds": round(self.seconds, 3),
            "figures": [],
            "notes": list(self.notes),
            "claims": [_claim_json(verdict) for verdict in self.verdicts],
            "also_measured": {name: [_finite(number) for number in found] for name, found in self.others.items()},
        }

    def __repr__(self) -> str:
        head = f"{self.study}, preset {self.preset}, {self.seconds:.1f} s"
        lines = [f"  {verdict.claim.id:<18} {verdict.sentence}" for verdict in self.verdicts]
        return "\n".join([head, *lines, *(f"  {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        """The verdicts and the figures, for a notebook."""
        import html

        pictures = (picture(figure, name) for name, figure in self.figures().items())
        return f"<pre>{html.escape(repr(self))}</pre>" + "".join(pictures)


def _claim_json(verdict: Verdict) -> dict[str, Any]:
    claim = verdict.claim
    spread = {} if verdict.spread == "none" else {verdict.spread: [_finite(verdict.low), _finite(verdict.high)]}
    return {
        "id": claim.id,
        "kind": claim.kind,
        "restates": claim.restates,
        "statement": claim.statement,
        "criterion": claim.criterion,
        "decided_by": claim.decided_by,
        "measured": _finite(verdict.measured),
        **spread,
        "per_seed": [_finite(number) for number in verdict.numbers],
        "verdict": str(verdict.outcome),
        "sentence": verdict.sentence,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
