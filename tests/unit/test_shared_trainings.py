"""Computations that studies share: run once, stored for all, and the same models as training at once."""

from functools import partial

import equinox as eqx
import jax
import numpy as np
import pytest

from mesascope.configuration import describe
from mesascope.models.transformer import Transformer
from mesascope.random import seed_key
from mesascope.runs.store import Store
from mesascope.studies import study
from mesascope.studies._shared.training import Training, every, seed_keys
from mesascope.studies.oswald2023._shared.stacks import stack_training
from mesascope.study.base import AbstractStudy
from mesascope.study.cell import AbstractConfig, AbstractShared, Cell, Workspace, place
from mesascope.study.store import Memory
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.tasks.pool import FinitePool
from mesascope.training.config import FitConfig
from mesascope.training.fit import fit_seeds

CALLS = []
TASK = LinearRegression(num_examples=3, dim_x=2)


@pytest.fixture(autouse=True)
def standard_promotion():
    """Adam mixes its step count with floats."""
    with jax.numpy_dtype_promotion("standard"):
        yield


@pytest.fixture(scope="module")
def trained():
    with jax.numpy_dtype_promotion("standard"):
        return small().trained(Workspace())


def small(**changes):
    config = FitConfig(num_steps=6, batch_size=8, chunk_size=2)
    return Training(partial(Transformer.initialise, 2, num_repeats=2, **changes), TASK, config, seeds=2)


class Doubling(AbstractShared):
    """Counts how often it is run."""

    number: int
    seeds = 1
    label = "doubling"

    def compute(self, workspace):
        CALLS.append(self.number)
        workspace.report(1, 1, "doubled")
        return {"double": np.array(2 * self.number)}


class AskingCell(AbstractConfig):
    """Adds to a shared number."""

    of: Doubling
    plus: int

    def compute(self, workspace):
        return {"sum": workspace.need(self.of)["double"] + self.plus}


class Asking(AbstractStudy):
    """Adds one to a shared number."""

    title = "asks"
    source = "a test"
    claims = ()
    presets = {"quick": {}}  # noqa: RUF012
    computation: Doubling = Doubling(5)
    seeds: int = 1
    plus: int = 1

    def cells(self):
        return Cell("shared", self.computation), Cell("own", AskingCell(self.computation, self.plus))

    def summarise(self, results):
        return results[1]["sum"]

    def figures(self, summary):
        return {}

    def readings(self, summary):
        return {}


@pytest.mark.parametrize("store", [None, Memory(), "disk"], ids=["none", "memory", "disk"])
def test_a_shared_computation_runs_once_for_all_that_need_it(store, tmp_path):
    CALLS.clear()
    store = Store(tmp_path) if store == "disk" else store or Memory()
    for plus in (1, 2):
        assert Asking(Doubling(5), plus=plus).run(store).summary == 10 + plus
    assert CALLS == [5]
    assert Asking(Doubling(6)).run(store).summary == 13
    assert CALLS == [5, 6]


def test_a_forced_store_computes_what_is_shared_once_more_and_not_twice(tmp_path):
    CALLS.clear()
    Asking(Doubling(5)).run(Store(tmp_path))
    Asking(Doubling(5)).run(Store(tmp_path, force=True))
    assert CALLS == [5, 5]
    assert {path.parent.name for path in tmp_path.rglob("*.safetensors")} == {"shared", Asking.name()}


def test_a_shared_cell_is_nobodys_own():
    one, other = (place(Cell("any", small()), study, 5, "told") for study in ("one", "other"))
    assert one._replace(config=None) == other._replace(config=None)
    assert (one.owner, one.seeds, one.settings) == ("shared", 2, describe(small()))
    own = Cell("any", AskingCell(Doubling(1), 2))
    assert place(own, "one", 5, None).key != place(own, "other", 5, None).key


