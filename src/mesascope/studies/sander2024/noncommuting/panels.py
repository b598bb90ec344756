"""The figure of layers trained on dynamics that commute or not."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.studies._shared.panels import REFERENCE
from mesascope.studies.sander2024.noncommuting.cells import LAYERS
from mesascope.studies.sander2024.noncommuting.laws import HAAR
from mesascope.studies.sander2024.noncommuting.six_scalars import RATIOS
from mesascope.study.base import Arrays

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def three_panels(summary: dict[str, Arrays]) -> "Figure":
    """Losses, and the second coefficient over the first, against how little W commute; the loss along b2 / b1.

    One dot a seed. The third panel is of the first law, where all W commute, and of the last, Haar's.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 3.6), layout="constrained")
    losses, ratios, valley = figure.subplots(1, 3)
    commutators = [float(of["commutator"]) for of in summary.values()]
    trained = [of for of in summary.values() if "dense_loss" in of]
    at = [float(of["commutator"]) for of in trained]
    for kind, color in zip(LAYERS, ("C0", "C1"), strict=True):
        by_seed = np.array([of[f"{kind}_loss"] for of in trained])
        losses.plot(at, by_seed, "o", color=color, alpha=0.6)[0].set_label(f"{kind} blocks")
        ratio = np.array([of[f"{kind}_second"] / of[f"{kind}_first"] for of in trained])
        ratios.plot(at, ratio, "o", color=color, alpha=0.6)[0].set_label(f"{kind} blocks")
    summary = {name: {**of, "six_ratio": of["six_second"] / of["six_first"]} for name, of in summary.items()}
    for axes, name, label, style in (
        (losses, "one", "best gradient step", REFERENCE),
        (losses, "two", "best two terms", {"color": "grey"}),
        (losses, "six_loss", "best six scalars", {"color": "C2"}),
        (ratios, "ratio", "least squares, two terms", {"color": "grey"}),
        (ratios, "six_ratio", "best six scalars", {"color": "C2"}),
    ):
        values = [float(of[name]) for of in summary.values()]  # the last law, Haar's, has other eigenvalues
        axes.plot(commutators[:-1], values[:-1], label=label, **style)
        axes.plot(commutators[-1:], values[-1:], "D", color=style["color"], fillstyle="none", label=f"{label}, Haar")
    losses.set(xlabel="mean $|WW' - W'W|$", ylabel="loss / $|s|^2$")
    ratios.set(xlabel="mean $|WW' - W'W|$", ylabel="second coefficient / first")
    for name, color in zip((next(iter(summary)), HAAR), ("C3", "C4"), strict=True):
        valley.plot(RATIOS, summary[name]["profile"] - summary[name]["two_profile"], color=color, label=name)
    valley.axhline(0.0, **REFERENCE, label="two terms")
    valley.set(xlabel="$|b_2 / b_1|$", ylabel="least loss / $|s|^2$ less that of two terms")
    ratios.set_yscale("symlog", linthresh=0.2)  # some dense layers have hardly a first term
    valley.set_yscale("symlog", linthresh=2e-4)
    for axes in (losses, ratios, valley):
        axes.legend(fontsize="small")
    return figure
