"""The panels of figure 7 of Sander et al. 2024."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.studies._shared.panels import REFERENCE, band
from mesascope.studies.sander2024.fig7_heads.readings import Summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def three_panels(summary: Summary) -> "Figure":
    """Losses by number of heads, by dimension, and along the sequence."""
    figure, [[by_heads, by_size, along]] = panel_grid(1, 3)
    by_dim = summary.by_dim
    dim, here = next(iter(by_dim.items()))
    fewest, most = min(here.before), max(here.before)
    uniform = summary.uniform.last[most].mean(axis=-1)
    for of, label in ((here.before, "token before the last asks"), (here.last, "last token asks")):
        losses = np.stack([each.mean(axis=-1) for each in of.values()], axis=1)
        band(by_heads, np.array(list(of)), losses, label, marker="o")
    by_heads.plot(np.full(len(uniform), most), uniform, "x", color="C1", label="last token asks, $s_1$ uniform")
    by_heads.axhline(here.least.one_head.mean(), label="one linear head, best", **REFERENCE)
    by_heads.axvline(dim, color="grey", linewidth=0.8, linestyle=":")
    by_heads.set_xscale("log", base=2)
    by_heads.xaxis.set_major_formatter("{x:g}")
    by_heads.set(xlabel=f"number of heads (dotted: d = {dim})", ylabel="loss / $|s|^2$")
    dims = np.array(sorted(by_dim))
    of_most = np.stack([by_dim[each].before[most].mean(axis=-1) for each in dims], axis=1)
    band(by_size, dims, of_most, f"{most} heads", marker="o")
    least = [by_dim[each].least.one_head.mean() for each in dims]
    by_size.plot(dims, least, label="one linear head, best", **REFERENCE)
    by_size.set(xlabel="dimension d", ylabel="loss / $|s|^2$", xticks=dims)
    states = np.arange(1, len(here.least.one_head) + 1)
    for losses, label, color in (
        (here.before[most], f"{most} heads, before the last asks", "C0"),
        (here.last[most], f"{most} heads, last asks", "C1"),
        (here.before[fewest], f"{fewest} head{'s' if fewest > 1 else ''}, before the last asks", "C2"),
    ):
        band(along, states, losses, label, color=color)
    along.plot(states, here.least.one_head, label="one linear head, best", **REFERENCE)
    along.set(xlabel="states seen", ylabel="loss / $|s|^2$")
    along.xaxis.get_major_locator().set_params(integer=True)
    for axes in (by_heads, by_size, along):
        axes.set_ylim(0, None)
        axes.legend()
    return figure


def bars(summary: Summary) -> "Figure":
    """What least squares leaves, by the terms it may use and the token that asks."""
    figure, [[axes]] = panel_grid(1, 1)
    kinds = ("diagonal heads,\nconjugate pairs", "any heads,\nHaar", "and biases,\n$s_1$ known")
    both = ((summary.terms_before, "token before the last asks"), (summary.terms_last, "last token asks"))
    for i, (terms, label) in enumerate(both):
        means = [losses.mean() for losses in (terms.pairs, terms.plain, terms.biased)]
        axes.bar(np.arange(len(kinds)) + 0.38 * (i - 0.5), means, 0.36, label=label)
    axes.set_xticks(range(len(kinds)), kinds)
    axes.set(ylabel="least loss / $|s|^2$", ylim=(0, 1.1))
    axes.legend()
    return figure
