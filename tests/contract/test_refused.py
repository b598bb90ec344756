"""What every predictor refuses, however it is asked: half precision that got into a prompt, and batches."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import mesascope.algorithms
import mesascope.models
from mesascope.discovery import concrete_classes
from mesascope.predictor import AbstractForecaster, AbstractLinearLearner, AbstractPredictor, AbstractStepwise
from mesascope.prompt import Prompt, Sequence

CLASSES = [
    cls for package in (mesascope.algorithms, mesascope.models) for cls in concrete_classes(package, AbstractPredictor)
]
RNG = np.random.default_rng(3)


def asked(cls):
    """A prompt of sizes that the class's examples take."""
    if issubclass(cls, AbstractForecaster):
        return Sequence(jnp.asarray(RNG.uniform(-1, 1, (6, 4)), np.float32)).last_prompt()
    return Prompt(*(jnp.asarray(RNG.uniform(-1, 1, shape), np.float32) for shape in ((5, 3), (5, 2), (3,), (2,))))


def ways(predictor):
    """All that can be asked with a prompt; the trajectory of a model of sequences takes a sequence."""
    linear = isinstance(predictor, AbstractLinearLearner)
    steps = linear or (isinstance(predictor, AbstractStepwise) and not isinstance(predictor, AbstractForecaster))
    names = ["trajectory"] * steps + ["weights", "weight_trajectory"] * linear
    return [predictor, *(getattr(predictor, name) for name in names)]


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_half_precision_that_got_into_a_prompt_is_refused(cls, dtype):
    half = jax.tree.map(lambda leaf: leaf.astype(dtype), asked(cls))
    for way in ways(cls.examples()[0]):
        with pytest.raises(ValueError, match=r"must have numbers of 32 bits or more.*; got (b?float16)\."):
            jax.eval_shape(way, half)


@pytest.mark.parametrize("cls", CLASSES)
def test_a_batch_is_refused(cls):
    batch = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), asked(cls))
    for way in ways(cls.examples()[0]):
        with pytest.raises(ValueError, match=r"must be one, not a batch of shape \(2,\): use `jax\.vmap"):
            jax.eval_shape(way, batch)
