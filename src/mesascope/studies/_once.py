"""Programs that run only once: compiling them fast matters more than how fast they are."""

from collections.abc import Callable

import jax
from jax.stages import Wrapped


def jit_once(function: Callable) -> Wrapped:
    """`function` compiled without optimisation."""
    return jax.jit(function, compiler_options={"xla_backend_optimization_level": 0})
