"""What the plateau study keeps, and the numbers its claims are judged by."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from mesascope.studies.oswald2023.fig15_plateau.cells import BlockLosses, LayerPlateaus
from mesascope.studies.oswald2023.fig15_plateau.plateaus import fastest_length, levels, plateau_lengths
from mesascope.study.base import Readings
from mesascope.tasks.linear_regression import LinearRegression

LONG = 1.5  # medians; a plateau beyond is long
RISE = 1.1  # times its start: how high a block's fresh loss must rise
NEAR = 0.1  # of gradient descent's loss: how near to it the fresh loss must end


class Tried(NamedTuple):
    """One setting of the scan: Adam's rate, and prompts a step."""

    rate: float
    batch: int


Scan = Mapping[Tried, BlockLosses]


class Summary(NamedTuple):
    """Trainings of one head and of two from one initial scale, of one head from any; the blocks of the scan."""

    one: LayerPlateaus
    two: LayerPlateaus
    sweep: LayerPlateaus
    scan: Scan


class Lengths(NamedTuple):
    """Plateau lengths [seeds] of the three trainings of layers."""

    one: np.ndarray
    two: np.ndarray
    sweep: np.ndarray


def lengths_of(summary: Summary, task: LinearRegression) -> Lengths:
    """Plateaus of the three trainings."""
    return Lengths(*(plateau_lengths(layer.losses, task) for layer in summary[:3]))


def is_long(lengths: Float[np.ndarray, " seeds"]) -> Bool[np.ndarray, " seeds"]:
    """Which plateaus are beyond 1.5 times their median."""
    return lengths > LONG * np.median(lengths)


def judged(scan: Scan, task: LinearRegression) -> Tried | None:
    """The setting whose block is judged, chosen by the first seed alone, which is not judged itself.

    Of the settings in which that seed's fresh loss rises a tenth above its start and ends within a tenth of gradient
    descent's, the one in which it rises highest; None where there is no such setting.
    """
    first = {tried: (rises(block)[0], ends(block, task)[0]) for tried, block in scan.items()}
    able = [tried for tried, (rise, end) in first.items() if rise >= RISE and end <= NEAR]
    return max(able, key=lambda tried: first[tried][0], default=None)


def rises(block: BlockLosses) -> Float[np.ndarray, " seeds"]:
    """The largest fresh loss after the start, in units of the one at the start."""
    return block.fresh[:, 1:].max(axis=1) / block.fresh[:, 0]


def ends(block: BlockLosses, task: LinearRegression) -> Float[np.ndarray, " seeds"]:
    """How far the last fresh loss is from gradient descent's, relative to that."""
    return np.abs(block.fresh[:, -1] / levels(task)["gradient descent"] - 1)


def readings(summary: Summary, task: LinearRegression) -> Readings:
    """The numbers that claims are about; masked where no plateau is long, or no block is judged."""
    from scipy.stats import fisher_exact  # here, since it takes a second to load

    of, order = lengths_of(summary, task), np.argsort(summary.sweep.initial_std)
    half = max(len(order) // 2, 1)
    smaller, larger = of.sweep[order[:half]], of.sweep[order[-half:]]
    counts = [(np.sum(is_long(each)), np.sum(~is_long(each))) for each in (of.one, of.two)]
    return {
        "long": np.asarray(fisher_exact(counts, alternative="greater"))[1],
        "ratio": np.abs(np.median(of.two) / np.median(of.one) * 2**0.25 - 1),
        "scale": np.abs(np.median(smaller) / np.median(larger) - 1),
        "swapped": swapped_gap(summary, of),
        **block_readings(summary.scan, task),
    }


def swapped_gap(summary: Summary, of: Lengths) -> Float[np.ma.MaskedArray, "1"]:
    """The least share of the swapped path on a long plateau less the largest on any other; masked without long ones."""
    share, long = swapped_when_most_leave(summary, of), np.concatenate([is_long(of.one), is_long(of.sweep)])
    if not long.any() or long.all():
        return np.ma.masked_all(1)
    return np.ma.masked_array([share[long].min() - share[~long].max()])


def block_readings(scan: Scan, task: LinearRegression) -> Readings:
    """Numbers of every seed but the first of the block that is judged."""
    tried = judged(scan, task)
    if tried is None:
        return {"block-rises": np.ma.masked_all(1), "block-ends": np.ma.masked_all(1)}
    return {"block-rises": rises(scan[tried])[1:], "block-ends": ends(scan[tried], task)[1:]}


def also_measured(summary: Summary, task: LinearRegression, learning_rate: float) -> Readings:
    """Numbers that no claim is about: plateaus, the rare long ones and the path they take; what the scan found."""
    of = lengths_of(summary, task)
    numbers = {
        "plateaus of one head (steps)": of.one,
        "plateaus of two heads (steps)": of.two,
        "plateaus of one head, any initial scale (steps)": of.sweep,
        "share of long plateaus, one head": np.mean(is_long(of.one)),
        "share of long plateaus, two heads": np.mean(is_long(of.two)),
        "share of long plateaus, one head, any initial scale": np.mean(is_long(of.sweep)),
        "Adam's speed limit, one head (steps)": fastest_length(task, 1, learning_rate),
        "Adam's speed limit, two heads (steps)": fastest_length(task, 2, learning_rate),
        "share of the swapped path, one head": swapped_when_most_leave(summary, of),
        "loss of the best gradient step": levels(task)["gradient descent"],
    }
    for (rate, batch), block in summary.scan.items():
        setting = f"block, rate {rate:g}, batches of {batch}"
        numbers |= {
            f"{setting}: largest fresh loss / fresh loss at the start": rises(block),
            f"{setting}: |last fresh loss / gradient descent's - 1|": ends(block, task),
            f"{setting}: last loss on its own tasks": block.own[:, -1],
        }
    return numbers


def swapped_when_most_leave(summary: Summary, of: Lengths) -> Float[np.ndarray, " seeds"]:
    """The share of the swapped path at the last snapshot up to one head's median plateau, without the sweep and in it.

    The first snapshot's where there is no median.
    """
    steps = summary.one.snapshot_steps
    snapshot = np.searchsorted(steps, np.nan_to_num(np.median(of.one)), side="right") - 1
    return np.concatenate([summary.one.swapped[:, snapshot], summary.sweep.swapped[:, snapshot]])
