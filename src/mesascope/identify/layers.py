"""Which step of a candidate each layer of a subject is at, and what filter each layer is."""

import dataclasses
from typing import NamedTuple

import numpy as np

from mesascope.candidate import Candidate
from mesascope.identify.asking import AnySubject, hidden_of, layers_of
from mesascope.identify.environments import Environment
from mesascope.identify.fit import Fit
from mesascope.identify.stage import Scene
from mesascope.identify.symmetries import FEWEST_FOR_RESPONSE, of_response
from mesascope.identify.trial import Trial, trial_of
from mesascope.probes.layer_map import LayerMap, layer_filters, layer_map_of
from mesascope.probes.layer_readout import ridge_readout
from mesascope.probes.questions import Questions
from mesascope.probes.spectral_response import SpectralResponse


class Layers(NamedTuple):
    """The map of layers to steps of one candidate, from the first one on, read out by the model's own head.

    `fitted` is the map with a readout fitted to each layer, which gives it a scale of its own: ridge regression of the
    model's last answers on what the layer holds, on other prompts. `filters` are the spectral responses after each
    layer, of a model of prompts. None and () where they cannot be had.
    """

    candidate: str
    map: LayerMap
    fitted: LayerMap | None = None
    filters: tuple[SpectralResponse, ...] = ()


def layers(subject: AnySubject, trial: Trial, found: Fit, scene: Scene) -> Layers | None:
    """For a candidate that takes steps and a subject of two layers or more; None for others."""
    candidate = trial.candidate
    if not isinstance(candidate, Candidate) or not candidate.takes_steps:
        return None
    environment = of_response(scene)
    answers = layers_of(subject, environment)
    if answers is None or len(answers) < 2:
        return None
    every = dataclasses.replace(candidate, counts=tuple(range(1, max(candidate.counts) + 1)))
    steps = trial_of(every, trial.num_rows, trial.block).answers(found.parameters, environment)
    answers = answers.astype(np.result_type(answers, np.float64))
    read = _read_out(subject, scene.inside()[-1], environment)
    return Layers(
        candidate.name,
        layer_map_of(answers, steps),
        None if read is None else layer_map_of(read, steps),
        _filters(answers, environment),
    )


def _read_out(subject: AnySubject, fitted: Environment, environment: Environment) -> np.ndarray | None:
    """What readouts that were fitted on some prompts say of others [l b m dy]; None where no layer can be seen."""
    held, answers = hidden_of(subject, fitted), layers_of(subject, fitted)
    if held is None or answers is None:
        return None
    now = hidden_of(subject, environment)
    assert now is not None
    return ridge_readout(held, answers[-1]).answers(now)


def _filters(answers: np.ndarray, environment: Environment) -> tuple[SpectralResponse, ...]:
    if environment.states is not None or len(environment.xs) < FEWEST_FOR_RESPONSE:
        return ()
    return layer_filters(answers, Questions(environment.xs, environment.ys, environment.queries))
