"""What is left of diagonal heads in dense ones, and the numbers of the claims about it."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Inexact

from mesascope.studies.sander2024._shared.last_weights import last_two, mean_of_ratios
from mesascope.study.base import Arrays
from mesascope.theory.dense_heads import visible_tensor

UNITARY, PAIRS, ROTATIONS = "unitary", "conjugate pairs", "rotations"
LAWS = {UNITARY: "unitary", PAIRS: "orthogonal", ROTATIONS: "orthogonal"}
ARRIVED = 1e-3  # a loss a position below which a seed counts as arrived


def read_tensors(mixing: Inexact[np.ndarray, "*n d d d d"], dynamics: str) -> Arrays:
    """How far K_{ij,kl} is from what diagonal heads make, and the same of the part that predictions depend on.

    `energy` is the part of |K|^2 off j = i, l = k. C_ik is K_{ii,kk}, and `defect` the norm of it off the diagonal, or,
    on pairs, off its blocks, over that of all. `visible` is K averaged over the exchange of key and value.
    """
    dim, found = mixing.shape[-1], {}
    same = np.eye(dim, dtype=bool)
    diagonal = same[:, :, None, None] & same[None, None, :, :]
    exchanged = diagonal | np.swapaxes(diagonal, 1, 3)
    blocks = same if dynamics == UNITARY else np.kron(np.eye(dim // 2), np.ones((2, 2))).astype(bool)
    for name, tensor, within in (
        ("", mixing, diagonal),
        ("visible_", np.asarray(visible_tensor(jnp.asarray(mixing))), exchanged),
    ):
        squares = np.abs(tensor) ** 2
        mixed = np.einsum("...iikk->...ik", tensor)
        size = np.linalg.norm(mixed, axis=(-2, -1))
        found |= {
            f"{name}energy": np.where(within, 0.0, squares).sum(axis=(-4, -3, -2, -1)) / squares.sum((-4, -3, -2, -1)),
            f"{name}defect": np.linalg.norm(np.where(blocks, 0.0, mixed), axis=(-2, -1)) / size,
            f"{name}mixing": np.abs(mixed) / np.abs(mixed).max(axis=(-2, -1), keepdims=True),
        }
    return found


def read_weights(weights: Float[np.ndarray, "*n t t"]) -> Arrays:
    """`ratio`, the mean over T = 3, 4, ... of p_{T-1} / p_T, and the largest other weight in terms of p_T."""
    queries = np.arange(1, weights.shape[-1] - 1)
    last = last_two(weights, first=3)[1]
    others = np.where(np.tri(*weights.shape[-2:], k=-1, dtype=bool), weights, 0.0)[..., queries, :]
    return {
        "ratio": mean_of_ratios(weights, first=3),
        "elsewhere": (np.abs(others).max(axis=-1) / np.abs(last)).max(axis=-1),
    }


def readings(trained: dict[str, Arrays], haar: Arrays, heads: tuple[int, ...], dim: int) -> dict[str, np.ndarray]:
    """The numbers of the claims: one over all seeds, or one for each, where W commute for each that arrived."""
    ends = {name: of["losses"][:, -1] for name, of in trained.items()}
    counts = np.array(heads)
    all_of, spare, half, fewer = counts == dim, counts > dim, 2 * counts == dim, (counts < dim) & (2 * counts > dim)

    def arrived(dynamics: str, reading: str, among: np.ndarray) -> np.ndarray:
        there = (ends[dynamics] <= ARRIVED) & among[None, :]
        return trained[dynamics][reading][there] if there.any() else np.array([np.nan])

    least = {name: dict(zip(heads, each.min(axis=0), strict=True)) for name, each in ends.items()}
    pairs = [least[name][h] / (dim - 2 * h) for name in (PAIRS, ROTATIONS) for h in heads if 2 * h < dim]
    return {
        "zero": np.asarray(np.max([np.median(each[:, all_of]) for each in ends.values()])),
        "floor": np.asarray(np.max([abs(least[UNITARY][h] / (dim - h) - 1) for h in heads if h < dim])),
        "pairs-floor": np.asarray(np.min(pairs)),
        "energy": arrived(UNITARY, "energy", all_of),
        "defect": arrived(UNITARY, "defect", all_of),
        "spare": arrived(UNITARY, "defect", spare),
        "visible": arrived(UNITARY, "visible_energy", all_of | spare),
        "visible-pairs": arrived(PAIRS, "visible_energy", all_of | spare),
        "ratio": np.abs(arrived(PAIRS, "ratio", half) + 0.5),
        "ratio-more": np.abs(arrived(PAIRS, "ratio", fewer) + 0.5),
        "basis": np.abs(arrived(ROTATIONS, "ratio", half) + 0.5),
        "basis-more": np.abs(arrived(ROTATIONS, "ratio", fewer) + 0.5),
        "undone": arrived(ROTATIONS, "energy", half | fewer),
        "haar-many": np.abs(haar[f"heads_{dim}"] / haar["floor"] - 1),
        "haar-one": np.abs(haar["heads_1"] / haar["floor"] - 1),
    }


def in_words(trained: dict[str, Arrays], haar: Arrays, heads: tuple[int, ...]) -> tuple[str, ...]:
    """Of every seed the loss a position, energies off the diagonal, all and visible, and the mean ratio: sentences."""
    of_haar = (f"{name} {', '.join(f'{loss:.4f}' for loss in each)}" for name, each in haar.items())
    told = []
    for name, of in trained.items():
        for i, count in enumerate(heads):
            numbers = (of["losses"][:, -1, i], of["energy"][:, i], of["visible_energy"][:, i], of["ratio"][:, i])
            texts = [", ".join(f"{each:.3g}" for each in values) for values in numbers]
            words = ("losses", "energies", "visible", "mean ratios")
            parts = (f"{word} {text}" for word, text in zip(words, texts, strict=True))
            there = f"{int(np.sum(of['losses'][:, -1, i] <= ARRIVED))} arrived"
            told.append(f"{name}, H = {count}: {there}; {'; '.join(parts)}.")
    return *told, f"Haar dynamics: {'; '.join(of_haar).replace('_', ' ')}."
