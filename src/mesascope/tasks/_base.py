"""What a task is: a distribution over prompts."""

from abc import abstractmethod
from typing import final

import equinox as eqx
import jax
from jaxtyping import Array, Float, Key, PyTree

from mesascope.prompt import Prompt
from mesascope.validation import check_count


class AbstractTask(eqx.Module):
    """A distribution over prompts of one shape."""

    num_examples: eqx.AbstractVar[int]
    dim_x: eqx.AbstractVar[int]
    dim_y: eqx.AbstractVar[int]

    @abstractmethod
    def sample(self, key: Key[Array, ""]) -> Prompt:
        """Draw one prompt."""

    @final
    def sample_batch(self, key: Key[Array, ""], size: int) -> Prompt:
        """Draw `size` independent prompts; every field gets a leading axis."""
        check_count("size", size)
        return jax.vmap(self.sample)(jax.random.split(key, size))

    @classmethod
    @abstractmethod
    def examples(cls) -> "tuple[AbstractTask, ...]":
        """Tiny instances for tests and documentation."""


class AbstractTeacherTask(AbstractTask):
    """A task whose labels come from a teacher drawn anew for each prompt: y = f(x), plus noise on the examples.

    The two laws are separate methods so that a wrapper can change one of them and keep the other.
    """

    noise_std: eqx.AbstractVar[float | Array]

    @abstractmethod
    def sample_inputs(self, key: Key[Array, ""]) -> tuple[Float[Array, "n dx"], Float[Array, " dx"]]:
        """Inputs of the examples, and the query."""

    @abstractmethod
    def sample_teacher(self, key: Key[Array, ""]) -> PyTree:
        """The parameters of f."""

    @abstractmethod
    def label(self, teacher: PyTree, inputs: Float[Array, "m dx"]) -> Float[Array, "m dy"]:
        """f at each row of `inputs`, without noise."""

    @final
    def sample(self, key: Key[Array, ""]) -> Prompt:
        inputs_key, teacher_key, noise_key = jax.random.split(key, 3)
        xs, query = self.sample_inputs(inputs_key)
        teacher = self.sample_teacher(teacher_key)
        ys, target = self.label(teacher, xs), self.label(teacher, query[None, :])[0]
        if not (isinstance(self.noise_std, (int, float)) and self.noise_std == 0):
            ys = ys + self.noise_std * jax.random.normal(noise_key, ys.shape, ys.dtype)
        return Prompt(xs, ys, query, target)
