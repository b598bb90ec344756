"""Out-of-distribution versions of a task: other input laws and scales, other teacher scales."""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PyTree

from mesascope.tasks._base import AbstractTeacherTask, AbstractWrapper
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.validation import check_class, check_positive


class AbstractInputLaw(eqx.Module):
    """A law of one input coordinate, all coordinates independent."""

    @abstractmethod
    def draw(self, key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
        """Independent draws."""


class Normal(AbstractInputLaw):
    """The standard normal law."""

    def draw(self, key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
        return jax.random.normal(key, shape)


class Exponential(AbstractInputLaw):
    """The exponential law of rate 1; not centred."""

    def draw(self, key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
        return jax.random.exponential(key, shape)


class Laplace(AbstractInputLaw):
    """The Laplace law of scale 1."""

    def draw(self, key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
        return jax.random.laplace(key, shape)


class Shifted(AbstractWrapper, AbstractTeacherTask):
    """`task` with its inputs times `input_scale` and its labels times `weight_scale`; `input_law` replaces the inputs.

    Inputs of a law are divided by the Frobenius norm of the prompt's example matrix, the query too, before
    they are scaled. So the authors' code does (von Oswald et al. 2023, the out-of-distribution test); the text
    does not say it. At scale 1 an input then has a squared norm near 1 / num_examples: prompts with small inputs.
    """

    task: AbstractTeacherTask
    input_scale: float | Array = 1.0
    weight_scale: float | Array = 1.0
    input_law: AbstractInputLaw | None = None

    def __check_init__(self):
        check_class("task", self.task, AbstractTeacherTask, "One of labels y = f(x), as LinearRegression(10, 10).")
        if self.input_law is not None:
            check_class("input_law", self.input_law, AbstractInputLaw, "Normal(), Exponential() or Laplace().")
        check_positive("input_scale", self.input_scale)
        check_positive("weight_scale", self.weight_scale)

    @property
    def noise_std(self) -> float | Array:
        """Label noise of the task; not scaled."""
        return self.task.noise_std

    def sample_inputs(self, key: Key[Array, ""]) -> tuple[Float[Array, "n dx"], Float[Array, " dx"]]:
        if self.input_law is None:
            xs, query = self.task.sample_inputs(key)
        else:
            inputs = self.input_law.draw(key, (self.num_examples + 1, self.dim_x))
            inputs = inputs / jnp.linalg.norm(inputs[:-1])
            xs, query = inputs[:-1], inputs[-1]
        return self.input_scale * xs, self.input_scale * query

    def sample_teacher(self, key: Key[Array, ""]) -> PyTree:
        return self.task.sample_teacher(key)

    def label(self, teacher: PyTree, inputs: Float[Array, "m dx"]) -> Float[Array, "m dy"]:
        return self.weight_scale * self.task.label(teacher, inputs)

    @classmethod
    def examples(cls) -> "tuple[Shifted, ...]":
        task = LinearRegression(num_examples=3, dim_x=2)
        laws = (Normal(), Exponential(), Laplace())
        return (
            cls(task, input_scale=2.0),
            cls(task, weight_scale=3.0),
            *(cls(task, input_law=law) for law in laws),
        )
