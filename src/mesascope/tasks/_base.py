"""What a task is: a distribution over prompts."""

from abc import abstractmethod
from typing import final

import equinox as eqx
import jax
from jaxtyping import Array, Float, Key, PyTree

from mesascope.prompt import Prompt
from mesascope.random import normal
from mesascope.validation import check_count, check_key


class AbstractTask(eqx.Module):
    """A distribution over prompts of one shape."""

    @property
    @abstractmethod
    def num_examples(self) -> int:
        """Number of examples before the query."""

    @property
    @abstractmethod
    def dim_x(self) -> int:
        """Size of an input."""

    @property
    @abstractmethod
    def dim_y(self) -> int:
        """Size of an output."""

    @abstractmethod
    def draw(self, key: Key[Array, ""]) -> PyTree[Array]:
        """Everything random about one prompt."""

    @abstractmethod
    def prompt(self, draws: PyTree[Array]) -> Prompt:
        """The prompt that `draw` has decided; a function without randomness."""

    @final
    def sample(self, key: Key[Array, ""]) -> Prompt:
        """Draw one prompt."""
        check_key("key", key)
        return self.prompt(self.draw(key))

    @final
    def sample_batch(self, key: Key[Array, ""], size: int) -> Prompt:
        """Draw `size` independent prompts; every field gets a leading axis."""
        check_count("size", size)
        check_key("key", key)
        return jax.vmap(self.sample)(jax.random.split(key, size))

    @classmethod
    @abstractmethod
    def examples(cls) -> "tuple[AbstractTask, ...]":
        """Tiny instances for tests and documentation."""


class AbstractWrapper(AbstractTask):
    """A task made of another one, `task`, whose sizes it keeps."""

    task: eqx.AbstractVar[AbstractTask]

    @property
    def num_examples(self) -> int:
        return self.task.num_examples

    @property
    def dim_x(self) -> int:
        return self.task.dim_x

    @property
    def dim_y(self) -> int:
        return self.task.dim_y


class AbstractTeacherTask(AbstractTask):
    """A task whose labels come from a teacher drawn anew for each prompt: y = f(x), plus noise on the examples.

    The two laws are separate methods so that a wrapper can change one of them and keep the other.
    """

    @property
    @abstractmethod
    def noise_std(self) -> float | Array:
        """Standard deviation of the noise on the examples' labels."""

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
    def draw(self, key: Key[Array, ""]) -> PyTree[Array]:
        inputs_key, teacher_key, noise_key = jax.random.split(key, 3)
        noiseless = isinstance(self.noise_std, (int, float)) and self.noise_std == 0
        noise = None if noiseless else normal(noise_key, (self.num_examples, self.dim_y))
        return self.sample_inputs(inputs_key), self.sample_teacher(teacher_key), noise

    @final
    def prompt(self, draws: PyTree[Array]) -> Prompt:
        (xs, query), teacher, noise = draws
        ys, target = self.label(teacher, xs), self.label(teacher, query[None, :])[0]
        return Prompt(xs, ys if noise is None else ys + self.noise_std * noise, query, target)
