"""What layers of several heads reached, in numbers."""

from typing import NamedTuple

import numpy as np

from mesascope.studies.sander2024.fig7_heads.cells import LeastLosses
from mesascope.studies.sander2024.fig7_heads.terms import Terms
from mesascope.study.base import Readings


class Reached(NamedTuple):
    """On one process, losses [seeds states] by number of heads, where the token before the last asks and where the last
    does; and the least losses of two kinds of terms."""

    before: dict[int, np.ndarray]
    last: dict[int, np.ndarray]
    least: LeastLosses


class Summary(NamedTuple):
    """What was reached by dimension, the first of which has most trainings; where s_1 is uniform; and fits of terms."""

    by_dim: dict[int, Reached]
    uniform: Reached
    terms_last: Terms
    terms_before: Terms


def readings(summary: Summary) -> Readings:
    """The numbers that claims are about, one a seed; the losses that they compare."""
    (dim, here), terms = next(iter(summary.by_dim.items())), summary.terms_before
    before, last = (_means(losses) for losses in (here.before, here.last))
    heads, most = list(before), max(before)
    enough = next(each for each in heads if each > dim)
    by_size = np.stack([_means(summary.by_dim[each].before)[most] for each in sorted(summary.by_dim)])
    growth = by_size[:-1] / by_size[1:] if len(by_size) > 1 else np.ma.masked_all_like(by_size)
    none = np.abs(np.stack([summary.terms_last.pairs, summary.terms_last.plain]) - 1)
    two = np.append(np.zeros(terms.coefficients.shape[1] - 2), (-0.5, 1.0))
    uniform = _means(summary.uniform.last)
    return {
        "improves": before[enough] / before[1],
        "saturates": before[most] / before[enough],
        "dimension": growth.max(axis=0),
        "last-token": np.min(list(last.values()), axis=0),
        "before": before[most] / last[most],
        "uniform": uniform[most] / summary.uniform.least.linear.mean(),
        "no-term": none.max(axis=0),
        "biases": summary.terms_last.biased,
        "terms": np.abs(terms.coefficients - two).max(axis=1),
        **{f"loss of {count} heads, the token before asks": losses for count, losses in before.items()},
        **{f"loss of {count} heads, the last token asks": losses for count, losses in last.items()},
        **{f"loss of {count} heads, the last asks, s_1 uniform": losses for count, losses in uniform.items()},
        "least loss of one linear head": here.least.one_head.mean(),
        "least loss of constant weights": here.least.linear.mean(),
    }


def _means(losses: dict[int, np.ndarray]) -> dict[int, np.ndarray]:
    """Means over states, one a seed."""
    return {count: each.mean(axis=-1) for count, each in losses.items()}
