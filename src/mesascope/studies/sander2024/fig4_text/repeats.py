"""The statistic of windows of few tokens of figure 4 of Sander et al. 2024, and the repeats of tokens it counts."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from mesascope.data.orders import AsWritten, ShuffledThroughout, cut
from mesascope.data.sources import AbstractSource
from mesascope.study.cell import AbstractConfig, Arrays, Workspace

KINDS = ("text", "shuffled text")


class Repeats(NamedTuple):
    """Of every window, in order and from the shuffled text [seeds kinds windows], as in `KINDS`.

    The statistic's error with words' vectors and with `random` ones in their place; whether a token has two successors
    (`ambiguous`); which tokens are equal (`pattern`); how far `apart` the two successors are.
    """

    words: np.ndarray
    random: np.ndarray
    ambiguous: np.ndarray
    pattern: np.ndarray
    apart: np.ndarray


class RepeatsCell(AbstractConfig):
    """How many windows of `length` tokens each seed draws, in order and from the shuffled text."""

    source: AbstractSource
    num_short: int
    seeds: int
    first_seed: int
    length: int = 5

    def compute(self, workspace: Workspace) -> Arrays:
        """`Repeats`."""
        of_seeds = []
        for seed in range(self.first_seed, self.first_seed + self.seeds):
            of_seeds.append(self.of_seed(seed))
            workspace.report(seed - self.first_seed + 1, self.seeds, f"windows of {self.length} tokens")
        return Repeats(*(np.stack(each) for each in zip(*of_seeds, strict=True)))._asdict()

    def of_seed(self, seed: int) -> Repeats:
        """The same of one seed, without its axis."""
        text, generator = self.source.read(), np.random.default_rng(seed)
        words, random = unit(text.vectors), unit(generator.normal(size=text.vectors.shape))
        shuffled = ShuffledThroughout(seed).arrange(text.rows[None])[0]
        of_kinds = []
        for rows in (AsWritten().arrange(text.rows), shuffled):
            windows = cut(rows, self.length)
            size = min(self.num_short, len(windows))
            chosen = windows[generator.choice(len(windows), size, replace=False)]
            errors = rollout_errors(words[chosen]), rollout_errors(random[chosen])
            of_kinds.append((*errors, ambiguous(chosen), pattern(chosen), successors_apart(chosen, words)))
        return Repeats(*(np.stack(each) for each in zip(*of_kinds, strict=True)))


def unit(vectors: Float[np.ndarray, "*n e"]) -> Float[np.ndarray, "*n e"]:
    """Rows of norm one; a row of zeros stays."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(norms == 0, 1.0, norms)


def rollout_errors(windows: Float[np.ndarray, "n t d"]) -> Float[np.ndarray, " n"]:
    """The mean squared error, over states and entries, of s_1, A s_1, A^2 s_1, ... for every window.

    A is the least-squares fit of least norm to all pairs (s_t, s_{t+1}) of the window that it is then judged on.
    """
    inverse = np.linalg.pinv(windows[:, :-1], rcond=np.finfo(float).eps * max(windows.shape[1:]))
    forecast, errors = windows[:, 0], [np.zeros(windows[:, 0].shape)]
    for t in range(1, windows.shape[1]):
        forecast = np.einsum("nti,nt->ni", windows[:, 1:], np.einsum("ni,nit->nt", forecast, inverse))
        errors.append(forecast - windows[:, t])
    return np.mean(np.square(errors), axis=(0, 2))


def ambiguous(windows: Int[np.ndarray, "n t"]) -> Bool[np.ndarray, " n"]:
    """Whether some token of a window has two different successors."""
    return np.asarray(_conflicts(windows).any(axis=(1, 2)))


def successors_apart(windows: Int[np.ndarray, "n t"], vectors: Float[np.ndarray, "w e"]) -> Float[np.ndarray, " n"]:
    """|b - c|^2 between different successors b, c of one token, the mean over a window's; zero without any."""
    conflicts, after = _conflicts(windows), vectors[windows[:, 1:]]
    squares = np.sum((after[:, :, None] - after[:, None]) ** 2, axis=-1)
    return np.sum(squares * conflicts, axis=(1, 2)) / np.maximum(conflicts.sum(axis=(1, 2)), 1)


def _conflicts(windows: Int[np.ndarray, "n t"]) -> Bool[np.ndarray, "n u u"]:
    """Pairs of places of equal tokens with different successors."""
    now, after = windows[:, :-1], windows[:, 1:]
    return (now[:, :, None] == now[:, None]) & (after[:, :, None] != after[:, None])


def pattern(windows: Int[np.ndarray, "n t"]) -> Int[np.ndarray, " n"]:
    """Which tokens of a window are equal, as one number: the first place of each token, read as digits."""
    first = np.argmax(windows[:, :, None] == windows[:, None, :], axis=2)
    return first @ (windows.shape[1] ** np.arange(windows.shape[1])[::-1])
