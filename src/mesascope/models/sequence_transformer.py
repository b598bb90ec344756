"""The trained models of Sander et al. 2024, section 5."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact, Key

from mesascope.models._initial import layers_alike
from mesascope.models.asking import AbstractAsking, LastAsks, TokenBeforeAsks
from mesascope.models.causal_heads import CausalHeads
from mesascope.models.position_weights import AbstractPositionWeights, SoftmaxWeights, WeightsByHead
from mesascope.models.prepared_transformer import CentredNorm, PreparedTransformer
from mesascope.models.sequence_tokens import AbstractSequenceTokens, AugmentedTokens, RepeatedTokens
from mesascope.models.streams import AbstractStream, Residual, UpdatesOnly
from mesascope.predictor import AbstractSequencePredictor
from mesascope.prompt import Sequence
from mesascope.random import seed_key
from mesascope.validation import check_class, check_count, check_key, check_subclass


class SequenceTransformer(AbstractSequencePredictor):
    """Tokens of real states, layers of causal heads, and the next state read out of each token after the last layer.

    What a layer finds is normalised, where it has a norm, and becomes part of its token as the `stream` says. Rows of
    Q, K and V have biases, as in the authors' models, which the layers of their theory have not.
    """

    layers: tuple[CausalHeads, ...]
    norms: tuple[eqx.nn.LayerNorm, ...] | None
    tokens: AbstractSequenceTokens
    dim: int = eqx.field(static=True)
    stream: AbstractStream = Residual()

    takes_complex = False

    def __check_init__(self):
        check_count("dim", self.dim)
        check_class("tokens", self.tokens, AbstractSequenceTokens, "AugmentedTokens() or RepeatedTokens(2).")
        check_class("stream", self.stream, AbstractStream, "Residual() or UpdatesOnly().")
        if not self.layers:
            raise ValueError("`layers` must hold at least one layer; got none.")
        if self.norms is not None and len(self.norms) != len(self.layers):
            raise ValueError(f"`norms` must be one a layer, {len(self.layers)}; got {len(self.norms)}.")

    @classmethod
    def initialise(
        cls,
        dim: int,
        *,
        tokens: AbstractSequenceTokens | None = None,
        num_layers: int = 1,
        num_heads: int = 1,
        positions: AbstractPositionWeights | WeightsByHead | None = None,
        asking: AbstractAsking = LastAsks(),  # noqa: B008 (an object without state)
        norm: type[eqx.nn.LayerNorm] | None = eqx.nn.LayerNorm,
        stream: AbstractStream = Residual(),  # noqa: B008
        init_scale: float = 1.0,
        key: Key[Array, ""],
    ) -> "SequenceTransformer":
        """Random weights; `positions` are where every layer's start, `tokens` are augmented unless told otherwise."""
        check_count("dim", dim)
        check_count("num_layers", num_layers)
        tokens = AugmentedTokens() if tokens is None else tokens
        check_class("tokens", tokens, AbstractSequenceTokens, "AugmentedTokens() or RepeatedTokens(2).")
        if norm is not None:
            check_subclass("norm", norm, eqx.nn.LayerNorm)
        check_key("key", key)
        size = tokens.dim_token(dim)
        settings = {"num_heads": num_heads, "positions": positions, "asking": asking}
        layers = layers_alike(
            lambda key: CausalHeads.initialise(size, init_scale=init_scale, key=key, **settings),
            jax.random.split(key, num_layers),
        )
        norms = None if norm is None else tuple(norm(size) for _ in layers)
        return cls(layers, norms, tokens, dim, stream)

    def prepared(self, num_states: int) -> PreparedTransformer:
        written = [layer.output_value for layer in self.layers]
        if self.norms is not None:  # normalisation takes the mean over a token's entries away: here, of the weights
            written = [each - jnp.mean(each, axis=1, keepdims=True) for each in written]
        forms = tuple(
            layer.form(num_states, jnp.pad(each, ((0, 0), (0, 1), (0, 0))))
            for layer, each in zip(self.layers, written, strict=True)
        )
        norms = None if self.norms is None else tuple(map(CentredNorm.of, self.norms))
        return PreparedTransformer(forms, norms, self.tokens, self.dim, self.stream)

    def trajectory(self, sequence: Sequence) -> Float[Array, "layers t d"]:
        """The predictions after each layer."""
        self.check(sequence)
        return self.prepared(len(sequence.states)).trajectory(sequence)

    @property
    def dim_state(self) -> int:
        return self.dim

    def predictions(self, sequence: Sequence) -> Inexact[Array, "t d"]:
        return self.prepared(len(sequence.states))(sequence)

    @classmethod
    def examples(cls) -> "tuple[SequenceTransformer, ...]":
        weights = SoftmaxWeights(jnp.zeros((6, 6)))
        return (
            cls.initialise(4, num_layers=2, key=seed_key(0)),
            cls.initialise(4, num_heads=3, norm=None, key=seed_key(1)),
            cls.initialise(
                4,
                tokens=RepeatedTokens(2),
                num_heads=20,
                positions=weights,
                asking=TokenBeforeAsks(),
                stream=UpdatesOnly(),
                key=seed_key(2),
            ),
        )
