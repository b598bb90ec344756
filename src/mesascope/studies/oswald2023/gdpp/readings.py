"""The numbers that the claims about GD++ are judged by, and what is worth saying besides."""

import re
from typing import NamedTuple

import numpy as np

from mesascope.studies.oswald2023.gdpp.rates import Fitted, Tuned
from mesascope.study.base import Readings
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.gdpp import chebyshev_rates, drawn_spectra
from mesascope.theory.gdpp_optimum import FAMILIES
from mesascope.theory.residual import squared_error

GD, GD_STEPS, SHARED, STEPS = FAMILIES
NUM_SPECTRA = 2000  # behind the losses of closed-form rates, and the density that is drawn
CLOSED_FORM_FROM = 3  # steps, from which closed-form rates are claimed to be better than gradient descent


class Summary(NamedTuple):
    """Best rates by family and number of steps, found by the closed form of the loss and by tuning."""

    fitted: dict[tuple[str, int], Fitted]
    tuned: dict[tuple[str, int], Tuned]

    def ratio(self, family: str, rival: str) -> np.ndarray:
        """The largest ratio [seeds] of a family's best loss to its rival's, over numbers of steps."""
        depths = [depth for name, depth in self.fitted if name == family]
        ours, theirs = (
            np.array([self.fitted[name, depth].held_out_loss for depth in depths]) for name in (family, rival)
        )
        return np.max(ours / theirs, axis=0)


def readings(summary: Summary, task: LinearRegression) -> Readings:
    """The numbers that claims are about, and losses and rates of every family."""
    depths = sorted({depth for _, depth in summary.fitted})
    bounded = bounded_losses(task, depths)
    ratios = [
        loss / summary.fitted[GD, depth].held_out_loss
        for depth, loss in zip(depths, bounded, strict=True)
        if depth >= CLOSED_FORM_FROM
    ]
    any_loss = summary.fitted[GD, depths[0]].loss
    return {
        "gain": summary.ratio(SHARED, GD),
        "gain-per-step": summary.ratio(STEPS, SHARED),
        "closed-form": np.max(ratios, axis=0) if ratios else np.ma.masked_all(any_loss.shape),
        **_of_families("theory", summary.fitted, task.num_examples),
        **_of_families("tuned", summary.tuned, task.num_examples),
        **{
            f"{in_words(family)}, K = {depth}: |loss at the tuned rates / at theory's rates - 1|": np.abs(
                each.loss / summary.fitted[family, depth].loss - 1
            )
            for (family, depth), each in summary.tuned.items()
        },
        f"loss at closed-form rates, K = {_listed(depths)}": bounded,
    }


def bounded_losses(task: LinearRegression, depths: list[int]) -> list[float]:
    """Losses of rates per step made for all eigenvalues up to N dim_x a^2, beyond which there are none."""
    scale = float(task.input_scale)
    spectra = drawn_spectra(task.num_examples, task.dim_x, scale, NUM_SPECTRA, 0)
    rates = [chebyshev_rates(depth, task.num_examples * task.dim_x * scale**2) for depth in depths]
    return [scale**2 / 6 * float(squared_error(each, each, 0.0, spectra).sum(axis=1).mean()) for each in rates]


def _of_families(who: str, found: dict[tuple[str, int], Fitted] | dict[tuple[str, int], Tuned], num: int) -> Readings:
    """By number of steps, means over seeds: every family's loss on tasks held out, and the rates of shared GD++."""
    numbers = {}
    for family in dict.fromkeys(name for name, _ in found):
        of_family = {depth: each for (name, depth), each in found.items() if name == family}
        title = f"{in_words(family)}, {who}, K = {_listed(list(of_family))}"
        numbers[f"held-out loss of {title}"] = [each.held_out_loss.mean() for each in of_family.values()]
        if family == SHARED:
            rates, curvatures = np.array([each.rates.mean(axis=0)[:, 0] for each in of_family.values()]).T
            numbers |= {f"learning rate of {title}": rates * num, f"curvature of {title}": curvatures}
    return numbers


def in_words(family: str) -> str:
    """A family's name for people."""
    return re.sub(r"^GD\b(?!\+)", "gradient descent", family)


def _listed(depths: list[int]) -> str:
    return ", ".join(map(str, depths))
