"""STUDY:NUMBER, a training of a study, as a model to ask: read from the store, or trained now."""

from typing import Any, NamedTuple

import jax

from mesascope.configuration import describe, fingerprint
from mesascope.runs.store import Store
from mesascope.studies import find_study, study_names
from mesascope.study.base import AbstractStudy
from mesascope.study.cell import AbstractShared, Report, Workspace, place_shared, shared_within
from mesascope.tasks._base import AbstractTask
from mesascope.tasks._process import AbstractProcess


class StudyModel(NamedTuple):
    """The first seed of a training, the task it was trained on, and what it is called."""

    model: Any
    task: AbstractTask | AbstractProcess
    name: str


def is_study(text: str) -> bool:
    """Whether this names a study, or one of its trainings."""
    return text.partition(":")[0] in study_names()


def study_model(text: str, preset: str, store: Store, report: Report) -> StudyModel:
    """The model; ValueError, with a list of the trainings, where the number is missing or there is none of it."""
    name, training = training_of(text, find_study(text.partition(":")[0]).preset(preset))
    workspace = Workspace(None, report, lambda shared: store.get_or_run(place_shared(shared), report))
    model = jax.tree.map(lambda leaf: leaf[0], training.trained(workspace).model)
    return StudyModel(model, training.task, name)


def training_of(text: str, study: AbstractStudy) -> tuple[str, Any]:
    """STUDY:NUMBER in full, and that training of the study; ValueError, with a list, where there is none of it."""
    name, _, number = text.partition(":")
    trainings = trainings_in(study)
    if not trainings:
        raise ValueError(f"`MODEL` must be a study that trains a model; {name} trains none.")
    if not number and len(trainings) == 1:
        number = "1"
    if not number.isdecimal() or not 1 <= int(number) <= len(trainings):
        listed = "\n".join(f"  {name}:{i}  {_in_words(each)}" for i, each in enumerate(trainings, 1))
        raise ValueError(f"`MODEL` must say which training of {name} is asked:\n{listed}")
    return f"{name}:{number}", trainings[int(number) - 1]


def trainings_of(name: str, preset: str) -> list[AbstractShared]:
    """The trainings of a study at a preset."""
    return trainings_in(find_study(name).preset(preset))


def trainings_in(study: AbstractStudy) -> list[AbstractShared]:
    """A study's trainings, in the order of its cells, each once."""
    found: list[Any] = [each for cell in study.cells() for each in (*shared_within(cell.config), cell.config)]
    models = {fingerprint(describe(each)): each for each in found if hasattr(each, "trained") and hasattr(each, "task")}
    return list(models.values())


def _in_words(training: Any) -> str:
    task = training.task
    sizes = [
        f"{size}={getattr(task, size)}"
        for size in ("num_examples", "dim_x", "num_states", "dim")
        if hasattr(task, size)
    ]
    return f"{training.label}, on {type(task).__name__}({', '.join(sizes)})"
