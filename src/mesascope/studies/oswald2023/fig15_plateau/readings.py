"""What the plateau study keeps, and the numbers its claims are judged by."""

from typing import NamedTuple

import numpy as np

from mesascope.studies.oswald2023.fig15_plateau.block import half_way
from mesascope.studies.oswald2023.fig15_plateau.plateaus import fastest_length, levels, line, plateau_lengths
from mesascope.study.base import Arrays
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.linear_regression import initial_loss

# What is read, in the words of a criterion.
EARLIER = "plateau, two heads / median of one head's"
SPREAD = "|plateau - median|, two heads / mean of one head's"
EARLIER_ANY = "plateau, two heads / one head, same start"
SMALLER = "plateau of the smaller half of starts / mean of the larger half's"
LATER = "step half way down, fresh tasks / its own"
LINE = "|plateau - line in the logarithm| / mean |plateau - mean|"


class Summary(NamedTuple):
    """Training losses [seeds, steps] of one head and of two; of both in the sweep, whose initial scales are `std`.

    The shares of the swapped path [seeds] are one head's, without the sweep and in it. `block` has the losses of the
    block with a perceptron.
    """

    one: np.ndarray
    two: np.ndarray
    sweep_one: np.ndarray
    sweep_two: np.ndarray
    std: np.ndarray
    share: np.ndarray
    sweep_share: np.ndarray
    block: Arrays


class Reading(NamedTuple):
    """Plateau lengths [seeds] of the four trainings; the sweep's line for one head: slope per decade, values."""

    one: np.ndarray
    two: np.ndarray
    sweep_one: np.ndarray
    sweep_two: np.ndarray
    slope: float
    fit: np.ndarray


@np.errstate(divide="ignore", invalid="ignore")  # equal lengths have no spread to divide by
def read(summary: Summary, task: LinearRegression) -> Reading:
    """Plateaus, and the line through those of one head."""
    one, two, sweep_one, sweep_two = (plateau_lengths(losses, task) for losses in summary[:4])
    x = np.log10(summary.std)
    slope, level = line(x, sweep_one)
    return Reading(one, two, sweep_one, sweep_two, slope, slope * x + level)


@np.errstate(divide="ignore", invalid="ignore")
def per_seed(summary: Summary, task: LinearRegression) -> dict[str, np.ndarray]:
    """The number each claim is about, by the claim's id, for every seed."""
    of = read(summary, task)
    order, half = np.argsort(summary.std), len(summary.std) // 2
    smaller, larger = order[: max(half, 1)], order[half:]
    off = [np.abs(lengths - np.median(lengths)) for lengths in (of.one, of.two)]
    return {
        "earlier": of.two / np.median(of.one),
        "spread": off[1] / off[0].mean(),
        "earlier-any": of.sweep_two / of.sweep_one,
        "smaller-longer": of.sweep_one[smaller] / of.sweep_one[larger].mean(),
        "logarithm": np.abs(of.sweep_one - of.fit) / np.abs(of.sweep_one - of.sweep_one.mean()).mean(),
        "block-later": np.divide(*reversed(block_half_way(summary.block, task))),
    }


def block_half_way(block: Arrays, task: LinearRegression) -> tuple[np.ndarray, np.ndarray]:
    """The steps [seeds] at which the block is half of the way to gradient descent's best: its own tasks, fresh ones."""
    start = initial_loss(task.dim_x, float(task.input_scale))
    level = (start + levels(task)["gradient descent"]) / 2
    own, fresh = (half_way(block["steps"], block[tasks], level) for tasks in ("own", "fresh"))
    return own, fresh


def remarks(summary: Summary, task: LinearRegression, learning_rate: float) -> tuple[str, ...]:
    """What no claim is about: medians, quartiles, the rare long plateaus and the path they take."""
    of = read(summary, task)
    fastest = [fastest_length(task, num_heads, learning_rate) for num_heads in (1, 2)]
    notes = [
        f"In the sweep one head's plateau changes by {of.slope:.3g} steps a decade of initial scale.",
        f"Adam's speed limit: {fastest[0]:.4g} steps for one head, {fastest[1]:.4g} for two.",
    ]
    for who, lengths in (("One head", (of.one, of.sweep_one)), ("Two heads", (of.two, of.sweep_two))):
        every = np.concatenate(lengths)
        notes.append(
            f"{who}: median {np.median(lengths[0]):.4g} steps, quartiles {np.quantile(lengths[0], 0.25):.4g} and "
            f"{np.quantile(lengths[0], 0.75):.4g}, longest {lengths[0].max():.4g}; in the sweep, median "
            f"{np.median(lengths[1]):.4g}. Over 1.5 times the median of all: {long(every).sum()} of {len(every)} seeds."
        )
    every, share = np.concatenate([of.one, of.sweep_one]), np.concatenate([summary.share, summary.sweep_share])
    for who, chosen in (("long", long(every)), ("other", ~long(every))):
        if chosen.any():
            low, high = share[chosen].min(), share[chosen].max()
            notes.append(f"Share of the swapped path, one head, {who} plateaus: {low:.2g} to {high:.2g}.")
    own, fresh = block_half_way(summary.block, task)
    notes.append(
        f"The block with a perceptron: half way at step {own.mean():.4g} on its own tasks, {fresh.mean():.4g} on fresh "
        f"ones; at the end its losses are {summary.block['own'][:, -1].mean():.4f} and "
        f"{summary.block['fresh'][:, -1].mean():.4f} (gradient descent {levels(task)['gradient descent']:.4f})."
    )
    return tuple(notes)


def long(lengths: np.ndarray) -> np.ndarray:
    """Which plateaus are over 1.5 times the median."""
    return lengths > 1.5 * np.median(lengths)
