"""What `identify` says of the models of a training."""

from abc import abstractmethod
from typing import Any, NamedTuple, final

import jax
import jax.numpy as jnp
import numpy as np

from mesascope.identify.identify import identify
from mesascope.identify.result import Identification
from mesascope.identify.stage import Budget
from mesascope.identify.verdict import Kind
from mesascope.interop.opening import as_subject
from mesascope.models.augmented import DiagonalAugmentedLayer
from mesascope.random import seed_key
from mesascope.studies._shared.measure import one_of
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.best_rates import best_gdpp
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.subject import AbstractSequenceSubject, AbstractSubject, SubjectError
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.tasks.unitary import UnitaryProcess


class Identified(NamedTuple):
    """What is said of every model [seeds], by numbers; nan where there is none, or where a model could not be asked.

    `kind` is the place of the verdict in `Kind`. `choice` and `runner_up` are places in the list of candidates, of
    which the others have an axis: the steps, the parameters [seeds c 3] in the candidate's order, the distances in
    distribution with their 95% intervals [seeds c 3]. Of the choice alone are the intervals of its parameters
    [seeds 3 2], its `separation` from the runner-up, fitted anew, and its distances under other laws [seeds laws].
    `unfiltered` is the share of the answers that no filter of the spectrum explains.
    """

    kind: np.ndarray
    choice: np.ndarray
    runner_up: np.ndarray
    num_steps: np.ndarray
    parameters: np.ndarray
    distances: np.ndarray
    intervals: np.ndarray
    separation: np.ndarray
    at_laws: np.ndarray
    unfiltered: np.ndarray


class Asking(NamedTuple):
    """Who may be named; the laws under which the choice is looked at, too; prompts to fit and to score, rivals.

    The key of model i is that of `first_seed` + i, which no training has. There is time enough, `seconds`, to ask the
    same on every machine. A candidate has at most `most_parameters`.
    """

    candidates: tuple[str, ...]
    laws: tuple[str, ...]
    num_fit: int
    num_score: int
    num_rivals: int
    num_queries: int = 2
    seconds: float = 1e6
    first_seed: int = 2**31
    most_parameters: int = 3

    def about(self, subject: AbstractSubject | AbstractSequenceSubject, task: Any, number: int) -> Identification:
        """What is said of one model."""
        budget = Budget(self.num_fit, self.num_score, self.num_queries, self.num_rivals, self.seconds)
        return identify(subject, task, self.candidates, key=seed_key(self.first_seed + number), budget=budget)

    def nothing(self) -> Identified:
        """Of one model of which nothing can be said."""
        num, most = len(self.candidates), self.most_parameters
        shapes = ((), (), (), (num,), (num, most), (num, 3), (most, 2), (), (len(self.laws),), ())
        return Identified(*(np.full(shape, np.nan) for shape in shapes))


def in_numbers(said: Identification, asking: Asking) -> Identified:
    """Of one model what was said, in the order of what was asked."""
    found, verdict, choice = asking.nothing(), said.verdict, said.choice
    rows, laws = {row.name: row for row in said.rows}, {law.law: law for law in said.laws}
    found.kind[...] = list(Kind).index(verdict.kind)
    found.choice[...] = asking.candidates.index(choice.name)
    for i, name in enumerate(asking.candidates):
        if name in rows:  # others take no such prompts
            found.num_steps[i] = np.nan if rows[name].num_steps is None else rows[name].num_steps
            numbers = [value for value in rows[name].parameters.values() if isinstance(value, float)]
            found.parameters[i, : len(numbers)] = numbers
            found.distances[i] = rows[name].delta
    for i, name in enumerate(choice.intervals):
        found.intervals[i] = choice.intervals[name]
    if verdict.runner_up is not None:
        found.runner_up[...] = asking.candidates.index(verdict.runner_up)
        found.separation[...] = said.laws[0].separation
    found.at_laws[:] = [laws[name].choice.mean for name in asking.laws]
    response = said.symmetries.response
    found.unfiltered[...] = np.nan if response is None else response.delta_spec
    return found


class AbstractIdentifyCell(AbstractConfig):
    """Models, what they were trained on, and how `num_models` of them are asked."""

    training: Training
    asking: Asking
    num_models: int

    @abstractmethod
    def models(self, workspace: Workspace) -> Any:
        """The models, stacked."""

    @final
    def compute(self, workspace: Workspace) -> Arrays:
        """`Identified`."""
        models, found = self.models(workspace), []
        for number in range(self.num_models):
            subject = as_subject(one_of(models, number), name=f"seed {number}")
            try:
                said = self.asking.about(subject, self.training.task, number)
            except SubjectError as error:
                found.append(self.asking.nothing())
                workspace.report(number + 1, self.num_models, str(error))
            else:
                found.append(in_numbers(said, self.asking))
                workspace.report(number + 1, self.num_models, said.sentence)
        return Identified(*map(np.stack, zip(*found, strict=True)))._asdict()


class IdentifyTrainedCell(AbstractIdentifyCell):
    """The models that a training ends with."""

    def models(self, workspace: Workspace) -> Any:
        return self.training.trained(workspace).model


class IdentifyAlikeCell(AbstractIdentifyCell):
    """Trained layers on augmented tokens with the signs of a2 made equal, b1 and all else turned with them.

    The population loss does not see these signs: what is changed is as good as what was trained, on average.
    """

    training: Training[UnitaryProcess]

    def models(self, workspace: Workspace) -> DiagonalAugmentedLayer:
        return jax.jit(jax.vmap(made_alike))(self.training.trained(workspace).model)


def made_alike(layer: DiagonalAugmentedLayer) -> DiagonalAugmentedLayer:
    """With a2 positive, and the same predictions where a2 had one sign."""
    signs = jnp.sign(layer.scores[1])[None]
    return DiagonalAugmentedLayer(layer.scores * signs, layer.values * signs)


class RarerSigns(NamedTuple):
    """The number of coordinates [seeds] whose sign of a2 is the rarer one: 0 where all signs are equal."""

    rarer: np.ndarray


class RarerSignsCell(AbstractConfig):
    """A training of layers on augmented tokens."""

    training: Training[UnitaryProcess]

    def compute(self, workspace: Workspace) -> Arrays:
        """`RarerSigns`."""
        negative = np.asarray(self.training.trained(workspace).model.scores)[:, 1] < 0
        workspace.report(1, 1, "signs counted")
        return RarerSigns(np.array(np.minimum(negative.sum(axis=1), (~negative).sum(axis=1)), float))._asdict()


class BestTied(NamedTuple):
    """The rates of the best GD++ with one eta and one gamma."""

    learning_rate: np.ndarray
    curvature: np.ndarray


class BestTiedCell(AbstractConfig):
    """The task that GD++ is to be best on, and its number of steps."""

    task: LinearRegression
    num_steps: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`BestTied`."""
        best = best_gdpp(self.task, self.num_steps)
        workspace.report(1, 1, "best GD++")
        return BestTied(np.asarray(best.learning_rate), np.asarray(best.curvature))._asdict()
