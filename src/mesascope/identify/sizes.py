"""Whether a model and a task belong together, before the first question."""

from typing import Any

from mesascope.identify.asking import AnySubject
from mesascope.interop.stored import StoredPredictions
from mesascope.subject import AbstractSequenceSubject
from mesascope.tasks._base import AbstractTask
from mesascope.tasks._process import AbstractProcess

SIZES = ("dim_x", "dim_y", "num_states", "dim")


def check_sizes(subject: AnySubject, task: AbstractTask | AbstractProcess) -> None:
    """Raise ValueError unless the task gives what the subject takes: prompts or sequences, of the sizes it has.

    A model of prompts may be asked for the next state. Stored predictions must also be of the task's number of
    examples; of another subject with its own number, that one is taken.
    """
    if isinstance(subject, AbstractSequenceSubject) and isinstance(task, AbstractTask):
        raise ValueError(
            f"`task` must give sequences, since {subject.name} predicts the next state of one; got "
            f"{type(task).__name__}, which gives prompts."
        )
    sizes = (*SIZES, "num_examples") if isinstance(subject, StoredPredictions) else SIZES
    for size in sizes:
        own, given = getattr(subject, size, None), _size(task, size)
        if None not in (own, given) and own != given:
            flag = f"--{size.replace('_', '-')} {own}"
            raise ValueError(
                f"`task` must have {size} = {own}, the size that `{subject.name}` takes; got {size} = {given}. "
                f"Set it; on the command line, {flag}."
            )


def _size(task: Any, size: str) -> int | None:
    """Of a task of sequences, an input is a state and so is a label."""
    if isinstance(task, AbstractProcess) and size.startswith("dim"):
        return task.dim
    return getattr(task, size, None)
