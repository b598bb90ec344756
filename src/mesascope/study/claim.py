"""A claim, stated with its criterion before anything runs, and the verdict on it."""

import dataclasses
import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Literal

import numpy as np

from mesascope.stats import Estimate, mean_interval


class Outcome(StrEnum):
    """What a claim came to."""

    REPRODUCED = "reproduced"
    NOT_REPRODUCED = "not reproduced"
    INCONCLUSIVE = "inconclusive"


@dataclasses.dataclass(frozen=True)
class Claim:
    """`quantity` is at most, or at least, `bound`; `statement` says it in the paper's terms."""

    id: str
    statement: str
    quantity: str
    relation: Literal["at most", "at least"]
    bound: float

    @property
    def criterion(self) -> str:
        """The criterion in words."""
        return f"{self.quantity} {self.relation} {self.bound:g}"

    def holds(self, value: float) -> bool:
        """Whether one number meets the criterion; nan does not."""
        return value <= self.bound if self.relation == "at most" else value >= self.bound

    def judge(self, per_seed: Sequence[float] | np.ndarray) -> "Verdict":
        """The verdict on one number a seed: their mean and its 95% Student interval decide.

        Reproduced when mean and interval meet the criterion, not reproduced when neither the mean nor any of the
        interval does, else inconclusive. A number that is not finite, as after a training that diverged, means not
        reproduced.
        """
        values = np.asarray(per_seed, float)
        num_lost = int(np.sum(~np.isfinite(values)))
        if num_lost:
            sentence = f"{num_lost} of {len(values)} seeds gave no finite number: diverged, or never there to measure."
            return Verdict(self, math.nan, (math.nan, math.nan), Outcome.NOT_REPRODUCED, sentence)
        mean, low, high = mean_interval(values)
        num_met = sum(map(self.holds, values.tolist()))
        return self._verdict(mean, low, high, f"mean over {len(values)} seeds, {num_met} of which meet it")

    def judge_every(self, per_seed: Sequence[float] | np.ndarray) -> "Verdict":
        """The verdict where every seed must meet the criterion: the worst decides, the interval is the range of all.

        For claims that say "always" or "at every step": an average over seeds would let one hide another.
        """
        values = np.asarray(per_seed, float)
        if not np.isfinite(values).all():
            return self.judge(values)
        low, high = float(values.min()), float(values.max())
        worst, best = (high, low) if self.relation == "at most" else (low, high)
        num_met = sum(map(self.holds, values.tolist()))
        outcome = Outcome.REPRODUCED if self.holds(worst) else Outcome.NOT_REPRODUCED
        sentence = (
            f"{self.quantity} is {worst:.4g} for the worst of {len(values)} seeds and {best:.4g} for the best, "
            f"{self.relation} {self.bound:g} asked, which {num_met} meet: {outcome}."
        )
        return Verdict(self, worst, (low, high), outcome, sentence)

    def judge_estimate(self, estimate: Estimate, over: str) -> "Verdict":
        """The verdict on an estimate with its interval, such as one of a bootstrap, by the rule of `judge`."""
        return self._verdict(*estimate, f"95% interval over {over}")

    def judge_exact(self, value: float) -> "Verdict":
        """The verdict on one number without an interval: the largest of all errors, a closed form, the best seed's."""
        return self._verdict(value, value, value, "one number, without an interval")

    def _verdict(self, measured: float, low: float, high: float, basis: str) -> "Verdict":
        met = [self.holds(number) for number in (measured, low, high)]
        if all(met):
            outcome = Outcome.REPRODUCED
        elif any(met):
            outcome = Outcome.INCONCLUSIVE
        else:
            outcome = Outcome.NOT_REPRODUCED
        sentence = f"{self.quantity} is {measured:.4g} ({basis}), {self.relation} {self.bound:g} asked: {outcome}."
        return Verdict(self, float(measured), (float(low), float(high)), outcome, sentence)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A claim with the number measured, its confidence interval, the outcome and one sentence."""

    claim: Claim
    measured: float
    interval: tuple[float, float]
    outcome: Outcome
    sentence: str
