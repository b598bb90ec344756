"""A stochastic subject, asked several times."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Inexact

from mesascope.probes.questions import in_double
from mesascope.subject import AbstractSequenceSubject, AbstractSubject
from mesascope.validation import check_count

NUM_CALLS = 4


class Averaged(AbstractSubject):
    """The mean of several calls of a subject, in double precision: noise of variance sigma^2 becomes sigma^2 / R.

    `Floor.noise_share(R)` is what is left of it.
    """

    def __init__(self, subject: AbstractSubject, num_calls: int = NUM_CALLS):
        check_count("num_calls", num_calls)
        self.subject, self.num_calls, self.name = subject, num_calls, subject.name
        self.num_examples, self.max_examples = subject.num_examples, subject.max_examples
        self.dim_x, self.dim_y = subject.dim_x, subject.dim_y

    def predictions(self, xs, ys, queries):
        return _mean(self.subject.predictions, self.num_calls, xs, ys, queries)

    def layers(self, xs, ys, queries):
        return _mean(self.subject.layers, self.num_calls, xs, ys, queries)

    def hidden(self, xs, ys, queries):
        return _mean(self.subject.hidden, self.num_calls, xs, ys, queries)

    def jacobian(self, xs, ys, queries):
        return _mean(self.subject.jacobian, self.num_calls, xs, ys, queries)

    def untrained(self, seed):
        drawn = self.subject.untrained(seed)
        return None if drawn is None else Averaged(drawn, self.num_calls)


class AveragedSequence(AbstractSequenceSubject):
    """The same of a subject that predicts next states."""

    def __init__(self, subject: AbstractSequenceSubject, num_calls: int = NUM_CALLS):
        check_count("num_calls", num_calls)
        self.subject, self.num_calls, self.name = subject, num_calls, subject.name
        self.num_states, self.dim = subject.num_states, subject.dim

    def next_states(self, states):
        return _mean(self.subject.next_states, self.num_calls, states)

    def layers(self, states):
        return _mean(self.subject.layers, self.num_calls, states)

    def hidden(self, states):
        return _mean(self.subject.hidden, self.num_calls, states)

    def untrained(self, seed):
        drawn = self.subject.untrained(seed)
        return None if drawn is None else AveragedSequence(drawn, self.num_calls)


def _mean(ask: Callable, num_calls: int, *asked: Inexact[np.ndarray, "..."]) -> np.ndarray | None:
    """None where the subject has no such answers."""
    first = ask(*asked)
    if first is None:
        return None
    calls = [first, *(ask(*asked) for _ in range(num_calls - 1))]
    return np.mean([in_double(np.asarray(each)) for each in calls], axis=0)
