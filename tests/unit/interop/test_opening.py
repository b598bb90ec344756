"""Whatever is given is recognised, or what is taken is told."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import mesascope as ms
from mesascope.arrays import UnusableFile, save_arrays
from mesascope.interop.functions import FunctionSubject
from mesascope.interop.garg import GargSubject
from mesascope.interop.opening import as_subject
from mesascope.interop.predictors import PredictorSubject, SequencePredictorSubject
from mesascope.interop.sklearn_estimators import EstimatorSubject
from mesascope.interop.stored import StoredPredictions
from mesascope.interop.torch_modules import TorchSubject

XS, YS, QUERIES = np.ones((2, 3, 3)), np.ones((2, 3, 1)), np.ones((2, 1, 3))


def test_what_is_given_becomes_the_subject_that_asks_it(tmp_path, key):
    model = ms.Transformer.initialise(3, key=key)
    losses = jnp.zeros(1)
    ms.save(ms.Trained(model, losses, model, np.zeros(1, int)), tmp_path / "trained")
    ms.save(ms.Ridge(0.1), tmp_path / "ridge.safetensors")
    for suffix in ("npz", "safetensors"):
        ms.save_predictions(tmp_path / f"answers.{suffix}", XS, YS, QUERIES, np.ones((2, 1, 1)))
    cases = (
        (ms.Ridge(0.1), PredictorSubject, "Ridge"),
        (ms.RidgeAlongSequence(0.1), SequencePredictorSubject, "RidgeAlongSequence"),
        (ms.Trained(model, losses, model, np.zeros(1, int)), PredictorSubject, "Transformer"),
        (tmp_path / "trained", PredictorSubject, "Transformer"),
        (str(tmp_path / "ridge.safetensors"), PredictorSubject, "Ridge"),
        (tmp_path / "answers.npz", StoredPredictions, "stored predictions"),
        (tmp_path / "answers.safetensors", StoredPredictions, "stored predictions"),
        ("mesascope:Ridge", None, "the class Ridge itself"),
        ("numpy:dot", None, "a function of 2 arguments"),
        (lambda xs, ys, query: query, FunctionSubject, "<lambda>"),
        (lambda prompt: prompt.query, PredictorSubject, "<lambda>"),
        (lambda prompt, scale=1.0: prompt.query, PredictorSubject, "<lambda>"),
    )
    for thing, kind, name in cases:
        if kind is None:
            with pytest.raises(ValueError, match=name):
                as_subject(thing)
        else:
            subject = as_subject(thing)
            assert (type(subject), subject.name) == (kind, name)
            assert as_subject(subject) is subject
    assert as_subject(ms.Ridge(0.1), name="mine").name == "mine"
    assert as_subject(lambda xs, ys, query: query, batched=True).batched is True


def test_an_object_is_taken_out_of_a_module(tmp_path, monkeypatch):
    (tmp_path / "my_models.py").write_text(
        "class Kept:\n    def step(xs, ys, query):\n        return query @ (xs.T @ ys)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    subject = as_subject("my_models:Kept.step", name="kept")
    assert np.array_equal(subject.predictions(XS, YS, QUERIES), np.full((2, 1, 1), 9.0))
    for text, message in (("my_models:Gone", "has no attribute 'Gone'"), ("no_module_of_anybody:f", "No module named")):
        with pytest.raises(ValueError, match=f"the model must name an object that can be imported; .*{message}"):
            as_subject(text)


def test_modules_and_estimators_are_recognised():
    torch, _ = pytest.importorskip("torch"), pytest.importorskip("sklearn")
    from sklearn.linear_model import LinearRegression

    assert type(as_subject(LinearRegression())) is EstimatorSubject
    module = torch.nn.Linear(3, 1)
    assert type(as_subject(module, float64=True)) is TorchSubject
    for part in ("_read_in", "_backbone", "_read_out"):
        setattr(module, part, torch.nn.Identity())
    assert type(as_subject(module, name="garg")) is GargSubject


def test_a_language_model_needs_maps_of_tokens():
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    model = transformers.GPT2Model(transformers.GPT2Config(n_positions=8, n_embd=4, n_layer=1, n_head=1))
    maps = {"read_in": torch.nn.Linear(3, 4), "read_out": torch.nn.Linear(4, 1)}
    assert as_subject(model, **maps).predictions(XS, YS, QUERIES).shape == (2, 1, 1)
    with pytest.raises(ValueError, match="`read_in` and `read_out` must be given with a model of Hugging Face's"):
        as_subject(model)


def test_a_folder_is_one_of_garg_s(tmp_path):
    pytest.importorskip("transformers")
    with pytest.raises(FileNotFoundError, match=r"config\.yaml"):
        as_subject(tmp_path)


@pytest.mark.usefixtures("as_installed")
def test_what_is_not_recognised_is_told_what_is_taken(tmp_path, key):
    several = ms.Trained(None, jnp.zeros((2, 1)), None, np.zeros(1, int))
    save_arrays(tmp_path / "question", {}, {"kind": "question"})
    (tmp_path / "text.txt").write_text("nothing")
    for thing, message in (
        (3, "the model must be a subject; a model or an algorithm .*a function of one prompt, .*; got int"),
        (ms.Ridge, r"the model must be an object; got the class Ridge itself\. Make one of it"),
        (lambda one, two: one, "got a function of 2 arguments"),
        (several, r"got those of several keys\. Take one: `trained.seed\(0\)`"),
        (tmp_path / "question", "holds something else of mesascope's, no predictions"),
        (tmp_path / "text.txt", "is damaged or no safetensors file"),
    ):
        with pytest.raises(ValueError, match=message):
            as_subject(thing)
    for thing in (tmp_path / "gone", "gone.safetensors", "a b:c"):
        with pytest.raises(FileNotFoundError, match="no such file is there"):
            as_subject(thing)


def test_a_training_that_can_continue_is_told_from_its_model(tmp_path, key):
    path, model = tmp_path / "training", ms.Transformer.initialise(3, key=jax.random.clone(key))
    with jax.numpy_dtype_promotion("standard"):  # as optax needs it
        ms.fit(model, ms.LinearRegression(5, 3), ms.FitConfig(num_steps=1, batch_size=4), key=key, checkpoint=path)
    with pytest.raises(UnusableFile, match=r"of a training that can be continued: `fit` reads it\. `save` its model"):
        as_subject(path)
    with pytest.raises(UnusableFile, match="holds something else of mesascope's, no model"):
        ms.load(path)


@pytest.mark.parametrize(("thing", "known"), [
    (ms.Ridge(0.1), "PredictorSubject: its options are name; got "),
    (lambda xs, ys, query: query, "FunctionSubject: its options are batched, flat_labels, name; got "),
    (as_subject(ms.Ridge(0.1)), "it has no options"),
])  # fmt: skip
def test_an_option_that_there_is_not_is_told_with_those_there_are(thing, known):
    with pytest.raises(ValueError, match=f"`options` must be those of .*{known}"):
        as_subject(thing, floats=64)


def test_recognising_imports_neither_torch_nor_sklearn():
    code = (
        "import sys, mesascope as ms; ms.as_subject(ms.Ridge(0.1)); ms.as_subject(lambda xs, ys, query: query); "
        "print(*[name for name in ('torch', 'sklearn', 'transformers', 'yaml') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=100)
    assert done.stdout.split() == []
