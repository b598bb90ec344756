"""Prompts in which some targets are noise."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key, PyTree

from mesascope.prompt import Prompt
from mesascope.random import normal
from mesascope.tasks._base import AbstractTask, AbstractWrapper
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.validation import check_class, check_count, check_non_negative


class CorruptedTargets(AbstractWrapper):
    """`task` with the labels of `num_corrupted` examples, chosen at random, replaced by N(0, corruption_std^2).

    The distractor test of von Oswald et al. 2023. `num_corrupted` may be traced: it is not a shape.
    """

    task: AbstractTask
    num_corrupted: int | Array = 0
    corruption_std: float | Array = 1.0

    def __check_init__(self):
        check_class(
            "task", self.task, AbstractTask, "Prompts are drawn from it: take one, as LinearRegression(10, 10)."
        )
        if not isinstance(self.num_corrupted, jax.Array):
            check_count("num_corrupted", self.num_corrupted, minimum=0)
            if self.num_corrupted > self.task.num_examples:
                raise ValueError(
                    f"`num_corrupted` must be at most {self.task.num_examples}, the task's number of "
                    f"examples; got {self.num_corrupted}."
                )
        check_non_negative("corruption_std", self.corruption_std)

    def draw(self, key: Key[Array, ""]) -> PyTree[Array]:
        task_key, order_key, noise_key = jax.random.split(key, 3)
        order = jax.random.permutation(order_key, self.num_examples)
        return self.task.draw(task_key), order, normal(noise_key, (self.num_examples, self.dim_y))

    def prompt(self, draws: PyTree[Array]) -> Prompt:
        task_draws, order, noise = draws
        prompt = self.task.prompt(task_draws)
        if prompt.mask is not None:  # the order among the examples that count
            order = jnp.sum((order[None, :] < order[:, None]) & prompt.mask[None, :], axis=1)
        ys = jnp.where(order[:, None] < self.num_corrupted, self.corruption_std * noise, prompt.ys)
        return prompt.with_labels(ys)

    @classmethod
    def examples(cls) -> "tuple[CorruptedTargets, ...]":
        task = LinearRegression(num_examples=4, dim_x=2)
        return cls(task, num_corrupted=1), cls(task, num_corrupted=4, corruption_std=0.5)
