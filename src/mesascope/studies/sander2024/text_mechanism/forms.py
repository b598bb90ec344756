"""The forms that a layer on text is held against: figure 3's for the plain layer, least squares for its numbers."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from mesascope.prompt import Sequence
from mesascope.studies.sander2024._shared.text import targets


@jax.jit
def orthogonal_heads(tuning: Sequence, held_out: Sequence) -> Float[Array, "n t d"]:
    """What a layer of figure 3's form predicts of held-out windows, its numbers the best on windows to tune on.

    Its heads are orthogonal and its weights are on the last two states: a_i s_{T-1,i} s_{T,i}^2 + b_i s_{T-1,i}^3 for
    entry i, the 2 d numbers a, b free, where figure 3 has one ratio b_i / a_i for all i, -1/2.
    """
    terms, target = two_states(tuning), targets(tuning)
    gram = jnp.einsum("knti,lnti->ikl", terms, terms)
    overlap = jnp.einsum("knti,nti->ik", terms, target)
    numbers = jnp.linalg.solve(gram, overlap[..., None])[..., 0]
    return jnp.einsum("ik,knti->nti", numbers, two_states(held_out))


def two_states(windows: Sequence) -> Float[Array, "2 n t d"]:
    """s_{T-1} s_T^2 and s_{T-1}^3, entry by entry, for T = 2, ..., the last that has a next."""
    query, last = windows.states[:, :-2], windows.states[:, 1:-1]
    return jnp.stack([query * last**2, query**3])
