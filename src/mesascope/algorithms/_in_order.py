"""Learning from one example after the other."""

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Inexact

from mesascope.prompt import Prompt

State = TypeVar("State")
Absorb = Callable[[State, Inexact[Array, " dx"], Inexact[Array, " dy"]], State]


def in_order(absorb: Absorb, start: State, prompt: Prompt) -> State:
    """The state after absorb(state, x, y) for every example, first to last; padding leaves it as it is."""
    if prompt.mask is None:
        return lax.scan(lambda state, example: (absorb(state, *example), None), start, (prompt.xs, prompt.ys))[0]

    def absorb_seen(state, example):
        x, y, seen = example
        return jax.tree.map(lambda new, old: jnp.where(seen, new, old), absorb(state, x, y), state), None

    return lax.scan(absorb_seen, start, (prompt.xs, prompt.ys, prompt.mask))[0]
