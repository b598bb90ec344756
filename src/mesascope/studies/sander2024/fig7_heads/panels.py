"""The panels of figure 7 of Sander et al. 2024."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.studies._shared.panels import REFERENCE, band
from mesascope.studies.sander2024.fig7_heads.readings import Summary
from mesascope.study.base import Arrays

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def three_panels(summary: Summary, heads: tuple[int, ...], last: tuple[int, ...]) -> "Figure":
    """Losses by number of heads, by dimension, and along the sequence."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.4), layout="constrained")
    by_heads, by_size, along = figure.subplots(1, 3)
    by_dim, uniform = summary.by_dim, summary.uniform[f"last_{last[-1]}"].mean(axis=-1)
    dim, of = next(iter(by_dim.items()))
    for counts, asks, label in ((heads, "before", "token before the last asks"), (last, "last", "last token asks")):
        losses = np.stack([of[f"{asks}_{count}"].mean(axis=-1) for count in counts], axis=1)
        band(by_heads, np.array(counts), losses, label, marker="o")
    by_heads.plot(np.full(len(uniform), last[-1]), uniform, "x", color="C1", label="last token asks, $s_1$ uniform")
    by_heads.axhline(of["one_head"].mean(), label="one linear head, best", **REFERENCE)
    by_heads.axvline(dim, color="grey", linewidth=0.8, linestyle=":")
    by_heads.set_xscale("log", base=2)
    by_heads.xaxis.set_major_formatter("{x:g}")
    by_heads.set(xlabel=f"number of heads (dotted: d = {dim})", ylabel="loss / $|s|^2$")
    dims = np.array(sorted(by_dim))
    most = np.stack([by_dim[each][f"before_{heads[-1]}"].mean(axis=-1) for each in dims], axis=1)
    band(by_size, dims, most, f"{heads[-1]} heads", marker="o")
    by_size.plot(dims, [by_dim[each]["one_head"].mean() for each in dims], label="one linear head, best", **REFERENCE)
    by_size.set(xlabel="dimension d", ylabel="loss / $|s|^2$", xticks=dims)
    states = np.arange(1, len(of["one_head"]) + 1)
    shown = (("before", heads[-1], "C0"), ("last", last[-1], "C1"), ("before", heads[0], "C2"))
    for asks, count, color in shown:
        label = f"{count} head{'s' if count > 1 else ''}, {'before the last' if asks == 'before' else 'last'} asks"
        band(along, states, of[f"{asks}_{count}"], label, color=color)
    along.plot(states, of["one_head"], label="one linear head, best", **REFERENCE)
    along.set(xlabel="states seen", ylabel="loss / $|s|^2$")
    along.xaxis.get_major_locator().set_params(integer=True)
    for axes in (by_heads, by_size, along):
        axes.set_ylim(0, None)
        axes.legend(fontsize="x-small")
    return figure


def bars(terms: Arrays) -> "Figure":
    """What least squares leaves, by the terms it may use and the token that asks."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.4, 3.4), layout="constrained")
    axes = figure.subplots()
    kinds = {
        "pairs": "diagonal heads,\nconjugate pairs",
        "plain": "any heads,\nHaar",
        "biased": "and biases,\n$s_1$ known",
    }
    for i, (asks, label) in enumerate((("before", "token before the last asks"), ("last", "last token asks"))):
        means = [terms[f"{asks}_{kind}"].mean() for kind in kinds]
        axes.bar(np.arange(len(kinds)) + 0.38 * (i - 0.5), means, 0.36, label=label)
    axes.set_xticks(range(len(kinds)), list(kinds.values()))
    axes.set(ylabel="least loss / $|s|^2$", ylim=(0, 1.3))
    axes.legend(fontsize="small", ncols=2)
    return figure
