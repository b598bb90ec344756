"""How a prompt becomes tokens, and how a prediction is read from one."""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Inexact

from mesascope.prompt import Prompt
from mesascope.validation import check_count, check_shape


class AbstractTokens(eqx.Module):
    """Turns a prompt into context tokens and a query token, and a final query token into a prediction."""

    @property
    @abstractmethod
    def dim_token(self) -> int:
        """Size of a token."""

    @abstractmethod
    def embed(self, prompt: Prompt) -> tuple[Inexact[Array, "n d"], Inexact[Array, " d"]]:
        """The context tokens and the query token."""

    def seen(self, prompt: Prompt) -> Bool[Array, " n"] | None:
        """Which context tokens count, of a prompt with padding; None of any other."""
        return prompt.mask

    @abstractmethod
    def read(self, query_token: Inexact[Array, " d"]) -> Inexact[Array, " dy"]:
        """The prediction a query token holds."""


def check_sizes(prompt: Prompt, dim_x: int, dim_y: int) -> None:
    """Raise ValueError unless inputs and outputs are of these sizes."""
    if (prompt.dim_x, prompt.dim_y) != (dim_x, dim_y):
        raise ValueError(
            f"`prompt` must have inputs of size {dim_x} and outputs of size {dim_y} for this model; got "
            f"{prompt.dim_x} and {prompt.dim_y}. Make the model for these sizes."
        )


class JoinedTokens(AbstractTokens):
    """Token e_i = (x_i, y_i), query token (x, -W_0 x); the prediction is minus the y-entry.

    W_0 is `initial_weights`, zero when None (von Oswald et al. 2023, section 3: all experiments use zero).
    """

    dim_x: int = eqx.field(static=True)
    dim_y: int = eqx.field(static=True, default=1)
    initial_weights: Inexact[Array, "dy dx"] | None = None

    def __check_init__(self):
        check_count("dim_x", self.dim_x)
        check_count("dim_y", self.dim_y)
        if eqx.is_array(self.initial_weights):
            check_shape("initial_weights", self.initial_weights, (self.dim_y, self.dim_x))

    @property
    def dim_token(self) -> int:
        return self.dim_x + self.dim_y

    def embed(self, prompt: Prompt) -> tuple[Inexact[Array, "n d"], Inexact[Array, " d"]]:
        check_sizes(prompt, self.dim_x, self.dim_y)
        context = jnp.concatenate([prompt.xs, prompt.ys], axis=-1)
        if self.initial_weights is None:
            guess = jnp.zeros((self.dim_y,), prompt.query.dtype)
        else:
            guess = self.initial_weights @ prompt.query
        return context, jnp.concatenate([prompt.query, -guess])

    def read(self, query_token: Inexact[Array, " d"]) -> Inexact[Array, " dy"]:
        return -query_token[self.dim_x :]
