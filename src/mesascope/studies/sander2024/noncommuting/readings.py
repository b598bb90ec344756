"""The numbers that claims on dynamics that commute or not are about."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mesascope.studies.sander2024.noncommuting.cells import LawTerms, LayerReadings
from mesascope.study.base import Readings

HAAR = "uniform W"
STARTED = "dense from scalar"


class Law(NamedTuple):
    """What was found on one law of W; `layers` by kind: scalar, and where trained dense and dense from scalar."""

    terms: LawTerms
    layers: dict[str, LayerReadings]


class Summary(NamedTuple):
    """All laws by name with s_1 uniform, tau = 0 first and uniform W last; turned laws with a fixed s_1, tau rising."""

    laws: dict[str, Law]
    fixed: tuple[LawTerms, ...]


def readings(summary: Summary) -> Readings:
    """The numbers that claims are about, and what lies behind them."""
    laws = summary.laws
    commuting, haar = next(iter(laws.values())), laws[HAAR]
    dense = haar.layers["dense"]
    return {
        "haar-step": dense.distance,
        "haar-second": np.abs(dense.ratio()),
        "haar-predicted": np.abs(dense.loss / haar.terms.two - 1),
        "scalar-step": worst(laws, lambda layers: layers.distance),
        "scalar-rest": worst(laws, lambda layers: layers.rest),
        "scalar": haar.layers["scalar"].loss / haar.layers[STARTED].loss - 1,
        "planes": commuting.layers[STARTED].loss / commuting.layers["scalar"].loss,
        "fixed": change_of_loss(summary.fixed),
        "mean |W W' - W' W|, tau rising, then uniform W": np.array([law.terms.commutator for law in laws.values()]),
        "loss of one step, tau rising, then uniform W": np.array([law.terms.one for law in laws.values()]),
        "loss of two terms, tau rising, then uniform W": np.array([law.terms.two for law in laws.values()]),
        "c' / c of two terms, tau rising, then uniform W": np.array([law.terms.ratio() for law in laws.values()]),
        "loss of one step with s_1 fixed, tau rising": np.array([terms.one for terms in summary.fixed]),
        **_of_layers(laws),
    }


def change_of_loss(laws: tuple[LawTerms, ...]) -> float:
    """The largest change of the best step's loss from the first law's to another's, relative to the first."""
    first, *others = (float(law.one) for law in laws)
    return max(abs(each / first - 1) for each in others)


def worst(laws: dict[str, Law], number: Callable[[LayerReadings], np.ndarray]) -> np.ndarray:
    """Of scalar layers a number a seed [seeds], the largest over laws."""
    return np.max([number(law.layers["scalar"]) for law in laws.values()], axis=0)


def _of_layers(laws: dict[str, Law]) -> dict[str, np.ndarray]:
    every = [(f"{kind} layers, {name}", of) for name, law in laws.items() for kind, of in law.layers.items()]
    return {
        **{f"loss of {name}": of.loss for name, of in every},
        **{f"c' / c of {name}": of.ratio() for name, of in every},
        **{f"distance to a step of {name}": of.distance for name, of in every},
    }
