"""How predictors fare away from the task they were made for."""

from collections.abc import Callable, Mapping

import jax
from jaxtyping import Array, Float, Key, Num

from mesascope.leaks import check_leaks_once
from mesascope.predictor import AbstractPredictor, check_predictor
from mesascope.probes.error import half_squared_error
from mesascope.prompt import Prompt, check_prompt
from mesascope.validation import check_axis, check_callable, check_class, check_key


def generalisation_errors(
    predictors: Mapping[str, AbstractPredictor],
    sample_fn: Callable[[Key[Array, ""], Array], Prompt],
    shifts: Num[Array, " shifts"],
    keys: Key[Array, " prompts"],
) -> dict[str, Float[Array, "shifts prompts"]]:
    """Squared errors of every predictor at every shift; nothing is averaged.

    `sample_fn(key, shift)` draws a prompt from the shifted task. All predictors see the same prompts, and all
    shifts the same keys, so that differences are paired.
    """
    check_class("predictors", predictors, Mapping, "Name each: `{'ridge': Ridge(0.1)}`.")
    for name, predictor in predictors.items():
        check_predictor(name, predictor)
    check_callable(
        "sample_fn", sample_fn, 2, "It draws a prompt: `lambda key, shift: Shifted(task, shift).sample(key)`."
    )
    check_axis("shifts", shifts)
    check_key("keys", keys, ndim=1)

    def at(shift: Array, key: Key[Array, ""]) -> dict[str, Float[Array, ""]]:
        prompt = sample_fn(jax.random.clone(key), shift)  # used again on purpose
        check_prompt(prompt)
        for name, predictor in predictors.items():
            check_leaks_once(predictor, prompt, name)
        return {name: half_squared_error(predictor, prompt) for name, predictor in predictors.items()}

    return jax.vmap(jax.vmap(at, in_axes=(None, 0)), in_axes=(0, None))(shifts, keys)
