"""Asking a subject what environments hold."""

from collections.abc import Callable, Sequence

import numpy as np

from mesascope.identify.environments import Environment, by_law
from mesascope.identify.fit import Asked
from mesascope.subject import AbstractSequenceSubject, AbstractSubject, SubjectError

AnySubject = AbstractSubject | AbstractSequenceSubject
Say = Callable[[str], None]


def ask(subject: AnySubject, environments: Sequence[Environment], say: Say = lambda text: None) -> list[Asked]:
    """The subject's answers to every environment; of sequences, all positions of a law in one pass."""
    found = []
    for law, parts in by_law(list(environments)):
        say(law)
        if isinstance(subject, AbstractSequenceSubject):
            found += _ask_sequences(subject, parts)
        else:
            found += [Asked(each, answers_to(subject, each)) for each in parts]
    return found


def answers_to(subject: AbstractSubject, environment: Environment) -> np.ndarray:
    """[b m dy], finite; SubjectError for anything else."""
    question = {"xs": environment.xs, "ys": environment.ys, "queries": environment.queries}
    answers = subject.predictions(*question.values())
    wanted = (*environment.queries.shape[:2], environment.ys.shape[2])
    return checked(subject.name, answers, wanted, question)


def _ask_sequences(subject: AbstractSequenceSubject, parts: list[Environment]) -> list[Asked]:
    states = parts[0].states
    assert states is not None
    answers = checked(subject.name, subject.next_states(states), states.shape, {"states": states})
    return [Asked(each, answers[:, each.num_examples : each.num_examples + 1]) for each in parts]


def checked(name: str, answers: object, shape: tuple[int, ...], question: dict[str, np.ndarray]) -> np.ndarray:
    """Answers that are an array of finite numbers in this shape; SubjectError, with the prompt, for anything else."""
    found = np.asarray(answers)
    if found.shape != shape or not np.issubdtype(found.dtype, np.inexact):
        raise SubjectError(
            f"`{name}` must answer with numbers in an array of shape {shape}, a row a prompt; got {found.dtype} of "
            f"shape {found.shape}.",
            {key: array[:1] for key, array in question.items()},
        )
    broken = ~np.isfinite(found).reshape(len(found), -1).all(axis=1)
    if broken.any():
        first = int(np.argmax(broken))
        raise SubjectError(
            f"`{name}` must answer with finite numbers; of {len(found)} prompts {int(broken.sum())} got others, prompt "
            f"{first} first.",
            {key: array[first : first + 1] for key, array in question.items()},
        )
    return found
