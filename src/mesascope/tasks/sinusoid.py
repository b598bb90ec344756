"""Sine waves of random amplitude and phase."""

import math
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from mesascope.tasks._base import AbstractTeacherTask
from mesascope.validation import check_count, check_non_negative, check_positive


class Sinusoid(AbstractTeacherTask):
    """y = a sin(x + p), with x, a and p uniform and independent.

    x is on [-input_scale, input_scale], a on [min_amplitude, max_amplitude], p on [0, pi]: the regression task of von
    Oswald et al. 2023, figure 4. Its text says a in [0.1, 5], its code draws from [0.1, 0.5], the default here. In the
    code a follows from p (see `TiedSinusoid`). Noise of standard deviation `noise_std` is added to the labels of the
    examples, never to the target.
    """

    num_examples: int = eqx.field(static=True, default=10)
    min_amplitude: float | Array = 0.1
    max_amplitude: float | Array = 0.5
    input_scale: float | Array = 5.0
    noise_std: float | Array = 0.0
    dim_x: ClassVar[int] = 1
    dim_y: ClassVar[int] = 1

    def __check_init__(self):
        check_count("num_examples", self.num_examples)
        check_non_negative("min_amplitude", self.min_amplitude)
        check_positive("max_amplitude", self.max_amplitude)
        check_positive("input_scale", self.input_scale)
        check_non_negative("noise_std", self.noise_std)
        ends = self.min_amplitude, self.max_amplitude
        if all(isinstance(end, (int, float)) for end in ends) and ends[0] > ends[1]:
            raise ValueError(f"`max_amplitude` must be at least {ends[0]}, the smallest amplitude; got {ends[1]}.")

    def sample_inputs(self, key: Key[Array, ""]) -> tuple[Float[Array, "n 1"], Float[Array, "1"]]:
        xs_key, query_key = jax.random.split(key)
        xs = jax.random.uniform(xs_key, (self.num_examples, 1), minval=-1.0)
        return self.input_scale * xs, self.input_scale * jax.random.uniform(query_key, (1,), minval=-1.0)

    def sample_teacher(self, key: Key[Array, ""]) -> tuple[Float[Array, ""], Float[Array, ""]]:
        amplitude_key, phase_key = jax.random.split(key)
        share = jax.random.uniform(amplitude_key)
        amplitude = self.min_amplitude + (self.max_amplitude - self.min_amplitude) * share
        return amplitude, math.pi * jax.random.uniform(phase_key)

    def label(
        self, teacher: tuple[Float[Array, ""], Float[Array, ""]], inputs: Float[Array, "m 1"]
    ) -> Float[Array, "m 1"]:
        amplitude, phase = teacher
        return amplitude * jnp.sin(inputs + phase)

    @classmethod
    def examples(cls) -> "tuple[Sinusoid, ...]":
        return cls(num_examples=3), cls(num_examples=4, max_amplitude=5.0, input_scale=2.0, noise_std=0.1)
