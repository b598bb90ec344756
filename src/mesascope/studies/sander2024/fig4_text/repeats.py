"""The statistic of windows of few tokens of figure 4 of Sander et al. 2024, and the repeats of tokens it counts."""

from typing import NamedTuple

import numpy as np

from mesascope.data.orders import AsWritten, ShuffledThroughout, cut
from mesascope.data.sources import AbstractSource
from mesascope.study.base import Arrays, Workspace

LENGTH = 5  # tokens of a window
KINDS = ("written", "shuffled")


class RepeatsCell(NamedTuple):
    """How many windows of five tokens each seed draws, in order and from the shuffled text."""

    source: AbstractSource
    num_short: int
    seeds: int
    first_seed: int


def measure_repeats(cell: RepeatsCell, workspace: Workspace) -> Arrays:
    """Errors of windows, with words' vectors and with random ones in their place [seeds, windows], by order.

    `..._ambiguous` says whether a window has a token with two successors, `..._pattern` which of its tokens are equal,
    `..._apart` how far from each other the two successors are.
    """
    text = cell.source.read()
    of_seeds = []
    for seed in range(cell.first_seed, cell.first_seed + cell.seeds):
        generator = np.random.default_rng(seed)
        random = unit(generator.normal(size=text.vectors.shape))
        shuffled = ShuffledThroughout(seed).arrange(text.rows[None])[0]
        found = {}
        for kind, rows in zip(KINDS, (AsWritten().arrange(text.rows), shuffled), strict=True):
            windows = cut(rows, LENGTH)
            chosen = windows[generator.choice(len(windows), min(cell.num_short, len(windows)), replace=False)]
            found |= {
                f"{kind}_words": rollout_errors(unit(text.vectors)[chosen]),
                f"{kind}_random": rollout_errors(random[chosen]),
                f"{kind}_ambiguous": ambiguous(chosen),
                f"{kind}_pattern": pattern(chosen),
                f"{kind}_apart": successors_apart(chosen, unit(text.vectors)),
            }
        of_seeds.append(found)
        workspace.report(seed - cell.first_seed + 1, cell.seeds, "windows of five tokens")
    return {name: np.stack([found[name] for found in of_seeds]) for name in of_seeds[0]}


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows of norm one; a row of zeros stays."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(norms == 0, 1.0, norms)


def rollout_errors(windows: np.ndarray) -> np.ndarray:
    """The mean squared error, over states and entries, of s_1, A s_1, A^2 s_1, ... for windows [n t d].

    A is the least-squares fit of least norm to all pairs (s_t, s_{t+1}) of the window that it is then judged on.
    """
    inverse = np.linalg.pinv(windows[:, :-1], rcond=np.finfo(float).eps * max(windows.shape[1:]))
    forecast, errors = windows[:, 0], [np.zeros(windows[:, 0].shape)]
    for t in range(1, windows.shape[1]):
        forecast = np.einsum("nti,nt->ni", windows[:, 1:], np.einsum("ni,nit->nt", forecast, inverse))
        errors.append(forecast - windows[:, t])
    return np.mean(np.square(errors), axis=(0, 2))


def ambiguous(windows: np.ndarray) -> np.ndarray:
    """Whether some token of a window has two different successors [n]."""
    return np.asarray(_conflicts(windows).any(axis=(1, 2)))


def successors_apart(windows: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """|b - c|^2 between different successors b, c of one token, the mean over a window's; zero without any [n]."""
    conflicts, after = _conflicts(windows), vectors[windows[:, 1:]]
    squares = np.sum((after[:, :, None] - after[:, None]) ** 2, axis=-1)
    return np.sum(squares * conflicts, axis=(1, 2)) / np.maximum(conflicts.sum(axis=(1, 2)), 1)


def _conflicts(windows: np.ndarray) -> np.ndarray:
    """Pairs of places of equal tokens with different successors [n t t]."""
    now, after = windows[:, :-1], windows[:, 1:]
    return (now[:, :, None] == now[:, None]) & (after[:, :, None] != after[:, None])


def pattern(windows: np.ndarray) -> np.ndarray:
    """Which tokens of a window are equal, as one number [n]: the first place of each token, read as digits."""
    first = np.argmax(windows[:, :, None] == windows[:, None, :], axis=2)
    return first @ (windows.shape[1] ** np.arange(windows.shape[1])[::-1])
