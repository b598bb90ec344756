"""The numbers that claims on layers trained on text are about, and the losses that they compare."""

import numpy as np

from mesascope.stats import bootstrap_interval
from mesascope.studies.sander2024._shared.text import Rivals
from mesascope.studies.sander2024.text_mechanism.cells import TextLayers
from mesascope.studies.sander2024.text_mechanism.fits import Spectra, moduli
from mesascope.study.base import Readings

NAMES = Rivals("best gradient step", "ridge regression", "one matrix for all")


def readings(names: tuple[str, ...], layers: TextLayers, fits: Spectra) -> Readings:
    """Of layers one number a seed; of fits an interval over windows, or one number."""
    gain = 1 - layers.losses[0] / layers.losses[1]
    left = Rivals(*left_over(layers.cosine).T)
    return {
        "learns": layers.losses[0],
        "order": gain,
        "small": gain,
        "modulus": bootstrap_interval(ordered_less_shuffled(fits)),
        "positions": np.abs(layers.ratio + 0.5),
        "heads": layers.defect,
        "step": left.step,
        "step-part": left.step,
        "ridge-part": left.ridge,
        "nearer": left.ridge / left.step,
        **{f"loss, layers, {name}": losses for name, losses in zip(names, layers.losses, strict=True)},
        **{f"loss, {name}": loss for name, loss in zip(NAMES, layers.rival_losses, strict=True)},
        "coefficient of the best gradient step": layers.coefficient,
        "penalty of ridge regression": layers.penalty,
        "sum p_{T-1} / sum p_T": layers.ratio,
        **{f"cosine of f and g, {name}": each for name, each in zip(NAMES, layers.cosine.T, strict=True)},
        **{f"|f - g|^2 / |f|^2, {name}": each for name, each in zip(NAMES, layers.distance.T, strict=True)},
        **_of_fits(fits),
    }


def _of_fits(fits: Spectra) -> Readings:
    turning, angles = turns(fits.windows)
    windows, ridge, shuffled, together = (moduli(each).max(axis=-1).mean() for each in fits[:-1])
    return {
        "mean largest |eigenvalue|, least squares in a window": windows,
        "mean largest |eigenvalue|, words shuffled": shuffled,
        "mean largest |eigenvalue|, ridge regression in a window": ridge,
        "largest |eigenvalue|, one fit to all windows": together,
        "share of windows' eigenvalues that are real": 1 - turning.mean(),
        "median turn of the others, in pi a step": np.median(angles[turning]) / np.pi if turning.any() else np.nan,
    }


def turns(spectrum: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether an eigenvalue is not real, and its angle from 0 to pi [windows d]."""
    real, imaginary = np.moveaxis(spectrum, -1, 0)
    return np.abs(imaginary) > 1e-9, np.abs(np.arctan2(imaginary, real))


def left_over(cosine: np.ndarray) -> np.ndarray:
    """|f - a g|^2 / |f|^2 at the best a >= 0, from the cosine of f and g: one where zero is as near as any a g."""
    return 1 - np.maximum(cosine, 0.0) ** 2


def ordered_less_shuffled(fits: Spectra) -> np.ndarray:
    """The largest |eigenvalue| of every window, less that of the same window with its words shuffled [windows]."""
    return moduli(fits.windows).max(axis=-1) - moduli(fits.shuffled).max(axis=-1)
