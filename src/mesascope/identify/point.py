"""One point of a sweep that asks which algorithm is identified: of the models of a training, or of one model."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

import jax
import numpy as np

from mesascope.identify.candidates import chosen
from mesascope.identify.identify import identify
from mesascope.identify.result import Identification
from mesascope.identify.stage import Budget
from mesascope.identify.verdict import Kind
from mesascope.interop.opening import as_subject
from mesascope.random import seed_key
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import AbstractConfig, Arrays, Cell, Workspace
from mesascope.subject import SubjectError
from mesascope.tasks._base import AbstractTask
from mesascope.tasks._process import AbstractProcess

FIRST_SEED = 2**31  # of the prompts that models are asked: none that a training has


class Said(NamedTuple):
    """What is said of every model [models]; nan where it could not be asked.

    `kind` is the place of the verdict in `Kind`; `choice` and `runner_up` are places in the list of candidates.
    `distance` is the choice's, with its 95% interval [models 3].
    """

    kind: np.ndarray
    choice: np.ndarray
    runner_up: np.ndarray
    num_steps: np.ndarray
    distance: np.ndarray


class Asking(NamedTuple):
    """Who may be named, baselines among them, and how much is asked.

    There is time enough, `seconds`, to ask the same on every machine.
    """

    candidates: tuple[str, ...]
    budget: Budget

    @classmethod
    def of(cls, candidates: tuple[str, ...], budget: Budget, task: AbstractTask | AbstractProcess) -> "Asking":
        """All candidates for a task where none are named; ValueError for a name that there is not."""
        names = tuple(each.name for each in chosen(candidates or None, task))
        return cls(names, budget._replace(seconds=1e6))

    def about(self, model: Any, task: AbstractTask | AbstractProcess, number: int, workspace: Workspace) -> Said:
        """What is said of one model."""
        key = seed_key(FIRST_SEED + number)
        try:
            found = identify(as_subject(model), task, self.candidates, key=key, budget=self.budget)
        except SubjectError as error:
            workspace.report(1, 1, str(error))
            nan = np.array(np.nan)
            return Said(nan, nan, nan, nan, np.full(3, np.nan))
        workspace.report(1, 1, found.sentence)
        return self._in_numbers(found)

    def _in_numbers(self, found: Identification) -> Said:
        verdict, choice = found.verdict, found.choice
        return Said(
            kind=np.array(float(list(Kind).index(verdict.kind))),
            choice=np.array(float(self.candidates.index(choice.name))),
            runner_up=np.array(np.nan if verdict.runner_up is None else self.candidates.index(verdict.runner_up)),
            num_steps=np.array(np.nan if choice.num_steps is None else choice.num_steps, float),
            distance=np.array(choice.delta, float),
        )


class AbstractAsked(AbstractConfig):
    """Models that are asked on prompts of a task."""

    asking: Asking

    @abstractmethod
    def models(self, workspace: Workspace) -> Iterator[Any]:
        """The models, one after the other."""

    @property
    @abstractmethod
    def prompts_of(self) -> AbstractTask | AbstractProcess:
        """The task."""

    def compute(self, workspace: Workspace) -> Arrays:
        """`Said`."""
        found = [
            self.asking.about(model, self.prompts_of, number, workspace)
            for number, model in enumerate(self.models(workspace))
        ]
        return Said(*map(np.stack, zip(*found, strict=True)))._asdict()


class AskedTraining(AbstractAsked):
    """The models that a training ends with, asked on prompts of the task that they are trained on."""

    asking: Asking
    training: Any  # shared, and knows `trained(workspace)`, `task` and `seeds`

    def models(self, workspace: Workspace) -> Iterator[Any]:
        models = self.training.trained(workspace).model
        for number in range(self.training.seeds):
            yield jax.tree.map(lambda leaf, i=number: leaf[i], models)

    @property
    def prompts_of(self) -> AbstractTask | AbstractProcess:
        return self.training.task


class AskedModel(AbstractAsked):
    """Somebody's model, by the text that names it; `content` is a digest of the file that it comes from."""

    asking: Asking
    model: str
    content: str
    task: AbstractTask | AbstractProcess

    def models(self, workspace: Workspace) -> Iterator[Any]:
        yield self.model

    @property
    def prompts_of(self) -> AbstractTask | AbstractProcess:
        return self.task


class AlgorithmAt(AbstractStudy):
    """Which algorithm is identified at one point of a grid."""

    title: ClassVar = "Which algorithm is identified"
    source: ClassVar = "a sweep"
    claims: ClassVar = ()
    presets: ClassVar = {}

    asked: AskedTraining | AskedModel
    seeds: int = 1

    def cells(self) -> tuple[Cell, ...]:
        found = [Cell(self.asked.training.label, self.asked.training)] if isinstance(self.asked, AskedTraining) else []
        return (*found, Cell("identification", self.asked))

    def summarise(self, results: list[Arrays]) -> list[dict[str, Any]]:
        """A row for every model: verdict, algorithm, its steps, its distance with an interval, the runner-up."""
        said = Said(**results[-1])
        return [_row(self.asked.asking.candidates, Said(*(each[i] for each in said))) for i in range(len(said.kind))]

    def readings(self, summary: list[dict[str, Any]]) -> Readings:
        return {}

    def figures(self, summary: list[dict[str, Any]]) -> dict[str, Any]:
        return {}


def _row(names: tuple[str, ...], said: Said) -> dict[str, Any]:
    if np.isnan(said.kind):
        return {"verdict": "could not be asked", "algorithm": "", "distance": float("nan")}
    distance, low, high = map(float, said.distance)
    return {
        "verdict": str(list(Kind)[int(said.kind)]),
        "algorithm": names[int(said.choice)],
        "num_steps": None if np.isnan(said.num_steps) else int(said.num_steps),
        "distance": distance,
        "low": low,
        "high": high,
        "runner_up": "" if np.isnan(said.runner_up) else names[int(said.runner_up)],
    }
