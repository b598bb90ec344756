"""Sweeps that ask at every point which algorithm is identified: of a study's training, of a model, or as declared."""

import dataclasses
import functools
import hashlib
import importlib.util
import sys
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import equinox as eqx

from mesascope.cli import task_settings
from mesascope.cli.arguments import Sweep
from mesascope.cli.study_models import is_study, training_of
from mesascope.cli.sweeps import Opened
from mesascope.identify.point import AlgorithmAt, AskedModel, AskedTraining, Asking
from mesascope.identify.stage import budget_of
from mesascope.random import seed_key
from mesascope.report.sweeps import Row, Settings
from mesascope.studies import find_study
from mesascope.study.base import AbstractStudy
from mesascope.study.sweep import AbstractSweep
from mesascope.sweep.grid import Axis, axes_of, combinations, in_words
from mesascope.sweep.plan import PlannedStudy
from mesascope.sweep.points import Point, settings_of
from mesascope.sweep.run import Done
from mesascope.tasks._base import AbstractTask


def of_model(command: Sweep, names: Sequence[str]) -> Opened:
    """`identify STUDY:NUMBER` or `identify MODEL`; ValueError for another number of them."""
    if len(names) != 1:
        raise ValueError(f"`sweep identify` takes one model; got {' '.join(names)!r}. Name one: STUDY:NUMBER or MODEL.")
    return of_training(command, names[0]) if is_study(names[0]) else of_somebodys_model(command, names[0])


def of_training(command: Sweep, text: str) -> Opened:
    """A training of a study, at settings of the study, of the training, of its task and of its model."""
    if command.task:
        raise ValueError("`--task` must not be given for a study's training, which is asked on its own task.")
    cls = find_study(text.partition(":")[0])
    fixed = {} if command.seeds is None else {"seeds": command.seeds}
    name, training = training_of(text, cls.preset(command.preset, **fixed))
    kinds = {**_kinds_within(training), **settings_of(cls)}
    axes = axes_of(command.grid, kinds, f"{cls.name()} and of its training")

    def training_at(settings: Mapping[str, Any]) -> Any:
        of_study = {each: value for each, value in settings.items() if each in settings_of(cls)}
        _, found = training_of(text, cls.preset(command.preset, **fixed, **of_study))
        return _changed(found, {each: value for each, value in settings.items() if each not in of_study})

    return _opened(f"{name}, preset {command.preset}", axes, training_at, command, command.candidates)


def of_declared(command: Sweep, cls: type[AbstractSweep]) -> Opened:
    """A declared sweep; the grid changes its axes, and with one value its other fields."""
    kinds, lists = {}, {field: typing.get_args(kind)[0] for field, kind in settings_of(cls).items() if _is_list(kind)}
    kinds = {**settings_of(cls), **lists}
    words = axes_of(command.grid, kinds, cls.name())
    for axis in words:
        if axis.name not in lists and len(axis.values) > 1:
            raise ValueError(
                f"`{axis.name}` is no axis of {cls.name()}; its axes are {', '.join(lists)}. Give one value."
            )
    changes = {axis.name: axis.values if axis.name in lists else axis.values[0] for axis in words}
    fixed = {} if command.seeds is None else {"seeds": command.seeds}
    sweep = cls.preset(command.preset, **{**changes, **fixed})
    axes = tuple(Axis(name, values) for name, values in sweep.axes().items())
    return _opened(f"{cls.name()}, preset {command.preset}", axes, sweep.at, command, cls.candidates)


def of_somebodys_model(command: Sweep, model: str) -> Opened:
    """A model that is there, asked on prompts of a task at settings of the task."""
    if not command.task:
        raise ValueError("`--task` must say what prompts the model is asked. `mesascope tasks` lists them.")
    if command.seeds is not None:
        raise ValueError("`--seeds` is for models that are trained; got it with one that is there. Leave it out.")
    cls = task_settings.find_task(command.task)
    flags = {name: (kind, default) for name, kind, default in task_settings.flags_of(cls) or ()}
    axes = axes_of(command.grid, {name: kind for name, (kind, _) in flags.items()}, command.task)
    defaults = {name: default for name, (_, default) in flags.items()}
    content = digest_of_source(model)

    def point(settings: Settings) -> Point:
        task = _told(settings, lambda: task_settings.make(cls, {**defaults, **settings}))
        asking = Asking.of(command.candidates, budget_of(command.budget), task)
        return _point(settings, AlgorithmAt(asked=AskedModel(asking, model, content, task)))

    points = tuple(point(settings) for settings in combinations(axes))
    return _of_points(f"{model} on {command.task}", axes, points)


