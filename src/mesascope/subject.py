"""A model under study, whoever made it: it is asked in batches of numpy arrays and promises nothing but answers."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np


class SubjectError(ValueError):
    """A subject raised, or gave what is no answer; `question` holds the arrays that it was asked with."""

    def __init__(self, message: str, question: dict[str, np.ndarray]):
        super().__init__(message)
        self.question = question

    def __reduce__(self) -> tuple[Any, ...]:
        return SubjectError, (str(self), self.question)  # as other processes get it


class AbstractSubject(ABC):
    """Answers queries after examples. Arrays are numpy's; b prompts, n examples, m queries that do not see each other.

    What is not fixed is None: a model for prompts of one length has `num_examples`, one for prompts up to some length
    `max_examples`, one for prompts of one size `dim_x` and `dim_y`.
    """

    name: str = "model"
    num_examples: int | None = None
    max_examples: int | None = None
    dim_x: int | None = None
    dim_y: int | None = None

    @abstractmethod
    def predictions(self, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray:
        """The answers [b m dy] for xs [b n dx], ys [b n dy] and queries [b m dx]."""

    def prefixes(self, xs: np.ndarray, ys: np.ndarray) -> np.ndarray | None:
        """The answers [b n dy] for every input after the examples before it, in one pass; None where there is none."""
        del xs, ys
        return None

    def layers(self, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray | None:
        """The answers [l b m dy] read out after each layer by the model's own head; None where there are none."""
        del xs, ys, queries
        return None

    def hidden(self, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray | None:
        """What each layer holds at each query [l b m k], for a readout to be fitted to; None where it is not seen."""
        del xs, ys, queries
        return None

    def jacobian(self, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray | None:
        """The derivatives [b m dy dx] of the answers by their queries; None where the model has none to give."""
        del xs, ys, queries
        return None

    def untrained(self, seed: int) -> "AbstractSubject | None":
        """A copy with weights drawn anew; None where nobody knows how."""
        del seed
        return None


class AbstractSequenceSubject(ABC):
    """Predicts the next state after every state of a sequence, in one pass over the whole."""

    name: str = "model"
    num_states: int | None = None
    dim: int | None = None

    @abstractmethod
    def next_states(self, states: np.ndarray) -> np.ndarray:
        """Row t [b t d] is the prediction of state t + 1 from states 1 to t, of states [b t d]."""

    def layers(self, states: np.ndarray) -> np.ndarray | None:
        """The predictions [l b t d] read out after each layer by the model's own head; None where there are none."""
        del states
        return None

    def hidden(self, states: np.ndarray) -> np.ndarray | None:
        """What each layer holds at each state [l b t k], for a readout to be fitted to; None where it is not seen."""
        del states
        return None

    def untrained(self, seed: int) -> "AbstractSequenceSubject | None":
        """A copy with weights drawn anew; None where nobody knows how."""
        del seed
        return None
