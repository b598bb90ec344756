"""What the studies of propositions share: their settings, the words of their criteria, and how exact they must be."""

from typing import ClassVar

from mesascope.study.base import AbstractStudy
from mesascope.validation import check_count

EXACT = 1e-12  # in float64, of numbers of order 1
ERROR = "largest error of a prediction in float64"
CONTEXT_ERROR = "largest error of a context token in float64"


class AbstractProposition(AbstractStudy):
    """A model of explicit weights equals an algorithm, for several shapes; every seed draws `num_prompts` prompts.

    `num_steps` is the number of layers, and of steps of the algorithm.
    """

    presets: ClassVar = {
        "smoke": {"seeds": 1, "num_steps": 2, "num_prompts": 20},
        "quick": {"seeds": 3, "num_steps": 8, "num_prompts": 200},
        "paper": {"seeds": 5, "num_steps": 8, "num_prompts": 1000},
    }

    seeds: int = 3
    num_steps: int = 8
    num_prompts: int = 200

    def __check_init__(self):
        for name in ("seeds", "num_steps", "num_prompts"):
            check_count(name, getattr(self, name))


def shape_label(shape: tuple[int, ...]) -> str:
    """Dimensions of inputs and outputs, and number of examples, for people."""
    return f"dim_x {shape[0]}, dim_y {shape[1]}, N {shape[2]}"
