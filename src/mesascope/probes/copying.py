"""How much of its neighbours a layer writes into a token."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from mesascope.printing import in_short
from mesascope.validation import check_callable, check_states


class CopyingSensitivity(NamedTuple):
    """Norms of derivatives of a token after a layer, averaged over the tokens that have a next one."""

    own: Float[Array, ""]
    following: Float[Array, ""]
    others: Float[Array, ""]

    __repr__ = in_short


def copying_sensitivity(
    layer_fn: Callable[[Float[Array, "t d"]], Float[Array, "t k"]], tokens: Float[Array, "t d"]
) -> CopyingSensitivity:
    """|d layer_fn(tokens)_j / d tokens_i| (Frobenius) for i = j, for i = j + 1, and averaged over all other i.

    Averaged over j = 1, ..., t - 1 (von Oswald et al. 2023, figure 5). Their code counts token j + 1 among the
    others too, and takes the norm of the gradient of the sum of the output's entries, averaged over prompts first.
    A layer that leaves tokens as they are has own = sqrt(d). `others` is nan when there are fewer than 3 tokens.
    ValueError unless there are two tokens or more, and as many after the layer.
    """
    check_callable("layer_fn", layer_fn, 1, "It updates tokens: `lambda tokens: tokens + layer(tokens, tokens)`.")
    check_states("tokens", tokens)
    found = jax.eval_shape(layer_fn, tokens).shape
    if tokens.ndim != 2 or len(tokens) < 2 or len(found) != 2 or found[0] != len(tokens):
        raise ValueError(
            f"`tokens` must be two or more, [t d], and `layer_fn` must give as many; got {tokens.shape} and {found}."
        )
    jacobian = jax.jacrev(layer_fn)(tokens)
    norms = jnp.sqrt(jnp.sum(jacobian**2, axis=(1, 3)))[:-1]
    num_rows, num_tokens = norms.shape
    own, following = jnp.diagonal(norms), jnp.diagonal(norms, offset=1)
    others = (jnp.sum(norms, axis=1) - own - following) / (num_tokens - 2)
    return CopyingSensitivity(*(jnp.sum(each) / num_rows for each in (own, following, others)))
