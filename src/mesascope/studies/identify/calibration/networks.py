"""Networks that have learned nothing: as they are initialised, or trained on labels of other prompts."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact, Key, PyTree

from mesascope.models.attention import SoftmaxSelfAttention
from mesascope.models.embedded import EmbeddedTokens
from mesascope.models.layer import AbstractLayer
from mesascope.models.mlp import MLP
from mesascope.models.tokens import JoinedTokens
from mesascope.models.transformer import Transformer
from mesascope.prompt import Prompt
from mesascope.tasks._base import AbstractTask, AbstractWrapper
from mesascope.tasks.linear_regression import LinearRegression


class FlatNetwork(eqx.Module):
    """A perceptron of all numbers of a prompt, which has one length."""

    perceptron: eqx.nn.MLP

    @classmethod
    def initialise(
        cls, num_examples: int, dim_x: int, *, num_layers: int, dim_hidden: int, key: Key[Array, ""]
    ) -> "FlatNetwork":
        """As many hidden layers; weights as equinox draws them."""
        dim = num_examples * (dim_x + 1) + dim_x
        return cls(eqx.nn.MLP(dim, 1, dim_hidden, num_layers, activation=jnp.tanh, key=key))

    def __call__(self, prompt: Prompt) -> Float[Array, " dy"]:
        """One output."""
        return self.perceptron(jnp.concatenate([prompt.xs.ravel(), prompt.ys.ravel(), prompt.query]))


def softmax_network(
    dim_x: int, *, num_layers: int, dim_token: int, dim_hidden: int, num_heads: int, key: Key[Array, ""]
) -> Transformer:
    """Blocks of softmax attention and a perceptron on embedded tokens, weights of variance 1 / fan-in."""
    embedding_key, *keys = jax.random.split(key, 1 + 2 * num_layers)
    tokens = EmbeddedTokens.initialise(JoinedTokens(dim_x), dim_token, init_scale=1.0, key=embedding_key)
    heads = {"num_heads": num_heads, "dim_key": dim_token // num_heads}
    layers: list[AbstractLayer] = []
    for attention_key, mlp_key in zip(keys[::2], keys[1::2], strict=True):
        layers.append(SoftmaxSelfAttention.initialise(dim_token, **heads, init_scale=1.0, key=attention_key))
        layers.append(MLP.initialise(dim_token, dim_hidden, init_scale=1.0, key=mlp_key))
    return Transformer(tuple(layers), tokens)


class ShuffledTargets(AbstractWrapper):
    """Prompts of `task`, each with the target of another prompt: nothing can be learned but the targets' law."""

    task: AbstractTask

    def draw(self, key: Key[Array, ""]) -> PyTree[Array]:
        own_key, other_key = jax.random.split(key)
        return self.task.draw(own_key), self.task.draw(other_key)

    def prompt(self, draws: PyTree[Array]) -> Prompt:
        own, other = (self.task.prompt(each) for each in draws)
        target: Inexact[Array, " dy"] = other.target
        return Prompt(own.xs, own.ys, own.query, target, own.length)

    @classmethod
    def examples(cls) -> "tuple[ShuffledTargets, ...]":
        return (cls(LinearRegression(num_examples=3, dim_x=2)),)
