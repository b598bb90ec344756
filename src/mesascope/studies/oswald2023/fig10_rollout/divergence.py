"""Whether gradient descent diverges on a prompt, by its eigenvalues and without them."""

import numpy as np
from jaxtyping import Bool, Float


def largest_eigenvalues(xs: Float[np.ndarray, "prompts n dx"]) -> Float[np.ndarray, " prompts"]:
    """The largest eigenvalue of X^T X of each prompt."""
    return np.linalg.eigvalsh(xs.transpose(0, 2, 1) @ xs)[:, -1]


def diverges(
    step_size: float,
    xs: Float[np.ndarray, "prompts n dx"],
    ys: Float[np.ndarray, "prompts n dy"],
    num_doublings: int = 24,
) -> Bool[np.ndarray, " prompts"]:
    """Whether 2^num_doublings steps W <- W - step_size (W X^T - Y^T) X from zero leave a larger |Y - X W^T|.

    Larger than they found it: steps that expand no direction never do, so that a larger residual is proof of one that
    does. The steps are affine, (W, I) <- (W, I) [[I - step_size X^T X, 0], [step_size Y^T X, I]], and composed by
    squaring: no eigenvalue enters. A number beyond the range of floats is larger than any.
    """
    (num_prompts, _, dim_x), dim_y = xs.shape, ys.shape[2]
    steps = np.tile(np.eye(dim_x + dim_y), (num_prompts, 1, 1))
    steps[:, :dim_x, :dim_x] -= step_size * xs.transpose(0, 2, 1) @ xs
    steps[:, dim_x:, :dim_x] = step_size * ys.transpose(0, 2, 1) @ xs
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(num_doublings):
            steps = steps @ steps
        residuals = ys - xs @ steps[:, dim_x:, :dim_x].transpose(0, 2, 1)
        return ~(np.linalg.norm(residuals, axis=(1, 2)) <= np.linalg.norm(ys, axis=(1, 2)))
