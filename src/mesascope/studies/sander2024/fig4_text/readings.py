"""What the statistic of windows of few tokens keeps, and how the text's errors compare with shuffled ones'."""

from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from mesascope.studies.sander2024.fig4_text.repeats import KINDS
from mesascope.study.base import Arrays

KEPT = 1e-12  # the mean squared error above which a window is kept
LEAST_ALIKE = 10  # windows of a pattern of repeats, below which it is not compared


class Readings(NamedTuple):
    """Numbers of every seed [seeds]."""

    largest_exact: np.ndarray  # error of a window without a token of two successors
    misjudged: np.ndarray  # share of windows that are kept without such a token, or not kept with one
    differing: np.ndarray  # share of windows that words keep and random vectors do not, or the reverse
    ratio: np.ndarray  # geometric mean of the errors kept, as written / shuffled
    alike: np.ndarray  # the same where repeats are alike
    random_ratio: np.ndarray  # as `ratio`, of random vectors
    share_written: np.ndarray  # of windows kept
    share_shuffled: np.ndarray
    apart_written: np.ndarray  # mean squared distance of a token's two successors
    apart_shuffled: np.ndarray


def read(arrays: Arrays) -> Readings:
    """The numbers of what `measure_repeats` gives; nan where there is no window to speak of."""
    seeds = range(len(arrays["written_words"]))
    return Readings(*np.array([_of_seed({name: each[i] for name, each in arrays.items()}) for i in seeds]).T)


def _of_seed(of: Arrays) -> tuple[Any, ...]:
    words, random, marked = (
        np.concatenate([of[f"{kind}_{name}"] for kind in KINDS]) for name in ("words", "random", "ambiguous")
    )
    lost = np.nan if np.isnan(words).any() or np.isnan(random).any() else 0.0
    exact = words[~marked]
    return (
        exact.max() if exact.size else np.nan,
        np.mean((words > KEPT) != marked) + lost,
        np.mean((words > KEPT) != (random > KEPT)) + lost,
        _ratio(of, "words"),
        _alike(of),
        _ratio(of, "random"),
        *(np.mean(of[f"{kind}_words"] > KEPT) + lost for kind in KINDS),
        *(np.sum(of[f"{kind}_apart"]) / max(np.sum(of[f"{kind}_ambiguous"]), 1) for kind in KINDS),
    )


def _ratio(of: Arrays, vectors: str) -> float:
    written, shuffled = (kept(of[f"{kind}_{vectors}"]) for kind in KINDS)
    return np.exp(np.log(written).mean() - np.log(shuffled).mean()) if written.size and shuffled.size else np.nan


def _alike(of: Arrays) -> float:
    """The ratio within each pattern that both have, averaged as often as it occurs in the text."""
    logs, counts = [], []
    for each in common_patterns(of):
        written, shuffled = (kept(of[f"{kind}_words"][of[f"{kind}_pattern"] == each]) for kind in KINDS)
        logs.append(np.log(written).mean() - np.log(shuffled).mean())
        counts.append(len(written))
    return float(np.exp(np.average(logs, weights=counts))) if logs else np.nan


def common_patterns(of: Arrays) -> list[int]:
    """The patterns of which both orders have windows enough that are kept."""
    written, shuffled = (Counter(of[f"{kind}_pattern"][of[f"{kind}_words"] > KEPT].tolist()) for kind in KINDS)
    return [each for each in sorted(written) if min(written[each], shuffled[each]) >= LEAST_ALIKE]


def kept(errors: np.ndarray) -> np.ndarray:
    """Those above the statistic's threshold."""
    return errors[errors > KEPT]


def in_words(of: Readings) -> str:
    """What the statistic keeps, a sentence or two."""
    means = {name: values.mean() for name, values in of._asdict().items()}
    return (
        f"Windows of five tokens that the statistic keeps: {means['share_written']:.1%} of the text's, "
        f"{means['share_shuffled']:.1%} of shuffled ones. Geometric mean of errors kept, text / shuffled: "
        f"{means['ratio']:.3f}, with random vectors {means['random_ratio']:.3f}, where repeats are alike "
        f"{means['alike']:.3f}. A token's two successors are {means['apart_written']:.3f} apart (|b - c|^2), in "
        f"shuffled windows {means['apart_shuffled']:.3f}."
    )
