"""Proposition 3 of von Oswald et al. 2023: attention builds tokens by copying the next one."""

from typing import TYPE_CHECKING, ClassVar

import jax
import numpy as np

from mesascope.studies._shared.panels import REFERENCE
from mesascope.studies.oswald2023._shared.proposition import ERROR, EXACT, AbstractProposition, shape_label
from mesascope.studies.oswald2023.prop3.cells import LOGIT_SCALES, Shape, compare
from mesascope.study.base import Arrays, Cell, Workspace
from mesascope.study.claim import Claim, Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SHAPES = ((10, 1, 10), (3, 2, 7), (5, 2, 1), (20, 3, 40))  # dim_x, dim_y, number of examples; the first is the paper's

TOKEN_ERROR = "largest error of a token in float64"


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
        Claim("linear", "Linear attention makes (token_j, token_{j+1}) of token_j.", TOKEN_ERROR, "at most", EXACT),
        Claim("softmax", "A softmax of logits of scale 40 does so, too.", TOKEN_ERROR, "at most", EXACT),
        Claim("unit-scale", "A softmax of the logits as printed does not.", TOKEN_ERROR, "at least", 1.0),
        Claim(
            "falls", "Larger logits copy better.", "largest ratio of the errors at two scales in turn", "at most", 1.0
        ),
        Claim("cleared", "A second head clears the labels' tokens.", TOKEN_ERROR, "at most", EXACT),
        Claim("descent", "Layers behind it are gradient steps, for any dim_y, N and K.", ERROR, "at most", EXACT),
        Claim("junk", "Without the second head they are not.", ERROR, "at least", 1e-3),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 1, "num_steps": 1, "num_prompts": 20},
        "quick": {"seeds": 3, "num_steps": 2, "num_prompts": 200},
        "paper": {"seeds": 5, "num_steps": 3, "num_prompts": 1000},
    }

    num_steps: int = 2

    def cells(self) -> tuple[Cell, ...]:
        return tuple(
            Cell(
                shape_label(shape),
                Shape(*shape, self.num_steps, self.num_prompts, self.seeds, with_softmax=shape == SHAPES[0]),
            )
            for shape in SHAPES
        )

    def run_cell(self, cell: Cell, workspace: Workspace) -> Arrays:
        with jax.enable_x64(True):
            errors = compare(cell.config)
        workspace.report(1, 1, "float64")
        return errors

    def summarise(self, results: list[Arrays]) -> Arrays:
        """Largest errors: of the paper's shape where a softmax or the junk is looked at, of all shapes elsewhere."""
        worst = {name: max(result[name].max() for result in results) for name in ("linear", "cleared", "descent")}
        first = {"softmax": results[0]["softmax"].max(axis=0), "junk": results[0]["junk"].max()}
        return {name: np.asarray(error) for name, error in {**worst, **first}.items()}

    def verdicts(self, summary: Arrays) -> tuple[Verdict, ...]:
        curve = summary["softmax"]
        numbers = {**summary, "softmax": curve[-1], "unit-scale": curve[0], "falls": (curve[1:] / curve[:-1]).max()}
        return tuple(claim.judge_exact(float(numbers[claim.id])) for claim in self.claims)

    def notes(self, summary: Arrays) -> tuple[str, ...]:
        by_scale = zip(LOGIT_SCALES, summary["softmax"], strict=True)
        listed = ", ".join(f"{error:.2g} at {scale:g}" for scale, error in by_scale)
        return (f"The softmax layer's largest error, by the scale of its logits: {listed}.",)

    def figures(self, summary: Arrays) -> "dict[str, Figure]":
        from matplotlib.figure import Figure

        figure = Figure(figsize=(4.8, 3.4))
        axes = figure.subplots()
        floor, scales = np.finfo(float).tiny, np.linspace(min(LOGIT_SCALES), max(LOGIT_SCALES), 100)
        num_others = 2 * SHAPES[0][2] - 1
        axes.semilogy(LOGIT_SCALES, np.maximum(summary["softmax"], floor), "o-", label="softmax attention")
        axes.axhline(float(max(summary["linear"], floor)), color="C1", label="linear attention")
        axes.semilogy(scales, num_others * np.exp(-scales), label="(2N - 1) exp(-scale)", **REFERENCE)
        axes.set(xlabel="scale of the logits", ylabel="largest error of a copied token")
        axes.legend()
        return {"errors": figure}
