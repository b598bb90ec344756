"""The two nouns a model is asked about: a prompt of examples, and a sequence read as one.

Axis names used throughout: n examples, dx input size, dy output size, d state or token size, t positions,
steps gradient steps or layers, h heads, k key size, m query tokens.
"""

from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Inexact, Int

from mesascope.padding import checked_length, mask_of, padded_rows, without_padding
from mesascope.validation import (
    check_class,
    check_count,
    check_finite_array,
    check_numbers,
    check_precision,
    check_states,
)

PROMPT_SHAPES = {"xs": "[n dx]", "ys": "[n dy]", "query": "[dx]", "target": "[dy]"}


class Prompt(eqx.Module):
    """Examples (x_i, y_i), an input to predict for, and the answer; real or complex.

    The first `length` examples count, all of them where it is None; those behind are padding and are set to zero.

    One prompt, or a batch with the same axes before all arrays, over which `jax.vmap` goes. ValueError unless the
    shapes belong together and all numbers are finite and of 32 bits or more.
    """

    xs: Inexact[Array, "n dx"]
    ys: Inexact[Array, "n dy"]
    query: Inexact[Array, " dx"]
    target: Inexact[Array, " dy"]
    length: Int[Array, ""] | None = None

    def __init__(
        self,
        xs: Inexact[Array, "n dx"],
        ys: Inexact[Array, "n dy"],
        query: Inexact[Array, " dx"],
        target: Inexact[Array, " dy"],
        length: int | Int[Array, ""] | None = None,
    ):
        arrays = {"xs": xs, "ys": ys, "query": query, "target": target}
        _check_shapes(arrays)
        arrays = {name: _of_jax(array) for name, array in arrays.items()}
        if length is not None:
            length = checked_length(length, xs.shape[:-2], 0, xs.shape[-2])
            arrays |= {name: without_padding(arrays[name], length) for name in ("xs", "ys")}
        for name, array in arrays.items():
            check_finite_array(name, array)
        self.xs, self.ys, self.query, self.target = arrays.values()
        self.length = length

    @property
    def num_examples(self) -> int | Int[Array, "*batch"]:
        """Number of examples that count: the size of an axis, or `length` where there is padding."""
        return self.xs.shape[-2] if self.length is None else self.length

    @property
    def mask(self) -> Bool[Array, "*batch n"] | None:
        """True at the examples that count; None where all do."""
        return None if self.length is None else mask_of(self.length, self.xs.shape[-2])

    @property
    def divisor(self) -> int | Inexact[Array, "*batch"]:
        """What a mean over examples divides by: their number, and 1 where there are none."""
        if self.length is None:
            return max(self.xs.shape[-2], 1)
        return jnp.maximum(self.length, 1).astype(self.xs.dtype)

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
        check_prompt(self)
        if num_examples > len(self.xs):
            raise ValueError(f"`num_examples` must be at most {len(self.xs)}, all this prompt has; got {num_examples}.")
        length = None if self.length is None else jnp.minimum(self.length, num_examples)
        return Prompt(self.xs[:num_examples], self.ys[:num_examples], self.query, self.target, length)

    def padded(self, num_examples: int) -> "Prompt":
        """The same with padding behind its examples: rows for `num_examples` in all."""
        check_prompt(self)
        xs, ys = (padded_rows(rows, num_examples, "num_examples") for rows in (self.xs, self.ys))
        return Prompt(xs, ys, self.query, self.target, self.num_examples)

    def shortened(self, length: int | Int[Array, ""]) -> "Prompt":
        """The same with its first `length` examples alone, or fewer where it has fewer; the others become padding."""
        length = length if self.length is None else jnp.minimum(self.length, length)
        return Prompt(self.xs, self.ys, self.query, self.target, length)

    def alike(self) -> "Prompt":
        """The same, all of it complex where a part is, and in double precision where a part is; a batch is refused."""
        check_prompt(self)
        arrays = (self.xs, self.ys, self.query, self.target)
        dtype = reduce(np.promote_types, (array.dtype for array in arrays))
        if all(array.dtype == dtype for array in arrays):
            return self
        xs, ys, query, target = (array.astype(dtype) for array in arrays)
        return Prompt(xs, ys, query, target, self.length)

    def with_query(self, query: Inexact[Array, " dx"]) -> "Prompt":
        """The same examples with another input to predict for; the target is kept as it is."""
        return Prompt(self.xs, self.ys, query, self.target, self.length)

    def with_labels(self, ys: Inexact[Array, "n dy"]) -> "Prompt":
        """The same inputs with other labels; the target is kept as it is."""
        return Prompt(self.xs, ys, self.query, self.target, self.length)

    def means(self) -> tuple[Inexact[Array, " dx"], Inexact[Array, " dy"]]:
        """The means of inputs and labels over the examples; zero where there are none."""
        alike = self.alike()
        return jnp.sum(alike.xs, axis=0) / alike.divisor, jnp.sum(alike.ys, axis=0) / alike.divisor

    def centred(self) -> "Prompt":
        """The examples with their means taken off, for the same query."""
        alike, (x_mean, y_mean) = self.alike(), self.means()
        return Prompt(alike.xs - x_mean[None], alike.ys - y_mean[None], alike.query, alike.target, self.length)

    def mapped(self, features: Callable[[Inexact[Array, " dx"]], Inexact[Array, " features"]]) -> "Prompt":
        """The same labels for inputs and a query that are put through `features`."""
        check_prompt(self)
        return Prompt(jax.vmap(features)(self.xs), self.ys, features(self.query), self.target, self.length)


