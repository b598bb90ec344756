"""A claim, stated with its whole criterion before anything runs, and the verdict on it."""

import dataclasses
import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Literal

import numpy as np

from mesascope.stats import Estimate, mean_interval
from mesascope.validation import check_finite, check_known

Numbers = float | np.generic | Sequence[float] | np.ndarray  # one a seed, or one in all
PRESETS = ("smoke", "quick", "paper")  # from the smallest to the largest
KINDS = ("paper", "found here", "open question")  # counted apart


class Outcome(StrEnum):
    """What a claim came to."""

    REPRODUCED = "reproduced"
    NOT_REPRODUCED = "not reproduced"
    INCONCLUSIVE = "inconclusive"
    NOT_DECIDED = "not decided at this size"
    NOT_MEASURED = "not measured"


_WHO_DECIDES = {
    ("mean", "linear"): "mean over seeds and its whole 95% interval",
    ("mean", "log"): "geometric mean over seeds and its whole 95% interval",
    ("every seed", "linear"): "every seed",
    ("every seed", "log"): "every seed",
    ("one number", "linear"): "one number",
    ("one number", "log"): "one number",
    ("bootstrap", "linear"): "whole 95% bootstrap interval",
    ("bootstrap", "log"): "whole 95% bootstrap interval",
}


