"""The numbers, one a seed, that the claims about softmax heads are judged by, and what is worth saying besides."""

import numpy as np

from mesascope.study.base import Arrays


def off_diagonal(matrices: np.ndarray) -> np.ndarray:
    """The entries off the diagonal [..., d^2 - d] of square matrices [..., d, d]."""
    return matrices[..., ~np.eye(matrices.shape[-1], dtype=bool)]


def cosine(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The cosine of the angle between vectors, along the last axis."""
    norms = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    return np.sum(first * second, axis=-1) / norms


def distance_from_identity(matrices: np.ndarray) -> np.ndarray:
    """|S - c I| / |S| (Frobenius), c the mean of S's diagonal: 0 for a multiple of the identity."""
    scale = np.trace(matrices, axis1=-2, axis2=-1) / matrices.shape[-1]
    rest = matrices - scale[..., None, None] * np.eye(matrices.shape[-1])
    return np.linalg.norm(rest, axis=(-2, -1)) / np.linalg.norm(matrices, axis=(-2, -1))


def per_seed(one: Arrays, two: Arrays) -> dict[str, np.ndarray]:
    """The number each claim is about, by the claim's id, for every seed."""
    rates, writes = two["rates"], two["writes"]
    return {
        "one-head": one["loss"][:, -1] / one["loss_gd"],
        "two-heads": two["loss"][:, -1] / two["loss_gd"] - 1,
        "centred-loss": np.abs(two["loss"][:, -1] / two["loss_centred"] - 1),
        "centred-cosine": two["cosine_centred"][:, -1],
        "centred-wins": two["cosine_centred"][:, -1] - two["cosine_gd"][:, -1],
        "opposite": np.abs(writes.sum(axis=1)) / np.abs(writes).sum(axis=1),
        "mirrored": cosine(off_diagonal(rates[:, 0]), off_diagonal(rates[:, 1])),
        "diagonal": distance_from_identity(rates.sum(axis=1)),
    }


def remarks(by_heads: dict[int, Arrays]) -> tuple[str, ...]:
    """What no claim is about: the losses, and the rates of two heads."""
    two = by_heads[2]
    means = np.trace(two["rates"], axis1=2, axis2=3) / two["rates"].shape[-1]
    rates = "; ".join(" and ".join(f"{rate:.3g}" for rate in of_seed) for of_seed in means)
    losses = (
        f"{num_heads} {', '.join(f'{loss:.4f}' for loss in arrays['loss'][:, -1])}"
        for num_heads, arrays in by_heads.items()
    )
    return (
        f"Losses at the end by number of heads, seed by seed: {'; '.join(losses)}.",
        f"Best gradient step {two['loss_gd']:.4f} (rate {two['rate_gd']:.4g}), best centred step "
        f"{two['loss_centred']:.4f} (rate {two['rate_centred']:.4g}); mean cosine between the two algorithms "
        f"{two['cosine_of_both']:.4f}.",
        f"The best single head whose W_KQ is b sqrt(k) I on x has loss {two['loss_smoother']:.4f}, at b = "
        f"{two['sharpness']:.3g}.",
        f"Mean learning rates of the two heads, seed by seed: {rates}; both together {means.sum(1).mean():.4g}.",
    )
