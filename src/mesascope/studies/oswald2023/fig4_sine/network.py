"""The networks of the sine waves: an embedding, a perceptron, and attention, trained or set to a gradient step."""

from abc import abstractmethod
from typing import cast

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Inexact, Key

from mesascope.constructions.gradient_descent import GradientDescentConstruction
from mesascope.contraction import matmul, scores
from mesascope.models.attention import LinearSelfAttention
from mesascope.models.embedded import EmbeddedTokens
from mesascope.models.mlp import MLP
from mesascope.models.tokens import JoinedTokens
from mesascope.models.transformer import Transformer
from mesascope.predictor import AbstractPredictor
from mesascope.prompt import Prompt


class AbstractSineNetwork(AbstractPredictor):
    """Tokens embedded without bias, a perceptron on each, one head of linear attention; one output.

    The prediction is that of `transformer`, by fewer operations. The embedding and the perceptron's first matrix are
    one matrix; and since the last entry of the query token is all that is read, a context token's perceptron is needed
    in two directions only, the one the query asks in and the one the layer writes from, never as a whole.
    """

    tokens: eqx.AbstractVar[EmbeddedTokens]
    mlp: eqx.AbstractVar[MLP]

    @property
    @abstractmethod
    def attention(self) -> LinearSelfAttention:
        """The attention layer."""

    def transformer(self) -> Transformer:
        """The same map as layers: the function before the attention layer, and after it."""
        return Transformer((self.mlp, self.attention), self.tokens)

    def __call__(self, prompt: Prompt) -> Inexact[Array, "1"]:
        embedding, mlp, attention = self.tokens.embedding, self.mlp, self.attention
        context, query = self.tokens.tokens.embed(prompt)
        inward = embedding.T @ mlp.hidden_weights.T
        hidden = jax.nn.gelu(matmul(context, inward) + mlp.hidden_bias[None])
        query_hidden = jax.nn.gelu(query @ inward + mlp.hidden_bias)
        query = embedding @ query + mlp.output_weights @ query_hidden + mlp.output_bias

        asked, written = attention.key_query[0] @ query, attention.output_value[0, -1]
        asked_of_hidden = scores((asked @ mlp.output_weights)[None], hidden)[0]
        written_of_hidden = hidden @ (written @ mlp.output_weights)

        def along(direction: Inexact[Array, " d"], of_hidden: Inexact[Array, " n"]) -> Inexact[Array, " n"]:
            """Every context token, after the perceptron, in one direction."""
            return context @ (direction @ embedding) + of_hidden + mlp.output_bias @ direction

        return -(query[-1:] + jnp.sum(along(asked, asked_of_hidden) * along(written, written_of_hidden))[None])


class TrainedAttention(AbstractSineNetwork):
    """The network whose attention layer is trained with the rest."""

    tokens: EmbeddedTokens
    mlp: MLP
    head: LinearSelfAttention

    @property
    def attention(self) -> LinearSelfAttention:
        return self.head

    @classmethod
    def initialise(cls, dim_token: int, dim_hidden: int, *, key: Key[Array, ""]) -> "TrainedAttention":
        """Random weights as the authors' code draws them."""
        features_key, attention_key = jax.random.split(key)
        attention = LinearSelfAttention.initialise(dim_token, key=attention_key)
        features = initial_features(dim_token, dim_hidden, features_key)
        return cls(*features, cast(LinearSelfAttention, attention))


class DescentStep(AbstractSineNetwork):
    """The network whose attention layer is one gradient step, from the first channels to the last, from W = 0.

    Its learning rate is trained with the rest; the authors' code keeps it at 0.1.
    """

    tokens: EmbeddedTokens
    mlp: MLP
    learning_rate: Inexact[Array, ""]
    num_examples: int = eqx.field(static=True)

    @property
    def attention(self) -> LinearSelfAttention:
        dim_x = self.tokens.dim_token - 1
        construction = GradientDescentConstruction(self.learning_rate, 1, self.num_examples, dim_x)
        return cast(LinearSelfAttention, construction.build().layers[0])

    @classmethod
    def initialise(
        cls, dim_token: int, dim_hidden: int, num_examples: int, *, learning_rate: float, key: Key[Array, ""]
    ) -> "DescentStep":
        """The embedding and the perceptron that `TrainedAttention` gets from the same key."""
        features_key, _ = jax.random.split(key)
        rate = jnp.asarray(learning_rate, float)  # of a declared type, so that training compiles once
        return cls(*initial_features(dim_token, dim_hidden, features_key), rate, num_examples)


def initial_features(dim_token: int, dim_hidden: int, key: Key[Array, ""]) -> tuple[EmbeddedTokens, MLP]:
    """An embedding of (x, y) and a perceptron."""
    embedding_key, mlp_key = jax.random.split(key)
    tokens = EmbeddedTokens.initialise(JoinedTokens(1), dim_token, key=embedding_key)
    return tokens, MLP.initialise(dim_token, dim_hidden, key=mlp_key)
