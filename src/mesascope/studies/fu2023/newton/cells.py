"""Deep stacks trained on one law of inputs, their layers held against the steps of two algorithms."""

from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float

from mesascope.models.transformer import Transformer
from mesascope.probes.layer_map import LayerMap, layer_map_of
from mesascope.probes.layer_readout import ridge_readout
from mesascope.prompt import Prompt
from mesascope.studies._shared.measure import one_of, relative_distance, validation
from mesascope.studies._shared.training import Training
from mesascope.studies.fu2023.newton.rivals import Rivals, rivals_of
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.anisotropic_regression import AnisotropicRegression

MAPS = ("newton", "descent", "fitted")


class Law(NamedTuple):
    """Of the models trained on one law of inputs: an entry a seed, and of the algorithms one in all.

    `newton` and `descent` map each layer's own answers to the steps of an algorithm, `fitted` its answers by a fitted
    readout to Newton's. Errors are sqrt(sum |f - y|^2 / sum |y|^2) over prompts, [seeds layers] of the models,
    [steps] of the algorithms. `null` [steps] is how far each gradient step is from the nearest of Newton's, in its own
    units. `to_least_squares` is the distance of the last layer's answers, in units of these.
    """

    newton: tuple[LayerMap, ...]
    descent: tuple[LayerMap, ...]
    fitted: tuple[LayerMap, ...]
    error: np.ndarray
    to_least_squares: np.ndarray
    newton_error: np.ndarray
    descent_error: np.ndarray
    null: np.ndarray


class IteratesCell(AbstractConfig):
    """A training, and its layers measured on `num_validation` prompts; readouts are fitted on `num_readout` others."""

    training: Training[AnisotropicRegression]
    num_newton: int
    num_descent: int
    num_readout: int
    num_validation: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`Law`, its maps by name, see `law_of`."""
        models = self.training.trained(workspace).model
        drawn = validation(self.training.task, self.num_readout + self.num_validation)
        fit_on, prompts = (jax.tree.map(lambda leaf, part=part: leaf[part], drawn) for part in self._parts())
        rivals, targets = rivals_of(prompts, self.num_newton, self.num_descent), _targets(prompts)
        rows = [_of_model(one_of(models, i), fit_on, prompts, rivals) for i in range(self.training.seeds)]
        *maps, error, to_least_squares = zip(*rows, strict=True)
        workspace.report(1, 1, "measured")
        return {
            **{key: values for name, each in zip(MAPS, maps, strict=True) for key, values in _named(name, each)},
            "error": np.array(error),
            "to_least_squares": np.array(to_least_squares),
            "newton_error": _errors(rivals.newton, targets),
            "descent_error": _errors(rivals.descent, targets),
            "null": layer_map_of(rivals.descent, rivals.newton).best_distance,
        }

    def _parts(self) -> tuple[slice, slice]:
        return slice(self.num_readout), slice(self.num_readout, None)


def law_of(arrays: Arrays) -> Law:
    """What a cell measured, of its arrays."""
    newton, descent, fitted = (_maps(name, arrays) for name in MAPS)
    return Law(newton, descent, fitted, *(arrays[name] for name in Law._fields[len(MAPS) :]))


def _of_model(model: Transformer, fit_on: Prompt, prompts: Prompt, rivals: Rivals) -> tuple:
    """One seed's entry of each field of `Law` up to `to_least_squares`."""
    own, hidden = (np.asarray(each, float) for each in _compiled_layers(model, prompts))
    seen = np.asarray(_compiled_layers(model, fit_on)[1], float)
    if all(np.isfinite(each).all() for each in (own, hidden, seen)):
        fitted = ridge_readout(seen, _targets(fit_on)).answers(hidden)
        maps = tuple(
            layer_map_of(*each) for each in ((own, rivals.newton), (own, rivals.descent), (fitted, rivals.newton))
        )
    else:
        maps = tuple(_lost(len(own), len(steps)) for steps in (rivals.newton, rivals.descent, rivals.newton))
    last = relative_distance(own[-1, :, 0], rivals.least_squares[:, 0])
    return *maps, _errors(own, _targets(prompts)), last


def _lost(num_layers: int, num_steps: int) -> LayerMap:
    """Of a training that diverged: no layer is near any step."""
    distances, first = np.full((num_layers, num_steps), np.nan), np.ones(num_layers, int)
    return LayerMap(distances, first, distances[:, 0], first == num_steps, np.nan, np.nan)


@eqx.filter_jit
def _compiled_layers(
    model: Transformer, prompts: Prompt
) -> tuple[Float[Array, "layers b 1 dy"], Float[Array, "layers b 1 d"]]:
    """The model's own answers after each layer, and the query's token there."""
    answers, (_, tokens) = jax.vmap(lambda prompt: (model.trajectory(prompt), model.token_trajectory(prompt)))(prompts)
    return answers.swapaxes(0, 1)[:, :, None], tokens.swapaxes(0, 1)[:, :, None]


def _targets(prompts: Prompt) -> Float[np.ndarray, "b 1 dy"]:
    return np.asarray(prompts.target, float)[:, None]


def _errors(answers: Float[np.ndarray, "steps b 1 dy"], targets: Float[np.ndarray, "b 1 dy"]) -> np.ndarray:
    return np.array([relative_distance(targets[:, 0], each[:, 0]) for each in answers])


def _named(name: str, maps: tuple[LayerMap, ...]) -> list[tuple[str, np.ndarray]]:
    return [(f"{name}_{field}", np.array([getattr(each, field) for each in maps])) for field in LayerMap._fields]


def _maps(name: str, arrays: Arrays) -> tuple[LayerMap, ...]:
    fields = [arrays[f"{name}_{field}"] for field in LayerMap._fields]
    return tuple(LayerMap(*each) for each in zip(*fields, strict=True))
