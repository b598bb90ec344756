"""The numbers that claims on dynamics that commute or not are judged by."""

import numpy as np

from mesascope.stats import Estimate
from mesascope.studies.sander2024.noncommuting.cells import LAYERS
from mesascope.studies.sander2024.noncommuting.laws import HAAR, change_of_loss
from mesascope.study.base import Arrays
from mesascope.study.claim import Claim, Verdict


def in_words(name: str, of: Arrays) -> str:
    """The numbers of one law, a sentence."""
    losses = f"loss of one step {float(of['one']):.4f}, of two terms {float(of['two']):.4f}"
    six = f"of six scalars {float(of['six_loss']):.4f} with {float(of['six_first']):.4f}, {float(of['six_second']):.4f}"
    gain, ridge = ("{:.5f} [{:.5f}, {:.5f}]".format(*of[each]) for each in ("gain", "ridge"))
    text = f"{name}: commutator {float(of['commutator']):.2f}; {losses} with " + ", ".join(
        f"{coefficient:.4f}" for coefficient in of["two_coefficients"]
    )
    text += f", {six}, rest {float(of['six_rest']):.2f}; 1 - loss / two terms' {gain}"
    text += f", half way loss / two terms' - 1 {ridge}"
    for kind in LAYERS if "dense_loss" in of else ():
        losses = ", ".join(f"{loss:.4f}" for loss in of[f"{kind}_loss"])
        first, second = (of[f"{kind}_{each}"].mean() for each in ("first", "second"))
        distance = ", ".join(f"{each:.4f}" for each in of[f"{kind}_distance"])
        rest = ", ".join(f"{each:.2f}" for each in of[f"{kind}_rest"])
        text += f"; {kind} layers, by seed, {losses}, with {first:.4f}, {second:.4f} on average, {distance} from a step"
        text += f", rest {rest}"
    return f"{text}."


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
