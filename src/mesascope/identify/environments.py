"""What a subject is asked: prompts in distribution, and away from it, as numpy arrays, of one length an environment."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from mesascope.candidate import Scale
from mesascope.random import jit_draws
from mesascope.tasks._base import AbstractTask, AbstractTeacherTask
from mesascope.tasks._process import AbstractProcess
from mesascope.tasks.random_length import RandomLength, RandomLengthProcess

IN_DISTRIBUTION = "in distribution"


class Environment(NamedTuple):
    """Prompts of one law and one length: xs [b n dx], ys [b n dy], queries [b m dx].

    Environments of one `law` are parts of one answer: the positions of sequences, the lengths of prompts. `states`
    [b t d] are the whole sequences that prompts were made of, for a subject that answers all positions in one pass.
    """

    name: str
    law: str
    xs: np.ndarray
    ys: np.ndarray
    queries: np.ndarray
    states: np.ndarray | None = None

    @property
    def num_examples(self) -> int:
        """Examples before the query."""
        return self.xs.shape[1]

    def part(self, which: slice | np.ndarray) -> "Environment":
        """Some of the prompts."""
        states = None if self.states is None else self.states[which]
        return Environment(self.name, self.law, self.xs[which], self.ys[which], self.queries[which], states)


class Material(NamedTuple):
    """Prompts of the largest length that is asked for, of which environments are made: n + m inputs and their labels.

    `label(inputs)` gives what the prompts' own teachers say of other inputs, without noise; None where a task has no
    teachers. `noise` [b n dy] is what was added to the labels.
    """

    inputs: np.ndarray
    labels: np.ndarray
    queries: np.ndarray
    label: Callable[[np.ndarray], np.ndarray] | None
    noise: np.ndarray


def lengths_of(task: AbstractTask) -> tuple[int, ...]:
    """The numbers of examples that a task's prompts have: one, or four that are spread over those it draws."""
    if isinstance(task, RandomLength):
        spread = np.linspace(max(task.shortest, 1), task.num_examples, 4)
        return tuple(sorted({round(each) for each in spread}))
    return (task.num_examples,)


def draw(task: AbstractTask, key: Key[Array, ""], num_prompts: int, num_queries: int, length: int) -> Material:
    """Prompts of `length` examples; a task that has fewer gives those that it has.

    All queries of a prompt are inputs of the task: those of other prompts with the same examples where it has no
    teachers, which knows no second query.
    """
    whole = longer(task.task if isinstance(task, RandomLength) else task, length + num_queries - 1)
    drawn = jax.tree.map(np.asarray, _draw(whole, key, num_prompts))
    if not isinstance(whole, AbstractTeacherTask):
        return Material(drawn.xs, drawn.ys, _queries_of_others(drawn.query, num_queries), None, np.zeros_like(drawn.ys))
    ((xs, query), teachers, noise), labels = drawn
    keep = min(length, whole.num_examples)
    added = np.zeros_like(labels) if noise is None else np.asarray(whole.noise_std * noise, labels.dtype)
    queries = np.concatenate([query[:, None], xs[:, keep : keep + num_queries - 1]], axis=1)
    if queries.shape[1] < num_queries:
        queries = _queries_of_others(query, num_queries)
    teach = _label_of(whole, teachers)
    return Material(xs[:, :keep], labels[:, :keep] + added[:, :keep], queries, teach, added[:, :keep])


def longer(task: AbstractTask, length: int) -> AbstractTask:
    """The same law with at least `length` examples, where the task, or the one it wraps, has them as a setting."""
    if task.num_examples >= length:
        return task
    fields = {field.name for field in dataclasses.fields(task)}
    if "num_examples" in fields:
        return dataclasses.replace(task, num_examples=length)
    inner = getattr(task, "task", None)
    return dataclasses.replace(task, task=longer(inner, length)) if isinstance(inner, AbstractTask) else task


@jit_draws
def _draw(task: AbstractTask, key: Key[Array, ""], num_prompts: int) -> Any:
    if not isinstance(task, AbstractTeacherTask):
        return task.sample_batch(key, num_prompts)
    draws = jax.vmap(task.draw)(jax.random.split(key, num_prompts))
    (xs, _), teachers, _ = draws
    return draws, jax.vmap(task.label)(teachers, xs)


def _label_of(task: AbstractTeacherTask, teachers: Any) -> Callable[[np.ndarray], np.ndarray]:
    label = jax.jit(jax.vmap(task.label))
    return lambda inputs: np.asarray(label(teachers, jnp.asarray(inputs)))


def _queries_of_others(queries: np.ndarray, num: int) -> np.ndarray:
    return np.stack([np.roll(queries, shift, axis=0) for shift in range(num)], axis=1)


def environments_of(material: Material, lengths: tuple[int, ...], law: str = IN_DISTRIBUTION) -> list[Environment]:
    """One environment for each number of examples that the material has room for."""
    room = material.inputs.shape[1]
    name = law if len(lengths) == 1 else f"{law}, N = {{}}"
    return [
        Environment(
            name.format(length), law, material.inputs[:, :length], material.labels[:, :length], material.queries
        )
        for length in lengths
        if length <= room
    ]


def scale_of(environments: list[Environment]) -> Scale:
    """The sizes of prompts, which units of parameters are made of."""

    def size(arrays: list[np.ndarray]) -> float:
        squares = np.concatenate([np.abs(array).astype(float).ravel() ** 2 for array in arrays])
        return float(np.sqrt(squares.mean())) if squares.size and squares.any() else 1.0

    numbers = [each.num_examples for each in environments]
    return Scale(
        size([each.xs for each in environments] + [each.queries for each in environments]),
        size([each.ys for each in environments]),
        max(float(np.mean(numbers)), 1.0),
    )


def positions_of(num_states: int, most: int, shortest: int = 2) -> tuple[int, ...]:
    """The positions t of a sequence that are asked about: at most `most`, spread evenly, the last one among them."""
    spread = np.linspace(shortest, num_states - 1, min(most, max(num_states - shortest, 1)))
    return tuple(sorted({round(each) for each in spread}))


def draw_sequences(process: AbstractProcess, key: Key[Array, ""], num_sequences: int) -> np.ndarray:
    """Whole sequences [b t d], the longest ones that the process has."""
    whole = process.process if isinstance(process, RandomLengthProcess) else process
    return np.asarray(_draw_states(whole, key, num_sequences))


@jit_draws
def _draw_states(process: AbstractProcess, key: Key[Array, ""], num_sequences: int) -> Array:
    return process.sample_batch(key, num_sequences).states


def after_states(states: np.ndarray, positions: tuple[int, ...], law: str = IN_DISTRIBUTION) -> list[Environment]:
    """The question after each of some positions: examples (s_j, s_{j+1}), j < t, and the query s_t."""
    return [
        Environment(f"{law}, after state {t}", law, states[:, : t - 1], states[:, 1:t], states[:, t - 1 : t], states)
        for t in positions
    ]


def by_law(environments: list[Environment]) -> Iterator[tuple[str, list[Environment]]]:
    """Environments of one law together, in their order."""
    for law in dict.fromkeys(each.law for each in environments):
        yield law, [each for each in environments if each.law == law]
