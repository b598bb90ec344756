"""What layers of several heads reached, in numbers."""

from typing import NamedTuple

import numpy as np

from mesascope.study.base import Readings

QUERIES = {"last": "query e_T", "before": "query e_{T-1}"}


class Summary(NamedTuple):
    """Losses [seeds states] of trained layers, and [states] of the best constant weights.

    `by_heads`: the last token is the query, s_1 is fixed. `compared`: with `num_compared` heads by the query, the token
    that is "last" or the one "before", and by what s_1 is, "fixed" or "random". `constant` by the latter.
    """

    by_heads: dict[int, np.ndarray]
    num_compared: int
    compared: dict[tuple[str, str], np.ndarray]
    constant: dict[str, np.ndarray]


def readings(summary: Summary) -> Readings:
    """The numbers that claims are about, one a seed; the losses that they compare."""
    by_heads = {count: losses.mean(axis=-1) for count, losses in summary.by_heads.items()}
    compared = {which: losses.mean(axis=-1) for which, losses in summary.compared.items()}
    enough, most = by_heads[summary.num_compared], by_heads[max(by_heads)]
    random = compared["last", "random"]
    return {
        "improves": most / by_heads[1],
        "saturates": most / enough if max(by_heads) > summary.num_compared else np.ma.masked_all_like(most),
        "uniform": random / summary.constant["random"].mean(),
        "before": compared["before", "random"] / random,
        "known": compared["last", "fixed"] / random,
        **{f"loss of {count} heads": losses for count, losses in by_heads.items()},
        **{
            f"loss of {summary.num_compared} heads, {QUERIES[query]}, s_1 {start}": losses
            for (query, start), losses in compared.items()
        },
        **{f"loss of the best constant weights, s_1 {start}": of.mean() for start, of in summary.constant.items()},
    }
