"""What claims on text are about: gains of forecasts in order, and what the statistic of few words keeps."""

from collections import Counter
from collections.abc import Callable

import numpy as np

from mesascope.stats import Estimate, bootstrap_interval
from mesascope.studies.sander2024.fig4_text.forecasts import FORECASTS, ORDERS, ForecastErrors
from mesascope.studies.sander2024.fig4_text.repeats import KINDS, Repeats
from mesascope.study.base import Readings

KEPT = 1e-12  # the mean squared error above which a window is kept
LEAST_ALIKE = 10  # windows of a pattern of repeats, below which it is not compared


def gains(forecasts: tuple[ForecastErrors, ...]) -> dict[str, Estimate]:
    """What is gained over other orders and forecasts, the worst or the best over sizes of states; windows are drawn."""

    def drawn(of: Callable[[np.ndarray], float], forecast: str, *orders: str) -> Estimate:
        """The interval of `of` AR(1)'s error as written over each of these."""
        pairs = [
            [each.of("as written", "ridge AR(1)"), each.of(order, forecast)] for each in forecasts for order in orders
        ]
        return bootstrap_interval(np.array(pairs).T, lambda errors: of(np.divide(*errors.mean(axis=0))))

    return {
        "order": drawn(lambda ratios: 1 - ratios.max(), "ridge AR(1)", "shuffled in windows"),
        "text": drawn(lambda ratios: 1 - ratios.max(), "ridge AR(1)", "shuffled throughout"),
        "small": drawn(lambda ratios: 1 - ratios.min(), "ridge AR(1)", "shuffled in windows", "shuffled throughout"),
        "mean": drawn(np.max, "mean", "as written"),
    }


def mean_errors(forecasts: tuple[ForecastErrors, ...]) -> Readings:
    """Numbers that no claim is about: every forecast's error by order, one a size of states."""
    means = np.stack([of.errors.mean(axis=0) for of in forecasts], axis=-1)
    return {
        "share of the variance, by d": np.stack([of.explained for of in forecasts]),
        **{
            f"error of {name}, {order}, by d": means[i, k]
            for i, order in enumerate(ORDERS)
            for k, name in enumerate(FORECASTS)
        },
    }


def kept_windows(repeats: Repeats) -> Readings:
    """What the statistic of windows of few words keeps, one number a seed."""
    of_seeds = [_of_seed(Repeats(*each)) for each in zip(*repeats, strict=True)]
    return {name: _masked([found[name] for found in of_seeds]) for name in of_seeds[0]}


def _of_seed(of: Repeats) -> dict[str, float | None]:
    """None where there is no window to speak of."""
    shares = np.mean(of.words > KEPT, axis=1) + np.where(np.isnan(of.words).any(axis=1), np.nan, 0.0)
    alike = alike_ratio(of)
    found = {
        "paper": ratio(of.words),
        "repeats": shares[0] / shares[1] if shares[1] else None,
        "alike": None if alike is None else abs(alike - 1),
        "errors kept, text / shuffled, repeats alike": alike,
        "errors kept, text / shuffled, random vectors": ratio(of.random),
    }
    for i, kind in enumerate(KINDS):
        found[f"share of windows kept, {kind}"] = shares[i]
        found[f"|b - c|^2 of a word's successors, {kind}"] = of.apart[i].sum() / max(of.ambiguous[i].sum(), 1)
    return found


def _masked(numbers: list[float | None]) -> np.ma.MaskedArray:
    missing = [number is None for number in numbers]
    return np.ma.masked_array([0.0 if number is None else number for number in numbers], missing)


def ratio(errors: np.ndarray) -> float | None:
    """The geometric mean of the text's errors kept over that of the shuffled text's [kinds windows], given both."""
    written, shuffled = map(kept, errors)
    return float(np.exp(np.log(written).mean() - np.log(shuffled).mean())) if written.size and shuffled.size else None


def alike_ratio(of: Repeats) -> float | None:
    """The ratio within each pattern that both have, averaged as often as it occurs in the text."""
    logs, counts = [], []
    for each in common_patterns(of):
        written, shuffled = (kept(errors[found == each]) for errors, found in zip(of.words, of.pattern, strict=True))
        logs.append(np.log(written).mean() - np.log(shuffled).mean())
        counts.append(len(written))
    return float(np.exp(np.average(logs, weights=counts))) if logs else None


def common_patterns(of: Repeats) -> list[int]:
    """The patterns of which both orders have windows enough that are kept [kinds windows]."""
    pairs = zip(of.words, of.pattern, strict=True)
    written, shuffled = (Counter(found[errors > KEPT].tolist()) for errors, found in pairs)
    return [each for each in sorted(written) if min(written[each], shuffled[each]) >= LEAST_ALIKE]


def kept(errors: np.ndarray) -> np.ndarray:
    """Those above the statistic's threshold."""
    return errors[errors > KEPT]
