"""The stream of inputs and labels, one a token, that a model has to pair by itself."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Inexact

from mesascope.models.tokens import AbstractTokens, check_sizes
from mesascope.prompt import Prompt
from mesascope.validation import check_count


class InterleavedTokens(AbstractTokens):
    """Tokens x_1, (0, y_1), x_2, (0, y_2), ..., then the query x; the prediction is minus what is written behind it.

    As in von Oswald et al. 2023, proposition 3, y fills the last dim_y of a token's dim_x entries, behind
    dim_x - dim_y zeros. There the query token holds its own last inputs, so that a prediction cannot be read from
    them alone. Every token therefore has dim_y more entries, zero at the start, where the update of the query is
    written and read: a model that does nothing predicts zero, as it does with `JoinedTokens`. (The authors' code
    reads the last entry of the positional encoding, which starts at 0.99992 and must first be cancelled.)

    Raises ValueError for a label longer than an input. Says nothing of order: see `ConcatenatedPositions`.
    """

    dim_x: int = eqx.field(static=True)
    dim_y: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        check_count("dim_y", self.dim_y)
        check_count("dim_x", self.dim_x, minimum=self.dim_y)

    @property
    def dim_token(self) -> int:
        return self.dim_x + self.dim_y

    def embed(self, prompt: Prompt) -> tuple[Inexact[Array, "n d"], Inexact[Array, " d"]]:
        check_sizes(prompt, self.dim_x, self.dim_y)
        inputs = jnp.pad(prompt.xs, ((0, 0), (0, self.dim_y)))
        labels = jnp.pad(prompt.ys, ((0, 0), (self.dim_x - self.dim_y, self.dim_y)))
        context = jnp.stack([inputs, labels], axis=1).reshape(2 * len(prompt.xs), self.dim_token)
        return context, jnp.pad(prompt.query, (0, self.dim_y))

    def seen(self, prompt: Prompt) -> Bool[Array, " n"] | None:
        return None if prompt.mask is None else jnp.repeat(prompt.mask, 2)

    def read(self, query_token: Inexact[Array, " d"]) -> Inexact[Array, " dy"]:
        return -query_token[self.dim_x :]
