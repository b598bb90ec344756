"""Weights drawn anew: what an untrained copy of a model is made of."""

import numpy as np


def can_be_redrawn(weights: np.ndarray) -> bool:
    """Whether `redrawn` changes this array: it holds two values or more."""
    return weights.size > 0 and not np.all(weights == weights.flat[0])


def redrawn(weights: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Independent normals of mean zero and of the array's own mean square; complex where the array is.

    An array of one value throughout, as biases of zeros and scales of ones, stays as it is. This is no model's own
    initialisation: it keeps the size of each array and nothing else of it.
    """
    if not can_be_redrawn(weights):
        return weights
    rms = np.sqrt(np.mean(np.abs(weights) ** 2))
    if np.iscomplexobj(weights):
        parts = generator.standard_normal((2, *weights.shape)) / np.sqrt(2)
        return (rms * (parts[0] + 1j * parts[1])).astype(weights.dtype)
    return (rms * generator.standard_normal(weights.shape)).astype(weights.dtype)
