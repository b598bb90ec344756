"""The weights that descent starts from."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Inexact

from mesascope.prompt import Prompt
from mesascope.validation import check_numbers


def check_start(initial_weights: Any) -> None:
    """Raise ValueError unless these are weights, or None, which means zero; what stands for arrays passes."""
    if isinstance(initial_weights, (np.ndarray, jax.Array, list, tuple, str, int, float)):
        check_numbers("initial_weights", initial_weights, "[dy dx]")


def start_for(initial_weights: Inexact[Array, "dy dx"] | None, prompt: Prompt) -> Inexact[Array, "dy dx"]:
    """The weights for a prompt of these sizes, complex where one of both is; ValueError for weights of other sizes."""
    shape = prompt.dim_y, prompt.dim_x
    if initial_weights is None:
        return jnp.zeros(shape, prompt.xs.dtype)
    if initial_weights.shape != shape:
        raise ValueError(
            f"`initial_weights` must have shape {shape}, outputs by inputs, for this prompt; "
            f"got {initial_weights.shape}."
        )
    return initial_weights.astype(np.promote_types(prompt.xs.dtype, initial_weights.dtype))
