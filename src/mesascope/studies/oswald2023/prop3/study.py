"""Proposition 3 of von Oswald et al. 2023: attention builds tokens by copying the next one."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mesascope.studies.oswald2023._shared.proposition import ERROR, AbstractProposition, exactly
from mesascope.studies.oswald2023.prop3.cells import CopyingComparison, CopyingErrors, SoftmaxComparison, SoftmaxErrors
from mesascope.studies.oswald2023.prop3.panels import Summary, errors_over_scales
from mesascope.study.base import Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim

if TYPE_CHECKING:
    from matplotlib.figure import Figure


TOKEN_ERROR = "largest error of a token in float64"
RATIO = "largest ratio of the errors at two scales in turn"


class Proposition3(AbstractProposition):
    """Attention with explicit weights makes (token_j, token_{j+1}) of token_j and its position.

    The stream is x_1, (0, y_1), x_2, (0, y_2), ..., then the query, each with the unit vector of its position behind
    it. After the layer the input's tokens hold (x_j, y_j), what every other construction starts from. Errors are
    absolute, of all context tokens that have a next one in the context; the entries of the tokens are of order 1.

    With linear attention this holds as printed. With a softmax it does not: logits of size 1 give the next token a
    weight of 1 / (1 + (2N - 1) / e), and what the other keys are given is added. It takes an inverse temperature
    that the text leaves out; the error falls as (2N - 1) exp(-scale), the dashed line times the largest difference of
    two values, until rounding is all there is.

    What the proposition leaves open, and we add. The query is not among the keys (the paper's mask), so that the last
    label has no next token. The labels' tokens come out as pairs too, (0, y_j) with x_{j+1}, and to gradient descent
    look like examples; a second head clears them, which works with linear attention only, where a token can be given
    nothing at all. Layers of proposition 1's weights then make exact gradient steps. The paper puts y where x has its
    last entries, and so do we; a token has as many entries more, for the prediction (see `InterleavedTokens`).
    """

    title: ClassVar = "Attention builds the tokens of gradient descent by copying the next token"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), proposition 3"
    claims: ClassVar = (
        exactly("linear", "Linear attention makes (token_j, token_{j+1}) of token_j.", TOKEN_ERROR),
        exactly("softmax", "A softmax of logits of scale 40 does so, too.", TOKEN_ERROR),
        Claim("unit-scale", "A softmax of the logits as printed does not.", TOKEN_ERROR, "at least", 1.0, "one number"),
        Claim("falls", "Larger logits copy better.", RATIO, "at most", 1.0, "one number"),
        exactly("cleared", "A second head clears the labels' tokens.", TOKEN_ERROR),
        exactly("descent", "Layers behind it are gradient steps, for any dim_y, N and K.", ERROR),
        Claim("junk", "Without the second head they are not.", ERROR, "at least", 1e-3, "one number"),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 1, "num_steps": 1, "num_prompts": 20, "shapes": ((3, 2, 4),)},
        "quick": {},
        "paper": {
            "seeds": 5,
            "num_steps": 3,
            "num_prompts": 1000,
            "shapes": ((10, 1, 10), (3, 2, 7), (5, 2, 1), (20, 3, 40)),
        },
    }

    num_steps: int = 2
    """Layers behind the one that copies, and steps of the algorithm."""
    shapes: tuple[tuple[int, int, int], ...] = ((10, 1, 10),)
    """Sizes of an input and of an output, and examples in a prompt, of every comparison; a softmax is of the first."""

    def cells(self) -> tuple[Cell, ...]:
        sizes = self.num_steps, self.num_prompts, self.seeds
        copying = tuple(CopyingComparison(*shape, *sizes) for shape in self.shapes)
        softmax = self._softmax()
        return *(Cell(each.label, each) for each in copying), Cell(f"softmax, {softmax.label}", softmax)

    def summarise(self, results: list[Arrays]) -> Summary:
        *copying, softmax = results
        return Summary(tuple(CopyingErrors(**each) for each in copying), SoftmaxErrors(**softmax))

    def readings(self, summary: Summary) -> Readings:
        copying, by_scale = summary.copying, summary.softmax.softmax.max(axis=0)
        return {
            "linear": np.max([each.linear for each in copying]),
            "softmax": by_scale[-1],
            "unit-scale": by_scale[0],
            "falls": (by_scale[1:] / by_scale[:-1]).max(),
            "cleared": np.max([each.cleared for each in copying]),
            "descent": np.max([each.descent for each in copying]),
            "junk": summary.softmax.junk.max(),
            "scales of a softmax's logits": self._softmax().logit_scales,
            "largest error of a token at each scale": by_scale,
        }

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"errors": errors_over_scales(summary, self._softmax().logit_scales, self.shapes[0][2])}

    def _softmax(self) -> SoftmaxComparison:
        return SoftmaxComparison(*self.shapes[0], self.num_steps, self.num_prompts, self.seeds)
