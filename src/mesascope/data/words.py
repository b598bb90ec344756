"""A text as tokens, and tokens as vectors."""

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

_TOKEN = re.compile(r"'s\b|[a-z]+|[.,;:?!()]")


class EmbeddedText(NamedTuple):
    """The tokens of a text as rows of a table of vectors, each row a word that occurs.

    `share_unknown` is the share of tokens left out, since they have no vector.
    """

    rows: np.ndarray  # integers [tokens]
    vectors: np.ndarray  # float64 [words e]
    share_unknown: float

    @property
    def num_tokens(self) -> int:
        """Number of tokens that have a vector."""
        return len(self.rows)


def tokenise(text: str) -> list[str]:
    """Words in lower case, `'s` apart as GloVe has it, and marks of punctuation; everything else separates."""
    return _TOKEN.findall(text.lower())


def embed(tokens: list[str], index: Mapping[str, int], vectors: np.ndarray) -> EmbeddedText:
    """Look up tokens: word w has the vector vectors[index[w]].

    Raises ValueError where no token has a vector, and where the vector of one is not finite.
    """
    known = np.array([index[token] for token in tokens if token in index], int)
    if not len(known):
        raise ValueError(f"`text` must have words that have vectors; got {len(tokens)} tokens, none of which has one.")
    used, rows = np.unique(known, return_inverse=True)
    table = np.asarray(vectors[used], float)
    broken = ~np.isfinite(table).all(axis=1)
    if broken.any():
        raise ValueError(f"`vectors` must be finite; those of {int(broken.sum())} of the text's words are not.")
    return EmbeddedText(rows.astype(np.int32), table, 1 - len(known) / len(tokens))


class Components(NamedTuple):
    """Coordinates of words along the principal components of a text."""

    table: np.ndarray  # float64 [words d]
    share_explained: float  # of the variance, over tokens


def principal_components(text: EmbeddedText, dim: int) -> Components:
    """The first `dim` coordinates, centred over tokens, scaled to a mean squared norm of one over tokens.

    Not whitened: coordinates keep their shares of the variance. Raises ValueError for more coordinates than a vector
    has, and where all tokens have the same vector.
    """
    if not 1 <= dim <= text.vectors.shape[1]:
        raise ValueError(f"`dim` must be between 1 and {text.vectors.shape[1]}, the size of a vector; got {dim}.")
    shares = np.bincount(text.rows, minlength=len(text.vectors)) / text.num_tokens
    centred = text.vectors - shares @ text.vectors
    values, directions = np.linalg.eigh(centred.T @ (shares[:, None] * centred))
    kept = values[::-1][:dim].sum()
    if not kept > 0:
        raise ValueError("`text` must have words of different vectors; all of its tokens have the same one.")
    signs = np.sign(directions.sum(axis=0))  # eigenvectors have none of their own
    coordinates = centred @ (directions * np.where(signs == 0, 1.0, signs))[:, ::-1][:, :dim]
    return Components(coordinates / np.sqrt(kept), float(kept / values.sum()))
