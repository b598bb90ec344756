"""Whether a predictor answers a padded prompt as the short one."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mesascope.predictor import AbstractPredictor, AbstractSequencePredictor
from mesascope.prompt import Prompt, Sequence
from mesascope.random import jit_draws


def check_lengths(predictor: AbstractPredictor, whole: Prompt | Sequence, name: str = "predictor") -> None:
    """Raise ValueError where half of a prompt, or of a sequence, is answered otherwise with padding behind it.

    `whole` has no padding. A predictor that takes prompts of one length only has no short ones to answer. Answers count
    as alike up to the root of an epsilon of their type, times the largest.
    """
    half = len(whole.states if isinstance(whole, Sequence) else whole.xs) // 2
    if half == 0:
        return
    try:
        with jax.ensure_compile_time_eval():  # also where another program is being traced
            padded, short = (np.asarray(each) for each in _answers(predictor, whole, half))
    except (TypeError, ValueError):  # as JAX and numpy refuse shapes that do not fit
        return
    gap = np.abs(padded - short).max()
    if gap > np.sqrt(np.finfo(short.dtype).eps) * np.abs(short).max():
        raise ValueError(
            f"`{name}` must answer a padded prompt as the short one; with {half} rows that count its answer differs by "
            f"{gap:.3g}. Leave out what `mask` says is padding, and divide by `num_examples`."
        )


@jit_draws
def _answers(predictor: AbstractPredictor, whole: Prompt | Sequence, half: int) -> tuple[Any, Any]:
    length = jnp.asarray(half)
    if isinstance(whole, Prompt):
        return predictor(whole.shortened(length)), predictor(whole.prefix(half))
    assert isinstance(predictor, AbstractSequencePredictor)
    short = Sequence(whole.states[:half])
    return predictor.next_states(whole.shortened(length))[:half], predictor.next_states(short)
