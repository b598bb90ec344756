"""The Transformer of blocks with perceptrons of von Oswald et al. 2023, figure 8."""

import jax
from jaxtyping import Array, Key

from mesascope.models.attention import LinearSelfAttention
from mesascope.models.block import Block
from mesascope.models.mlp import MLP
from mesascope.models.tokens import JoinedTokens
from mesascope.models.transformer import Transformer


def initialise_blocks(
    dim_x: int,
    *,
    num_blocks: int,
    num_heads: int,
    widening: int = 4,
    init_scale: float = 0.002,
    token_bound: float = 10.0,
    key: Key[Array, ""],
) -> Transformer:
    """Blocks of linear heads and a perceptron `widening` times as wide as a token, each with weights of its own.

    No layer normalisation; tokens are cut off at `token_bound` after each block, as in all the authors' deep stacks.
    """
    tokens = JoinedTokens(dim_x)
    dim_token, init_scale = tokens.dim_token, init_scale / num_blocks

    def block(key: Key[Array, ""]) -> Block:
        attention_key, mlp_key = jax.random.split(key)
        attention = LinearSelfAttention.initialise(
            dim_token, num_heads=num_heads, init_scale=init_scale, key=attention_key
        )
        return Block((attention, MLP.initialise(dim_token, widening * dim_token, init_scale=init_scale, key=mlp_key)))

    stacked = jax.vmap(block)(jax.random.split(key, num_blocks))  # drawn at once: that compiles much sooner
    blocks = (jax.tree.map(lambda leaf, i=i: leaf[i], stacked) for i in range(num_blocks))
    return Transformer(tuple(blocks), tokens, token_bound=token_bound)
