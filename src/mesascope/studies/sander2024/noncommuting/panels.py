"""The figure of layers trained on dynamics that commute or not."""

from typing import TYPE_CHECKING, Any

from mesascope.drawing.grid import panel_grid
from mesascope.studies._shared.panels import REFERENCE
from mesascope.studies.sander2024.noncommuting.cells import LAYERS
from mesascope.studies.sander2024.noncommuting.readings import HAAR, Law, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GREY, GREEN = {"color": "grey"}, {"color": "C2"}


def three_panels(summary: Summary) -> "Figure":
    """Losses, and the second coefficient over the first, against how little W commute; the loss along b2 / b1.

    One dot a seed. The third panel is of the first law, where all W commute, and of the last, Haar's.
    """
    figure, [[losses, ratios, valley]] = panel_grid(1, 3)
    laws = tuple(summary.laws.values())
    trained = [law for law in laws if law.layers]
    at = [float(law.six.commutator) for law in trained]
    for kind, color in zip(LAYERS, ("C0", "C1"), strict=True):
        style = {"color": color, "alpha": 0.6}
        losses.plot(at, [law.layers[kind].loss for law in trained], "o", **style)[0].set_label(f"{kind} blocks")
        ratios.plot(at, [law.layers[kind].ratio() for law in trained], "o", **style)[0].set_label(f"{kind} blocks")
    _along(losses, laws, [law.terms.one for law in laws], "best gradient step", REFERENCE)
    _along(losses, laws, [law.terms.two for law in laws], "best two terms", GREY)
    _along(losses, laws, [law.six.loss for law in laws], "best six scalars", GREEN)
    _along(ratios, laws, [law.terms.ratio() for law in laws], "least squares, two terms", GREY)
    _along(ratios, laws, [law.six.ratio() for law in laws], "best six scalars", GREEN)
    losses.set(xlabel="mean $|WW' - W'W|$", ylabel="loss / $|s|^2$")
    ratios.set(xlabel="mean $|WW' - W'W|$", ylabel="second coefficient / first")
    for name, color in zip((next(iter(summary.laws)), HAAR), ("C3", "C4"), strict=True):
        six = summary.laws[name].six
        valley.plot(six.ratios, six.profile - six.two_profile, color=color, label=name)
    valley.axhline(0.0, **REFERENCE, label="two terms")
    valley.set(xlabel="$|b_2 / b_1|$", ylabel="least loss / $|s|^2$ less that of two terms")
    if max(map(abs, ratios.get_ylim())) > 0.2:  # some dense layers have hardly a first term
        ratios.set_yscale("symlog", linthresh=0.2)
    valley.set_yscale("symlog", linthresh=2e-4)
    for axes in (losses, ratios, valley):
        axes.legend()
    return figure


def _along(axes: "Axes", laws: tuple[Law, ...], values: list[Any], label: str, style: dict) -> None:
    """Values against commutators; those of the last law, Haar's, by themselves: it has other eigenvalues."""
    at = [float(law.six.commutator) for law in laws]
    axes.plot(at[:-1], values[:-1], label=label, **style)
    axes.plot(at[-1:], values[-1:], "D", color=style["color"], fillstyle="none", label=f"{label}, Haar")
