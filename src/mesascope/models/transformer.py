"""A Transformer of attention layers, as a stepwise predictor."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Inexact, Key

from mesascope.models.attention import AbstractAttention, LinearSelfAttention, SoftmaxSelfAttention
from mesascope.models.tokens import AbstractTokens, JoinedTokens
from mesascope.predictor import AbstractStepwise
from mesascope.prompt import Prompt
from mesascope.validation import check_count, check_non_negative

Tokens = tuple[Inexact[Array, "n d"], Inexact[Array, " d"]]


class Transformer(AbstractStepwise):
    """Tokens updated layer by layer, e <- e + dampening * layer(e); the whole stack applied `num_repeats` times.

    One layer and num_repeats = K is the weight-tied (recurrent) model, K layers the untied one. Keys and values
    come from the context tokens only; the query token is updated, never attended to (von Oswald et al. 2023).
    """

    layers: tuple[AbstractAttention, ...]
    tokens: AbstractTokens
    num_repeats: int = eqx.field(static=True, default=1)
    dampening: float | Array = 1.0

    def __check_init__(self):
        if not self.layers:
            raise ValueError("`layers` must hold at least one layer; got none.")
        check_count("num_repeats", self.num_repeats)
        check_non_negative("dampening", self.dampening)

    @classmethod
    def initialise(
        cls,
        dim_x: int,
        dim_y: int = 1,
        *,
        num_layers: int = 1,
        num_repeats: int = 1,
        num_heads: int = 1,
        attention: type[AbstractAttention] = LinearSelfAttention,
        init_scale: float = 0.002,
        key: Key[Array, ""],
    ) -> "Transformer":
        """Random weights as the authors' code draws them: init_scale is divided by the depth."""
        check_count("num_layers", num_layers)
        check_count("num_repeats", num_repeats)
        tokens = JoinedTokens(dim_x, dim_y)
        layers = tuple(
            attention.initialise(
                tokens.dim_token,
                num_heads=num_heads,
                init_scale=init_scale / (num_layers * num_repeats),
                key=layer_key,
            )
            for layer_key in jax.random.split(key, num_layers)
        )
        return cls(layers, tokens, num_repeats)

    def trajectory(self, prompt: Prompt) -> Inexact[Array, "steps dy"]:
        """The prediction after each layer. The last layer, read at the query only, is computed there only."""
        tokens, (_, early) = self._repeat(self.tokens.embed(prompt), self.num_repeats - 1)
        late = self._stack(tokens, query_only_at_end=True)[1][1]
        return jax.vmap(self.tokens.read)(jnp.concatenate([early, late]))

    def token_trajectory(self, prompt: Prompt) -> tuple[Inexact[Array, "steps n d"], Inexact[Array, "steps d"]]:
        """The context tokens and the query token after each layer."""
        return self._repeat(self.tokens.embed(prompt), self.num_repeats)[1]

    def canonical(self) -> "Transformer":
        """The same map with every layer's scale gauge fixed; linear attention only."""
        layers = [layer.canonical() for layer in self.layers if isinstance(layer, LinearSelfAttention)]
        if len(layers) < len(self.layers):
            raise TypeError("`canonical` needs linear attention: only there does the gauge exist.")
        return eqx.tree_at(lambda model: model.layers, self, tuple(layers))

    @classmethod
    def examples(cls) -> "tuple[Transformer, ...]":
        """Tiny instances for tests and documentation: prompts of 3 inputs and 2 outputs."""
        layers = (*LinearSelfAttention.examples(), *SoftmaxSelfAttention.examples())
        tokens = JoinedTokens(3, 2)
        alone = tuple(cls((layer,), tokens) for layer in layers)
        return (*alone, cls(layers[:1], tokens, num_repeats=3, dampening=0.5), cls(layers[1:3], tokens))

    def _repeat(self, tokens: Tokens, num_repeats: int):
        """The stack applied `num_repeats` times: the tokens after the last layer, and after every one."""
        if num_repeats == 0:
            return tokens, jax.tree.map(lambda leaf: leaf[None][:0], tokens)
        last, seen = lax.scan(lambda carry, _: self._stack(carry), tokens, length=num_repeats)
        return last, jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), seen)

    def _stack(self, tokens: Tokens, query_only_at_end: bool = False):
        """Each layer once: the tokens after the last one, and after every one."""
        context, query = tokens
        contexts, queries = [], []
        for depth, layer in enumerate(self.layers):
            query, seen = query + self.dampening * layer(context, query[None])[0], context
            if not (query_only_at_end and depth == len(self.layers) - 1):
                context = seen + self.dampening * layer(seen, seen)
            contexts.append(context)
            queries.append(query)
        return (context, query), (jnp.stack(contexts), jnp.stack(queries))
