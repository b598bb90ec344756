"""Prompts and sequences of different lengths, in batches of one shape."""

import equinox as eqx
import jax
from jaxtyping import Array, Key, PyTree

from mesascope.prompt import Prompt, Sequence
from mesascope.tasks._base import AbstractTask, AbstractWrapper
from mesascope.tasks._process import AbstractProcess
from mesascope.tasks.haar import HaarProcess
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.validation import check_class, check_count


class RandomLength(AbstractWrapper):
    """`task` with a number of examples drawn for each prompt, uniform from `shortest` to all; the others are padding.

    `num_examples` of it is the largest number. The examples of `task` must have the same law one by one.
    """

    task: AbstractTask
    shortest: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        check_class("task", self.task, AbstractTask, "Of a process there is `RandomLengthProcess`.")
        _check_shortest(self.shortest, 0, self.task.num_examples)

    def draw(self, key: Key[Array, ""]) -> PyTree[Array]:
        task_key, length_key = jax.random.split(key)
        return self.task.draw(task_key), jax.random.randint(length_key, (), self.shortest, self.num_examples + 1)

    def prompt(self, draws: PyTree[Array]) -> Prompt:
        task_draws, length = draws
        return self.task.prompt(task_draws).shortened(length)

    @classmethod
    def examples(cls) -> "tuple[RandomLength, ...]":
        task = LinearRegression(num_examples=4, dim_x=2)
        return cls(task), cls(task, shortest=3)


class RandomLengthProcess(AbstractProcess):
    """`process` with a number of states drawn for each sequence, uniform from `shortest` to all; the rest is padding.

    `num_states` of it is the largest number; two states are the least of which one is predicted.
    """

    process: AbstractProcess
    shortest: int = eqx.field(static=True, default=2)

    def __check_init__(self):
        check_class("process", self.process, AbstractProcess, "Of a task there is `RandomLength`.")
        _check_shortest(self.shortest, 2, self.process.num_states)

    @property
    def num_states(self) -> int:
        return self.process.num_states

    @property
    def dim(self) -> int:
        return self.process.dim

    def draw(self, key: Key[Array, ""]) -> PyTree[Array]:
        process_key, length_key = jax.random.split(key)
        return self.process.draw(process_key), jax.random.randint(length_key, (), self.shortest, self.num_states + 1)

    def sequence(self, draws: PyTree[Array]) -> Sequence:
        process_draws, length = draws
        return self.process.sequence(process_draws).shortened(length)

    @classmethod
    def examples(cls) -> "tuple[RandomLengthProcess, ...]":
        return (cls(HaarProcess(5, 2), shortest=3),)


def _check_shortest(shortest: int, least: int, most: int) -> None:
    check_count("shortest", shortest, minimum=least)
    if shortest > most:
        raise ValueError(f"`shortest` must be at most {most}, the length of all; got {shortest}.")
