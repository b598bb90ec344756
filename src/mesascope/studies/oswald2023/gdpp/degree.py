"""The degree of the filter that steps of GD++ are, found in exact arithmetic."""

from fractions import Fraction
from typing import NamedTuple

import numpy as np

from mesascope.study.cell import AbstractConfig, Arrays, Workspace


class Degrees(NamedTuple):
    """The degree of the filter [steps] after 1, 2, ... steps."""

    degree: np.ndarray


class Degree(AbstractConfig):
    """The update of `num_steps` steps and fewer, run in rational numbers."""

    num_steps: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`Degrees`."""
        degrees = [float(exact_degree(k)) for k in range(1, self.num_steps + 1)]
        workspace.report(1, 1, "degrees found")
        return Degrees(np.array(degrees))._asdict()


def exact_degree(num_steps: int) -> int:
    """The degree in s of the residual filter, by running the token update in rational numbers.

    One example (t, t) of one input has s = t^2, and r(s) is one minus the answer to the query 1. Newton's divided
    differences through 3^K + 1 points are exact: the highest order that does not vanish is the degree.
    """
    roots = range(1, 3**num_steps + 2)
    values = [_rational_residual(Fraction(root), num_steps) for root in roots]
    nodes = [Fraction(root) ** 2 for root in roots]
    leading = [values[0]]
    for order in range(1, len(nodes)):
        pairs = zip(values, values[1:], nodes, nodes[order:], strict=False)
        values = [(right - left) / (high - low) for left, right, low, high in pairs]
        leading.append(values[0])
    return max(order for order, difference in enumerate(leading) if difference != 0)


def _rational_residual(root: Fraction, num_steps: int) -> Fraction:
    x, y, query, answer = root, root, Fraction(1), Fraction(0)
    for step in range(num_steps):
        change, shrink = Fraction(step + 1, 3) * y * x, 1 - Fraction(1, step + 2) * x * x
        answer += change * query
        x, y, query = shrink * x, y - change * x, shrink * query
    return 1 - answer
