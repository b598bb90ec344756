"""A Transformer of attention layers, as a stepwise predictor."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Inexact, Key

from mesascope.contraction import matmul, scores, stored, stored_gradient
from mesascope.models._initial import layers_alike
from mesascope.models.attention import AbstractAttention, LinearSelfAttention, SoftmaxSelfAttention
from mesascope.models.layer import AbstractLayer, check_layers
from mesascope.models.tokens import AbstractTokens, JoinedTokens
from mesascope.predictor import AbstractStepwise
from mesascope.prompt import Prompt, check_prompt
from mesascope.validation import check_class, check_count, check_key, check_non_negative, check_positive, check_subclass

State = tuple[Inexact[Array, "*context d"], Inexact[Array, " d"]]  # of the context, and of the query token


class Transformer(AbstractStepwise):
    """Tokens updated layer by layer, e <- e + dampening * layer(e); the whole stack applied `num_repeats` times.

    One layer and num_repeats = K is the weight-tied (recurrent) model, K layers the untied one. Keys and values
    come from the context tokens only; the query token is updated, never attended to (von Oswald et al. 2023).
    With a `token_bound` b every entry of a token is cut off at -b and b after each layer (appendix A.12).
    """

    layers: tuple[AbstractLayer, ...]
    tokens: AbstractTokens
    num_repeats: int = eqx.field(static=True, default=1)
    dampening: float = eqx.field(static=True, default=1.0)
    token_bound: float | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        check_layers(self.layers)
        check_class("tokens", self.tokens, AbstractTokens, "Make them: `JoinedTokens(dim_x, dim_y)`.")
        check_count("num_repeats", self.num_repeats)
        check_non_negative("dampening", self.dampening)
        if self.token_bound is not None:
            check_positive("token_bound", self.token_bound)

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
        token_bound: float | None = None,
        key: Key[Array, ""],
    ) -> "Transformer":
        """Random weights as the authors' code draws them: init_scale is divided by the depth."""
        check_count("num_layers", num_layers)
        check_count("num_repeats", num_repeats)
        check_non_negative("init_scale", init_scale)
        check_subclass("attention", attention, AbstractAttention)
        check_key("key", key)
        tokens = JoinedTokens(dim_x, dim_y)
        settings = {"num_heads": num_heads, "init_scale": init_scale / (num_layers * num_repeats)}
        layers = layers_alike(
            lambda key: attention.initialise(tokens.dim_token, key=key, **settings), jax.random.split(key, num_layers)
        )
        return cls(layers, tokens, num_repeats, token_bound=token_bound)

    def trajectory(self, prompt: Prompt) -> Inexact[Array, "steps dy"]:
        """The prediction after each layer; of a long context, where the layers allow it, by its second moment alone."""
        context, query = start = self._embed(prompt)
        if self.keeps_moments and len(context) > self.tokens.dim_token:
            _, queries = self._walk(_update_moment, (matmul(context.T, context), query))
        else:
            _, queries = self._walk(self._update_of_tokens(prompt), start)
        return jax.vmap(self.tokens.read)(queries)

    def token_trajectory(self, prompt: Prompt) -> tuple[Inexact[Array, "steps n d"], Inexact[Array, "steps d"]]:
        """The context tokens and the query token after each layer; those of padding mean nothing."""
        return self._walk(self._update_of_tokens(prompt), self._embed(prompt))

    @property
    def keeps_moments(self) -> bool:
        """Whether every layer multiplies all tokens by one matrix, made of the context's second moment."""
        return self.token_bound is None and all(isinstance(layer, LinearSelfAttention) for layer in self.layers)

    def canonical(self) -> "Transformer":
        """The same map with every layer's scale gauge fixed; linear attention only."""
        layers = [layer.canonical() for layer in self.layers if isinstance(layer, LinearSelfAttention)]
        if len(layers) < len(self.layers):
            raise TypeError("`canonical` needs linear attention: only there does the gauge exist.")
        return eqx.tree_at(lambda model: model.layers, self, tuple(layers))

    def products(self) -> tuple[Inexact[Array, "l h d d"], Inexact[Array, "l h d d"]]:
        """W_KQ and P W_V of each head of each attention layer: all that a linear layer's map depends on."""
        layers = [layer for layer in self.layers if isinstance(layer, AbstractAttention)]
        return jnp.stack([layer.key_query for layer in layers]), jnp.stack([layer.output_value for layer in layers])

    @classmethod
    def examples(cls) -> "tuple[Transformer, ...]":
        """Tiny instances for tests and documentation: prompts of 3 inputs and 2 outputs."""
        layers = (*LinearSelfAttention.examples(), *SoftmaxSelfAttention.examples())
        tokens = JoinedTokens(3, 2)
        alone = tuple(cls((layer,), tokens) for layer in layers)
        repeated = cls(layers[:1], tokens, num_repeats=3, dampening=0.5)
        return (*alone, repeated, cls(layers[1:3], tokens), cls(layers[:1], tokens, num_repeats=2, token_bound=0.5))

    def _embed(self, prompt: Prompt) -> State:
        """Tokens; ValueError for what is no prompt, and for complex ones where the weights are real."""
        check_prompt(prompt)
        is_complex = any(map(jnp.iscomplexobj, jax.tree.leaves(eqx.filter(self.layers, eqx.is_array))))
        if not is_complex and any(map(jnp.iscomplexobj, jax.tree.leaves(prompt))):
            raise ValueError(
                f"`prompt` must be real for a model of real weights; got {prompt.query.dtype}. "
                "For complex states there is AugmentedLayer, a model of sequences."
            )
        for layer in self.layers:
            if isinstance(layer, AbstractAttention):
                layer.check_tokens(self.tokens.dim_token)
        context, query = self.tokens.embed(prompt)
        seen = self.tokens.seen(prompt)
        return context if seen is None else jnp.where(seen[:, None], context, jnp.zeros((), context.dtype)), query

    def _walk(self, update: Callable[[AbstractLayer, float, State], State], start: State) -> tuple[Array, Array]:
        """The state after each layer, on a leading axis, the stack applied `num_repeats` times."""

        def stack(state: State, _: None = None) -> tuple[State, tuple[Array, Array]]:
            seen = []
            for layer in self.layers:
                state = update(layer, self.dampening, state)
                seen.append(state)
            return state, jax.tree.map(lambda *leaves: jnp.stack(leaves), *seen)

        if self.num_repeats == 1:
            return stack(start)[1]  # a loop of no turns takes as long to compile as any other
        last, early = lax.scan(stack, start, length=self.num_repeats - 1)
        late = stack(last)[1]  # not in the loop: what nobody reads of it, the last context, is never computed
        early = jax.tree.map(lambda leaf: leaf.reshape(leaf.shape[0] * leaf.shape[1], *leaf.shape[2:]), early)
        return jax.tree.map(lambda *parts: jnp.concatenate(parts), early, late)

    def _update_of_tokens(self, prompt: Prompt) -> Callable[[AbstractLayer, float, State], State]:
        seen, bound = self.tokens.seen(prompt), self.token_bound

        def update(layer: AbstractLayer, dampening: float, state: State) -> State:
            context, query = state

            def updated(tokens: Inexact[Array, "m d"]) -> Inexact[Array, "m d"]:
                tokens = tokens + dampening * layer.update(context, tokens, seen)
                return tokens if bound is None else jnp.clip(tokens, -bound, bound)

            store = stored_gradient if bound is None else stored
            return store(updated(context)), updated(query[None])[0]

        return update


def _update_moment(layer: AbstractLayer, dampening: float, state: State) -> State:
    assert isinstance(layer, LinearSelfAttention)
    moment, query = state
    transfer = jnp.eye(len(moment), dtype=moment.dtype) + dampening * layer.transfer(moment)
    return scores(transfer @ moment, transfer), transfer @ query
