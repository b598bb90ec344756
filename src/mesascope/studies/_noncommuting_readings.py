"""The numbers that claims on dynamics that commute or not are judged by."""

import numpy as np

from mesascope.stats import Estimate
from mesascope.studies._base import Arrays
from mesascope.studies._claim import Claim, Verdict
from mesascope.studies._turned_laws import HAAR, change_of_loss

Reading = float | Estimate | np.ndarray


def judged(claims: tuple[Claim, ...], laws: dict[str, Arrays], fixed: list[Arrays]) -> tuple[Verdict, ...]:
    """The verdict on every claim; of what is to hold at every law the worst seed decides."""
    found, always = readings(laws, fixed), at_every_law(laws)
    return tuple(
        claim.judge_every(always[claim.id]) if claim.id in always else _judge(claim, found[claim.id])
        for claim in claims
    )


def _judge(claim: Claim, reading: Reading) -> Verdict:
    if isinstance(reading, Estimate):
        return claim.judge_estimate(reading, "sequences")
    return claim.judge(reading) if isinstance(reading, np.ndarray) else claim.judge_exact(reading)


def readings(laws: dict[str, Arrays], fixed: list[Arrays]) -> dict[str, Reading]:
    """By claim one number, an estimate over sequences, or a number a seed [seeds], from `measure_layers` of all laws.

    `laws` are the turned ones, the least turned first, and Haar's; `fixed` are those with a fixed s_1.
    """
    turned = [of for name, of in laws.items() if name != HAAR]
    return {
        "invariant": change_of_loss(turned),
        "fixed": change_of_loss(fixed),
        "gain": Estimate(*turned[0]["gain"].tolist()),
        "haar-gain": Estimate(*laws[HAAR]["gain"].tolist()),
        "haar-ridge": Estimate(*laws[HAAR]["ridge"].tolist()),
        "planes": turned[0]["dense_loss"] / turned[0]["two"],
        **on_haar(laws[HAAR]),
    }


def on_haar(of: Arrays) -> dict[str, np.ndarray]:
    """By claim a number a seed [seeds]: dense layers against the two terms, and scalar layers against dense ones."""
    ratio = of["dense_second"] / of["dense_first"]
    return {
        "haar-step": of["dense_distance"],
        "haar-second": np.abs(ratio),
        "haar-predicted": np.abs(of["dense_loss"] / of["two"] - 1),
        "haar-ratio": np.abs(ratio / of["ratio"] - 1),
        "haar-rest": of["dense_rest"],
        "scalar": of["scalar_loss"] / of["dense_loss"] - 1,
    }


def at_every_law(laws: dict[str, Arrays]) -> dict[str, np.ndarray]:
    """By claim a number a seed [seeds], the largest over the laws that layers were trained on."""
    trained = {name: of for name, of in laws.items() if "scalar_loss" in of}
    second = {name: of["scalar_second"] / of["scalar_first"] for name, of in trained.items()}
    best = {name: of["six_second"] / of["six_first"] for name, of in trained.items()}
    by_law = {
        "scalar-step": [of["scalar_distance"] for of in trained.values()],
        "optimum": [of["scalar_loss"] / of["six_loss"] - 1 for of in trained.values()],
        "scalar-ratio": [np.abs(second[name] / of["ratio"] - 1) for name, of in trained.items()],
        "best-ratio": [np.abs(second[name] / best[name] - 1) for name in trained if name != HAAR],
        "scalar-rest": [of["scalar_rest"] for of in trained.values()],
        "dense-rest": [of["dense_rest"] for of in trained.values()],
    }
    return {claim: np.max(values, axis=0) for claim, values in by_law.items()}
