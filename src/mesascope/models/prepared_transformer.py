"""A transformer of sequences, ready for one length of them: what no sequence changes is worked out, once a batch."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from mesascope.models.causal_heads import with_constant
from mesascope.models.head_forms import AbstractHeadForm
from mesascope.models.sequence_tokens import AbstractSequenceTokens
from mesascope.models.streams import AbstractStream
from mesascope.prompt import Sequence, check_sequence


class CentredNorm(eqx.Module):
    """Layer normalisation of updates whose entries sum to zero already; the one behind them stays zero."""

    scale: Float[Array, " b"]
    offset: Float[Array, " b"]
    epsilon: float = eqx.field(static=True)

    @classmethod
    def of(cls, norm: eqx.nn.LayerNorm) -> "CentredNorm":
        """The same normalisation, for tokens with a constant behind them."""
        assert norm.weight is not None
        assert norm.bias is not None
        return cls(jnp.pad(norm.weight, (0, 1)), jnp.pad(norm.bias, (0, 1)), norm.eps)

    def __call__(self, updates: Float[Array, "t b"]) -> Float[Array, "t b"]:
        variances = jnp.sum(updates**2, axis=1, keepdims=True) / (updates.shape[1] - 1)
        return updates * jax.lax.rsqrt(variances + self.epsilon) * self.scale[None] + self.offset[None]


class PreparedTransformer(eqx.Module):
    """Predictions for sequences of one length; tokens carry the constant through all layers, which leave it alone."""

    layers: tuple[AbstractHeadForm, ...]
    norms: tuple[CentredNorm, ...] | None
    tokens: AbstractSequenceTokens
    dim: int = eqx.field(static=True)
    stream: AbstractStream

    def trajectory(self, sequence: Sequence) -> Float[Array, "layers t d"]:
        """The predictions after each layer."""
        return jnp.stack([self.tokens.read(tokens, self.dim) for tokens in self._streams(sequence)])

    def __call__(self, sequence: Sequence) -> Float[Array, "t d"]:
        return self.tokens.read(self._streams(sequence)[-1], self.dim)

    def _streams(self, sequence):
        """The tokens after each layer."""
        check_sequence(sequence, self.dim, takes_complex=False)
        tokens = with_constant(self.tokens.embed(sequence.states))
        seen = []
        for i, layer in enumerate(self.layers):
            update = layer(tokens) if self.norms is None else self.norms[i](layer(tokens))
            tokens = self.stream(tokens, update)
            seen.append(tokens)
        return seen
