"""The numbers, one a seed, that the claims about one trained layer are judged by."""

from collections.abc import Iterable

import numpy as np

from mesascope.studies.oswald2023._shared.plateau_ends import plateau_ends
from mesascope.studies.oswald2023._shared.shifts import INPUT_LAWS
from mesascope.study.base import Arrays
from mesascope.theory.linear_regression import OneStepOptimum

INPUT_SCALES = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
NEAR, FAR = (0.5, 1.0, 1.25), (1.5, 2.0)  # the input scales the claims speak of
WEIGHT_SCALES = (1.0, 2.0, 3.0)
ENDS = ("trained", "gradient_descent")

# What is read, in the words of a criterion.
GAP = "|trained loss / GD loss - 1|"
WORST_GAP = f"largest {GAP}"
HALFWAY = "largest |halfway loss / loss of either end - 1|"
COSINE = "mean cosine between the sensitivities"
PREDICTION, SENSITIVITY = "mean distance of the predictions", "mean distance of the sensitivities"
STEP_SIZE = "|learned step size / closed form - 1|"
CHANGE = "largest relative change in one step"


def per_seed(main: Arrays, best_step_size: float) -> dict[str, np.ndarray]:
    """The number each claim is about, by the claim's id, for every seed."""
    by_scale = dict(zip(INPUT_SCALES, relative_gap(main, "input_scale").T, strict=True))
    return {
        "loss": relative_gap(main, "loss"),
        "cosine": main["sensitivity_cosine"][:, -1],
        "prediction": main["prediction_distance"][:, -1],
        "sensitivity": main["sensitivity_distance"][:, -1],
        "step-size": np.abs(main["step_size"] / best_step_size - 1),
        "interpolation": np.max([relative_gap(main, "loss", "interpolated", end) for end in ENDS], axis=0),
        "input-scale": np.max([by_scale[scale] for scale in NEAR], axis=0),
        "input-scale-far": np.max([by_scale[scale] for scale in FAR], axis=0),
        "weight-scale": relative_gap(main, "weight_scale").max(axis=1),
        "input-law": np.max([relative_gap(main, f"law_{law}") for law in INPUT_LAWS], axis=(0, 2)),
        "corrupted": relative_gap(main, "corrupted").max(axis=1),
        "rollout": relative_gap(main, "rollout").max(axis=1),
        "rollout-falls": largest_change(main["rollout_trained"]),
    }


def remarks(main: Arrays, best: OneStepOptimum, zero_loss: float) -> tuple[str, ...]:
    """What no claim is about: plateaus, step sizes, losses, and what becomes of the roll-out."""
    ends = seed_by_seed(step if step >= 0 else "never" for step in plateau_ends(main))
    learned = seed_by_seed(f"{size:.3f}" for size in main["step_size"])
    trained, descent = main["loss_trained"].mean(), main["loss_gradient_descent"].mean()
    silenced = relative_gap(main, "rollout", "silenced").max()
    silenced_change = largest_change(main["rollout_silenced"]).max()
    return (
        f"The plateau ends (half of the way to gradient descent's loss is done) at step {ends}, seed by seed.",
        f"Learning rate: best on the validation prompts {main['learning_rate']:.4g}, closed form "
        f"{best.learning_rate:.4g}, learned {learned}.",
        f"Loss: trained {trained:.4g}, gradient descent {descent:.4g} (closed form {best.loss:.4g}), "
        f"zero predictor {zero_loss:.4g} (closed form).",
        f"Rolled out, {seed_by_seed(main['rollout_exploded'])} validation prompts explode, seed by seed.",
        f"Rolled out with the untrained rows of P, those that write to x, set to zero: {WORST_GAP} {silenced:.2g}, "
        f"{CHANGE} {silenced_change:.2g}.",
    )


def stragglers(size: int, arrays: Arrays) -> str:
    """How many seeds of another size ended away from gradient descent."""
    gaps = relative_gap(arrays, "loss")
    return (
        f"N = dim_x = {size}: {np.sum(gaps > 0.02)} of {len(gaps)} seeds end more than 2% off gradient descent's loss."
    )


def seed_by_seed(values: Iterable[object]) -> str:
    """Values in a row."""
    return ", ".join(str(value) for value in values)


def relative_gap(arrays: Arrays, name: str, who: str = "trained", reference: str = "gradient_descent") -> np.ndarray:
    """|loss / reference's loss - 1|, for every seed and condition."""
    return np.abs(arrays[f"{name}_{who}"] / arrays[f"{name}_{reference}"] - 1)


def largest_change(losses: np.ndarray) -> np.ndarray:
    """The largest relative change from one step to the next, seed by seed; negative where the loss always falls."""
    return np.max(losses[:, 1:] / losses[:, :-1] - 1, axis=1, initial=-1.0)
