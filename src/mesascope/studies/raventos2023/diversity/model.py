"""The Transformer that is trained: softmax attention and perceptrons on embedded tokens."""

import jax
from jaxtyping import Array, Key

from mesascope.models.attention import SoftmaxSelfAttention
from mesascope.models.embedded import EmbeddedTokens
from mesascope.models.layer import AbstractLayer
from mesascope.models.mlp import MLP
from mesascope.models.tokens import JoinedTokens
from mesascope.models.transformer import Transformer


def softmax_transformer(
    dim_x: int, *, num_blocks: int, dim_token: int, dim_hidden: int, num_heads: int, key: Key[Array, ""]
) -> Transformer:
    """A perceptron, then `num_blocks` of an attention layer and a perceptron; one output, weights of variance 1/fan-in.

    The first perceptron makes products of inputs and labels, which attention then averages. A head has dim_token /
    num_heads numbers.
    """
    embedding_key, first_key, *keys = jax.random.split(key, 2 + 2 * num_blocks)
    tokens = EmbeddedTokens.initialise(JoinedTokens(dim_x), dim_token, init_scale=1.0, key=embedding_key)
    heads = {"num_heads": num_heads, "dim_key": dim_token // num_heads}
    layers: list[AbstractLayer] = [MLP.initialise(dim_token, dim_hidden, init_scale=1.0, key=first_key)]
    for attention_key, mlp_key in zip(keys[::2], keys[1::2], strict=True):
        layers.append(SoftmaxSelfAttention.initialise(dim_token, **heads, init_scale=1.0, key=attention_key))
        layers.append(MLP.initialise(dim_token, dim_hidden, init_scale=1.0, key=mlp_key))
    return Transformer(tuple(layers), tokens)
