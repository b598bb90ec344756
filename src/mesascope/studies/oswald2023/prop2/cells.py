"""Layers of explicit weights on a perceptron's features, held against the algorithms that they are."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from mesascope.algorithms.kernel_smoother import FeatureKernel, KernelSmoother, NadarayaWatson
from mesascope.constructions.deep_features import DeepFeatureConstruction
from mesascope.models.attention import SoftmaxSelfAttention
from mesascope.models.block import Block
from mesascope.models.mlp import MLP, OnInputs
from mesascope.models.tokens import JoinedTokens
from mesascope.models.transformer import Transformer
from mesascope.studies._shared.measure import jit_once
from mesascope.study.base import Arrays

LEARNING_RATE = 0.8


class Shape(NamedTuple):
    """Sizes of one comparison; every seed draws its own prompts and perceptron."""

    dim_x: int
    dim_y: int
    num_examples: int
    dim_hidden: int
    num_steps: int
    num_prompts: int
    seeds: int
    precision: str


def softmax_smoother(mlp: MLP, dim_y: int) -> Transformer:
    """One block, the perceptron and softmax attention, whose kernel is exp(m(x)^T m(x')).

    W_K = W_Q = b [[I, 0], [0, 0]], W_V = [[0, 0], [0, -I]], P = I, with b = d^(1/4) for keys of size d: the layer
    divides its scores by sqrt(d).
    """
    dim_x = mlp.output_bias.shape[0]
    dim_token = dim_x + dim_y
    identity = jnp.eye(dim_token)
    select_x = jnp.diag((jnp.arange(dim_token) < dim_x).astype(identity.dtype))
    reads = dim_token**0.25 * select_x[None]
    attention = SoftmaxSelfAttention(reads, reads, (select_x - identity)[None], identity[None])
    return Transformer((Block((OnInputs(mlp, dim_x), attention)),), JoinedTokens(dim_x, dim_y))


def compare(shape: Shape) -> Arrays:
    """Largest absolute errors, by what is compared, in the shape's precision: [seeds] or [seeds, steps].

    Predictions are of order 1. "printed" is the error of the smoother without learning_rate / N, "printed_size" the
    size of the prediction that this error is to be compared with.
    """
    compiled = jit_once(jax.vmap(lambda key: _errors(shape, key)))
    with jax.enable_x64(shape.precision == "float64"):
        return jax.tree.map(np.asarray, compiled(jax.random.split(jax.random.key(0), shape.seeds)))


def _errors(shape: Shape, key: Key[Array, ""]) -> dict[str, Array]:
    mlp_key, prompt_key = jax.random.split(key)
    mlp = MLP.initialise(shape.dim_x, shape.dim_hidden, init_scale=1.0, key=mlp_key)
    sizes = {"num_examples": shape.num_examples, "dim_y": shape.dim_y}
    construction = DeepFeatureConstruction(mlp, LEARNING_RATE, shape.num_steps, **sizes)
    prompts = construction.holds_on().sample_batch(prompt_key, shape.num_prompts)
    model, features = construction.build(), construction.features
    kernel = FeatureKernel(features)

    contexts, queries = jax.vmap(model.token_trajectory)(prompts)
    chain = -queries[..., shape.dim_x :]
    descent = jax.vmap(construction.emulates().trajectory)(prompts)
    expected = {
        "chain": descent,
        "context": jax.vmap(construction.emulated_context)(prompts),
        "step": descent[:, 0],
        "kernel": jax.vmap(KernelSmoother(kernel, LEARNING_RATE))(prompts),
        "softmax": jax.vmap(NadarayaWatson(kernel))(prompts),
        "printed": jax.vmap(KernelSmoother(kernel, shape.num_examples * 1.0))(prompts),
    }
    ours = {
        "chain": chain,
        "context": contexts,
        "softmax": jax.vmap(softmax_smoother(mlp, shape.dim_y))(prompts),
        **dict.fromkeys(("step", "kernel", "printed"), chain[:, 0]),
    }
    errors = {name: jnp.abs(ours[name] - expected[name]) for name in expected}
    by_step = {name: jnp.moveaxis(errors.pop(name), 1, 0) for name in ("chain", "context")}
    return {
        **{name: error.reshape(shape.num_steps, -1).max(axis=1) for name, error in by_step.items()},
        **{name: error.max() for name, error in errors.items()},
        "printed_size": jnp.abs(chain[:, 0]).max(),
    }
