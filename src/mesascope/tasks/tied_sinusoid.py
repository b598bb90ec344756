"""Sine waves whose amplitude follows from their phase."""

import math

import jax
from jaxtyping import Array, Float, Key

from mesascope.tasks._base import AbstractTeacherTask, AbstractWrapper
from mesascope.tasks.sinusoid import Sinusoid
from mesascope.validation import check_class


class TiedSinusoid(AbstractWrapper, AbstractTeacherTask):
    """The waves of `task` with a = a_min + (a_max - a_min) p / pi: y = a sin(x + p) has one parameter, the phase p.

    The authors' code of von Oswald et al. 2023, figure 4, draws amplitude and phase from one random key. Both are then
    the same number between their bounds; at the code's bounds a = 0.1 + 0.4 p / pi. The text does not say it.
    """

    task: Sinusoid = Sinusoid()

    def __check_init__(self):
        check_class("task", self.task, Sinusoid, "Its amplitude is tied to its phase: take one, as Sinusoid().")

    @property
    def noise_std(self) -> float | Array:
        return self.task.noise_std

    def sample_inputs(self, key: Key[Array, ""]) -> tuple[Float[Array, "n 1"], Float[Array, "1"]]:
        return self.task.sample_inputs(key)

    def sample_teacher(self, key: Key[Array, ""]) -> tuple[Float[Array, ""], Float[Array, ""]]:
        share, (low, high) = jax.random.uniform(key), (self.task.min_amplitude, self.task.max_amplitude)
        return low + (high - low) * share, math.pi * share

    def label(
        self, teacher: tuple[Float[Array, ""], Float[Array, ""]], inputs: Float[Array, "m 1"]
    ) -> Float[Array, "m 1"]:
        return self.task.label(teacher, inputs)

    @classmethod
    def examples(cls) -> "tuple[TiedSinusoid, ...]":
        return (cls(Sinusoid(num_examples=3)), cls(Sinusoid(num_examples=4, max_amplitude=5.0, noise_std=0.1)))
