"""Examples as one sequence of tokens, x and y in turn, with the query at its end."""

from collections.abc import Callable

import numpy as np


def interleaved(xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """The tokens x_1, y_1, ..., x_n, y_n [b 2n dx] of xs [b n dx] and ys [b n dy], labels zero-padded to `dim_x`.

    ValueError for labels that are larger than inputs.
    """
    missing = xs.shape[-1] - ys.shape[-1]
    if missing < 0:
        raise ValueError(
            f"`ys` must be no larger than inputs, to whose size they are padded; got {ys.shape[-1]} and "
            f"{xs.shape[-1]}. Pad the inputs with zeros."
        )
    padded = np.pad(ys, ((0, 0), (0, 0), (0, missing)))
    return np.stack([xs, padded], axis=2).reshape(len(xs), -1, xs.shape[-1])


def asked_last(
    ask: Callable[[np.ndarray, np.ndarray], np.ndarray],
    batch_size: int,
    xs: np.ndarray,
    ys: np.ndarray,
    queries: np.ndarray,
) -> np.ndarray:
    """`ask(xs [r n+1 dx], ys [r n+1 dy])` -> [r ...], a query a row at its end, with a label of zero: [b m ...].

    At most `batch_size` rows at once.
    """
    b, m, _ = queries.shape
    inputs = np.concatenate([np.repeat(xs, m, axis=0), queries.reshape(b * m, 1, -1)], axis=1)
    labels = np.pad(np.repeat(ys, m, axis=0), ((0, 0), (0, 1), (0, 0)))
    starts = range(0, b * m, batch_size)
    answers = [ask(inputs[i : i + batch_size], labels[i : i + batch_size]) for i in starts]
    return np.concatenate(answers).reshape(b, m, *answers[0].shape[1:])
