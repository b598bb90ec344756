"""How close the products of one linear attention head are to a construction's.

The construction of gradient descent is W_KQ = diag(a I_x, 0) and P W_V = diag(0, c I_y), that of GD++ has
P W_V = diag(b I_x, c I_y) (von Oswald et al. 2023, proposition 1 and appendix A.10): each in the span of the two
identity blocks, whatever the sizes. The scales a, b and c are the algorithm's rates and count as no distance.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from mesascope.printing import in_short
from mesascope.validation import check_count


class DiagonalStructure(NamedTuple):
    """What stands on the diagonal of a product, and what stands beside it."""

    mean_x: Float[Array, ""]
    mean_y: Float[Array, ""]
    spread_x: Float[Array, ""]
    off_diagonal: Float[Array, ""]

    __repr__ = in_short


def identity_blocks(dim_x: int, dim_y: int) -> Float[Array, "2 d d"]:
    """diag(I_x, 0) and diag(0, I_y): what the products of the constructions are made of."""
    check_count("dim_x", dim_x)
    check_count("dim_y", dim_y)
    on_x = jnp.arange(dim_x + dim_y) < dim_x
    return jnp.stack([jnp.diag(on_x.astype(float)), jnp.diag((~on_x).astype(float))])


def fix_gauge(
    key_query: Float[Array, "d d"], output_value: Float[Array, "d d"], dim_x: int
) -> tuple[Float[Array, "d d"], Float[Array, "d d"]]:
    """The same map with W_KQ of mean one on the diagonal of x: (W_KQ / s, s P W_V).

    In this gauge P W_V holds the rates themselves: -curvature on x and -learning_rate / num_examples on y. Where the
    mean is zero there is no such gauge, and the products come back infinite or nan.
    """
    scale = jnp.diagonal(key_query)[:dim_x].mean()
    return key_query / scale, output_value * scale


def distance_to_span(
    product: Float[Array, "d d"], family: Float[Array, "members d d"], counted: Bool[Array, "d d"] | None = None
) -> Float[Array, ""]:
    """|M - nearest| / |M| in the Frobenius norm, the nearest matrix being of the span of `family`.

    The members must have no nonzero entry in common. The distance is the sine of the angle to the span: between 0 and
    1, blind to the scale of M and so to the gauge; nan where M is zero. Where only the entries `counted` matter to the
    layer's map, the others are left out of both norms.
    """
    if counted is not None:
        product, family = jnp.where(counted, product, 0.0), jnp.where(counted[None], family, 0.0)
    norms = jnp.linalg.norm(family, axis=(1, 2))
    units = family / jnp.where(norms == 0, 1.0, norms)[:, None, None]
    nearest = jnp.tensordot(jnp.tensordot(units, product, 2), units, 1)
    return jnp.linalg.norm(product - nearest) / jnp.linalg.norm(product)


def diagonal_structure(
    product: Float[Array, "d d"], dim_x: int, counted: Bool[Array, "d d"] | None = None
) -> DiagonalStructure:
    """The mean of the diagonal on x and on y, the largest deviation from the mean on x, the largest entry beside.

    In the units of `product`: fix the gauge first. Of what stands beside the diagonal only the entries `counted`, by
    default all of them, are looked at.
    """
    on_x, on_y = jnp.split(jnp.diagonal(product), [dim_x])
    beside = ~jnp.eye(len(product), dtype=bool)
    if counted is not None:
        beside = beside & counted
    return DiagonalStructure(
        on_x.mean(),
        on_y.mean(),
        jnp.abs(on_x - on_x.mean()).max(),
        jnp.where(beside, jnp.abs(product), 0.0).max(),
    )
