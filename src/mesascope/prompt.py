"""The two nouns a model is asked about: a prompt of examples, and a sequence read as one.

Axis names used throughout: n examples, dx input size, dy output size, d state or token size, t positions,
steps gradient steps or layers, h heads, k key size, m query tokens.
"""

from functools import reduce
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Inexact

from mesascope.validation import check_class, check_count, check_finite_array, check_numbers, check_states

PROMPT_SHAPES = {"xs": "[n dx]", "ys": "[n dy]", "query": "[dx]", "target": "[dy]"}


class Prompt(eqx.Module):
    """Examples (x_i, y_i), an input to predict for, and the answer; real or complex.

    One prompt, or a batch with the same axes before all four arrays, over which `jax.vmap` goes. ValueError unless the
    shapes belong together and all numbers are finite and of 32 bits or more.
    """

    xs: Inexact[Array, "n dx"]
    ys: Inexact[Array, "n dy"]
    query: Inexact[Array, " dx"]
    target: Inexact[Array, " dy"]

    def __check_init__(self):
        arrays = {"xs": self.xs, "ys": self.ys, "query": self.query, "target": self.target}
        for name, array in arrays.items():
            check_numbers(name, array, PROMPT_SHAPES[name])
        shapes = [array.shape for array in arrays.values()]
        if not _belong_together(*shapes):
            wanted = ", ".join(f"`{name}` {shape}" for name, shape in PROMPT_SHAPES.items())
            column = " Labels of one number each are a column: `ys[:, None]`." if len(shapes[1]) == 1 else ""
            raise ValueError(
                f"A prompt must have {wanted}, before them the same axes of a batch, if any; "
                f"got {', '.join(map(str, shapes))}.{column}"
            )
        for name, array in arrays.items():
            check_finite_array(name, array)

    @property
    def num_examples(self) -> int:
        """Number of examples before the query."""
        return self.xs.shape[-2]

    @property
    def dim_x(self) -> int:
        """Size of an input."""
        return self.xs.shape[-1]

    @property
    def dim_y(self) -> int:
        """Size of an output."""
        return self.ys.shape[-1]

    def prefix(self, num_examples: int) -> "Prompt":
        """The same question after only the first `num_examples` examples."""
        check_count("num_examples", num_examples, minimum=0)
        if num_examples > self.num_examples:
            raise ValueError(
                f"`num_examples` must be at most {self.num_examples}, all this prompt has; got {num_examples}."
            )
        return Prompt(self.xs[:num_examples], self.ys[:num_examples], self.query, self.target)

    def alike(self) -> "Prompt":
        """The same, all of it complex where a part is, and in double precision where a part is."""
        arrays = (self.xs, self.ys, self.query, self.target)
        dtype = reduce(np.promote_types, (array.dtype for array in arrays))
        return self if all(array.dtype == dtype for array in arrays) else jax.tree.map(lambda a: a.astype(dtype), self)

    def with_query(self, query: Inexact[Array, " dx"]) -> "Prompt":
        """The same examples with another input to predict for; the target is kept as it is."""
        return Prompt(self.xs, self.ys, query, self.target)


class Sequence(eqx.Module):
    """States s_1, ..., s_T of an autoregressive process; real or complex.

    ValueError unless `states` is an array of finite numbers, a row a state, before it any axes of a batch.
    """

    states: Inexact[Array, "t d"]

    def __check_init__(self):
        check_states("states", self.states)

    @property
    def num_states(self) -> int:
        """Number of states."""
        return self.states.shape[-2]

    def prompt(self, length: int) -> Prompt:
        """The first `length` states as a prompt: examples (s_t, s_{t+1}), query s_length, target s_{length+1}."""
        check_count("length", length)
        _check_one("states", self)
        if length >= self.num_states:
            raise ValueError(
                f"`length` must be below {self.num_states}, so that a next state is left to predict; got {length}."
            )
        states = self.states
        return Prompt(states[: length - 1], states[1:length], states[length - 1], states[length])


def check_prompt(prompt: Any) -> None:
    """Raise ValueError unless `prompt` is one, no batch."""
    check_class("prompt", prompt, Prompt, "A task samples prompts; of a sequence they are `sequence.prompt(length)`.")
    if prompt.query.ndim != 1:
        raise ValueError(
            f"`prompt` must be one, not a batch of shape {prompt.query.shape[:-1]}: use `jax.vmap(predictor)(prompts)`."
        )


def check_sequence(sequence: Any, dim: int | None = None, *, takes_complex: bool = True) -> None:
    """Raise ValueError unless `sequence` is one, no batch, of states that a model can take: of size `dim`, if given."""
    check_class("sequence", sequence, Sequence, "Make one of states [t d]: `Sequence(states)`.")
    _check_one("sequence", sequence)
    if not takes_complex and jnp.iscomplexobj(sequence.states):
        raise ValueError(f"`sequence` must have real states for this model; got {sequence.states.dtype}.")
    if dim is not None and sequence.states.shape[1] != dim:
        size = sequence.states.shape[1]
        raise ValueError(f"`sequence` must have states of size {dim}; got {size}. Make the model for size {size}.")


def _belong_together(xs: tuple, ys: tuple, query: tuple, target: tuple) -> bool:
    """Whether these are shapes of one prompt, or of one batch."""
    if len(xs) < 2 or len(ys) < 2 or not query or not target or 0 in (xs[-1], ys[-1]):
        return False
    same_examples = xs[:-1] == ys[:-1]
    return same_examples and query == (*xs[:-2], xs[-1]) and target == (*ys[:-2], ys[-1])


def _check_one(name: str, sequence: Sequence) -> None:
    shape = sequence.states.shape
    if len(shape) != 2:
        raise ValueError(f"`{name}` must be one sequence's, not a batch: use `jax.vmap`; got {shape}.")
