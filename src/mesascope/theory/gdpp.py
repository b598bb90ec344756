"""GD++ on least squares as a filter of the eigenvalues s of the scatter matrix S = X^T X.

Every step k of GD++ takes rate_k = learning_rate_k / N on half the summed squared error and maps the data by
I - curvature_k S_k (von Oswald et al. 2023, appendix A.10). All S_k are polynomials in S; on an eigenvalue

    s_0 = s,  s_{k+1} = s_k (1 - curvature_k s_k)^2,  r(s) = prod_k (1 - rate_k s_k),  q(s) = (1 - r(s)) / s.

The error of the weights is the teacher filtered by r, of degree (3^K - 1) / 2 in s after K steps, plus the label noise
filtered by the polynomial q: for the tasks of `linear_regression`

    loss = 1/2 sigma^2 dim_y E tr[r(S)^2 + noise_std^2 S q(S)^2],

as for gradient descent, which is curvature 0. Nothing here bounds a loss: a polynomial of degree 121 (K = 5) that is
small where eigenvalues usually lie is astronomical soon beyond, and a mean over few spectra does not see it.
"""

import math

import numpy as np

from mesascope.theory.spectrum import sample_spectra
from mesascope.validation import check_count, check_positive, check_shape


def effective_eigenvalue(eigenvalue: np.ndarray, curvature: float) -> np.ndarray:
    """l (1 - curvature l)^2: what one step makes of an eigenvalue l of the Hessian H.

    The Hessian of the transformed data is (I - curvature H) H (I - curvature H), with H = S (appendix A.10).
    """
    return eigenvalue * (1 - curvature * eigenvalue) ** 2


def best_conditioning(smallest: float, largest: float) -> float:
    """The curvature up to 1 / largest that minimises max / min over all that eigenvalues in between are mapped to.

    1 / (largest + sqrt(largest smallest) + smallest), where both ends are mapped to one value. The peak is between
    them, since 3 smallest <= largest + sqrt(largest smallest) + smallest <= 3 largest, and all eigenvalues between are
    mapped higher than the ends, since the double root 1 / curvature lies beyond. With less curvature the ratio is the
    peak, or the image of `largest`, over the image of `smallest`, and falls as the curvature grows; with more it is the
    peak, or the image of `smallest`, over the image of `largest`, and rises.

    Raises ValueError unless 0 < smallest <= largest.
    """
    check_positive("smallest", smallest)
    check_positive("largest", largest)
    if smallest > largest:
        raise ValueError(f"`largest` must be at least `smallest`, {smallest!r}; got {largest!r}. Swap them.")
    return 1 / (largest + math.sqrt(largest * smallest) + smallest)


def chebyshev_rates(num_steps: int, largest: float) -> np.ndarray:
    """rate_k = curvature_k = 4 9^k / (3 largest): the residual filter is then a Chebyshev polynomial.

    With s = largest sin(t)^2 each step triples the angle, sin(3 t) = 3 sin(t) (1 - 4/3 sin(t)^2), so that

        r(s) = sin(3^K t) / (3^K sin(t)),  |r(s)| <= 3^-K sqrt(largest / s) for 0 < s <= largest.

    Derived here, not in the paper. Beyond `largest` the filter explodes.
    """
    check_count("num_steps", num_steps)
    check_positive("largest", largest)
    return 4 / (3 * float(largest)) * 9.0 ** np.arange(num_steps)


def drawn_spectra(num_examples: int, dim_x: int, input_scale: float, num_samples: int, seed: int) -> np.ndarray:
    """Eigenvalues [num_samples, dim_x] of S for inputs uniform on [-input_scale, input_scale]."""
    for name, count in (("num_examples", num_examples), ("dim_x", dim_x)):
        check_count(name, count)
    check_count("num_samples", num_samples, minimum=2)
    check_count("seed", seed, minimum=0)
    check_shape("input_scale", input_scale, ())
    check_positive("input_scale", input_scale)
    unit = np.concatenate(list(sample_spectra(num_examples, dim_x, num_samples, seed)))
    return float(input_scale) ** 2 * np.maximum(unit, 0.0)  # rounding makes tiny eigenvalues negative
