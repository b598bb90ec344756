"""The numbers that claims on layers trained on text are about, and the losses that they compare."""

import numpy as np

from mesascope.stats import bootstrap_interval
from mesascope.studies.sander2024.text_mechanism.cells import AUGMENTED, LAYERS, PLAIN, RIVALS, SHUFFLED, TextLayers
from mesascope.studies.sander2024.text_mechanism.fits import Spectra, moduli
from mesascope.study.base import Readings


def readings(layers: TextLayers, fits: Spectra) -> Readings:
    """Of layers one number a seed; of fits an interval over windows, or one number."""
    losses = dict(zip(LAYERS, layers.losses, strict=True))
    gains = [1 - losses[name] / losses[name + SHUFFLED] for name in (AUGMENTED, PLAIN)]
    augmented, plain = left_over(layers.augmented), left_over(layers.plain)
    step, ridge, _, form = range(len(RIVALS))
    return {
        "order": np.min(gains, axis=0),
        "small": np.max(gains, axis=0),
        "beats": losses[AUGMENTED] / layers.rival_losses[step],
        "step": augmented[:, step],
        "nearer": augmented[:, ridge] / augmented[:, step],
        "form": plain[:, form],
        "heads": layers.defect,
        "positions": np.abs(layers.ratio + 0.5),
        "modulus": bootstrap_interval(ordered_less_shuffled(fits)),
        **{f"loss, {name} layer": of_seeds for name, of_seeds in losses.items()},
        **{f"loss, {name}": loss for name, loss in zip(RIVALS, layers.rival_losses, strict=True)},
        "coefficient of the best gradient step": layers.coefficient,
        "penalty of ridge regression": layers.penalty,
        "sum p_{T-1} / sum p_T of the plain layer": layers.ratio,
        **{f"share of the augmented layer explained, {name}": 1 - augmented[:, i] for i, name in enumerate(RIVALS)},
        **{f"share of the plain layer explained, {name}": 1 - plain[:, i] for i, name in enumerate(RIVALS)},
        "share of the augmented layer explained, A2 and B1 alone": 1 - left_over(layers.own),
        **_of_fits(fits),
    }


def _of_fits(fits: Spectra) -> Readings:
    windows, shuffled, together = (moduli(each).max(axis=-1).mean() for each in fits)
    return {
        "mean largest |eigenvalue|, least squares in a window": windows,
        "mean largest |eigenvalue|, words shuffled": shuffled,
        "largest |eigenvalue|, one fit to all windows": together,
    }


def left_over(cosine: np.ndarray) -> np.ndarray:
    """|f - a g|^2 / |f|^2 at the best a >= 0, from the cosine of f and g: one where zero is as near as any a g."""
    return 1 - np.maximum(cosine, 0.0) ** 2


def ordered_less_shuffled(fits: Spectra) -> np.ndarray:
    """The largest |eigenvalue| of every window, less that of the same window with its words shuffled [windows]."""
    return moduli(fits.windows).max(axis=-1) - moduli(fits.shuffled).max(axis=-1)
