"""A model in a file comes back bit for bit, or not at all."""

import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import mesascope.algorithms
import mesascope.models
from mesascope.algorithms.kernel_smoother import FeatureKernel, KernelSmoother
from mesascope.algorithms.ridge import Ridge
from mesascope.arrays import UnusableFile, load_arrays, save_arrays
from mesascope.discovery import concrete_classes
from mesascope.interop.checkpoints import load, save
from mesascope.models.transformer import Transformer
from mesascope.predictor import AbstractPredictor
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.training.config import FitConfig
from mesascope.training.fit import fit_seeds
from mesascope.version import __version__


def same(one, other):
    """Structure, static fields, and every array's kind, dtype, shape and bytes."""
    (leaves, structure), (others, other_structure) = jax.tree.flatten(one), jax.tree.flatten(other)
    return structure == other_structure and all(map(same_leaf, leaves, others))


def same_leaf(one, other):
    if not isinstance(one, (np.ndarray, jax.Array)):
        return type(one) is type(other) and one == other
    ours, theirs = np.asarray(one), np.asarray(other)
    alike = (ours.dtype, ours.shape, ours.tobytes()) == (theirs.dtype, theirs.shape, theirs.tobytes())
    return alike and isinstance(one, jax.Array) == isinstance(other, jax.Array)


CLASSES = [
    cls for package in (mesascope.models, mesascope.algorithms) for cls in concrete_classes(package, AbstractPredictor)
]


@pytest.mark.parametrize("cls", CLASSES)
def test_every_model_and_algorithm_comes_back_bit_for_bit(cls, tmp_path):
    for model in eqx.filter_jit(cls.examples)():
        save(model, tmp_path / "model")
        assert same(load(tmp_path / "model"), model)


@pytest.fixture(scope="module")
def trained():
    make = lambda key: Transformer.initialise(3, num_layers=2, key=key)  # noqa: E731
    config = FitConfig(num_steps=3, batch_size=4, chunk_size=2)
    with jax.numpy_dtype_promotion("standard"):  # as optax needs it
        return fit_seeds(make, LinearRegression(5, 3), config, keys=jax.random.split(jax.random.key(0), 2))


def test_a_training_comes_back_of_one_seed_or_of_several(trained, tmp_path):
    for each in (trained, trained.seed(1), trained.seed(0).model):
        save(each, tmp_path / "model")
        found = load(tmp_path / "model")
        assert type(found) is type(each)
        assert same(found, each)


def rewritten(path, change):
    arrays, header = load_arrays(path)
    change(header)
    save_arrays(path, arrays, header)


def at(header, *keys):
    for key in keys:
        header = header[key]
    return header


@pytest.mark.parametrize(("change", "message"), [
    (lambda h: h.update(kind="question"), "it holds something else of mesascope's, no model that `save` wrote"),
    (lambda h: h.update(format=2, mesascope="9.0"), "has format 2, not 1: it was written by mesascope 9.0, this is "),
    (lambda h: h["object"].update({"class": "os:system"}), "names 'os:system', which is no part of mesascope"),
    (lambda h: h["object"].update({"class": "mesascopes:x"}), "is no part of mesascope"),
    (lambda h: h["object"].update({"class": "equinox.internal:x"}), "is no part of mesascope"),
    (lambda h: h["object"].update({"class": "mesascope.models.gone:X"}), "which mesascope does not have"),
    (lambda h: h["object"].update({"class": "mesascope.algorithms.ridge:Kernel"}), "which mesascope does not have"),
    (lambda h: h["object"].update({"class": "mesascope.arrays:os"}), "which is no class or function defined there"),
    (lambda h: h["object"].update({"class": "mesascope.arrays:Path"}), "which is no class or function defined there"),
    (lambda h: h["object"].update({"class": "mesascope.arrays:save_arrays"}), "where an object of a model's"),
    (lambda h: h["object"].update({"class": "mesascope.arrays:UnusableFile"}), "where an object of a model's"),
    (lambda h: h["object"]["fields"].update(width=1), "holds a Ridge with other fields: 'width'"),
    (lambda h: h["object"]["fields"].pop("penalty"), "holds a Ridge with other fields: 'penalty'"),
    (lambda h: h["object"]["fields"].update(penalty=-1.0), "does not describe a model: `penalty` must be"),
    (lambda h: h["object"]["fields"].update(penalty={"array": "gone", "of": "jax"}), "describe a model: 'gone'"),
    (lambda h: h["object"]["fields"].update(penalty={"new": 1}), "describes something unknown, with 'new'"),
    (lambda h: h.update(object=3), "holds int where a model must be"),
    (lambda h: h.pop("object"), "does not describe a model"),
])  # fmt: skip
def test_another_version_and_what_no_file_of_ours_holds_are_told(change, message, tmp_path):
    path = tmp_path / "model"
    save(Ridge(0.1), path)
    rewritten(path, change)
    with pytest.raises(UnusableFile) as error:
        load(path)
    assert message in str(error.value)
    assert str(error.value).startswith(str(path))


