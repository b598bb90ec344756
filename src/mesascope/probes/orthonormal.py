"""Random changes of basis."""

import numpy as np
from jaxtyping import Inexact


def orthonormal(rng: np.random.Generator, dim: int, is_complex: bool, num: int) -> Inexact[np.ndarray, "num dim dim"]:
    """`num` orthogonal matrices, or unitary ones, from the Haar measure."""
    from scipy.stats import ortho_group, unitary_group  # here, since it takes a second to load

    drawn = (unitary_group if is_complex else ortho_group).rvs(dim, size=num, random_state=rng)
    return np.reshape(drawn, (num, dim, dim))  # of one matrix scipy gives no axis
