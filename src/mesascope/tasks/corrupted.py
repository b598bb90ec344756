"""Prompts in which some targets are noise."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from mesascope.prompt import Prompt
from mesascope.tasks._base import AbstractTask
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.validation import check_count, check_non_negative


class CorruptedTargets(AbstractTask):
    """`task` with the labels of `num_corrupted` examples, chosen at random, replaced by N(0, corruption_std^2).

    The distractor test of von Oswald et al. 2023. `num_corrupted` may be traced: it is not a shape.
    """

    task: AbstractTask
    num_corrupted: int | Array = 0
    corruption_std: float | Array = 1.0

    def __check_init__(self):
        if isinstance(self.num_corrupted, int):
            check_count("num_corrupted", self.num_corrupted, minimum=0)
            if self.num_corrupted > self.task.num_examples:
                raise ValueError(
                    f"`num_corrupted` must be at most {self.task.num_examples}, the task's number of "
                    f"examples; got {self.num_corrupted}."
                )
        check_non_negative("corruption_std", self.corruption_std)

    num_examples = property(lambda self: self.task.num_examples)
    dim_x = property(lambda self: self.task.dim_x)
    dim_y = property(lambda self: self.task.dim_y)

    def sample(self, key: Key[Array, ""]) -> Prompt:
        task_key, order_key, noise_key = jax.random.split(key, 3)
        prompt = self.task.sample(task_key)
        rank = jax.random.permutation(order_key, prompt.num_examples)
        noise = self.corruption_std * jax.random.normal(noise_key, prompt.ys.shape, prompt.ys.dtype)
        ys = jnp.where(rank[:, None] < self.num_corrupted, noise, prompt.ys)
        return Prompt(prompt.xs, ys, prompt.query, prompt.target)

    @classmethod
    def examples(cls) -> "tuple[CorruptedTargets, ...]":
        task = LinearRegression(num_examples=4, dim_x=2)
        return cls(task, num_corrupted=1), cls(task, num_corrupted=4, corruption_std=0.5)
