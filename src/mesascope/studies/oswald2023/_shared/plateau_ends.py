"""TODO"""

from numpy.lib.stride_tricks import sliding_window_view

from mesascope.study.base import Arrays


def plateau_ends(arrays: Arrays, window: int = 20) -> list[int]:
    """The step, by seed, at which half of the way to gradient descent's loss is done; -1 for never.

    Read off the training losses, averaged over `window` steps.
    """
    window = min(window, arrays["training_loss"].shape[1])
    losses = sliding_window_view(arrays["training_loss"], window, axis=1).mean(axis=-1)
    half_way = (arrays["validation_loss"][:, 0] + arrays["loss_gradient_descent"]) / 2
    below = losses < half_way[:, None]
    return [int(row.argmax()) + window // 2 if row.any() else -1 for row in below]
