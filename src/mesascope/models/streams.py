"""What a layer's update becomes: added to the token it is for, or put in its place."""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


class AbstractStream(eqx.Module):
    """How tokens pass a layer. Tokens, before and after, end in the entry 1 that biases need, updates in a 0."""

    @abstractmethod
    def __call__(self, tokens: Float[Array, "t b"], updates: Float[Array, "t b"]) -> Float[Array, "t b"]:
        """The tokens after the layer."""


class Residual(AbstractStream):
    """Updates are added."""

    def __call__(self, tokens: Float[Array, "t b"], updates: Float[Array, "t b"]) -> Float[Array, "t b"]:
        return tokens + updates


class UpdatesOnly(AbstractStream):
    """Updates take the place of tokens, as in the authors' experiments for figure 7 of Sander et al. 2024."""

    def __call__(self, tokens: Float[Array, "t b"], updates: Float[Array, "t b"]) -> Float[Array, "t b"]:
        size = updates.shape[1]
        return updates + jnp.asarray(np.eye(1, size, size - 1, dtype=updates.dtype))
