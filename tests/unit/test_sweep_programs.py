"""Trainings that differ only in numbers share one compiled program, and each has the bits that it has alone."""

from functools import partial

import jax
import numpy as np
import pytest

from mesascope.configuration import describe
from mesascope.models.transformer import Transformer
from mesascope.studies._shared.training import Training
from mesascope.study.cell import Workspace
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.tasks.shifted import Shifted
from mesascope.training.config import FitConfig
from mesascope.training.loop import split_numbers
from mesascope.training.schedules import CosineDecay


@pytest.fixture(autouse=True)
def single_precision():
    """As users train."""
    with jax.enable_x64(False), jax.numpy_dtype_promotion("standard"):
        yield


def training(noise_std=0.1, input_scale=0.5, learning_rate=1e-3, num_examples=4, **config):
    task = Shifted(LinearRegression(num_examples, 3, input_scale=input_scale, noise_std=noise_std), weight_scale=1.5)
    maker = partial(Transformer.initialise, 3, num_layers=2)
    return Training(maker, task, FitConfig(20, 16, learning_rate, **config), seeds=2)


@pytest.fixture
def compiled():
    """Names of the programs compiled so far."""
    names = []

    def listen(event, duration, fun_name="", **_):
        if event == "/jax/core/compile/backend_compile_duration":
            names.append(fun_name)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield names
    jax.monitoring.unregister_event_duration_listener(listen)


def test_one_program_serves_all_and_gives_the_bits_of_each_alone(compiled):
    settings = [(0.1, 0.5, 1e-3), (0.3, 0.5, 1e-3), (0.1, 0.8, 5e-3)]
    together = [training(*each).compute(Workspace()) for each in settings]
    assert len([name for name in compiled if "advance" in name]) == 1
    assert len({each["losses"].tobytes() for each in together}) == 3
    jax.clear_caches()
    alone = training(*settings[-1]).compute(Workspace())
    assert alone.keys() == together[-1].keys()
    assert all(alone[name].tobytes() == together[-1][name].tobytes() for name in alone)


def test_what_a_program_depends_on():
    base = training().program()
    assert training(0.2, 0.7, 2e-3).program() == base
    for other in (training(num_examples=5), training(noise_std=0.0), training(b1=0.8), training(clip_norm=0.5)):
        assert other.program() != base
    schedules = [training(learning_rate=CosineDecay(1e-2, end, 20)) for end in (1e-3, 2e-3)]
    assert schedules[0].program() != schedules[1].program()


def test_numbers_and_the_rest_make_the_whole():
    each = training()
    numbers, rest = split_numbers(each.task, each.config)
    assert sorted(jax.tree.leaves(numbers)) == [1e-3, 0.1, 0.5, 1.0, 1.5]
    leaves = jax.tree.map(lambda number, other: other if number is None else number, numbers, rest, is_leaf=_is_none)
    assert describe(leaves) == describe((each.task, each.config))


def _is_none(leaf):
    return leaf is None


def test_constants_in_their_place_give_the_same_bits():
    """The loop compiled for these numbers alone, as it was before they became arguments."""
    from mesascope.training import loop
    from mesascope.training.fit import _Run  # the state of a training, which only `fit_seeds` makes

    each = training()
    run = _Run(each._make, each.task, each.config, jax.random.split(jax.random.key(0), 2))
    nothing = jax.tree.map(lambda _: None, (each.task, each.config))
    constants = loop._advance_all(run.static_model, nothing, (each.task, each.config), run.mesh, run.states)
    arguments = loop.advance(run.static_model, each.task, each.config, run.mesh, run.states)
    for one, other in zip(jax.tree.leaves(constants), jax.tree.leaves(arguments), strict=True):
        assert np.asarray(one).tobytes() == np.asarray(other).tobytes()
