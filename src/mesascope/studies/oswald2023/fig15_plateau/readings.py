"""What the plateau study keeps, and the numbers its claims are judged by."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.stats import linregress

from mesascope.studies.oswald2023._shared.plateau_ends import crossings
from mesascope.studies.oswald2023.fig15_plateau.cells import BlockLosses, LayerPlateaus
from mesascope.studies.oswald2023.fig15_plateau.plateaus import fastest_length, half_way_loss, levels, plateau_lengths
from mesascope.study.base import Readings
from mesascope.tasks.linear_regression import LinearRegression


class Summary(NamedTuple):
    """The trainings of one head and of two, from one initial scale and from any; the block with a perceptron."""

    one: LayerPlateaus
    two: LayerPlateaus
    sweep_one: LayerPlateaus
    sweep_two: LayerPlateaus
    block: BlockLosses


class Lengths(NamedTuple):
    """Plateau lengths [seeds] of the four trainings."""

    one: np.ndarray
    two: np.ndarray
    sweep_one: np.ndarray
    sweep_two: np.ndarray


class Line(NamedTuple):
    """The line through one head's plateaus over log10 of initial scales: steps a decade, and its values [seeds]."""

    slope: float
    values: np.ndarray


def lengths_of(summary: Summary, task: LinearRegression) -> Lengths:
    """Plateaus of the four trainings."""
    return Lengths(*(plateau_lengths(layer.losses, task) for layer in summary[:4]))


def line_through(std: Float[np.ndarray, " seeds"], lengths: Float[np.ndarray, " seeds"]) -> Line:
    """The least-squares line, nan where all scales are the same."""
    x = np.log10(std)
    if np.ptp(x) == 0:
        return Line(np.nan, np.full(len(x), np.nan))
    slope, intercept = np.asarray(linregress(x, lengths), float)[:2]
    return Line(float(slope), slope * x + intercept)


def block_half_way(block: BlockLosses, task: LinearRegression) -> tuple[np.ma.MaskedArray, np.ma.MaskedArray]:
    """The steps [seeds] at which the block is half of the way to gradient descent's best: its own tasks, fresh ones."""
    level = half_way_loss(task)
    return crossings(block.steps, block.own, level), crossings(block.steps, block.fresh, level)


@np.errstate(divide="ignore", invalid="ignore")  # equal lengths have no spread to divide by
def readings(summary: Summary, task: LinearRegression) -> Readings:
    """The numbers that claims are about."""
    of, std = lengths_of(summary, task), summary.sweep_one.initial_std
    order, half = np.argsort(std), len(std) // 2
    smaller, larger = order[: max(half, 1)], order[half:]
    off = [np.abs(lengths - np.median(lengths)) for lengths in (of.one, of.two)]
    residuals = np.abs(of.sweep_one - line_through(std, of.sweep_one).values)
    own, fresh = block_half_way(summary.block, task)
    return {
        "earlier": of.two / np.median(of.one),
        "spread": off[1] / off[0].mean(),
        "earlier-any": of.sweep_two / of.sweep_one,
        "smaller-longer": of.sweep_one[smaller] / of.sweep_one[larger].mean(),
        "logarithm": residuals / np.abs(of.sweep_one - of.sweep_one.mean()).mean(),
        "block-later": fresh / own,
    }


def also_measured(summary: Summary, task: LinearRegression, learning_rate: float) -> Readings:
    """Numbers that no claim is about: plateaus, the rare long ones and the path they take; the block's losses."""
    of, block = lengths_of(summary, task), summary.block
    own, fresh = block_half_way(block, task)
    one, two = np.concatenate([of.one, of.sweep_one]), np.concatenate([of.two, of.sweep_two])
    return {
        "plateaus of one head (steps)": of.one,
        "plateaus of two heads (steps)": of.two,
        "plateaus of one head, any initial scale (steps)": of.sweep_one,
        "plateaus of two heads, any initial scale (steps)": of.sweep_two,
        "share of one head's plateaus over 1.5 times their median": np.mean(one > 1.5 * np.median(one)),
        "share of two heads' plateaus over 1.5 times their median": np.mean(two > 1.5 * np.median(two)),
        "Adam's speed limit, one head (steps)": fastest_length(task, 1, learning_rate),
        "Adam's speed limit, two heads (steps)": fastest_length(task, 2, learning_rate),
        "steps a decade of initial scale, one head": line_through(summary.sweep_one.initial_std, of.sweep_one).slope,
        "share of the swapped path, one head": swapped_when_most_leave(summary, of),
        "step half way down, block, its own tasks": own,
        "step half way down, block, fresh tasks": fresh,
        "last loss of the block, its own tasks": block.own[:, -1],
        "last loss of the block, fresh tasks": block.fresh[:, -1],
        "loss of the best gradient step": levels(task)["gradient descent"],
    }


def swapped_when_most_leave(summary: Summary, of: Lengths) -> Float[np.ndarray, " seeds"]:
    """The share of the swapped path at the last snapshot up to one head's median plateau, without the sweep and in it.

    The first snapshot's where there is no median.
    """
    steps = summary.one.snapshot_steps
    snapshot = np.searchsorted(steps, np.nan_to_num(np.median(of.one)), side="right") - 1
    return np.concatenate([summary.one.swapped[:, snapshot], summary.sweep_one.swapped[:, snapshot]])
