"""Which step of a candidate each layer of a subject is at, and what filter each layer is."""

import dataclasses
from typing import NamedTuple

import numpy as np

from mesascope.candidate import Candidate
from mesascope.identify.asking import AnySubject, layers_of
from mesascope.identify.environments import Environment
from mesascope.identify.fit import Fit
from mesascope.identify.trial import Trial, trial_of
from mesascope.probes.layer_map import LayerMap, layer_map_of

MOST_STEPS = 20


class Layers(NamedTuple):
    """The map of layers to steps of one candidate, from the first one on, read out by the model's own head."""

    candidate: str
    map: LayerMap


def layers(subject: AnySubject, trial: Trial, found: Fit, environment: Environment) -> Layers | None:
    """For a candidate that takes steps and a subject of two layers or more; None for others."""
    candidate = trial.candidate
    if not isinstance(candidate, Candidate) or not candidate.counts:
        return None
    answers = layers_of(subject, environment)
    if answers is None or len(answers) < 2:
        return None
    every = dataclasses.replace(candidate, counts=tuple(range(1, max(candidate.counts) + 1)))
    steps = trial_of(every, trial.num_rows, trial.block).answers(found.parameters, environment)
    return Layers(candidate.name, layer_map_of(_finite(answers), steps))


def _finite(answers: np.ndarray) -> np.ndarray:
    return answers.astype(np.result_type(answers, np.float64))
