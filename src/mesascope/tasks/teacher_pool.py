"""A task that knows finitely many teachers."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key, PyTree

from mesascope.random import FAST, seed_key
from mesascope.tasks._base import AbstractTeacherTask, AbstractWrapper
from mesascope.tasks.gaussian_regression import GaussianRegression
from mesascope.validation import check_class, check_count, check_seed


class TeacherPool(AbstractWrapper, AbstractTeacherTask):
    """`task` with `num_teachers` teachers, drawn once and for all; each prompt has one of them, all equally likely.

    The pretraining tasks of Raventos et al. 2023: inputs, noise and query are fresh in each prompt, where `FinitePool`
    keeps whole prompts. Teacher i is a function of (seed, i) alone: nothing is stored, and a larger pool of one seed
    begins with the smaller one.
    """

    task: AbstractTeacherTask
    num_teachers: int = 64
    seed: int = 0

    def __check_init__(self):
        advice = "One of labels y = f(x), as GaussianRegression(10, 5)."
        check_class("task", self.task, AbstractTeacherTask, advice)
        check_count("num_teachers", self.num_teachers)
        check_seed("seed", self.seed)

    @property
    def noise_std(self) -> float | Array:
        """Label noise of the task."""
        return self.task.noise_std

    def sample_inputs(self, key: Key[Array, ""]) -> tuple[Float[Array, "n dx"], Float[Array, " dx"]]:
        return self.task.sample_inputs(key)

    def sample_teacher(self, key: Key[Array, ""]) -> PyTree:
        return self._teacher(jax.random.randint(key, (), 0, self.num_teachers))

    def label(self, teacher: PyTree, inputs: Float[Array, "m dx"]) -> Float[Array, "m dy"]:
        return self.task.label(teacher, inputs)

    def teachers(self) -> PyTree:
        """The whole pool, in order; every array gets a leading axis."""
        return jax.vmap(self._teacher)(jnp.arange(self.num_teachers))

    def _teacher(self, index: Int[Array, ""]) -> PyTree:
        return self.task.sample_teacher(jax.random.fold_in(seed_key(self.seed, impl=FAST), index))

    @classmethod
    def examples(cls) -> "tuple[TeacherPool, ...]":
        task = GaussianRegression(num_examples=3, dim_x=2, noise_std=0.5)
        return cls(task, num_teachers=3), cls(task, num_teachers=1000, seed=7)
