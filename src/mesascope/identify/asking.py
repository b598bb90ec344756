"""Asking a subject what environments hold."""

from collections.abc import Callable, Sequence

import numpy as np

from mesascope.identify.environments import IN_DISTRIBUTION, Environment, by_law
from mesascope.identify.fit import Asked
from mesascope.subject import AbstractSequenceSubject, AbstractSubject, SubjectError

AnySubject = AbstractSubject | AbstractSequenceSubject
Say = Callable[[str], None]


def ask(
    subject: AnySubject, environments: Sequence[Environment], say: Say = lambda text: None, why: str = ""
) -> list[Asked]:
    """The subject's answers to every environment; of sequences, all positions of a law in one pass."""
    found = []
    for law, parts in by_law(list(environments)):
        say(f"asking {law}, {why}")
        if isinstance(subject, AbstractSequenceSubject):
            found += _ask_sequences(subject, parts)
        else:
            found += [Asked(each, subject.predictions(each.xs, each.ys, each.queries)) for each in parts]
    return found


def ask_away(
    subject: AnySubject, environments: Sequence[Environment], say: Say, why: str
) -> tuple[list[Asked], list[str]]:
    """The same, without the laws away from the distribution of the fit that the subject cannot answer, which are told.

    A model that takes five examples or more cannot be asked with two; that is no reason not to judge it.
    """
    found, told = [], []
    for law, parts in by_law(list(environments)):
        try:
            found += ask(subject, parts, say, why)
        except SubjectError as error:
            if law == IN_DISTRIBUTION:
                raise
            told.append(f"Not judged under {law}: {error}")
    return found, told


def layers_of(subject: AnySubject, environment: Environment) -> np.ndarray | None:
    """What it answers after each layer [l b m dy]; None where there are no layers to see."""
    return _by_layer(subject, subject.layers, environment)


def hidden_of(subject: AnySubject, environment: Environment) -> np.ndarray | None:
    """What each layer holds at the queries [l b m k]; None where it is not seen."""
    return _by_layer(subject, subject.hidden, environment)


def _by_layer(
    subject: AnySubject, ask_layers: Callable[..., np.ndarray | None], environment: Environment
) -> np.ndarray | None:
    if not isinstance(subject, AbstractSequenceSubject):
        return ask_layers(environment.xs, environment.ys, environment.queries)
    found = ask_layers(environment.states)
    return None if found is None else _at(found, environment)


def _ask_sequences(subject: AbstractSequenceSubject, parts: list[Environment]) -> list[Asked]:
    states = parts[0].states
    assert states is not None
    answers = subject.next_states(states)
    return [Asked(each, _at(answers, each)) for each in parts]


def _at(answers: np.ndarray, environment: Environment) -> np.ndarray:
    """The predictions [... b 1 d] after the state that an environment asks about."""
    position = environment.num_examples
    return answers[..., position : position + 1, :]
