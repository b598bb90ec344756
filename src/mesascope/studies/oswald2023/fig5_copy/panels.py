"""The two panels of the figure on copying."""

from typing import TYPE_CHECKING

from mesascope.drawing.grid import panel_grid
from mesascope.studies._shared.panels import REFERENCE, band
from mesascope.studies.oswald2023.fig5_copy.readings import Summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def two_panels(summary: Summary) -> "Figure":
    """Figure 5: the loss over training, every seed's own line, and what a token depends on after the first layer."""
    figure, [[left, right]] = panel_grid(1, 2)
    softmax, descents = summary.softmax, summary.descents
    kinds = (
        (softmax, "softmax", "C0"),
        (summary.linear, "linear", "C3"),
        (summary.unit, "linear, unit positions", "C2"),
    )
    for of, text, colour in kinds:
        for seed, losses in enumerate(of.loss):
            label = None if seed else f"first layer {text}"
            left.plot(of.steps, losses, color=colour, linewidth=1, alpha=0.8, label=label)
    for loss, label, line in (
        (descents.one, "1 step of gradient descent", "--"),
        (descents.junk, "1 step, labels' tokens taken for examples", "-."),
        (descents.two, "2 steps of gradient descent", ":"),
    ):
        left.axhline(float(loss), label=label, **{**REFERENCE, "linestyle": line})
    left.set(xlabel="training step", ylabel="validation loss", ylim=(0, None))
    of_tokens = ((softmax.own, "own token"), (softmax.following, "next token"), (softmax.others, "other tokens, mean"))
    for norms, text in of_tokens:
        band(right, softmax.steps, norms, text)
        right.plot(softmax.steps, norms.T, color="black", linewidth=0.4, alpha=0.5)
    right.set(xlabel="training step", ylabel="norm of the first layer's derivative", ylim=(0, None))
    left.legend()
    right.legend()
    return figure