def test_everything_a_training_depends_on_is_in_its_description():
    described = [describe(each) for each in (small(), small(init_scale=0.1), small(num_heads=2))]
    assert len({str(each) for each in described}) == 3
    assert described[0]["make_model"]["function"] == "Transformer.initialise"
    assert described[0]["task"]["num_examples"] == 3


def test_a_restored_training_is_the_training(trained):
    training, restored = small(), trained
    direct = fit_seeds(
        lambda key: training.make_model(key=key), TASK, training.config, keys=seed_keys(0, training.seeds)
    )
    np.testing.assert_array_equal(restored.losses, direct.losses)
    np.testing.assert_array_equal(restored.snapshot_steps, direct.snapshot_steps)
    for ours, theirs in ((restored.model, direct.model), (restored.snapshots, direct.snapshots)):
        leaves = (jax.tree.leaves(eqx.filter(each, eqx.is_inexact_array)) for each in (ours, theirs))
        for our_leaf, leaf in zip(*leaves, strict=True):
            np.testing.assert_array_equal(our_leaf, leaf)
    assert restored.model.num_repeats == 2


def test_every_spreads_snapshots_and_keeps_both_ends(trained):
    chosen, steps = every(trained, 2)
    assert steps.tolist() == [0, 6]
    first, whole = (jax.tree.leaves(eqx.filter(each, eqx.is_array))[0] for each in (chosen, trained.snapshots))
    np.testing.assert_array_equal(first, np.asarray(whole)[:, [0, 3]])
    assert every(trained, 100)[1].tolist() == [0, 2, 4, 6]


@pytest.mark.parametrize(
    ("layers", "repeats", "rate", "clip", "bound"),
    [(1, 1, 1e-3, 1e-3, None), (1, 2, 1e-3, 1e-3, None), (3, 1, 1e-3, 10.0, None), (5, 1, 5e-4, 10.0, 10.0)],
)
def test_a_stack_is_trained_as_its_depth_asks(layers, repeats, rate, clip, bound):
    training = stack_training(layers, repeats, num_steps=1, seeds=1)
    assert (training.config.learning_rate, training.config.clip_norm) == (rate, clip)
    model = eqx.filter_eval_shape(training.make_model, key=jax.random.key(0))
    assert (len(model.layers), model.num_repeats, model.token_bound) == (layers, repeats, bound)


def test_no_seeds_are_refused():
    with pytest.raises(ValueError, match="`seeds` must be an integer of at least 1"):
        Training(partial(Transformer.initialise, 2), TASK, FitConfig(), seeds=0)


@pytest.mark.parametrize("first_seed", [0, 2**31 - 1, 2**32 - 2])
def test_keys_of_seeds_are_those_of_jax_up_to_the_last(first_seed):
    keys = jax.random.key_data(seed_keys(first_seed, 2))
    np.testing.assert_array_equal(keys, [jax.random.key_data(jax.random.key(first_seed + i)) for i in range(2)])


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: seed_keys(2**32, 1), "`first_seed` must be an integer from 0 to 2.32 - 1"),
        (lambda: seed_key(2**32), "`seed` must be an integer from 0 to 2.32 - 1"),
        (lambda: seed_keys(-1, 1), "`first_seed` must be an integer from 0 to 2.32 - 1"),
        (lambda: seed_keys(2**32 - 1, 2), "the last of `seeds` must be at most 2.32 - 1"),
        (
            lambda: stack_training(task=TASK, num_steps=1, seeds=1, first_seed=2**32),
            "`first_seed` must be",
        ),
        (lambda: FinitePool(TASK, seed=2**32), "`seed` must be an integer from 0 to 2.32 - 1"),
        (lambda: study("sander2024-fig3-unitary", "smoke", first_seed=2**32), "`first_seed` must be"),
        (lambda: study("oswald2023-prop1", "smoke", seeds=2**32), "`seeds` must be at most 1000000"),
    ],
)
def test_seeds_whose_keys_others_have_are_refused(as_installed, make, complaint):
    with pytest.raises(ValueError, match=complaint):
        make()
