"""A subject that is asked with checks: in blocks, within a budget, and every answer looked at."""

import time
from pathlib import Path

import numpy as np

from mesascope.arrays import save_arrays
from mesascope.extras import ExtraError
from mesascope.interop.answers import checked_answer, checked_question
from mesascope.subject import AbstractSequenceSubject, AbstractSubject, SubjectError
from mesascope.validation import check_class, check_count, check_positive

Question = dict[str, np.ndarray]


class BudgetSpent(RuntimeError):
    """A subject was asked as much as it may be; the message says how much that was."""


class Budget:
    """How much may be asked, prompts and seconds in all, and how much has been: each prompt counts once a call."""

    def __init__(self, max_prompts: int | None = None, max_seconds: float | None = None):
        if max_prompts is not None:
            check_count("max_prompts", max_prompts)
        if max_seconds is not None:
            check_positive("max_seconds", max_seconds)
        self.max_prompts, self.max_seconds = max_prompts, max_seconds
        self.num_calls, self.num_prompts, self.seconds = 0, 0, 0.0

    def allow(self, num_prompts: int) -> None:
        """Raise BudgetSpent where so many prompts more are too many, or the time is up."""
        spent = f"{self.num_prompts} prompts in {self.seconds:.1f} s have been asked"
        if self.max_prompts is not None and self.num_prompts + num_prompts > self.max_prompts:
            raise BudgetSpent(f"`max_prompts` is {self.max_prompts}; {spent}, and {num_prompts} more are wanted.")
        if self.max_seconds is not None and self.seconds >= self.max_seconds:
            raise BudgetSpent(f"`max_seconds` is {self.max_seconds:g}; {spent}, and {num_prompts} more are wanted.")


class _AbstractAsking:
    """What both kinds of checked subjects share: blocks, the budget, and errors that say what was asked."""

    def __init__(self, subject, batch_size: int, budget: Budget | None):
        check_count("batch_size", batch_size)
        self.subject, self.batch_size, self.budget, self.name = subject, batch_size, budget or Budget(), subject.name

    def _all(self, method: str, question: Question, axes: str) -> np.ndarray | None:
        """The answers with these axes, b among them; None where the subject has none."""
        question = checked_question(self.subject, question)
        num_prompts = len(next(iter(question.values())))
        found = []
        for start in range(0, num_prompts, self.batch_size):
            block = {name: array[start : start + self.batch_size] for name, array in question.items()}
            answer = self._block(method, block)
            if answer is None:
                return None
            found.append(checked_answer(self.name, method, answer, axes, block))
        return np.concatenate(found, axis=axes.split().index("b"))

    def _block(self, method: str, block: Question):
        num_prompts = len(next(iter(block.values())))
        self.budget.allow(num_prompts)
        self.budget.num_calls += 1
        self.budget.num_prompts += num_prompts
        started = time.monotonic()
        try:
            return getattr(self.subject, method)(*block.values())
        except (SubjectError, ExtraError):
            raise
        except Exception as error:
            shapes = ", ".join(f"{name} {array.shape}" for name, array in block.items())
            raise SubjectError(
                f"`{self.name}` raised {type(error).__name__} when asked for its {method} of {shapes}: {error}", block
            ) from error
        finally:
            self.budget.seconds += time.monotonic() - started

    def _must(self, method: str, question: Question, axes: str) -> np.ndarray:
        answer = self._all(method, question, axes)
        if answer is None:
            raise SubjectError(f"`{self.name}` must give its {method}; got None.", question)
        return answer


class CheckedSubject(_AbstractAsking, AbstractSubject):
    """Asks a subject at most `batch_size` prompts at once, and looks at each answer before it is passed on.

    ValueError for a question that no subject could take, or that this one does not. SubjectError where the subject
    raises, or its answer has another shape, is not of real or complex numbers, or is not finite: then `question` is the
    first such prompt. Half precision becomes single. BudgetSpent where more is asked than the budget holds.
    """

    def __init__(self, subject: AbstractSubject, *, batch_size: int = 256, budget: Budget | None = None):
        check_class("subject", subject, AbstractSubject, "Make one: `as_subject(model)`.")
        super().__init__(subject, batch_size, budget)
        self.num_examples, self.max_examples = subject.num_examples, subject.max_examples
        self.dim_x, self.dim_y = subject.dim_x, subject.dim_y

    def predictions(self, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray:
        return self._must("predictions", {"xs": xs, "ys": ys, "queries": queries}, "b m dy")

    def prefixes(self, xs: np.ndarray, ys: np.ndarray) -> np.ndarray | None:
        return self._all("prefixes", {"xs": xs, "ys": ys}, "b n dy")

    def layers(self, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray | None:
        return self._all("layers", {"xs": xs, "ys": ys, "queries": queries}, "l b m dy")

    def hidden(self, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray | None:
        return self._all("hidden", {"xs": xs, "ys": ys, "queries": queries}, "l b m k")

    def jacobian(self, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray | None:
        return self._all("jacobian", {"xs": xs, "ys": ys, "queries": queries}, "b m dy dx")

    def untrained(self, seed: int) -> "CheckedSubject | None":
        """Asked with the same checks, on the same budget."""
        copy = self.subject.untrained(seed)
        return None if copy is None else CheckedSubject(copy, batch_size=self.batch_size, budget=self.budget)


class CheckedSequenceSubject(_AbstractAsking, AbstractSequenceSubject):
    """The same for a subject of sequences, each of which counts as a prompt."""

    def __init__(self, subject: AbstractSequenceSubject, *, batch_size: int = 256, budget: Budget | None = None):
        check_class("subject", subject, AbstractSequenceSubject, "Make one: `as_subject(model)`.")
        super().__init__(subject, batch_size, budget)
        self.num_states, self.dim = subject.num_states, subject.dim

    def next_states(self, states: np.ndarray) -> np.ndarray:
        return self._must("next_states", {"states": states}, "b t d")

    def layers(self, states: np.ndarray) -> np.ndarray | None:
        return self._all("layers", {"states": states}, "l b t d")

    def hidden(self, states: np.ndarray) -> np.ndarray | None:
        return self._all("hidden", {"states": states}, "l b t k")

    def untrained(self, seed: int) -> "CheckedSequenceSubject | None":
        """Asked with the same checks, on the same budget."""
        copy = self.subject.untrained(seed)
        return None if copy is None else CheckedSequenceSubject(copy, batch_size=self.batch_size, budget=self.budget)


def checked_subject(
    subject: AbstractSubject | AbstractSequenceSubject,
) -> CheckedSubject | CheckedSequenceSubject:
    """A subject of either kind, asked with checks."""
    kind = CheckedSequenceSubject if isinstance(subject, AbstractSequenceSubject) else CheckedSubject
    return kind(subject)  # pyright: ignore[reportArgumentType]


def save_question(error: SubjectError, path: Path | str) -> None:
    """Write the arrays that a subject was asked with to a safetensors file, with the error's message."""
    check_class("error", error, SubjectError, "Give the error that a subject raised.")
    save_arrays(Path(path), error.question, {"kind": "question", "message": str(error)})
