"""Which token asks for the next state."""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float


class AbstractAsking(eqx.Module):
    """The token that asks, for every prefix of a sequence."""

    @abstractmethod
    def __call__(self, tokens: Float[Array, "t b"]) -> Float[Array, "t b"]:
        """Row t asks for what follows token t."""


class LastAsks(AbstractAsking):
    """The last token asks."""

    def __call__(self, tokens: Float[Array, "t b"]) -> Float[Array, "t b"]:
        return tokens


class TokenBeforeAsks(AbstractAsking):
    """The token before the last asks: what a layer without augmented tokens needs (Sander et al. 2024, section 4)."""

    def __call__(self, tokens: Float[Array, "t b"]) -> Float[Array, "t b"]:
        return jnp.concatenate([jnp.zeros_like(tokens[:1]), tokens[:-1]])