class Sequence(eqx.Module):
    """States s_1, ..., s_T of an autoregressive process; real or complex.

    The first `length` states count, all of them where it is None; those behind are padding and are set to zero.
    ValueError unless `states` is an array of finite numbers, a row a state, before it any axes of a batch.
    """

    states: Inexact[Array, "t d"]
    length: Int[Array, ""] | None = None

    def __init__(self, states: Inexact[Array, "t d"], length: int | Int[Array, ""] | None = None):
        check_states("states", states)
        states = _of_jax(states)
        if length is not None:
            length = checked_length(length, states.shape[:-2], 1, states.shape[-2])
            states = without_padding(states, length)
        check_finite_array("states", states)
        self.states, self.length = states, length

    @property
    def num_states(self) -> int | Int[Array, "*batch"]:
        """Number of states that count: the size of an axis, or `length` where there is padding."""
        return self.states.shape[-2] if self.length is None else self.length

    @property
    def mask(self) -> Bool[Array, "*batch t"] | None:
        """True at the states that count; None where all do."""
        return None if self.length is None else mask_of(self.length, self.states.shape[-2])

    def padded(self, num_states: int) -> "Sequence":
        """The same with padding behind its states: rows for `num_states` in all."""
        _check_one("states", self)
        return Sequence(padded_rows(self.states, num_states, "num_states"), self.num_states)

    def shortened(self, length: int | Int[Array, ""]) -> "Sequence":
        """The same with its first `length` states alone, or fewer where it has fewer; the others become padding."""
        return Sequence(self.states, length if self.length is None else jnp.minimum(self.length, length))

    def prompt(self, length: int) -> Prompt:
        """The first `length` states as a prompt: examples (s_t, s_{t+1}), query s_length, target s_{length+1}."""
        check_count("length", length)
        _check_one("states", self)
        if length >= self._at_most():
            raise ValueError(
                f"`length` must be below {self._at_most()}, so that a next state is left to predict; got {length}."
            )
        states = self.states
        return Prompt(states[: length - 1], states[1:length], states[length - 1], states[length])

    def last_prompt(self) -> Prompt:
        """The question for the last state given all before it; padded as the sequence is."""
        _check_one("states", self)
        if self.length is None:
            return self.prompt(len(self.states) - 1)
        if self._at_most() < 2:
            raise ValueError("`length` must be at least 2, so that a state before the last can be asked; got 1.")
        states, last = self.states, self.length - 1
        return Prompt(states[:-2], states[1:-1], states[last - 1], states[last], last - 1)

    def _at_most(self) -> int:
        """Number of states, or of rows where their number is not there yet."""
        return len(self.states) if isinstance(self.num_states, jax.core.Tracer) else int(self.num_states)


Item = TypeVar("Item", Prompt, Sequence)


def stack(items: Iterable[Item]) -> Item:
    """One batch of prompts, or of sequences: the shorter ones padded, so that `jax.vmap` goes over all of them.

    ValueError where there is none, and where sizes other than the length differ.
    """
    if isinstance(items, (Prompt, Sequence)):
        raise ValueError(f"`items` must be a list of prompts or of sequences; got one {type(items).__name__}.")
    items = list(items)
    if not items:
        raise ValueError("`items` must hold a prompt or a sequence or more; got none.")
    kinds = sorted({type(item).__name__ for item in items})
    if kinds not in (["Prompt"], ["Sequence"]):
        raise ValueError(f"`items` must be prompts or sequences; got {' and '.join(kinds)}.")
    rows = [len(item.xs if isinstance(item, Prompt) else item.states) for item in items]
    if len(set(rows)) > 1 or any(item.length is not None for item in items):
        items = [item.padded(max(rows)) for item in items]
    arrays = {", ".join(f"{leaf.dtype}{list(leaf.shape)}" for leaf in jax.tree.leaves(item)) for item in items}
    if len(arrays) > 1:
        raise ValueError(f"`items` must be alike in sizes and precision; got {'; '.join(sorted(arrays))}.")
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *items)


def check_prompt(prompt: Any) -> None:
    """Raise ValueError unless `prompt` is one, no batch, of numbers that sums can be taken of."""
    check_class("prompt", prompt, Prompt, "A task samples prompts; of a sequence they are `sequence.prompt(length)`.")
    for each in (prompt.xs, prompt.ys, prompt.query):
        check_precision("prompt", each.dtype, "Convert it: `jax.tree.map(lambda a: a.astype('float32'), prompt)`.")
    if prompt.query.ndim != 1:
        raise ValueError(
            f"`prompt` must be one, not a batch of shape {prompt.query.shape[:-1]}: use `jax.vmap(predictor)(prompts)`."
        )


def check_sequence(sequence: Any, dim: int | None = None, *, takes_complex: bool = True) -> None:
    """Raise ValueError unless `sequence` is one, no batch, of states that a model can take: of size `dim`, if given."""
    check_class("sequence", sequence, Sequence, "Make one of states [t d]: `Sequence(states)`.")
    _check_one("sequence", sequence)
    check_precision("sequence", sequence.states.dtype, "Convert it: `Sequence(sequence.states.astype('float32'))`.")
    if not takes_complex and jnp.iscomplexobj(sequence.states):
        raise ValueError(f"`sequence` must have real states for this model; got {sequence.states.dtype}.")
    if dim is not None and sequence.states.shape[1] != dim:
        size = sequence.states.shape[1]
        raise ValueError(f"`sequence` must have states of size {dim}; got {size}. Make the model for size {size}.")


def _of_jax(array: np.ndarray | Array) -> Inexact[Array, "..."]:
    """In the precision that is set; what overflows in it is found where numbers must be finite."""
    with np.errstate(over="ignore"):
        return jnp.asarray(array)


def _check_shapes(arrays: dict[str, Any]) -> None:
    """Raise ValueError unless these are arrays of numbers whose shapes make one prompt, or one batch."""
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
