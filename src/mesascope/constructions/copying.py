"""Attention that builds tokens by copying the next token, and gradient descent on the tokens so built."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.constructions._base import AbstractConstruction
from mesascope.models.attention import LinearSelfAttention, SoftmaxSelfAttention
from mesascope.models.interleaved import InterleavedTokens
from mesascope.models.positioned import ConcatenatedPositions
from mesascope.models.positions import UnitPositions
from mesascope.models.transformer import Transformer
from mesascope.prompt import Prompt
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.validation import check_count, check_finite


def linear_copying(dim_content: int, dim_positions: int) -> LinearSelfAttention:
    """e_j = (t_j, p_j) becomes (t_j, t_{j+1}), with p_j the unit vector of entry j.

    P = I, W_V = [[0, 0], [I_x, -I_off]], W_K = [[0, 0], [0, I]], W_Q = [[0, 0], [0, I_off^T]], where the shift has
    I_off p_j = p_{j-1}: token j asks for p_{j+1} and is given (0, t_{j+1} - p_j) (von Oswald et al. 2023,
    proposition 3). A token without a next one among the keys, as the query and the one before it, is left as it is.

    Raises ValueError when t_{j+1} does not fit into the entries of the positions.
    """
    check_count("dim_content", dim_content)
    check_count("dim_positions", dim_positions, minimum=dim_content)
    zeros = jnp.zeros((dim_content, dim_content + dim_positions))
    nothing = jnp.zeros((dim_positions, dim_content))
    shift = jnp.eye(dim_positions, k=1)
    value = jnp.concatenate([jnp.eye(dim_positions, dim_content), -shift], axis=1)
    blocks = (jnp.concatenate([nothing, each], axis=1) for each in (jnp.eye(dim_positions), shift.T))
    key, query, value = (jnp.concatenate([zeros, rows])[None] for rows in (*blocks, value))
    return LinearSelfAttention(key, query, value, jnp.eye(dim_content + dim_positions)[None])


def softmax_copying(dim_content: int, dim_positions: int, logit_scale: float | Array) -> SoftmaxSelfAttention:
    """The same weights with a softmax over logits of size `logit_scale`: exact as it grows to infinity.

    The proposition calls for a softmax without naming a scale. Of n keys the next token gets the weight
    1 / (1 + (n - 1) exp(-logit_scale)), all others share the rest. A token without a next one attends to all alike.
    """
    linear = linear_copying(dim_content, dim_positions)
    query = logit_scale * linear.key.shape[1] ** 0.5 * linear.query  # the layer divides by this root
    return SoftmaxSelfAttention(linear.key, query, linear.value, linear.output)


def clearing_head(dim_content: int, dim_positions: int) -> LinearSelfAttention:
    """Every second token asks for itself and subtracts its content: (t_j, p_j) becomes (0, p_j) for even j.

    In a stream of inputs and labels these are the labels, whose tokens would else be taken for inputs once the next
    token has been copied into them. That a second head can do so is a remark of von Oswald et al. 2023 on
    proposition 3; its weights are ours. With a softmax they would not do: a token that should get nothing gets a mean.
    """
    is_label = (jnp.arange(dim_positions) % 2 == 1).astype(float)
    of_positions = jnp.diag(jnp.concatenate([jnp.zeros(dim_content), is_label]))[None]
    of_content = jnp.diag(jnp.concatenate([jnp.ones(dim_content), jnp.zeros(dim_positions)]))[None]
    return LinearSelfAttention(of_positions, of_positions, -of_content, of_content)


def uncleared(model: Transformer) -> Transformer:
    """A `CopyingConstruction`'s model without `clearing_head`: it takes (0, y_j) with x_{j+1} for an example, too.

    With n examples and the query x, one step's prediction has more by (learning_rate / n) sum_j (0, y_j)^T x z_j, where
    z_j is what stands where a label would: for j < n the last dim_y entries of x_{j+1}. The last label has no next
    token and keeps its position, the unit vector of entry 2 n - 1, counted from zero: where it lies among the label's
    entries, dim_x - dim_y <= 2 n - 1 < dim_x, z_n is the unit vector of entry 2 n - 1 - (dim_x - dim_y), else zero.
    """
    first, *others = model.layers
    return Transformer((jax.tree.map(lambda heads: heads[:1], first), *others), model.tokens)


class CopyingConstruction(AbstractConstruction):
    """A stream of inputs and labels: one layer copies, every further one makes a gradient step.

    The first layer's two heads are `linear_copying` and `clearing_head`; it leaves (x_j, y_j) in the two blocks of an
    input's token, (0, x_{j+1}) in a label's, which have no input and so no weight in what follows. The others are
    proposition 1's, with x read from the first block and y from the second: they write -dW x_j to y_j, and to the
    entries of the first block that the prediction is read from. The prediction is zero after the first layer.
    """

    learning_rate: float | Inexact[Array, ""] = 1.0
    num_steps: int = eqx.field(static=True, default=1)
    num_examples: int = eqx.field(static=True, default=10)
    dim_x: int = eqx.field(static=True, default=10)
    dim_y: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        check_finite("learning_rate", self.learning_rate)
        check_count("num_steps", self.num_steps)
        check_count("num_examples", self.num_examples)
        self.emulates()  # checks the rate
        self.tokens()  # checks the sizes

    def tokens(self) -> ConcatenatedPositions:
        """The stream, with a unit vector a position, of as many entries as its tokens have at least."""
        tokens = InterleavedTokens(self.dim_x, self.dim_y)
        return ConcatenatedPositions(tokens, UnitPositions(max(2 * self.num_examples + 1, tokens.dim_token)))

    def build(self) -> Transformer:
        tokens = self.tokens()
        sizes = tokens.tokens.dim_token, tokens.positions.dim
        copying = jax.tree.map(lambda *heads: jnp.concatenate(heads), linear_copying(*sizes), clearing_head(*sizes))
        return Transformer((copying, *[self._step()] * self.num_steps), tokens)

    def emulates(self) -> GradientDescent:
        rates = jnp.full(self.num_steps + 1, self.learning_rate, float).at[0].set(0.0)
        return GradientDescent(rates, self.num_steps + 1)

    def holds_on(self) -> LinearRegression:
        return LinearRegression(self.num_examples, self.dim_x, self.dim_y)

    def emulated_context(self, prompt: Prompt) -> Inexact[Array, "steps n d"]:
        tokens = self.tokens()
        stream, _ = tokens.tokens.embed(prompt)
        places = tokens.positions.encode(len(stream))
        following = jnp.pad(stream[1:], ((0, 0), (0, places.shape[1] - stream.shape[1])))
        copied = jnp.concatenate([stream, jnp.concatenate([following, places[-1:]])], axis=1)
        copied = copied.at[1::2, : stream.shape[1]].set(0.0)

        def after_step(weights: Inexact[Array, "dy dx"]) -> Inexact[Array, "n d"]:
            shifts = prompt.xs @ weights.T
            answered = copied.at[::2, self.dim_x : self.dim_x + self.dim_y].add(-shifts)
            return answered.at[::2, self._labels()].add(-shifts)

        return jax.vmap(after_step)(self.emulates().weight_trajectory(prompt))

    def _labels(self) -> slice:
        """Where an input's token holds its label, once it has been copied."""
        end = self.tokens().tokens.dim_token + self.dim_x
        return slice(end - self.dim_y, end)

    def _step(self) -> LinearSelfAttention:
        labels, dim_token = self._labels(), self.tokens().dim_token
        select_x: Float[Array, "d d"] = jnp.diag((jnp.arange(dim_token) < self.dim_x).astype(float))
        value = jnp.zeros((self.dim_y, dim_token)).at[:, labels].set(-jnp.eye(self.dim_y))
        output = jnp.zeros((dim_token, self.dim_y)).at[labels].set(jnp.eye(self.dim_y))
        output = output.at[self.dim_x : self.dim_x + self.dim_y].set(jnp.eye(self.dim_y))
        rows = ((0, dim_token - self.dim_y), (0, 0))
        value, output = jnp.pad(value, rows), self.learning_rate / self.num_examples * jnp.pad(output, rows[::-1])
        return LinearSelfAttention(select_x[None], select_x[None], value[None], output[None])

    @classmethod
    def examples(cls) -> "tuple[CopyingConstruction, ...]":
        return cls(0.8, num_examples=4, dim_x=3), cls(0.7, num_steps=3, num_examples=3, dim_x=4, dim_y=2)
