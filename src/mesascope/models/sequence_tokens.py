"""Tokens made of the states of a sequence."""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Inexact

from mesascope.models.augmented import pair_with_previous
from mesascope.validation import check_count


class AbstractSequenceTokens(eqx.Module):
    """One token for each state, and the next state read out of a token."""

    @abstractmethod
    def dim_token(self, dim: int) -> int:
        """Size of the token of a state of size `dim`."""

    @abstractmethod
    def embed(self, states: Inexact[Array, "t d"]) -> Inexact[Array, "t e"]:
        """The tokens of all states."""

    def read(self, tokens: Inexact[Array, "t e"], dim: int) -> Inexact[Array, "t d"]:
        """What each token says of the next state: its first `dim` entries."""
        return tokens[:, :dim]


class AugmentedTokens(AbstractSequenceTokens):
    """(0, s_t, s_{t-1}) with s_0 = 0: room for the prediction, and a state beside the one before it.

    Sander et al. 2024, section 3; the authors' experiments for their figure 5 have them, too.
    """

    def dim_token(self, dim: int) -> int:
        return 3 * dim

    def embed(self, states: Inexact[Array, "t d"]) -> Inexact[Array, "t e"]:
        return jnp.concatenate([jnp.zeros_like(states), pair_with_previous(states)], axis=1)


class RepeatedTokens(AbstractSequenceTokens):
    """s_t, written `copies` times one after another; the authors' experiments for their figure 7 write it twice."""

    copies: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        check_count("copies", self.copies)

    def dim_token(self, dim: int) -> int:
        return self.copies * dim

    def embed(self, states: Inexact[Array, "t d"]) -> Inexact[Array, "t e"]:
        return jnp.tile(states, (1, self.copies))
