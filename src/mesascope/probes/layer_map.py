"""Which step of an iterative algorithm each layer of a subject is at."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Inexact, Int

from mesascope.printing import in_short
from mesascope.probes.distance import PromptSums, prompt_sums, squared_distance
from mesascope.probes.questions import Questions
from mesascope.probes.spectral_response import NUM_KNOTS, SpectralResponse, filter_of

NEAR = 0.15  # what is farther is no match, whatever step is nearest
FEWEST_LAYERS = 3  # for two of which every line fits


class LayerMap(NamedTuple):
    """Distances of layers from steps, and how the nearest step moves with the layer."""

    distances: Float[np.ndarray, "l s"]
    best_step: Int[np.ndarray, " l"]
    """The nearest step, 1 for the first; where two are as near, the earlier."""
    best_distance: Float[np.ndarray, " l"]
    at_last_step: Bool[np.ndarray, " l"]
    """Whether more steps might be nearer still."""
    linear_r2: float
    """R^2 of k* = a + b layer, over layers within .15 of their nearest step; nan for fewer than three of them."""
    exponential_r2: float
    """R^2 of k* = a exp(b layer), over the same."""

    __repr__ = in_short


def layer_map_of(
    layers: Inexact[np.ndarray, "l b m dy"],
    steps: Inexact[np.ndarray, "s b m dy"],
    sums_fn: Callable[..., PromptSums] = prompt_sums,
) -> LayerMap:
    """delta(l, s) = sqrt(sum |f_l - g_s|^2 / sum |f_l|^2), f_l the answers after layer l, g_s those after step s.

    In units of what the layer answers, uncentred: after Fu et al. 2023, with distances in place of their cosine. Any
    two sequences that converge to one limit can be re-timed to match, so it is the distance that counts; whether k*
    grows linearly or exponentially is reported beside it. `position_sums` for a causal subject's [l b t d]. Steps that
    are not finite are infinitely far. ValueError for layers that are not finite.
    """
    squared = [[float(squared_distance(sums_fn(layer, step)).value) for step in steps] for layer in layers]
    distances = np.sqrt(squared)
    best = distances.argmin(axis=1)
    best_distance = distances.min(axis=1)
    places = np.flatnonzero(best_distance <= NEAR)
    fits = [_r2(best[places] + 1.0, fitted(places + 1.0, best[places] + 1.0)) for fitted in (_line, _exponential)]
    return LayerMap(distances, best + 1, best_distance, best == len(steps) - 1, *fits)


def layer_filters(
    layers: Inexact[np.ndarray, "l b m dy"], asked: Questions, knots: Float[np.ndarray, " k"] | int = NUM_KNOTS
) -> tuple[SpectralResponse, ...]:
    """The spectral response after each layer, at the same knots: sharper than a count of steps."""
    first = filter_of(layers[0], asked, knots)
    return (first, *(filter_of(each, asked, first.knots) for each in layers[1:]))


def _line(layers: Float[np.ndarray, " l"], steps: Float[np.ndarray, " l"]) -> Float[np.ndarray, " l"]:
    return np.polyval(np.polyfit(layers, steps, 1), layers) if len(layers) >= FEWEST_LAYERS else steps


def _exponential(layers: Float[np.ndarray, " l"], steps: Float[np.ndarray, " l"]) -> Float[np.ndarray, " l"]:
    """a exp(b layer), by least squares on steps, as the line is: begun at the line of their logarithms."""
    if len(layers) < FEWEST_LAYERS:
        return steps
    from scipy.optimize import least_squares  # here, since it takes a second to load

    slope, start = np.polyfit(layers, np.log(steps), 1)
    found = least_squares(lambda p: np.exp(p[0] + p[1] * layers) - steps, (start, slope)).x
    return np.exp(found[0] + found[1] * layers)


def _r2(steps: Float[np.ndarray, " l"], fitted: Float[np.ndarray, " l"]) -> float:
    """1 - sum of squared residuals / sum of squared deviations; nan where steps do not vary, or are too few."""
    total = float(np.sum((steps - steps.mean()) ** 2)) if len(steps) >= FEWEST_LAYERS else 0.0
    return 1 - float(np.sum((steps - fitted) ** 2)) / total if total > 0 else np.nan
