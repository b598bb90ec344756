"""The layer of softmax heads of von Oswald et al. 2023, figure 11."""

from functools import partial
from typing import Any

from mesascope.models.attention import SoftmaxSelfAttention
from mesascope.models.transformer import Transformer


def softmax_heads(dim_x: int, num_heads: int, init_scale: float) -> partial:
    """What makes one layer of softmax heads, drawn as the authors' code draws them."""
    shape: dict[str, Any] = {"num_heads": num_heads, "attention": SoftmaxSelfAttention, "init_scale": init_scale}
    return partial(Transformer.initialise, dim_x, **shape)
