"""What `import mesascope` holds, and the batch verb."""

import importlib
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import mesascope as ms
import mesascope.algorithms
import mesascope.constructions
import mesascope.models
import mesascope.tasks
from mesascope.constructions._base import AbstractConstruction, AbstractSequenceConstruction
from mesascope.discovery import concrete_classes
from mesascope.models.layer import AbstractLayer
from mesascope.predictor import AbstractPredictor
from mesascope.study.base import AbstractStudy
from mesascope.tasks._base import AbstractTask
from mesascope.tasks._process import AbstractProcess

TASK = ms.LinearRegression(num_examples=4, dim_x=3)


def test_the_front_door_holds_everything_that_is_discovered():
    kinds = {
        mesascope.tasks: (AbstractTask, AbstractProcess),
        mesascope.models: (AbstractPredictor, AbstractLayer),
        mesascope.algorithms: (AbstractPredictor,),
        mesascope.constructions: (AbstractConstruction, AbstractSequenceConstruction),
    }
    found = {
        cls.__name__ for package, bases in kinds.items() for base in bases for cls in concrete_classes(package, base)
    }
    assert found - set(ms.__all__) == set()
    for name in ms.__all__:
        assert getattr(ms, name) is not None
        assert name in dir(ms)
    with pytest.raises(AttributeError, match="nonsense"):
        ms.nonsense  # noqa: B018


def test_a_study_is_called_by_its_name_before_and_after_its_framework_is_loaded():
    importlib.import_module("mesascope.study.base")
    study = ms.study("oswald2023-prop1", preset="smoke", seeds=2)
    assert isinstance(study, AbstractStudy)
    assert (study.name(), study.seeds) == ("oswald2023-prop1", 2)
    assert ms.study("oswald2023-prop1") == type(study).preset("quick")
    assert sys.modules["mesascope.study"] is not ms.study


def test_identify_is_the_function_before_and_after_its_room_is_loaded():
    importlib.import_module("mesascope.identify.stage")
    assert ms.identify is sys.modules["mesascope.identify.identify"].identify
    assert sys.modules["mesascope.identify"] is not ms.identify


def test_a_comparison_is_what_numpy_finds(key):
    step, other = ms.GradientDescent(2.0), ms.GradientDescent(1.0)
    found = ms.compare(step, {"half": other, "zero": ms.ZeroPredictor()}, TASK, key=key, num_prompts=50)

    @jax.jit
    def drawn(key):
        prompts = TASK.sample_batch(key, 50)
        return prompts.target, jax.vmap(step)(prompts), jax.vmap(other)(prompts)

    target, ours, theirs = map(np.asarray, drawn(jax.random.clone(key)))
    losses = [np.sum((each - target) ** 2, axis=-1) / 2 for each in (ours, theirs)]
    model, half, zero = found.rows
    np.testing.assert_allclose(model.loss.mean, losses[0].mean(), rtol=1e-12)
    np.testing.assert_allclose(half.loss.mean, losses[1].mean(), rtol=1e-12)
    np.testing.assert_allclose(half.loss_ratio.mean, losses[0].mean() / losses[1].mean(), rtol=1e-12)
    np.testing.assert_allclose(half.distance.mean, np.linalg.norm(ours - theirs, axis=-1).mean(), rtol=1e-12)
    np.testing.assert_allclose(half.cosine.mean, 1.0, rtol=1e-12)
    assert half.loss_ratio.low < half.loss_ratio.mean < half.loss_ratio.high
    assert zero.cosine is None
    text = repr(found)
    assert all(word in text for word in ("predictor", "half", "zero", "means over 50 prompts [95% interval]"))
    assert found._repr_html_().startswith("<pre>")
    assert len(found.figure().axes) == 3


class Halting(ms.AbstractPredictor):
    """One step of gradient descent where the query begins above zero; else zero, or what has no number."""

    otherwise: float

    def __call__(self, prompt):
        return jnp.where(prompt.query[0] > 0, ms.GradientDescent(1.0)(prompt), self.otherwise)


