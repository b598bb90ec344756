"""TODO"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mesascope.study.base import Arrays

if TYPE_CHECKING:
    pass


# What is read, in the words of a criterion: always the worst over noise levels, and over depths where there are more.
STEP_SIZE = "largest |learned step size / closed form - 1|"
LOSS = "largest |trained loss - loss of that step| / closed form"
DECAY = "largest relative change of the step size from one strength to the next"
BEATS = "largest trained loss / best GD loss"
GDPP = "largest |trained loss / best GD++ loss - 1|"
DEPTH = "largest excess over its loss / that of the depth before"
BAYES = "least z of the excess over its loss"
NEAR = "largest loss / its loss - 1 for noise variances of 0.25 and more"


def per_seed(levels: Arrays, decay: Arrays) -> dict[str, np.ndarray]:
    """The number each claim is about, by the claim's id, for every seed.

    Arrays of `levels` are [levels depths seeds], and [levels depths] for the algorithms.
    """
    loss, excess = levels["loss"], levels["excess"]
    one, deep = loss[:, 0], loss[:, 1:]
    descent, gdpp = (levels[f"{name}_loss"][:, 1:, None] for name in ("gd", "gdpp"))
    sizes = decay["decay_step_size"]
    noisy = levels["noise_variance"] >= 0.25
    towards = loss[noisy, -1] / levels["bayes_loss"][noisy, None] - 1
    return {
        "step-size": np.abs(levels["step_size"][:, 0] / levels["best_step_size"][:, None] - 1).max(axis=0),
        "loss": np.abs((one - levels["gd_loss"][:, :1]) / levels["best_loss"][:, None]).max(axis=0),
        "decay": (sizes[1:] / sizes[:-1] - 1).max(axis=0),
        "beats-gd": (deep / descent).max(axis=(0, 1)),
        "gdpp": np.abs(deep / gdpp - 1).max(axis=(0, 1)),
        "depth": (excess[:, 1:] / excess[:, :-1]).max(axis=(0, 1)),
        "bayes": (excess / levels["excess_error"]).min(axis=(0, 1)),
        "near-bayes": towards.max(axis=0, initial=-1.0) if noisy.any() else np.full(loss.shape[2], np.nan),
    }


def remarks(levels: Arrays, decay: Arrays, depths: Sequence[int], decays: Sequence[float]) -> tuple[str, ...]:
    """Rates and losses at every noise level and depth, and what weight decay does."""
    lines = []
    for i, variance in enumerate(levels["noise_variance"]):
        means = {name: levels[name][i].mean(axis=-1) for name in ("loss", "unmatched", "curvature", "label_match")}
        losses = "; ".join(
            f"depth {depth}: trained {means['loss'][k]:.4g}, GD {levels['gd_loss'][i, k]:.4g}, "
            f"GD++ {levels['gdpp_loss'][i, k]:.4g}"
            + (
                f", curvature {means['curvature'][k]:.3g} (GD++ {levels['gdpp_curvature'][i, k]:.3g}), "
                f"label entry of W_KQ {means['label_match'][k]:.2g}, loss without it {means['unmatched'][k]:.4g}"
                if depth > 1
                else ""
            )
            for k, depth in enumerate(depths)
        )
        lines.append(
            f"Noise variance {variance:g}: learned step size {levels['step_size'][i, 0].mean():.4g}, best "
            f"{levels['best_step_size'][i]:.4g}. Losses: {losses}; Bayes {levels['bayes_loss'][i]:.4g}."
        )
    sizes, losses = (decay[f"decay_{name}"].mean(axis=1) for name in ("step_size", "loss"))
    rows = zip(decays, sizes, losses, strict=True)
    pairs = ", ".join(f"{strength:g}: {size:.4g} ({loss:.4g})" for strength, size, loss in rows)
    return (*lines, f"Learned step size, and loss, by weight decay: {pairs}.")
