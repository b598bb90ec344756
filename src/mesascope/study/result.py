"""What running a study gives: verdicts, notes and figures, readable wherever it is shown."""

import dataclasses
import io
import math
from typing import TYPE_CHECKING, Any

from mesascope.study.claim import Outcome, Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mesascope.study.base import AbstractStudy


@dataclasses.dataclass(frozen=True, repr=False)
class StudyResult:
    """A study's verdicts, with what they were made from; `seconds` of wall time."""

    study: "AbstractStudy"
    summary: Any
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...]
    seconds: float

    @property
    def reproduced(self) -> bool:
        """Whether every claim was."""
        return all(verdict.outcome is Outcome.REPRODUCED for verdict in self.verdicts)

    def figures(self) -> "dict[str, Figure]":
        """The study's figures by name."""
        return self.study.figures(self.summary)

    def to_json(self) -> dict[str, Any]:
        """Plain data; a number that is not finite becomes None, since JSON has no other word for it."""
        claims = [
            {
                "id": verdict.claim.id,
                "statement": verdict.claim.statement,
                "criterion": verdict.claim.criterion,
                "measured": _finite(verdict.measured),
                "interval": [_finite(bound) for bound in verdict.interval],
                "verdict": str(verdict.outcome),
                "sentence": verdict.sentence,
            }
            for verdict in self.verdicts
        ]
        return {
            "study": self.study.name(),
            "preset": self.study.preset_name,
            "seconds": round(self.seconds, 3),
            "figures": [],
            "notes": list(self.notes),
            "claims": claims,
        }

    def __repr__(self) -> str:
        head = f"{self.study.name()}, preset {self.study.preset_name}, {self.seconds:.1f} s"
        lines = [
            f"  {verdict.outcome:<15} {verdict.claim.id:<18} {verdict.measured:10.4g} "
            f"[{verdict.interval[0]:.4g}, {verdict.interval[1]:.4g}]  {verdict.claim.criterion}"
            for verdict in self.verdicts
        ]
        return "\n".join([head, *lines, *(f"  {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        """The verdicts and the figures, for a notebook."""
        import html

        pictures = []
        for figure in self.figures().values():
            buffer = io.StringIO()
            figure.savefig(buffer, format="svg", bbox_inches="tight")
            pictures.append(buffer.getvalue())
        return f"<pre>{html.escape(repr(self))}</pre>" + "".join(pictures)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
