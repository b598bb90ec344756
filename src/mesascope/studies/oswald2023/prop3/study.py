"""Proposition 3 of von Oswald et al. 2023: attention builds tokens by copying the next one."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mesascope.studies.oswald2023._shared.proposition import AbstractProposition, exactly
from mesascope.studies.oswald2023.prop3.cells import CopyingComparison, CopyingErrors, SoftmaxComparison, SoftmaxErrors
from mesascope.studies.oswald2023.prop3.panels import Summary, errors_over_scales
from mesascope.study.base import Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim

if TYPE_CHECKING:
    from matplotlib.figure import Figure


# What is read, in the words of a criterion: errors are absolute, of numbers of order 1, float64, over all shapes.
LINEAR = "largest |token after linear attention - (token_j, token_{j+1})|, float64"
SOFTMAX = (
    "largest |token after softmax attention - (token_j, token_{{j+1}})|, logits of size {size}, N = d = 10, float64"
)
CLEARED = (
    "largest |token after both heads and k layers - its target|, float64; target (x_j, y_j - ΔW_k x_j), "
    "or (0, x_{j+1}) for a label token; ΔW_k the change in k gradient steps"
)
DESCENT = "largest |prediction of K layers behind the two heads - that of K gradient steps|, float64"
JUNK = "largest |prediction of K layers behind one head - that of K gradient steps|, N = d = 10, float64"


class Proposition3(AbstractProposition):
    """Attention with explicit weights makes (token_j, token_{j+1}) of token_j and its position.

    **Question.** Proposition 3 gives weights with which attention puts x and y of one example into one token. Do they
    copy exactly, and are gradient steps possible afterwards?

    **Setting.** The stream is x₁, (0, y₁), x₂, (0, y₂), ..., the query. To token j is appended p_j, the unit vector of
    its position. P = I, W_V = [[0, 0], [I, -S]], W_K = [[0, 0], [0, I]], W_Q = [[0, 0], [0, Sᵀ]], with the shift S p_j
    = p_{j-1}. The query is not among the keys.

    **What the paper says.** Proposition 3: softmax or linear attention turns token_j into (token_j, token_{j+1}). A
    second head can remove the label tokens, which would count as inputs. Layers of proposition 1 then make gradient
    steps.

    **What we measure.** The largest absolute error of tokens that have a next one, and of predictions. Softmax
    attention is tried with larger logits as well. A wrong block of the weights would show.

    **Found here.** With a softmax the printed weights do not copy: logits of size 1 give the other keys most of the
    weight. Copying takes large logits, which the text does not mention. The second head is needed.

    **Differences.** The weights of the second head are ours. A token has extra entries for the prediction, as many as
    y.

    **Limits.** The second head needs linear attention: a softmax always adds a mean of values.
    """

    title: ClassVar = "Attention builds the tokens of gradient descent by copying the next token"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), proposition 3"
    claims: ClassVar = (
        exactly(
            "linear",
            "Linear attention with the printed weights copies the next token into every token.",
            LINEAR,
            "proposition 3",
        ),
        exactly(
            "cleared",
            "A second linear head sets the input part of every label token to zero.",
            CLEARED,
            "the remark on a second head at proposition 3",
        ),
        exactly(
            "descent",
            "Two heads with given weights, then K linear layers, predict as K gradient steps.",
            DESCENT,
            "proposition 3, followed by proposition 1",
        ),
        Claim(
            "unit-scale",
            "Softmax attention with the printed weights does not copy the next token.",
            SOFTMAX.format(size=1),
            "at least",
            1.0,
            "one number",
        ),
        exactly(
            "softmax",
            "Softmax attention with logits of size 40 copies the next token into every token.",
            SOFTMAX.format(size=40),
        ),
        Claim(
            "junk",
            "Without the second head the layers do not make gradient steps.",
            JUNK,
            "at least",
            1e-3,
            "one number",
        ),
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