def test_damaged_files_are_told(tmp_path):
    path = tmp_path / "model"
    with pytest.raises(FileNotFoundError):
        load(path)
    save(Ridge(jnp.asarray(0.1)), path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UnusableFile, match="damaged"):
        load(path)


def test_the_file_says_the_version_and_the_configuration_in_words(tmp_path):
    save(Ridge(0.25), tmp_path / "model")
    header = load_arrays(tmp_path / "model")[1]
    assert header["mesascope"] == __version__
    assert header["object"] == {
        "class": "mesascope.algorithms.ridge:Ridge",
        "fields": {"penalty": 0.25, "intercept": False},
    }
    assert json.loads(json.dumps(header)) == header


def test_double_precision_is_not_silently_made_single(tmp_path):
    save(Ridge(jnp.asarray(0.1)), tmp_path / "model")
    jax.config.update("jax_enable_x64", False)
    try:
        with pytest.raises(ValueError, match=r"got float64 while JAX is set to single.*jax_enable_x64"):
            load(tmp_path / "model")
    finally:
        jax.config.update("jax_enable_x64", True)


def test_a_training_in_single_precision_comes_back_there(trained, tmp_path):
    """Its numbers of steps are numpy's, of 64 bits wherever numpy is."""
    single = jax.tree.map(lambda leaf: leaf.astype("float32") if eqx.is_inexact_array(leaf) else leaf, trained)
    assert single.snapshot_steps.dtype == np.int64
    save(single, tmp_path / "model")
    jax.config.update("jax_enable_x64", False)
    try:
        assert same(load(tmp_path / "model"), single)
    finally:
        jax.config.update("jax_enable_x64", True)


class Own(AbstractPredictor):
    """A class that is no part of the package."""

    scale: float

    def __call__(self, prompt):
        return self.scale * prompt.ys[0]


def ridge_of(penalty):
    return eqx.tree_at(lambda model: model.penalty, Ridge(0.1), penalty)


@pytest.mark.usefixtures("as_installed")
def test_what_no_file_can_hold_is_refused_with_its_place(tmp_path):
    for model, message in (
        (Own(1.0), "`model` must be a class or a function of this package, or an object of one, .*got Own of"),
        (KernelSmoother(FeatureKernel(lambda x: x)), r"`model\.kernel\.features` must be a class or a function"),
        (ridge_of(jax.random.key(0)), r"`model\.penalty` must be something that a file can hold; got a key"),
        (ridge_of({1}), r"`model\.penalty` must be something that a file can hold; got set"),
        (Ridge, "`model` must be an object of class AbstractPredictor or Trained; got the class Ridge itself"),
    ):
        with pytest.raises(ValueError, match=message):
            save(model, tmp_path / "model")
    assert not (tmp_path / "model").exists()
