"""Population losses of gradient descent on random linear regression tasks.

The tasks: inputs iid uniform on [-a, a]^d with a = `input_scale`, so of variance sigma^2 = a^2 / 3
and fourth moment 9/5 sigma^4; a teacher W [dim_y, d] of standard normal entries; N examples y = W x
plus noise of standard deviation s = `noise_std`; a query of the inputs' law, its target clean. The
loss is 1/2 |prediction - target|^2, summed over outputs, averaged over all that is random.

From zero, steps eta_k leave W_K - W = -W r(S) + E^T X q(S), where S = X^T X, E is the noise,
r(s) = prod_k (1 - eta_k s / N) and q(s) = (1 - r(s)) / s. Averaged over W, E and the query,

    loss = 1/2 sigma^2 dim_y E tr[r(S)^2 + s^2 S q(S)^2],

and only the spectrum of S is left. The setting is that of von Oswald et al. 2023, appendix A.12.
"""

from typing import NamedTuple

from mesascope.printing import in_short
from mesascope.validation import check_count, check_non_negative, check_positive, check_shape


class OneStepOptimum(NamedTuple):
    """The best step size of one step of gradient descent, and the population loss it reaches."""

    learning_rate: float
    loss: float

    __repr__ = in_short


def initial_loss(dim_x: int, input_scale: float, dim_y: int = 1) -> float:
    """The loss 1/2 sigma^2 d dim_y of predicting zero."""
    _check_task(1, dim_x, input_scale, 0.0, dim_y)
    return float(input_scale) ** 2 / 6 * dim_x * dim_y


def one_step_optimum(
    num_examples: int, dim_x: int, input_scale: float, noise_std: float = 0.0, dim_y: int = 1
) -> OneStepOptimum:
    """eta* = 1 / (sigma^2 c), loss* = 1/2 sigma^2 d dim_y (1 - 1/c).

    Here c = 1 + (d - 1/5) / N + s^2 / (N sigma^2): with E tr S = N d sigma^2 and E tr S^2 =
    d sigma^4 (N (N - 1) + N (d - 1 + 9/5)), the loss of one step is the parabola
    1/2 sigma^2 d dim_y (1 - 2 eta sigma^2 + eta^2 sigma^4 c).
    """
    _check_task(num_examples, dim_x, input_scale, noise_std, dim_y)
    variance = float(input_scale) ** 2 / 3
    excess = (dim_x - 0.2 + float(noise_std) ** 2 / variance) / num_examples  # c - 1
    loss = initial_loss(dim_x, input_scale, dim_y) * excess / (1 + excess)
    return OneStepOptimum(1 / (variance * (1 + excess)), loss)


def _check_task(num_examples, dim_x, input_scale, noise_std, dim_y) -> None:
    for name, count in (("num_examples", num_examples), ("dim_x", dim_x), ("dim_y", dim_y)):
        check_count(name, count)
    for name, value in (("input_scale", input_scale), ("noise_std", noise_std)):
        check_shape(name, value, ())
    check_positive("input_scale", input_scale)
    check_non_negative("noise_std", noise_std)