def test_a_mean_says_over_how_many_prompts_it_is(key):
    """A cosine is undefined where a sensitivity is zero; a loss that is not finite makes the mean nan."""
    references = {"halting": Halting(0.0), "lost": Halting(np.nan), "zero": ms.ZeroPredictor()}
    found = ms.compare(ms.GradientDescent(2.0), references, TASK, key=key, num_prompts=50)
    drawn = jax.jit(lambda key: TASK.sample_batch(key, 50))(jax.random.clone(key))
    above = int((np.asarray(drawn.query)[:, 0] > 0).sum())
    model, halting, lost, zero = found.rows
    assert dict(model.num_finite) == {"loss": 50}
    assert dict(halting.num_finite) == {"loss": 50, "loss_ratio": 50, "distance": 50, "cosine": above}
    assert dict(lost.num_finite) == dict.fromkeys(("loss", "loss_ratio", "distance", "cosine"), above)
    np.testing.assert_allclose(halting.cosine.mean, 1.0, rtol=1e-12)
    assert np.isnan([lost.loss.mean, lost.loss_ratio.mean, lost.distance.mean]).all()
    assert (zero.cosine, zero.num_finite["cosine"]) == (None, 0)
    text = repr(found)
    assert text.count(f"finite on {above} of 50") == 3
    assert text.count(f"defined on {above} of 50") == 2
    assert text.count("defined on 0 of 50") == 1


@pytest.mark.usefixtures("as_installed")
def test_what_is_no_key_is_refused_by_every_verb(key):
    task, process, model = ms.LinearRegression(3, 2), ms.HaarProcess(4, 2), ms.GradientDescent(0.1)
    verbs = [
        task.sample,
        process.sample,
        lambda key: task.sample_batch(key, 2),
        lambda key: process.sample_batch(key, 2),
        lambda key: ms.fit(model, task, key=key),
        lambda key: ms.tune(model, task, key=key),
        lambda key: ms.compare(model, {"zero": ms.ZeroPredictor()}, task, key=key),
    ]
    for verb in verbs:
        for wrong, got in ((0, "int"), (jax.random.PRNGKey(0), r"shape \(2,\) of uint32")):
            with pytest.raises(ValueError, match=rf"`key` must be a key of `jax.random`; got {got}\. Make one: "):
                verb(wrong)
        with pytest.raises(ValueError, match=r"`key` must be one key; got keys of shape \(1,\)"):
            verb(key[None])
    with pytest.raises(
        ValueError, match=r"`keys` must be keys of `jax.random`; got int\. Make them: `jax.random.split"
    ):
        ms.fit_seeds(lambda _: model, task, keys=0)
    with pytest.raises(ValueError, match=r"`keys` must be an array of keys; got keys of shape \(\)"):
        ms.fit_seeds(lambda _: model, task, keys=key)
    with pytest.raises(ValueError, match="`task` must be an object of class AbstractTask; got HaarProcess"):
        ms.tune(model, process, key=key)


def test_models_of_sequences_are_compared_after_the_last_state(key):
    process = ms.UnitaryProcess(6, 2)
    found = ms.compare(ms.LastPhases(), {"zero": ms.ZeroPredictor()}, process, key=key, num_prompts=20)
    model, zero = found.rows
    np.testing.assert_allclose(model.loss.mean, 0.0, atol=1e-25)
    np.testing.assert_allclose((zero.loss.mean, zero.distance.mean), (1.0, np.sqrt(2)), rtol=1e-12)
    assert zero.cosine is None


@pytest.mark.usefixtures("as_installed")
def test_what_cannot_be_compared_is_refused(key):
    step = ms.GradientDescent(1.0)
    with pytest.raises(ValueError, match="`references` must name a predictor or more"):
        ms.compare(step, {}, TASK, key=key)
    with pytest.raises(ValueError, match="`mine` must be an object of class AbstractPredictor; got function"):
        ms.compare(step, {"mine": test_what_cannot_be_compared_is_refused}, TASK, key=key)
    with pytest.raises(ValueError, match="`num_prompts` must be an integer of at least 2"):
        ms.compare(step, {"step": step}, TASK, key=key, num_prompts=1)
