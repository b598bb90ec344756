"""TODO"""

from typing import NamedTuple

import numpy as np

from mesascope.studies.sander2024.fig7_heads.cells import name_of
from mesascope.study.base import Arrays


class Summary(NamedTuple):
    """What figures and verdicts are made from: losses [seeds, states] by training, and of the fits of terms [seeds]."""

    by_dim: dict[int, Arrays]  # the first dimension has most trainings
    uniform: Arrays  # where s_1 is
    terms: Arrays


def readings(summary: Summary, heads: tuple[int, ...], last: tuple[int, ...]) -> dict[str, np.ndarray]:
    """The numbers that claims are about, one a seed."""
    loss = {dim: {name: each.mean(axis=-1) for name, each in of.items()} for dim, of in summary.by_dim.items()}
    (dim, of), most, terms = next(iter(loss.items())), heads[-1], summary.terms
    enough = next(each for each in heads if each > dim)
    by_size = np.stack([loss[each][name_of(most, True)] for each in sorted(loss)])
    growth = by_size[:-1] / by_size[1:] if len(by_size) > 1 else np.full_like(by_size, np.nan)
    none = np.abs(np.stack([terms["last_pairs"], terms["last_plain"]]) - 1)
    two = np.append(np.zeros(terms["before_coefficients"].shape[1] - 2), (-0.5, 1.0))
    return {
        "improves": of[name_of(enough, True)] / of[name_of(1, True)],
        "saturates": of[name_of(most, True)] / of[name_of(enough, True)],
        "dimension": growth.max(axis=0),
        "last-token": np.min([of[name_of(each, False)] for each in last], axis=0),
        "before": of[name_of(most, True)] / of[name_of(most, False)],
        "uniform": summary.uniform[name_of(most, False)].mean(axis=-1) / summary.uniform["linear"].mean(),
        "no-term": none.max(axis=0),
        "biases": terms["last_biased"],
        "terms": np.abs(terms["before_coefficients"] - two).max(axis=1),
    }


def in_words(summary: Summary) -> tuple[str, ...]:
    """Mean losses of all seeds by which token asks and the number of heads, and of the fits of terms."""
    losses = (f"{name.replace('_', ', ')} {each.mean():.4f}" for name, each in summary.terms.items() if each.ndim == 1)
    return (
        *(_of_process(f"d = {dim}", of) for dim, of in summary.by_dim.items()),
        _of_process("s_1 uniform", summary.uniform),
        f"Least squares on terms, by which token asks: {'; '.join(losses)}.",
    )


def _of_process(name: str, of: Arrays) -> str:
    told = [name]
    for asks, text in (("before", "token before the last asks"), ("last", "last token asks")):
        counts = sorted(int(each.split("_")[1]) for each in of if each.startswith(f"{asks}_"))
        losses = [
            f"{count} heads {', '.join(f'{loss:.4f}' for loss in of[f'{asks}_{count}'].mean(axis=1))}"
            for count in counts
        ]
        told += [f"{text}, {', '.join(losses)}"] if losses else []
    best = f"best of one linear head {of['one_head'].mean():.4f}, of constant weights {of['linear'].mean():.4f}"
    return f"{'; '.join([*told, best])}."
