"""What models of several depths reached, in words and drawn."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mesascope.studies._base import Arrays
from mesascope.studies._panels import REFERENCE, band

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOSS = "loss / $|s|^2$"


class Summary(NamedTuple):
    """Losses [seeds, layers, states] of the model of each depth and of the layer without normalisation; the rivals'.

    `elsewhere` and `step_elsewhere` are those of that layer and of a step where the first state is any.
    """

    depths: np.ndarray
    models: tuple[np.ndarray, ...]
    linear: np.ndarray
    rivals: Arrays
    elsewhere: np.ndarray
    step_elsewhere: Arrays

    def by_depth(self) -> np.ndarray:
        """Losses [seeds, depths] of the whole models, the mean over states."""
        return np.stack([of_depth[:, -1].mean(axis=-1) for of_depth in self.models], axis=1)

    def by_steps(self, name: str = "loss") -> np.ndarray:
        """Losses of 1, 2, ... steps of gradient descent, the mean over states."""
        return self.rivals[name].mean(axis=1)


def remarks(summary: Summary) -> tuple[str, ...]:
    """All losses."""
    named = dict(zip(map(str, summary.depths.tolist()), summary.by_depth().T, strict=True))
    named["1, not normalised"] = summary.linear[:, -1].mean(axis=-1)
    named["1, not normalised, any first state"] = summary.elsewhere[:, -1].mean(axis=-1)
    losses = (f"depth {name}: {_row(values)}" for name, values in named.items())
    return (
        f"Losses by seed, {'; '.join(losses)}.",
        f"Best gradient descent by its number of steps: {_row(summary.by_steps())}, with coefficients "
        f"{', '.join(f'{c:.3g}' for c in summary.rivals['coefficient'])}; with a coefficient for each step "
        f"{_row(summary.by_steps('each_loss'))}, those of the last "
        f"{', '.join(f'{c:.3g}' for c in summary.rivals['each'][-1])}; least squares "
        f"{summary.rivals['least_squares'].mean():.4f}; one step, any first state, "
        f"{summary.step_elsewhere['loss'].mean():.4f}.",
        f"Read after each layer of the deepest, first seed: {_row(summary.models[-1][0].mean(axis=-1))}.",
    )


def three_panels(summary: Summary) -> "Figure":
    """Losses by depth; along the sequence; after each layer of the deepest model."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.4), layout="constrained")
    by_depth, along, readout = figure.subplots(1, 3)
    by_steps, deepest = summary.by_steps(), summary.models[-1]
    steps = np.arange(1, len(by_steps) + 1)
    linear = summary.linear[:, -1].mean(axis=-1)
    band(by_depth, summary.depths, summary.by_depth(), "trained", marker="o")
    by_depth.plot(np.ones(len(linear)), linear, "x", color="C1", label="one layer, not normalised")
    band(readout, np.arange(1, deepest.shape[1] + 1), deepest.mean(axis=-1), "read after each layer", marker="o")
    for axes in (by_depth, readout):
        axes.plot(steps, by_steps, label="gradient descent", **REFERENCE)
        axes.plot(steps, summary.by_steps("each_loss"), label="a coefficient each", **{**REFERENCE, "linestyle": ":"})
    states = np.arange(1, deepest.shape[-1] + 1)
    for i, (depth, of_depth) in enumerate(zip(summary.depths, summary.models, strict=True)):
        band(along, states, of_depth[:, -1], f"{depth} layers" if depth > 1 else "1 layer", color=f"C{i}")
    along.plot(states, summary.rivals["loss"][0], label="1 step", **REFERENCE)
    along.plot(states, summary.rivals["loss"][-1], label=f"{len(steps)} steps", **{**REFERENCE, "linestyle": ":"})
    known = summary.rivals["least_squares"]
    along.plot(states, known, color="grey", linewidth=1, label="least squares")
    for axes in (by_depth, readout):
        axes.axhline(known.mean(), color="grey", linewidth=1, label="least squares")
    by_depth.set(xlabel="layers, or steps", ylabel=LOSS)
    along.set(xlabel="states seen", ylabel=LOSS)
    readout.set(xlabel=f"layer of {summary.depths[-1]}, or step", ylabel=LOSS)
    for axes in (by_depth, along, readout):
        axes.set_ylim(0, None)
        axes.legend(fontsize="x-small")
    return figure


def _row(losses: np.ndarray) -> str:
    return ", ".join(f"{loss:.4f}" for loss in losses)
