"""A task that knows finitely many prompts."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Key, PyTree

from mesascope.prompt import Prompt
from mesascope.random import FAST, seed_key
from mesascope.tasks._base import AbstractTask, AbstractWrapper
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.validation import check_class, check_count, check_seed


class FinitePool(AbstractWrapper):
    """`num_tasks` prompts of `task`, drawn once and for all; each draw is one of them, all equally likely.

    The finite training sets of von Oswald et al. 2023, figure 16. Teacher, examples, query and target of prompt i are
    functions of (seed, i) alone: nothing is stored, every key and every training sees the same pool, and a larger pool
    of one seed begins with the smaller one.
    """

    task: AbstractTask
    num_tasks: int = 2048
    seed: int = 0

    def __check_init__(self):
        check_class(
            "task", self.task, AbstractTask, "Prompts are drawn from it: take one, as LinearRegression(10, 10)."
        )
        check_count("num_tasks", self.num_tasks)
        check_seed("seed", self.seed)

    def draw(self, key: Key[Array, ""]) -> PyTree[Array]:
        return self._draws_of(jax.random.randint(key, (), 0, self.num_tasks))

    def prompt(self, draws: PyTree[Array]) -> Prompt:
        return self.task.prompt(draws)

    def prompts(self) -> Prompt:
        """The whole pool, in order; every field gets a leading axis."""
        return jax.vmap(lambda index: self.prompt(self._draws_of(index)))(jnp.arange(self.num_tasks))

    def _draws_of(self, index: Int[Array, ""]) -> PyTree[Array]:
        return self.task.draw(jax.random.fold_in(seed_key(self.seed, impl=FAST), index))

    @classmethod
    def examples(cls) -> "tuple[FinitePool, ...]":
        task = LinearRegression(num_examples=3, dim_x=2)
        return cls(task, num_tasks=50), cls(task, num_tasks=1000, seed=7)
