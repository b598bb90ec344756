"""TODO"""

import numpy as np

from mesascope.study.base import Arrays


def remarks(arrays: Arrays) -> tuple[str, ...]:
    """What no claim is about: losses, plateaus, rates, slopes, and the functions before the step."""
    names = {"trained": "attention", "descent": "the gradient step"}
    steps, half = arrays["snapshot_steps"], arrays["loss_zero"] / 2
    ends = {name: arrays[f"loss_{name}"][:, -1] for name in names}
    return (
        f"Loss: {', '.join(f'{names[name]} {_by_seed(loss)}' for name, loss in ends.items())} seed by seed; zero "
        f"predictor {arrays['loss_zero']:.3g}.",
        *(
            f"The loss of {names[name]} is first seen below half the zero predictor's at step "
            f"{', '.join(str(_first(below, steps)) for below in arrays[f'loss_{name}'] < half)}, seed by seed."
            for name in names
        ),
        f"Rate of the step, from 0.1 at the start: {_by_seed(arrays['learning_rate'])}.",
        f"Slopes differ in sign on {_by_seed((1 - arrays['sensitivity_cosine'][:, -1]) / 2)} of the prompts; pooled "
        f"over prompts, the cosine between them is {_by_seed(arrays['pooled_cosine'])}.",
        "Mean distance of the functions before the step, divided by the mean size of a target: "
        f"{_by_seed(arrays['initial_distance'] / arrays['target_size'])}.",
    )


def _by_seed(values: np.ndarray) -> str:
    return ", ".join(f"{value:.3g}" for value in values)


def _first(holds: np.ndarray, steps: np.ndarray) -> int | str:
    return int(steps[holds.argmax()]) if holds.any() else "never"
