"""What every model, algorithm and construction is: a map from one prompt to one prediction."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, final

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Inexact

from mesascope.prompt import Prompt, Sequence, check_prompt, check_sequence
from mesascope.validation import check_class


class AbstractPredictor(eqx.Module):
    """Maps one prompt to the prediction for its query, never looking at its target."""

    @abstractmethod
    def __call__(self, prompt: Prompt) -> Inexact[Array, " dy"]:
        """The prediction itself, never its negative."""


class AbstractStepwise(AbstractPredictor):
    """A predictor that answers after each of its steps: layer k of a model, step k of an algorithm."""

    @abstractmethod
    def trajectory(self, prompt: Prompt) -> Inexact[Array, "steps dy"]:
        """The prediction after each step; the last row is the prediction."""

    def __call__(self, prompt: Prompt) -> Inexact[Array, " dy"]:
        check_prompt(prompt)
        return self.trajectory(prompt)[-1]


class AbstractLinearLearner(AbstractStepwise):
    """A learner that turns the examples into a matrix W and predicts W x, the in-context map, then its readout.

    One with an intercept predicts W x + b.
    """

    @abstractmethod
    def weight_trajectory(self, prompt: Prompt) -> Inexact[Array, "steps dy dx"]:
        """The weights after each step; of `prompt.alike()`, which refuses batches and half precision."""

    def intercept_trajectory(self, prompt: Prompt) -> Inexact[Array, "steps dy"] | None:
        """b after each step; None of a learner that has no intercept."""
        del prompt
        return None

    def weights(self, prompt: Prompt) -> Inexact[Array, "dy dx"]:
        """The weights after the last step."""
        check_prompt(prompt)
        return self.weight_trajectory(prompt)[-1]

    def trajectory(self, prompt: Prompt) -> Inexact[Array, "steps dy"]:
        check_prompt(prompt)
        prompt = prompt.alike()
        answers, intercepts = self.weight_trajectory(prompt) @ prompt.query, self.intercept_trajectory(prompt)
        return answers if intercepts is None else answers + intercepts


def through_means(learner: AbstractLinearLearner, prompt: Prompt) -> Inexact[Array, "steps dy"]:
    """The intercepts b = ybar - W xbar after each step: the best ones for these W."""
    x_mean, y_mean = prompt.means()
    return y_mean[None] - learner.weight_trajectory(prompt) @ x_mean


class AbstractForecaster(AbstractPredictor):
    """A predictor for prompts that come from a sequence: outputs are states as inputs are."""

    def states(self, prompt: Prompt) -> Inexact[Array, "t d"]:
        """The states s_1, ..., s_T a prompt was made of, before its padding if it has any.

        ValueError where outputs have another size than inputs.
        """
        check_prompt(prompt)
        if prompt.dim_x != prompt.dim_y:
            raise ValueError(
                f"`prompt` must come from a sequence, with outputs as large as inputs; got {prompt.dim_y} and "
                f"{prompt.dim_x}."
            )
        if prompt.length is None:
            return jnp.concatenate([prompt.xs, prompt.query[None]])
        return jnp.pad(prompt.xs, ((0, 1), (0, 0))).at[prompt.length].set(prompt.query)

    def last_two(self, prompt: Prompt) -> tuple[Inexact[Array, " d"], Inexact[Array, " d"]]:
        """The last state but one, zero where there is none, and the last one."""
        states = jnp.pad(self.states(prompt), ((1, 0), (0, 0)))
        return states[prompt.num_examples], states[prompt.num_examples + 1]


class AbstractSequencePredictor(AbstractForecaster):
    """A forecaster that predicts the next state from each prefix of a sequence, in one pass.

    ValueError for what is not one sequence of states that it takes; batches come from `jax.vmap`.
    """

    takes_complex: ClassVar[bool] = True  # otherwise complex states are refused with a ValueError

    @property
    def dim_state(self) -> int | None:
        """Size of the states it takes; None where any will do."""
        return None

    @abstractmethod
    def predictions(self, sequence: Sequence) -> Inexact[Array, "t d"]:
        """`next_states` of a sequence that has passed `check`."""

    @final
    def check(self, sequence: Sequence) -> None:
        """Raise ValueError unless this is one sequence, no batch, of states that the model takes."""
        check_sequence(sequence, self.dim_state, takes_complex=self.takes_complex)

    @final
    def next_states(self, sequence: Sequence) -> Inexact[Array, "t d"]:
        """Row t is the prediction of s_{t+1} given s_1, ..., s_t: that for `sequence.prompt(t)`.

        Rows at a sequence's padding mean nothing.
        """
        self.check(sequence)
        return self.predictions(sequence)

    def prepared(self, num_states: int) -> Callable[[Sequence], Inexact[Array, "t d"]]:
        """`next_states` for sequences of this length, a module in which what no sequence changes is worked out.

        Training prepares its model once a step and differentiates this by its arrays, for part after part of a batch.
        """
        del num_states
        return self.next_states

    def __call__(self, prompt: Prompt) -> Inexact[Array, " dy"]:
        return self.next_states(Sequence(self.states(prompt)))[prompt.num_examples]


def check_predictor(name: str, value: Any, kind: type[AbstractPredictor] = AbstractPredictor) -> None:
    """Raise ValueError, with the way to one, unless `value` is a predictor of this kind."""
    if isinstance(value, type):
        advice = f"Make one: `{value.__name__}(...)`."
    elif isinstance(getattr(value, "model", None), AbstractPredictor):
        advice = f"Take its `model`: `{name}.model`."
    elif callable(getattr(value, "build", None)):
        advice = f"Take what it builds: `{name}.build()`."
    else:
        advice = f"Take one, as `Ridge(0.1)`, or derive yours from `{kind.__name__}`."
    check_class(name, value, kind, advice)