@dataclasses.dataclass(frozen=True)
class Claim:
    """`quantity` is at most, or at least, `bound`; `statement` says it in the paper's terms.

    `over` is who decides: the mean over seeds with its 95% Student interval, every seed, one number without sampling
    error, or a bootstrap interval. With `scale="log"` the mean is taken of logarithms, as ratios ask for. `decided_by`
    is the smallest preset whose sizes can decide.

    `kind` is whose claim it is: the paper's, of which `restates` names the figure, proposition or sentence; this
    project's, about the experiment of the paper; or this project's, about a question that the paper leaves open.
    """

    id: str
    statement: str
    quantity: str
    relation: Literal["at most", "at least"]
    bound: float
    over: Literal["mean", "every seed", "one number", "bootstrap"] = "mean"
    scale: Literal["linear", "log"] = "linear"
    decided_by: Literal["quick", "paper"] = "quick"
    kind: Literal["paper", "found here", "open question"] = "found here"
    restates: str = ""

    def __post_init__(self):
        check_known("relation", self.relation, ("at most", "at least"))
        check_known("over", self.over, tuple({over: None for over, _ in _WHO_DECIDES}))
        check_known("scale", self.scale, ("linear", "log"))
        check_known("decided_by", self.decided_by, ("quick", "paper"))
        check_finite("bound", self.bound)
        check_known("kind", self.kind, KINDS)
        if (self.kind == "paper") != bool(self.restates):
            raise ValueError(
                f"`restates` must name what a claim of kind paper restates, and be empty for other kinds; got "
                f"{self.restates!r} for claim {self.id!r} of kind {self.kind}. Name the figure, or change the kind."
            )

    @property
    def whose(self) -> str:
        """What of the paper it restates; of claims that no paper makes, their kind."""
        return self.restates or self.kind

    @property
    def criterion(self) -> str:
        """The criterion in words: the quantity, the bound, who decides and at which preset."""
        preset = "; only the paper's sizes decide" if self.decided_by == "paper" else ""
        return f"{self.quantity}: {self.relation} {self.bound:g} ({_WHO_DECIDES[self.over, self.scale]}{preset})"

    def holds(self, value: float) -> bool:
        """Whether one number meets the criterion; nan does not."""
        return value <= self.bound if self.relation == "at most" else value >= self.bound

    def judge(self, numbers: Numbers | Estimate, preset: str = "paper") -> "Verdict":
        """The verdict on one number a seed, on one number, or on the `Estimate` of a bootstrap.

        A masked entry is a seed that never got to where the number is measured: with fewer than half of the seeds left
        the claim is not measured. A number that is not finite, as after a training that diverged, is not reproduced.
        Below the preset that decides, the numbers are kept and nothing is judged; sizes of the user's own are judged.
        """
        verdict = self._of_bootstrap(numbers) if isinstance(numbers, Estimate) else self._of_numbers(numbers)
        if preset in PRESETS and PRESETS.index(preset) < PRESETS.index(self.decided_by):
            sentence = f"{self.quantity} is {verdict.measured:.4g}; preset {self.decided_by} decides."
            return dataclasses.replace(verdict, outcome=Outcome.NOT_DECIDED, sentence=sentence)
        return verdict

    def _of_bootstrap(self, estimate: Estimate) -> "Verdict":
        _check_who_decides(self, "bootstrap")
        if not math.isfinite(estimate.mean):
            return self._lost((estimate.mean,), 1)
        return self._of_interval((), *estimate)

    def _of_numbers(self, numbers: Numbers) -> "Verdict":
        _check_who_decides(self, "mean", "every seed", "one number")
        sample = np.ma.atleast_1d(np.ma.asarray(numbers, float)).ravel()
        kept, reached = tuple(sample.filled(math.nan).tolist()), sample.compressed()
        if not len(sample):
            raise ValueError(f"claim {self.id!r} must have a number; got none.")
        if 2 * len(reached) < len(sample):
            sentence = f"{len(reached)} of {len(sample)} seeds got to where {self.quantity} is measured."
            return Verdict(self, kept, math.nan, math.nan, math.nan, Outcome.NOT_MEASURED, sentence)
        if num_lost := int(np.sum(~np.isfinite(reached))):
            return self._lost(kept, num_lost)
        if self.over == "mean":
            values, back = (np.log(reached), math.exp) if self.scale == "log" else (reached, float)
            return self._of_interval(kept, *map(back, mean_interval(values)))
        if self.over == "one number" and len(reached) > 1:
            raise ValueError(f"claim {self.id!r} must have one number; got {len(reached)}.")
        return self._of_range(kept, float(reached.min()), float(reached.max()))

    def _of_interval(self, kept: tuple[float, ...], measured: float, low: float, high: float) -> "Verdict":
        """Reproduced when number and interval meet the criterion, not reproduced when none of it does."""
        met = [self.holds(number) for number in (measured, low, high)]
        outcome = Outcome.REPRODUCED if all(met) else Outcome.INCONCLUSIVE if any(met) else Outcome.NOT_REPRODUCED
        sentence = (
            f"{self.quantity} is {measured:.4g}, 95% interval {low:.4g} to {high:.4g}, "
            f"{self.relation} {self.bound:g} asked: {outcome}."
        )
        return Verdict(self, kept, measured, low, high, outcome, sentence)

    def _of_range(self, kept: tuple[float, ...], low: float, high: float) -> "Verdict":
        """The worst decides: an average over seeds would let one hide another."""
        worst = high if self.relation == "at most" else low
        outcome = Outcome.REPRODUCED if self.holds(worst) else Outcome.NOT_REPRODUCED
        of_seeds = f" for the worst of {len(kept)} seeds" if self.over == "every seed" else ""
        sentence = f"{self.quantity} is {worst:.4g}{of_seeds}, {self.relation} {self.bound:g} asked: {outcome}."
        return Verdict(self, kept, worst, low, high, outcome, sentence)

    def _lost(self, kept: tuple[float, ...], num_lost: int) -> "Verdict":
        sentence = f"{self.quantity} is not finite for {num_lost} of {len(kept)} seeds: {Outcome.NOT_REPRODUCED}."
        return Verdict(self, kept, math.nan, math.nan, math.nan, Outcome.NOT_REPRODUCED, sentence)


def _check_who_decides(claim: Claim, *wanted: str) -> None:
    if claim.over not in wanted:
        raise ValueError(f"claim {claim.id!r} is decided by {claim.over}; its numbers must be of that kind.")


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A claim, its numbers one a seed (none after a bootstrap), the number that decides, an outcome and one sentence.

    `low` and `high` are the 95% interval, or the range over seeds where every seed decides.
    """

    claim: Claim
    numbers: tuple[float, ...]
    measured: float
    low: float
    high: float
    outcome: Outcome
    sentence: str

    @property
    def spread(self) -> Literal["interval", "range", "none"]:
        """What `low` and `high` are."""
        if self.claim.over == "one number":
            return "none"
        return "range" if self.claim.over == "every seed" else "interval"
