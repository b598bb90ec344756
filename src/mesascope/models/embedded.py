"""Tokens mapped linearly to another size."""

import equinox as eqx
from jaxtyping import Array, Bool, Inexact, Key

from mesascope.models._initial import scaled_normal
from mesascope.models.tokens import AbstractTokens
from mesascope.prompt import Prompt
from mesascope.validation import check_class, check_count, check_key, check_non_negative, check_shape


class EmbeddedTokens(AbstractTokens):
    """The tokens E e_i of other tokens e_i, without a bias; the prediction is minus the last `dim_y` entries.

    The embedding of the sine waves (von Oswald et al. 2023, figure 4), where e_i = (x_i, y_i), the query token is
    E (x, 0) and the last entry of a token takes the place that y_i has without embedding.
    """

    tokens: AbstractTokens
    embedding: Inexact[Array, "d e"]
    dim_y: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        check_count("dim_y", self.dim_y)
        if eqx.is_array(self.embedding):
            dim_token = self.embedding.shape[0]
            check_shape("embedding", self.embedding, (dim_token, self.tokens.dim_token))
            if dim_token < self.dim_y:
                raise ValueError(f"`dim_y` must be at most {dim_token}, the size of a token; got {self.dim_y}.")

    @classmethod
    def initialise(
        cls, tokens: AbstractTokens, dim_token: int, dim_y: int = 1, *, init_scale: float = 0.002, key: Key[Array, ""]
    ) -> "EmbeddedTokens":
        """An embedding of variance init_scale / fan_in, as the authors' code draws it."""
        check_class("tokens", tokens, AbstractTokens, "Make them: `JoinedTokens(dim_x, dim_y)`.")
        check_count("dim_token", dim_token)
        check_key("key", key)
        check_non_negative("init_scale", init_scale)
        shape = (dim_token, tokens.dim_token)
        return cls(tokens, scaled_normal(key, shape, fan_in=tokens.dim_token, init_scale=init_scale), dim_y)

    @property
    def dim_token(self) -> int:
        return self.embedding.shape[0]

    def embed(self, prompt: Prompt) -> tuple[Inexact[Array, "n d"], Inexact[Array, " d"]]:
        context, query = self.tokens.embed(prompt)
        return context @ self.embedding.T, self.embedding @ query

    def seen(self, prompt: Prompt) -> Bool[Array, " n"] | None:
        return self.tokens.seen(prompt)

    def read(self, query_token: Inexact[Array, " d"]) -> Inexact[Array, " dy"]:
        return -query_token[-self.dim_y :]
