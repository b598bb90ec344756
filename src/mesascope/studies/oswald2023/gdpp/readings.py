"""The numbers that the claims about GD++ are judged by, and what is worth saying besides."""

from typing import NamedTuple

import numpy as np

from mesascope.studies.oswald2023.gdpp.degree import Degrees
from mesascope.studies.oswald2023.gdpp.layers import LayerErrors
from mesascope.studies.oswald2023.gdpp.rates import Fitted, Tuned
from mesascope.study.base import Readings
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.gdpp import chebyshev_rates, drawn_spectra, filter_degree
from mesascope.theory.gdpp_optimum import FAMILIES
from mesascope.theory.residual import squared_error

GD, GD_STEPS, SHARED, STEPS = FAMILIES
NUM_SPECTRA = 2000  # behind the losses of Chebyshev's rates, and the density that is drawn


class Summary(NamedTuple):
    """Errors of every shape, degrees, and best rates by family and number of steps."""

    layers: tuple[LayerErrors, ...]
    degrees: Degrees
    fitted: dict[tuple[str, int], Fitted]
    tuned: dict[tuple[str, int], Tuned]

    def excess(self, *families: str) -> np.ndarray:
        """The largest |loss at the tuned rates / at the fitted rates - 1| [seeds]; masked where nothing is tuned."""
        found = [
            np.abs(each.loss / self.fitted[family, depth].loss - 1)
            for (family, depth), each in self.tuned.items()
            if family in families
        ]
        any_loss = next(iter(self.fitted.values())).loss
        return np.max(found, axis=0) if found else np.ma.masked_all(any_loss.shape)

    def ratio(self, family: str, rival: str) -> np.ndarray:
        """The largest ratio [seeds] of a family's best loss to its rival's, over numbers of steps."""
        depths = [depth for name, depth in self.fitted if name == family]
        ours, theirs = (
            np.array([self.fitted[name, depth].held_out_loss for depth in depths]) for name in (family, rival)
        )
        return np.max(ours / theirs, axis=0)


def readings(summary: Summary, task: LinearRegression) -> Readings:
    """The numbers that claims are about, and losses and rates of every family."""
    degrees = summary.degrees.degree
    expected = np.array([filter_degree(k) for k in range(1, len(degrees) + 1)])
    depths = sorted({depth for _, depth in summary.fitted})
    return {
        **{name: float(np.max([getattr(errors, name) for errors in summary.layers])) for name in LayerErrors._fields},
        "degree": float(np.abs(degrees - expected).max()),
        "loss": np.abs([each.deviation for each in summary.tuned.values()]).max(axis=0),
        "best": summary.excess(GD, SHARED),
        "best-per-step": summary.excess(GD_STEPS, STEPS),
        "gain": summary.ratio(SHARED, GD),
        "gain-per-step": summary.ratio(STEPS, SHARED),
        **_of_families("theory", summary.fitted, task.num_examples),
        **_of_families("tuned", summary.tuned, task.num_examples),
        f"loss at Chebyshev's rates for all possible eigenvalues, K = {_listed(depths)}": bounded_losses(task, depths),
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
        title = f"{family}, {who}, K = {_listed(list(of_family))}"
        numbers[f"held-out loss of {title}"] = [each.held_out_loss.mean() for each in of_family.values()]
        if family == SHARED:
            rates, curvatures = np.array([each.rates.mean(axis=0)[:, 0] for each in of_family.values()]).T
            numbers |= {f"learning rate of {title}": rates * num, f"curvature of {title}": curvatures}
    return numbers


def _listed(depths: list[int]) -> str:
    return ", ".join(map(str, depths))
