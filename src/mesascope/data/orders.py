"""Orders of a text's tokens: as written, and the shuffles it is held against."""

from abc import abstractmethod

import equinox as eqx
import numpy as np

from mesascope.validation import check_count


class AbstractOrder(eqx.Module):
    """A rule that arranges the tokens of windows."""

    @abstractmethod
    def arrange(self, windows: np.ndarray) -> np.ndarray:
        """Tokens [windows t], as written, in this order."""


class AsWritten(AbstractOrder):
    """The text itself."""

    def arrange(self, windows: np.ndarray) -> np.ndarray:
        return windows


class ShuffledInWindows(AbstractOrder):
    """Every window keeps its tokens, in random order: what it is about stays, how it goes on does not."""

    seed: int = 0

    def __check_init__(self):
        check_count("seed", self.seed, minimum=0)

    def arrange(self, windows: np.ndarray) -> np.ndarray:
        return np.random.default_rng(self.seed).permuted(windows, axis=1)


class ShuffledThroughout(AbstractOrder):
    """All tokens of all windows in random order: only how often each occurs stays."""

    seed: int = 0

    def __check_init__(self):
        check_count("seed", self.seed, minimum=0)

    def arrange(self, windows: np.ndarray) -> np.ndarray:
        return np.random.default_rng(self.seed).permutation(windows.ravel()).reshape(windows.shape)


def cut(rows: np.ndarray, length: int, least: int = 1) -> np.ndarray:
    """Windows [windows length] of tokens side by side, what is left at the end dropped.

    Raises ValueError for a text too short for `least` windows.
    """
    check_count("length", length)
    if len(rows) < least * length:
        raise ValueError(
            f"`text` must have at least {least * length} tokens, for {least} windows of {length}; got {len(rows)}."
        )
    return rows[: len(rows) // length * length].reshape(-1, length)
