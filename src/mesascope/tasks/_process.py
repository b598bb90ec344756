"""What an autoregressive process is: a distribution over sequences."""

from abc import abstractmethod
from typing import ClassVar, final

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Inexact, Key, PyTree

from mesascope.prompt import Sequence
from mesascope.random import normal
from mesascope.tasks.initial_state import AbstractInitialState, Ones
from mesascope.validation import check_class, check_count, check_key, check_non_negative


class AbstractProcess(eqx.Module):
    """A distribution over sequences of one shape."""

    @property
    @abstractmethod
    def num_states(self) -> int:
        """Number of states in a sequence."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """Size of a state."""

    @abstractmethod
    def draw(self, key: Key[Array, ""]) -> PyTree[Array]:
        """Everything random about one sequence."""

    @abstractmethod
    def sequence(self, draws: PyTree[Array]) -> Sequence:
        """The sequence that `draw` has decided; a function without randomness."""

    @final
    def sample(self, key: Key[Array, ""]) -> Sequence:
        """Draw one sequence."""
        check_key("key", key)
        return self.sequence(self.draw(key))

    @final
    def sample_batch(self, key: Key[Array, ""], size: int) -> Sequence:
        """Draw `size` independent sequences; every field gets a leading axis."""
        check_count("size", size)
        check_key("key", key)
        return jax.vmap(self.sample)(jax.random.split(key, size))

    @classmethod
    @abstractmethod
    def examples(cls) -> "tuple[AbstractProcess, ...]":
        """Tiny instances for tests and documentation."""


class AbstractLinearProcess(AbstractProcess):
    """s_{t+1} = W s_t + noise, with a W of norm one drawn anew for each sequence.

    The noise has independent normal entries of standard deviation `noise_std` (of a complex entry, both parts
    together), and s_1 the law `initial`. The defaults are those of the experiments of Sander et al. 2024.
    """

    num_states: int = eqx.field(static=True, default=50)
    dim: int = eqx.field(static=True, default=5)
    initial: AbstractInitialState = Ones()
    noise_std: float | Array = 0.0

    is_complex: ClassVar[bool] = False

    def __check_init__(self):
        check_count("num_states", self.num_states, minimum=2)
        check_count("dim", self.dim)
        check_non_negative("noise_std", self.noise_std)
        laws = ", ".join(f"{law.__name__}()" for law in AbstractInitialState.__subclasses__())
        check_class("initial", self.initial, AbstractInitialState, f"Those in mesascope.tasks.initial_state: {laws}.")

    @abstractmethod
    def sample_dynamics(self, key: Key[Array, ""]) -> PyTree[Array]:
        """The parameters of W."""

    @abstractmethod
    def advance(self, dynamics: PyTree[Array], state: Inexact[Array, " d"]) -> Inexact[Array, " d"]:
        """W s."""

    @final
    def matrix(self, dynamics: PyTree[Array]) -> Inexact[Array, "d d"]:
        """W itself."""
        return jax.vmap(lambda unit: self.advance(dynamics, unit), out_axes=1)(jnp.eye(self.dim, dtype=self.dtype))

    @final
    @property
    def dtype(self) -> jnp.dtype:
        """Of the states."""
        return jnp.result_type(complex if self.is_complex else float)

    @final
    def draw(self, key: Key[Array, ""]) -> PyTree[Array]:
        dynamics_key, start_key, noise_key = jax.random.split(key, 3)
        noiseless = isinstance(self.noise_std, (int, float)) and self.noise_std == 0
        noise = None if noiseless else self._noise(noise_key)
        return self.sample_dynamics(dynamics_key), self.initial.sample(start_key, self.dim, self.is_complex), noise

    @final
    def sequence(self, draws: PyTree[Array]) -> Sequence:
        dynamics, start, noise = draws

        def step(state, noise):
            state = self.advance(dynamics, state)
            state = state if noise is None else state + self.noise_std * noise
            return state, state

        # The second state outside the loop: unlike the first, it always differs from seed to seed, as a carry must.
        early, late = (None, None) if noise is None else (noise[0], noise[1:])
        second, _ = step(start, early)
        _, later = lax.scan(step, second, late, length=self.num_states - 2)
        return Sequence(jnp.concatenate([start[None], second[None], later]))

    def _noise(self, key: Key[Array, ""]) -> Inexact[Array, "t d"]:
        shape = (self.num_states - 1, self.dim)
        if not self.is_complex:
            return normal(key, shape)
        real, imaginary = normal(key, (2, *shape)) * 0.5**0.5
        return lax.complex(real, imaginary)
