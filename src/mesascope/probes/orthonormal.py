"""Random changes of basis."""

import numpy as np
from jaxtyping import Inexact


def orthonormal(rng: np.random.Generator, dim: int, is_complex: bool, num: int) -> Inexact[np.ndarray, "num dim dim"]:
    """`num` orthogonal matrices, or unitary ones, from the Haar measure."""
    if dim == 1:  # of which scipy knows none
        phases = np.exp(2j * np.pi * rng.random((num, 1, 1))) if is_complex else rng.choice([-1.0, 1.0], (num, 1, 1))
        return phases
    from scipy.stats import ortho_group, unitary_group  # here, since it takes a second to load

    drawn = (unitary_group if is_complex else ortho_group).rvs(dim, size=num, random_state=rng)
    return np.reshape(drawn, (num, dim, dim))
