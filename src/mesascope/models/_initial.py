"""How weights are drawn before training."""

import jax
from jaxtyping import Array, Float, Key

TRUNCATED_NORMAL_STD = 0.8796256610342398  # of a standard normal cut off at two standard deviations


def scaled_normal(
    key: Key[Array, ""], shape: tuple[int, ...], *, fan_in: int, init_scale: float
) -> Float[Array, "..."]:
    """Normals of variance init_scale / fan_in, cut off at two standard deviations and rescaled to keep that variance.

    The variance-scaling initialiser of the authors' code (von Oswald et al. 2023, appendix A.12).
    """
    std = (init_scale / fan_in) ** 0.5 / TRUNCATED_NORMAL_STD
    return std * jax.random.truncated_normal(key, -2.0, 2.0, shape)
