"""A candidate tried on prompts: one compiled program for all its parameters, counts and environments of a shape."""

from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mesascope.candidate import AnyCandidate, Candidate, LinearCandidate
from mesascope.identify.environments import Environment
from mesascope.predictor import AbstractPredictor, AbstractStepwise
from mesascope.prompt import Prompt

MOST_KEPT = 256  # trials, whose compiled programs serve later identifications in the same process


class RefusedPrompts(ValueError):
    """A candidate takes no prompts of this kind: complex ones, or states of an odd size."""


class Trial:
    """Answers of one candidate to environments of at most `num_rows` examples, `block` prompts at a time.

    Shorter prompts are padded, so that all lengths share a program. Answers [k b m dy] are those after each of the
    candidate's counts, k = 1 without; of a `LinearCandidate` the features, [p b m dy].
    """

    def __init__(self, candidate: AnyCandidate, num_rows: int, block: int):
        self.candidate, self.num_rows, self.block = candidate, num_rows, block

    @property
    def counts(self) -> tuple[int | None, ...]:
        """The numbers of steps that there are answers after; one None where a candidate takes no steps."""
        return (isinstance(self.candidate, Candidate) and self.candidate.counts) or (None,)

    def answers(self, parameters: Mapping[str, float], environment: Environment) -> np.ndarray:
        """[k b m dy] for any number of prompts."""
        xs, ys, queries = environment.xs, environment.ys, environment.queries
        padding = ((0, 0), (0, self.num_rows - xs.shape[1]), (0, 0))
        xs, ys = np.pad(xs, padding), np.pad(ys, padding)
        length = np.int32(environment.num_examples)
        found = []
        for start in range(0, len(xs), self.block):
            part = [_filled(each[start : start + self.block], self.block) for each in (xs, ys, queries)]
            values = {name: np.asarray(value) for name, value in parameters.items()}
            try:
                answers = self._program(values, *part, length)
            except ValueError as error:
                raise RefusedPrompts(f"{self.candidate.name} refuses these prompts: {error}") from error
            found.append(np.asarray(answers)[:, : len(xs) - start])
        return np.concatenate(found, axis=1)

    @cached_property
    def _program(self) -> Any:
        def answer(parameters: Any, xs: Any, ys: Any, queries: Any, length: Any) -> jax.Array:
            each = jax.vmap(self._one, in_axes=(None, 0, 0, 0, None), out_axes=1)
            return each(
                {name: jnp.asarray(value, xs.real.dtype) for name, value in parameters.items()}, xs, ys, queries, length
            )

        return jax.jit(answer)

    def _one(self, parameters: Any, xs: Any, ys: Any, queries: Any, length: Any) -> jax.Array:
        """[k m dy] of one prompt."""
        prompt = Prompt(xs, ys, queries[0], jnp.zeros(ys.shape[1:], ys.dtype), length)
        return jax.vmap(lambda query: self._rows(parameters, prompt.with_query(query)), out_axes=1)(queries)

    def _rows(self, parameters: Any, prompt: Prompt) -> jax.Array:
        """[k dy] for one query."""
        candidate = self.candidate
        if isinstance(candidate, LinearCandidate):
            return candidate.features(prompt)
        if not candidate.counts:
            return candidate.predictor(parameters)(prompt)[None]
        return rows_of(candidate, parameters, prompt)


@lru_cache(MOST_KEPT)
def trial_of(candidate: AnyCandidate, num_rows: int, block: int) -> Trial:
    """The trial of a candidate, the same one each time, so that its programs are compiled once in a process."""
    return Trial(candidate, num_rows, block)


def rows_of(candidate: Candidate, parameters: Any, prompt: Prompt) -> jax.Array:
    """The predictions [k dy] after each of a candidate's counts."""
    longest = candidate.predictor(parameters, max(candidate.counts))
    if isinstance(longest, AbstractStepwise):
        return longest.trajectory(prompt)[np.array(candidate.counts) - 1]
    return jnp.stack([candidate.predictor(parameters, count)(prompt) for count in candidate.counts])


def made(candidate: AnyCandidate, parameters: Mapping[str, Any], num_steps: int | None) -> AbstractPredictor:
    """The predictor that a fit stands for."""
    if isinstance(candidate, LinearCandidate):
        return candidate.make(jnp.asarray(parameters["coefficients"]))
    return candidate.predictor(parameters, num_steps)


def _filled(rows: np.ndarray, size: int) -> np.ndarray:
    """As many rows as a program is for: copies of the first, whose answers are not looked at."""
    return rows if len(rows) == size else np.concatenate([rows, np.repeat(rows[:1], size - len(rows), axis=0)])
