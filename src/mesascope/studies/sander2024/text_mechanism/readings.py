"""TODO"""

import numpy as np

from mesascope.studies.sander2024.text_mechanism.fits import moduli
from mesascope.study.base import Arrays


def left_over(cosine: np.ndarray) -> np.ndarray:
    """|f - a g|^2 / |f|^2 at the best a >= 0, from the cosine of f and g: one where zero is as near as any a g."""
    return 1 - np.maximum(cosine, 0.0) ** 2


def in_words(names: tuple[str, ...], layers: Arrays, fits: Arrays) -> tuple[str, ...]:
    """Losses, readings and eigenvalues, a sentence each."""

    def listed(name: str) -> str:
        return ", ".join(f"{each:.4g}" for each in layers[name])

    losses = "; ".join(f"{name}: {listed(f'loss_{k}')}" for k, name in enumerate(names))
    largest = {name: moduli(fits[name]).max(axis=-1).mean() for name in ("windows", "ridge", "shuffled", "together")}
    real, imaginary = np.moveaxis(fits["windows"], -1, 0)
    turning, angles = np.abs(imaginary) > 1e-9, np.abs(np.arctan2(imaginary, real))
    median = np.median(angles[turning]) / np.pi if turning.any() else np.nan
    return (
        f"Losses by seed, {losses}; best gradient step {float(layers['step']):.4f} (c = "
        f"{float(layers['coefficient']):.4f}), ridge {float(layers['ridge']):.4f}, one matrix for all windows "
        f"{float(layers['common']):.4f}.",
        f"Diagonal heads by seed: sum p_{{T-1}} / sum p_T {listed('ratio')}; |off-diagonal C| / |C| "
        f"{listed('defect')}.",
        f"Cosine of the layer's predictions f with a rival's g, and |f - g|^2 / |f|^2 as g is, by seed: step "
        f"{listed('cosine_step')} and {listed('distance_step')}; ridge {listed('cosine_ridge')} and "
        f"{listed('distance_ridge')}; one matrix {listed('cosine_common')} and {listed('distance_common')}.",
        f"Largest |eigenvalue|, mean over windows: of least squares {largest['windows']:.3f}, with words shuffled "
        f"{largest['shuffled']:.3f}, of ridge regression (penalty {float(fits['penalty']):.3g}) "
        f"{largest['ridge']:.3f}; of one fit to all windows {largest['together']:.3f}. Of windows' eigenvalues "
        f"{1 - turning.mean():.1%} are real; others turn by "
        f"{median:.2f} pi a step in the median.",
    )
