"""The numbers that claims on dynamics that commute or not are about."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mesascope.stats import Estimate
from mesascope.studies.sander2024.noncommuting.cells import LawTerms, LayerReadings
from mesascope.studies.sander2024.noncommuting.six_scalars import SixScalars
from mesascope.study.base import Readings

HAAR = "Haar"


class Law(NamedTuple):
    """What was found on one law of dynamics; `layers` by kind, none where none is trained."""

    terms: LawTerms
    six: SixScalars
    layers: dict[str, LayerReadings]


class Summary(NamedTuple):
    """All laws by name with s_1 uniform, the least turned first and Haar's last; turned laws with a fixed s_1."""

    laws: dict[str, Law]
    fixed: tuple[LawTerms, ...]

    def turned(self) -> tuple[Law, ...]:
        """All laws but Haar's."""
        return tuple(law for name, law in self.laws.items() if name != HAAR)


def readings(summary: Summary) -> Readings:
    """The numbers that claims are about, and what lies behind them."""
    laws, turned = summary.laws, summary.turned()
    first, haar = turned[0], laws[HAAR]
    return {
        "gain": Estimate(*first.six.gain.tolist()),
        "haar-gain": Estimate(*haar.six.gain.tolist()),
        "haar-ridge": Estimate(*haar.six.ridge.tolist()),
        "invariant": change_of_loss(tuple(law.terms for law in turned)),
        "fixed": change_of_loss(summary.fixed),
        "planes": first.layers["dense"].loss / first.terms.two,
        **on_haar(haar),
        **at_every_law(laws),
        "mean commutator, tau rising, then Haar": np.array([law.six.commutator for law in laws.values()]),
        "loss of one step, tau rising, then Haar": np.array([law.terms.one for law in laws.values()]),
        "loss of two terms, tau rising, then Haar": np.array([law.terms.two for law in laws.values()]),
        "loss of six scalars, tau rising, then Haar": np.array([law.six.loss for law in laws.values()]),
        "c' / c of two terms, tau rising, then Haar": np.array([law.terms.ratio() for law in laws.values()]),
        "c' / c of six scalars, tau rising, then Haar": np.array([law.six.ratio() for law in laws.values()]),
        "loss of one step with s_1 fixed, tau rising": np.array([terms.one for terms in summary.fixed]),
        **_of_layers(laws),
    }


def change_of_loss(laws: tuple[LawTerms, ...]) -> float:
    """The largest change of the best step's loss from the first law's to another's, relative to the first."""
    first, *others = (float(law.one) for law in laws)
    return max(abs(each / first - 1) for each in others)


def on_haar(law: Law) -> dict[str, np.ndarray]:
    """By claim a number a seed [seeds]: dense layers against the two terms, and scalar layers against dense ones."""
    dense, scalar = law.layers["dense"], law.layers["scalar"]
    return {
        "haar-step": dense.distance,
        "haar-second": np.abs(dense.ratio()),
        "haar-predicted": np.abs(dense.loss / law.terms.two - 1),
        "haar-ratio": np.abs(dense.ratio() / law.terms.ratio() - 1),
        "haar-rest": dense.rest,
        "scalar": scalar.loss / dense.loss - 1,
    }


def at_every_law(laws: dict[str, Law]) -> dict[str, np.ndarray]:
    """By claim a number a seed [seeds], the largest over the laws that layers were trained on."""
    trained = {name: law for name, law in laws.items() if law.layers}

    def largest(number: Callable[[Law, LayerReadings], np.ndarray], kind: str, *without: str) -> np.ndarray:
        of = [number(law, law.layers[kind]) for name, law in trained.items() if name not in without]
        return np.max(of, axis=0)

    return {
        "scalar-step": largest(lambda law, layers: layers.distance, "scalar"),
        "optimum": largest(lambda law, layers: layers.loss / law.six.loss - 1, "scalar"),
        "scalar-ratio": largest(lambda law, layers: np.abs(layers.ratio() / law.terms.ratio() - 1), "scalar"),
        "best-ratio": largest(lambda law, layers: np.abs(layers.ratio() / law.six.ratio() - 1), "scalar", HAAR),
        "scalar-rest": largest(lambda law, layers: layers.rest, "scalar"),
        "dense-rest": largest(lambda law, layers: layers.rest, "dense"),
    }


def _of_layers(laws: dict[str, Law]) -> dict[str, np.ndarray]:
    every = [(f"{kind} layers, {name}", of) for name, law in laws.items() for kind, of in law.layers.items()]
    return {
        **{f"loss of {name}": of.loss for name, of in every},
        **{f"c' / c of {name}": of.ratio() for name, of in every},
        **{f"distance to a step of {name}": of.distance for name, of in every},
    }
