"""What an algorithm offers to be tried as: its free numbers, how they are searched, and the predictor they make."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import equinox as eqx
import numpy as np
from jaxtyping import Array, Inexact

from mesascope.predictor import AbstractPredictor
from mesascope.prompt import Prompt


class Scale(NamedTuple):
    """The sizes of a family of prompts, in which bounds of parameters are stated."""

    inputs: float
    """Root mean square of an input's coordinate."""
    labels: float
    """Root mean square of a label's coordinate."""
    num_examples: float
    """Mean number of examples."""


class Parameter(NamedTuple):
    """A free number, searched between `low` and `high` times a unit: powers of the sizes that prompts have.

    A learning rate on the mean over examples has the unit inputs^-2, a penalty on a sum over them num_examples
    inputs^2. It is searched by its logarithm unless it is `linear`, as a weight between 0 and 1 is.
    """

    name: str
    low: float
    high: float
    inputs: int = 0
    labels: int = 0
    num_examples: int = 0
    linear: bool = False

    def bounds(self, scale: Scale) -> tuple[float, float]:
        """The least and the largest value for prompts of these sizes."""
        unit = scale.inputs**self.inputs * scale.labels**self.labels * scale.num_examples**self.num_examples
        return self.low * unit, self.high * unit


class Candidate(eqx.Module):
    """An algorithm whose parameters are searched: `make(**parameters)`, also with `num_steps` where it has `counts`.

    With `counts` `make` gives an `AbstractStepwise`, for the largest of them, whose trajectory holds the others: what
    is fitted is which row, and the parameters. Without, `make` gives any predictor.
    """

    name: str
    """Short, in lower case with dashes: what a command line and a table call it."""
    says: str
    """What a model does that is found to be this one: "one step of gradient descent". `{num_steps}` is filled in."""
    make: Callable[..., AbstractPredictor]
    parameters: tuple[Parameter, ...] = ()
    counts: tuple[int, ...] = ()
    twins: tuple[str, ...] = ()
    """Candidates for prompts that answer the same along a sequence, in whose place this one is tried there."""
    exchangeable: bool = False
    """Whether parameters do the same in any order, as the rates of steps do; they are found the largest first."""

    @property
    def num_free(self) -> int:
        """How many numbers are fitted, a count of steps among them where there is a choice."""
        return len(self.parameters) + (len(self.counts) > 1)

    @property
    def takes_steps(self) -> bool:
        """Whether its counts are of steps, one after the other: those of neighbours are not."""
        return bool(self.counts) and tells_of_steps(self.says)

    def predictor(self, parameters: Mapping[str, float | Array], num_steps: int | None = None) -> AbstractPredictor:
        """The algorithm with these parameters; `num_steps` where it has counts."""
        return self.make(**parameters, **({} if num_steps is None else {"num_steps": num_steps}))


def tells_of_steps(says: str) -> bool:
    """Whether what is said of a candidate counts steps."""
    return "step" in says.replace("{num_steps}", "")


class LinearCandidate(eqx.Module):
    """An algorithm whose prediction is a sum of free coefficients times known vectors: fitted by least squares.

    `features(prompt)` gives these vectors [p dy], of which `make(coefficients)` predicts the weighted sum. Where not
    every sum is the algorithm, `nearest` gives the coefficients nearest to those of least squares that are.
    """

    name: str
    says: str
    features: Callable[[Prompt], Inexact[Array, "p dy"]]
    make: Callable[[Inexact[Array, " p"]], AbstractPredictor]
    nearest: Callable[[np.ndarray], np.ndarray] | None = None


AnyCandidate = Candidate | LinearCandidate
