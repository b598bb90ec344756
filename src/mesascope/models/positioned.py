"""Tokens that know their place: other tokens with a positional encoding."""

import jax.numpy as jnp
from jaxtyping import Array, Inexact

from mesascope.models.positions import AbstractPositions
from mesascope.models.tokens import AbstractTokens
from mesascope.prompt import Prompt


class ConcatenatedPositions(AbstractTokens):
    """Token t of `tokens` becomes (token_t, p_t); the query stands behind the last context token."""

    tokens: AbstractTokens
    positions: AbstractPositions

    @property
    def dim_token(self) -> int:
        return self.tokens.dim_token + self.positions.dim

    def embed(self, prompt: Prompt) -> tuple[Inexact[Array, "n d"], Inexact[Array, " d"]]:
        context, query = self.tokens.embed(prompt)
        places = self.positions.encode(len(context) + 1).astype(context.dtype)
        return jnp.concatenate([context, places[:-1]], axis=-1), jnp.concatenate([query, places[-1]])

    def read(self, query_token: Inexact[Array, " d"]) -> Inexact[Array, " dy"]:
        return self.tokens.read(query_token[: self.tokens.dim_token])


class AddedPositions(AbstractTokens):
    """Token t of `tokens` becomes token_t + p_t; the query stands behind the last context token.

    What the query's position adds to the entry that the prediction is read from is read with it.
    """

    tokens: AbstractTokens
    positions: AbstractPositions

    def __check_init__(self):
        if self.positions.dim != self.tokens.dim_token:
            raise ValueError(
                f"`positions` must be of the tokens' size, {self.tokens.dim_token}, to be added to them; "
                f"got {self.positions.dim}."
            )

    @property
    def dim_token(self) -> int:
        return self.tokens.dim_token

    def embed(self, prompt: Prompt) -> tuple[Inexact[Array, "n d"], Inexact[Array, " d"]]:
        context, query = self.tokens.embed(prompt)
        places = self.positions.encode(len(context) + 1).astype(context.dtype)
        return context + places[:-1], query + places[-1]

    def read(self, query_token: Inexact[Array, " d"]) -> Inexact[Array, " dy"]:
        return self.tokens.read(query_token)
