"""Windows of real text as sequences: a process over a fixed pool."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Key

from mesascope.data.orders import AbstractOrder, AsWritten, ShuffledInWindows, cut
from mesascope.data.sources import AbstractSource, KingJames, OwnText
from mesascope.data.words import Components, principal_components
from mesascope.prompt import Sequence
from mesascope.tasks._process import AbstractProcess
from mesascope.validation import check_class, check_count

HELD_OUT = 4  # one window in so many is none that training sees


class Pool(NamedTuple):
    """Windows to train on and windows held out, as rows of a table of states."""

    training: np.ndarray  # integers [windows t]
    held_out: np.ndarray
    components: Components


class TextWindows(AbstractProcess):
    """Windows of `num_states` tokens side by side, a state being the word's first `dim` principal components.

    Each draw is one of the windows that are not held out, all equally likely; every fourth window is held out. States
    are centred, with a mean squared norm of one (see `principal_components`). The text is read when it is first
    needed: ValueError where it is shorter than four windows, and what its source raises.
    """

    num_states: int = eqx.field(static=True, default=64)
    dim: int = eqx.field(static=True, default=8)
    order: AbstractOrder = AsWritten()
    source: AbstractSource = KingJames()

    def __check_init__(self):
        check_count("num_states", self.num_states, minimum=2)
        check_count("dim", self.dim)
        orders = ", ".join(f"{order.__name__}()" for order in AbstractOrder.__subclasses__())
        check_class("order", self.order, AbstractOrder, f"Those in mesascope.data.orders: {orders}.")
        check_class("source", self.source, AbstractSource, "A text of one's own: OwnText(text, words, vectors).")

    @property
    def dtype(self) -> jnp.dtype:
        """Of the states."""
        return jnp.result_type(float)

    def pool(self) -> Pool:
        """All windows, in this order, and the states of words."""
        text = self.source.read()
        windows = self.order.arrange(cut(text.rows, self.num_states, least=HELD_OUT))
        held_out = np.arange(len(windows)) % HELD_OUT == HELD_OUT - 1
        return Pool(windows[~held_out], windows[held_out], principal_components(text, self.dim))

    def training(self, num_windows: int) -> Sequence:
        """Of the windows that draws are from at most so many, evenly spread; states have a leading axis over them."""
        pool = self.pool()
        return self._spread(pool, pool.training, num_windows)

    def held_out(self, num_windows: int) -> Sequence:
        """The same of the windows that no draw is from."""
        pool = self.pool()
        return self._spread(pool, pool.held_out, num_windows)

    def draw(self, key: Key[Array, ""]) -> Int[Array, ""]:
        return jax.random.randint(key, (), 0, len(self.pool().training))

    def sequence(self, draws: Int[Array, ""]) -> Sequence:
        pool = self.pool()
        return Sequence(jnp.asarray(pool.components.table, self.dtype)[jnp.asarray(pool.training)[draws]])

    def _spread(self, pool: Pool, windows: np.ndarray, num_windows: int) -> Sequence:
        check_count("num_windows", num_windows)
        chosen = np.unique(np.linspace(0, len(windows) - 1, num_windows).round().astype(int))
        return jax.vmap(Sequence)(jnp.asarray(pool.components.table[windows[chosen]], self.dtype))

    @classmethod
    def examples(cls) -> "tuple[TextWindows, ...]":
        """Tiny instances for tests and documentation: a text of made-up words, none twice."""
        words = tuple(first + second for first in "abcdefgh" for second in "aeiouy")
        source = OwnText(" ".join(words), words, np.random.default_rng(0).normal(size=(len(words), 5)))
        return cls(6, 3, source=source), cls(4, 2, ShuffledInWindows(1), source)
