"""The two panels of the figure on copying."""

from typing import TYPE_CHECKING

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import GRADIENT_DESCENT, TRAINED, TRAINED_TOO
from mesascope.studies.oswald2023.fig5_copy.readings import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def two_panels(summary: Summary) -> "Figure":
    """Figure 5: the loss over training, and what a token depends on after the first layer; a line a seed."""
    figure, [[left, right]] = panel_grid(1, 2)
    losses(left, summary)
    sensitivities(right, summary)
    return figure


def losses(axes: "Axes", summary: Summary) -> None:
    """Losses of the three kinds of first layer, and of the gradient steps."""
    descents = summary.descents
    zero = float(descents.zero)
    for of, name, style in (
        (summary.softmax, "softmax", TRAINED),
        (summary.linear, "linear", {**TRAINED_TOO, "linestyle": "-."}),
        (summary.unit, "linear, unit vectors", TRAINED_TOO),
    ):
        lines = axes.plot(of.steps, of.loss.T / zero, **style)
        lines[0].set_label(f"{name} (n = {len(lines)})")
    for loss, name, line in (
        (descents.one, "1 gradient step", "--"),
        (descents.junk, "1 step, label tokens too", "-."),
        (descents.two, "2 gradient steps", ":"),
    ):
        axes.axhline(float(loss) / zero, label=name, **{**GRADIENT_DESCENT, "linestyle": line})
    axes.set(xlabel="training step", ylabel="loss relative to predicting zero", ylim=(0, 1.05))
    axes.legend(title="first layer, and gradient steps")


def sensitivities(axes: "Axes", summary: Summary) -> None:
    """How much a token depends on itself, on the next and on the others after the softmax layer."""
    softmax = summary.softmax
    for norms, name, line in (
        (softmax.own, "own token", "--"),
        (softmax.following, "next token", "-"),
        (softmax.others, "any other token", ":"),
    ):
        lines = axes.plot(softmax.steps, norms.T, **{**TRAINED, "linestyle": line})
        lines[0].set_label(name)
    axes.set(xlabel="training step", ylabel="norm of the derivative after layer 1", ylim=(0, None))
    axes.legend(title=f"first layer softmax (n = {len(softmax.own)}), derivative by")
