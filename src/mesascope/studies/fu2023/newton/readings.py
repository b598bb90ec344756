"""The numbers that the claims about layers and steps are judged by."""

from typing import NamedTuple

import numpy as np

from mesascope.probes.layer_map import FEWEST_LAYERS, NEAR, LayerMap
from mesascope.studies.fu2023.newton.cells import Law
from mesascope.study.base import Readings


class Summary(NamedTuple):
    """What was measured on inputs of equal variances and on ill-conditioned ones."""

    well: Law
    ill: Law


def readings(summary: Summary) -> Readings:
    """The numbers that claims are about, an entry a seed, and distances, steps and errors of each law."""
    well, ill = summary
    depth = ill.error.shape[1]
    return {
        "accurate": well.to_least_squares,
        "near": late_distances(well.newton).max(axis=1),
        "fitted": late_distances(well.fitted).max(axis=1),
        "nearer": nearer(well),
        "linear": where_near(well.newton, np.array([each.linear_r2 for each in well.newton], float)),
        "exponential": where_near(
            well.descent, np.array([each.exponential_r2 - each.linear_r2 for each in well.descent], float)
        ),
        "pace": where_near(well.newton, np.array([abs(steps_a_layer(each) - 3) for each in well.newton], float)),
        "ill": ill.error[:, -1] / well.error[:, -1],
        "ill-descent": ill.descent_error[depth - 1] / ill.error[:, -1],
        "ill-nearer": nearer(ill),
        **_of_law(well, "well conditioned"),
        **_of_law(ill, "ill conditioned"),
    }


def late_distances(maps: tuple[LayerMap, ...]) -> np.ndarray:
    """Distances [seeds layers] of the layers of the second half from their nearest steps."""
    return np.array([each.best_distance[len(each.best_distance) // 2 :] for each in maps])


def nearer(law: Law) -> np.ndarray:
    """(distance to the nearest Newton iterate) / (to the nearest gradient step), geometric mean over late layers."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.exp(np.log(late_distances(law.newton) / late_distances(law.descent)).mean(axis=1))


def steps_a_layer(found: LayerMap) -> float:
    """The slope of the line through k* of the layers near their nearest step; nan where they are too few.

    Rounded to nine decimals: steps are whole, and slopes of two or of four are on the bound.
    """
    places = _near(found)
    return (
        round(float(np.polyfit(places, found.best_step[places], 1)[0]), 9) if len(places) >= FEWEST_LAYERS else np.nan
    )


def where_near(maps: tuple[LayerMap, ...], numbers: np.ndarray) -> np.ma.MaskedArray:
    """Numbers of seeds, masked where fewer than three layers are near a step: there is nothing to fit a line to."""
    return np.ma.masked_array(numbers, [len(_near(each)) < FEWEST_LAYERS for each in maps])


def _near(found: LayerMap) -> np.ndarray:
    return np.flatnonzero(found.best_distance <= NEAR)


def _of_law(law: Law, name: str) -> Readings:
    numbers: dict = {
        f"distance of a gradient step to the nearest Newton iterate, worst, {name}": law.null.max(),
        f"distance of the last layer to least squares, {name}": law.to_least_squares,
        f"steps of Newton a layer, {name}": np.array([steps_a_layer(each) for each in law.newton]),
        f"R^2 of a line through Newton's steps, {name}": np.array([each.linear_r2 for each in law.newton]),
        f"R^2 of an exponential through gradient steps, {name}": np.array(
            [each.exponential_r2 for each in law.descent]
        ),
    }
    for layer in range(law.error.shape[1]):
        at = f"layer {layer + 1}, {name}"
        for of, maps in (("Newton", law.newton), ("gradient descent", law.descent), ("Newton, fitted", law.fitted)):
            if of != "Newton, fitted":
                numbers[f"nearest step of {of}, {at}"] = np.array([each.best_step[layer] for each in maps])
            numbers[f"distance to it, {of}, {at}"] = np.array([each.best_distance[layer] for each in maps])
    return numbers