def digest_of_source(model: str) -> str:
    """A digest of the file or folder, or of the module's file, that a model comes from; ValueError for none."""
    sys.path.insert(0, str(Path.cwd()))  # as `python -m` would find the user's module
    path = Path(model)
    if not path.exists() and ":" in model:
        spec = importlib.util.find_spec(model.partition(":")[0])
        path = Path(spec.origin) if spec is not None and spec.origin else path
    if not path.exists():
        raise ValueError(f"there is no study, file or module {model!r}. Give STUDY:NUMBER, a file or module:object.")
    files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    found = hashlib.sha256()
    for each in files:
        found.update(each.read_bytes())
    return found.hexdigest()


def _opened(name: str, axes: Sequence[Axis], training_at: Any, command: Sweep, candidates: tuple[str, ...]) -> Opened:
    """The points of trainings that are asked."""

    def point(settings: Settings) -> Point:
        training = _told(settings, lambda: _fitting(training_at(settings)))
        asking = Asking.of(candidates, budget_of(command.budget), training.task)
        return _point(settings, AlgorithmAt(asked=AskedTraining(asking, training), seeds=training.seeds))

    return _of_points(name, axes, tuple(point(settings) for settings in combinations(axes)))


def _of_points(name: str, axes: Sequence[Axis], points: tuple[Point, ...]) -> Opened:
    return Opened(name, points, {axis.name: axis.values for axis in axes}, (), {}, _rows)


def _point(settings: Settings, study: AbstractStudy) -> Point:
    return Point(settings, PlannedStudy(study, study.placed(), in_words(settings)))


def _rows(settings: Settings, done: Done) -> list[Row]:
    said = done.planned.study.summarise(done.results)
    return [Row(settings, {"index": i, **told}) for i, told in enumerate(said)]


def _told(settings: Settings, make: Any) -> Any:
    """What `make` gives; ValueError, with the point's values, where it refuses them."""
    try:
        return make()
    except ValueError as error:
        raise ValueError(f"{in_words(settings)} is refused: {error}") from error


def _is_list(kind: Any) -> bool:
    return typing.get_origin(kind) is tuple


def _parts(training: Any) -> list[Any]:
    """Where a training's settings lie: how it is trained, its task and what that is made of."""
    found = [training.config, training.task]
    while hasattr(found[-1], "task"):
        found.append(found[-1].task)
    return found


def _kinds_within(training: Any) -> dict[str, type]:
    """Types of the numbers that a training, its task and its model are made with."""
    named = [{each.name: getattr(part, each.name) for each in dataclasses.fields(part)} for part in _parts(training)]
    named.append(training.make_model.keywords)
    return {name: type(value) for each in named for name, value in each.items() if type(value) in (int, float, bool)}


def _changed(training: Any, settings: Mapping[str, Any]) -> Any:
    """The training with settings changed, wherever they lie."""
    for name, value in settings.items():
        training = _with(training, name, value)
    return training


def _with(training: Any, name: str, value: Any) -> Any:
    model = training.make_model
    if name in model.keywords:
        maker = functools.partial(model.func, *model.args, **{**model.keywords, name: value})
        return dataclasses.replace(training, make_model=maker)
    if name in {field.name for field in dataclasses.fields(training.config)}:
        return dataclasses.replace(training, config=dataclasses.replace(training.config, **{name: value}))
    return dataclasses.replace(training, task=_task_with(training.task, name, value))


def _task_with(task: Any, name: str, value: Any) -> Any:
    if name in {field.name for field in dataclasses.fields(task)}:
        return dataclasses.replace(task, **{name: value})
    return dataclasses.replace(task, task=_task_with(task.task, name, value))


def _fitting(training: Any) -> Any:
    """The training; ValueError where its model cannot read prompts of its task."""
    if isinstance(training.task, AbstractTask):
        try:
            model = eqx.filter_eval_shape(training.make_model, key=seed_key(0))
            prompt = eqx.filter_eval_shape(training.task.sample, seed_key(0))
            eqx.filter_eval_shape(lambda model, prompt: model(prompt), model, prompt)
        except (TypeError, ValueError) as error:
            first = (str(error).splitlines() or [""])[0]
            raise ValueError(f"the model cannot read prompts of the task ({first}).") from error
    return training
