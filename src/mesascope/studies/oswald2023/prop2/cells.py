"""Layers of explicit weights on a perceptron's features, held against the algorithms that they are."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from mesascope.algorithms.kernel_smoother import FeatureKernel, KernelSmoother, NadarayaWatson
from mesascope.constructions.deep_features import DeepFeatureConstruction
from mesascope.models.attention import SoftmaxSelfAttention
from mesascope.models.block import Block
from mesascope.models.mlp import MLP, OnInputs
from mesascope.models.tokens import JoinedTokens
from mesascope.models.transformer import Transformer
from mesascope.predictor import AbstractPredictor
from mesascope.studies.oswald2023._shared.proposition import AbstractComparison, largest_by_step


class FeatureErrors(NamedTuple):
    """Largest absolute errors, of a chain of layers and its context tokens [seeds steps], of one block [seeds].

    `printed` is the error of the smoother without learning_rate / N, `printed_size` the size of the prediction that
    this error is to be compared with.
    """

    chain: np.ndarray
    context: np.ndarray
    kernel: np.ndarray
    softmax: np.ndarray
    printed: np.ndarray
    printed_size: np.ndarray


class FeatureComparison(AbstractComparison):
    """Layers of proposition 2 against algorithms on a perceptron's features, a perceptron of each seed's own."""

    dim_hidden: int = 40
    learning_rate: float = 0.8
    init_scale: float = 1.0

    def errors(self, key: Key[Array, ""]) -> dict[str, Array]:
        """`FeatureErrors` of one seed."""
        mlp_key, prompt_key = jax.random.split(key)
        mlp = MLP.initialise(self.dim_x, self.dim_hidden, init_scale=self.init_scale, key=mlp_key)
        sizes = self.num_steps, self.num_examples, self.dim_y
        construction = DeepFeatureConstruction(mlp, self.learning_rate, *sizes)
        prompts = construction.holds_on().sample_batch(prompt_key, self.num_prompts)
        model, kernel = construction.build(), FeatureKernel(construction.features)

        contexts, queries = jax.vmap(model.token_trajectory)(prompts)
        chain = -queries[..., self.dim_x :]
        descent = jax.vmap(construction.emulates().trajectory)(prompts)

        def largest(predictions: Float[Array, "prompts dy"], predictor: AbstractPredictor) -> Float[Array, ""]:
            return jnp.abs(predictions - jax.vmap(predictor)(prompts)).max()

        return {
            "chain": largest_by_step(chain - descent),
            "context": largest_by_step(contexts - jax.vmap(construction.emulated_context)(prompts)),
            "kernel": largest(chain[:, 0], KernelSmoother(kernel, self.learning_rate)),
            "softmax": largest(jax.vmap(softmax_smoother(mlp, self.dim_y))(prompts), NadarayaWatson(kernel)),
            "printed": largest(chain[:, 0], KernelSmoother(kernel, self.num_examples * 1.0)),
            "printed_size": jnp.abs(chain[:, 0]).max(),
        }


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
