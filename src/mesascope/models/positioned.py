"""Tokens that know their place: other tokens with a positional encoding."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Inexact

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
        context, query, places, place = _placed(self.tokens, self.positions, prompt)
        return jnp.concatenate([context, places], axis=-1), jnp.concatenate([query, place])

    def seen(self, prompt: Prompt) -> Bool[Array, " n"] | None:
        return self.tokens.seen(prompt)

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
        context, query, places, place = _placed(self.tokens, self.positions, prompt)
        return context + places, query + place

    def seen(self, prompt: Prompt) -> Bool[Array, " n"] | None:
        return self.tokens.seen(prompt)

    def read(self, query_token: Inexact[Array, " d"]) -> Inexact[Array, " dy"]:
        return self.tokens.read(query_token)


def _placed(tokens: AbstractTokens, positions: AbstractPositions, prompt: Prompt) -> tuple[Array, Array, Array, Array]:
    """Context tokens and query token, and the vectors of their positions: the query's is the next after what counts."""
    context, query = tokens.embed(prompt)
    places, seen = positions.encode(len(context) + 1).astype(context.dtype), tokens.seen(prompt)
    return context, query, places[:-1], places[-1 if seen is None else jnp.sum(seen)]
