"""Steps of an identification, each by itself, on prompts drawn of a task."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from mesascope.candidate import Candidate
from mesascope.identify.asking import ask
from mesascope.identify.candidates import chosen
from mesascope.identify.environments import draw as draw_material
from mesascope.identify.environments import environments_of, lengths_of
from mesascope.identify.fit import fit
from mesascope.identify.layers import Layers, layers
from mesascope.identify.separate import TOP, most_controversial
from mesascope.identify.stage import BUDGETS, stage
from mesascope.identify.trial import trial_of
from mesascope.interop.asking import CheckedSequenceSubject, CheckedSubject, checked_subject
from mesascope.interop.opening import as_subject
from mesascope.predictor import AbstractPredictor, check_predictor
from mesascope.probes.invariance import Invariance
from mesascope.probes.invariances import invariances_of
from mesascope.probes.questions import Questions
from mesascope.probes.sequence_invariances import sequence_invariances_of
from mesascope.probes.spectral_response import SpectralResponse, spectral_response_of
from mesascope.prompt import Prompt
from mesascope.random import jit_draws
from mesascope.tasks._base import AbstractTask
from mesascope.tasks._process import AbstractProcess
from mesascope.validation import check_class, check_count, check_key

Checked = CheckedSubject | CheckedSequenceSubject


def spectral_response(
    model: Any, task: AbstractTask, *, key: Key[Array, ""], num_prompts: int = 1000
) -> SpectralResponse:
    """The filter psi(s) that a model applies to the spectrum of its inputs, and what of it no filter explains.

    See `probes.spectral_response`; `model` is whatever `as_subject` takes.
    """
    check_class("task", task, AbstractTask, "The response is of prompts of regression: `LinearRegression(10, 5)`.")
    check_count("num_prompts", num_prompts, minimum=40)
    subject = _checked(model)
    check_class("model", subject, CheckedSubject, "The response is of a model of prompts, not of sequences.")
    assert isinstance(subject, CheckedSubject)
    return spectral_response_of(subject, _questions(task, key, num_prompts))


def invariances(
    model: Any, task: AbstractTask | AbstractProcess, *, key: Key[Array, ""], num_prompts: int = 200
) -> tuple[Invariance, ...]:
    """What a model's answers are invariant to, and what it means where they are not; a leak comes first."""
    check_count("num_prompts", num_prompts, minimum=2)
    subject = _checked(model)
    if isinstance(subject, CheckedSequenceSubject):
        check_class("task", task, AbstractProcess, "The model is of sequences: `HaarProcess(30, 5)`.")
        check_key("key", key)
        assert isinstance(task, AbstractProcess)
        return sequence_invariances_of(subject, np.asarray(task.sample_batch(key, num_prompts).states))
    check_class("task", task, AbstractTask, "The model is of prompts: `LinearRegression(10, 5)`.")
    assert isinstance(task, AbstractTask)
    return invariances_of(subject, _questions(task, key, num_prompts))


def layer_map(
    model: Any, candidate: Candidate | str, task: AbstractTask | AbstractProcess, *, key: Key[Array, ""]
) -> Layers:
    """Which step of a candidate, fitted to the model's last answers, each layer of the model is at.

    ValueError for a candidate without steps, and for a model without layers to see.
    """
    check_key("key", key)
    tried, *_ = chosen([candidate], task)
    subject = _checked(model)
    scene = stage(subject, task, key, BUDGETS["quick"]._replace(num_queries=1), None)
    trial = trial_of(tried, scene.num_rows, len(scene.fitted[0].queries))
    found = layers(subject, trial, fit(trial, ask(subject, scene.fitted), scene.scale), scene)
    if found is None:
        raise ValueError(
            f"`model` must have two layers or more that can be read out, and `candidate` must take steps; got "
            f"{subject.name} and {tried.name}."
        )
    return found


def controversial_prompts(
    first: AbstractPredictor,
    second: AbstractPredictor,
    task: AbstractTask,
    *,
    key: Key[Array, ""],
    num_prompts: int = 100,
) -> Prompt:
    """Of the task's own prompts those on which two predictors differ most: the top 5% by |first - second|^2.

    What tells two algorithms apart without leaving the distribution that a model was trained on.
    """
    for name, predictor in (("first", first), ("second", second)):
        check_predictor(name, predictor)
    check_class("task", task, AbstractTask, "Make one: `LinearRegression(10, 5)`.")
    check_count("num_prompts", num_prompts)
    check_key("key", key)
    prompts = _prompts(task, key, round(num_prompts / TOP))
    ours, theirs = (np.asarray(_answers(each, prompts))[:, None] for each in (first, second))
    which = jnp.asarray(most_controversial(ours, theirs)[:num_prompts])
    return jax.tree.map(lambda leaf: leaf[which], prompts)


@eqx.filter_jit
def _answers(predictor: AbstractPredictor, prompts: Prompt) -> Array:
    return jax.vmap(lambda prompt: predictor(prompt))(prompts)


@jit_draws
def _prompts(task: AbstractTask, key: Key[Array, ""], num_prompts: int) -> Prompt:
    return task.sample_batch(key, num_prompts)


def _questions(task: AbstractTask, key: Key[Array, ""], num_prompts: int) -> Questions:
    check_key("key", key)
    length = lengths_of(task)[-1]
    (environment,) = environments_of(draw_material(task, key, num_prompts, 2, length), (length,))
    return Questions(environment.xs, environment.ys, environment.queries)


def _checked(model: Any) -> Checked:
    return checked_subject(as_subject(model))
