"""The numbers that the claims about identified models are judged by."""

from collections import Counter
from typing import NamedTuple

import numpy as np

from mesascope.identify.verdict import Kind
from mesascope.studies.oswald2023.identified.cells import BestTied, Identified
from mesascope.study.base import Readings

NAMING = (Kind.IDENTIFIED, Kind.APPROXIMATELY)


class Asked(NamedTuple):
    """What was said of the models of one training, and the lists in which places are given."""

    found: Identified
    candidates: tuple[str, ...]
    laws: tuple[str, ...]

    def names(self, name: str, num_steps: int) -> np.ndarray:
        """1 for every seed [seeds] whose verdict names so many steps of a candidate, else 0."""
        found, place = self.found, self.candidates.index(name)
        naming = np.isin(found.kind, [list(Kind).index(kind) for kind in NAMING])
        return (naming & (found.choice == place) & (found.num_steps[:, place] == num_steps)).astype(float)

    def parameter(self, name: str, number: int) -> np.ndarray:
        """A parameter of a candidate's best fit [seeds], by its place."""
        return self.found.parameters[:, self.candidates.index(name), number]

    def distance(self, name: str) -> np.ndarray:
        """To a candidate's best fit [seeds]."""
        return self.found.distances[:, self.candidates.index(name), 0]

    def least(self) -> np.ndarray:
        """The distance to the nearest candidate and its interval [seeds 3]."""
        nearest = np.argmin(np.nan_to_num(self.found.distances[:, :, 0], nan=np.inf), axis=1)
        return self.found.distances[np.arange(len(nearest)), nearest]


class Models(NamedTuple):
    """All that were asked."""

    layer: Asked
    tied: Asked
    untied: Asked
    heads: Asked
    augmented: Asked
    alike: Asked


NAMES = (  # in this order
    "one layer",
    "two tied layers",
    "five untied layers",
    "two softmax heads",
    "augmented layer",
    "augmented layer, equal signs",
)


class Summary(NamedTuple):
    """All models, the rates that are best for those of one layer and of two tied ones, and the rarer signs [seeds]."""

    models: Models
    best_rate: float
    best_tied: BestTied
    best_coefficient: float
    rarer: np.ndarray


def readings(summary: Summary) -> Readings:
    """The numbers that claims are about, and what else is read of every model."""
    layer, tied, untied, heads, augmented, alike = summary.models
    equal = ~(summary.rarer > 0)
    of_none = (augmented.found.kind == list(Kind).index(Kind.NONE)).astype(float)
    return {
        "layer": layer.names("gradient-descent", 1),
        "layer-eta": np.abs(layer.parameter("gradient-descent", 0) / summary.best_rate - 1),
        "tied": tied.names("gd-plus-plus", 2),
        "tied-eta": np.abs(tied.parameter("gd-plus-plus", 0) / summary.best_tied.learning_rate - 1),
        "tied-gamma": np.abs(tied.parameter("gd-plus-plus", 1) / summary.best_tied.curvature - 1),
        "untied": untied.distance("gd-plus-plus") / untied.distance("gradient-descent"),
        "untied-rates": untied.least()[:, 1],
        "heads": heads.names("centred-gradient-descent", 1),
        "alike": alike.names("gradient-descent-along-sequence", 1),
        "signs": np.ma.masked_array(of_none, equal),
        "best eta of one step, closed form": summary.best_rate,
        "best eta of two steps of GD++": summary.best_tied.learning_rate,
        "best gamma of two steps of GD++": summary.best_tied.curvature,
        "best coefficient along a sequence, closed form": summary.best_coefficient,
        "coordinates of the rarer sign": summary.rarer,
        **_of_parameters(summary),
        **{key: value for each in zip(NAMES, summary.models, strict=True) for key, value in _of_model(*each).items()},
    }


def _of_parameters(summary: Summary) -> Readings:
    layer, tied, _, heads, _, alike = summary.models
    return {
        "eta of one layer": layer.parameter("gradient-descent", 0),
        "eta of two tied layers": tied.parameter("gd-plus-plus", 0),
        "gamma of two tied layers": tied.parameter("gd-plus-plus", 1),
        "eta of two softmax heads": heads.parameter("centred-gradient-descent", 0),
        f"coefficient of an {NAMES[-1]}": alike.parameter("gradient-descent-along-sequence", 0),
    }


def _of_model(name: str, asked: Asked) -> Readings:
    found, by_law = asked.found, enumerate(asked.laws)
    return {
        f"{name}: distance of the nearest candidate": asked.least()[:, 0],
        f"{name}: distance of the choice from the runner-up, fitted to it": found.separation,
        **({} if np.isnan(found.unfiltered).all() else {f"{name}: share that no filter explains": found.unfiltered}),
        **{f"{name}: distance of the choice, {law}": found.at_laws[:, i] for i, law in by_law},
    }


def in_words(name: str, asked: Asked) -> str:
    """What is said of a model, a seed after the other."""
    return f"{name}, by seed: {'; '.join(_said(asked, seed) for seed in range(len(asked.found.kind)))}."


def in_a_sentence(name: str, asked: Asked) -> str:
    """What is said of a model, and of how many seeds."""
    counts = Counter(_said(asked, seed) for seed in range(len(asked.found.kind)))
    told = "; ".join(f"{said} ({num} of {counts.total()} seeds)" for said, num in counts.most_common())
    return f"{name[0].upper()}{name[1:]}: {told}."


def _said(asked: Asked, seed: int) -> str:
    kind, choice = asked.found.kind[seed], asked.found.choice[seed]
    if np.isnan(kind):
        return "not asked"
    steps = asked.found.num_steps[seed, int(choice)]
    of_steps = "" if np.isnan(steps) else f"{steps:.0f} x "
    near = "nearest " if list(Kind)[int(kind)] in (Kind.NONE, Kind.INCONCLUSIVE) else ""
    return f"{list(Kind)[int(kind)]}, {near}{of_steps}{asked.candidates[int(choice)]}"
