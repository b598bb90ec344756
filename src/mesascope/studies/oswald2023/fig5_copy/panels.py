"""TODO"""

from typing import TYPE_CHECKING

from mesascope.studies._shared.panels import REFERENCE, band
from mesascope.study.base import Arrays

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def two_panels(arrays: Arrays) -> "Figure":
    """Figure 5: the loss over training, every seed's own line, and what a token depends on after the first layer."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    texts = {"softmax": "softmax", "linear": "linear", "unit": "linear, unit positions"}
    for (name, text), colour in zip(texts.items(), ("C0", "C3", "C2"), strict=True):
        for seed, losses in enumerate(arrays[f"{name}_loss"]):
            label = None if seed else f"first layer {text}"
            left.plot(arrays[f"{name}_steps"], losses, color=colour, linewidth=1, alpha=0.8, label=label)
    references = {
        "one": ("1 step of gradient descent", "--"),
        "junk": ("1 step, labels' tokens taken for examples", "-."),
        "two": ("2 steps of gradient descent", ":"),
    }
    for name, (label, line) in references.items():
        left.axhline(arrays[f"loss_{name}"], label=label, **{**REFERENCE, "linestyle": line})
    left.set(xlabel="training step", ylabel="validation loss", ylim=(0, None))
    for name, text in (("own", "own token"), ("following", "next token"), ("others", "other tokens, mean")):
        band(right, arrays["softmax_steps"], arrays[f"softmax_{name}"], text)
        right.plot(arrays["softmax_steps"], arrays[f"softmax_{name}"].T, color="black", linewidth=0.4, alpha=0.5)
    right.set(xlabel="training step", ylabel="norm of the first layer's derivative", ylim=(0, None))
    left.legend(fontsize="x-small", loc="lower left")
    right.legend(fontsize="small")
    return figure
