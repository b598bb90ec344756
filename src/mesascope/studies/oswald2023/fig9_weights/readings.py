"""TODO"""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.study.base import Arrays

if TYPE_CHECKING:
    pass


def per_seed(summary: dict[int, Arrays]) -> dict[str, np.ndarray]:
    """The number each claim is about, by the claim's id, for every seed; of tied layers the worst depth's."""
    one = summary[1]
    tied = [arrays for depth, arrays in summary.items() if depth > 1]

    def off(arrays: Arrays, name: str) -> np.ndarray:
        return np.abs(arrays[name] / arrays[f"best_{name}"] - 1)

    def worst(numbers: list[np.ndarray]) -> np.ndarray:
        return np.max(numbers, axis=0)

    return {
        "one-read": one["read_distance"],
        "one-diagonal": one["read_spread"],
        "one-beside": one["read_beside"],
        "one-write": one["descent_distance"],
        "one-rate": off(one, "learning_rate"),
        "tied-read": worst([arrays["read_distance"] for arrays in tied]),
        "tied-beside": worst([arrays["read_beside"] for arrays in tied]),
        "tied-write": worst([arrays["gdpp_distance"] for arrays in tied]),
        "tied-not-descent": np.min([arrays["descent_distance"] for arrays in tied], axis=0),
        "tied-equal": worst([arrays["write_spread"] / np.abs(arrays["curvature"]) for arrays in tied]),
        "tied-curvature": worst([off(arrays, "curvature") for arrays in tied]),
        "tied-rate": worst([off(arrays, "learning_rate") for arrays in tied]),
    }


def remark(depth: int, arrays: Arrays) -> str:
    """The rates read off the weights, and what the last entry of W_KQ is."""
    curvature = f"curvature {arrays['curvature'].mean():.4g} (best {arrays['best_curvature']:.4g}), "
    return (
        f"Depth {depth}: learning rate {arrays['learning_rate'].mean():.4g} "
        f"(best {arrays['best_learning_rate']:.4g}), {curvature if depth > 1 else ''}"
        f"last diagonal entry of W_KQ at most {np.abs(arrays['read_last']).max():.2g}, "
        f"training loss {arrays['last_loss'].mean():.4g} (best {arrays['best_loss']:.4g})."
    )
